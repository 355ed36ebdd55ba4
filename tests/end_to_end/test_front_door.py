"""Every command that writes, found in the command tree: it plans, refuses in read-only, then does what it planned."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pytest
from support.authorities import authority, make
from support.hub import HubRunner, request

from console.cli.main import cli, run
from console.localhub.cloud_factory import give, principal_named
from console.localhub.provisioning_state import EnrollmentRecord, RegistrationRecord
from console.localhub.rbac import CONTRIBUTOR, READER, role_definition
from console.localhub.state import ProvisioningState, RoleAssignment, new_key

jsonschema = pytest.importorskip("jsonschema")
SUBNET = "/virtualNetworks/contoso-vnet/subnets/hubs"


def writing_commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command that has `--yes`."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from writing_commands(found, (*path, name))
    elif any(parameter.name == "yes" for parameter in command.params):
        yield path


SAMPLES: dict[str, tuple[str, ...]] = {
    "access assign": ("IoT Hub Data Reader", "--principal", "{nobody}", "--type", "service-principal"),
    "access create-role": ("--template", "device-operator"),
    "access delete-role": ("Unused",),
    "access roles": ("--lint", "--fix", "--file", "{role_file}"),
    "access unassign": ("{assignment}",),
    "cert delete": ("plants-2025",),
    "cert prove": ("unproven", "--proof", "{proof_file}"),
    "cert register": ("{thumb}", "{device_file}"),
    "cert upload": ("{ca_file}", "--name", "new-ca"),
    "devices create": ("new-press", "--auth", "sas"),
    "devices delete": ("{sas}",),
    "devices disable": ("{sas}",),
    "devices enable": ("{disabled}",),
    "devices rotate-keys": ("{sas}", "--key", "secondary"),
    "devices set-thumbprint": ("{thumb}", "--thumbprint", "ab" * 32, "--stage", "secondary"),
    "dps block": ("fd-presses", "fd-stolen"),
    "dps create": ("fd-new", "--attestation", "symmetric-key"),
    "dps delete": ("fd-off",),
    "dps delete-registration": ("fd-press",),
    "dps disable": ("fd-presses", "--group"),
    "dps enable": ("fd-off",),
    "journal undo": (),
    "network endpoint approve": ("{pending}",),
    "network endpoint create": ("new-endpoint", "--subnet", "{subnet}"),
    "network endpoint delete": ("old-endpoint",),
    "network endpoint reject": ("{pending}",),
    "network endpoint remove": ("{pending}",),
    "network set": ("--add-rule", "lyon-plant=10.20.0.0/16"),
    "policy create": ("deviceManager", "--rights", "RegistryRead,RegistryWrite"),
    "policy delete": ("device",),
    "policy local-auth": ("hub", "off"),
    "policy rotate": ("service",),
    "policy set-rights": ("legacy-all", "--rights", "ServiceConnect"),
    "policy swap": ("service",),
}
"""Arguments for each command that writes."""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(devices=120, history_hours=1, throttle=False) as runner:
        operator = principal_named(runner.cloud, "operator")
        scope = f"/subscriptions/{runner.cloud.subscription_id}"
        runner.cloud.role_assignments["network"] = RoleAssignment("network", operator.object_id, CONTRIBUTOR, scope)
        make_endpoint(runner)
        yield runner


def network_of(hub: HubRunner) -> str:
    group = f"/subscriptions/{hub.cloud.subscription_id}/resourceGroups/{hub.cloud.resource_group}"
    return f"{group}/providers/Microsoft.Network"


def make_endpoint(hub: HubRunner) -> None:
    """Make a private endpoint whose connection waits for approval."""
    link = {"privateLinkServiceId": hub.ready["hub_arm_id"], "groupIds": ["iotHub"]}
    body = {
        "location": hub.cloud.location,
        "properties": {
            "subnet": {"id": f"{network_of(hub)}{SUBNET}"},
            "manualPrivateLinkServiceConnections": [{"name": "to-hub", "properties": link}],
        },
    }
    path = f"{network_of(hub)}/privateEndpoints/old-endpoint?api-version=2024-05-01"
    url = f"{hub.ready['arm_endpoint']}{path}"
    status, _, said = request(url, ca_file=hub.ready["ca_file"], token=hub.token(), method="PUT", body=body)
    assert status == 201, said


@pytest.fixture
def world(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Names for the samples; the hub as it was is put back afterwards."""
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    state, cloud = hub.hub, hub.cloud
    certificates = dict(state.certificates), dict(state.certificate_ders)
    kept = deepcopy((state.resource, state.policies, state.devices, state.private_endpoint_connections))
    endpoints = deepcopy(cloud.private_endpoints)
    roles, held = deepcopy((cloud.role_definitions, cloud.role_assignments))
    service = next(iter(cloud.provisioning.values()))
    enrolled = deepcopy((service.enrollments, service.groups, service.registrations))
    enroll(service)
    pending = state.private_endpoint_connections[0]["name"]
    devices = list(state.devices.values())
    disabled = devices[3]
    disabled.status = "disabled"
    sas = next(one for one in devices if one.auth == "sas" and one is not disabled)
    thumb = next(one for one in devices if one.auth == "selfSigned" and one is not disabled)
    yield {
        "sas": sas.device_id,
        "thumb": thumb.device_id,
        "disabled": disabled.device_id,
        "pending": pending,
        "subnet": f"{network_of(hub)}{SUBNET}",
        **certificate_files(hub, tmp_path, thumb.device_id),
        **access_names(hub, tmp_path),
    }
    cloud.role_definitions, cloud.role_assignments = roles, held
    state.certificates, state.certificate_ders = certificates
    state.resource, state.policies, state.devices, state.private_endpoint_connections = kept
    cloud.private_endpoints = endpoints
    service.enrollments, service.groups, service.registrations = enrolled
    state.network_changed += 1


def enroll(service: ProvisioningState) -> None:
    """Put a disabled enrollment, a group and a registration into a provisioning service."""
    for held, name, status in (
        (service.enrollments, "fd-off", "disabled"),
        (service.groups, "fd-presses", "enabled"),
    ):
        times = dict.fromkeys(("createdDateTimeUtc", "lastUpdatedDateTimeUtc"), "2026-01-02T03:04:05.1234567Z")
        body = {"attestation": {"type": "symmetricKey"}, "provisioningStatus": status, **times}
        body["enrollmentGroupId" if held is service.groups else "registrationId"] = name
        held[name] = EnrollmentRecord(name, body, new_key(), new_key())
    words = {"status": "assigned", "device_id": "fd-press", "operation_id": "5.1.2"}
    service.registrations["fd-press"] = RegistrationRecord("fd-press", "fd-presses", **words)


def access_names(hub: HubRunner, folder: Path) -> dict[str, str]:
    """Make a custom role that nobody has, an assignment, and a file with a role as articles print it."""
    cloud, scope = hub.cloud, hub.ready["hub_arm_id"]
    guid = "33333333-0000-4000-8000-000000000003"
    read = ["Microsoft.Devices/IotHubs/read"]
    cloud.role_definitions[guid] = role_definition(guid, "Unused", "", actions=read, custom=True, scopes=[scope])
    nobody = principal_named(cloud, "nobody").object_id
    printed = {"Name": "Printed", "Actions": ["Microsoft.Devices/IotHubs/devices/*"], "AssignableScopes": [scope]}
    (folder / "role.json").write_text(json.dumps(printed))
    return {
        "nobody": nobody,
        "assignment": give(cloud, nobody, READER, scope).name,
        "role_file": str(folder / "role.json"),
    }


def certificate_files(hub: HubRunner, folder: Path, device_id: str) -> dict[str, str]:
    """Upload a CA, ask for its code, and return files: another CA, a proof with that code, a device's certificate."""
    plants = authority("Unproven CA")
    text = base64.b64encode(plants.der).decode()
    named = f"{hub.ready['hub_arm_id']}/certificates/unproven"
    uploaded = arm(hub, "PUT", named, {"properties": {"certificate": text}})
    asked = arm(hub, "POST", f"{named}/generateVerificationCode", None, {"If-Match": uploaded["etag"]})
    contents = {
        "ca_file": authority("New CA").pem,
        "proof_file": plants.issue(asked["properties"]["verificationCode"]).pem,
        "device_file": make(device_id).pem,
    }
    for name, content in contents.items():
        (folder / f"{name}.pem").write_bytes(content)
    return {name: str(folder / f"{name}.pem") for name in contents}


def arm(hub: HubRunner, method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    """Call the resource manager as the operator; it must work."""
    url = f"{hub.ready['arm_endpoint']}{path}?api-version=2023-06-30"
    status, _, said = request(
        url, ca_file=hub.ready["ca_file"], token=hub.token(), method=method, body=body, headers=headers
    )
    assert status in {200, 201}, said
    return said


def everything(hub: HubRunner) -> Any:
    """Return what a write could change: hub, keys, devices, endpoints, provisioning, certificates."""
    state = hub.hub
    with state.lock, hub.cloud.lock:
        resource = {name: value for name, value in state.resource.items() if name not in {"etag", "systemData"}}
        devices = {
            one.device_id: (one.status, one.status_reason, one.primary_key, one.secondary_key, one.primary_thumbprint,
                            one.secondary_thumbprint, one.auth)
            for one in state.devices.values()
        }  # fmt: skip
        policies = {name: asdict(policy) for name, policy in state.policies.items()}
        others = (state.private_endpoint_connections, hub.cloud.private_endpoints)
        provisioning = {
            name: (one.resource["properties"], one.enrollments, one.groups, sorted(one.registrations))
            for name, one in hub.cloud.provisioning.items()
        }
        certificates = {name: one["properties"]["isVerified"] for name, one in state.certificates.items()}
        access = (hub.cloud.role_definitions, hub.cloud.role_assignments)
        return deepcopy((resource, devices, policies, others, provisioning, certificates, access))


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(hub: HubRunner, capsys: pytest.CaptureFixture[str]) -> Run:
    def invoke(*arguments: str, write: bool = False) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--profile", hub.ready["profile"], *(["--write"] if write else []), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return invoke


def filled(name: str, world: dict[str, str]) -> list[str]:
    return [*name.split(), *(argument.format(**world) for argument in SAMPLES[name])]


def test_every_command_that_writes_has_a_sample() -> None:
    assert {" ".join(path) for path in writing_commands(cli)} == set(SAMPLES)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_it_plans_then_refuses_then_does_it(name: str, hub: HubRunner, world: dict[str, str], call: Run) -> None:
    from console.cli.schemas import SCHEMAS

    if name == "journal undo":  # something to undo
        assert call("network", "set", "--add-rule", "lyon-plant=10.20.0.0/16", "--yes", write=True)[0] == 0
    arguments = filled(name, world)
    before = everything(hub)

    code, out, err = call(*arguments)
    assert code == 0, err
    assert "Nothing was changed" in err
    assert everything(hub) == before

    code, out, err = call(*arguments, "--json", write=True)
    plan = json.loads(out)
    jsonschema.validate(plan, SCHEMAS["plan"])
    assert (code, plan["applied"]) == (0, False)
    assert everything(hub) == before

    code, _, err = call(*arguments, "--yes")
    assert code == 1
    assert "read-only" in err
    assert "--write" in err
    assert everything(hub) == before

    blocking = [risk["id"] for risk in plan["risks"] if risk["blocking"]]
    if blocking:
        code, _, err = call(*arguments, "--yes", write=True)
        assert code == 1
        assert blocking[0] in err
        assert everything(hub) == before
    accept = [part for risk in blocking for part in ("--accept", risk)]
    code, out, err = call(*arguments, "--yes", "--json", *accept, write=True)
    done = json.loads(out)
    jsonschema.validate(done, SCHEMAS["plan"])
    assert (code, done["applied"]) == (0, True), (out, err)
    assert everything(hub) != before

    code, out, err = call("journal", "list", "--json")
    newest = next(item for item in json.loads(out)["items"] if item["result"] != "read")
    assert newest["result"] == "applied"
    for key in secrets(hub):
        assert key not in out


def secrets(hub: HubRunner) -> list[str]:
    state = hub.hub
    service = next(iter(hub.cloud.provisioning.values()))
    held = [*state.policies.values(), *service.enrollments.values(), *service.groups.values()]
    keys = [key for one in held for key in (one.primary_key, one.secondary_key) if key]
    return keys + [one.primary_key for one in state.devices.values() if one.primary_key]


def test_no_key_reaches_the_state_folder(hub: HubRunner, world: dict[str, str], call: Run, tmp_path: Path) -> None:
    keys = secrets(hub)
    call("policy", "delete", "device", "--yes", write=True)
    call("devices", "rotate-keys", world["sas"], "--key", "both", "--yes", "--accept", "both-keys", write=True)
    call("policy", "list")
    keys += secrets(hub)
    stored = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    assert stored
    assert not [key for key in keys if key.encode() in stored]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("network", "set", "--add-rule", "ly/on=10.20.0.0/16"), "“/” at place 3"),
        (("network", "set", "--add-rule", "lyon=10.20.0.0/33"), "/33 is out of range"),
        (("network", "set", "--add-rule", "lyon=fd00::/8"), "IPv6"),
        (("network", "set", "--remove-rule", "nobody"), "nobody"),
        (("network", "set", "--public-access", "off"), "enabled"),
        (("policy", "create", "dev ops", "--rights", "ServiceConnect"), "space"),
        (("policy", "create", "ops", "--rights", "Everything"), "Everything"),
        (("policy", "create", "SERVICE", "--rights", "ServiceConnect"), "service"),
        (("devices", "create", "a/b", "--auth", "sas"), "/"),
        (("devices", "disable", "no-such-device"), "no-such-device"),
        (("journal", "undo", "nothing"), "nothing"),
        (("cert", "upload", "{device_file}", "--name", "plants"), "no CA"),
        (("cert", "upload", "{ca_file}", "--name", "a/b"), "“/”"),
        (("cert", "upload", "{ca_file}", "--name", "unproven"), "another certificate"),
        (("cert", "prove", "unproven", "--proof", "{ca_file}"), "CN=New CA"),
        (("cert", "prove", "unproven", "--code", "--offline"), "one of --ca"),
        (("cert", "delete", "nobody"), "nobody"),
        (("dps", "disable", "nobody"), "nobody"),
        (("dps", "create", "fd-off", "--attestation", "symmetric-key"), "has it already"),
        (("dps", "create", "press_", "--attestation", "symmetric-key"), "no registration id"),
        (("dps", "block", "fd-presses", "fd-off"), "disabled already"),
    ],
)
def test_bad_input_names_what_is_wrong_and_changes_nothing(
    hub: HubRunner, world: dict[str, str], call: Run, arguments: tuple[str, ...], words: str
) -> None:
    before = everything(hub)
    code, _, err = call(*(argument.format(**world) for argument in arguments), "--yes", write=True)
    assert code in {1, 2}
    assert words in err
    assert "Traceback" not in err
    assert everything(hub) == before


def test_an_export_goes_into_a_new_private_file_only(call: Run, world: dict[str, str], tmp_path: Path) -> None:
    call("devices", "disable", world["sas"], "--yes", write=True)
    there = tmp_path / "rows.jsonl"
    assert call("journal", "export", "--out", str(there))[0] == 0
    assert [json.loads(line)["kind"] for line in there.read_text().splitlines()] == ["intent", "outcome"]
    assert there.stat().st_mode & 0o077 == 0
    assert call("journal", "export", "--out", str(there))[0] == 2, "it is there already"
    assert call("journal", "export", "--out", str(tmp_path / "none" / "rows.jsonl"))[0] == 2
    assert not (tmp_path / "none").exists()

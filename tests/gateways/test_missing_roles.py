"""After a refusal by the local hub: which role is missing, whether that is it, who gives it, and how."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from support.access import person, services_as
from support.hub import HubRunner

from console.localhub import rbac as hub_side
from console.model.change import Consent
from console.model.device_order import NewDevice
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import IpRule
from console.model.network import NetworkEdit
from console.model.shell import shell_word
from console.services.access_help import advice
from console.services.bundle import Services
from console.services.ports import Cancel

H = "Microsoft.Devices/IotHubs"
DPS = "Microsoft.Devices/provisioningServices"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=0, throttle=False) as runner:
        yield runner


def services_with(hub: HubRunner, folder: Path, *roles: str) -> Services:
    """Services of somebody new who has these roles on the hub."""
    return services_as(hub, folder, person(hub, f"p-{uuid4()}", *((role, hub.hub.arm_id) for role in roles)))


def look_at_devices(services: Services) -> object:
    return services.session.registry.query("SELECT * FROM devices")


def make_a_device(services: Services) -> object:
    return apply(services, services.changes.devices.create(NewDevice("fresh")))


def open_a_range(services: Services) -> object:
    return apply(services, services.changes.network.plan(NetworkEdit(add=(IpRule("lyon", "10.20.0.0/16"),))))


def apply(services: Services, change: object) -> None:
    outcome = services.changes.gate.apply(change, Consent(frozenset(risk.id for risk in change.risks)))  # type: ignore
    assert outcome.error is not None, outcome.message
    raise outcome.error


def told(services: Services, call: Callable[[Services], object]) -> tuple[ConsoleError, dict[str, str]]:
    with pytest.raises(ConsoleError) as caught:
        call(services)
    return caught.value, dict(advice(services.access, caught.value))


CASES: dict[str, tuple[tuple[str, ...], Callable[[Services], object], str, str]] = {
    "contributor sees devices": (
        (hub_side.CONTRIBUTOR,),
        look_at_devices,
        "IoT Hub Data Reader on the hub contoso-plants; it grants Microsoft.Devices/IotHubs/twins/read",
        "it is a data operation, and Contributor grants actions only",
    ),
    "owner makes a device": (
        (hub_side.OWNER,),
        make_a_device,
        "IoT Hub Data Reader on the hub contoso-plants; it grants Microsoft.Devices/IotHubs/devices/read",
        "it is a data operation, and Owner grants actions only",
    ),
    "data reader makes a device": (
        (hub_side.READER, hub_side.IOT_HUB_DATA_READER),
        make_a_device,
        "IoT Hub Registry Contributor on the hub contoso-plants; it grants Microsoft.Devices/IotHubs/devices/write",
        "IoT Hub Data Reader, Reader does not grant it",
    ),
    "reader changes the hub": (
        (hub_side.READER,),
        open_a_range,
        "Contributor on the hub contoso-plants; it grants Microsoft.Devices/IotHubs/write",
        "Reader does not grant it",
    ),
    "reader lists keys": (
        (hub_side.READER,),
        lambda services: services.changes.policies.read_keys(),
        "Contributor on the hub contoso-plants; it grants Microsoft.Devices/IotHubs/listkeys/action",
        "Reader does not grant it",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_missing_role_is_named_with_why_the_others_do_not_do(hub: HubRunner, tmp_path: Path, case: str) -> None:
    roles, call, missing, because = CASES[case]
    services = services_with(hub, tmp_path, *roles)
    _, found = told(services, call)
    assert (found["missing role"], found["because"]) == (missing, because)
    name, me = missing.partition(" on ")[0], services.access.me()
    assert found["for them"].startswith(
        f"hubwarden --write access assign {shell_word(name)} --principal {me} --type service-principal --yes"
    )
    assert ("you (Owner)" if "owner" in case else "(User Access Administrator)") in found["who gives it"]


def test_with_the_role_that_was_named_it_works(hub: HubRunner, tmp_path: Path) -> None:
    """The command that the advice gives is carried out by the operator, as it stands."""
    services = services_with(hub, tmp_path, hub_side.CONTRIBUTOR)
    _, found = told(services, look_at_devices)
    role, _, principal, _, kind, _ = shlex.split(found["for them"])[4:]
    operator = services_as(hub, tmp_path)
    plan = operator.access.plan_assign(role, principal, kind)
    assert operator.changes.gate.apply(plan, Consent(frozenset(risk.id for risk in plan.risks))).applied
    look_at_devices(services)


def test_data_reader_alone_sees_devices_and_hears_what_the_hub_needs(hub: HubRunner, tmp_path: Path) -> None:
    """Without a role on the control plane nothing of roles can be read: then it is not said to be certain."""
    services = services_with(hub, tmp_path, hub_side.IOT_HUB_DATA_READER)
    look_at_devices(services)
    _, found = told(services, lambda one: one.changes.network.read())
    assert found["missing role"].endswith("if that is the cause; it grants Microsoft.Devices/IotHubs/read")
    assert "who has these roles could not be read" in found["who gives it"]


def test_a_wide_role_has_a_narrower_one_beside_it(hub: HubRunner, tmp_path: Path) -> None:
    _, found = told(services_with(hub, tmp_path, hub_side.READER), open_a_range)
    assert "create-role --template network-responder" in found["or narrower"]


def test_a_role_on_another_resource_is_given_there(hub: HubRunner, tmp_path: Path) -> None:
    dps = next(iter(hub.cloud.provisioning.values()))
    one = person(hub, f"p-{uuid4()}", (hub_side.READER, f"/subscriptions/{hub.cloud.subscription_id}"))
    services = services_as(hub, tmp_path, one)

    def enrollments(services: Services) -> None:
        list(services.dps._reader.enrollments(services.dps.instance()))

    error, found = told(services, enrollments)
    assert (error.operation, error.scope, error.data) == (f"{DPS}/enrollments/read", dps.arm_id, True)
    assert found["missing role"].startswith("Device Provisioning Service Data Reader on the provisioning service ")
    assert f"--scope {dps.arm_id} --yes" in found["for them"]


def test_what_a_deny_assignment_forbids_no_role_is_missing_for(hub: HubRunner, tmp_path: Path) -> None:
    services = services_with(hub, tmp_path, hub_side.CONTRIBUTOR, hub_side.IOT_HUB_DATA_CONTRIBUTOR)
    hub.cloud.deny_assignments["d"] = {
        "name": "d",
        "properties": {
            "denyAssignmentName": "locked down",
            "scope": hub.hub.arm_id,
            "permissions": [{"actions": [f"{H}/write"]}],
            "principals": [{"id": hub_side.EVERYONE, "type": "SystemDefined"}],
        },
    }
    try:
        _, found = told(services, open_a_range)
    finally:
        hub.cloud.deny_assignments.clear()
    assert list(found) == ["why"]
    assert "the deny assignment locked down forbids it" in found["why"]


@pytest.mark.parametrize("data", [True, False])
def test_a_token_that_is_refused_is_no_missing_role(hub: HubRunner, tmp_path: Path, data: bool) -> None:
    error = ConsoleError(ErrorKind.AUTHENTICATION, "x", status=401, operation=f"{H}/twins/read", data=data)
    assert bool(advice(services_as(hub, tmp_path).access, error)) is data


def test_asking_can_be_stopped(hub: HubRunner, tmp_path: Path) -> None:
    services, cancel = services_with(hub, tmp_path, hub_side.READER), Cancel()
    with pytest.raises(ConsoleError) as caught:
        open_a_range(services)
    cancel.cancel()
    with pytest.raises(ConsoleError) as stopped:
        advice(services.access, caught.value, cancel)
    assert stopped.value.kind is ErrorKind.CANCELLED
    assert "missing role" in dict(advice(services.access, caught.value))  # and nothing of it was kept

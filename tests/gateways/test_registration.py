"""Registrations run against the local hub's provisioning service: let in, turned away for each cause, the command."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.authorities import DAY, Holder, authority, make
from support.hub import HubRunner
from support.provisioning import GROUP, hub, made, runner, service_of, services  # noqa: F401

from console.cli.main import run as command_line
from console.cli.schemas import SCHEMAS
from console.gateways.registration import RegistrarGateway
from console.model.enrollment import Attestation
from console.model.errors import ConsoleError, ErrorKind
from console.model.registration import RegistrationOrder, RegistrationResult, Step, StepState
from console.model.secret import Secret
from console.services.bundle import Services
from console.services.registration import Registering

KEY, X509 = Attestation.SYMMETRIC_KEY, Attestation.X509
OTHER_KEY = "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyISE="
ROOT = authority("Lyon root")
MIDDLE = ROOT.issue("Lyon presses", ca=True)
Run = Callable[..., RegistrationResult]


@pytest.fixture(autouse=True)
def quick(hub: HubRunner) -> None:
    """Let the service decide at once."""
    assert hub.server.world is not None
    hub.server.world.desk.poll_after = 0
    service_of(hub).resource["properties"]["ipFilterRules"] = []


@pytest.fixture
def run(services: Services) -> Run:
    """Run a registration with the demo's own service, and look there for the reason when it is refused."""
    instance = services.dps.instance()

    def call(name: str, how: Attestation = KEY, *, scope: str = instance.id_scope, **more: Any) -> RegistrationResult:
        told: list[Step] = []
        order = RegistrationOrder(scope, name, how, instance.device_host, **more)
        result = services.registering.run(order, told.append, adviser=services.dps.adviser(instance))
        assert tuple({step.number: step for step in told}.values()) == result.steps
        return result

    return call


def keys_of(hub: HubRunner, name: str, *, group: bool = False) -> tuple[Secret, Secret]:
    service = service_of(hub)
    record = (service.groups if group else service.enrollments)[name]
    assert record.primary_key
    assert record.secondary_key
    return Secret(record.primary_key), Secret(record.secondary_key)


def trusted(hub: HubRunner, name: str, one: Holder) -> None:
    """Upload a CA to the service, its possession proven."""
    service = service_of(hub)
    service.certificates[name] = {"name": name, "properties": {"isVerified": True}}
    service.certificate_ders[name] = one.der


def pem(folder: Path, *holders: Holder, key: bool = True) -> str:
    """Write a certificate with those above it, and its key, into one file."""
    content = b"".join(one.pem for one in holders) + (holders[0].key_bytes() if key else b"")
    path = folder / "device.pem"
    path.write_bytes(content)
    return str(path)


# --- let in ---------------------------------------------------------------------------------------------------------


def test_by_its_own_key_and_by_one_derived_from_the_groups(hub: HubRunner, services: Services, run: Run) -> None:
    made(services, "press-1")
    made(services, "presses", GROUP)
    first, second = keys_of(hub, "press-1")
    for key in (first, second):
        assert run("press-1", key=key).assigned
    result = run("Press-7", group_key=keys_of(hub, "presses", group=True)[0])
    assert result.assigned
    device = hub.hub.devices["Press-7"]
    assert (device.auth, result.connection) == ("sas", f"HostName={hub.hub.host};DeviceId=Press-7")
    assert [step.title for step in result.steps] == ["Key ready", "Connected", "Registration taken", "Assigned"]
    shown = repr(result) + "".join(step.detail for step in result.steps)
    assert device.primary_key
    assert device.primary_key not in shown


def test_by_certificate_alone_and_by_a_chain(hub: HubRunner, services: Services, run: Run, tmp_path: Path) -> None:
    lathe = make("lathe-1")
    made(services, "lathe-1", attestation=X509, certificates=(lathe.pem,))
    (tmp_path / "locked.pem").write_bytes(lathe.key_bytes(passphrase="open sesame"))
    files = {"certificate": pem(tmp_path, lathe, key=False), "private_key": str(tmp_path / "locked.pem")}
    assert run("lathe-1", X509, **files, passphrase=Secret("open sesame")).assigned
    for passphrase, words in ((None, "no passphrase is given"), (Secret("sesame"), "the passphrase is wrong")):
        with pytest.raises(ConsoleError, match=words) as caught:
            run("lathe-1", X509, **files, passphrase=passphrase)
        assert caught.value.code == "passphrase"
    trusted(hub, "lyon", ROOT)
    made(services, "presses", GROUP, attestation=X509, ca_names=("lyon",))
    result = run("press-3", X509, certificate=pem(tmp_path, MIDDLE.issue("press-3"), MIDDLE))
    assert result.assigned
    assert result.connection.endswith(";DeviceId=press-3;x509=true")
    assert "2 certificates shown" in result.steps[0].detail


def test_through_a_proxy_under_the_real_name_with_a_payload(hub: HubRunner, services: Services) -> None:
    made(services, "press-1")
    through = RegistrarGateway(ca_file=hub.ready["ca_file"], proxy=hub.ready["proxy"])
    host = "global.azure-devices-provisioning.net"
    order = RegistrationOrder(hub.ready["id_scope"], "press-1", KEY, host, keys_of(hub, "press-1")[0], payload={"a": 1})
    assert Registering(through, lambda: pytest.fail("no TPM")).run(order).assigned


# --- turned away ----------------------------------------------------------------------------------------------------


def _blocked(hub: HubRunner) -> None:
    rule = {"filterName": "nobody", "action": "Reject", "ipMask": "127.0.0.0/8", "target": "deviceApi"}
    service_of(hub).resource["properties"]["ipFilterRules"] = [rule]


def _disabled(hub: HubRunner, name: str, group: bool) -> None:
    service = service_of(hub)
    (service.groups if group else service.enrollments)[name].body["provisioningStatus"] = "disabled"


def test_each_refusal_by_key_names_its_cause(hub: HubRunner, services: Services, run: Run) -> None:
    made(services, "press-1")
    made(services, "presses", GROUP)
    made(services, "gateway-1", attestation=X509, certificates=(make("gateway-1").pem,))
    own, group = keys_of(hub, "press-1")[0], keys_of(hub, "presses", group=True)[0]
    wrong = Secret(OTHER_KEY)

    def cause(result: RegistrationResult) -> str:
        assert not result.assigned
        assert result.problem is not None
        assert any(step.state is StepState.FAILED for step in result.steps)
        return result.problem.sentence()

    assert "neither of the two of its own enrollment" in cause(run("press-1", key=wrong))
    assert "an enrollment of its own with keys of its own" in cause(run("press-1", group_key=group))
    assert "derived from none of the groups' (presses)" in cause(run("press-2", group_key=wrong))
    assert "is by X.509, and it registered by symmetric key" in cause(run("gateway-1", key=wrong))
    assert "has the ID scope 0ne0000FFFF" in cause(run("press-1", key=own, scope="0ne0000FFFF"))
    _disabled(hub, "press-1", group=False)
    _disabled(hub, "presses", group=True)
    told = cause(run("press-1", key=own))
    assert "its own enrollment is disabled" in told
    assert "hubwarden dps enable press-1" in told
    assert "the group presses is disabled" in cause(run("press-2", group_key=group))
    _blocked(hub)
    assert "shuts out this machine's address 127.0.0.1 (rule “nobody”)" in cause(
        run_from(services, "press-1", own, "127.0.0.1")
    )
    assert "or an IP filter" in cause(run_from(services, "press-1", own, ""))  # without a profile nobody can look


def run_from(services: Services, name: str, key: Secret, own_address: str) -> RegistrationResult:
    """Run a registration; the profile tells the machine's own address, or there is no profile."""
    instance = services.dps.instance()
    services.changes.own_address = own_address
    order = RegistrationOrder(instance.id_scope, name, KEY, instance.device_host, key)
    return services.registering.run(order, adviser=services.dps.adviser(instance) if own_address else None)


def test_each_refusal_by_certificate_names_its_cause(
    hub: HubRunner, services: Services, run: Run, tmp_path: Path
) -> None:
    trusted(hub, "lyon", ROOT)
    made(services, "presses", GROUP, attestation=X509, ca_names=("lyon",))
    made(services, "lathe-1", attestation=X509, certificates=(make("lathe-1").pem,))

    def cause(name: str, *chain: Holder) -> str:
        problem = run(name, X509, certificate=pem(tmp_path, *chain)).problem
        assert problem is not None
        return problem.sentence()

    assert "its certificate expired on " in cause("press-1", MIDDLE.issue("press-1", end=-DAY / 2), MIDDLE)
    assert "valid from " in cause("press-1", MIDDLE.issue("press-1", start=DAY), MIDDLE)
    assert "is “press-1”, and it must be the registration id" in cause("press-2", MIDDLE.issue("press-1"), MIDDLE)
    assert "Show the whole chain" in cause("press-1", MIDDLE.issue("press-1"))
    stranger = authority("Stranger")
    assert "CA of none of the groups (presses)" in cause("press-1", stranger.issue("press-1"), stranger)
    assert "its enrollment has the certificate " in cause("lathe-1", make("lathe-1"))


def test_files_that_are_no_certificate_are_named_before_anybody_is_asked(run: Run, tmp_path: Path) -> None:
    leaf = make("press-1")
    keyless, noise = tmp_path / "leaf.pem", tmp_path / "noise"
    keyless.write_bytes(leaf.pem)
    noise.write_bytes(bytes(range(256)))
    other = tmp_path / "other.pem"
    other.write_bytes(make("press-1").key_bytes())
    sealed, old, small = tmp_path / "leaf.p12", tmp_path / "old.pem", make("press-1", kind="rsa-1024")
    sealed.write_bytes(leaf.p12("secret"))
    mine, ca = tmp_path / "mine.pem", pem(tmp_path, ROOT)
    mine.write_bytes(leaf.key_bytes())
    request = ["openssl", "req", "-new", "-key", str(mine), "-subj", "/CN=press-1"]
    asked = subprocess.run(request, check=True, capture_output=True).stdout
    sign = ["openssl", "x509", "-req", "-sha1", "-CA", ca, "-CAkey", ca, "-set_serial", "7"]
    old.write_bytes(subprocess.run(sign, input=asked, check=True, capture_output=True).stdout)
    for files, words in (
        ((str(sealed), ""), "is PKCS#12, and only PEM can be shown"),
        ((pem(tmp_path, small), ""), "for too small a key"),
        ((str(old), str(mine)), "signed with too weak a hash"),
        ((str(noise), ""), "could not be read as certificates"),
        ((str(keyless), ""), "no certificate and key in PEM form"),
        ((str(keyless), str(other)), "is not the one of the certificate"),
        ((str(keyless), str(tmp_path / "none")), "no such file"),
    ):
        with pytest.raises(ConsoleError, match=words):
            run("press-1", X509, certificate=files[0], private_key=files[1])


# --- trouble on the way ---------------------------------------------------------------------------------------------


def test_trouble_of_the_way_and_of_the_service_is_told_apart(hub: HubRunner, services: Services) -> None:
    made(services, "press-1")
    key = keys_of(hub, "press-1")[0]

    def problem(host: str, **more: str) -> ConsoleError:
        registering = Registering(RegistrarGateway(**more), lambda: pytest.fail("no TPM"))
        result = registering.run(RegistrationOrder(hub.ready["id_scope"], "press-1", KEY, host, key))
        assert result.problem is not None
        return result.problem

    roots = {"ca_file": hub.ready["ca_file"]}
    assert problem(hub.ready["dps_host"]).kind is ErrorKind.TLS  # the public roots do not know it
    assert problem("localhost:1", **roots).kind is ErrorKind.NETWORK
    assert "proxy" in problem("example.org", proxy=hub.ready["proxy"], **roots).why  # it lets nobody through to there
    hub.faults.add("assignment-fails", endpoint="dps", count=1)
    assert problem(hub.ready["dps_host"], **roots).kind is ErrorKind.SERVICE
    with pytest.raises(ConsoleError, match="is no host name"):
        problem("a b/c", **roots)


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def command(
    hub: HubRunner, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def call(*arguments: str, stdin: str = "", profile: bool = True) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        first = ["--profile", hub.ready["profile"]] if profile else []
        code = command_line([*first, "dps", "register", *arguments])
        out, err = capsys.readouterr()
        service = service_of(hub)
        held = [*service.enrollments.values(), *service.groups.values(), *hub.hub.devices.values()]
        assert not [one for one in held if one.primary_key and one.primary_key in out + err]
        return code, out, err

    yield call


def document(said: str) -> Any:
    found = json.loads(said)
    jsonschema.validate(found, SCHEMAS["registration_run"])
    return found


def test_the_command_shows_every_step_and_reads_a_key_only_where_asked(
    hub: HubRunner, services: Services, command: Any
) -> None:
    made(services, "press-1")
    made(services, "presses", GROUP)
    code, out, err = command("--registration-id", "press-2", "--group", "presses", "--reason", "ticket 7")
    assert (code, err) == (0, "")
    assert [line[:4] for line in out.splitlines()[:4]] == ["✓  1", "✓  2", "✓  3", "✓  4"]
    assert f"HostName={hub.hub.host};DeviceId=press-2" in out
    code, out, _ = command("--registration-id", "press-1", "--read-key", "--json")
    assert (code, document(out)["assigned"], document(out)["problem"]) == (0, True, None)
    code, out, err = command("--registration-id", "press-1", "--key-stdin", "--json", stdin=OTHER_KEY)
    assert (code, err) == (1, "")
    assert "neither of the two" in document(out)["problem"]["cause"]
    reads = {entry.title: entry.reason for entry in services.changes.journal.entries() if "keys of" in entry.title}
    assert reads == {
        "keys of enrollment group presses of contoso-dps, to derive the key of press-2": "ticket 7",
        "keys of enrollment press-1 of contoso-dps": "to run the registration of press-1",
    }


def test_without_a_profile_scope_host_and_roots_will_do(hub: HubRunner, services: Services, command: Any) -> None:
    made(services, "presses", GROUP)
    where = ("--id-scope", hub.ready["id_scope"], "--host", hub.ready["dps_host"], "--ca-file", hub.ready["ca_file"])
    key = keys_of(hub, "presses", group=True)[0].reveal()
    code, out, _ = command("--registration-id", "p-9", "--group-key-stdin", *where, stdin=key, profile=False)
    assert (code, "Assigned: device p-9" in out) == (0, True)
    code, _, err = command("--registration-id", "p-9", "--key-stdin", *where, stdin=OTHER_KEY, profile=False)
    assert (code, "the service does not tell which" in err) == (1, True)


def test_a_profile_marked_readonly_registers_nobody(hub: HubRunner, tmp_path: Path, command: Any) -> None:
    text = Path(hub.ready["profile"]).read_text().replace("[profiles.demo]\n", "[profiles.demo]\nreadonly = true\n")
    (tmp_path / "pinned.toml").write_text(text)
    arguments = ["--profile", str(tmp_path / "pinned.toml"), "dps", "register", "--registration-id", "x", "--key-stdin"]
    assert command_line(arguments) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "registration id is missing"),
        (("--registration-id", "x", "--tpm", "--key-stdin"), "exclude each other"),
        (("--registration-id", "x", "--key-stdin", "--group", "g"), "exclude each other"),
        (("--registration-id", "x", "--private-key", "f"), "belongs to a certificate"),
        (("--registration-id", "x", "--token-ttl", "60"), "belong to --tpm"),
        (("--tpm", "--token-ttl", "0"), "lasts no time"),
        (("--registration-id", "x y", "--key-stdin"), "no registration id"),
        (("--registration-id", "x", "--key-stdin", "--id-scope", "?"), "no ID scope"),
        (("--registration-id", "x", "--key-stdin", "--payload", "{profile}"), "not JSON"),
        (("--registration-id", OTHER_KEY), "never taken from an argument"),
        (("--registration-id", "x", "--key-stdin", "--service", "contoso-dps", "--id-scope", "0ne0000FFFF"), "another"),
        (("--registration-id", "x", "--key-stdin", "--proxy", "socks://x"), "must begin with http://"),
    ],
)
def test_wrong_usage_is_said_in_one_sentence(
    hub: HubRunner, command: Any, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = command(*(one.format(**hub.ready) for one in arguments), stdin=OTHER_KEY)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1

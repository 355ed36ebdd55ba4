"""This machine's TPM, played by swtpm: a registration by it, and what is said where there is none or it will not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from support.hub import HubRunner
from support.provisioning import hub, made, runner, service_of, services  # noqa: F401
from support.tpm import EK, SRK, SoftwareTpm, needs_software_tpm

from console.cli.main import run as command_line
from console.gateways.tpm import IDENTITY_KEY, Tpm
from console.gateways.tpm_tools import TpmTools
from console.localhub.provisioning_tpm import authentication_key, read_storage_key
from console.model.enrollment import Attestation
from console.model.errors import ConsoleError, ErrorKind
from console.model.registration import RegistrationOrder, RegistrationResult
from console.services.bundle import Services
from console.services.ports import NEVER_CANCELLED, Cancel

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def chip() -> Iterator[SoftwareTpm]:
    with SoftwareTpm() as one:
        yield one


def left_in(chip: SoftwareTpm) -> dict[str, bytes]:
    """Return what is in a TPM that was not there when it was new."""
    kinds = ("transient", "loaded-session", "saved-session", "persistent")
    return {kind: said for kind in kinds if (said := chip.run("tpm2_getcap", f"handles-{kind}").strip())}


def wrapped(tpm: Tpm, key: bytes = KEY) -> bytes:
    """Wrap a key for a TPM as the service does."""
    public = (base64.b64decode(one) for one in (tpm.endorsement_key(), tpm.storage_root_key()))
    return authentication_key(*map(read_storage_key, public), key, "0ne00000000/registrations/press-1")


@needs_software_tpm
def test_keys_are_opened_and_used_inside_and_nothing_stays(chip: SoftwareTpm) -> None:
    with Tpm(chip.tcti) as tpm:
        first = tpm.activate(wrapped(tpm))
        second = tpm.activate(wrapped(tpm, KEY[::-1]))
        for size in (0, 60, 3000):  # beyond 1,024 bytes it is a sequence
            data = b"x" * size
            assert tpm.sign(first, data) == hmac.digest(KEY, data, "sha256")
            assert tpm.sign(second, data) == hmac.digest(KEY[::-1], data, "sha256")
        folder = tpm._tools.folder
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not any(KEY in file.read_bytes() for file in folder.iterdir())
        assert not (folder / "wrapping").exists()
        assert "IBM" in tpm.describe()
    assert not folder.exists()
    assert left_in(chip) == {}


@needs_software_tpm
def test_the_endorsement_key_is_always_the_same_also_where_it_stands_for_good(chip: SoftwareTpm) -> None:
    with Tpm(chip.tcti) as tpm:
        made_anew = tpm.endorsement_key()
    with SoftwareTpm() as other:
        assert base64.b64encode(other.endorsement_key()).decode() != made_anew  # another machine's
        other.storage_root_key()
        with Tpm(other.tcti) as tpm:
            blob = wrapped(tpm)
            assert tpm.sign(tpm.activate(blob), b"m") == hmac.digest(KEY, b"m", "sha256")
            with Tpm(chip.tcti) as stranger, pytest.raises(ConsoleError, match="wrapped for another TPM"):
                stranger.activate(blob)
        assert left_in(other)["persistent"].split() == [b"-", SRK.encode(), b"-", EK.encode()]
    assert left_in(chip) == {}


@needs_software_tpm
def test_a_key_is_kept_only_where_that_is_asked_for_and_a_newer_one_takes_its_place() -> None:
    with SoftwareTpm() as chip:
        for key in (KEY, KEY[::-1]):
            with Tpm(chip.tcti) as tpm:
                assert tpm.activate(wrapped(tpm, key), keep=True) == IDENTITY_KEY
            assert chip.run("tpm2_hmac", "-c", IDENTITY_KEY, "-g", "sha256", data=b"m") == hmac.digest(
                key, b"m", "sha256"
            )
            chip.flush()
        assert left_in(chip) == {"persistent": f"- {IDENTITY_KEY}".encode()}


# --- a registration -------------------------------------------------------------------------------------------------


@pytest.fixture
def here(chip: SoftwareTpm, hub: HubRunner, monkeypatch: pytest.MonkeyPatch) -> SoftwareTpm:
    """The TPM is this machine's; the service decides at once and hears everybody."""
    monkeypatch.setenv("TPM2TOOLS_TCTI", chip.tcti)
    assert hub.server.world is not None
    hub.server.world.desk.poll_after = 0
    service_of(hub).resource["properties"]["ipFilterRules"] = []
    return chip


def registered(services: Services, name: str = "robot-1", **more: Any) -> RegistrationResult:
    instance = services.dps.instance()
    order = RegistrationOrder(instance.id_scope, name, Attestation.TPM, instance.device_host, **more)
    return services.registering.run(order, adviser=services.dps.adviser(instance))


def opens(hub: HubRunner, device_id: str, token: str) -> bool:
    """Say whether a token is signed with the key that the device has in the hub."""
    fields = {name: values[0] for name, values in parse_qs(token.removeprefix("SharedAccessSignature ")).items()}
    signed = "&".join(token.partition(" ")[2].split("&")[:1]).removeprefix("sr=")
    key = base64.b64decode(hub.hub.devices[device_id].primary_key or "")
    wanted = hmac.new(key, f"{signed}\n{fields['se']}".encode(), hashlib.sha256).digest()
    return base64.b64decode(fields["sig"]) == wanted and fields["sr"] == f"{hub.hub.host}/devices/{device_id}"


@needs_software_tpm
def test_a_registration_by_tpm_ends_with_a_token_that_the_hub_takes(
    here: SoftwareTpm, hub: HubRunner, services: Services
) -> None:
    made(services, "robot-1", attestation=Attestation.TPM, endorsement_key=services.registering.endorsement_key())
    result = registered(services, token_ttl=600)
    assert result.assigned, result.problem
    assert result.token is not None
    assert opens(hub, "robot-1", result.token.reveal())
    assert [step.title for step in result.steps] == [
        "TPM read",
        "Connected",
        "Challenged",
        "Challenge opened in the TPM",
        "Signed in the TPM",
        "Registration taken",
        "Assigned",
        "Hub's key opened in the TPM",
        "Signed for the hub in the TPM",
    ]
    assert left_in(here) == {}


@needs_software_tpm
def test_another_tpm_and_one_that_nobody_enrolled_are_told_apart(here: SoftwareTpm, services: Services) -> None:
    with SoftwareTpm() as other:
        key = base64.b64encode(other.endorsement_key()).decode()
    made(services, "robot-1", attestation=Attestation.TPM, endorsement_key=key)
    problem = registered(services).problem
    assert problem is not None
    assert "another endorsement key than this TPM's" in problem.why
    result = registered(services, "")
    assert result.problem is not None
    assert "it has no enrollment" in result.problem.why
    assert len(result.registration.registration_id) == 52


@needs_software_tpm
def test_the_command_enrolls_this_tpm_and_registers_by_it(
    here: SoftwareTpm, hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    profile = ["--profile", hub.ready["profile"], "--write", "dps"]
    create = ["create", "robot-2", "--attestation", "tpm", "--from-tpm", "--yes"]
    assert command_line([*profile, *create]) == 0
    capsys.readouterr()
    asked = ["register", "--registration-id", "robot-2", "--tpm", "--token-ttl", "15m", "--json"]
    assert command_line([*profile, *asked]) == 0
    said = json.loads(capsys.readouterr().out)
    assert opens(hub, "robot-2", said["token"])
    assert command_line(["sas", "ledger", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)["items"][0]
    assert (entry["resource"], entry["expires"]) == (f"{hub.hub.host}/devices/robot-2", said["token_expires"])


# --- where it does not work -----------------------------------------------------------------------------------------


def refusal(tcti: str = "", cancel: Cancel = NEVER_CANCELLED) -> ConsoleError:
    with Tpm(tcti) as tpm, pytest.raises(ConsoleError) as caught:
        tpm.endorsement_key(cancel)
    return caught.value


def program(folder: Path, text: str, name: str = "tpm2_getcap") -> None:
    """Put a program of tpm2-tools into a folder that says something else than the real one."""
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_no_tools_no_tpm_and_old_tools_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TPM2TOOLS_TCTI", raising=False)
    monkeypatch.delenv("TCTI", raising=False)
    monkeypatch.setattr("console.gateways.tpm_tools.DEVICE", str(tmp_path / "tpmrm0"))
    assert "no TPM answers at" in refusal().why
    (tmp_path / "tpmrm0").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refusal()
    assert error.kind is ErrorKind.NOT_CONFIGURED
    assert "tpm2_getcap of tpm2-tools is not installed" in error.why
    assert "apt install tpm2-tools" in error.hint
    program(tmp_path, 'echo \'tool="tpm2_getcap" version="3.1.3"\'')
    assert "tpm2-tools 3.1 are too old" in refusal().why


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("ERROR:tcti: Failed to open specified TCTI device file /dev/tpmrm0: Permission denied", ErrorKind.PERMISSION),
        ('ERROR: Could not load tcti, got: "swtpm:port=9"', ErrorKind.NOT_CONFIGURED),
        ("ERROR: Esys_CreatePrimary(0x9A2) - tpm:session(1):authorization failure", ErrorKind.PERMISSION),
        ("ERROR: Esys_Load(0x921) - tpm:warn(2.0): in DA lockout mode", ErrorKind.PERMISSION),
        ("ERROR: Esys_Load(0x902) - tpm:warn(2.0): out of memory for object contexts", ErrorKind.CONFLICT),
        ("ERROR: Esys_Load(0x101) - something \x1b[31melse", ErrorKind.SERVICE),
        ("", ErrorKind.SERVICE),
    ],
)
def test_what_the_tools_say_becomes_a_sentence(
    words: str, kind: ErrorKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "words").write_text(words)
    program(tmp_path, f'[ "$1" = --version ] || {{ cat "{tmp_path}/words" >&2; exit 1; }}')
    error = refusal("swtpm:port=9")
    assert error.kind is kind
    assert error.hint
    assert error.sentence().isprintable()


def test_whoever_stops_waiting_stops_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    cancel = Cancel()
    program(tmp_path, f'[ "$1" = --version ] || {{ echo $$ > "{tmp_path}/pid"; exec sleep 600; }}')

    class WhenRunning(Cancel):
        def check(self) -> None:
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
                cancel.cancel()
            cancel.check()

    assert refusal("swtpm:port=9", WhenRunning()).kind is ErrorKind.CANCELLED
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()


@needs_software_tpm
def test_a_tpm_whose_hierarchies_are_locked_says_so() -> None:
    with SoftwareTpm() as chip:
        chip.run("tpm2_changeauth", "-c", "e", "secret")
        chip.run("tpm2_changeauth", "-c", "o", "secret")
        assert "a password protects" in refusal(chip.tcti).why


def test_the_kernels_resource_manager_needs_no_cleaning_up_after() -> None:
    assert TpmTools("device:/dev/tpmrm0").managed
    assert TpmTools("tabrmd:bus_type=system").managed
    assert not TpmTools("device:/dev/tpm0").managed

"""This machine's TPM, played by swtpm: a registration by it, and what is said where there is none or it will not."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import hmac
import io
import json
import os
import socket
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hub import HubRunner
from support.provisioning import hub, made, runner, service_of, services  # noqa: F401
from support.tpm import EK, SRK, SoftwareTpm, needs_software_tpm

from console.cli.main import run as command_line
from console.gateways.tpm import IDENTITY_KEY, Tpm
from console.gateways.tpm_commands import OWNER, ROOT_TEMPLATE, TpmCommands, TpmRefusedError
from console.localhub.provisioning_tpm import authentication_key, read_storage_key
from console.model.enrollment import Attestation
from console.model.errors import ConsoleError, ErrorKind
from console.model.registration import RegistrationOrder, RegistrationResult
from console.services.bundle import Services
from console.services.ports import NEVER_CANCELLED, Cancel

KEY = bytes(range(32))
PLACE = f"{IDENTITY_KEY:#x}"


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
        for key in (KEY, KEY[::-1]):
            handle = tpm.activate(wrapped(tpm, key))
            for data in (b"", b"x" * 60, b"x" * 1024):
                assert tpm.sign(handle, data) == hmac.digest(key, data, "sha256")
        with pytest.raises(ConsoleError, match="it signs 1,024 at once"):
            tpm.sign(handle, b"x" * 1025)
        assert tpm.describe().startswith("IBM SW TPM, firmware ")
        told = tpm.endorsement_key()
    assert left_in(chip) == {}
    chip.run("tpm2_createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
    chip.flush()
    assert told == base64.b64encode(chip.file("ek.pub")).decode()  # the key that tpm2-tools find, too


class Bridge:
    """A device file, a terminal's in truth, whose bytes go to and from a software TPM."""

    def __init__(self, chip: SoftwareTpm) -> None:
        self._ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.path = os.ttyname(theirs)
        self._theirs = theirs
        self._socket = socket.create_connection(("127.0.0.1", int(chip.tcti.rpartition("=")[2])))
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                command = os.read(self._ours, 10)
                while len(command) < int.from_bytes(command[2:6], "big"):
                    command += os.read(self._ours, 4096)
                self._socket.sendall(command)
                answer = self._socket.recv(10)
                while len(answer) < int.from_bytes(answer[2:6], "big"):
                    answer += self._socket.recv(4096)
                os.write(self._ours, answer)

    def close(self) -> None:
        os.close(self._theirs)
        os.close(self._ours)
        self._socket.close()


@needs_software_tpm
def test_the_kernels_device_is_spoken_to_in_one_go_each_way(chip: SoftwareTpm) -> None:
    bridge = Bridge(chip)
    try:
        with Tpm(f"device:{bridge.path}") as tpm:
            handle = tpm.activate(wrapped(tpm))
            assert tpm.sign(handle, b"m") == hmac.digest(KEY, b"m", "sha256")
    finally:
        bridge.close()
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
                assert tpm.activate(wrapped(tpm, key), keep=True) == PLACE
            assert chip.run("tpm2_hmac", "-c", PLACE, "-g", "sha256", data=b"m") == hmac.digest(key, b"m", "sha256")
            chip.flush()
        assert left_in(chip) == {"persistent": f"- {PLACE}".encode()}


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


def refusal(name: str, cancel: Cancel = NEVER_CANCELLED) -> ConsoleError:
    with Tpm(name) as tpm, pytest.raises(ConsoleError) as caught:
        tpm.endorsement_key(cancel)
    assert caught.value.hint
    assert caught.value.sentence().isprintable()
    return caught.value


def test_what_keeps_a_tpm_from_answering_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(f"device:{tmp_path}/tpmrm0")
    assert (error.kind, "no TPM answers at" in error.why) == (ErrorKind.NOT_CONFIGURED, True)
    assert refusal("swtpm:host=127.0.0.1,port=1").kind is ErrorKind.NOT_CONFIGURED
    assert refusal(f"swtpm:path={tmp_path}/none").kind is ErrorKind.NOT_CONFIGURED
    for name in ("tabrmd", "mssim:host=x", "swtpm:port=99999", "\x1b[31m"):
        assert refusal(name).code == "usage"
    monkeypatch.setenv("TPM2TOOLS_TCTI", f"device:{tmp_path}/of-the-environment")
    assert "of-the-environment" in refusal("").why
    assert refusal("device:/dev/null").kind is ErrorKind.BAD_ANSWER

    def denied(number: int) -> Any:
        def call(*_: Any) -> int:
            raise OSError(number, os.strerror(number))

        return call

    monkeypatch.setattr("console.gateways.tpm_link.os.open", denied(errno.EACCES))
    assert "usermod -aG tss" in refusal("device").hint
    monkeypatch.setattr("console.gateways.tpm_link.os.open", denied(errno.EBUSY))
    assert refusal("device").kind is ErrorKind.CONFLICT


@contextlib.contextmanager
def playing(folder: Path, *answers: bytes) -> Iterator[str]:
    """Play a TPM that gives these answers, and none after them; give its name."""
    path = folder / "tpm.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for answer in answers:
                    connection.recv(4096)
                    connection.sendall(answer)
                with contextlib.suppress(OSError):
                    while connection.recv(4096):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"swtpm:path={path}"
        thread.join(10)
    assert not thread.is_alive()


def answered(code: int, tag: int = 0x8001, body: bytes = b"") -> bytes:
    return tag.to_bytes(2, "big") + (10 + len(body)).to_bytes(4, "big") + code.to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (answered(0x9A2), ErrorKind.PERMISSION, "a password protects"),
        (answered(0x921), ErrorKind.PERMISSION, "locked itself"),
        (answered(0xB0902), ErrorKind.CONFLICT, "no room left"),  # as the kernel's resource manager says it
        (answered(0x100), ErrorKind.SERVICE, "was not started"),
        (answered(0x101), ErrorKind.SERVICE, "0x101"),
        (answered(0, 0x00C4), ErrorKind.NOT_CONFIGURED, "TPM 1.2"),
        (answered(0), ErrorKind.BAD_ANSWER, "cut short"),
        (answered(0, 0x1234), ErrorKind.BAD_ANSWER, "not what a TPM 2.0 answers"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ErrorKind.CANCELLED, ""),  # its size is never reached
    ],
)
def test_what_a_tpm_refuses_becomes_a_sentence(answer: bytes, kind: ErrorKind, words: str, tmp_path: Path) -> None:
    with playing(tmp_path, answer) as name:
        error = stopped(name) if kind is ErrorKind.CANCELLED else refusal(name)
    assert error.kind is kind
    assert words in error.why


class Impatient(Cancel):
    """Somebody who waits for so many slices of time."""

    def __init__(self, slices: int = 3) -> None:
        super().__init__()
        self._left = slices

    def check(self) -> None:
        self._left -= 1
        if not self._left:
            self.cancel()
        super().check()


def stopped(name: str) -> ConsoleError:
    with Tpm(name) as tpm, pytest.raises(ConsoleError) as caught:
        tpm.endorsement_key(Impatient())
    return caught.value


def test_who_stops_waiting_is_not_kept_by_a_tpm_that_does_not_answer(tmp_path: Path) -> None:
    with playing(tmp_path) as name:
        assert stopped(name).kind is ErrorKind.CANCELLED


class Fixed:
    """A connection that gives one answer for ever."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def exchange(self, command: bytes, cancel: Cancel) -> bytes:
        assert len(command) == int.from_bytes(command[2:6], "big")
        return self.answer

    def close(self) -> None: ...


@given(st.binary(max_size=80), st.booleans())
def test_no_answer_makes_anything_but_a_refusal(body: bytes, whole: bool) -> None:
    tpm = TpmCommands(Fixed(answered(0, 0x8002, body) if whole else body))
    for call in (
        lambda: tpm.persistent(NEVER_CANCELLED),
        lambda: tpm.properties(NEVER_CANCELLED),
        lambda: tpm.public(1, NEVER_CANCELLED),
        lambda: tpm.create_primary(OWNER, ROOT_TEMPLATE, NEVER_CANCELLED),
        lambda: tpm.activate_credential(1, 2, b"c", b"s", NEVER_CANCELLED),
        lambda: tpm.import_key(1, b"w", b"p", b"d", b"s", NEVER_CANCELLED),
        lambda: tpm.hmac(1, b"m", NEVER_CANCELLED),
        lambda: tpm.evict(1, 2, NEVER_CANCELLED),
    ):
        with contextlib.suppress(ConsoleError, TpmRefusedError):
            call()


@needs_software_tpm
def test_a_tpm_whose_hierarchies_are_locked_says_so() -> None:
    with SoftwareTpm() as chip:
        chip.run("tpm2_changeauth", "-c", "e", "secret")
        assert "a password protects" in refusal(chip.tcti).why

"""What is piped in or pasted with a slip in it: the commands, the pane and the journal show no piece of a signature."""

from __future__ import annotations

import base64
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from support.devices import register
from support.hub import HubRunner
from support.writes import writable

from console.model.token import Verdict
from console.services.bundle import Services

HOST = "contoso-plants.azure-devices.net"
RAW = bytes(range(7, 39))
KEY = base64.b64encode(RAW).decode()


def token(host: str = HOST, device: str = "press-1", key: bytes = RAW) -> tuple[str, str]:
    """Return a token and its signature as it stands there."""
    sr = quote_plus(f"{host}/devices/{device}")
    signature = quote_plus(base64.b64encode(hmac.digest(key, f"{sr}\n4102444800".encode(), "sha256")))
    return f"SharedAccessSignature sr={sr}&sig={signature}&se=4102444800", signature


def hubwarden(state: Path, *arguments: str, given: bytes = b"") -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "console", *arguments],
        input=given,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "HUBWARDEN_STATE_DIR": str(state), "XDG_CONFIG_HOME": str(state), "PYTHONUTF8": "1"},
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def shown(text: str, secret: str) -> list[str]:
    low = "".join(text.lower().split())
    return [secret[at : at + 8] for at in range(len(secret) - 8) if secret[at : at + 8].lower() in low]


@pytest.mark.parametrize("json_too", [[], ["--json"]])
@pytest.mark.parametrize("sign", ["\\u0026", ";", "\n"])
def test_the_command_shows_none_of_it_and_names_the_sign(sign: str, json_too: list[str], tmp_path: Path) -> None:
    text, signature = token()
    code, out = hubwarden(tmp_path, "sas", "inspect", *json_too, given=text.replace("&", sign).encode())
    assert code == 1
    assert shown(out, signature) == []
    assert f"{HOST}/devices/press-1" in "".join(out.split())
    assert "instead of" in out or "are written" in out or "full-width" in out
    assert "not verified" not in out.lower()


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_what_powershell_wrote_is_read(coding: str, tmp_path: Path) -> None:
    text, signature = token()
    code, out = hubwarden(tmp_path, "sas", "inspect", "--key-stdin", given=f"{text}\r\n{KEY}\r\n".encode(coding))
    assert (code, out.split()[0]) == (0, "VALID")
    assert ("UTF-16" in out) is coding.startswith("utf-16")
    assert shown(out, signature) == shown(out, KEY) == []
    made = hubwarden(tmp_path, "sas", "device", "press-1", "--hub", HOST, "--key-stdin", given=KEY.encode(coding))
    assert (made[0], made[1].splitlines()[0][:21]) == (0, "SharedAccessSignature")


@pytest.mark.parametrize("argument", ["sr=h;sig={}", "h%26sig%3D{}", "SIG = {}", "sharedaccesskey={}", "{}", "a {}"])
def test_no_argument_repeats_it(argument: str, tmp_path: Path) -> None:
    text, signature = token()
    for secret, where in ((signature, []), (KEY.rstrip("="), ["--wanted"])):
        code, out = hubwarden(tmp_path, "sas", "inspect", *where, argument.format(secret), given=text.encode())
        assert code in {1, 2}
        assert shown(out, secret) == []


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return writable(hub, tmp_path)


def test_keys_are_read_for_what_it_means_and_the_journal_has_none_of_it(hub: HubRunner, services: Services) -> None:
    record = register(hub, "press-1")
    text, signature = token(services.session.hub_host, key=base64.b64decode(record.primary_key or ""))
    for sign in ("\\u0026", ";", "\t"):
        told = services.credentials.tokens.explain_at_hub(text.replace("&", sign))
        assert told.verdict is Verdict.MALFORMED
        assert dict(told.facts)["signature"] == "fits the primary key of device press-1"
    wrapped = services.credentials.tokens.explain_at_hub(json.dumps({"Authorization": text}))
    assert wrapped.verdict is Verdict.VALID
    slipped = text.replace("&sig=", "").replace("&se=", "&sig=AAAA&se=")  # the signature stands in the id
    assert not services.credentials.tokens.explain_at_hub(slipped).verdict.good
    journal = b"".join(file.read_bytes() for file in services.changes.journal.path.parent.rglob("*") if file.is_file())
    assert b"device press-1" in journal
    assert [piece for piece in (signature[at : at + 8] for at in range(40)) if piece.encode() in journal] == []


def test_an_id_that_is_encoded_twice_is_looked_for_as_it_is_meant(hub: HubRunner, services: Services) -> None:
    record = register(hub, "n@m.et#st")
    text, _ = token(services.session.hub_host, "n%40m.et%23st", base64.b64decode(record.primary_key or ""))
    told = services.credentials.tokens.explain_at_hub(text, wanted="n@m.et#st")
    assert told.verdict is Verdict.VALID, told.findings

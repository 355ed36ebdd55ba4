"""A file whose first block cannot be read, given to every command that takes a certificate: refused by its block."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from support.authorities import authority
from support.hub import HubRunner
from support.uploads import at_hub, hub, runner  # noqa: F401

from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.localhub.state import DeviceRecord

Run = Callable[..., tuple[int, str, str]]
ROOT = authority("Root")
MIDDLE = ROOT.issue("Issuing", ca=True)
LEAF = MIDDLE.issue("press-1")
CUT = LEAF.pem[:300] + b"\n-----END CERTIFICATE-----\n"


@pytest.fixture
def cli(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chain.pem").write_bytes(CUT + MIDDLE.pem)
    (tmp_path / "lost-issuer.pem").write_bytes(LEAF.pem + MIDDLE.pem[:300] + b"\n-----END CERTIFICATE-----\n")
    (tmp_path / "root.pem").write_bytes(ROOT.pem)
    with hub.hub.lock:
        hub.hub.devices["press-1"] = DeviceRecord("press-1", "1", auth="certificateAuthority")

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--profile", hub.ready["profile"], "--write", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err and "ParseError" not in out + err
        return code, out, err

    return call


COMMANDS = [
    "cert verify chain.pem --root root.pem",
    "cert verify chain.pem --at-hub --json",
    "cert lint chain.pem",
    "cert lint chain.pem --at-hub --for-upload",
    "cert compare chain.pem press-1",
    "cert register press-1 chain.pem --yes",
    "cert upload chain.pem --name plants --yes",
    "dps create press-1 --attestation x509 --certificate chain.pem --yes",
    "dps create presses --group --attestation x509 --certificate chain.pem --yes",
    "dps register --id-scope 0ne00000001 --host localhost:9 --registration-id press-1 --certificate chain.pem",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_by_the_block(hub: HubRunner, cli: Run, command: str) -> None:
    code, out, err = cli(*command.split())
    assert code == 1, out + err
    assert "block 1 (CERTIFICATE) cannot be read: " in " ".join((out + err).split())
    assert at_hub(hub) == {}
    assert hub.hub.devices["press-1"].auth == "certificateAuthority"


def test_inspect_names_the_block_in_words_and_json(cli: Run) -> None:
    code, out, _ = cli("cert", "inspect", "chain.pem")
    assert code == 0
    assert "block 1 (CERTIFICATE) cannot be read: " in " ".join(out.split())
    found = json.loads(cli("cert", "inspect", "chain.pem", "--json")[1])
    jsonschema.validate(found, SCHEMAS["certificate_content"])
    (one,) = found["unread"]
    assert (one["place"], one["certificates_before"], one["request"]) == ("block 1 (CERTIFICATE)", 0, False)
    assert len(found["items"]) == 1


def test_no_pem_is_written_that_begins_with_another(cli: Run) -> None:
    code, out, err = cli("cert", "inspect", "chain.pem", "--pem")
    assert (code, out) == (1, "")
    assert "block 1 (CERTIFICATE) cannot be read: " in err


def test_a_lost_issuer_is_not_known_in_words_and_json(cli: Run) -> None:
    code, out, _ = cli("cert", "verify", "lost-issuer.pem", "--root", "root.pem")
    words = " ".join(out.split())
    assert code == 1
    assert "NOT KNOWN" in words and "block 2 (CERTIFICATE), which cannot be read" in words
    assert "is not here" not in words
    found = json.loads(cli("cert", "verify", "lost-issuer.pem", "--root", "root.pem", "--json")[1])
    jsonschema.validate(found, SCHEMAS["certificate_chain"])
    assert (found["trusted"], found["unknown"]) == (False, True)
    assert [one["unknown"] for one in found["faults"]] == [True]
    assert [one["place"] for one in found["unread"]] == ["block 2 (CERTIFICATE)"]


def test_a_ca_at_the_hub_that_cannot_be_read_is_named(hub: HubRunner, cli: Run, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(ROOT.pem)
    (tmp_path / "whole.pem").write_bytes(LEAF.pem + MIDDLE.pem)
    assert (
        cli("cert", "upload", "ca.pem", "--name", "plants", "--verified", "--yes", "--accept", "verified-on-upload")[0]
        == 0
    )
    assert cli("cert", "compare", "whole.pem", "press-1")[0] == 0
    with hub.hub.lock:
        body = hub.hub.certificates["plants"]["properties"]
        body["certificate"] = body["certificate"][:200]
    code, out, _ = cli("cert", "hub")
    assert code == 0
    assert "The certificate of plants cannot be read: " in out
    found = json.loads(cli("cert", "hub", "--json")[1])
    jsonschema.validate(found, SCHEMAS["hub_certificates"])
    assert found["items"][0]["unread"]
    (tmp_path / "other.pem").write_bytes(authority("Other").pem)
    assert cli("cert", "upload", "other.pem", "--name", "other", "--yes")[0] == 0
    code, out, _ = cli("cert", "compare", "whole.pem", "press-1")
    assert code == 1
    assert "NOT KNOWN" in out and "plants (at the hub), which cannot be read" in " ".join(out.split())

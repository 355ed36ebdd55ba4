"""`hubwarden cert inspect|verify|lint|compare`: exit codes, JSON by its schema, no profile where none is needed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from support.chains import NOW, Node, make
from support.devices import register
from support.hub import HubRunner

from console.cli import cert_read
from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.localhub.arm_certificates import put_certificate

Run = Callable[..., tuple[int, str, str]]
LONG = {"not_before": NOW.replace(year=2020), "not_after": NOW.replace(year=2060)}
ROOT = make("Plants", ca=True, number=1, **LONG)
MIDDLE = make("Issuing", ROOT, ca=True, number=2, **LONG)
LEAF = make("press-77", MIDDLE, number=3, **LONG)
SECRET = "tea for two"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    for variable in ("HUBWARDEN_PROFILE", "HUBWARDEN_CONFIG_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    for file, nodes in {
        "leaf.pem": [LEAF],
        "chain.pem": [LEAF, MIDDLE],
        "root.pem": [ROOT],
        "other.pem": [make("Other", ca=True, number=9, **LONG)],
    }.items():
        (tmp_path / file).write_bytes(b"".join(one.pem for one in nodes))
    (tmp_path / "key.pem").write_bytes(LEAF.key_pem)
    (tmp_path / "both.pem").write_bytes(ROOT.key_pem + ROOT.pem)
    (tmp_path / "leaf.p12").write_bytes(_pkcs12(LEAF))

    def call(*arguments: str, stdin: bytes = b"", profile: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = run([*(["--profile", profile] if profile else []), "cert", *arguments])
        out, err = capsys.readouterr()
        key = b"".join(LEAF.key_pem.splitlines()[1:-1]).decode()
        assert key[:30] not in out + err
        assert SECRET not in out + err
        assert "Traceback" not in err
        return code, out, err

    return call


def _pkcs12(node: Node) -> bytes:
    how = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(10).hmac_hash(hashes.SHA256())
    return pkcs12.serialize_key_and_certificates(
        b"x", node.key, node.certificate, [MIDDLE.certificate], how.build(SECRET.encode())
    )


def document(text: str, noun: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMAS[noun])
    return found


# --- inspect -------------------------------------------------------------------------------------------------------


def test_inspect_tells_what_a_file_holds(cli: Run) -> None:
    code, out, _ = cli("inspect", "chain.pem")
    assert code == 0
    assert "CN=press-77" in out
    found = document(cli("inspect", "chain.pem", "--json")[1], "certificate_content")
    assert [one["subject"] for one in found["items"]] == ["CN=press-77", "CN=Issuing"]
    assert found["items"][0]["authority"] is False
    assert found["forms"] == ["PEM"]


def test_inspect_reads_standard_input_and_gives_pem(cli: Run) -> None:
    code, out, _ = cli("inspect", "-", "--pem", stdin=LEAF.der)
    assert code == 0
    assert out.encode() == LEAF.pem
    assert (
        document(cli("inspect", "-", "--json", stdin=LEAF.der)[1], "certificate_content")["source"] == "standard input"
    )


def test_inspect_counts_keys_and_shows_none(cli: Run) -> None:
    found = document(cli("inspect", "key.pem", "--json")[1], "certificate_content")
    assert (found["private_keys"], found["encrypted_keys"], found["items"]) == (1, 0, [])
    assert cli("inspect", "key.pem", "--pem")[0] == 1


def test_pkcs12_takes_its_passphrase_from_stdin(cli: Run) -> None:
    code, _, err = cli("inspect", "leaf.p12")
    assert (code, "passphrase" in err) == (1, True)
    code, out, _ = cli("inspect", "leaf.p12", "--passphrase-stdin", stdin=f"{SECRET}\n".encode())
    assert code == 0
    assert "CN=press-77" in out
    code, _, err = cli("inspect", "leaf.p12", "--passphrase-stdin", stdin=b"no\n")
    assert (code, "wrong" in err) == (1, True)
    assert cli("inspect", "-", "--passphrase-stdin", stdin=b"no\n")[0] == 2


def test_a_terminal_is_asked_for_the_passphrase(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return SECRET

    monkeypatch.setattr(cert_read, "ask_secret", ask)
    monkeypatch.setattr(cert_read, "_asks", lambda: True)
    code, out, _ = cli("inspect", "leaf.p12")
    assert (code, len(asked)) == (0, 1)
    assert "CN=press-77" in out
    assert cli("inspect", "leaf.pem")[0] == 0
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("inspect", "nothing.pem"), 1, "was not found"),
        (("inspect", "."), 1, "folder"),
        (("inspect", "localhost"), 1, "host:port"),
        (("inspect", "leaf.pem", "--server-name", "x"), 2, "not a host"),
        (("inspect", "https:///x"), 2, "host:port"),
        (("inspect", "127.0.0.1:1"), 1, "could not be asked"),
        (("inspect", ""), 2, "the name is empty"),
        (("inspect", "localhost:99999"), 2, "no such port"),
        (("verify", "leaf.pem", "--root", "leaf.p12"), 1, "as PEM"),
        (("inspect", "leaf.p12"), 1, "--passphrase-stdin"),
        (("verify", "leaf.pem"), 2, "what to trust"),
        (("verify", "leaf.pem", "--root", "nothing.pem"), 1, "was not found"),
        (("verify", "leaf.pem", "--root", "key.pem"), 1, "cannot be trusted"),
        (("verify", "key.pem", "--root", "root.pem"), 1, "holds no certificate"),
    ],
)
def test_mistakes_end_in_one_sentence(cli: Run, arguments: tuple[str, ...], code: int, words: str) -> None:
    found, out, err = cli(*arguments)
    assert (found, out) == (code, "")
    assert words in err
    assert err.count("\n") == 1


# --- verify, lint --------------------------------------------------------------------------------------------------


def test_verify_says_whether_a_chain_is_trusted(cli: Run) -> None:
    code, out, _ = cli("verify", "chain.pem", "--root", "root.pem")
    assert code == 0
    assert out.startswith(" TRUSTED")
    code, out, _ = cli("verify", "chain.pem", "--root", "other.pem")
    assert code == 1
    assert "unable to get issuer certificate" in out
    code, out, _ = cli("verify", "chain.pem", "--root", "other.pem", "--root", "root.pem", "--json")
    found = document(out, "certificate_chain")
    assert (code, found["trusted"], found["trusted_by"], len(found["items"])) == (0, True, "root.pem", 3)
    code, out, _ = cli("verify", "leaf.pem", "--root", "root.pem", "--json")
    found = document(out, "certificate_chain")
    assert (code, [one["fault"] for one in found["faults"]]) == (1, ["no_issuer"])
    code, out, _ = cli("verify", "chain.pem", "--root", "root.pem", "--purpose", "sslserver", "--json")
    assert (code, document(out, "certificate_chain")["faults"][0]["fault"]) == (1, "wrong_purpose")


def test_verify_remarks_that_a_file_would_be_presented_in_its_order(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "turned.pem").write_bytes(MIDDLE.pem + LEAF.pem)
    code, out, _ = cli("verify", "turned.pem", "--root", "root.pem")
    assert (code, "the leaf is not the first in the file" in " ".join(out.split())) == (0, True)
    assert "not the first" not in cli("verify", "chain.pem", "--root", "root.pem")[1]


def test_lint_fails_on_medium_and_higher_only(cli: Run) -> None:
    assert cli("lint", "root.pem", "--for-upload")[0] == 0
    code, out, _ = cli("lint", "both.pem", "--for-upload", "--json")
    found = document(out, "certificate_lint")
    assert code == 1
    assert found["items"][0]["id"] == "private-key-in-upload"
    code, out, _ = cli("lint", "chain.pem", "--device", "press-78")
    assert code == 1
    assert "common-name" in out


def test_each_command_has_help_and_loads_lightly(cli: Run) -> None:
    for name in ("inspect", "verify", "lint", "compare"):
        code, out, _ = cli(name, "--help")
        assert code == 0
        assert "--json" in out


# --- with a hub ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(local_hub: HubRunner):
    with local_hub.hub.lock:
        put_certificate(local_hub.hub, "plants-test", ROOT.der, NOW, verified=True)
    register(local_hub, "press-77", auth="certificateAuthority")
    yield local_hub
    with local_hub.hub.lock:
        local_hub.hub.certificates.pop("plants-test")
        local_hub.hub.certificate_ders.pop("plants-test")
        local_hub.hub.devices.pop("press-77")


def test_compare_answers_and_exits_by_the_answer(cli: Run, hub: HubRunner) -> None:
    profile = hub.ready["profile"]
    code, out, _ = cli("compare", "chain.pem", "press-77", profile=profile)
    assert code == 0
    assert out.startswith(" WOULD AUTHENTICATE")
    code, out, _ = cli("compare", "leaf.pem", "press-77", "--json", profile=profile)
    found = document(out, "certificate_comparison")["items"][0]
    assert (code, found["answer"]) == (1, "no")
    code, out, _ = cli("compare", "chain.pem", "nobody", "--json", profile=profile)
    assert (code, document(out, "certificate_comparison")["items"][0]["answer"]) == (1, "no")
    code, out, _ = cli("compare", "chain.pem", "press-77", "--module", "camera", profile=profile)
    assert code == 1
    assert "no module" in out


def test_verify_and_lint_ask_the_hub_when_told(cli: Run, hub: HubRunner) -> None:
    profile = hub.ready["profile"]
    code, out, _ = cli("verify", "chain.pem", "--at-hub", profile=profile)
    assert code == 0
    assert "plants-test (at the hub)" in out
    code, out, _ = cli("lint", "leaf.pem", "--device", "press-77", "--at-hub", "--json", profile=profile)
    assert code == 1
    assert "ca-not-at-hub" in [one["id"] for one in document(out, "certificate_lint")["items"]]


def test_a_host_is_asked_through_the_profiles_proxy(cli: Run, hub: HubRunner, tmp_path: Path) -> None:
    text = Path(hub.ready["profile"]).read_text()
    (tmp_path / "proxy.toml").write_text(text.replace("hub_name", f'proxy = "{hub.ready["proxy"]}"\nhub_name', 1))
    host = f"{hub.hub.host}:443"  # a name that the proxy alone knows
    code, out, _ = cli("inspect", host, profile=str(tmp_path / "proxy.toml"))
    assert code == 0
    assert host in out
    assert cli("inspect", host)[0] == 1


def test_without_a_profile_the_hub_cannot_be_asked(cli: Run) -> None:
    code, _, err = cli("compare", "leaf.pem", "press-77")
    assert code == 2
    assert err.count("\n") == 1

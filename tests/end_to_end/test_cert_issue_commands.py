"""`hubwarden cert ca|intermediate|issue|csr|sign|list`: offline, without a profile, and with one clear sentence."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from console.cli import cert_issue, cert_passphrases
from console.cli.main import run
from console.cli.schemas import SCHEMAS

Run = Callable[..., tuple[int, str, str]]
WORD, LEAF = "ca passphrase", "leaf passphrase"


class Input(io.TextIOWrapper):
    """Standard input with text in it; a terminal when it is said to be one."""

    def __init__(self, text: str, terminal: bool) -> None:
        super().__init__(io.BytesIO(text.encode()), encoding="utf-8")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HUBWARDEN_CONFIG_DIR", str(tmp_path / "no-profiles"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, stdin: str = "", typed: list[str] | None = None) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", Input(stdin, typed is not None))
        asked = iter(typed or [])
        monkeypatch.setattr(cert_passphrases, "ask_secret", lambda text: next(asked))
        code = run(["cert", *arguments])
        out, err = capsys.readouterr()
        for secret in (WORD, LEAF):
            assert secret not in out + err
        assert not list(asked)
        assert "Traceback" not in err
        return code, out, err

    return call


def document(text: str, noun: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMAS[noun])
    return found


@pytest.fixture
def ca(cli: Run) -> str:
    assert cli("ca", "--name", "MyIoTCA", "--out", "ca/", "--no-passphrase")[0] == 0
    return "ca/"


def test_the_two_lines_of_the_manual_work_as_a_process_without_anything(tmp_path: Path) -> None:
    environment = {**os.environ, "HUBWARDEN_STATE_DIR": "/proc/nowhere", "HOME": "/nonexistent"}
    for line in (
        "cert ca --name MyIoTCA --out ca/ --no-passphrase",
        "cert issue device001 --ca ca/ --out dev/ --no-passphrase",
    ):
        done = subprocess.run(
            [sys.executable, "-m", "console", *line.split()],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "dev").iterdir()} == {
        "device001.cert.pem", "device001.key.pem", "device001.chain.pem",
    }  # fmt: skip


def test_a_ca_is_told_as_text_and_as_json(cli: Run) -> None:
    code, out, _ = cli(
        "ca", "--name", "One", "--out", "one", "--no-passphrase", "--key-type", "ec-p384", "--days", "10"
    )
    assert code == 0
    assert "root CA" in out
    assert "one/ca.cert.pem" in out
    assert "PRIVATE" not in out
    code, out, _ = cli("ca", "--name", "Two", "--out", "two", "--no-passphrase", "--json", "--path-length", "1")
    (item,) = document(out, "certificates_issued")["items"]
    assert (item["kind"], item["name"], item["days_left"]) == ("root CA", "Two", 3649)
    certificate = x509.load_pem_x509_certificate(Path(item["certificate_file"]).read_bytes())
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 1


def test_a_second_ca_in_a_folder_is_refused(cli: Run, ca: str) -> None:
    code, _, err = cli("ca", "--name", "Other", "--out", ca, "--no-passphrase")
    assert code == 1
    assert "there is a CA in it already" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ca", "--name", "X", "--out", "x", "--no-passphrase", "--key-type", "ed25519"), "TLS 1.2 cipher suites"),
        (("ca", "--name", "X", "--out", "x", "--no-passphrase", "--key-type", "rsa-2048"), "longer key"),
        (("ca", "--name", "X", "--out", "x"), "no terminal to ask on"),
        (("ca", "--name", "", "--out", "x", "--no-passphrase"), "name is missing"),
        (("ca", "--name", "X", "--out", "x", "--no-passphrase", "--passphrase-stdin"), "exclude each other"),
        (("issue", "d 1", "--ca", "ca/", "--out", "o", "--no-passphrase"), "a blank"),
        (("issue", "d" * 65, "--ca", "ca/", "--out", "o", "--no-passphrase"), "RFC 5280"),
        (("issue", "--ca", "ca/", "--out", "o", "--no-passphrase"), "no name was given"),
        (("issue", "a", "--host", "b", "--ca", "ca/", "--out", "o", "--no-passphrase"), "--server"),
        (("issue", "a", "--from", "-", "--passphrase-stdin", "--ca", "ca/", "--out", "o"), "cannot both come"),
        (("issue", "a", "--ca", "ca/", "--out", "o"), "no terminal to ask on"),
        (("issue", "a", "--ca", "ca/", "--out", "o", "--passphrase-stdin"), "missing on standard input"),
        (("csr", "d/", "--out", "o", "--no-passphrase"), "missing"),
        (("csr", "d/", "--out", "o"), "missing"),  # before a passphrase is asked for
        (("issue", "d/", "--ca", "ca/", "--out", "o"), "missing"),
        (("ca", "--name", " x", "--out", "x"), "blanks at an end"),
        (("csr", "d", "--host", "b", "--out", "o", "--no-passphrase"), "--host needs --server"),
        (("sign", "-", "--host", "b", "--ca", "ca/", "--out", "o"), "--host needs --server"),
        (("list", "--expiring", "99999999999999999999"), "999"),
        (("ca", "--name", "X", "--out", "x", "--no-passphrase", "--permit", "10.0.0.4"), "no DNS name"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(cli: Run, ca: str, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = cli(*arguments)
    assert code == 2
    assert words in err
    assert not out
    assert not Path("x").exists()
    assert not Path("o").exists() or not list(Path("o").iterdir())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "no terminal to ask on"),
        (("--passphrase-stdin",), "missing on standard input"),
        (("--from", "-", "--no-passphrase"), "no name was given"),
    ],
)
def test_without_a_standard_input_it_is_one_sentence(
    cli: Run,
    ca: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as with `<&-`
    names = () if "--from" in more else ("d1",)
    assert run(["cert", "issue", *names, "--ca", ca, "--out", "o", *more]) == 2
    assert words in capsys.readouterr().err


def test_a_passphrase_in_another_encoding_is_one_sentence(cli: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "console", "cert", "ca", "--name", "X", "--out", "x", "--passphrase-stdin"]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(command, input=b"p\xe4ssword\n", capture_output=True, env=environment, check=False)
    assert done.returncode == 2
    assert b"no utf-8 text" in done.stderr
    assert not Path("x").exists()


def test_a_passphrase_that_is_too_short_is_not_asked_for_twice(cli: Run) -> None:
    code, _, err = cli("ca", "--name", "X", "--out", "x", typed=["abc"])
    assert code == 2
    assert "less than 4" in err


def test_a_missing_ca_is_one_sentence_and_exit_1(cli: Run) -> None:
    code, _, err = cli("issue", "d1", "--ca", "nowhere/", "--out", "o", "--no-passphrase")
    assert code == 1
    assert "hubwarden cert ca --name" in err


def test_passphrases_from_standard_input_first_the_ca_then_the_leaf(cli: Run) -> None:
    assert cli("ca", "--name", "Locked", "--out", "ca", "--passphrase-stdin", stdin=f"{WORD}\n")[0] == 0
    both = ("--ca-passphrase-stdin", "--passphrase-stdin")
    assert cli("issue", "d1", "--ca", "ca", "--out", "o", *both, stdin=f"{WORD}\n{LEAF}\n")[0] == 0
    serialization.load_pem_private_key(Path("o/d1.key.pem").read_bytes(), LEAF.encode())
    code, _, err = cli("issue", "d2", "--ca", "ca", "--out", "o", *both, stdin=f"{LEAF}\n{WORD}\n")
    assert code == 1
    assert "passphrase is wrong" in err
    code, _, err = cli("issue", "d2", "--ca", "ca", "--out", "o", "--no-passphrase")
    assert code == 2
    assert "--ca-passphrase-stdin" in err
    lower = ("intermediate", "--name", "Lower", "--ca", "Locked", "--out", "lower", *both)
    assert cli(*lower, stdin=f"{WORD}\n{LEAF}\n")[0] == 0
    assert cli("issue", "d3", "--ca", "Lower", "--out", "o", *both, stdin=f"{LEAF}\nthird one\n")[0] == 0
    many = ("issue", "m1", "m2", "--ca", "ca", "--out", "o", *both)
    assert cli(*many, stdin=f"{WORD}\n{LEAF}\n")[0] == 0
    serialization.load_pem_private_key(Path("o/m2.key.pem").read_bytes(), LEAF.encode())


def test_passphrases_by_prompt_are_typed_twice_and_asked_again_when_wrong(cli: Run) -> None:
    code, _, err = cli("ca", "--name", "Locked", "--out", "ca", typed=[WORD, "something else"])
    assert code == 2
    assert "differ" in err
    assert cli("ca", "--name", "Locked", "--out", "ca", typed=[WORD, WORD])[0] == 0
    code, _, err = cli("issue", "d1", "--ca", "ca", "--out", "o", typed=[LEAF, LEAF, "wrong", WORD])
    assert code == 0
    assert "passphrase is wrong" in err
    code, _, _ = cli("issue", "d2", "--ca", "ca", "--out", "o", "--no-passphrase", typed=["no", "no", "no"])
    assert code == 1


def test_issue_as_json_with_notes_and_pkcs12(cli: Run) -> None:
    cli("ca", "--name", "Short", "--out", "ca", "--no-passphrase", "--days", "30")
    code, out, _ = cli("issue", "d/m", "--ca", "Short", "--out", "o", "--no-passphrase", "--p12", "--json")
    assert code == 0
    (item,) = document(out, "certificates_issued")["items"]
    assert (item["kind"], item["device_id"], item["module_id"]) == ("module", "d", "m")
    assert [one["what"] for one in item["files"]] == ["certificate", "chain", "PKCS#12", "key"]
    assert "ends with its CA" in item["notes"][0]
    assert Path("o/d%2Fm.p12").exists()
    assert "note: It ends" in cli("issue", "d2", "--ca", "Short", "--out", "o", "--no-passphrase")[2]


def test_a_server_certificate(cli: Run, ca: str) -> None:
    hosts = ("--host", "gw.lab", "--host", "10.0.0.4")
    assert cli("issue", "gw.lab", "--server", *hosts, "--ca", ca, "--out", "o", "--no-passphrase")[0] == 0
    one = x509.load_pem_x509_certificate(Path("o/gw.lab.cert.pem").read_bytes())
    names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gw.lab"]


def test_many_from_a_file_from_standard_input_and_as_arguments(cli: Run, ca: str) -> None:
    Path("ids").write_text("\ufeffd1\r\nd2 \n\n#3\n", encoding="utf-8")
    base = ("issue", "--ca", ca, "--out", "o", "--no-passphrase")
    code, out, _ = cli(*base, "d0", "--from", "ids")
    assert code == 0
    assert "4 of 4" in out
    assert {path.name for path in Path("o").glob("*.cert.pem")} == {
        "d0.cert.pem", "d1.cert.pem", "d2.cert.pem", "%233.cert.pem",
    }  # fmt: skip
    code, out, err = cli(*base, "--from", "-", "--json", stdin="d1\nd4\nbad id\n")
    assert code == 1
    done = document(out, "certificates_bulk")
    assert (done["made"], done["before"], done["complete"]) == (1, 1, False)
    assert [one["name"] for one in done["items"]] == ["bad id"]
    code, _, err = cli(*base, "d5", "d6", "bad id")
    assert code == 1
    assert "a blank" in err


def test_a_request_is_made_here_and_signed_there(cli: Run, ca: str) -> None:
    code, out, _ = cli("csr", "d1", "--out", "there", "--no-passphrase", "--json")
    assert code == 0
    assert [item["what"] for item in document(out, "certificate_request")["items"]] == ["request", "key"]
    code, out, _ = cli("sign", "there/d1.csr.pem", "--ca", ca, "--out", "here", "--json")
    assert code == 0
    (item,) = document(out, "certificates_issued")["items"]
    assert (item["name"], item["key_file"]) == ("d1", None)
    code, _, err = cli("sign", "there/d1.csr.pem", "--ca", ca, "--out", "other", "--name", "d2")
    assert code == 1
    assert "asks for “d1”" in err
    request = Path("there/d1.csr.pem").read_text()
    assert cli("sign", "-", "--ca", ca, "--out", "piped", stdin=request)[0] == 0
    code, _, err = cli("sign", "ca/ca.cert.pem", "--ca", ca, "--out", "other")
    assert code == 1
    assert "no signing request, but: CERTIFICATE" in err


def test_the_list_and_its_check(cli: Run, ca: str) -> None:
    cli("issue", "long", "--ca", ca, "--out", "o", "--no-passphrase")
    cli("issue", "short", "--ca", ca, "--out", "o", "--no-passphrase", "--days", "1")
    code, out, err = cli("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "short", "long", "MyIoTCA"]
    assert "3 certificates, 0 to renew" in err
    assert cli("list", "--check")[0] == 0
    found = document(cli("list", "--expiring", "30", "--json")[1], "certificates")
    assert [(item["name"], item["days_left"]) for item in found["items"]] == [("short", 0)]
    assert cli("list", "--ca", "MyIoTCA")[0] == 0
    assert cli("list", "--ca", "nobody")[0] == 1


def test_renewing_one_several_and_all_that_is_due(cli: Run, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base = ("issue", "--ca", ca, "--out", "o", "--no-passphrase")
    assert cli(*base, "a", "b", "--key-type", "rsa-2048")[0] == 0
    assert cli(*base, "young", "--days", "3000")[0] == 0
    first = {name: Path(f"o/{name}.cert.pem").read_bytes() for name in ("a", "b", "young")}
    code, _, err = cli(*base, "--renew")
    assert code == 0
    assert "needs renewal" in err
    code, out, _ = cli(*base, "a", "--renew", "--json")  # one that is named, at any time
    item = document(out, "certificates_issued")["items"][0]
    assert item["key_type"] == "rsa-2048"
    assert any("cert register" in note for note in item["notes"])
    assert Path("o/a.cert.pem").read_bytes() != first["a"]
    now = cert_issue.system_clock()
    later = now + timedelta(days=300)
    monkeypatch.setattr(cert_issue, "system_clock", lambda: later)
    code, out, _ = cli(*base, "--renew", "--json", "--key-type", "ec-p256")
    found = document(out, "certificates_bulk")
    assert (code, found["made"], found["complete"]) == (0, 2, True)
    assert any("replaced" in note for note in found["notes"])
    assert Path("o/b.cert.pem").read_bytes() != first["b"]
    assert Path("o/young.cert.pem").read_bytes() == first["young"]
    code, _, err = cli(*base, "typo", "--renew")
    assert code == 1
    assert "leave --renew out" in err
    assert cli("csr", "c", "--out", "elsewhere", "--no-passphrase")[0] == 0
    sign = ("sign", "elsewhere/c.csr.pem", "--ca", ca, "--out", "o")
    assert cli(*sign)[0] == 0
    assert cli(*sign)[0] == 1
    assert cli(*sign, "--renew")[0] == 0


def test_a_bulk_says_what_is_otherwise_than_asked_for(cli: Run, ca: str) -> None:
    base = ("issue", "a", "b", "--ca", ca, "--out", "o", "--no-passphrase")
    code, _, err = cli(*base, "--days", "99999")
    assert code == 0
    assert "note: It ends with its CA" in err
    code, _, err = cli(*base, "--key-type", "rsa-2048", "--p12")
    assert code == 0
    assert "note: 2 of those there before have another kind of key than rsa-2048" in err
    assert "note: 2 of those there before have no PKCS#12 file" in err


def test_a_ca_that_is_gone_is_told_until_it_is_forgotten(cli: Run, ca: str) -> None:
    Path(ca).rename("elsewhere")
    code, _, err = cli("list", "--check")
    assert code == 1
    assert "is gone" in err
    code, out, _ = cli("list", "--json")
    assert document(out, "certificates")["warnings"]
    assert cli("list", "--check", "--forget", "ca")[0] == 0
    assert cli("list", "--forget", "ca")[0] == 1


def test_the_check_fails_when_a_ca_cannot_be_read(cli: Run, ca: str) -> None:
    (Path(ca) / "index.db").write_text("x" * 5000)
    code, _, err = cli("list", "--check")
    assert code == 1
    assert "not in this list: The index of the CA" in err
    assert "Restore index.db" in document(cli("list", "--json")[1], "certificates")["warnings"][0]["message"]


def test_the_check_fails_when_something_is_due(cli: Run, ca: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from console.cli import cert_issue
    from console.model.clock import system_clock

    cli("issue", "short", "--ca", ca, "--out", "o", "--no-passphrase", "--days", "10")
    monkeypatch.setattr(cert_issue, "system_clock", lambda: system_clock() + timedelta(days=7))
    code, out, err = cli("list", "--check")
    assert code == 1
    assert "RENEW" in out.splitlines()[1]
    assert "1 to renew" in err
    assert document(cli("list", "--json")[1], "certificates")["needs_renewal"] == 1
    assert cli("list", "--check", "--expiring", "2")[0] == 0  # what is shown decides
    monkeypatch.setattr(cert_issue, "system_clock", lambda: system_clock() + timedelta(days=20))
    assert "EXPIRED" in cli("list")[1]


def test_nothing_heavy_is_loaded_for_help(cli: Run) -> None:
    code = (
        "import sys; from console.cli.main import run; run(['cert', 'issue', '--help']); "
        "print([one for one in ('cryptography', 'sqlite3', 'textual', 'azure') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.stdout.splitlines()[-1] == "[]"

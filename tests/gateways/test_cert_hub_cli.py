"""`hubwarden cert hub|upload|prove|register|delete` against the local hub, as a person and as a script use them."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.authorities import authority, make
from support.hub import HubRunner
from support.uploads import at_hub

from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.localhub.state import DeviceRecord
from console.model.certificate import AuthorityOrder
from console.model.clock import system_clock
from console.model.secret import Secret
from console.services.pki import Pki

Run = Callable[..., tuple[int, str, str]]
CA = authority("Plant CA")


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as one:
        yield one


@pytest.fixture
def hub(runner: HubRunner) -> Iterator[HubRunner]:
    with runner.hub.lock:
        runner.hub.certificates.clear()
        runner.hub.certificate_ders.clear()
        runner.hub.devices["press-1"] = DeviceRecord("press-1", "1", auth="certificateAuthority")
        runner.hub.devices["press-2"] = DeviceRecord("press-2", "2", auth="selfSigned", primary_thumbprint="AB" * 32)
    yield runner
    runner.faults.clear()


@pytest.fixture
def cli(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))

    def call(*arguments: str, write: bool = True, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run(["--profile", hub.ready["profile"], *(["--write"] if write else []), "cert", *arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    file = tmp_path / "ca.pem"
    file.write_bytes(CA.pem)
    return str(file)


def document(text: str, noun: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMAS[noun])
    return found


def test_an_upload_is_a_plan_until_it_is_meant(hub: HubRunner, cli: Run, ca_file: str) -> None:
    code, out, err = cli("upload", ca_file, "--name", "plants", write=False)
    assert (code, at_hub(hub)) == (0, {})
    assert "CN=Plant CA" in out
    assert CA.sha256 in out
    assert "Nothing was changed" in err
    code, out, err = cli("upload", ca_file, "--name", "plants", "--yes", write=False)
    assert (code, at_hub(hub)) == (1, {})
    assert "read-only" in err
    code, out, _ = cli("upload", ca_file, "--name", "plants", "--yes")
    assert (code, at_hub(hub)) == (0, {"plants": False})
    assert "read back as planned" in out
    code, _, err = cli("upload", ca_file, "--name", "plants", "--yes")
    assert code == 0
    assert "nothing to change" in err


def test_the_page_of_an_upload_shows_no_wall_of_base64(cli: Run, ca_file: str) -> None:
    _, out, _ = cli("upload", ca_file, "--name", "plants")
    assert max(len(line) for line in out.splitlines()) <= 100
    assert "characters)" in out


def test_a_file_with_a_key_is_refused(hub: HubRunner, cli: Run, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(CA.pem + CA.key_bytes())
    code, out, err = cli("upload", str(both), "--name", "plants", "--yes")
    assert (code, out, at_hub(hub)) == (1, "", {})
    assert "private key" in err
    assert cli("upload", str(tmp_path / "none.pem"), "--name", "plants")[0] == 1


def test_the_hub_s_certificates_are_listed(cli: Run, ca_file: str) -> None:
    code, out, _ = cli("hub", write=False)
    assert code == 0
    assert "no CA certificate" in out
    cli("upload", ca_file, "--name", "plants", "--yes")
    code, out, _ = cli("hub", write=False)
    assert code == 0
    assert "plants" in out
    assert "NO" in out
    assert "Devices that sign in by CA: 1" in out
    found = document(cli("hub", "--json", write=False)[1], "hub_certificates")
    (item,) = found["items"]
    assert found["devices_by_ca"] == 1
    assert (item["name"], item["verified"], item["sha256"]) == ("plants", False, CA.sha256)


def test_what_is_not_known_of_devices_is_null(hub: HubRunner, cli: Run) -> None:
    hub.faults.add("server-error", endpoint="hub", status=400)
    found = document(cli("hub", "--json", write=False)[1], "hub_certificates")
    assert found["devices_by_ca"] is None
    assert found["warnings"][0]["code"] == "devices-unknown"
    assert "not known" in cli("hub", write=False)[1]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_an_offline_ca_is_proved_by_following_what_is_printed(
    hub: HubRunner, cli: Run, ca_file: str, tmp_path: Path
) -> None:
    cli("upload", ca_file, "--name", "plants", "--yes")
    code, out, err = cli("prove", "plants", "--offline", write=False)
    assert code == 0
    assert "openssl" not in out, "there is no code yet"
    assert "Nothing was changed" in err
    code, out, _ = cli("prove", "plants", "--offline", "--yes")
    assert code == 0
    there = tmp_path / "there"
    there.mkdir()
    (there / "ca.cert.pem").write_bytes(CA.pem)
    (there / "ca.key.pem").write_bytes(CA.key_bytes())
    lines = [line for line in out.splitlines() if line.startswith(("#", "openssl", "rm"))]
    subprocess.run(["sh", "-ec", "\n".join(lines)], cwd=there, check=True, capture_output=True)
    again = cli("prove", "plants", "--offline", write=False)[1]
    assert [line for line in again.splitlines() if line in lines] == lines, "the code counts until another is asked for"
    code, out, _ = cli("prove", "plants", "--proof", str(there / "proof.cert.pem"))
    assert (code, at_hub(hub)) == (0, {"plants": False})
    code, out, _ = cli("prove", "plants", "--proof", str(there / "proof.cert.pem"), "--yes")
    assert (code, at_hub(hub)) == (0, {"plants": True}), out
    assert cli("prove", "plants", "--offline", "--yes")[0] == 1, "it is verified already"


def test_a_script_gets_code_and_steps_as_json(hub: HubRunner, cli: Run, ca_file: str, tmp_path: Path) -> None:
    cli("upload", ca_file, "--name", "plants", "--yes")
    planned = document(cli("prove", "plants", "--code", "--json")[1], "proof")
    assert (planned["code"], planned["steps"], planned["applied"]) == ("", [], False)
    asked = document(cli("prove", "plants", "--code", "--json", "--yes")[1], "proof")
    assert asked["applied"]
    assert len(asked["code"]) == 48
    assert asked["code"] in "".join(asked["steps"])
    again = document(cli("prove", "plants", "--code", "--json")[1], "proof")
    assert again["code"] == asked["code"]
    proof = tmp_path / "proof.pem"
    proof.write_bytes(CA.issue(asked["code"]).pem)
    done = document(cli("prove", "plants", "--proof", str(proof), "--json", "--yes")[1], "plan")
    assert done["applied"]
    assert at_hub(hub) == {"plants": True}


def test_a_lost_code_ends_in_failure_and_says_what_to_do(hub: HubRunner, cli: Run, ca_file: str) -> None:
    cli("upload", ca_file, "--name", "plants", "--yes")
    hub.faults.add("drop", endpoint="arm", path="/generateVerificationCode$", when="after", count=1)
    code, out, err = cli("prove", "plants", "--offline", "--yes")
    assert code == 1
    assert "Ask for another" in err
    assert "openssl" not in out


@pytest.mark.parametrize(
    "arguments",
    [("plants",), ("plants", "--code", "--offline"), ("plants", "--code", "--passphrase-stdin")],
)
def test_one_way_to_prove_it_must_be_chosen(cli: Run, arguments: tuple[str, ...]) -> None:
    assert cli("prove", *arguments)[0] == 2


@pytest.mark.parametrize(("file", "code"), [("~no-such-user/ca.pem", 1), ("", 2), (".", 1), ("/dev/zero", 1), ("x", 1)])
def test_files_that_cannot_be_read_end_in_one_sentence(cli: Run, file: str, code: int) -> None:
    for arguments in (("upload", file, "--name", "x"), ("prove", "x", "--proof", file), ("register", "press-2", file)):
        found, out, err = cli(*arguments)
        assert (found, out, err.count("\n")) == (code, "", 1), err
        assert "broke" not in err


def test_a_thumbprint_is_registered_from_a_sealed_file(hub: HubRunner, cli: Run, tmp_path: Path) -> None:
    leaf = make("press-2")
    file = tmp_path / "press-2.p12"
    file.write_bytes(leaf.p12("secret words"))
    assert "--passphrase-stdin" in cli("register", "press-2", str(file), "--yes")[2]
    assert cli("register", "press-2", str(file), "--passphrase-stdin", "--yes", stdin="wrong\n")[0] == 1
    assert hub.hub.devices["press-2"].secondary_thumbprint is None
    code, out, _ = cli("register", "press-2", str(file), "--passphrase-stdin", "--yes", stdin="secret words\n")
    assert code == 0
    assert hub.hub.devices["press-2"].secondary_thumbprint == leaf.sha256
    assert "--stage promote" in out
    stored = b"".join(
        path.read_bytes() for path in Path(os.environ["HUBWARDEN_STATE_DIR"]).rglob("*") if path.is_file()
    )
    assert b"secret words" not in stored


def test_deleting_what_devices_need_must_be_accepted(hub: HubRunner, cli: Run, ca_file: str) -> None:
    cli("upload", ca_file, "--name", "plants", "--verified", "--yes")
    code, _, err = cli("delete", "plants", "--yes")
    assert (code, at_hub(hub)) == (1, {"plants": True})
    assert "--accept ca-cut" in err
    assert cli("delete", "plants", "--yes", "--accept", "ca-cut")[0] == 0
    assert at_hub(hub) == {}


@pytest.fixture
def ca_folder(tmp_path: Path) -> Callable[..., str]:
    """Make CAs with the console's own tools, as `hubwarden cert ca` does."""
    pki = Pki(None, system_clock)

    def made(name: str = "plants", passphrase: str = "") -> str:
        folder = tmp_path / name
        pki.create_root(AuthorityOrder(name), folder, Secret(passphrase) if passphrase else None)
        return str(folder)

    return made


def test_a_ca_whose_key_is_here_is_proved_in_one_go(
    hub: HubRunner, cli: Run, ca_folder: Callable[..., str], tmp_path: Path
) -> None:
    folder = ca_folder()
    assert cli("upload", f"{folder}/ca.cert.pem", "--name", "plants", "--yes")[0] == 0
    code, out, _ = cli("prove", "plants", "--ca", folder)
    assert (code, at_hub(hub)) == (0, {"plants": False})
    assert "the code is signed with the key in" in out.replace("\n", " ")
    done = document(cli("prove", "plants", "--ca", folder, "--json", "--yes")[1], "plan")
    assert done["applied"]
    assert [change["kind"] for change in done["changes"]] == ["certificate.code", "certificate.prove"]
    assert [change["result"] for change in done["changes"]] == ["applied", "applied"]
    assert at_hub(hub) == {"plants": True}


def test_what_is_done_in_one_go_is_told_in_turn(hub: HubRunner, cli: Run, ca_folder: Callable[..., str]) -> None:
    folder = ca_folder()
    cli("upload", f"{folder}/ca.cert.pem", "--name", "plants", "--yes")
    code, out, err = cli("prove", "plants", "--ca", folder, "--yes")
    assert (code, err) == (0, "")
    places = [out.index(text) for text in ("verificationCode", "the code is", "isVerified", "read back as planned")]
    assert places == sorted(places)


def test_a_sealed_key_is_opened_and_a_wrong_one_found_out_before_a_code_is_asked_for(
    hub: HubRunner, cli: Run, ca_folder: Callable[..., str], tmp_path: Path
) -> None:
    folder = ca_folder("sealed", "correct horse battery")
    other = ca_folder("other")
    cli("upload", f"{folder}/ca.cert.pem", "--name", "plants", "--yes")
    etag = hub.hub.certificates["plants"]["etag"]
    for arguments, stdin in (
        (("--ca", folder), ""),
        (("--ca", folder, "--passphrase-stdin"), "wrong words here\n"),
        (("--ca", other), ""),
        (("--ca", str(tmp_path / "nowhere")), ""),
    ):
        code, _, err = cli("prove", "plants", *arguments, "--yes", stdin=stdin)
        assert code in {1, 2}, err
        assert "Traceback" not in err
        assert ("with --passphrase-stdin" in err) == (arguments == ("--ca", folder))
    assert hub.hub.certificates["plants"]["etag"] == etag, "no code was asked for"
    code, out, _ = cli(
        "prove", "plants", "--ca", folder, "--passphrase-stdin", "--yes", stdin="correct horse battery\n"
    )
    assert (code, at_hub(hub)) == (0, {"plants": True}), out


def test_read_only_stops_before_a_code_is_asked_for(hub: HubRunner, cli: Run, ca_folder: Callable[..., str]) -> None:
    folder = ca_folder()
    cli("upload", f"{folder}/ca.cert.pem", "--name", "plants", "--yes")
    etag = hub.hub.certificates["plants"]["etag"]
    code, _, err = cli("prove", "plants", "--ca", folder, "--yes", write=False)
    assert code == 1
    assert "read-only" in err
    assert hub.hub.certificates["plants"]["etag"] == etag


def test_a_proof_that_the_hub_refuses_is_told_after_the_code(
    hub: HubRunner, cli: Run, ca_folder: Callable[..., str]
) -> None:
    folder = ca_folder()
    cli("upload", f"{folder}/ca.cert.pem", "--name", "plants", "--yes")
    hub.faults.add("server-error", endpoint="arm", path="/verify$", count=1)
    code, out, err = cli("prove", "plants", "--ca", folder, "--yes")
    assert (code, at_hub(hub)) == (1, {"plants": False})
    assert "the code is" in out
    assert "NOT done" in err

"""`hubwarden dps …` against the local hub: JSON as documented, plans that change nothing, keys only where asked for."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.authorities import authority
from support.hub import HubRunner
from support.provisioning import endorsement_key, hub, register, runner, service_of  # noqa: F401

from console.cli.main import run
from console.cli.schemas import SCHEMAS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(
    hub: HubRunner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))

    def call(*arguments: str, secret: bool = False, stdin: str = "") -> tuple[int, str, str]:
        import io
        import sys

        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capsys.readouterr()
        code = run(["--profile", hub.ready["profile"], "--write", "dps", *arguments])
        out, err = capsys.readouterr()
        if not secret:
            assert not any(key in out + err for key in keys(hub))
        return code, out, err

    return call


def keys(hub: HubRunner) -> set[str]:
    service = service_of(hub)
    records = [*service.enrollments.values(), *service.groups.values()]
    held = [*service.policies.values(), *records]
    return {key for one in held for key in (one.primary_key, one.secondary_key) if key}


def read(said: str, noun: str) -> Any:
    document = json.loads(said)
    jsonschema.validate(document, SCHEMAS[noun])
    return document


EK_PEM = (
    rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


def test_every_attestation_is_enrolled_and_listed(hub: HubRunner, cli: Run, tmp_path: Path) -> None:
    ca = authority("Lyon CA")
    certificate, key = tmp_path / "ca.pem", tmp_path / "ek.pub"
    certificate.write_bytes(ca.pem)
    key.write_bytes(base64.b64decode(endorsement_key()))  # as tpm2_createek writes it
    (tmp_path / "leaf.pem").write_bytes(ca.issue("press-2").pem)
    pair = "\n".join(base64.b64encode(letter * 32).decode() for letter in (b"k", b"q"))
    assert cli("create", "press-1", "--attestation", "symmetric-key", "--keys-stdin", stdin=pair, secret=True)[0] == 0
    assert not service_of(hub).enrollments  # a plan changes nothing
    made: list[tuple[str, ...]] = [
        ("press-1", "--attestation", "symmetric-key", "--keys-stdin", "--tag", "site=lyon"),
        ("press-2", "--attestation", "x509", "--certificate", str(tmp_path / "leaf.pem")),
        ("gateway-1", "--attestation", "tpm", "--endorsement-key-file", str(key), "--edge"),
        ("lyon", "--group", "--attestation", "x509", "--certificate", str(certificate)),
        ("presses", "--group", "--attestation", "symmetric-key", "--iot-hub", hub.hub.host, "--allocation", "static"),
    ]
    for arguments in made:
        code, out, err = cli("create", *arguments, "--yes", "--json", stdin=pair)
        assert code == 0, err
        assert read(out, "plan")["applied"]
    assert service_of(hub).enrollments["press-1"].primary_key == pair.split()[0]
    found = {one["id"]: one for one in read(cli("enrollments", "--json")[1], "enrollments")["items"]}
    assert {name: one["attestation"] for name, one in found.items()} == {
        "press-1": "symmetricKey",
        "press-2": "x509",
        "gateway-1": "tpm",
    }
    assert found["gateway-1"]["edge"]
    groups = {one["id"]: one for one in read(cli("groups", "--json")[1], "enrollments")["items"]}
    assert groups["lyon"]["certificates"][0]["sha256"] == ca.sha256
    assert groups["presses"]["hubs"] == [hub.hub.host]
    assert "press-2" in cli("enrollments")[1]
    assert "static" not in cli("groups")[2]


def test_an_endorsement_key_in_pem_is_converted_and_one_certificate_too_many_is_told(
    hub: HubRunner, cli: Run, tmp_path: Path
) -> None:
    def create(name: str, *arguments: str, stdin: str = "") -> tuple[int, str]:
        code, out, err = cli("create", name, *arguments, stdin=stdin)
        return code, " ".join((out + err).split())

    ca = authority("Lyon CA")
    leaf = ca.issue("press-2").pem
    files = {
        "ek.pem": EK_PEM.encode(),
        "ek16.txt": EK_PEM.encode("utf-16"),
        "both.pem": leaf + ca.pem,
        "leaf.pem": leaf,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for name, source in (("gw-1", "ek.pem"), ("gw-2", "ek16.txt")):
        file = ("--attestation", "tpm", "--endorsement-key-file", str(tmp_path / source))
        assert "made of the public key by TCG's template L-1" in create(name, *file)[1]
        assert create(name, *file, "--yes")[0] == 0
    assert create("gw-3", "--attestation", "tpm", "--endorsement-key", "-", "--yes", stdin=EK_PEM)[0] == 0
    bodies = [service_of(hub).enrollments[name].body for name in ("gw-1", "gw-2", "gw-3")]
    (key,) = {one["attestation"]["tpm"]["endorsementKey"] for one in bodies}
    held = base64.b64decode(key)
    assert held[:4] == b"\x01\x3a\0\x01" and len(held) == 316
    both, one = str(tmp_path / "both.pem"), str(tmp_path / "leaf.pem")
    code, said = create("press-2", "--attestation", "x509", "--certificate", both)
    assert code == 1 and "holds 2 certificates" in said
    code, said = create("press-2", "--attestation", "x509", "--certificate", one, "--certificate", one)
    assert code == 0 and "primary and secondary certificate are the same" in said


def test_switching_blocking_deleting(hub: HubRunner, cli: Run) -> None:
    service = service_of(hub)
    assert cli("create", "presses", "--group", "--attestation", "symmetric-key", "--yes")[0] == 0
    register(hub, "press-1", "presses")
    assert cli("disable", "presses", "--group", "--yes")[0] == 0
    assert not service.groups["presses"].enabled
    assert cli("enable", "presses", "--group", "--yes")[0] == 0
    assert cli("block", "presses", "press-1", "--yes", "--reason", "stolen")[0] == 0
    assert not service.enrollments["press-1"].enabled
    code, _, err = cli("delete", "press-1", "--yes")
    assert (code, "press-1" in service.enrollments) == (1, True)
    assert "--accept block-lifted" in err
    assert cli("delete", "press-1", "--yes", "--accept", "block-lifted")[0] == 0
    assert cli("delete-registration", "press-1", "--yes")[0] == 0
    assert cli("delete", "presses", "--group", "--yes")[0] == 0
    assert not service.groups


def test_registrations_services_and_the_comparison(hub: HubRunner, cli: Run) -> None:
    assert cli("create", "presses", "--group", "--attestation", "symmetric-key", "--yes")[0] == 0
    register(hub, "press-1", "presses")
    document = read(cli("registrations", "presses", "--json")[1], "registrations")
    assert [(one["registration_id"], one["status"]) for one in document["items"]] == [("press-1", "assigned")]
    assert "press-1" in cli("registrations", "presses")[1]
    code, _, err = cli("registrations", "nobody")
    assert (code, "has no such group" in err) == (1, True)
    shown = read(cli("show", "--json")[1], "provisioning_services")["items"]
    assert shown[0]["policies"] is None
    assert shown[0]["hubs"][0]["host"] == hub.hub.host
    shown = read(cli("show", "--policies", "--json")[1], "provisioning_services")["items"]
    assert shown[0]["policies"]
    assert shown[0]["id_scope"] in cli("show")[1]
    code, out, _ = cli("cross-check", "--json")
    assert code == 1
    assert [one["finding"] for one in read(out, "provisioning_check")["items"]] == ["registered-not-in-hub"]
    assert cli("cross-check")[0] == 1


def test_keys_are_printed_where_they_are_asked_for(hub: HubRunner, cli: Run) -> None:
    assert cli("create", "presses", "--group", "--attestation", "symmetric-key", "--yes")[0] == 0
    record = service_of(hub).groups["presses"]
    _, out, _ = cli("keys", "presses", "--group", secret=True)
    assert out.split() == [record.primary_key, record.secondary_key]
    _, derived, _ = cli("derive-key", "press-1", "--group", "presses")
    _, offline, _ = cli("derive-key", "press-1", "--group-key-stdin", stdin=str(record.primary_key))
    assert derived == offline
    document = read(cli("derive-key", "press-1", "--group", "presses", "--json")[1], "enrollment_keys")
    assert document["items"] == [{"id": "press-1", "slot": "derived", "key": derived.strip()}]


def test_a_key_is_derived_without_any_profile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io
    import sys

    key = base64.b64encode(bytes(64)).decode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(key.encode())))
    assert run(["--profile", "/nowhere/at/all.toml", "dps", "derive-key", "press-1", "--group-key-stdin"]) == 0
    assert len(base64.b64decode(capsys.readouterr().out)) == 32


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("registrations", "no.such."), "no group id"),
        (("derive-key", "press-1"), "--group ID or --group-key-stdin"),
        (("derive-key", "press one", "--group", "x"), "no registration id"),
        (("create", "press_", "--attestation", "symmetric-key"), "no registration id"),
        (("create", "press", "--attestation", "x509"), "certificates or names"),
        (("create", "press", "--attestation", "x509", "--certificate", "/nowhere"), "cannot be read"),
        (("create", "press", "--attestation", "tpm", "--endorsement-key", "AAAA"), "endorsement key"),
        (("create", "press", "--attestation", "tpm", "--endorsement-key", "-", "--from-tpm"), "more than one way"),
        (("create", "press", "--attestation", "symmetric-key", "--keys-stdin"), "standard input"),
        (("create", "press", "--attestation", "symmetric-key", "--tag", "site"), "NAME=VALUE"),
    ],
)
def test_mistakes_end_in_one_sentence(cli: Run, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = cli(*arguments)
    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1

"""`hubwarden sas …`: without a profile, with one, with keys from where they may come, and what is refused."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from support.devices import register
from support.hub import HubRunner
from support.registry import PlainClient
from support.tokens import parse

from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.model.secret import Secret
from console.rules.sas import mint

Call = Callable[..., tuple[int, str, str]]
KEY = base64.b64encode(bytes(range(32))).decode()
HOST = "contoso-plants.azure-devices.net"
DEVICE = f"HostName={HOST};DeviceId=press-1;SharedAccessKey={KEY}"
MODULE = f"HostName={HOST};DeviceId=press-1;ModuleId=m;SharedAccessKey={KEY}"
OLD = mint(HOST, Secret(KEY), datetime(2026, 1, 1, tzinfo=UTC), "p").reveal()
POLICY = f"HostName={HOST};SharedAccessKeyName=service;SharedAccessKey={KEY}"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))  # no profile of the tester's own

    def run_it(*arguments: str, given: str = "", profile: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        capsys.readouterr()
        code = run([*(("--profile", profile) if profile else ()), "sas", *arguments])
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return code, out, err

    return run_it


def document(text: str, noun: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMAS[noun])
    return found


# --- without a profile -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "given", "resource", "policy"),
    [
        (("device", "press-1", "--hub", HOST), KEY, f"{HOST}/devices/press-1", ""),
        (("device", "press#1", "--hub", f"https://{HOST}/"), KEY + "\n", f"{HOST}/devices/press#1", ""),
        (("device", "press-1", "--hub", HOST, "--policy", "device"), KEY, f"{HOST}/devices/press-1", "device"),
        (("module", "press-1", "m", "--hub", HOST), KEY, f"{HOST}/devices/press-1/modules/m", ""),
        (("policy", "service", "--hub", HOST), KEY, HOST, "service"),
        (("dps", "press-1", "--scope", "0ne00A1B2C3"), KEY, "0ne00A1B2C3/registrations/press-1", "registration"),
        (
            ("dps", "--policy", "owner", "--hub", "x.azure-devices-provisioning.net"),
            KEY,
            "x.azure-devices-provisioning.net",
            "owner",
        ),
        (("device", "press-1"), DEVICE, f"{HOST}/devices/press-1", ""),
        (("module", "press-1", "m"), MODULE, f"{HOST}/devices/press-1/modules/m", ""),
        (("policy", "SERVICE"), POLICY, HOST, "service"),
        (("device", "press-1"), POLICY, f"{HOST}/devices/press-1", "service"),
    ],
)
def test_a_token_from_a_key_or_a_connection_string(call: Call, arguments, given, resource, policy) -> None:
    code, out, err = call(*arguments, "--key-stdin", "--quiet", given=given)
    assert (code, err) == (0, "")
    parts = parse(out)
    assert (parts.resource, parts.policy) == (resource, policy)
    assert out == mint(resource, Secret(KEY), parts.expires, policy).reveal() + "\n"
    left = (parts.expires - datetime.now(UTC)).total_seconds()
    assert 3590 < left <= 3600


def test_facts_and_json(call: Call) -> None:
    code, out, _ = call("device", "press-1", "--hub", HOST, "--key-stdin", "--ttl", "8h", given=KEY)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("SharedAccessSignature sr=")
    assert "one device: press-1" in out
    found = document(
        call("policy", "p", "--hub", HOST, "--key-stdin", "--json", "--ttl", "100000", given=KEY)[1], "sas_token"
    )
    (item,) = found["items"]
    assert (item["resource"], item["policy"], item["ttl_seconds"]) == (HOST, "p", 100000)
    assert parse(item["token"]).policy == "p"
    assert "1 d" in found["warnings"][0]["message"]


@pytest.mark.parametrize("ttl", ["0", "-1", "-3600", "0m"])
def test_no_lifetime_is_wrong_usage_and_no_key_is_asked_for(call: Call, ttl: str) -> None:
    code, out, err = call("device", "press-1", "--hub", HOST, "--ttl", ttl)
    assert (code, out) == (2, "")
    assert "ends before it begins" in err


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (("device", "press-1", "--hub", HOST, "--ttl", "soon"), KEY, "no number of seconds"),
        (("device", "press-1", "--hub", HOST, "--ttl", "9" * 12), KEY, "after the year 9999"),
        (("device", "press 1", "--hub", HOST), KEY, "a blank"),
        (("device", "press-1", "--hub", "contoso"), KEY, "contoso.azure-devices.net"),
        (("device", "press-1", "--hub", HOST), "", "no key"),
        (("device", "press-1", "--hub", HOST), "not-base64!", "not base64"),
        (("device", "press-1", "--hub", HOST), KEY[:8], "6 bytes"),
        (("device", "press-1", "--hub", HOST), f"{KEY} {KEY}", "more than one word"),
        (("device", "press-2"), DEVICE, "press-2 by the command and press-1 by the connection string"),
        (("device", "press-1"), MODULE, "the module is none by the command and m"),
        (("device", "press-1", "--hub", "other.azure-devices.net"), DEVICE, "other.azure-devices.net by the command"),
        (("device", "press-1", "--policy", "p"), DEVICE, "the signer"),
        (("policy", "registry"), POLICY, "registry by the command and service"),
        (("policy", "p"), DEVICE, "the device"),
        (("device", "press-1"), f"HostName={HOST};DeviceId=press-1;x509=true", "by certificate"),
        (("device", "press-1", "--hub", HOST), OLD, "a token"),
        (("dps", "press-1"), KEY, "--scope"),
        (("dps", "press-1", "--scope", "0ne00A1B2C3"), DEVICE, "enrollment's key"),
    ],
)
def test_what_cannot_be_is_wrong_usage_with_one_sentence(call: Call, arguments, given, words) -> None:
    code, out, err = call(*arguments, "--key-stdin", given=given)
    assert out == ""
    assert words in err
    assert code == 2 or (code == 1 and ("base64" in words or "bytes" in words))


@pytest.mark.parametrize(
    "arguments",
    [
        ("device", "press-1", KEY, "--hub", HOST, "--key-stdin"),
        ("device", KEY, "--hub", HOST, "--key-stdin"),
        ("device", "press-1", "--hub", HOST, "--key", KEY),
        ("device", "press-1", "--connection-string", DEVICE),
        ("policy", POLICY),
        ("inspect", OLD),
        ("inspect", KEY),
        ("ledger", KEY),
    ],
)
def test_a_key_or_token_is_never_taken_from_an_argument(call: Call, arguments) -> None:
    code, out, err = call(*arguments, given=KEY)
    assert (code, out) == (2, "")
    assert "never taken from an argument" in err
    assert "history" in err


def test_a_key_where_the_lifetime_belongs_is_not_repeated(call: Call) -> None:
    code, _, err = call("device", "press-1", "--hub", HOST, "--key-stdin", "--ttl", KEY, given=KEY)
    assert code == 2
    assert KEY[:8] not in err


def test_one_argument_too_many_is_named(call: Call) -> None:
    code, _, err = call("device", "press-1", "press-2", "--hub", HOST, "--key-stdin", given=KEY)
    assert code == 2
    assert "“press-2” is one argument too many" in err


def test_a_token_is_delivered_though_there_is_no_ledger(call: Call, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    code, out, err = call("device", "press-1", "--hub", HOST, "--key-stdin", "--quiet", given=KEY)
    assert code == 0
    assert parse(out).resource == f"{HOST}/devices/press-1"
    assert "the ledger did not get it" in err


def test_nothing_heavy_is_imported_and_no_profile_is_read(tmp_path: Path) -> None:
    program = (
        "import sys; from console.cli.main import run; "
        f"code = run(['sas', 'device', 'press-1', '--hub', '{HOST}', '--key-stdin', '--quiet']); "
        "heavy = {'azure', 'cryptography', 'textual', 'msrest', 'tomllib', 'ssl', 'requests'}; "
        "print(code, sorted(heavy & {name.partition('.')[0] for name in sys.modules}), 'console.config' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=KEY,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HUBWARDEN_STATE_DIR": str(tmp_path)},
    )
    assert done.stdout.splitlines()[-1] == "0 [] False"
    assert (tmp_path / "ledger.db").exists()


# --- inspect and ledger -------------------------------------------------------------------------------------------


def token(minutes: int = 60, device: str = "press-1") -> str:
    return mint(f"{HOST}/devices/{device}", Secret(KEY), datetime.now(UTC) + timedelta(minutes=minutes)).reveal()


def test_inspecting(call: Call) -> None:
    text = token()
    code, out, _ = call("inspect", "--key-stdin", "--wanted", "press-1", given=f"Authorization: {text}\n{KEY}\n")
    assert (code, out.splitlines()[0].split()[0]) == (0, "VALID")
    signature = unquote(text.partition("sig=")[2].partition("&")[0])
    assert signature not in out
    code, out, _ = call("inspect", "--wanted", "press-2", given=text)
    assert code == 1
    assert out.startswith(" WRONG RESOURCE")
    code, out, _ = call("inspect", "--json", "--key-stdin", given=f"{token(-5)}\n{POLICY}")
    assert code == 1
    (item,) = document(out, "sas_inspection")["items"]
    assert item["verdict"] == "wrong key"
    assert [one["id"] for one in item["findings"]] == ["skn-missing", "expired"]
    assert item["seconds_left"] < 0
    code, out, _ = call("inspect", "--json", given=DEVICE)
    (item,) = document(out, "sas_inspection")["items"]
    assert (code, item["kind"], item["verdict"]) == (0, "device connection string", "not verified")
    assert item["resource"] is None
    assert call("inspect", given="nonsense")[0] == 1
    assert call("inspect", given="")[0] == 2
    assert call("inspect", "--key-stdin", given=text)[0] == 2


def test_a_token_broken_over_lines_is_put_together(call: Call) -> None:
    text = token()
    code, out, _ = call("inspect", "--key-stdin", given=f"{text[:70]}\n{text[70:]}\n{KEY}\n")
    assert code == 1
    assert out.startswith(" MALFORMED")
    assert "fits the key given" in out


def test_the_ledger_is_listed(call: Call) -> None:
    assert document(call("ledger", "--json")[1], "sas_ledger")["items"] == []
    for ttl in ("1", "3600"):
        call("device", f"press-{ttl}", "--hub", HOST, "--key-stdin", "--ttl", ttl, given=KEY)
    found = document(call("ledger", "--json")[1], "sas_ledger")["items"]
    assert [one["resource"].rpartition("-")[2] for one in found] == ["3600", "1"]
    code, out, err = call("ledger")
    assert code == 0
    assert f"{HOST}/devices/press-3600" in out
    assert "2 minted here" in err


# --- with a profile -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1) as runner:
        yield runner


def test_the_key_by_profile_and_the_check_at_the_hub(call: Call, hub: HubRunner) -> None:
    register(hub, "press-1")
    profile = hub.ready["profile"]
    code, out, _ = call("policy", "iothubowner", "--quiet", "--reason", "drill", profile=profile)
    assert code == 0
    assert PlainClient(hub, out.strip())("GET", "/devices/press-1").status_code == 200
    code, out, _ = call("device", "press-1", "--quiet", profile=profile)
    assert code == 0
    code, told, _ = call("inspect", "--at-hub", given=out, profile=profile)
    assert (code, told.split()[0]) == (0, "VALID")
    assert "fits the primary key of device press-1" in told
    assert "s apart from this machine's" in told
    found = document(call("ledger", "--json", "--valid")[1], "sas_ledger")["items"]
    assert all("operator" in one["who"] or "client secret" in one["who"] for one in found)
    with hub.hub.lock:
        hub.hub.devices["press-1"].status = "disabled"
    code, told, _ = call("inspect", "--at-hub", "--json", given=out, profile=profile)
    assert (code, document(told, "sas_inspection")["items"][0]["verdict"]) == (1, "refused")
    assert call("inspect", "--at-hub", "--key-stdin", given=f"{out}\n{KEY}", profile=profile)[0] == 2
    assert call("device", "nobody", profile=profile)[0] == 1


def test_a_key_given_for_the_profiles_hub(call: Call, hub: HubRunner) -> None:
    code, out, _ = call("device", "press-1", "--key-stdin", "--quiet", given=KEY, profile=hub.ready["profile"])
    assert code == 0
    assert parse(out).host == hub.hub.host
    code, _, err = call("device", "press-1", "--key-stdin", given=KEY)  # no profile and no --hub
    assert code == 2
    assert "profile" in err

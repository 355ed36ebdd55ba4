"""`hubwarden devices enable|disable|…` against the local hub: plans change nothing, `--yes` does, exit codes tell."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.devices import register
from support.hub import HubRunner

from console.cli.main import run
from console.cli.schemas import SCHEMAS

IDS = [f"press-{number:02}" for number in range(12)]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        yield runner


@pytest.fixture
def cli(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    with hub.hub.lock:
        hub.hub.devices.clear()
    for device_id in IDS:
        register(hub, device_id)

    def call(*arguments: str, write: bool = True, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run(["--profile", hub.ready["profile"], *(["--write"] if write else []), "devices", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    yield call
    hub.faults.clear()


def document(text: str, noun: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMAS[noun])
    return found


def status(hub: HubRunner, device_id: str = IDS[0]) -> tuple[str, str | None]:
    record = hub.hub.devices[device_id]
    return record.status, record.status_reason


def test_a_plan_changes_nothing_and_yes_makes_it(hub: HubRunner, cli: Run) -> None:
    code, out, err = cli("disable", IDS[0], "--reason", "stolen")
    assert code == 0
    assert "disable press-00" in out
    assert "stolen" in out
    assert "Nothing was changed" in err
    assert status(hub) == ("enabled", None)
    assert cli("disable", IDS[0], "--reason", "stolen", "--yes")[0] == 0
    assert status(hub) == ("disabled", "stolen")
    code, out, _ = cli("disable", IDS[0], "--yes")
    assert (code, "nothing to do" in out) == (0, True)
    assert cli("enable", IDS[0], "--clear-reason", "--yes")[0] == 0
    assert status(hub) == ("enabled", None)


def test_yes_without_write_is_refused(hub: HubRunner, cli: Run) -> None:
    code, _, err = cli("disable", IDS[0], "--yes", write=False)
    assert (code, "read-only" in err) == (1, True)
    code, _, err = cli("disable", *IDS[:3], "--yes", write=False)
    assert (code, "read-only" in err) == (1, True)
    assert status(hub) == ("enabled", None)


@pytest.mark.parametrize(
    "arguments",
    [
        ("disable",),
        ("disable", "a/b"),
        ("disable", "a", "--reason", "x" * 129),
        ("disable", "a", "--filter", "press"),
        ("disable", "--filter", "auth:nonsense"),
        ("disable", "-"),
        ("enable", "a", "--clear-reason", "--reason", "x"),
        ("rotate-keys", "a"),
        ("rotate-keys", "a", "--key", "third"),
        ("set-thumbprint", "a", "--thumbprint", "xyz"),
        ("set-thumbprint", "a", "--thumbprint", "ab" * 32, "--stage", "retire"),
        ("set-thumbprint", "a", "b"),
        ("set-thumbprint", "a", "b", "--thumbprint", "ab" * 32),
        ("set-thumbprint", "a", "--stage", "secondary"),
        ("create", "ü"),
        ("create", "new", "--auth", "x509-thumbprint"),
        ("create", "new", "--thumbprint", "ab" * 32),
    ],
)
def test_wrong_usage_is_2_and_reaches_no_hub(hub: HubRunner, cli: Run, arguments: tuple[str, ...]) -> None:
    hub.faults.add("server-error", endpoint="hub")
    assert cli(*arguments)[0] == 2


def test_rotating_both_keys_needs_the_risk_by_its_id_and_prints_no_key(hub: HubRunner, cli: Run) -> None:
    record = hub.hub.devices[IDS[0]]
    keys = {record.primary_key, record.secondary_key}
    code, out, err = cli("rotate-keys", IDS[0], "--key", "both", "--yes")
    assert (code, "--accept both-keys" in err) == (1, True)
    assert {record.primary_key, record.secondary_key} == keys
    code, plan, err = cli("rotate-keys", IDS[0], "--key", "both", "--json")
    assert [risk["id"] for risk in document(plan, "plan")["risks"] if risk["blocking"]] == ["both-keys"]
    code, more, _ = cli("rotate-keys", IDS[0], "--key", "both", "--yes", "--accept", "both-keys", "--json")
    assert (code, document(more, "plan")["applied"]) == (0, True)
    for key in {*keys, record.primary_key, record.secondary_key}:
        assert key
        assert key not in out + plan + more + err


def test_the_stages_of_a_thumbprint_follow_by_themselves(hub: HubRunner, cli: Run) -> None:
    record = register(hub, "robot-1", auth="selfSigned", primary_thumbprint="AB" * 32)
    assert cli("set-thumbprint", "robot-1")[0] == 2, "none is under way, and no new one was given"
    assert cli("set-thumbprint", "robot-1", "--thumbprint", "cd:" * 31 + "cd", "--yes")[0] == 0
    assert record.secondary_thumbprint == "cd" * 32
    code, _, err = cli("set-thumbprint", "robot-1", "--yes")
    assert (code, "promote" in err) == (0, True)
    assert (record.primary_thumbprint, record.secondary_thumbprint) == ("cd" * 32, "AB" * 32)
    assert cli("set-thumbprint", "robot-1", "--yes")[0] == 1, "it has not been seen to move over"
    assert cli("set-thumbprint", "robot-1", "--yes", "--accept", "not-moved")[0] == 0
    assert (record.primary_thumbprint, record.secondary_thumbprint) == ("cd" * 32, None)


def test_create_and_delete(hub: HubRunner, cli: Run) -> None:
    assert cli("create", "new-1", "--yes")[0] == 0
    assert cli("create", "new-2", "--auth", "x509-ca", "--edge", "--yes")[0] == 0
    assert hub.hub.devices["new-2"].edge
    code, _, err = cli("create", "new-1", "--yes")
    assert (code, "has a device of this id" in err) == (1, True)
    assert cli("delete", "new-1", "--yes")[0] == 1
    assert cli("delete", "new-1", "--yes", "--accept", "twin-lost")[0] == 0
    assert "new-1" not in hub.hub.devices
    code, _, err = cli("delete", "new-1")
    assert (code, "no such device" in err) == (1, True)


def test_many_devices_from_standard_input_and_by_filter(hub: HubRunner, cli: Run) -> None:
    code, out, err = cli("disable", "-", stdin="\n".join(IDS[:3]) + "\n\n")
    assert (code, "disable 3 devices" in out, "Nothing was changed" in err) == (0, True, True)
    assert cli("disable", "-", "--yes", "--reason", "recall", stdin="\n".join(IDS[:3]))[0] == 0
    assert [status(hub, one) for one in IDS[:4]] == [("disabled", "recall")] * 3 + [("enabled", None)]
    code, out, err = cli("enable", "--filter", "press", "--yes")
    assert (code, "--accept bulk" in err) == (1, True)
    code, out, _ = cli("enable", "--filter", "press", "--yes", "--accept", "bulk", "--json")
    found = document(out, "device_changes")
    assert (code, found["applied"], found["left"]) == (0, True, [])
    assert (found["counts"]["applied"], found["counts"]["nothing-to-do"]) == (3, 9)
    assert cli("disable", "--filter", "nobody-is-called-so")[0] == 1


def test_a_partial_failure_is_1_and_can_be_resumed(hub: HubRunner, cli: Run) -> None:
    before = {one: hub.hub.devices[one].primary_key for one in IDS}
    hub.faults.add("server-error", endpoint="hub", path="press-04", method="PUT")
    arguments = ("rotate-keys", *IDS, "--key", "primary", "--yes", "--accept", "bulk", "--json")
    code, out, _ = cli(*arguments)
    found = document(out, "device_changes")
    assert (code, found["applied"], found["counts"]["failed"]) == (1, False, 1)
    hub.faults.clear()
    between = {one: hub.hub.devices[one].primary_key for one in IDS}
    assert [one for one in IDS if between[one] == before[one]] == ["press-04"]
    code, out, _ = cli(*arguments, "--resume", found["batch"])
    found = document(out, "device_changes")
    assert (code, found["applied"], found["devices"], len(found["done_before"])) == (0, True, ["press-04"], 11)
    after = {one: hub.hub.devices[one].primary_key for one in IDS}
    assert [one for one in IDS if after[one] != between[one]] == ["press-04"]
    assert cli("disable", *IDS, "--resume", found["batch"])[0] == 2, "it was begun by another command"


def test_ctrl_c_ends_after_the_device_it_is_at(hub: HubRunner, cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import signal

    from console.cli.device_bulk import _Progress

    count = _Progress.item

    def item(self: _Progress, one: Any) -> None:
        count(self, one)
        if one.device_id == IDS[3]:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(_Progress, "item", item)
    before = signal.getsignal(signal.SIGINT)
    code, out, err = cli("disable", *IDS, "--yes", "--accept", "bulk")
    assert code == 130
    assert [one for one in IDS if status(hub, one)[0] == "disabled"] == IDS[:4]
    assert "8 not reached" in out
    assert "--resume" in err
    assert signal.getsignal(signal.SIGINT) is before

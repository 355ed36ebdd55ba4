"""`hubwarden devices list` against the local hub: fresh, as kept, beside another console, and of any length."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from support.devices import register
from support.hub import HubRunner
from support.kept_fleet import NOW, filled
from support.kept_fleet import devices as made_up

from console.cli import devices_list
from console.cli.main import run
from console.cli.output import print_json_items, print_rows
from console.cli.schemas import SCHEMAS
from console.model.clock import system_clock
from console.services.fleet_file import FleetFile
from console.services.fleet_folder import clear

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", throttle=False) as runner:
        for number in range(40):
            register(runner, f"press-{number:02}", status="enabled" if number % 5 else "disabled")
        yield runner


@pytest.fixture
def cli(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--profile", hub.ready["profile"], "devices", "list", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    yield call
    hub.faults.clear()


def test_what_is_listed_was_read_now_and_is_kept(cli: Run, hub: HubRunner) -> None:
    code, out, err = cli("--cached")
    assert (code, out) == (1, "") and "No list of the devices is kept here" in err and "Without --cached" in err
    code, out, _ = cli("--json", "--sort", "activity", "--limit", "7")
    document = json.loads(out)
    jsonschema.validate(document, SCHEMAS["devices"])
    assert (code, document["total"], document["matching"], len(document["items"])) == (0, 40, 40, 7)
    assert document["stale"] is False
    hub.faults.add("throttle", endpoint="hub", count=99, path="devices/query$")
    code, out, err = cli("--cached", "--json")
    kept = json.loads(out)
    jsonschema.validate(kept, SCHEMAS["devices"])
    assert (code, kept["stale"], {one["device_id"] for one in kept["items"]}) == (0, True, set(hub.hub.devices))
    code, out, err = cli("--cached", "--filter", "status:disabled")
    assert code == 0 and len(out.splitlines()) == 1 + 8 and "as read 20" in err


def test_beside_another_console_that_reads_what_is_kept_is_listed_and_said(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices_list, "ELSEWHERE_SECONDS", 0.5)
    assert cli()[0] == 0
    path = next((tmp_path / "state" / "fleet").glob("*.db"))
    FleetFile(path, system_clock).begin()
    code, out, err = cli("--json")
    document = json.loads(out)
    assert (code, document["stale"], len(document["items"])) == (0, True, 40)
    assert document["warnings"][0]["code"] == "refreshing-elsewhere" and "another console does it" in err


def test_a_list_of_any_length_is_one_document_and_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    for count in (0, 1, 7):
        print_json_items({"a": 1, "items": ["x"], "warnings": []}, ({"n": number, "t": {}} for number in range(count)))
        found = json.loads(capsys.readouterr().out)
        assert found == {"a": 1, "items": [{"n": number, "t": {}} for number in range(count)], "warnings": []}
        whole = {"a": 1, "items": found["items"], "warnings": []}
        print_json_items(whole, iter(found["items"]))
        assert capsys.readouterr().out == json.dumps(whole, indent=2) + "\n", "as any other document is written"
    print_rows(("A", "B"), ((f"row {number}", "x" * number) for number in range(12)), block=5)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["A", *["row"] * 12] and lines[-1] == f"row 11  {'x' * 11}"
    print_rows(("A",), ())
    assert capsys.readouterr().out == "A\n"


def test_a_reading_that_ends_elsewhere_takes_nothing_away_from_one_that_writes_out(tmp_path: Path) -> None:
    held = made_up(60)
    file = filled(tmp_path, held)
    other = FleetFile(file.path, lambda: NOW + timedelta(hours=1))
    with file.steady():
        before = file.current()
        for _ in range(2):  # the second one drops the generation that is read here
            begun, _ = other.begin(anew=True)
            other.finish(begun.generation)
        assert file.current() == before
    assert file.current() != before


def test_lists_that_nobody_used_for_long_are_cleared_away(tmp_path: Path) -> None:
    file = filled(tmp_path, made_up(5))
    folder = file.path.parent
    old, broken, other = folder / "old.db", folder / "hub.db.corrupt-20260101T000000", folder / "notes.txt"
    for path in (old, broken, other):
        path.write_bytes(b"x")
        os.utime(path, (time.time() - 200 * 86_400,) * 2)
    clear(folder)
    assert not old.exists() and not broken.exists() and other.exists() and file.path.exists()
    clear(tmp_path / "nowhere")

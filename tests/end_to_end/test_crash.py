"""A console that dies between intent and outcome: the next one says so, and settles it by reading."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.hub import HubRunner
from support.waiting import until
from support.writes import later, writable_in

from console.services.journal import Journal


@pytest.fixture(scope="module")
def hub():
    with HubRunner(devices=20, history_hours=0) as runner:
        yield runner


@pytest.mark.parametrize(
    ("number", "taken", "result"),
    [
        (signal.SIGKILL, False, "not-applied"),
        (signal.SIGKILL, True, "applied"),
        (signal.SIGINT, False, "not-applied"),
        (signal.SIGTERM, False, "not-applied"),
    ],
)
def test_an_outcome_that_nobody_noted_is_unknown_until_it_is_read(
    hub: HubRunner, tmp_path: Path, run_cli, number: int, taken: bool, result: str
) -> None:
    device_id = list(hub.hub.devices)[number + taken]  # one for each: what waits at the hub still arrives in the end
    hub.hub.devices[device_id].status = "enabled"
    state = tmp_path / "state"
    hub.faults.add("latency", endpoint="hub", method="PUT", seconds=60)
    command = [sys.executable, "-m", "console", "--profile", hub.ready["profile"], "--write"]
    command += ["devices", "disable", device_id, "--reason", "stolen", "--yes"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "HUBWARDEN_STATE_DIR": str(state)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    journal = Journal(state)
    try:
        until(journal.entries, "the intent")
        assert journal.entries()[0].state.value == "in-progress"
        process.send_signal(number)
        errors = process.communicate(timeout=60)[1]
        assert "Traceback" not in errors
        assert ("Interrupted" in errors) is (number is signal.SIGINT)
    finally:
        process.kill()
        hub.faults.clear()
    if taken:  # the write got through all the same
        hub.hub.devices[device_id].status = "disabled"
        hub.hub.devices[device_id].status_reason = "stolen"
    profile = ("--profile", hub.ready["profile"])
    listed = run_cli(*profile, "journal", "list", "--json")
    (entry,) = json.loads(listed.stdout)["items"]
    assert entry["result"] == "unknown"
    spoken = run_cli(*profile, "journal", "list")
    assert "OUTCOME UNKNOWN" in spoken.stderr
    assert "--re-read" in spoken.stderr
    settled = run_cli(*profile, "journal", "show", entry["id"], "--re-read", "--json")
    (told,) = json.loads(settled.stdout)["items"]
    if not taken:
        assert told["result"] == "unknown"
        assert "may still arrive" in told["message"]
        services = later(writable_in(hub, state))
        assert services.changes.undo.settle(services.changes.journal.entry(entry["id"])).state.value == result
    else:
        assert told["result"] == result
    assert "OUTCOME UNKNOWN" not in run_cli(*profile, "journal", "list").stderr
    assert run_cli("journal", "verify").returncode == 0


def test_a_refused_undo_of_an_unknown_outcome_names_the_way(hub: HubRunner, tmp_path: Path, run_cli) -> None:
    result = run_cli("--profile", hub.ready["profile"], "journal", "undo")
    assert result.returncode == 1
    assert "nothing to undo" in result.stderr

"""A state folder that cannot be written stops changes, before anything is sent, and no reading."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.depth import trials
from support.hub import HubRunner
from support.terminal import Terminal
from support.writes import writable_in

from console.model.change import Consent
from console.model.document import Target, TargetKind
from console.rules.planning import change_of, copied

ROOT = Path(__file__).parents[2]
PYTHON = [sys.executable, "-m", "console"]
Wrapped = Callable[[Path], list[str]]
READINGS = [
    ("devices", "list", "--json"),
    ("devices", "show", "DEVICE"),
    ("connections", "--json"),
    ("network", "show", "--json"),
    ("network", "simulate", "--add-rule", "more=10.9.0.0/16"),
    ("access", "assignments"),
    ("access", "roles"),
    ("dps", "show"),
    ("hubs", "--json"),
    ("cert", "list"),
    ("cert", "hub"),
    ("sas", "ledger"),
    ("profile", "check"),
    ("journal", "list", "--json"),
    ("journal", "show", "ENTRY", "--json"),
    ("journal", "verify"),
    ("journal", "export"),
]
CHANGES = [
    ("devices", "disable", "DEVICE", "--reason", "stolen", "--yes"),
    ("network", "set", "--add-rule", "more=10.9.0.0/16", "--yes"),
    ("journal", "undo", "ENTRY", "--yes"),
    ("policy", "create", "p", "--rights", "RegistryRead", "--yes"),
]


@pytest.fixture(scope="module")
def hub():
    with HubRunner(devices=20, history_hours=0) as runner:
        yield runner


def bound(state: Path) -> list[str]:
    """Run with the folder mounted read-only, as on a rescue system: root, too, cannot write there then."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, str(state), *PYTHON]


def mounts(state: Path) -> bool:
    """Whether a folder can be mounted read-only here, and then really refuses."""
    touch = [*bound(state)[: -len(PYTHON)], "touch", str(state / "x")]
    try:
        probe = subprocess.run(touch, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    except FileNotFoundError:
        return False
    return "Read-only" in probe.stderr


@pytest.fixture(params=["mounted read-only", pytest.param("rights taken away", marks=pytest.mark.slow), "below a file"])
def place(request, hub: HubRunner, tmp_path: Path):
    """Return the command line's beginning, the state folder, and the id of a change in its journal, if it has one."""
    state = tmp_path / "state"
    if request.param == "below a file":
        (tmp_path / "file").write_text("")
        return PYTHON, tmp_path / "file" / "state", ""
    services = writable_in(hub, state)
    target = Target(TargetKind.HUB, hub.ready["hub_arm_id"])
    document = services.changes.reader.read(target)
    after = copied(document)
    after["tags"] = {"made": tmp_path.name}
    change = change_of("network.rules", "tags", target, document, after)
    assert services.changes.gate.apply(change, Consent()).applied
    assert not (state / "journal.db-shm").exists(), "nobody has it open: SQLite would want to make files to read it"
    if request.param == "mounted read-only":
        if not mounts(state):
            pytest.skip("this system lets nobody mount a folder read-only here")
        return bound(state), state, change.id
    for path in (state, *state.rglob("*")):
        path.chmod(0o500 if path.is_dir() else 0o400)
    if os.geteuid() == 0:
        tool = shutil.which("setpriv")
        if tool is None:
            pytest.skip("root may write everywhere, and there is no setpriv to be somebody less")
        drop = [tool, "--bounding-set", "-all", "--inh-caps", "-all", "--"]
        return [*drop, *PYTHON], state, change.id
    return PYTHON, state, change.id


def run(place, hub: HubRunner, *arguments: str) -> subprocess.CompletedProcess[str]:
    command, state, entry = place
    device = next(iter(hub.hub.devices))
    words = [{"DEVICE": device, "ENTRY": entry}.get(word, word) for word in arguments]
    return subprocess.run(
        [*command, "--profile", hub.ready["profile"], *words],
        capture_output=True,
        text=True,
        env={**os.environ, "HUBWARDEN_STATE_DIR": str(state), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def snapshot(hub: HubRunner) -> str:
    """Return what the changes would change."""
    with hub.hub.lock:
        states = {one.device_id: one.status for one in hub.hub.devices.values()}
        return json.dumps([hub.hub.resource, states, sorted(hub.hub.policies)], default=str)


@pytest.mark.slow
def test_keys_are_not_read_where_that_cannot_be_noted(place, hub: HubRunner) -> None:
    result = run(place, hub, "policy", "list")
    assert result.returncode == 1
    assert "cannot be used, so no keys were read" in result.stderr and "HUBWARDEN_STATE_DIR" in result.stderr


def test_everything_is_read_and_nothing_is_changed(place, hub: HubRunner) -> None:
    entry = place[2]
    for words in READINGS[:: trials(test=9, deep=1)]:
        if "ENTRY" in words and not entry:
            continue
        result = run(place, hub, *words)
        assert result.returncode == 0, (words, result.stderr)
        assert "broke" not in result.stderr and "Traceback" not in result.stderr, words
        if words[:2] == ("journal", "list") and entry:
            assert [item["id"] for item in json.loads(result.stdout)["items"]] == [entry]
        if words[:2] == ("journal", "verify") and entry:
            assert "whole: 2 rows" in result.stdout
    before = snapshot(hub)
    for words in CHANGES[:: trials(test=4, deep=1)]:
        if "ENTRY" in words and not entry:
            continue
        result = run(place, hub, "--write", *words)
        assert result.returncode == 1, (words, result.stdout, result.stderr)
        (said,) = [line for line in result.stderr.splitlines() if line.startswith("hubwarden: ")]
        assert "The journal" in said and "cannot be used" in said, words
        assert "HUBWARDEN_STATE_DIR" in said and "away" not in said
    assert snapshot(hub) == before


@pytest.mark.slow
def test_the_console_starts(place, hub: HubRunner) -> None:
    command, state, entry = place
    environment = {"HUBWARDEN_STATE_DIR": str(state), "PYTHONDONTWRITEBYTECODE": "1"}
    with Terminal([*command, "--profile", hub.ready["profile"]], 100, 30, environment) as terminal:
        terminal.wait("READ-ONLY", 60)
        terminal.send("2")
        terminal.wait("DEVICE", 60)
        terminal.send("0")
        terminal.wait("✓ applied" if entry else "JOURNAL", 60)
        terminal.send("V")
        terminal.wait("WHOLE", 60)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert b"Traceback" not in terminal.raw


def test_rows_that_a_process_that_died_left_in_the_log_are_read_too(tmp_path: Path) -> None:
    state = tmp_path / "state"
    code = (
        "import os, sys; sys.path.insert(0, 'tests'); from pathlib import Path; "
        "from support.journals import filled; import sqlite3; "
        "filled(Path(sys.argv[1]), 1); held = sqlite3.connect(Path(sys.argv[1]) / 'journal.db'); "
        "held.execute('SELECT count(*) FROM rows').fetchall(); filled(Path(sys.argv[1]), 1); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(state)], check=True, cwd=ROOT)
    (state / "journal.db-shm").unlink()
    assert (state / "journal.db-wal").stat().st_size > 0
    if not mounts(state):
        pytest.skip("this system lets nobody mount a folder read-only here")
    environment = {**os.environ, "HUBWARDEN_STATE_DIR": str(state), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*bound(state), "journal", "verify"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
    assert "whole: 4 rows" in result.stdout

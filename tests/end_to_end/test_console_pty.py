"""The console in a real terminal on a real local hub: every pane, both sizes, hostile data, hang-up."""

from __future__ import annotations

import json
import sys
import urllib.parse

import pytest
from support.terminal import Terminal

HOSTILE = "[/]\x1b]52;c;AAAA\x07"
TAGGED = "genoa-press-0417"
PANES = {"1": "FAILED CONNECTIONS", "2": "DEVICE", "3": "CAUSE"}


@pytest.fixture(scope="module")
def hub(local_hub):
    """The shared hub, with a hostile tag on a device and hostile text in a log row."""
    state = next(iter(local_hub.cloud.hubs.values()))
    with state.lock:
        device = next(iter(state.devices.values()))
        device.tags["note"] = HOSTILE
    return local_hub


def console(hub, tmp_path, columns, rows, *arguments):
    env = {"HUBWARDEN_STATE_DIR": str(tmp_path / "state"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "console", "--profile", hub.ready["profile"], *arguments]
    return Terminal(command, columns, rows, env)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_every_pane_is_whole_and_clean(hub, tmp_path, columns, rows):
    with console(hub, tmp_path, columns, rows) as terminal:
        terminal.wait("contoso-plants")
        terminal.wait("cut off by IP rules", 60)
        terminal.wait("READ-ONLY")
        for key, word in PANES.items():
            terminal.send(key)
            screen = terminal.wait(word, 60)
            assert "Traceback" not in screen
            assert "READ-ONLY" in screen
            assert "? help" in screen
            assert all(len(line) <= columns for line in terminal.lines())
        terminal.send("2")
        terminal.wait("genoa-")
        terminal.send("?")
        terminal.wait("KEYS AND COMMANDS")
        terminal.send("esc")
        terminal.wait(lambda text: "KEYS AND COMMANDS" not in text)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert b"\x1b]52" not in terminal.raw
        assert b"Traceback" not in terminal.raw
        assert b"excepthook" not in terminal.raw


def test_a_hostile_tag_is_spelled_out_in_the_detail(hub, tmp_path):
    state = next(iter(hub.cloud.hubs.values()))
    device_id = next(iter(state.devices))
    with console(hub, tmp_path, 80, 24) as terminal:
        terminal.wait("contoso-plants")
        terminal.send("2")
        terminal.wait("brno-", 60)
        terminal.send("/", device_id, "enter")
        terminal.wait(lambda text: device_id in text)
        terminal.send("enter")
        terminal.wait("\\x1b]52;c;AAAA\\x07", 60)
        assert b"\x1b]52" not in terminal.raw


def test_the_process_ends_when_the_terminal_goes_away(hub, tmp_path):
    with console(hub, tmp_path, 80, 24) as terminal:
        terminal.wait("contoso-plants")
        terminal.hang_up()
        terminal.wait_exit(10)


def test_no_network_is_a_clear_state_and_quitting_is_quick(tmp_path):
    profile = tmp_path / "profile.toml"
    dead = "https://localhost:9"
    profile.write_text(
        f'[profiles.dead]\nhub_name = "contoso-plants"\ntenant_id = "t"\n'
        f'[profiles.dead.endpoints]\narm = "{dead}"\nlogs = "{dead}"\nauthority = "{dead}"\nhub = "{dead}"\n'
        '[profiles.dead.credential]\nkind = "client-secret"\nclient_id = "c"\nsecret_from = "env:SECRET"\n'
    )
    env = {"HUBWARDEN_STATE_DIR": str(tmp_path / "state"), "SECRET": "not-a-real-secret-but-long-enough"}
    with Terminal([sys.executable, "-m", "console", "--profile", str(profile)], 80, 24, env) as terminal:
        terminal.wait("contoso-plants")
        terminal.wait(lambda text: "localhost" in text and ("reach" in text or "refused" in text), 60)
        terminal.send("q")
        assert terminal.wait_exit(5) == 0
        assert b"not-a-real-secret" not in terminal.raw


def test_figures_that_cannot_be_read_are_told_once_and_set_aside(hub, tmp_path):
    with console(hub, tmp_path, 80, 24) as terminal:
        terminal.wait("cut off by IP rules", 60)
        terminal.send("q")
        assert terminal.wait_exit() == 0
    (kept,) = (tmp_path / "state" / "overview").glob("*.json")
    kept.write_text("[" * 100_000)
    for told in (True, False):
        with console(hub, tmp_path, 200, 40) as terminal:
            if told:
                terminal.wait("The figures kept", 60)  # it goes away by itself
            terminal.wait("cut off by IP rules", 60)
            assert (b"figures kept" in terminal.raw) is told
            terminal.send("q")
            assert terminal.wait_exit() == 0
            assert b"Something broke" not in terminal.raw


def test_without_a_terminal_it_says_what_to_do(hub, tmp_path, run_cli):
    result = run_cli("--profile", hub.ready["profile"])
    assert result.returncode == 2
    assert "not a terminal" in result.stderr
    assert "--json" in result.stderr


def test_json_output_of_the_command_line_keeps_its_schema(hub, run_cli):
    jsonschema = pytest.importorskip("jsonschema")
    from console.cli.schemas import SCHEMAS

    first = next(iter(next(iter(hub.cloud.hubs.values())).devices))
    calls = {
        "devices": ("devices", "list", "--limit", "20", "--json"),
        "device": ("devices", "show", first, "--json"),
        "connections": ("connections", "--since", "1h", "--json"),
        "connection_events": ("connections", "--raw", "--limit", "50", "--json"),
        "profiles": ("profile", "show", "--json"),
        "profile_check": ("profile", "check", "--json"),
    }
    for noun, arguments in calls.items():
        result = run_cli("--profile", hub.ready["profile"], *arguments)
        assert result.returncode == 0, (noun, result.stderr)
        document = json.loads(result.stdout)
        jsonschema.validate(document, SCHEMAS[noun])
        assert document["items"], noun
        assert urllib.parse.quote("\x1b") not in result.stdout
        assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("devices", "show", "no-such-device"), 1, "no-such-device"),
        (("devices", "list", "--filter", "colour:red"), 2, "colour"),
        (("connections", "--since", "soon"), 2, "15m"),
        (("devises",), 2, "devices"),
    ],
)
def test_wrong_use_ends_in_one_sentence(hub, run_cli, arguments, code, words):
    result = run_cli("--profile", hub.ready["profile"], *arguments)
    assert result.returncode == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr

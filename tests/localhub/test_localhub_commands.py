"""The commands that look into a running local hub: messages, logs, faults; what devices wrote stays harmless."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub import HubRunner

from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.localhub.door import Attempt
from console.localhub.load import load

jsonschema = pytest.importorskip("jsonschema")
EVIL = "\x1b]0;x\x07\x9b2J\u202e"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        load(runner.cloud, {"devices": {"press": {}, "pump": {}}})
        world, clock = runner.server.world, runner.cloud.clock
        world.telemetry.add(clock.story(), "contoso-plants", "press", None, "k=v&%24.ct=text", EVIL.encode())
        world.telemetry.add(clock.story(), "contoso-plants", "pump", "m", "", b"\xff\xfe")
        world.doors.of(runner.hub).attempt(Attempt(clock.story(), f"evil{EVIL}", "127.9.9.9"))
        yield runner


@pytest.fixture
def command(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `hubwarden localhub ...` on the hub and return its output, parsed and checked for --json."""
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps(hub.ready))
    monkeypatch.setenv("HUBWARDEN_READY_FILE", str(ready))

    def call(*arguments: str) -> Any:
        assert run(["localhub", *arguments]) == 0
        out = capsys.readouterr().out
        assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e"}
        if "--json" not in arguments:
            return out
        document = json.loads(out)
        jsonschema.validate(document, SCHEMAS[document["schema"].removeprefix("hubwarden.").removesuffix("/1")])
        return document["items"]

    return call


def test_messages_exact_in_json_and_harmless_in_a_terminal(command: Any) -> None:
    first, second = command("messages", "--json")
    assert (first["body"], first["properties"], first["systemProperties"]) == (EVIL, {"k": "v"}, {"ct": "text"})
    assert (second["encoding"], second["body"], second["moduleId"]) == ("base64", "//4=", "m")
    assert [row["deviceId"] for row in command("messages", "--device", "pump", "--json")] == ["pump"]
    assert "pump/m  //4=" in command("messages")


def test_logs_join_requests_and_the_hub_s_records(command: Any) -> None:
    rows = command("logs", "--json")
    event = next(row for row in rows if row["kind"] == "event")
    assert (event["operation"], event["code"], event["properties"]["deviceId"]) == (
        "deviceConnect",
        "401003",
        f"evil{EVIL}",
    )
    assert "deviceConnect  401003" in command("logs", "--only", "events")
    assert "401003" not in command("logs", "--only", "requests")


def test_faults_in_json(command: Any) -> None:
    command("faults", "add", "connack", "--endpoint", "mqtt", "--code", "5", "--path", "^press$")
    [fault] = command("faults", "list", "--json")
    assert (fault["kind"], fault["endpoint"], fault["code"], fault["path"]) == ("connack", "mqtt", 5, "^press$")
    assert command("faults", "clear", fault["id"]) == "Removed.\n"


def test_a_message_to_a_device_waits_for_it(hub: HubRunner, command: Any) -> None:
    [sent] = command("send", "press", "--body", "stop", "--property", "why=heat", "--json")
    assert sent == {"device_id": "press", "bytes": 4}
    [waits] = hub.server.world.board.take(hub.hub, "press", None)
    assert (waits.body, waits.properties) == (b"stop", {"why": "heat"})


def test_messages_that_cannot_be_sent(hub: HubRunner, command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["localhub", "send", "nobody", "--body", "x"]) == 2
    assert run(["localhub", "send", "press", "--body", "x", "--property", "novalue"]) == 2
    assert "no device nobody" in capsys.readouterr().err

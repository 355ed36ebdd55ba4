"""Loads files into one local hub by the command; the hub is as at its start before every test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.hub import HubRunner

from console.cli.main import run
from console.cli.schemas import SCHEMAS


@pytest.fixture(scope="module")
def server() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        yield runner


@pytest.fixture
def hub(server: HubRunner) -> Iterator[HubRunner]:
    yield server
    server.server.reset()


@pytest.fixture
def load(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Load a document, text or bytes by command; return exit code, the JSON or stdout, stderr."""
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps(hub.ready))
    monkeypatch.setenv("HUBWARDEN_READY_FILE", str(ready))

    def call(given: Any, *more: str) -> tuple[int, Any, str]:
        raw = given if isinstance(given, bytes) else (given if isinstance(given, str) else json.dumps(given)).encode()
        (tmp_path / "devices.txt").write_bytes(raw)
        code = run(["localhub", "load", str(tmp_path / "devices.txt"), *more])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        if "--json" in more and not code:
            document = json.loads(out)
            jsonschema.validate(document, SCHEMAS["localhub_load"])
            return code, document, err
        return code, " ".join(out.split()), " ".join(err.split())

    return call

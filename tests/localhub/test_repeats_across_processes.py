"""The same seed and start tell the same story in two processes, whatever Python's own hashes are."""

from __future__ import annotations

import time
import urllib.parse
from typing import Any

import pytest
from support.hub import HubRunner, request

START = "2026-03-01T00:10:00Z"
LIVE_SECONDS = 2  # of the story after its start, which the fleet plays by the clock
EVENTS = (
    f"AzureDiagnostics | where TimeGenerated < datetime({START}) + {LIVE_SECONDS}s "
    "| extend p = parse_json(properties_s) "
    "| project TimeGenerated, DeviceId = tostring(p.deviceId), OperationName, ResultType, tostring(p.maskedIpAddress)"
)
DEVICES = "SELECT deviceId, authenticationType, status, statusReason, tags, capabilities FROM devices"


def told(monkeypatch: pytest.MonkeyPatch, hash_seed: str) -> dict[str, Any]:
    monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
    with HubRunner.subprocess(devices=500, seed=7, start=START) as process:
        ready = process.ready

        def token(audience: str) -> str:
            form = {
                "grant_type": "client_credentials",
                "client_id": ready["client_id"],
                "client_secret": ready["client_secret"],
                "scope": f"{audience}/.default",
            }
            url = f"{ready['authority']}/{ready['tenant_id']}/oauth2/v2.0/token"
            body = urllib.parse.urlencode(form).encode()
            return str(request(url, ca_file=ready["ca_file"], method="POST", body=body)[2]["access_token"])

        def post(url: str, audience: str, query: str) -> Any:
            call = {"ca_file": ready["ca_file"], "method": "POST", "body": {"query": query}}
            return request(url, token=token(audience), headers={"x-ms-max-item-count": "1000"}, **call)[2]

        url = f"{ready['logs_endpoint']}/v1/workspaces/{ready['workspace_id']}/query"
        logs = "https://api.loganalytics.io"
        over = f"print now() > datetime({START}) + {LIVE_SECONDS + 1}s"
        deadline = time.monotonic() + 60
        while not post(url, logs, over)["tables"][0]["rows"][0][0]:
            assert time.monotonic() < deadline, "the story's clock stands still"
        found = {
            "events": sorted(map(tuple, post(url, logs, EVENTS)["tables"][0]["rows"])),
            "devices": post(f"https://{ready['hub_host']}/devices/query", "https://iothubs.azure.net", DEVICES),
            "ids": {name: ready[name] for name in ("subscription_id", "tenant_id", "client_id", "workspace_id")},
        }
        assert process.stop() == (0, "")
    return found


def test_two_processes_tell_the_same_story(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = told(monkeypatch, "1"), told(monkeypatch, "4242")
    assert len(first["devices"]) == 500
    assert len(first["events"]) > 5_000
    assert first == second

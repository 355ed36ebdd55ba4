"""Many clients at once: a dozen threads write devices, query, read the log and change rules; every answer is whole."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from support.hub import HubRunner
from support.waiting import until

ROUNDS = 12
DEVICES = 300


class Client:
    """A session with one kind of token, which notes every status that was not to be expected."""

    def __init__(self, hub: HubRunner, audience: str, problems: list[Any]) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = hub.ready["ca_file"]
        self.session.headers["Authorization"] = f"Bearer {hub.token('operator', audience)}"
        self.problems = problems

    def __call__(self, method: str, url: str, *expected: int, **options: Any) -> requests.Response:
        answer = self.session.request(method, url, timeout=60, **options)
        if answer.status_code not in expected:
            self.problems.append((method, url, answer.status_code, answer.text[:200]))
        return answer


def devices(hub: HubRunner, problems: list[Any], rng: random.Random) -> None:
    call = Client(hub, "https://iothubs.azure.net", problems)
    base = f"https://{hub.ready['hub_host']}"
    for _ in range(ROUNDS):
        name = f"c-{rng.randrange(8)}"
        call("PUT", f"{base}/devices/{name}", 200, 409, json={})
        read = call("GET", f"{base}/devices/{name}", 200, 404)
        if read.status_code == 200:
            body = {**read.json(), "status": rng.choice(["enabled", "disabled"])}
            headers = {"If-Match": f'"{body["etag"]}"'}
            call("PUT", f"{base}/devices/{name}", 200, 404, 412, json=body, headers=headers)
        call("PATCH", f"{base}/twins/{name}", 200, 404, json={"tags": {"x": rng.random()}})
        call("PUT", f"{base}/devices/{name}/modules/m", 200, 404, 409, json={})
        call("DELETE", f"{base}/devices/{name}", 204, 404, headers={"If-Match": "*"})
        call("POST", f"{base}/devices", 200, 400, json=[{"id": f"b-{n}", "importMode": "create"} for n in range(5)])
        call("POST", f"{base}/devices", 200, 400, json=[{"id": f"b-{n}", "importMode": "delete"} for n in range(5)])


def queries(hub: HubRunner, problems: list[Any], rng: random.Random) -> None:
    call = Client(hub, "https://iothubs.azure.net", problems)
    url = f"https://{hub.ready['hub_host']}/devices/query"
    for _ in range(ROUNDS):
        seen: list[str] = []
        headers = {"x-ms-max-item-count": str(rng.randrange(40, 120))}
        while True:
            page = call("POST", url, 200, json={"query": "SELECT deviceId, tags FROM devices"}, headers=headers)
            if page.status_code != 200:
                return
            seen += [row["deviceId"] for row in page.json()]
            if "x-ms-continuation" not in page.headers:
                break
            headers["x-ms-continuation"] = page.headers["x-ms-continuation"]
        fleet = [name for name in seen if not name.startswith(("c-", "b-"))]
        if len(fleet) != DEVICES or len(set(fleet)) != DEVICES:
            problems.append(("a scan of the fleet", len(fleet), len(set(fleet))))
        call("GET", f"https://{hub.ready['hub_host']}/statistics/devices", 200)


def logs(hub: HubRunner, problems: list[Any], _rng: random.Random) -> None:
    call = Client(hub, "https://api.loganalytics.io", problems)
    base = f"{hub.ready['logs_endpoint']}/v1"
    kql = "AzureDiagnostics | summarize count() by bin(TimeGenerated, 1m), ResultType"
    for _ in range(ROUNDS):
        call("POST", f"{base}/workspaces/{hub.ready['workspace_id']}/query", 200, json={"query": kql})
        call("POST", f"{base}{hub.ready['hub_arm_id']}/query", 200, json={"query": kql, "timespan": "PT1H"})


def rules(hub: HubRunner, problems: list[Any], rng: random.Random) -> None:
    call = Client(hub, "https://management.azure.com", problems)
    place = hub.ready["arm_endpoint"] + hub.ready["hub_arm_id"]
    version = {"api-version": "2023-06-30"}
    setting = f"{place}/providers/Microsoft.Insights/diagnosticSettings/more-{rng.randrange(3)}"
    workspace = next(iter(hub.cloud.workspaces.values())).arm_id
    for _ in range(ROUNDS):
        body = call("GET", place, 200, params=version).json()
        if "properties" not in body:
            return
        kept = [rule for rule in body["properties"]["networkRuleSets"]["ipRules"] if rule["filterName"] != "lyon"]
        if rng.random() < 0.5:
            kept.append({"filterName": "lyon", "action": "Allow", "ipMask": "10.20.0.0/16"})
        body["properties"]["networkRuleSets"]["ipRules"] = kept
        call("PUT", place, 201, 412, params=version, json=body, headers={"If-Match": body["etag"]})
        call("PATCH", place, 200, params=version, json={"tags": {"n": str(rng.random())}})
        monitor = {"api-version": "2021-05-01-preview"}
        log = {"category": "Connections", "enabled": True}
        call("PUT", setting, 200, params=monitor, json={"properties": {"workspaceId": workspace, "logs": [log]}})
        call("DELETE", setting, 200, 204, params=monitor)
        other = f"{place}-{rng.randrange(3)}"
        new = {"location": "westeurope", "sku": {"name": "S1", "capacity": 1}}
        call("PUT", other, 201, 412, params=version, json=new)
        call("DELETE", other, 202, 204, params=version)
        call("GET", place.rpartition("/")[0], 200, params=version)


def test_every_answer_is_whole_and_nothing_is_left(caplog: pytest.LogCaptureFixture) -> None:
    threads, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    problems: list[Any] = []
    with HubRunner(devices=DEVICES, seed=3, history_hours=2, throttle=False) as hub:
        work: list[Callable[..., None]] = [devices] * 3 + [queries] * 3 + [logs] * 3 + [rules] * 3
        with ThreadPoolExecutor(len(work)) as pool:
            running = [pool.submit(task, hub, problems, random.Random(n)) for n, task in enumerate(work)]
            for one in running:
                one.result(120)
        assert problems == []
        assert len(hub.hub.devices) - sum(name.startswith(("c-", "b-")) for name in hub.hub.devices) == DEVICES
    assert [record.getMessage() for record in caplog.records if record.name.startswith(("console", "uvicorn"))] == []
    until(lambda: threading.active_count() <= threads, "the end of every thread")
    assert len(list(Path("/proc/self/fd").iterdir())) <= files + 12, "the clients' sockets, not the hub's"

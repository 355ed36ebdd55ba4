"""Azure Monitor over ARM: diagnostic settings, workspaces, platform metrics, the activity log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from support.arm import ArmBench, arm  # noqa: F401

from console.localhub.state import ActivityEvent, DeviceRecord

SETTINGS = "/providers/Microsoft.Insights/diagnosticSettings"


def test_the_hub_sends_connections_to_the_workspace(arm: ArmBench):
    _, _, body = arm.raw("GET", arm.hub_path + SETTINGS, version="2021-05-01-preview")
    (setting,) = body["value"]
    assert [log["category"] for log in setting["properties"]["logs"] if log["enabled"]] == ["Connections"]
    _, _, workspace = arm.raw("GET", setting["properties"]["workspaceId"], principal="reader")
    assert workspace["properties"]["customerId"] == arm.ready["workspace_id"]
    _, _, listed = arm.raw(
        "GET", f"/subscriptions/{arm.subscription}/providers/microsoft.operationalinsights/workspaces"
    )
    assert [one["name"] for one in listed["value"]] == [workspace["name"]]
    assert arm.raw("GET", setting["properties"]["workspaceId"] + "x")[0] == 404


def test_settings_are_written_read_and_deleted(arm: ArmBench):
    seen: list[str] = []
    arm.runner.cloud.listeners.append(lambda _hub, what: seen.append(what))
    path = f"{arm.hub_path}{SETTINGS}/second"
    logs = [{"category": "connections", "enabled": True}, {"categoryGroup": "allLogs", "enabled": False}]
    properties = {"workspaceId": next(iter(arm.runner.cloud.workspaces.values())).arm_id, "logs": logs}
    assert arm.raw("PUT", path, {"properties": properties}, principal="reader")[0] == 403
    status, _, body = arm.raw("PUT", path, {"properties": properties})
    assert status == 200
    assert body["properties"]["logs"][0]["category"] == "Connections"
    assert arm.raw("GET", path.replace("second", "SECOND"))[2] == body
    assert arm.raw("DELETE", path)[0] == 200
    assert arm.raw("DELETE", path)[0] == 204
    assert arm.raw("GET", path)[0] == 404
    assert seen == ["diagnostics", "diagnostics"]
    arm.runner.cloud.listeners.clear()
    for wrong in ({"logs": logs}, {**properties, "logs": [{"category": "Gossip", "enabled": True}]}):
        status, _, body = arm.raw("PUT", path, {"properties": wrong})
        assert (status, body["code"]) == (400, "BadRequest")


def metrics(arm: ArmBench, **query: str) -> dict[str, Any]:
    text = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    path = f"{arm.hub_path}/providers/Microsoft.Insights/metrics?{text}"
    status, _, body = arm.raw("GET", path, version="2024-02-01", principal="reader")
    assert status == 200, body
    found: dict[str, Any] = body
    return found


def test_metrics_join_history_and_live_counts(arm: ArmBench):
    hub, now = arm.runner.hub, arm.runner.cloud.clock.story()
    start = (now - timedelta(hours=1)).replace(second=0, microsecond=0)
    hub.metric_history["connectedDeviceCount"] = [(start + timedelta(minutes=m), 100.0 + m) for m in range(10)]
    hub.metric_history["d2c.telemetry.ingress.success"] = [(start + timedelta(minutes=m), 3.0) for m in range(5)]
    hub.devices["a"] = DeviceRecord("a", "1", connection_state="Connected")
    hub.devices["b"] = DeviceRecord("b", "2")
    try:
        body = metrics(
            arm,
            metricnames="connectedDeviceCount,totalDeviceCount,d2c.telemetry.ingress.success",
            timespan=f"{start.isoformat()}/{(now + timedelta(minutes=1)).isoformat()}",
            interval="PT5M",
            aggregation="average,maximum,total",
        )
    finally:
        hub.devices.clear()
        hub.metric_history.clear()
    assert (body["interval"], body["namespace"]) == ("PT5M", "Microsoft.Devices/IotHubs")
    connected, total, telemetry = (one["timeseries"][0]["data"] for one in body["value"])
    assert body["value"][0]["name"]["value"] == "connectedDeviceCount"
    points = {point["timeStamp"]: point for point in connected}
    assert len(points) == len(connected) >= 12
    values = [point["average"] for point in connected if "average" in point]
    assert values[-1] == 1.0  # now: what the registry says
    assert max(point.get("maximum", 0.0) for point in connected) == 109.0
    assert sum("average" not in point for point in connected) >= 8  # a gap has a time and no value
    assert total[-1]["maximum"] == 2.0
    assert sum(point["total"] for point in telemetry) == 15.0
    stamps = [datetime.fromisoformat(point["timeStamp"]) for point in connected]
    assert {later - earlier for earlier, later in pairwise(stamps)} == {timedelta(minutes=5)}


@pytest.mark.parametrize(
    "query",
    [
        "metricnames=failedConnections",
        "metricnames=connectedDeviceCount&interval=PT7M",
        "metricnames=connectedDeviceCount&timespan=yesterday",
        "metricnames=connectedDeviceCount&aggregation=median",
    ],
)
def test_metrics_refuse_what_azure_does(arm: ArmBench, query: str):
    status, _, body = arm.raw("GET", f"{arm.hub_path}/providers/Microsoft.Insights/metrics?{query}")
    assert (status, body["code"]) == (400, "BadRequest")


def test_metrics_have_a_default_span(arm: ArmBench):
    body = metrics(arm, metricnames="totalDeviceCount")
    assert body["interval"] == "PT1M"
    assert 59 <= len(body["value"][0]["timeseries"][0]["data"]) <= 61
    assert (
        len(metrics(arm, metricnames="totalDeviceCount", timespan="PT10M")["value"][0]["timeseries"][0]["data"]) <= 11
    )


def activity(arm: ArmBench, clause: str = "", principal: str = "operator") -> list[dict[str, Any]]:
    clock = arm.runner.cloud.clock
    start, end = clock.story() - timedelta(days=2), clock.story() + timedelta(minutes=5)
    text = f"eventTimestamp ge '{start.isoformat()}' and eventTimestamp le '{end.isoformat()}'"
    text += f" and resourceUri eq '{arm.hub_path}'{clause}"
    path = f"/subscriptions/{arm.subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    status, _, body = arm.raw("GET", f"{path}?$filter={quote(text)}", version="2015-04-01", principal=principal)
    assert status == 200, body
    found: list[dict[str, Any]] = body["value"]
    return found


def test_writes_are_in_the_activity_log_with_caller_and_address(arm: ArmBench):
    arm.change(comments="for the log")
    events = activity(arm)
    last = events[0]
    operator = arm.ready["principals"]["operator"]
    assert last["operationName"] == {
        "value": "Microsoft.Devices/IotHubs/Write",
        "localizedValue": "Create or update IotHub Resource",
    }
    assert last["status"]["value"] == "Succeeded"
    assert last["caller"] == operator["object_id"]
    assert last["claims"]["appid"] == operator["client_id"]
    assert last["httpRequest"]["clientIpAddress"] == "127.0.0.1"
    assert last["resourceId"].casefold() == arm.hub_path.casefold()
    assert events[1]["status"]["value"] == "Started"
    assert events[1]["correlationId"] == last["correlationId"]
    stamps = [event["eventTimestamp"] for event in events]
    assert stamps == sorted(stamps, reverse=True)


def test_listing_keys_and_refused_writes_are_in_it_too(arm: ArmBench):
    arm.raw("POST", arm.hub_path + "/listkeys")
    listed = activity(arm)[0]
    assert listed["operationName"]["value"] == "Microsoft.Devices/IotHubs/listkeys/Action"
    arm.raw("PUT", arm.hub_path, arm.get(), principal="reader")
    refused = activity(arm, principal="reader")[0]
    assert (refused["status"]["value"], refused["subStatus"]["value"]) == ("Failed", "Forbidden")
    assert refused["caller"] == arm.ready["principals"]["reader"]["object_id"]
    before = len(activity(arm))
    arm.raw("PUT", arm.hub_path, arm.get())  # no If-Match
    failed = activity(arm)
    assert len(failed) == before + 1
    assert failed[0]["subStatus"]["localizedValue"] == "PreconditionFailed (HTTP Status Code: 412)"
    assert "412001" in failed[0]["properties"]["statusMessage"]
    arm.get()
    assert len(activity(arm)) == before + 1  # reading leaves no event


def test_no_key_gets_into_the_log(arm: ArmBench):
    _, _, listed = arm.raw("POST", arm.hub_path + "/listkeys")
    arm.change(authorizationPolicies=listed["value"])
    text = str(activity(arm))
    assert not any(policy["primaryKey"] in text for policy in listed["value"])


def test_a_failed_operation_is_recorded_as_failed(arm: ArmBench):
    arm.runner.faults.add("lro-fail", endpoint="arm", count=1)
    arm.change(comments="fails")
    assert activity(arm)[0]["status"]["value"] == "Failed"


def test_the_log_is_filtered_selected_and_paged(arm: ArmBench):
    cloud, old = arm.runner.cloud, datetime.now(UTC) - timedelta(days=1)
    person = "marc@contoso.example"
    with cloud.lock:
        for number in range(250):
            cloud.activity.append(
                ActivityEvent(
                    old + timedelta(seconds=number),
                    "Microsoft.Devices/IotHubs/Write",
                    arm.hub_path,
                    person,
                    "o",
                    "203.0.113.9",
                    "Succeeded",
                )
            )
        cloud.activity.append(
            ActivityEvent(old, "Microsoft.Devices/IotHubs/Write", "/x/y", person, "o", "", "Succeeded")
        )
    path = f"/subscriptions/{arm.subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    window = (
        f"eventTimestamp ge '{old.isoformat()}' and resourceUri eq '{arm.hub_path.upper()}' and caller eq '{person}'"
    )
    url = f"{path}?$filter={quote(window)}&$select=caller,eventTimestamp"
    _, _, first = arm.raw("GET", url)
    assert len(first["value"]) == 200
    assert set(first["value"][0]) == {"caller", "eventTimestamp"}
    from support.hub import request

    _, _, second = request(first["nextLink"], ca_file=arm.ready["ca_file"], token=arm.runner.token())
    assert len(second["value"]) == 50
    assert "nextLink" not in second
    late = f"eventTimestamp ge '{(old + timedelta(seconds=240)).isoformat()}' and caller eq '{person}' "
    late += f"and resourceUri eq '{arm.hub_path}'"
    assert len(arm.raw("GET", f"{path}?$filter={quote(late)}")[2]["value"]) == 10
    person_event = arm.raw("GET", f"{path}?$filter={quote(window)}")[2]["value"][0]
    assert person_event["httpRequest"]["clientIpAddress"] == "203.0.113.9"


@pytest.mark.parametrize(
    "text", ["", "caller eq 'x'", "eventTimestamp ge 'soon'", "eventTimestamp ge '2025-01-01' or x"]
)
def test_the_log_needs_a_start_and_a_filter_it_knows(arm: ArmBench, text: str):
    path = f"/subscriptions/{arm.subscription}/providers/Microsoft.Insights/eventtypes/management/values"
    status, _, body = arm.raw("GET", f"{path}?$filter={quote(text)}")
    assert (status, body["code"]) == (400, "BadRequest")

"""Writes that go wrong around the write itself: late effect, a colleague's change, lost answers, polls that fail."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from support.arm import ArmBench, arm  # noqa: F401
from support.hub import request


def poll(arm: ArmBench, address: str) -> tuple[int, dict[str, Any]]:
    status, _, body = request(address, ca_file=arm.ready["ca_file"], token=arm.runner.token())
    return status, body


def end_of(arm: ArmBench, address: str) -> dict[str, Any]:
    while (found := poll(arm, address))[1]["status"] == "InProgress":
        pass
    return found[1]


def write(arm: ArmBench, comment: str, if_match: str | None = None) -> tuple[int, dict[str, str], Any]:
    body = arm.get()
    body["properties"]["comments"] = comment
    return arm.raw("PUT", arm.hub_path, body, headers={"If-Match": if_match or body["etag"]})


def comment(arm: ArmBench) -> str | None:
    found: str | None = arm.get()["properties"].get("comments")
    return found


def states(arm: ArmBench) -> list[str]:
    with arm.runner.cloud.lock:
        return [event.status for event in arm.runner.cloud.activity]


def test_a_late_write_shows_when_its_operation_ends(arm: ArmBench):
    before = arm.get()
    arm.runner.faults.add("lro-late", endpoint="arm", count=1, seconds=0.5)
    with arm.runner.cloud.lock:
        arm.runner.cloud.activity.clear()
    status, headers, answer = write(arm, "late")
    assert (status, answer) == (201, before)
    assert arm.get() == before
    assert states(arm) == ["Started"]
    assert poll(arm, headers["azure-asyncoperation"])[1]["status"] == "InProgress"
    assert end_of(arm, headers["azure-asyncoperation"])["status"] == "Succeeded"
    assert comment(arm) == "late"
    assert states(arm) == ["Started", "Succeeded"]
    write(arm, "at once")  # the fault is used up
    assert comment(arm) == "at once"


def test_a_late_write_fails_when_somebody_was_faster(arm: ArmBench):
    arm.runner.faults.add("lro-late", endpoint="arm", count=1, seconds=0.5)
    _, headers, _ = write(arm, "late")
    write(arm, "faster")
    found = end_of(arm, headers["azure-asyncoperation"])
    assert (found["status"], found["error"]["code"]) == ("Failed", "412001")
    assert comment(arm) == "faster"
    assert states(arm)[-1] == "Failed"


def test_the_sdk_waits_for_a_late_write(arm: ArmBench):
    arm.runner.faults.add("lro-late", endpoint="arm", count=1)
    hubs = arm.client().iot_hub_resource
    hub = hubs.get(arm.group, arm.name)
    hub.properties.comments = "waited for"
    assert hubs.begin_create_or_update(arm.group, arm.name, hub, if_match=hub.etag).result().properties.comments == (
        "waited for"
    )


def test_a_late_delete_and_a_late_create(arm: ArmBench):
    path = arm.hub_path + "-late"
    body = {"location": "westeurope", "sku": {"name": "S1", "capacity": 1}}
    for method, status, before, after in (("PUT", 201, 404, 200), ("DELETE", 202, 200, 404)):
        arm.runner.faults.add("lro-late", endpoint="arm", count=1, method=method, seconds=0.3)
        answer = arm.raw(method, path, body)
        assert (answer[0], arm.raw("GET", path)[0]) == (status, before)
        assert end_of(arm, answer[1]["azure-asyncoperation"])["status"] == "Succeeded"
        assert arm.raw("GET", path)[0] == after


def test_meanwhile_a_colleague_writes(arm: ArmBench):
    arm.runner.faults.add("meanwhile", endpoint="arm", count=1)
    body = deepcopy(arm.get())
    body["properties"]["comments"] = "mine"
    answer = arm.put(body, if_match=body["etag"])
    after = arm.get()
    assert after["etag"] != answer["etag"]
    assert after["tags"] == {**answer["tags"], "colleague": "1"}
    assert {**after, "etag": 0, "tags": 0} == {**answer, "etag": 0, "tags": 0}
    with pytest.raises(HttpResponseError) as caught:
        arm.put(body, if_match=answer["etag"])
    assert caught.value.status_code == 412
    # the next write meets nobody
    del after["tags"]["colleague"]
    assert arm.put(after, if_match=after["etag"])["etag"] == arm.get()["etag"]


@pytest.mark.parametrize("kind", ["server-error", "drop"])
@pytest.mark.parametrize(("when", "taken"), [("before", False), ("after", True)])
def test_a_put_whose_answer_is_lost(arm: ArmBench, kind: str, when: str, taken: bool):
    write(arm, "old")
    arm.runner.faults.add(kind, endpoint="arm", count=1, when=when, method="PUT", path="/IotHubs/[^/]+$", status=503)
    try:
        status, _, body = write(arm, "new")
        assert (kind, status, body["error"]["code"]) == ("server-error", 503, "ServiceUnavailable")
    except OSError:
        assert kind == "drop"
    assert (comment(arm) == "new") is taken


@pytest.mark.parametrize(("kind", "status"), [("server-error", 500), ("throttle", 429)])
def test_a_poll_that_fails_leaves_the_operation(arm: ArmBench, kind: str, status: int):
    _, headers, _ = write(arm, kind)
    arm.runner.faults.add(kind, endpoint="arm", count=1, path="/operationResults/")
    assert arm.raw("GET", arm.hub_path)[0] == 200
    assert poll(arm, headers["azure-asyncoperation"])[0] == status
    assert end_of(arm, headers["azure-asyncoperation"])["status"] == "Succeeded"

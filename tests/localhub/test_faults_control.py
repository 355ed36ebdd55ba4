"""Faults: what a client sees of each, and the control service with its token and its command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests
from support.hub import ROOT, request

from console.localhub.faults import BadFault, Faults


def arm(hub, path="", method="GET", body=None, **headers):
    ready = hub.ready
    url = f"{ready['arm_endpoint']}{ready['hub_arm_id']}{path}?api-version=2023-06-30"
    return request(url, ca_file=ready["ca_file"], method=method, body=body, token=hub.token(), headers=headers)


def anything(hub, endpoint):
    """Make a request that each service answers somehow, without being signed in."""
    ready = hub.ready
    base = {"arm": ready["arm_endpoint"], "hub": f"https://{ready['hub_host']}", "logs": ready["logs_endpoint"]}
    url = base.get(endpoint, ready["authority"]) + "/x/v2.0/.well-known/openid-configuration"
    return request(url, ca_file=ready["ca_file"])


@pytest.mark.parametrize("endpoint", ["arm", "hub", "logs", "token"])
def test_throttle_speaks_each_service_s_language(local_hub, faults, endpoint):
    faults.add("throttle", endpoint=endpoint, count=1, retry_after=7)
    status, headers, body = anything(local_hub, endpoint)
    assert (status, headers["retry-after"]) == (429, "7")
    if endpoint == "hub":
        assert headers["iothub-errorcode"] == "ThrottlingBacklogTimeout"
        assert body["Message"].startswith("ErrorCode:ThrottlingBacklogTimeout;")
        assert body["ExceptionMessage"].startswith("Tracking ID:")
    elif endpoint == "token":
        assert body["error_codes"] == [90055]
    else:
        assert set(body["error"]) == {"code", "message"}
    assert anything(local_hub, endpoint)[0] != 429  # the count is used up


def test_throttle_without_retry_after_as_the_hub_does(local_hub, faults):
    faults.add("throttle", endpoint="hub", count=1)
    assert "retry-after" not in anything(local_hub, "hub")[1]


def test_endpoint_path_and_method_limit_a_fault(local_hub, faults):
    faults.add("server-error", endpoint="arm", status=503, path="/certificates$")
    faults.add("server-error", endpoint="arm", status=502, method="delete")
    assert arm(local_hub)[0] == 200
    assert arm(local_hub, "/certificates")[0] == 503
    assert anything(local_hub, "token")[0] == 400
    assert [fault.hits for fault in faults.all()] == [1, 0]


def tag(local_hub, value):
    return arm(local_hub, method="PATCH", body={"tags": {"fault-test": value}})


@pytest.mark.parametrize(("when", "taken"), [("before", False), ("after", True)])
def test_a_server_error_before_or_after_the_write(local_hub, faults, when, taken):
    old = dict(local_hub.hub.resource.get("tags") or {})
    faults.add("server-error", endpoint="arm", count=1, when=when)
    status, _, body = tag(local_hub, when)
    assert (status, body["error"]["code"]) == (500, "InternalServerError")
    assert ((local_hub.hub.resource.get("tags") or {}).get("fault-test") == when) is taken
    local_hub.hub.resource["tags"] = old


@pytest.mark.parametrize(("when", "taken"), [("before", False), ("after", True)])
def test_a_dropped_connection_before_or_after_the_write(local_hub, faults, when, taken):
    old = dict(local_hub.hub.resource.get("tags") or {})
    faults.add("drop", endpoint="arm", count=1, when=when)
    with pytest.raises(OSError, match=r"reset|closed|EOF|Remote end"):
        tag(local_hub, when)
    assert ((local_hub.hub.resource.get("tags") or {}).get("fault-test") == when) is taken
    local_hub.hub.resource["tags"] = old
    assert arm(local_hub)[0] == 200


def test_html_instead_of_json(local_hub, faults):
    faults.add("html", endpoint="logs", count=1)
    status, headers, body = anything(local_hub, "logs")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert body.startswith(b"<!DOCTYPE html>")


def test_latency_delays_the_answer(local_hub, faults):
    faults.add("latency", endpoint="token", count=1, seconds=0.3)
    started = time.monotonic()
    anything(local_hub, "token")
    assert time.monotonic() - started >= 0.3


def test_clock_skew_shows_in_the_date_header_and_ends_with_the_fault(local_hub, faults):
    def drift():
        return parsedate_to_datetime(anything(local_hub, "arm")[1]["date"]) - datetime.now(UTC)

    assert abs(drift()) < timedelta(seconds=30)
    fault = faults.add("clock-skew", seconds=600)
    assert abs(drift() - timedelta(seconds=600)) < timedelta(seconds=30)
    faults.remove(fault.id)
    assert abs(drift()) < timedelta(seconds=30)


@pytest.mark.parametrize(
    "details",
    [
        {"kind": "earthquake"},
        {"kind": "throttle", "endpoint": "moon"},
        {"kind": "throttle", "count": 0},
        {"kind": "throttle", "count": "3"},
        {"kind": "throttle", "count": True},
        {"kind": "throttle", "path": "("},
        {"kind": "throttle", "colour": "red"},
        {"kind": "server-error", "status": 200},
        {"kind": "server-error", "when": "never"},
    ],
)
def test_a_wrong_fault_is_refused_and_not_kept(details):
    faults = Faults()
    with pytest.raises(BadFault):
        faults.add(**details)
    assert faults.all() == []


def control(hub, method, path, body=None, token=None):
    ready = hub.ready
    found = token if token is not None else ready["faults_token"]
    return request(ready["faults_endpoint"] + path, ca_file=ready["ca_file"], method=method, body=body, token=found)


def test_control_over_http(local_hub, faults):
    status, _, made = control(local_hub, "POST", "/faults", {"kind": "throttle", "endpoint": "hub", "count": 2})
    assert (status, made["count"]) == (201, 2)
    assert [f["id"] for f in control(local_hub, "GET", "/faults")[2]["faults"]] == [made["id"]]
    assert anything(local_hub, "hub")[0] == 429
    assert control(local_hub, "DELETE", f"/faults/{made['id']}")[0] == 204
    assert control(local_hub, "DELETE", f"/faults/{made['id']}")[0] == 404
    assert anything(local_hub, "hub")[0] != 429
    assert control(local_hub, "POST", "/faults", {"kind": "earthquake"})[0] == 400
    assert control(local_hub, "POST", "/faults", b"[]")[0] == 400
    assert control(local_hub, "POST", "/faults", {"kind": "throttle", "hits": 3})[0] == 400
    assert control(local_hub, "DELETE", "/faults")[2] == {"removed": 0}


def test_control_needs_its_token(local_hub, faults):
    for token in ("", "wrong", local_hub.token()):
        assert control(local_hub, "POST", "/faults", {"kind": "throttle"}, token=token or "Basic x")[0] == 401
        assert control(local_hub, "GET", "/requests", token=token or "Basic x")[0] == 401
    assert faults.all() == []


def test_the_request_log_tells_what_was_answered(local_hub, faults):
    last = max((row["number"] for row in local_hub.server.requests.since(0)), default=0)
    faults.add("throttle", endpoint="arm", count=1)
    arm(local_hub)
    rows = control(local_hub, "GET", f"/requests?after={last}")[2]["requests"]
    assert [(r["endpoint"], r["method"], r["status"], r["client"]) for r in rows] == [("arm", "GET", 429, "127.0.0.1")]
    assert rows[0]["path"] == local_hub.ready["hub_arm_id"]


def test_the_command_works_on_a_running_hub(local_hub, faults, tmp_path):
    ready_file = tmp_path / "ready.json"
    ready_file.write_text(json.dumps(local_hub.ready))
    environment = {**os.environ, "HUBWARDEN_READY_FILE": str(ready_file)}

    def run(*arguments):
        command = [sys.executable, "-m", "console", "localhub", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    added = run("faults", "add", "throttle", "--endpoint", "hub", "--count", "1", "--retry-after", "3")
    assert added.returncode == 0, added.stderr
    assert [(f.kind, f.endpoint, f.count, f.retry_after) for f in faults.all()] == [("throttle", "hub", 1, 3)]
    assert "throttle" in run("faults", "list").stdout
    wrong = run("faults", "add", "earthquake")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "earthquake" in wrong.stderr
    assert run("faults", "clear").stdout == "Removed 1.\n"
    anything(local_hub, "token")
    assert "/v2.0/.well-known/openid-configuration" in run("logs").stdout


def test_a_keep_alive_connection_survives_faults_that_do_not_drop_it(local_hub, faults):
    ready = local_hub.ready
    with requests.Session() as session:
        session.trust_env = False
        session.verify = ready["ca_file"]
        url = f"{ready['authority']}/{ready['tenant_id']}/oauth2/v2.0/token"
        for kind in ("throttle", "server-error", "html"):
            faults.add(kind, endpoint="token", count=1)
            session.post(url, data=b"x" * 200_000)  # unread by the application
            assert session.get(f"{ready['authority']}/x/discovery/v2.0/keys").status_code == 200
        pools = session.get_adapter(url).poolmanager.pools
        assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 - not a dict

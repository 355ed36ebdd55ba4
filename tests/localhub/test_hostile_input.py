"""Input that nobody well-meaning sends: it is refused in the service's own words and changes nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from support.hub import HubRunner, request

from console.localhub.middleware import MAX_BODY
from console.localhub.wire_json import DEPTH_LIMIT, loads

HUB, LOGS = "https://iothubs.azure.net", "https://api.loganalytics.io"

NASTY = {
    "not a number": b"NaN",
    "infinite": b"-Infinity",
    "beyond a double": b"1e999",
    "beyond a double, whole": b"9" * 400,
    "beyond what Python reads": b"9" * 5000,
    "half a pair": b'"\\ud800"',
    "half a pair as a name": b'{"\\udfff": 1}',
    "half a pair as bytes": b'"\xed\xa0\x80"',
    "no UTF-8": b'"\xff"',
    "deep": b"[" * (DEPTH_LIMIT + 2) + b"]" * (DEPTH_LIMIT + 2),
    "very deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(devices=20, seed=5, history_hours=1, throttle=False) as runner:
        yield runner


def send(hub: HubRunner, url: str, audience: str, method: str = "GET", body: Any = None, **headers: str) -> Any:
    names = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    token = hub.token("operator", audience)
    return request(url, ca_file=hub.ready["ca_file"], method=method, token=token, body=body, headers=names)


def arm(hub: HubRunner, method: str = "GET", body: Any = None, path: str = "", query: str = "", **headers: str) -> Any:
    url = f"{hub.ready['arm_endpoint']}{hub.ready['hub_arm_id']}{path}?api-version=2023-06-30{query}"
    return send(hub, url, "https://management.azure.com", method, body, **headers)


def data(hub: HubRunner, method: str, path: str, body: Any = None, **headers: str) -> Any:
    return send(hub, f"https://{hub.ready['hub_host']}{path}", HUB, method, body, **headers)


def ask(hub: HubRunner, kql: str, **body: Any) -> Any:
    url = f"{hub.ready['logs_endpoint']}/v1/workspaces/{hub.ready['workspace_id']}/query"
    return send(hub, url, LOGS, "POST", {"query": kql, **body})


@pytest.mark.parametrize("name", NASTY)
def test_json_that_could_not_be_written_back_is_not_taken(name: str) -> None:
    with pytest.raises(ValueError):
        loads(b'{"x": ' + NASTY[name] + b"}")


def test_json_at_the_limits_is_taken() -> None:
    assert loads(b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT)
    assert loads('{"é": [1e308, -9007199254740993, "😀", null, true]}')["é"][2] == "😀"
    assert loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("name", NASTY)
def test_nasty_json_leaves_the_hub_readable(hub: HubRunner, name: str) -> None:
    value = NASTY[name]
    text = json.dumps(arm(hub)[2]).encode().replace(b'"features": "None"', b'"features": "None", "x": ' + value)
    status, _, body = arm(hub, "PUT", text, If_Match="*")
    assert (status, body["error"]["code"]) == (400, "InvalidRequestContent")
    assert "x" not in arm(hub)[2]["properties"]
    status, headers, _ = data(hub, "PATCH", "/twins/genoa-press-0417", b'{"tags": {"x": ' + value + b"}}")
    assert (status, headers["iothub-errorcode"]) == (400, "IotHubFormatError")
    assert "x" not in data(hub, "GET", "/twins/genoa-press-0417")[2]["tags"]
    assert data(hub, "POST", "/devices/query", {"query": "SELECT tags.x FROM devices"})[0] == 200
    url = f"{hub.ready['logs_endpoint']}/v1/workspaces/{hub.ready['workspace_id']}/query"
    status, _, body = send(hub, url, LOGS, "POST", b'{"query": "print 1", "timespan": ' + value + b"}")
    assert (status, body) == (200, b""), "as for no JSON at all"


def test_a_body_larger_than_any_service_takes(hub: HubRunner) -> None:
    large = b'{"tags": "' + b"x" * MAX_BODY + b'"}'
    assert arm(hub, "PATCH", large)[2]["error"]["code"] == "RequestEntityTooLarge"
    status, headers, _ = data(hub, "PATCH", "/twins/genoa-press-0417", large)
    assert (status, headers["iothub-errorcode"]) == (413, "MessageTooLarge")


def test_routing_endpoints_that_are_a_list(hub: HubRunner) -> None:
    good = arm(hub)[2]
    wrong = {**good, "properties": {**good["properties"], "routing": {"endpoints": ["x"]}}}
    assert arm(hub, "PUT", wrong, If_Match="*")[2]["code"] == 400059
    assert arm(hub, path="/routingEndpointsHealth")[0] == 200


@pytest.mark.parametrize("top", ["9" * 5000, "%C2%B2", "-1", "1e3"])
def test_any_number_of_devices_may_be_asked_for(hub: HubRunner, top: str) -> None:
    assert len(data(hub, "GET", f"/devices?top={top}")[2]) == 20


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/devices/%0a", 400),
        ("PUT", "/devices/a%00b", 400),
        ("PUT", "/devices/%ff", 400),
        ("PUT", "/devices/a%2Fb", 400),
        ("PUT", "/devices/%F0%9F%98%80", 400),
        ("OPTIONS", "/devices", 405),
        ("BREW", "/devices", 405),
        ("GET", "/%0d%0aX-Injected:%201", 404),
    ],
)
def test_odd_paths_and_methods_get_the_services_own_refusal(
    hub: HubRunner, method: str, path: str, status: int
) -> None:
    answer = data(hub, method, path, {} if method == "PUT" else None)
    assert answer[0] == status
    assert answer[1]["iothub-errorcode"]
    assert "x-injected" not in answer[1]
    assert arm(hub, "BREW")[2]["error"]["code"] == "HttpMethodNotSupported"
    assert arm(hub, path="/%0a")[2]["error"]["code"] == "InvalidResourceType"


def test_ids_are_decoded_once_and_may_look_like_paths(hub: HubRunner) -> None:
    for sent, device_id in {"%2e%2e": "..", "a%252Fb": "a%2Fb", "query": "query", "%25": "%"}.items():
        assert data(hub, "PUT", f"/devices/{sent}", {})[2]["deviceId"] == device_id
        assert data(hub, "GET", f"/devices/{sent}")[2]["deviceId"] == device_id
        assert data(hub, "DELETE", f"/devices/{sent}", If_Match="*")[0] == 204


# --- the log ---------------------------------------------------------------------------------------------------------

COUNT = "AzureDiagnostics | count"


@pytest.mark.parametrize(
    "kql",
    [
        "sqlite_master",
        "pragma_database_list",
        "let t = pg_tables; t | count",
        "print toscalar(duckdb_settings | count)",
        "union AzureDiagnostics, duckdb_tables | count",
        "log_rows",
        "['store.log_rows']",
        "['/etc/passwd']",
        "['a.csv']",
        "read_csv('/etc/passwd')",
        "print read_text('/etc/passwd')",
        "print getenv('HOME')",
        "externaldata(a: string)['/etc/passwd']",
        "evaluate sql_request('x', 'y')",
        "AzureDiagnostics; COPY store.log_rows TO 'x.csv'",
        "attach 'x.db'",
        ".show tables",
        "// a comment\n  .show tables",
        "print 1; drop table store.log_rows",
    ],
)
def test_only_the_log_can_be_read(hub: HubRunner, kql: str) -> None:
    status, _, body = ask(hub, kql)
    assert status == 400
    assert body["error"]["innererror"]["code"] in {"SyntaxError", "SemanticError"}
    assert "duckdb" not in body["error"]["innererror"]["message"].replace("'duckdb_settings'", "").replace(
        "'duckdb_tables'", ""
    )
    assert ask(hub, COUNT)[0] == 200


def test_a_name_for_the_log_may_be_that_of_a_catalogue(hub: HubRunner) -> None:
    assert ask(hub, "let sqlite_master = AzureDiagnostics; sqlite_master | count")[2]["tables"][0]["rows"][0][0] > 0


@pytest.mark.parametrize("kql", ["(" * 20_000, "print " + "(" * 3000 + "1" + ")" * 3000, "print 1" + " " * 300_000])
def test_a_query_that_is_too_much_to_read(hub: HubRunner, kql: str) -> None:
    status, _, body = ask(hub, kql)
    assert (status, body["error"]["code"]) == (400, "BadArgumentError")


@pytest.mark.parametrize(
    "timespan",
    [
        "P99999999999D",
        f"P{'9' * 400}D",
        "P999999D",
        "P1.2.3D",
        "P1D/0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00/P1D",
    ],
)
def test_a_time_span_that_leaves_the_calendar(hub: HubRunner, timespan: str) -> None:
    assert ask(hub, COUNT, timespan=timespan)[2]["error"]["innererror"]["code"] == "InvalidTimespan"
    query = "&timespan=" + timespan.replace("+", "%2B")
    assert arm(hub, path="/providers/Microsoft.Insights/metrics", query=query)[2]["code"] == "BadRequest"


@pytest.mark.parametrize("wait", ["nan", "-5", "inf", "0", ""])
def test_any_preference_is_borne(hub: HubRunner, wait: str) -> None:
    url = f"{hub.ready['logs_endpoint']}/v1/workspaces/{hub.ready['workspace_id']}/query"
    assert send(hub, url, LOGS, "POST", {"query": COUNT}, Prefer=f"wait={wait}")[0] == 200


def test_a_batch_of_odd_things(hub: HubRunner) -> None:
    place = {"workspace": hub.ready["workspace_id"], "body": {"query": COUNT}}
    odd = [1, None, {"id": 1, "body": []}, {**place, "workspace": {}}, {**place, "headers": [1], "id": "last"}]
    status, _, body = send(hub, f"{hub.ready['logs_endpoint']}/v1/$batch", LOGS, "POST", {"requests": odd})
    assert status == 200
    assert [(one["id"], one["status"]) for one in body["responses"]] == [("1", 400), ("", 404), ("last", 200)]


def test_a_huge_cell_is_cut_and_said_so(hub: HubRunner) -> None:
    body = ask(hub, "print strrep('a', 100000000)")[2]
    assert body["tables"][0]["rows"] == []
    assert body["error"]["code"] == "PartialError"


# --- connections -----------------------------------------------------------------------------------------------------


def test_nonsense_leaves_no_trace_in_the_output() -> None:
    with HubRunner.subprocess(devices=1, scenario="empty") as process:
        ports = [process.ready["hub_host"], *(process.ready[f"{name}_endpoint"] for name in ("arm", "logs", "faults"))]
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        for port in (int(text.rpartition(":")[2]) for text in ports):
            for nonsense in (
                b"nonsense\r\n\r\n",
                head + b"Upgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n",
                head.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nZZ\r\n",
                head + b"X: " + b"a" * 300_000 + b"\r\n\r\n",
            ):
                with encrypted(process.ready["ca_file"], port) as client:
                    client.sendall(nonsense)
                    assert b" 40" in client.recv(4096)[:40]
        assert process.stop() == (0, "")


def encrypted(ca_file: str, port: int) -> socket.socket:
    import ssl

    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    return ssl.create_default_context(cafile=ca_file).wrap_socket(raw, server_hostname="localhost")

"""Log Analytics over real sockets: the plain SDK client asks, and every refusal has the service's own body."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import (
    LogsBatchQuery,
    LogsQueryClient,
    LogsQueryPartialResult,
    LogsQueryResult,
    LogsQueryStatus,
)
from support.hub import HubRunner, request

AUDIENCE = "https://api.loganalytics.io"
EXAMPLES = Path(__file__).parents[2] / "../shared/reference/examples/loganalytics/errors.json"
COUNT = "AzureDiagnostics | count"
HOUR = timedelta(hours=1)


class Credential:
    """Gives tokens of one principal, as a credential of azure-identity does, and notes the scopes asked for."""

    def __init__(self, hub, principal):
        self.hub, self.principal, self.scopes = hub, principal, set()

    def get_token(self, *scopes, **_more):
        self.scopes.update(scopes)
        expires = int(datetime.now(UTC).timestamp()) + 3000
        return AccessToken(self.hub.token(self.principal, AUDIENCE), expires)


@pytest.fixture(scope="module")
def hub():
    with HubRunner(devices=120, history_hours=3) as runner:
        yield runner


@pytest.fixture(autouse=True)
def _no_faults(hub):
    yield
    hub.faults.clear()


def client_of(hub, principal="reader"):
    credential = Credential(hub, principal)
    made = LogsQueryClient(
        credential,
        endpoint=hub.ready["logs_endpoint"],
        audience=AUDIENCE,
        connection_verify=hub.ready["ca_file"],
        retry_total=0,
    )
    return made, credential


@pytest.fixture(scope="module")
def client(hub):
    made, _ = client_of(hub)
    with made:
        yield made


def workspace(hub):
    return hub.ready["workspace_id"]


def post(hub, body, *, token=None, path=None, headers=None):
    base = hub.ready["logs_endpoint"].removesuffix("/v1")
    return request(
        base + (path or f"/v1/workspaces/{workspace(hub)}/query"),
        ca_file=hub.ready["ca_file"],
        method="POST",
        token=token,
        body=body,
        headers=headers,
    )


def test_the_sdk_reads_rows_with_types(hub, client):
    kql = (
        'AzureDiagnostics | where Category == "Connections" and Level == "Error" '
        "| summarize n = count(), newest = max(TimeGenerated) by ResultType | order by n desc"
    )
    result = client.query_workspace(workspace(hub), kql, timespan=HOUR)
    assert isinstance(result, LogsQueryResult)
    assert result.status == LogsQueryStatus.SUCCESS
    (table,) = result.tables
    assert table.name == "PrimaryResult"
    assert (table.columns, table.columns_types) == (["ResultType", "n", "newest"], ["string", "long", "datetime"])
    rows = {row["ResultType"]: row for row in table.rows}
    assert {"401003", "404104", "400027"} <= set(rows)
    assert isinstance(rows["401003"]["n"], int)
    assert rows["401003"]["newest"].tzinfo is not None


def test_the_token_is_asked_for_the_services_audience(hub):
    made, credential = client_of(hub)
    with made:
        made.query_workspace(workspace(hub), COUNT, timespan=None)
    assert credential.scopes == {f"{AUDIENCE}/.default"}


def test_every_form_of_time_span_counts(hub, client):
    start = hub.cloud.clock.start

    def count(timespan):
        return client.query_workspace(workspace(hub), COUNT, timespan=timespan).tables[0].rows[0][0]

    begin = start - timedelta(minutes=90)
    assert count((begin, start)) == count((begin, timedelta(minutes=90))) > 0
    assert count((start - timedelta(days=9), start - timedelta(days=8))) == 0
    assert count(None) > count((begin, start))


def test_statistics_are_given_when_asked_for(hub, client):
    asked = client.query_workspace(workspace(hub), COUNT, timespan=HOUR, include_statistics=True, server_timeout=30)
    assert "query" in asked.statistics
    assert not client.query_workspace(workspace(hub), COUNT, timespan=HOUR).statistics
    chart = client.query_workspace(
        workspace(hub),
        "AzureDiagnostics | summarize count() by bin(TimeGenerated, 5m) | render timechart",
        timespan=HOUR,
        include_visualization=True,
    )
    assert chart.visualization == {"visualization": "timechart"}


def test_logs_of_the_resource(hub, client):
    result = client.query_resource(hub.hub.arm_id, "AzureDiagnostics | distinct _ResourceId", timespan=HOUR)
    assert [list(row) for row in result.tables[0].rows] == [[hub.hub.arm_id.lower()]]


def test_a_batch_answers_each_query_by_itself(hub, client):
    queries = [
        LogsBatchQuery(workspace(hub), COUNT, timespan=HOUR),
        LogsBatchQuery(workspace(hub), "AzureDiagnostics | where DeviceId == 'x'", timespan=HOUR),
        LogsBatchQuery("00000000-0000-0000-0000-000000000000", COUNT, timespan=HOUR),
    ]
    good, bad, lost = client.query_batch(queries)
    assert good.tables[0].rows[0][0] > 0
    assert bad.code == "BadArgumentError"
    assert "DeviceId" in bad.message
    assert lost.code == "PathNotFoundError"


def test_semantic_and_syntax_errors_reach_the_caller(hub, client):
    with pytest.raises(HttpResponseError) as semantic:
        client.query_workspace(workspace(hub), "AzureDiagnostics | where DeviceId == 'x'", timespan=HOUR)
    assert semantic.value.status_code == 400
    body = semantic.value.response.json()
    assert body["error"]["innererror"] == {
        "code": "SemanticError",
        "message": "'where' operator: Failed to resolve column or scalar expression named 'DeviceId'",
    }
    assert semantic.value.model.message == body["error"]["innererror"]["message"]
    with pytest.raises(HttpResponseError) as syntax:
        client.query_workspace(workspace(hub), "AzureDiagnostics | | take", timespan=HOUR)
    assert syntax.value.response.json()["error"]["innererror"]["code"] == "SyntaxError"


def test_part_of_a_result(hub, client):
    hub.faults.add("partial-result", count=1)
    kql = "AzureDiagnostics | take 10"
    result = client.query_workspace(workspace(hub), kql, timespan=HOUR)
    assert isinstance(result, LogsQueryPartialResult)
    assert result.status == LogsQueryStatus.PARTIAL
    assert len(result.partial_data[0].rows) == 5
    assert result.partial_error.code == "PartialError"
    assert isinstance(client.query_workspace(workspace(hub), kql, timespan=HOUR), LogsQueryResult)


def test_without_a_role_there_is_no_access(hub):
    made, _ = client_of(hub, "nobody")
    with made, pytest.raises(HttpResponseError) as caught:
        made.query_workspace(workspace(hub), COUNT, timespan=HOUR)
    assert caught.value.status_code == 403
    assert caught.value.response.json()["error"]["code"] == "InsufficientAccessError"


def test_throttling_is_429(hub):
    made, _ = client_of(hub)
    hub.faults.add("throttle", endpoint="logs", count=1)
    with made, pytest.raises(HttpResponseError) as caught:
        made.query_workspace(workspace(hub), COUNT, timespan=HOUR)
    assert caught.value.status_code == 429


def test_a_workspace_that_never_got_a_row_has_no_table():
    with HubRunner(scenario="empty") as empty:
        made, _ = client_of(empty)
        with made, pytest.raises(HttpResponseError) as caught:
            made.query_workspace(workspace(empty), COUNT, timespan=HOUR)
    inner = caught.value.response.json()["error"]["innererror"]
    assert inner["code"] == "SemanticError"
    assert inner["message"] == "Failed to resolve table or column expression named 'AzureDiagnostics'"


def _shape(value):
    return {key: _shape(item) for key, item in value.items()} if isinstance(value, dict) else type(value).__name__


def _cases():
    if not EXAMPLES.exists():
        return {}
    return {
        (case["http"], case["body"]["error"]["code"], "innererror" in case["body"]["error"]): case["body"]
        for case in json.loads(EXAMPLES.read_text())["cases"]
        if case.get("body")
    }


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the recorded error bodies are not here")
@pytest.mark.parametrize(
    ("key", "same_text"),
    [
        ((400, "BadArgumentError", True), False),
        ((401, "AuthenticationFailed", False), True),
        ((403, "InvalidAuthenticationToken", False), True),
        ((403, "InvalidAuthenticationTokenAudience", False), False),
        ((403, "InsufficientAccessError", True), False),
        ((404, "PathNotFoundError", False), True),
    ],
)
def test_error_bodies_match_the_recorded_ones_key_for_key(hub, key, same_text):
    reader, query = hub.token("reader", AUDIENCE), {"query": COUNT, "timespan": "PT1H"}
    answers = {
        "BadArgumentError": lambda: post(hub, {"query": "AzureDiagnostics | |"}, token=reader),
        "AuthenticationFailed": lambda: post(hub, query),
        "InvalidAuthenticationToken": lambda: post(hub, query, token=reader[:-20] + "A" * 20),
        "InvalidAuthenticationTokenAudience": lambda: post(hub, query, token=hub.token("reader")),
        "InsufficientAccessError": lambda: post(hub, query, token=hub.token("nobody", AUDIENCE)),
        "PathNotFoundError": lambda: post(hub, query, token=reader, path="/v1/workspaces/nowhere/query"),
    }
    expected = _cases()[key]
    status, _, body = answers[key[1]]()
    assert status == key[0]
    assert _shape(body) == _shape(expected)
    assert body["error"]["code"] == expected["error"]["code"]
    if same_text:
        assert body == expected


def test_an_expired_token_is_refused(hub):
    status, _, body = post(hub, {"query": COUNT}, token=hub.token("reader", AUDIENCE, lifetime=-10))
    assert (status, body["error"]["code"]) == (403, "InvalidAuthenticationToken")


def test_the_second_host_names_audience_is_accepted(hub):
    token = hub.token("reader", "https://api.loganalytics.azure.com")
    assert post(hub, {"query": COUNT}, token=token)[0] == 200


def test_a_post_without_json_is_answered_with_nothing(hub):
    token = hub.token("reader", AUDIENCE)
    status, _, body = post(hub, b"query=x", token=token, headers={"Content-Type": "text/plain"})
    assert (status, body) == (200, b"")


def test_a_get_asks_too(hub):
    base = hub.ready["logs_endpoint"].removesuffix("/v1")
    url = f"{base}/v1/workspaces/{workspace(hub)}/query?query=print%20x%3D1&timespan=PT1H"
    status, _, body = request(url, ca_file=hub.ready["ca_file"], token=hub.token("reader", AUDIENCE))
    assert status == 200
    assert body == {"tables": [{"name": "PrimaryResult", "columns": [{"name": "x", "type": "long"}], "rows": [[1]]}]}


@pytest.mark.parametrize("timespan", ["yesterday", "P1Y"])
def test_a_time_span_that_cannot_be_read(hub, timespan):
    status, _, body = post(hub, {"query": COUNT, "timespan": timespan}, token=hub.token("reader", AUDIENCE))
    assert (status, body["error"]["code"]) == (400, "BadArgumentError")

"""The log answers real KQL over the true schema, and refuses what the service refuses, in its words."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from console.localhub.cloud_factory import DIAGNOSTIC_SETTING, new_cloud
from console.localhub.faults import Faults
from console.localhub.log_errors import KqlProblem
from console.localhub.log_rows import LogRecord, auth_text, connection_properties
from console.localhub.log_store import LogStore
from console.localhub.state import StoryClock

START = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
IOT = 'AzureDiagnostics | where ResourceProvider == "MICROSOFT.DEVICES" and ResourceType == "IOTHUBS"'
DEVICE = "extend DeviceId = tostring(parse_json(properties_s).deviceId)"


def row(minutes=1.0, device="press-1", code="401003", name="IoTHubUnauthorized", operation="deviceConnect", message=""):
    properties = connection_properties(
        device,
        "Mqtt",
        "10.20.4.17",
        auth=auth_text("device", "sas", "iothub"),
        status=code[:3] or None,
        message=message,
        sdk="py",
        tls_version="1.2",
    )
    level = "Error" if code else "Information"
    return LogRecord(START - timedelta(minutes=minutes), operation, level, code, name, properties, "c")


class Logs:
    def __init__(self):
        self.cloud = new_cloud(StoryClock(START))
        self.hub = next(iter(self.cloud.hubs.values()))
        self.faults = Faults()
        self.store = LogStore(self.cloud, self.faults)

    def append(self, *rows):
        self.store.append(self.hub, rows)

    def rows(self, kql, start=None, end=None, **more):
        return self.store.query(kql, start, end, **more).rows


@pytest.fixture
def logs() -> Logs:
    made = Logs()
    made.append(
        row(30, "press-1"),
        row(20, "press-1", code="404104", name="DeviceConnectionClosedRemotely", operation="deviceDisconnect"),
        row(10, "press-2", code="429001", name="ThrottlingException"),
        row(5, "press-1", code="", name=""),
    )
    return made


def test_the_table_has_the_services_columns_and_no_device_id(logs):
    answer = logs.store.query("AzureDiagnostics | take 1")
    types = dict(answer.columns)
    assert "DeviceId" not in types
    assert types["TimeGenerated"] == "datetime"
    assert types["DurationMs"] == "long"
    assert {types[n] for n in ("ResultType", "properties_s", "_ResourceId", "TenantId")} == {"string"}
    values = dict(zip(types, answer.rows[0], strict=True))
    arm_id = logs.hub.arm_id
    assert values["ResourceId"] == arm_id.upper()
    assert values["_ResourceId"] == arm_id.lower()
    assert values["Resource"] == "CONTOSO-PLANTS"
    assert values["TimeGenerated"].endswith("Z")
    assert values["TenantId"] in logs.cloud.workspaces
    properties = json.loads(values["properties_s"])
    assert properties["maskedIpAddress"] == "10.20.4.XXX"
    assert json.loads(properties["authType"])["type"] == "sas"


# The documented queries of IoT Hub's monitoring pages, each with what it must find here.
DOCUMENTED = [
    (f'{IOT} | where Category == "Connections" and Level == "Error" | count', [[3]]),
    (
        f'{IOT} | where ResultType == "429001" | {DEVICE} | summarize count() by DeviceId, Category '
        "| project-away Category",
        [["press-2", 1]],
    ),
    (
        f'{IOT} | where Level == "Error" | summarize count() by ResultType, ResultDescription, Category, _ResourceId '
        "| project ResultType, count_ | order by ResultType asc",
        [["401003", 1], ["404104", 1], ["429001", 1]],
    ),
    (
        f'{IOT} | where Category == "Connections" and OperationName == "deviceConnect" | {DEVICE} '
        "| summarize LastSeen = max(TimeGenerated) by DeviceId | order by DeviceId asc",
        [["press-1", "2026-11-23T09:37:00Z"], ["press-2", "2026-11-23T09:32:00Z"]],
    ),
    (
        f'{IOT} | where Category == "Connections" | where OperationName == "deviceConnect" | extend p = '
        "parse_json(properties_s) | project DeviceId = tostring(p.deviceId), TLSVersion = tostring(p.tlsVersion) "
        "| distinct DeviceId, TLSVersion | order by DeviceId asc",
        [["press-1", "1.2"], ["press-2", "1.2"]],
    ),
    (f'{IOT} | {DEVICE} | where DeviceId == "press-2" | project ResultType', [["429001"]]),
    (
        f"{IOT} | extend a = parse_json(tostring(parse_json(properties_s).authType)) | summarize n = count() by "
        "t = tostring(a.type) | project t, n",
        [["sas", 4]],
    ),
]


@pytest.mark.parametrize(("kql", "expected"), DOCUMENTED)
def test_documented_queries_run(logs, kql, expected):
    assert logs.rows(kql) == expected


def test_a_renewal_can_be_told_by_a_join_with_the_connect_that_follows(logs):
    kql = f"""let connects = AzureDiagnostics | where OperationName == "deviceConnect" and ResultType == ""
        | {DEVICE} | project DeviceId, Connected = TimeGenerated;
        AzureDiagnostics | where ResultType == "404104" | {DEVICE}
        | join kind=inner (connects) on DeviceId
        | where Connected > TimeGenerated and Connected < TimeGenerated + 20m | count"""
    assert logs.rows(kql) == [[1]]


def test_the_widely_copied_query_finds_nothing_and_its_grouping_is_refused(logs):
    assert logs.rows('AzureDiagnostics | where ResultType == "Failure"') == []
    with pytest.raises(KqlProblem) as caught:
        logs.rows(
            'AzureDiagnostics | where ResultType == "Failure" | summarize count() by DeviceId, bin(TimeGenerated, 1h)'
        )
    assert caught.value.kind == "SemanticError"
    assert caught.value.message == (
        "'summarize' operator: Failed to resolve column or scalar expression named 'DeviceId'"
    )


@pytest.mark.parametrize(
    ("kql", "kind", "words"),
    [
        ("AzureDiagnostics | where DeviceId == 'x'", "SemanticError", "'where' operator: Failed to resolve column"),
        ("AzureDiagnostics | extend a = nothere", "SemanticError", "'extend' operator: Failed to resolve column"),
        ("AzureDiagnostics | where resulttype == ''", "SemanticError", "named 'resulttype'"),
        ("azurediagnostics | take 1", "SemanticError", "table or column expression named 'azurediagnostics'"),
        ("AzureActivities | take 1", "SemanticError", "table or column expression named 'AzureActivities'"),
        ("AzureDiagnostics | wherex", "SyntaxError", "Query could not be parsed at '|' on line [1,18]"),
        ("AzureDiagnostics | where Level == 'Error", "SyntaxError", "Query could not be parsed"),
        (".show tables", "SyntaxError", "control commands"),
        ("database('store').log_rows | take 1", "SemanticError", "stands alone"),
        ("externaldata(x:string)['/etc/passwd']", "Unsupported", "does not have"),
        ("AzureDiagnostics | make-series count() on TimeGenerated step 1h", "Unsupported", "'make-series'"),
        ("AzureDiagnostics | extend n = row_number()", "Unsupported", "'row_number'"),
        ("print x = read_csv('/etc/passwd')", "Unsupported", "'read_csv'"),
    ],
)
def test_what_is_refused_and_how(logs, kql, kind, words):
    with pytest.raises(KqlProblem) as caught:
        logs.rows(kql)
    assert caught.value.kind == kind
    assert words in caught.value.message


def test_a_device_id_in_a_string_is_no_column(logs):
    assert logs.rows(f"{IOT} | {DEVICE} | where DeviceId == 'DATABASE(resulttype) | where x' // level") == []


def test_the_time_span_restricts_every_mention_of_the_table(logs):
    kql = "AzureDiagnostics | count"
    assert logs.rows(kql, START - timedelta(minutes=15), START) == [[2]]
    assert logs.rows(kql, None, START - timedelta(minutes=15)) == [[2]]
    twice = "union AzureDiagnostics, AzureDiagnostics | count"
    assert logs.rows(twice, START - timedelta(minutes=15), START) == [[4]]


def test_now_and_ago_follow_the_storys_clock(logs):
    assert logs.rows("AzureDiagnostics | where TimeGenerated > ago(15m) | count") == [[2]]
    (stamp,) = logs.rows("print now()")[0]
    assert stamp.startswith("2026-11-23T09:42")


def test_types_are_those_of_log_analytics(logs):
    answer = logs.store.query(
        'print s = "x", l = 5, i = int(5), r = 1.5, b = true, d = datetime(2026-01-02 03:04:05.5), t = 1d + 2h,'
        ' n = -90s, y = dynamic({"a": [1]}), e = double(null)'
    )
    assert answer.columns == (
        ("s", "string"),
        ("l", "long"),
        ("i", "int"),
        ("r", "real"),
        ("b", "bool"),
        ("d", "datetime"),
        ("t", "timespan"),
        ("n", "timespan"),
        ("y", "dynamic"),
        ("e", "real"),
    )
    first = answer.rows[0]
    assert first[:8] == ["x", 5, 5, 1.5, True, "2026-01-02T03:04:05.500000Z", "1.02:00:00", "-00:01:30"]
    assert json.loads(first[8]) == {"a": [1]}
    assert first[9] is None


def test_aggregates_have_json_numbers(logs):
    answer = logs.store.query("AzureDiagnostics | summarize sum(strlen(ResultType)), avg(DurationMs), make_set(Level)")
    total, average, levels = answer.rows[0]
    assert total == 18
    assert average in (None, "NaN")
    assert json.loads(levels) == ["Error", "Information"] or json.loads(levels) == ["Information", "Error"]


def test_a_long_query_is_stopped(logs):
    logs.append(*[row(1 + n / 600, f"press-{n}") for n in range(6000)])
    kql = """AzureDiagnostics | extend k = 1 | join kind=inner (AzureDiagnostics | extend k = 1) on k
        | join kind=inner (AzureDiagnostics | extend k = 1) on k
        | summarize dcount(strcat(properties_s, properties_s1))"""
    with pytest.raises(KqlProblem) as caught:
        logs.rows(kql, timeout=0.3)
    assert caught.value.kind == "Timeout"
    assert logs.rows("AzureDiagnostics | count") == [[6004]]


def test_an_answer_that_is_too_long_is_cut(logs):
    answer = logs.store.query("AzureDiagnostics", max_rows=3)
    assert (len(answer.rows), answer.cut) == (3, True)
    assert not logs.store.query("AzureDiagnostics", max_rows=4).cut


def test_the_table_comes_with_the_first_row():
    logs = Logs()
    with pytest.raises(KqlProblem) as caught:
        logs.rows("AzureDiagnostics | take 1")
    assert caught.value.message == "Failed to resolve table or column expression named 'AzureDiagnostics'"
    logs.append(row())
    assert len(logs.rows("AzureDiagnostics | take 1")) == 1


@pytest.mark.parametrize("change", ["removed", "category off", "other workspace"])
def test_rows_are_kept_only_while_a_setting_sends_them_here(logs, change):
    setting = logs.hub.diagnostic_settings[DIAGNOSTIC_SETTING]
    if change == "removed":
        logs.hub.diagnostic_settings.clear()
    elif change == "category off":
        for log in setting["properties"]["logs"]:
            log["enabled"] = log["category"] != "Connections"
    else:
        setting["properties"]["workspaceId"] += "-2"
    logs.append(row(0.5))
    assert logs.rows("AzureDiagnostics | count") == [[4]]


def test_flags_of_the_faults(logs):
    count = "AzureDiagnostics | count"
    frozen = logs.faults.add("frozen-logs")
    logs.append(row(0.1))
    assert logs.rows(count) == [[4]]
    logs.faults.remove(frozen.id)
    assert logs.rows(count) == [[5]]
    empty = logs.faults.add("empty-logs")
    assert logs.rows(count) == [[0]]
    logs.faults.remove(empty.id)
    gone = logs.faults.add("no-table")
    with pytest.raises(KqlProblem):
        logs.rows(count)
    logs.faults.remove(gone.id)
    lost = logs.faults.add("no-diagnostic-setting")
    logs.append(row(0.1))
    logs.faults.remove(lost.id)
    assert logs.rows(count) == [[5]]


def test_only_rows_of_the_named_resource(logs):
    assert logs.rows("AzureDiagnostics | count", resource_id=logs.hub.arm_id.upper()) == [[4]]
    assert logs.rows("AzureDiagnostics | count", resource_id="/subscriptions/x") == [[0]]


def test_values_from_devices_cannot_become_part_of_a_statement(logs):
    nasty = """a'); DROP TABLE store.log_rows; --"\\ \x1b]52;c;AAAA\x07 ${rows} [1]"""
    logs.append(row(0.2, nasty))
    assert logs.rows(f"AzureDiagnostics | top 1 by TimeGenerated desc | {DEVICE} | project DeviceId") == [[nasty]]


def test_many_threads_ask_and_append_at_once(logs):
    problems = []

    def work(number):
        try:
            for n in range(10):
                logs.append(row(0.5, f"t-{number}-{n}"))
                found = logs.rows(f'AzureDiagnostics | {DEVICE} | where DeviceId startswith "t-{number}-" | count')
                assert found == [[n + 1]]
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert logs.rows("AzureDiagnostics | count") == [[44]]

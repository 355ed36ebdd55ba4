"""The query language by example: what it reads, what it refuses, what each form means."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.localhub.query_parser import QuerySyntaxError, parse
from console.localhub.query_plan import plan_for
from console.localhub.state import NEVER, DeviceRecord, ModuleRecord


def device(name: str, **fields: Any) -> DeviceRecord:
    return DeviceRecord(name, "1", **fields)


FLEET = [
    device("a", tags={"site": "lyon", "line": 1, "loc": {"hall": "N"}}, auth="sas", last_activity=NEVER),
    device("b", tags={"site": "genoa", "line": 2}, auth="selfSigned", primary_thumbprint="ab" * 20, edge=True),
    device("c", tags={"site": "lyon", "line": "3"}, auth="certificateAuthority", status="disabled"),
    device("d", reported={"fw": {"major": 2, "minor": 5}}, last_activity="2026-03-01T10:00:00Z", status_reason="x"),
]


def matching(condition: str) -> str:
    plan = plan_for(f"SELECT * FROM devices WHERE {condition}")
    assert plan.matches is not None
    return "".join(record.device_id for record in FLEET if plan.matches(record))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("tags.site = 'lyon'", "ac"),
        ('tags.site = "lyon"', "ac"),
        ("devices.tags.site = 'lyon'", "ac"),
        ("TAGS.site = 'lyon'", ""),  # names count case
        ("tags.site != 'lyon'", "b"),  # undefined matches nothing
        ("NOT tags.site = 'lyon'", "b"),
        ("tags.line = 1", "a"),
        ("tags.line = '1'", ""),  # no conversion
        ("tags.line > 1", "b"),
        ("tags.line + 1 = 3", "b"),
        ("tags.line * 2 - 1 = 3 OR tags.line % 2 = 1", "ab"),
        ("tags.line / 2 = 0.5", "a"),
        ("-tags.line < -1", "b"),
        ("tags.line = 1 OR tags.line = 2 AND tags.site = 'lyon'", "a"),  # AND before OR
        ("(tags.line = 1 OR tags.line = 2) AND tags.site = 'lyon'", "a"),
        ("NOT tags.line = 1 AND tags.site = 'genoa'", "b"),  # NOT before AND
        ("1 + 2 * 3 = 7 and 2 - 1 - 1 = 0", "abcd"),
        ("tags.line IN [1, 2, '3']", "abc"),
        ("tags.line NIN [1, '1']", ""),  # compared with another type, the answer is undefined
        ("tags.site IN ['lyon', 'turin']", "ac"),
        ("tags.site nin ['lyon', 'turin']", "b"),
        ("tags.site IN []", ""),
        ("IS_DEFINED(tags.loc.hall)", "a"),
        ("NOT is_defined(tags.site)", "d"),
        ("is_defined(statusReason)", "d"),
        ("IS_STRING(tags.line)", "c"),
        ("IS_NUMBER(tags.line)", "ab"),
        ("IS_BOOL(capabilities.iotEdge)", "abcd"),
        ("capabilities.iotEdge = true", "b"),
        ("capabilities.iotEdge", "b"),
        ("STARTSWITH(tags.site, 'ly')", "ac"),
        ("ENDS_WITH(tags.site, 'a') OR CONTAINS(deviceId, 'd')", "bd"),
        ("x509Thumbprint.primaryThumbprint != null", "b"),
        ("x509Thumbprint.PrimaryThumbprint = null", "acd"),
        ("IS_NULL(x509Thumbprint.secondaryThumbprint)", "abcd"),
        ("authenticationType IN ['sas', 'certificateAuthority'] AND status = 'enabled'", "ad"),
        ("properties.reported.fw.major >= 2", "d"),
        ("properties.reported.$version = 1", "abcd"),
        ("properties.desired.$metadata.$lastUpdatedVersion = 1", "abcd"),
        ("[[tags]].[[site]] = 'lyon'", "ac"),
        ("lastActivityTime = '0001-01-01T00:00:00'", "abc"),
        ("lastActivityTime > '2026-03-01T09:59:59.999Z'", "d"),
        ("lastActivityTime < '2026-03-01T10:00:00.0000001Z' AND lastActivityTime >= '2026-03-01'", "d"),
        ("moduleId = 'm'", ""),
        ("deviceId\n=\t'a'", "a"),
    ],
)
def test_conditions(condition: str, expected: str) -> None:
    assert matching(condition) == expected


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT * FROM devices WHERE",
        "SELECT FROM devices",
        "* FROM devices",
        "SELECT * devices",
        "SELECT * FROM devices.rooms",
        "SELECT * FROM devices;",
        "SELECT * FROM devices LIMIT 5",
        "SELECT * FROM devices ORDER BY deviceId",
        "SELECT * FROM devices WHERE tags.a == 1",
        "SELECT * FROM devices WHERE tags.a = 'x",
        "SELECT * FROM devices WHERE tags.a = 'it''s'",
        r"SELECT * FROM devices WHERE tags.a = 'a\n'",
        "SELECT * FROM devices WHERE tags.a LIKE 'x'",
        "SELECT * FROM devices WHERE tags.a-b = 1 =",
        "SELECT * FROM devices WHERE FOO(tags.a)",
        "SELECT * FROM devices WHERE IS_DEFINED()",
        "SELECT * FROM devices WHERE STARTSWITH(tags.a)",
        "SELECT * FROM devices WHERE COUNT() > 1",
        "SELECT * FROM devices WHERE tags.IS_DEFINED(tags.a)",
        "SELECT TOP 1.5 * FROM devices",
        "SELECT TOP -1 * FROM devices",
        "SELECT deviceId AS a.b FROM devices",
        "SELECT * FROM devices GROUP BY status",
        "SELECT deviceId, COUNT() FROM devices",
        "SELECT deviceId, COUNT() FROM devices GROUP BY status",
        "SELECT COUNT(deviceId) FROM devices",
        "SELECT AVG() FROM devices",
        "SELECT AVG(1) FROM devices",
        "SELECT STARTSWITH(deviceId, 'a') FROM devices",
        "SELECT deviceId FROM devices.jobs",
        "SELECT * FROM devices WHERE " + "(true = " * 200 + "true" + ")" * 200,
        "SELECT * FROM devices WHERE " + "NOT " * 4000 + "true",
        "SELECT * FROM devices WHERE deviceId = '" + "x" * 70_000 + "'",
    ],
)
def test_refusals(query: str) -> None:
    with pytest.raises(QuerySyntaxError):
        plan_for(query)


def test_the_shortest_and_the_longest_form() -> None:
    assert parse("select * from devices").columns is None
    query = parse(
        "Select Top 5 tags.site As site, count() AS n, Max(tags.line) FROM devices "
        "Where status = 'enabled' Group By tags.site, status"
    )
    assert query.top == 5 and query.columns is not None and len(query.columns) == 3 and len(query.group) == 2


def test_long_lists_of_alternatives() -> None:
    names = [f"device-{number}" for number in range(1500)]
    wanted = " OR ".join(f"deviceId = '{name}'" for name in [*names, "b"])
    assert matching(wanted) == "b"
    assert matching("deviceId IN [" + ", ".join(f"'{name}'" for name in [*names, "b", "d"]) + "]") == "bd"
    assert matching(" and ".join(["status = 'enabled'"] * 1000)) == "abd"


def test_keywords_are_whole_words() -> None:
    plan = plan_for("SELECT fromage, [[top]] AS best, topology FROM devices WHERE NOT notable = 1 OR orbit = 'x'")
    assert [name for name, _ in plan._columns] == ["fromage", "best", "topology"]


def test_columns_without_alias_get_the_last_name_or_a_number() -> None:
    plan = plan_for("SELECT tags.loc.hall, deviceId, nothing FROM devices")
    assert plan.row(FLEET[0]) == {"hall": "N", "deviceId": "a"}
    counted = plan_for("SELECT COUNT(), tags.site, SUM(tags.line) FROM devices GROUP BY tags.site")
    assert counted.groups(FLEET) == [
        {"$1": 2, "site": "lyon", "$2": 1},
        {"$1": 1, "site": "genoa", "$2": 2},
        {"$1": 1},
    ]


def test_true_and_one_are_different_groups() -> None:
    fleet = [device(str(n), tags={"v": value}) for n, value in enumerate([1, True, 1.0, "1", None, {"a": 1}, {"a": 1}])]
    rows = plan_for("SELECT tags.v AS v, COUNT() AS n FROM devices GROUP BY tags.v").groups(fleet)
    assert [row["n"] for row in rows] == [2, 1, 1, 1, 2]


def test_modules_have_their_own_twins() -> None:
    module = ModuleRecord("a", "1", module_id="m", tags={"x": 1})
    plan = plan_for("SELECT * FROM devices.modules WHERE devices.modules.tags.x = 1 AND moduleId = 'm'")
    assert plan.matches is not None and plan.matches(module)
    assert plan.row(module)["moduleId"] == "m"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for query in (text, f"SELECT * FROM devices WHERE {text}", f"SELECT * FROM devices WHERE deviceId = '{text}'"):
        with contextlib.suppress(QuerySyntaxError):
            plan_for.__wrapped__(query)


@given(st.text(max_size=30))
def test_an_escaped_text_is_a_value_and_nothing_else(text: str) -> None:
    """What a caller must do to put a foreign text into a query: a backslash before each backslash and quote."""
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    plan = plan_for.__wrapped__(f"SELECT * FROM devices WHERE deviceId = '{quoted}'")
    assert plan.matches(device(text)) is True
    assert plan.matches(device(text + "x")) is False

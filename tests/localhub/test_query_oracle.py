"""The query engine against a plain interpreter of the twin's JSON: random conditions, groupings and aggregates."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.depth import trials

from console.localhub.query_plan import Plan, plan_for
from console.localhub.registry_json import twin_json
from console.localhub.state import DeviceRecord

NOTHING = object()  # undefined
PATHS = [
    "deviceId",
    "status",
    "statusReason",
    "authenticationType",
    "cloudToDeviceMessageCount",
    "capabilities.iotEdge",
    "tags",
    "tags.a",
    "tags.b",
    "tags.b.c",
    "tags.b.c.d",
    "properties.desired.a",
    "properties.desired.$version",
    "properties.reported.b.c",
    "x509Thumbprint.PrimaryThumbprint",
    "x509Thumbprint",
    "parentScopes",
    "nothing",
    "status.x",
]
texts = st.text(alphabet="aZ9'\"\\é\n-", max_size=4)
numbers = st.integers(-3, 3) | st.sampled_from([0.5, -1.5, 2.0, 1e3])
primitives = st.none() | st.booleans() | numbers | texts | st.sampled_from(["enabled", "disabled", "sas"])
values = st.recursive(
    primitives, lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3) | st.lists(inner, max_size=2)
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=3)
records = st.builds(
    DeviceRecord,
    device_id=st.sampled_from(["a", "ab", "b'c"]),
    generation_id=st.just("1"),
    auth=st.sampled_from(["sas", "selfSigned"]),
    primary_thumbprint=st.none() | st.just("ab" * 20),
    status=st.sampled_from(["enabled", "disabled"]),
    status_reason=st.none() | texts,
    edge=st.booleans(),
    c2d_count=st.integers(0, 3),
    tags=objects,
    desired=objects,
    reported=objects,
    desired_version=st.integers(1, 3),
    parent_scopes=st.lists(st.just("s"), max_size=1),
)

COMPARISONS = ["=", "!=", "<>", "<", "<=", ">", ">="]
KINDS = ["IS_DEFINED", "IS_NULL", "IS_STRING", "IS_NUMBER", "IS_BOOL", "is_object", "Is_Array", "IS_PRIMITIVE"]
SEARCHES = ["STARTSWITH", "starts_with", "ENDSWITH", "CONTAINS"]


def nodes(inner: Any) -> Any:
    return st.one_of(
        st.tuples(st.just("compare"), st.sampled_from(COMPARISONS), inner, inner),
        st.tuples(st.sampled_from(["AND", "or"]), inner, inner),
        st.tuples(st.just("not"), inner),
        st.tuples(st.just("minus"), inner),
        st.tuples(st.just("calculate"), st.sampled_from("+-*/%"), inner, inner),
        st.tuples(st.just("in"), st.booleans(), inner, st.lists(inner, max_size=3)),
        st.tuples(st.just("kind"), st.sampled_from(KINDS), inner),
        st.tuples(st.just("search"), st.sampled_from(SEARCHES), inner, inner),
    )


leaves = st.tuples(st.just("path"), st.sampled_from(PATHS)) | st.tuples(st.just("constant"), primitives)
expressions = st.recursive(leaves, nodes, max_leaves=8)


def written(node: Any) -> str:
    match node:
        case ("path", path):
            return path
        case ("constant", None):
            return "null"
        case ("constant", bool(value)):
            return str(value)
        case ("constant", str(value)):
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case ("constant", value):
            return f"({value!r})" if value < 0 else repr(value)
        case ("compare" | "calculate", sign, left, right):
            return f"({written(left)} {sign} {written(right)})"
        case ("AND" | "or" as word, left, right):
            return f"({written(left)} {word} {written(right)})"
        case ("not", inner):
            return f"(NOT {written(inner)})"
        case ("minus", inner):
            return f"(-{written(inner)})"
        case ("in", negated, inner, choices):
            return f"({written(inner)} {'nin' if negated else 'IN'} [{', '.join(map(written, choices))}])"
        case ("kind", name, inner):
            return f"{name}({written(inner)})"
        case ("search", name, left, right):
            return f"{name}({written(left)}, {written(right)})"
    raise AssertionError(node)


def attribute(twin: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(twin, dict) or part not in twin:
            return NOTHING
        twin = twin[part]
    return twin


def sort_of(value: Any) -> str:
    if value is NOTHING or value is None or isinstance(value, bool):
        return {NOTHING: "nothing", None: "null"}.get(value, "boolean")
    for kind, name in ((str, "string"), (int, "number"), (float, "number"), (dict, "object"), (list, "array")):
        if isinstance(value, kind):
            return name
    raise AssertionError(value)


PRIMITIVE = {"null", "boolean", "number", "string"}


def compared(sign: str, a: Any, b: Any) -> Any:
    sorts = {sort_of(a), sort_of(b)}
    if not sorts <= PRIMITIVE:
        return NOTHING
    if "null" in sorts:
        return {"=": len(sorts) == 1, "!=": len(sorts) == 2}.get(sign, NOTHING)
    if len(sorts) == 2:
        return NOTHING
    return {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


def calculated(sign: str, a: Any, b: Any) -> Any:
    if {sort_of(a), sort_of(b)} != {"number"} or (sign in "/%" and b == 0):
        return NOTHING
    if sign == "%":
        return a - b * int(a / b)
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[sign]()


def combined(word: str, a: Any, b: Any) -> Any:
    sides = [side if sort_of(side) == "boolean" else NOTHING for side in (a, b)]
    decider = word == "or"
    if any(side is decider for side in sides):
        return decider
    return NOTHING if NOTHING in sides else not decider


def value_of(node: Any, twin: Any) -> Any:
    match node:
        case ("path", path):
            return attribute(twin, path)
        case ("constant", value):
            return value
        case ("compare", sign, left, right):
            return compared(sign.replace("<>", "!="), value_of(left, twin), value_of(right, twin))
        case ("calculate", sign, left, right):
            return calculated(sign, value_of(left, twin), value_of(right, twin))
        case ("AND" | "or" as word, left, right):
            return combined(word, value_of(left, twin), value_of(right, twin))
        case ("not", inner):
            value = value_of(inner, twin)
            return (not value) if sort_of(value) == "boolean" else NOTHING
        case ("minus", inner):
            value = value_of(inner, twin)
            return -value if sort_of(value) == "number" else NOTHING
        case ("in", negated, inner, choices):
            found: Any = False
            for choice in choices:
                found = combined("or", found, compared("=", value_of(inner, twin), value_of(choice, twin)))
            if value_of(inner, twin) is NOTHING:
                found = NOTHING
            return (not found) if negated and found is not NOTHING else found
        case ("kind", name, inner):
            sort = sort_of(value_of(inner, twin))
            return {
                "is_defined": sort != "nothing",
                "is_null": sort == "null",
                "is_string": sort == "string",
                "is_number": sort == "number",
                "is_bool": sort == "boolean",
                "is_object": sort == "object",
                "is_array": sort == "array",
                "is_primitive": sort in PRIMITIVE,
            }[name.casefold()]
        case ("search", name, left, right):
            a, b = value_of(left, twin), value_of(right, twin)
            if sort_of(a) != "string" or sort_of(b) != "string":
                return NOTHING
            word = name.casefold().replace("_", "")
            return {"startswith": a[: len(b)] == b, "endswith": a.endswith(b), "contains": b in a}[word]
    raise AssertionError(node)


def fresh(text: str) -> Plan:
    return plan_for.__wrapped__(text)


@settings(max_examples=trials(test=100, deep=400), deadline=None)
@given(expressions, st.lists(records, min_size=1, max_size=4))
def test_conditions(node: Any, devices: list[DeviceRecord]) -> None:
    plan = fresh(f"SELECT * FROM devices WHERE {written(node)}")
    assert plan.matches is not None
    for device in devices:
        assert plan.matches(device) is (value_of(node, twin_json(device)) is True)


@settings(max_examples=trials(test=37, deep=150), deadline=None)
@given(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True), st.lists(records, max_size=6))
def test_groups_and_counts(paths: list[str], devices: list[DeviceRecord]) -> None:
    columns = ", ".join(f"{path} AS k{n}" for n, path in enumerate(paths))
    plan = fresh(f"SELECT {columns}, COUNT() AS n FROM devices GROUP BY {', '.join(paths)}")
    expected: dict[str, int] = {}
    for device in devices:
        values = [attribute(twin_json(device), path) for path in paths]
        row = {f"k{n}": value for n, value in enumerate(values) if value is not NOTHING}
        row = {key: float(v) if sort_of(v) == "number" else v for key, v in row.items()}
        text = json.dumps(row, sort_keys=True)
        expected[text] = expected.get(text, 0) + 1
    found = {}
    for row in plan.groups(devices):
        number = row.pop("n")
        row = {key: float(v) if sort_of(v) == "number" else v for key, v in row.items()}
        found[json.dumps(row, sort_keys=True)] = number
    assert found == expected


@settings(max_examples=trials(test=37, deep=150), deadline=None)
@given(st.sampled_from(["tags.a", "tags.b.c", "cloudToDeviceMessageCount"]), st.lists(records, max_size=6))
def test_aggregates(path: str, devices: list[DeviceRecord]) -> None:
    plan = fresh(f"SELECT AVG({path}) AS a, SUM({path}) AS s, MIN({path}) AS lo, MAX({path}) AS hi FROM devices")
    found = [attribute(twin_json(device), path) for device in devices]
    usable = [value for value in found if sort_of(value) == "number"]
    expected = (
        {"a": sum(usable) / len(usable), "s": sum(usable), "lo": min(usable), "hi": max(usable)} if usable else {}
    )
    assert plan.groups(devices) == [expected]


@settings(max_examples=trials(test=37, deep=150), deadline=None)
@given(st.lists(st.sampled_from(PATHS), min_size=1, max_size=4), records)
def test_projections(paths: list[str], device: DeviceRecord) -> None:
    plan = fresh("SELECT " + ", ".join(f"{path} AS c{n}" for n, path in enumerate(paths)) + " FROM devices")
    values = {f"c{n}": attribute(twin_json(device), path) for n, path in enumerate(paths)}
    assert plan.row(device) == {name: value for name, value in values.items() if value is not NOTHING}

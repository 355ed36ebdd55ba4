"""Runs queries over twins: every expression becomes a closure over a record, which keeps large fleets quick."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable
from typing import Any

from console.localhub.query_parser import (
    Among,
    Binary,
    Expression,
    Function,
    Literal,
    Logic,
    Path,
    QuerySyntaxError,
    Unary,
)
from console.localhub.registry_json import desired_json, properties_json, reported_json, thumbprints
from console.localhub.state import DeviceRecord, ModuleRecord


class _Undefined:
    """What an attribute that is not there gives; a condition on it matches nothing."""

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Any = _Undefined()
Getter = Callable[[DeviceRecord], Any]
Weighted = tuple[DeviceRecord, int]
"""A record, and how many devices it stands for."""

_TIMES = frozenset({"statusUpdateTime", "lastActivityTime"})
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_THUMBPRINT_FIELDS = {"primarythumbprint": "primary_thumbprint", "secondarythumbprint": "secondary_thumbprint"}

_PLAIN: dict[str, Getter] = {
    "deviceId": lambda r: r.device_id,
    "moduleId": lambda r: r.module_id if isinstance(r, ModuleRecord) else UNDEFINED,
    "etag": lambda r: r.twin_etag,
    "deviceEtag": lambda r: r.etag,
    "status": lambda r: r.status,
    "statusReason": lambda r: UNDEFINED if r.status_reason is None else r.status_reason,
    "statusUpdateTime": lambda r: r.status_updated,
    "connectionState": lambda r: r.connection_state,
    "lastActivityTime": lambda r: r.last_activity,
    "cloudToDeviceMessageCount": lambda r: r.c2d_count,
    "authenticationType": lambda r: r.auth,
    "x509Thumbprint": thumbprints,
    "modelId": lambda r: r.model_id,
    "version": lambda r: r.twin_version,
    "tags": lambda r: r.tags or UNDEFINED,
    "properties": properties_json,
    "capabilities": lambda r: {"iotEdge": r.edge},
    "deviceScope": lambda r: r.scope or UNDEFINED,
    "parentScopes": lambda r: r.parent_scopes or UNDEFINED,
}


def getter(path: Path, source: str) -> Getter:
    """Return the closure that reads an attribute of a twin; `devices.` before it is allowed. Case counts."""
    parts = path.parts
    prefix = tuple(source.split("."))
    if len(parts) > len(prefix) and parts[: len(prefix)] == prefix:
        parts = parts[len(prefix) :]
    head, rest = parts[0], parts[1:]
    if not rest:
        return _PLAIN.get(head, lambda _: UNDEFINED)
    if head == "tags":
        return _digger(lambda r: r.tags, rest)
    if head == "properties" and rest[0] in {"desired", "reported"}:
        return _property(rest[0], rest[1:])
    if head == "x509Thumbprint":  # written with either case in documents and answers
        name = _THUMBPRINT_FIELDS.get(rest[0].casefold())
        return operator.attrgetter(name) if name and len(rest) == 1 else lambda _: UNDEFINED
    if head == "capabilities":
        return (lambda r: r.edge) if rest == ("iotEdge",) else lambda _: UNDEFINED
    return lambda _: UNDEFINED


def _property(section: str, rest: tuple[str, ...]) -> Getter:
    whole = desired_json if section == "desired" else reported_json
    if not rest:
        return whole
    if rest == ("$version",):
        return operator.attrgetter(f"{section}_version")
    if rest[0].startswith("$"):
        return _digger(whole, rest)
    return _digger(operator.attrgetter(section), rest)


def _digger(root: Getter, parts: tuple[str, ...]) -> Getter:
    if len(parts) == 1:
        only = parts[0]
        return lambda r: root(r).get(only, UNDEFINED)

    def dig(record: DeviceRecord) -> Any:
        value = root(record)
        for part in parts:
            if not isinstance(value, dict):
                return UNDEFINED
            value = value.get(part, UNDEFINED)
        return value

    return dig


def condition(expression: Expression | None, source: str) -> Callable[[DeviceRecord], bool] | None:
    """Return the closure that says whether a record matches; None matches all. Raises QuerySyntaxError."""
    if expression is None:
        return None
    value = compiled(expression, source)
    return lambda record: value(record) is True


def compiled(expression: Expression, source: str) -> Getter:
    """Return the closure for an expression: a primitive, an object, or UNDEFINED. Raises QuerySyntaxError."""
    match expression:
        case Literal(value):
            return lambda _: value
        case Path():
            return getter(expression, source)
        case Unary("NOT", operand):
            return _negation(compiled(operand, source))
        case Unary(_, Literal(value)) if _is_number(value):
            return lambda _: -value
        case Unary(_, operand):
            inner = compiled(operand, source)
            return lambda r: -v if _is_number(v := inner(r)) else UNDEFINED
        case Logic(word, operands):
            return _logic(word == "OR", [compiled(operand, source) for operand in operands])
        case Binary(sign, left, right) if sign in _ORDER:
            return _comparison(sign, left, right, source)
        case Binary(sign, left, right):
            return _arithmetic(sign, compiled(left, source), compiled(right, source))
        case Among(operand, choices, negated):
            found = _among(compiled(operand, source), [compiled(choice, source) for choice in choices])
            return _negation(found) if negated else found
        case Function(name, arguments):
            return _function(name, [compiled(argument, source) for argument in arguments])
    raise QuerySyntaxError("The condition cannot be read.")  # pragma: no cover - every kind is above


# --- logic: true, false and undefined --------------------------------------------------------------------------------


def _negation(inner: Getter) -> Getter:
    def negate(record: DeviceRecord) -> Any:
        value = inner(record)
        return not value if isinstance(value, bool) else UNDEFINED

    return negate


def _logic(deciding: bool, operands: list[Getter]) -> Getter:
    """AND (decided by False) or OR (decided by True); an undefined part makes it undefined unless another decides."""

    def decide(record: DeviceRecord) -> Any:
        answer: Any = not deciding
        for operand in operands:
            value = operand(record)
            if value is deciding:
                return deciding
            if not isinstance(value, bool):
                answer = UNDEFINED
        return answer

    return decide


# --- comparison and arithmetic ---------------------------------------------------------------------------------------


def compare(sign: str, left: Any, right: Any) -> Any:
    """Compare two primitives of the same type; null only for equality. Anything else is UNDEFINED."""
    if left is None or right is None:
        if left is UNDEFINED or right is UNDEFINED or isinstance(left, dict | list) or isinstance(right, dict | list):
            return UNDEFINED
        if sign == "=":
            return left is right
        return left is not right if sign == "!=" else UNDEFINED
    if (isinstance(left, str) and isinstance(right, str)) or (_is_number(left) and _is_number(right)):
        return _ORDER[sign](left, right)
    if isinstance(left, bool) and isinstance(right, bool):
        return _ORDER[sign](left, right)
    return UNDEFINED


def _comparison(sign: str, left: Expression, right: Expression, source: str) -> Getter:
    first, second = compiled(left, source), compiled(right, source)
    if _is_time(left) or _is_time(right):
        return lambda r: compare(sign, _sortable(first(r)), _sortable(second(r)))
    if isinstance(right, Literal) and isinstance(right.value, str):  # the usual case, and worth its own closure
        wanted, ordered = right.value, _ORDER[sign]
        return lambda r: ordered(v, wanted) if type(v := first(r)) is str else compare(sign, v, wanted)
    return lambda r: compare(sign, first(r), second(r))


def _is_time(expression: Expression) -> bool:
    return isinstance(expression, Path) and expression.parts[-1] in _TIMES and len(expression.parts) < 3


def _sortable(value: Any) -> Any:
    """Give times a common form, so that `...:00Z` and `...:00.5Z` compare as times."""
    if not isinstance(value, str) or "T" not in value:
        return value
    whole, _, fraction = value.removesuffix("Z").partition(".")
    return f"{whole}.{fraction[:7]:0<7}" if not fraction or fraction.isdigit() else value


def _arithmetic(sign: str, left: Getter, right: Getter) -> Getter:
    def calculate(record: DeviceRecord) -> Any:
        a, b = left(record), right(record)
        if not (_is_number(a) and _is_number(b)):
            return UNDEFINED
        try:
            return _CALCULATE[sign](a, b)
        except (ZeroDivisionError, OverflowError):
            return UNDEFINED

    return calculate


def _remainder(a: float, b: float) -> float:
    rest = abs(a) % abs(b)  # with the sign of the first, as in the languages the service is written in
    return -rest if a < 0 else rest


_CALCULATE: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": _remainder,
}


def _among(operand: Getter, choices: list[Getter]) -> Getter:
    """`x IN [a, b]` is `x = a OR x = b`."""

    def search(record: DeviceRecord) -> Any:
        value = operand(record)
        answer: Any = False
        for choice in choices:
            same = compare("=", value, choice(record))
            if same is True:
                return True
            if same is UNDEFINED:
                answer = UNDEFINED
        return UNDEFINED if value is UNDEFINED else answer

    return search


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- functions -------------------------------------------------------------------------------------------------------

_KINDS: dict[str, Callable[[Any], bool]] = {
    "ISDEFINED": lambda v: v is not UNDEFINED,
    "ISNULL": lambda v: v is None,
    "ISSTRING": lambda v: isinstance(v, str),
    "ISNUMBER": _is_number,
    "ISBOOL": lambda v: isinstance(v, bool),
    "ISOBJECT": lambda v: isinstance(v, dict),
    "ISARRAY": lambda v: isinstance(v, list),
    "ISPRIMITIVE": lambda v: v is not UNDEFINED and not isinstance(v, dict | list),
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "STARTSWITH": str.startswith,
    "ENDSWITH": str.endswith,
    "CONTAINS": operator.contains,
}


def _function(name: str, arguments: list[Getter]) -> Getter:
    if name in _KINDS and len(arguments) == 1:
        test, only = _KINDS[name], arguments[0]
        return lambda r: test(only(r))
    if name in _TEXTS and len(arguments) == 2:
        check, (left, right) = _TEXTS[name], arguments

        def search(record: DeviceRecord) -> Any:
            a, b = left(record), right(record)
            return check(a, b) if isinstance(a, str) and isinstance(b, str) else UNDEFINED

        return search
    raise QuerySyntaxError(f"There is no function {name} with {len(arguments)} arguments.")


# --- aggregates ------------------------------------------------------------------------------------------------------


def count(records: list[Weighted]) -> int:
    """COUNT()."""
    return sum(weight for _, weight in records)


def aggregate(name: str, read: Getter) -> Callable[[list[Weighted]], Any]:
    """Return AVG, SUM, MIN or MAX over the numbers of an attribute; UNDEFINED where there is no number."""
    totals: dict[str, Callable[[list[tuple[Any, int]]], Any]] = {
        "AVG": lambda n: sum(value * weight for value, weight in n) / sum(weight for _, weight in n),
        "SUM": lambda n: sum(value * weight for value, weight in n),
        "MIN": lambda n: min(value for value, _ in n),
        "MAX": lambda n: max(value for value, _ in n),
    }
    total = totals[name]

    def over(records: Iterable[Weighted]) -> Any:
        numbers = [(value, weight) for record, weight in records if _is_number(value := read(record))]
        return total(numbers) if numbers else UNDEFINED

    return over


def group_key(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a hashable key under which 1 and true differ and objects are equal by content."""
    return tuple(
        (
            "number" if _is_number(v) else type(v).__name__,
            json.dumps(v, sort_keys=True) if isinstance(v, dict | list) else v,
        )
        for v in values
    )

"""Grammar of the IoT Hub query language: text to a small syntax tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, VisitError

SOURCES = ("devices", "devices.modules", "devices.jobs")
# Our own limits, the service publishes none: characters, and how deep conditions may nest.
QUERY_LIMIT = 64 * 1024
DEPTH_LIMIT = 100

_GRAMMAR = r"""
start: SELECT top? selection FROM PATH where? group?
top: TOP NUMBER
selection: STAR -> everything
         | column ("," column)*
column: (PATH | call) (AS PATH)?
where: WHERE _expression
group: GROUP BY PATH ("," PATH)*

_expression: _disjunction
_disjunction: _conjunction | either
either: _conjunction (OR _conjunction)+
_conjunction: _negation | both
both: _negation (AND _negation)+
_negation: _relation | negated
negated: NOT _negation
_relation: _sum | comparison | among
comparison: _sum COMPARE _sum
among: _sum (IN | NIN) "[" [_sum ("," _sum)*] "]"
_sum: _product | addition
addition: _sum (PLUS | MINUS) _product
_product: _signed | multiplication
multiplication: _product (STAR | SLASH | PERCENT) _signed
_signed: _atom | minus
minus: MINUS _signed
_atom: number | string | word | path | call | "(" _expression ")"
number: NUMBER
string: STRING
word: TRUE | FALSE | NULL
path: PATH
call: PATH "(" [argument ("," argument)*] ")"
argument: _expression

SELECT.2: /select\b/i
TOP.2: /top\b/i
FROM.2: /from\b/i
WHERE.2: /where\b/i
GROUP.2: /group\b/i
BY.2: /by\b/i
AS.2: /as\b/i
AND.2: /and\b/i
OR.2: /or\b/i
NOT.2: /not\b/i
IN.2: /in\b/i
NIN.2: /nin\b/i
TRUE.2: /true\b/i
FALSE.2: /false\b/i
NULL.2: /null\b/i
COMPARE: /<>|!=|<=|>=|=|<|>/
PLUS: "+"
MINUS: "-"
STAR: "*"
SLASH: "/"
PERCENT: "%"
NUMBER: /\d+(\.\d+)?([eE][+-]?\d+)?/
STRING: /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/s
PATH: /(?:[A-Za-z_$][\w$]*|\[\[[^\[\]]+\]\])(?:\.(?:[A-Za-z_$][\w$]*|\[\[[^\[\]]+\]\]))*/
%ignore /\s+/
"""


class QuerySyntaxError(ValueError):
    """The query cannot be read, or asks for something the language does not have."""


@dataclass(frozen=True)
class Path:
    """An attribute, `tags.site` as ("tags", "site")."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Literal:
    """A constant: number, string, boolean or null."""

    value: Any


@dataclass(frozen=True)
class Function:
    """A call of a built-in; the name in upper case without underscores."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Unary:
    """`NOT x` or `- x`; the operator is "NOT" or "-"."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """`x op y`: a comparison (`<>` as `!=`) or arithmetic."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Logic:
    """`x AND y AND z`, or the same with OR."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Among:
    """`x IN [a, b]`, or `x NIN [a, b]` when negated."""

    operand: Expression
    choices: tuple[Expression, ...]
    negated: bool


Expression = Path | Literal | Function | Unary | Binary | Logic | Among


@dataclass(frozen=True)
class Column:
    """One item of the select list: an attribute or an aggregate, with its alias."""

    value: Path | Function
    alias: str | None = None


@dataclass(frozen=True)
class Query:
    """A whole query. `columns` is None for `*`; `source` is one of `SOURCES`."""

    columns: tuple[Column, ...] | None
    source: str
    top: int | None = None
    where: Expression | None = None
    group: tuple[Path, ...] = ()


_SEGMENT = re.compile(r"\[\[([^\[\]]+)\]\]|([A-Za-z_$][\w$]*)")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)


def parse(text: str) -> Query:
    """Return the syntax tree. Raises QuerySyntaxError."""
    if len(text) > QUERY_LIMIT:
        raise QuerySyntaxError("The query is too long.")
    try:
        tree = _parser().parse(text)
        query = _Builder().transform(tree)
    except VisitError as error:
        raise QuerySyntaxError(str(error.orig_exc)) from None
    except (LarkError, RecursionError) as error:
        raise QuerySyntaxError(str(error)) from None
    assert isinstance(query, Query)
    if query.where is not None:
        _check_depth(query.where, DEPTH_LIMIT)
    return query


def _check_depth(expression: Expression, left: int) -> None:
    if left == 0:
        raise QuerySyntaxError("The condition is nested too deep.")
    below: tuple[Expression, ...] = ()
    match expression:
        case Unary(_, operand):
            below = (operand,)
        case Binary(_, first, second):
            below = (first, second)
        case Logic(_, operands) | Function(_, operands):
            below = operands
        case Among(operand, choices, _):
            below = (operand, *choices)
    for part in below:
        _check_depth(part, left - 1)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


class _Builder(Transformer[Token, Any]):
    """Turns lark's tree into ours, bottom up."""

    def start(self, items: list[Any]) -> Query:
        top: int | None = None
        columns: Any = None
        source = ""
        where: Expression | None = None
        group: tuple[Path, ...] = ()
        for item in items:
            match item:
                case Token(type="PATH"):
                    source = item.casefold()
                case ("top", value):
                    top = value
                case ("columns", value):
                    columns = value
                case ("where", value):
                    where = value
                case ("group", value):
                    group = value
        if source not in SOURCES:
            raise QuerySyntaxError(f"There is no collection {source!r}.")
        return Query(columns, source, top, where, group)

    def top(self, items: list[Token]) -> tuple[str, int]:
        if not items[1].isdigit():
            raise QuerySyntaxError("TOP needs a whole number.")
        return ("top", int(items[1]))

    def everything(self, _items: list[Any]) -> tuple[str, None]:
        return ("columns", None)

    def selection(self, items: list[Any]) -> tuple[str, tuple[Column, ...]]:
        return ("columns", tuple(items))

    def column(self, items: list[Any]) -> Column:
        value = _path(items[0]) if isinstance(items[0], Token) else items[0]
        if len(items) == 1:
            return Column(value)
        alias = _path(items[2]).parts
        if len(alias) != 1:
            raise QuerySyntaxError("An alias is one name.")
        return Column(value, alias[0])

    def where(self, items: list[Any]) -> tuple[str, Expression]:
        return ("where", items[1])

    def group(self, items: list[Token]) -> tuple[str, tuple[Path, ...]]:
        return ("group", tuple(_path(item) for item in items if item.type == "PATH"))

    def either(self, items: list[Any]) -> Logic:
        return Logic("OR", tuple(items[::2]))

    def both(self, items: list[Any]) -> Logic:
        return Logic("AND", tuple(items[::2]))

    def negated(self, items: list[Any]) -> Unary:
        return Unary("NOT", items[1])

    def comparison(self, items: list[Any]) -> Binary:
        return Binary("!=" if items[1] == "<>" else str(items[1]), items[0], items[2])

    def among(self, items: list[Any]) -> Among:
        return Among(items[0], tuple(items[2:]), items[1].type == "NIN")

    def addition(self, items: list[Any]) -> Binary:
        return Binary(str(items[1]), items[0], items[2])

    multiplication = addition

    def minus(self, items: list[Any]) -> Unary:
        return Unary("-", items[1])

    def number(self, items: list[Token]) -> Literal:
        text = str(items[0])
        return Literal(int(text) if text.isdigit() else float(text))

    def string(self, items: list[Token]) -> Literal:
        return Literal(_ESCAPE.sub(_unescape, items[0][1:-1]))

    def word(self, items: list[Token]) -> Literal:
        return Literal({"TRUE": True, "FALSE": False}.get(items[0].type))

    def path(self, items: list[Token]) -> Path:
        return _path(items[0])

    def argument(self, items: list[Any]) -> Any:
        return items[0]

    def call(self, items: list[Any]) -> Function:
        name = str(items[0]).upper().replace("_", "")
        if "." in name:
            raise QuerySyntaxError(f"There is no function {items[0]}.")
        return Function(name, tuple(items[1:]))


def _path(token: Token) -> Path:
    return Path(tuple(quoted or plain for quoted, plain in _SEGMENT.findall(token)))


def _unescape(match: re.Match[str]) -> str:
    """The language's escapes: a quote, a double quote, a backslash, a character by its number."""
    text = match[1]
    if text in {"'", '"', "\\"}:
        return text
    if text.startswith("u") and len(text) == 5:
        return chr(int(text[1:], 16))
    raise QuerySyntaxError(f"There is no escape \\{text}.")

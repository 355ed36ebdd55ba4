"""Turns what duckdb and the KQL translator say about a query into what Log Analytics says about it."""

from __future__ import annotations

import re
from collections.abc import Iterable

SYNTAX = "SyntaxError"
SEMANTIC = "SemanticError"
UNSUPPORTED = "Unsupported"
TIMEOUT = "Timeout"

_TOKENS = re.compile(
    r"""//[^\n]*|@?"(?:\\.|[^"\\\n])*"|@?'(?:\\.|[^'\\\n])*'|(?P<pipe>\|)|(?P<end>;)|(?P<name>[A-Za-z_][\w-]*)""",
)
_COLUMN = re.compile(r'Referenced column "([^"]+)" (?:was )?not found')
_UNKNOWN_TABLE = re.compile(r"schema error for '([^']+)' \(unknown table")
_LEADING = re.compile(r"(?:\s|//[^\n]*(?:\n|$))*")
_ALIAS = re.compile(r'Alias with name "{1,2}([^"]+)"{1,2} exists')
_TABLE = re.compile(r"Table with name (\S+) does not exist")
_NEAR = re.compile(r"(?:input|at:|missing .* at) '(.*?)'(?: expecting|$)", re.DOTALL)
_CONSTRUCT = re.compile(r"(?<!^)(?=[A-Z])")


class KqlProblem(Exception):  # noqa: N818 - it is the caller's query that has the problem
    """A query that cannot be answered. `kind` is SyntaxError, SemanticError, Unsupported or Timeout."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


def missing_table(name: str) -> KqlProblem:
    """Return the problem of a table the workspace does not have."""
    return KqlProblem(SEMANTIC, f"Failed to resolve table or column expression named '{name}'")


def stages(kql: str) -> list[list[str]]:
    """Return the words of each pipeline stage of a query, without strings and comments."""
    found: list[list[str]] = [[]]
    for match in _TOKENS.finditer(kql):
        if match["pipe"] or match["end"]:
            found.append([])
        elif match["name"]:
            found[-1].append(match["name"])
    return [stage for stage in found if stage]


def unresolved(kql: str, name: str) -> KqlProblem:
    """Return the problem of a column that is not there, with the operator that names it first."""
    for stage in stages(kql):
        if name in stage[1:]:
            return KqlProblem(
                SEMANTIC, f"'{stage[0]}' operator: Failed to resolve column or scalar expression named '{name}'"
            )
    return KqlProblem(SEMANTIC, f"Failed to resolve column or scalar expression named '{name}'")


def check_names(kql: str, columns: Iterable[str], table: str) -> None:
    """Refuse what the engine forgives and the service does not: names in the wrong case, other databases, commands.

    Raises:
        KqlProblem: SyntaxError for a control command, SemanticError for the rest.
    """
    if _LEADING.sub("", kql, count=1).startswith("."):
        raise KqlProblem(
            SYNTAX, "Query could not be parsed at '.' on line [1,1]: control commands are not allowed here."
        )
    true_names = {name.casefold(): name for name in columns}
    own = set(re.findall(r"([A-Za-z_]\w*)\s*=(?![=~])", kql)) | set(re.findall(r"\blet\s+(\w+)", kql))
    for stage in stages(kql):
        for word in stage:
            folded = word.casefold()
            if folded in {"database", "cluster", "workspace"} and re.search(rf"\b{word}\s*\(", kql):
                raise KqlProblem(
                    SEMANTIC, f"{word}(): the local hub's workspace stands alone, other sources cannot be named"
                )
            if folded == table.casefold() and word != table and word not in own:
                raise missing_table(word)
            true = true_names.get(folded)
            if true is not None and word != true and word not in own and folded not in {"type", "level"}:
                raise unresolved(kql, word)


def syntax(message: str, line: int, column: int) -> KqlProblem:
    """Return the problem of text that is not KQL; `line` counts from 1, `column` from 0."""
    found = _NEAR.search(message)
    near = f" at '{found[1][:60]}'" if found and found[1] != "<EOF>" else " at the end of the query" if found else ""
    return KqlProblem(SYNTAX, f"Query could not be parsed{near} on line [{line},{column + 1}]")


def unsupported(construct: str) -> KqlProblem:
    """Return the problem of KQL that Log Analytics runs and the local hub's engine does not."""
    head, _, tail = construct.partition(":")
    name = tail or head
    if name.endswith(("Operator", "Expression")):
        name = _CONSTRUCT.sub("-", name.removesuffix("Operator").removesuffix("Expression")).casefold()
    what = "function" if head == "function" else "operator"
    return KqlProblem(
        UNSUPPORTED,
        f"'{name}': the query engine of the local hub does not have this {what}; Log Analytics itself may run it.",
    )


def engine(kql: str, text: str) -> KqlProblem:
    """Return the problem behind an error message of duckdb's binder, catalog or run."""
    if found := _COLUMN.search(text) or _ALIAS.search(text):
        return unresolved(kql, found[1])
    if found := _TABLE.search(text) or _UNKNOWN_TABLE.search(text):
        return missing_table(found[1])
    first = text.strip().splitlines()[0] if text.strip() else "the query failed"
    return KqlProblem(SEMANTIC, re.sub(r"^[\w ]+ Error: ", "", first)[:400])

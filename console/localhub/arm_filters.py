"""What the calls about access share: their filters, their pages, and the right that each needs at its scope."""

from __future__ import annotations

import re

from console.localhub.arm_core import Call, record
from console.localhub.arm_errors import ArmError, front_door

PAGE = 100
_CLAUSE = re.compile(
    r"atScope\(\)|atScopeAndBelow\(\)|assignedTo\('(?P<to>[^']*)'\)|(?P<field>\w+)\s+eq\s+'(?P<value>(?:[^']|'')*)'",
    re.IGNORECASE,
)


def read_filter(text: str) -> tuple[bool, dict[str, str]]:
    """Read a filter into (only at the scope and above, equalities by lower-case field); raises 400.

    `assignedTo('id')` comes as the field "assignedto".
    """
    at_scope, equal = False, {}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        found = _CLAUSE.fullmatch(part.strip())
        if found is None:
            raise front_door(400, "InvalidFilter", f"The filter '{part}' is not supported.")
        if found.group("to") is not None:
            equal["assignedto"] = found.group("to")
        elif found.group("field") is not None:
            equal[found.group("field").casefold()] = found.group("value").replace("''", "'")
        else:
            at_scope = at_scope or part.casefold().startswith("atscope()")
    return at_scope, equal


def require(call: Call, action: str, operation: str | None = None) -> str:
    """Check a role for an action at the path's scope and return the scope; a refused write goes to the activity log."""
    scope = call.params["scope"] or "/"
    try:
        call.require(action, scope)
    except ArmError as problem:
        if operation:
            record(call, operation, scope, "Failed", "Forbidden", problem.status, problem.body)
        raise
    return scope

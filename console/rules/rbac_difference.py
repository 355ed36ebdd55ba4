"""How one role definition differs from another: for plans, and for bodies that keep what is not changed."""

from __future__ import annotations

from console.model.document import Json
from console.model.role import RoleDefinition
from console.rules.rbac_json import rest_body

_LISTS = ("actions", "notActions", "dataActions", "notDataActions")


def write_over(properties: Json, role: RoleDefinition, existing: RoleDefinition) -> None:
    """Put into a definition what differs from the role as it was read; the rest stays as the service wrote it."""
    wanted, known = rest_body(role)["properties"], rest_body(existing)["properties"]
    for name, value in wanted.items():
        if name == "type" or (name == "description" and not value):
            continue
        if value != known[name]:
            properties[name] = value


def moved(label: str, one: RoleDefinition, other: RoleDefinition) -> list[tuple[str, str]]:
    """Return the entries of one definition that the other does not have, list by list."""
    found = []
    for word, mine, theirs in zip(_LISTS, _entries(one), _entries(other), strict=True):
        if left := [entry for entry in mine if entry.casefold() not in {one.casefold() for one in theirs}]:
            more = f" and {len(left) - 8} more" if len(left) > 8 else ""
            found.append((label, f"{word}: {', '.join(left[:8])}{more}"))
    theirs_limited = {block.condition for block in other.permissions}
    for condition in dict.fromkeys(block.condition for block in one.permissions):
        if condition and condition not in theirs_limited:
            found.append((label, f"condition: {condition}"))
    return found


def _entries(role: RoleDefinition) -> list[list[str]]:
    blocks = role.permissions
    return [
        [entry for one in blocks for entry in one.actions],
        [entry for one in blocks for entry in one.not_actions],
        [entry for one in blocks for entry in one.data_actions],
        [entry for one in blocks for entry in one.not_data_actions],
    ]

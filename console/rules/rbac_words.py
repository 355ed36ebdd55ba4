"""What is said about an operation that somebody may not do: why, and which role would allow it."""

from __future__ import annotations

from collections.abc import Sequence

from console.model.granting import narrowest
from console.model.operations import Plane
from console.model.role import RoleDefinition
from console.model.scope import same_scope, scope_name


def place(scope: str, asked: str) -> str:
    """Return where an assignment stands, seen from the scope that was asked about."""
    return f"on {scope_name(scope)} itself" if same_scope(scope, asked) else f"inherited from {scope_name(scope)}"


def no_words(
    roles: Sequence[RoleDefinition],
    excepted: Sequence[tuple[str, str]],
    elsewhere: Sequence[str],
    operation: str,
    plane: Plane,
) -> tuple[str, str]:
    """Return why an operation is not allowed, and what to do.

    `roles` are those that reach the scope, `elsewhere` the scopes beside it where a role would allow it.
    """
    names = narrowest(operation, plane)
    hint = f"Assign {names[0]}: hubwarden access assign" if names else "Assign a custom role that has it"
    if excepted:
        role, pattern = excepted[0]
        word = "notDataActions" if plane is Plane.DATA else "notActions"
        return f"{role} leaves it out ({word} {pattern}) and no other role grants it", hint
    if not roles:
        if elsewhere:
            return f"a role allows it, but on {scope_name(elsewhere[0])}, which is beside this scope", hint
        return "no role reaches this scope", hint
    listed = ", ".join(sorted({role.name for role in roles}))
    other = Plane.CONTROL if plane is Plane.DATA else Plane.DATA
    if all(role.planes <= {other} for role in roles):
        kind = "a data operation" if plane is Plane.DATA else "a control operation"
        only = "dataActions" if other is Plane.DATA else "actions"
        return f"it is {kind}, and {listed} grants {only} only", hint
    return f"{listed} does not grant it", hint


def unknown_words(unread: Sequence[str]) -> tuple[str, str]:
    """Return why it is not known, and what to do."""
    if unread:
        return f"the role {unread[0]} is assigned and could not be read", "Ask for Reader at its scope"
    return "its groups are not known, and none of its own roles allows it", "Ask for it by its object id"


def perhaps_denied_words(names: Sequence[str]) -> tuple[str, str]:
    """Return why it is not known whether a deny assignment forbids it, and what to do."""
    why = f"the deny assignment {', '.join(names)} forbids it, but for a condition or for a group whose members are "
    return f"{why}not known here", "Look at it: az rest on …/providers/Microsoft.Authorization/denyAssignments"


def denied_words(names: Sequence[str]) -> tuple[str, str]:
    """Return why a deny assignment forbids it, and what to do."""
    why = f"the deny assignment {', '.join(names)} forbids it, whatever roles say"
    return why, "Deny assignments belong to managed applications and deployment stacks: change it there"

"""What roles allow: one operation of one principal at one scope, through what, and why not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from console.model.operations import OPERATIONS, Operation, Plane
from console.model.role import (
    GRANT,
    AccessFacts,
    Answer,
    DenyAssignment,
    Grant,
    Holder,
    Permissions,
    RoleDefinition,
    Verdict,
)
from console.rules.rbac_words import denied_words, no_words, perhaps_denied_words, place, unknown_words

EVERYONE = "00000000-0000-0000-0000-000000000000"
"""The principal of deny assignments that means everybody (Azure's document on deny assignments)."""
_CONDITIONED = ("microsoft.authorization/roleassignments/write", "microsoft.authorization/roleassignments/delete")
_MANAGEMENT_GROUP = "/providers/microsoft.management/managementgroups/"


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.casefold().split("*")), re.DOTALL)


def matches(pattern: str, operation: str) -> bool:
    """Say whether a pattern of a role covers an operation: `*` stands for any run of characters, case does not count.

    Source: Azure's document on role definitions, "Actions format".
    """
    return _pattern(pattern).fullmatch(operation.casefold()) is not None


def scope_covers(outer: str, inner: str) -> bool:
    """Say whether a scope is another one or stands above it: by whole segments, case does not count; "/" is above all.

    A management group counts as above everything: what is in it the resource id does not tell, and the resource manager
    names at a scope only those that are above it.
    """
    above = [part for part in outer.casefold().split("/") if part]
    below = [part for part in inner.casefold().split("/") if part]
    if outer.casefold().startswith(_MANAGEMENT_GROUP) and not inner.casefold().startswith(_MANAGEMENT_GROUP):
        return True
    return below[: len(above)] == above


def allows(role: RoleDefinition, operation: str, plane: Plane) -> str:
    """Return the pattern by which a role allows an operation, empty when it does not.

    An exception takes away only from its own block of permissions.
    """
    for block in role.permissions:
        granted, excepted = lists(block, plane)
        pattern = _first(granted, operation)
        if pattern and not _first(excepted, operation):
            return pattern
    return ""


def allows_freely(role: RoleDefinition, operation: str, plane: Plane) -> bool:
    """Say whether some block of a role allows an operation without a condition."""
    free = tuple(block for block in role.permissions if not block.condition)
    return bool(allows(replace(role, permissions=free), operation, plane))


def excepted_by(role: RoleDefinition, operation: str, plane: Plane) -> str:
    """Return the exception that takes an operation out of a role which would grant it, empty when there is none."""
    if allows(role, operation, plane):
        return ""
    for block in role.permissions:
        granted, excepted = lists(block, plane)
        if _first(granted, operation):
            return _first(excepted, operation)
    return ""


def lists(block: Permissions, plane: Plane) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a block grants on a plane, and its exceptions."""
    if plane is Plane.DATA:
        return block.data_actions, block.not_data_actions
    return block.actions, block.not_actions


def verdict(facts: AccessFacts, principal: str, operation: str, plane: Plane, scope: str = "") -> Verdict:
    """Return whether a principal may do an operation at a scope (that of the facts), through what, or why not.

    Facts that were read for this principal know its groups; everybody's facts do not, so a "no" from those is unknown.
    A condition counts only where Azure evaluates one for the operations looked at here: giving and taking roles
    (Azure's document on conditions; others are for storage data).
    """
    where, who = scope or facts.scope, principal.casefold()
    told = facts.principal.casefold() == who
    mine = [
        one
        for one in facts.assignments
        if (told or one.principal_id.casefold() == who) and scope_covers(one.scope, where)
    ]
    grants: list[Grant] = []
    excepted: list[tuple[str, str]] = []
    unread: list[str] = []
    for one in mine:
        role = facts.definitions.get(one.role)
        if role is None:
            unread.append(one.role)
            continue
        if pattern := allows(role, operation, plane):
            via = "" if one.principal_id.casefold() == who else one.principal_id
            inherited = not scope_covers(where, one.scope)
            grants.append(Grant(one, role, pattern, via, inherited))
        elif pattern := excepted_by(role, operation, plane):
            excepted.append((role.name, pattern))
    forbidding = [(one.name, _denies(one, facts, who, operation, plane, where)) for one in facts.denials]
    denied = tuple(name for name, certain in forbidding if certain)
    perhaps = tuple(name for name, certain in forbidding if certain is None)
    free = [grant for grant in grants if not _conditional(grant, operation, plane)]
    answer, why, hint = Answer.YES, "", ""
    if denied:
        answer, why, hint = Answer.NO, *denied_words(denied)
    elif grants and perhaps:
        answer, why, hint = Answer.UNKNOWN, *perhaps_denied_words(perhaps)
    elif free:
        why = f"{free[0].role.name} allows it, {place(free[0].assignment.scope, where)}"
        if facts.denials_error is not None:
            why += "; whether a deny assignment forbids it could not be read"
    elif grants:
        answer = Answer.CONDITIONAL
        why = f"{grants[0].role.name} allows it under a condition, which is not evaluated here"
        hint = "Read the condition: hubwarden access assignments --json"
    elif unread or not told:
        answer, why, hint = Answer.UNKNOWN, *unknown_words(unread)
    else:
        roles = [facts.definitions[one.role] for one in mine if one.role in facts.definitions]
        elsewhere = [
            one
            for one in facts.assignments
            if told and one not in mine and (role := facts.definitions.get(one.role)) and allows(role, operation, plane)
        ]
        answer = Answer.NO
        why, hint = no_words(roles, excepted, [one.scope for one in elsewhere], operation, plane)
    return Verdict(answer, operation, plane, where, principal, tuple(grants), tuple(excepted), denied, why, hint)


def effective(facts: AccessFacts, principal: str, plane: Plane) -> tuple[tuple[Operation, Verdict], ...]:
    """Return the verdict on every operation of the catalogue on one plane."""
    found = [one for one in OPERATIONS if one.plane is plane]
    return tuple((one, verdict(facts, principal, one.name, plane)) for one in found)


def granters(facts: AccessFacts, names: Mapping[str, str] | None = None) -> tuple[Holder, ...]:
    """Return who may give roles at the facts' scope, as far as its assignments tell: the nearest scope first.

    A deny assignment for everybody counts; groups stand for their members, who are not known.
    """
    known = names or {}
    found: dict[tuple[str, str, str], Holder] = {}
    for one in facts.assignments:
        role = facts.definitions.get(one.role)
        if role is None or not scope_covers(one.scope, facts.scope) or not allows(role, GRANT, Plane.CONTROL):
            continue
        if any(
            _denies(denial, facts, one.principal_id.casefold(), GRANT, Plane.CONTROL, facts.scope)
            for denial in facts.denials
        ):
            continue
        name = known.get(one.principal_id, "")
        holder = Holder(one.principal_id, one.principal_type, name, role.name, one.scope)
        found.setdefault((one.principal_id, role.name, one.scope), holder)
    return tuple(sorted(found.values(), key=lambda one: (-one.scope.count("/"), one.name or "~", one.principal_id)))


def _first(patterns: Iterable[str], operation: str) -> str:
    return next((pattern for pattern in patterns if matches(pattern, operation)), "")


def _conditional(grant: Grant, operation: str, plane: Plane) -> bool:
    if operation.casefold() not in _CONDITIONED:
        return False
    return bool(grant.assignment.condition) or not allows_freely(grant.role, operation, plane)


def _denies(
    denial: DenyAssignment, facts: AccessFacts, who: str, operation: str, plane: Plane, scope: str
) -> bool | None:
    """Say whether a deny assignment forbids something; None: yes, but for what is not known (a group, a condition)."""
    told = facts.principal.casefold() == who
    groups = {one.principal_id.casefold() for one in facts.assignments} if told else set()
    ids = {who, *groups}
    named = EVERYONE in denial.principals or bool(ids & set(denial.principals)) or (told and denial.reached)
    if not named or ids & set(denial.excluded):
        return False
    same = [part for part in denial.scope.casefold().split("/") if part] == [
        part for part in scope.casefold().split("/") if part
    ]
    if not scope_covers(denial.scope, scope) or (denial.this_scope_only and not same):
        return False
    matching = any(
        _first(granted, operation) and not _first(excepted, operation)
        for granted, excepted in (lists(block, plane) for block in denial.permissions)
    )
    return None if matching and (denial.excluded_groups or denial.condition) else matching

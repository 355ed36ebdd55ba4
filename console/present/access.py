"""Who has which role, for tables and pages: who, role, how, plane, since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from console.model.operations import Plane
from console.model.role import (
    AccessFacts,
    AccessReading,
    Answer,
    Holder,
    RoleAssignment,
    RoleDefinition,
    RoleFinding,
    Verdict,
)
from console.model.scope import same_scope, scope_label
from console.model.text import clean
from console.present.columns import Column
from console.present.lines import Line, Piece, field, fit, paragraph
from console.present.words import number, plural, since

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_TYPES = {"ServicePrincipal": "app", "User": "user", "Group": "group", "ForeignGroup": "group", "Device": "device"}

ASSIGNMENT_COLUMNS: tuple[Column, ...] = (
    Column("who", "WHO", 16, flex=2),
    Column("role", "ROLE", 21, flex=2),
    Column("how", "HOW", 17, flex=1),
    Column("plane", "GRANTS", 7),
    Column("since", "SINCE", 6, "right"),
    Column("by", "GIVEN BY", 16, priority=4),
    Column("words", "DESCRIPTION", 16, flex=1, priority=6),
)
ROLE_COLUMNS: tuple[Column, ...] = (
    Column("name", "ROLE", 26, flex=2),
    Column("kind", "KIND", 7),
    Column("plane", "GRANTS", 7),
    Column("used", "HOLDERS", 7, "right"),
    Column("findings", "FINDINGS", 8, "right"),
    Column("words", "DESCRIPTION", 30, flex=3, priority=5),
)
FINDING_COLUMNS: tuple[Column, ...] = (
    Column("severity", "SEV", 6),
    Column("finding", "FINDING", 26),
    Column("subject", "ROLE", 24, flex=1),
    Column("message", "WHAT", 40, flex=3, priority=3),
)
_TITLES = {
    "data-action-under-actions": "data under actions",
    "control-action-under-data-actions": "control under dataActions",
    "unknown-operation": "no such operation",
    "wildcard-wide": "wide wildcard",
    "listkeys": "can list keys",
    "can-give-roles": "can give roles",
    "owner-without-data": "401 without a data role",
    "not-actions-no-deny": "notActions do not deny",
    "not-actions-no-effect": "notActions without effect",
    "orphan-unknown": "orphans not known",
    "many-owners": "many Owners",
}
_SEVERITY = ("high", "medium", "low")

ASSIGNMENT_SORT: dict[str, Callable[[RoleAssignment, AccessReading], Any]] = {
    "who": lambda one, reading: (one.principal_id != reading.me, who(one, reading.names, reading.me).casefold()),
    "role": lambda one, reading: _role_name(one, reading).casefold(),
    "how": lambda one, _: (-one.scope.count("/"), one.scope.casefold()),
    "plane": lambda one, reading: plane_word(reading.facts.definitions.get(one.role)),
    "since": lambda one, _: one.created or _EARLIEST,
    "by": lambda one, reading: reading.names.get(one.created_by, one.created_by).casefold(),
    "words": lambda one, _: one.description.casefold(),
}
"""What sorts the assignments, by column."""


def type_word(principal_type: str) -> str:
    """Return "user", "group", "app"."""
    return _TYPES.get(principal_type, clean(principal_type, limit=10).casefold() or "?")


def who(assignment: RoleAssignment, names: Mapping[str, str], me: str = "") -> str:
    """Return a principal's name where it is known, else its type and the beginning of its object id."""
    if me and assignment.principal_id == me:
        return f"you · {me[:8]}"
    return names.get(assignment.principal_id) or f"{type_word(assignment.principal_type)} {assignment.principal_id[:8]}"


def how(assignment: RoleAssignment, scope: str) -> str:
    """Return how it reaches a scope: "direct", "from contoso-rg", "from subscription"."""
    if same_scope(assignment.scope, scope):
        return "direct"
    return f"from {scope_label(assignment.scope).removeprefix('group ')}"


def assignment_text(one: RoleAssignment, reading: AccessReading) -> tuple[str, ...]:
    """Return what a filter looks into: also `who:`, `role:`, `plane:data`, `type:group`, `scope:subscription`."""
    name, role = who(one, reading.names, reading.me), _role_name(one, reading)
    return (
        name,
        one.principal_id,
        role,
        f"who:{name}",
        f"role:{role}",
        f"plane:{plane_word(reading.facts.definitions.get(one.role))}",
        f"type:{type_word(one.principal_type)}",
        f"scope:{how(one, reading.facts.scope)}",
        one.description,
        "mine" if one.principal_id in reading.mine else "",
    )


def role_text(one: RoleDefinition) -> tuple[str, ...]:
    """Return what a filter looks into."""
    entries = [e for block in one.permissions for e in (*block.actions, *block.data_actions)]
    kind = "kind:custom" if one.custom else "kind:azure"
    return (one.name, one.description, one.guid, kind, f"plane:{plane_word(one)}", *entries)


def finding_text(one: RoleFinding) -> tuple[str, ...]:
    """Return what a filter looks into."""
    return (one.code, one.role, one.message, f"severity:{one.severity.value}", *one.entries)


def finding_rank(one: RoleFinding) -> int:
    """Return the place of a finding: the gravest first."""
    return _SEVERITY.index(one.severity.value)


def _role_name(one: RoleAssignment, reading: AccessReading) -> str:
    role = reading.facts.definitions.get(one.role)
    return role.name if role else one.role


def plane_word(role: RoleDefinition | None) -> str:
    """Return "control", "data", "both", "?" for a role that was not told."""
    if role is None:
        return "?"
    planes = role.planes
    if len(planes) == 2:
        return "both"
    return next((plane.value for plane in planes), "nothing")


def plane_piece(role: RoleDefinition | None) -> Piece:
    """Return the plane as a cell."""
    word = plane_word(role)
    return word, {"data": "accent", "both": "accent", "?": "warn", "nothing": "warn"}.get(word, "")


def assignment_cells(one: RoleAssignment, reading: AccessReading, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of an assignment, one for each of `ASSIGNMENT_COLUMNS`."""
    role = reading.facts.definitions.get(one.role)
    by = "you" if one.created_by and one.created_by == reading.me else reading.names.get(one.created_by)
    mine = one.principal_id in reading.mine
    named = one.principal_id in reading.names
    return (
        (who(one, reading.names, reading.me), "accent" if mine else "" if named else "dim"),
        (_role_name(one, reading), "" if role else "warn"),
        (how(one, reading.facts.scope), ""),
        plane_piece(role),
        (since(one.created, now) if one.created else "?", ""),
        (by or one.created_by[:8] or "?", "dim"),
        (one.description, "dim"),
    )


def role_cells(role: RoleDefinition, used: int, findings: Sequence[RoleFinding]) -> tuple[Piece, ...]:
    """Return the cells of a role, one for each of `ROLE_COLUMNS`."""
    bad = any(one.severity.value == "high" for one in findings)
    return (
        (role.name, ""),
        ("custom" if role.custom else "Azure's", "accent" if role.custom else "dim"),
        plane_piece(role),
        (number(used) if used else "·", "" if used else "dim"),
        (number(len(findings)), "bad" if bad else "warn") if findings else ("·", "dim"),
        (role.description, "dim"),
    )


def finding_title(one: RoleFinding) -> str:
    """Return what a finding is called in a table."""
    return _TITLES.get(one.code, one.code.replace("-", " "))


def finding_cells(one: RoleFinding) -> tuple[Piece, ...]:
    """Return the cells of a finding, one for each of `FINDING_COLUMNS`."""
    token = {"high": "bad", "medium": "warn"}.get(one.severity.value, "dim")
    return (
        (one.severity.value, token),
        (finding_title(one), ""),
        (one.role or "·", ""),
        (one.message, "dim"),
    )


def head_lines(reading: AccessReading | None) -> list[Line]:
    """Return how many roles reach the hub, what we may do here, and who can give roles."""
    if reading is None:
        return [((" ACCESS  ", "head"), ("reading who has which role …", "dim"))]
    facts = reading.facts
    people = len({one.principal_id for one in facts.assignments})
    words = f"{plural(len(facts.assignments), 'role assignment')} of {plural(people, 'principal')} reach the hub"
    second: list[Piece] = [(" YOU      ", "dim")]
    if not reading.own:
        second.append(("what you may do here is not known", "warn"))
    for label, answer in reading.own:
        mark, token = _MARKS[answer]
        second.append((f"{mark} {label} ", token))
    listed = [_holder(one, reading) for one in reading.granters]
    shown = ", ".join(listed[:2]) + (f" and {len(listed) - 2} more" if len(listed) > 2 else "")
    giving: Line = (
        (" CAN GIVE ", "dim"),
        (shown or "nobody is known here who can give roles", "" if shown else "warn"),
    )
    return [((" ACCESS   ", "head"), (words, "")), tuple(second), giving]


def _holder(one: Holder, reading: AccessReading) -> str:
    name = "you" if one.principal_id == reading.me else one.name
    return f"{name or f'{type_word(one.principal_type)} {one.principal_id[:8]}'} ({one.role})"


_MARKS = {
    Answer.YES: ("✓", "ok"),
    Answer.NO: ("✗", "dim"),
    Answer.CONDITIONAL: ("~", "warn"),
    Answer.UNKNOWN: ("?", "warn"),
}


def used_times(facts: AccessFacts, guid: str) -> int:
    """Return how often a role is assigned, at the scope and above it."""
    return sum(one.role == guid for one in facts.assignments)


def verdict_lines(found: Verdict, name: str, width: int) -> list[Line]:
    """Return the answer to "may X do Y, and through what?" as a page."""
    mark, token = _MARKS[found.answer]
    lines: list[Line] = [
        (
            (f" {mark} {found.answer.value.upper()}  ", token),
            (fit(f"{name} · {found.operation}", width - 14).rstrip(), ""),
        ),
        (("", ""),),
    ]
    plane = "a data operation (dataActions)" if found.plane is Plane.DATA else "a control operation (actions)"
    pairs = [("it is", plane), ("at", scope_label(found.scope)), ("why", found.why)]
    if found.hint:
        pairs.append(("next", found.hint))
    for label, text in pairs:
        lines += field(label, text, width, label_width=8, indent=1)
    if found.through:
        lines += [(("", ""),), ((" THROUGH", "head"),)]
        for grant in found.through:
            via = f", by the group {grant.via[:8]}" if grant.via else ""
            where = how(grant.assignment, found.scope)
            lines += paragraph(f"{grant.role.name} ({where}{via}): {grant.pattern}", width, indent=3)
    if found.excepted:
        lines += [(("", ""),), ((" LEFT OUT BY", "head"),)]
        for role, pattern in found.excepted:
            lines += paragraph(f"{role}: {pattern}", width, indent=3)
    return lines

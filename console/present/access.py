"""Who has which role, for tables and pages: who, role, how, plane, since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from console.model.operations import Plane
from console.model.role import (
    AccessFacts,
    AccessReading,
    Answer,
    RoleAssignment,
    RoleDefinition,
    RoleFinding,
    Verdict,
)
from console.model.scope import same_scope, scope_label
from console.model.text import clean
from console.present.columns import Column
from console.present.lines import Line, Piece, field, fit, paragraph
from console.present.words import number, since

_TYPES = {"ServicePrincipal": "app", "User": "user", "Group": "group", "ForeignGroup": "group", "Device": "device"}

ASSIGNMENT_COLUMNS: tuple[Column, ...] = (
    Column("who", "WHO", 18, flex=1),
    Column("type", "TYPE", 5, priority=4),
    Column("role", "ROLE", 22, flex=1),
    Column("how", "HOW", 18, flex=1),
    Column("plane", "GRANTS", 7),
    Column("since", "SINCE", 6, "right"),
    Column("by", "BY", 14, priority=6),
    Column("words", "DESCRIPTION", 24, flex=1, wide=True),
)
ROLE_COLUMNS: tuple[Column, ...] = (
    Column("name", "ROLE", 30, flex=1),
    Column("kind", "KIND", 8),
    Column("plane", "GRANTS", 7),
    Column("used", "ASSIGNED", 8, "right"),
    Column("findings", "FINDINGS", 8, "right"),
    Column("words", "DESCRIPTION", 30, flex=2, priority=5),
)
FINDING_COLUMNS: tuple[Column, ...] = (
    Column("severity", "SEV", 6),
    Column("finding", "FINDING", 26),
    Column("subject", "ROLE", 22, flex=1),
    Column("message", "WHAT", 40, flex=2, priority=3),
)


def type_word(principal_type: str) -> str:
    """Return "user", "group", "app"."""
    return _TYPES.get(principal_type, clean(principal_type, limit=10).casefold() or "?")


def who(assignment: RoleAssignment, names: Mapping[str, str], me: str = "") -> str:
    """Return a principal's name where it is known, else the beginning of its object id."""
    name = names.get(assignment.principal_id, "")
    if me and assignment.principal_id == me:
        return f"{name} (you)" if name else f"{assignment.principal_id[:8]} (you)"
    return name or assignment.principal_id[:8]


def how(assignment: RoleAssignment, scope: str, mine: frozenset[str] = frozenset(), me: str = "") -> str:
    """Return how it reaches a scope: "direct", "from group contoso-rg", and that we are in a group that has it."""
    words = "direct" if same_scope(assignment.scope, scope) else f"from {scope_label(assignment.scope)}"
    through = assignment.principal_id in mine and assignment.principal_id != me
    return f"{words}, you are in it" if through else words


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
    by = reading.names.get(one.created_by) or one.created_by[:8]
    mine = one.principal_id in reading.mine
    named = one.principal_id in reading.names
    return (
        (who(one, reading.names, reading.me), "head" if mine else "" if named else "dim"),
        (type_word(one.principal_type), "dim"),
        (role.name if role else one.role, "" if role else "warn"),
        (how(one, reading.facts.scope, reading.mine, reading.me), ""),
        plane_piece(role),
        (since(one.created, now) if one.created else "?", ""),
        (by or "?", "dim"),
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


def finding_cells(one: RoleFinding) -> tuple[Piece, ...]:
    """Return the cells of a finding, one for each of `FINDING_COLUMNS`."""
    token = {"high": "bad", "medium": "warn"}.get(one.severity.value, "dim")
    return (
        (one.severity.value, token),
        (one.code.replace("-", " "), ""),
        (one.role or "·", ""),
        (one.message, "dim"),
    )


def head_lines(reading: AccessReading | None, verdicts: Mapping[str, Answer], granters: Sequence[str]) -> list[Line]:
    """Return who we are, what we may do here, and who can give roles."""
    if reading is None:
        return [((" ACCESS  ", "head"), ("reading who has which role …", "dim"))]
    facts = reading.facts
    people = len({one.principal_id for one in facts.assignments})
    first: Line = (
        (" ACCESS  ", "head"),
        (f"{number(len(facts.assignments))} role assignments of {number(people)} principals reach the hub", ""),
    )
    me = reading.names.get(reading.me, reading.me[:8]) if reading.me else ""
    second: list[Piece] = [(" YOU     ", "head")]
    if not me:
        second.append(("who we are is not known: the credential does not tell", "warn"))
    else:
        second.append((f"{clean(me, limit=36)}  ", ""))
        for words, answer in verdicts.items():
            mark, token = _MARKS[answer]
            second.append((f" {mark} {words} ", token))
    listed = ", ".join(granters[:3]) + (f" and {len(granters) - 3} more" if len(granters) > 3 else "")
    third: Line = (
        (" GIVERS  ", "head"),
        (listed or "nobody is known who can give roles here", "" if listed else "warn"),
        ("  can give roles" if listed else "", "dim"),
    )
    return [first, tuple(second), third]


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

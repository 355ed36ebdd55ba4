"""All about an assignment, a role or a finding of the Access pane, as pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.model.role import AccessReading, RoleAssignment, RoleFinding, RoleView
from console.model.scope import scope_name
from console.present.access import finding_title, plane_word, type_word, used_times, who
from console.present.lines import Line, field, paragraph
from console.present.pages import section
from console.present.words import full_moment

_LISTS = (
    ("ACTIONS (control)", "actions"),
    ("NOTACTIONS", "not_actions"),
    ("DATAACTIONS (data)", "data_actions"),
    ("NOTDATAACTIONS", "not_data_actions"),
)


def assignment_page(
    one: RoleAssignment,
    view: RoleView | None,
    reading: AccessReading,
    findings: Sequence[RoleFinding],
    now: datetime,
    width: int,
) -> list[Line]:
    """Return all about an assignment: who, what, how, since when, by whom, and what it lets them do."""
    name = reading.names.get(one.principal_id, "")
    group = one.principal_type.casefold().endswith("group")
    members = ""
    if group:
        members = "you are in it" if one.principal_id in reading.mine else "not known here (Microsoft Graph tells)"
    lines = section(
        "WHO",
        _fields(
            (
                ("name", who(one, reading.names, reading.me) if name else "not known here: Microsoft Graph tells"),
                ("object id", one.principal_id),
                ("type", f"{type_word(one.principal_type)} ({one.principal_type})"),
                ("members", members),
            ),
            width,
        ),
    )
    above = reading.facts.scope.casefold().strip("/") != one.scope.casefold().strip("/")
    lines += section(
        "HOW",
        _fields(
            (
                ("role", view.role.name if view else f"{one.role} (could not be read)"),
                ("stands on", scope_name(one.scope) + (" (inherited by the hub)" if above else " itself")),
                ("scope", one.scope),
                ("since", full_moment(one.created, now, "not told")),
                ("given by", reading.names.get(one.created_by, one.created_by) or "not told"),
                ("description", one.description),
                ("condition", one.condition),
                ("assignment", one.name),
            ),
            width,
        ),
    )
    if view is not None:
        lines += section("LETS THEM", [line for text in view.grants for line in paragraph(text, width, indent=3)])
    return [*lines, *_findings(findings, width)]


def role_page(view: RoleView, reading: AccessReading, now: datetime, width: int) -> list[Line]:
    """Return all about a role: what it grants, who has it, its definition."""
    role = view.role
    holders = [one for one in reading.facts.assignments if one.role == role.guid]
    lines = section(
        "ROLE",
        _fields(
            (
                ("name", role.name),
                ("kind", "custom" if role.custom else "Azure's own"),
                ("description", role.description),
                ("grants", plane_word(role)),
                ("id", role.guid),
                ("changed", full_moment(role.updated, now, "")),
                ("assignable on", ", ".join(scope_name(one) for one in role.assignable_scopes)),
            ),
            width,
        ),
    )
    lines += section("IN WORDS", [line for text in view.grants for line in paragraph(text, width, indent=3)])
    lines += _findings(view.findings, width)
    count = used_times(reading.facts, role.guid)
    if holders:
        told = [f"{who(one, reading.names, reading.me)}, {scope_name(one.scope)}" for one in holders]
        lines += section(f"ASSIGNED  {count}", [line for text in told for line in paragraph(text, width, indent=3)])
    for title, name in _LISTS:
        entries = [entry for block in role.permissions for entry in getattr(block, name)]
        if entries:
            lines += section(title, [line for entry in entries for line in paragraph(entry, width, indent=3)])
    return lines


def finding_page(one: RoleFinding, width: int) -> list[Line]:
    """Return all about a finding."""
    return _findings((one,), width)


def own_role_page(text: str, width: int) -> list[Line]:
    """Return the role that the console needs, ready to be copied."""
    told = (
        "What hubwarden itself needs to read. y copies it; then: az role definition create --role-definition @FILE. "
        "Roles on the workspace and the provisioning service stand there: hubwarden access own-role --table."
    )
    lines: list[Line] = [*paragraph(told, width, indent=1), ()]
    return lines + [((f" {line}", ""),) for line in text.split("\n")]


def _fields(pairs: Sequence[tuple[str, str]], width: int) -> list[Line]:
    return [line for label, value in pairs if value for line in field(label, value, width, label_width=14, indent=2)]


def _findings(found: Sequence[RoleFinding], width: int) -> list[Line]:
    lines: list[Line] = []
    for one in found:
        token = {"high": "bad", "medium": "warn"}.get(one.severity.value, "dim")
        body = paragraph(one.message, width, indent=3, style=token)
        body += [line for entry in one.entries[:12] for line in paragraph(f"· {entry}", width, indent=3)]
        if one.hint:
            body += paragraph(f"→ {one.hint}", width, indent=3, style="accent")
        lines += section(f"{one.severity.value.upper()}  {finding_title(one)}", body)
    return lines

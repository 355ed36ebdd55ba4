"""Roles as front doors show them: what one grants in words, its JSON, the templates; no reading, no Azure."""

from __future__ import annotations

import json

from console.model.errors import ConsoleError
from console.model.operations import OPERATIONS, Plane
from console.model.role import GRANT, AccessFacts, Answer, RoleDefinition, RoleFinding, RoleTemplate, RoleView
from console.rules.rbac import verdict
from console.rules.rbac_json import az_json, rest_body
from console.rules.rbac_lint import corrected, lint_role
from console.rules.rbac_reading import decoded, read_role
from console.rules.rbac_summary import grants_of
from console.rules.rbac_templates import TEMPLATES

_H = "Microsoft.Devices/IotHubs"
_ASKED = (
    ("see hub", f"{_H}/read", Plane.CONTROL),
    ("change it", f"{_H}/write", Plane.CONTROL),
    ("keys", f"{_H}/listkeys/action", Plane.CONTROL),
    ("see devices", f"{_H}/devices/read", Plane.DATA),
    ("write them", f"{_H}/devices/write", Plane.DATA),
    ("give roles", GRANT, Plane.CONTROL),
)

QUESTIONS: tuple[tuple[str, Plane, str], ...] = (
    (f"{_H}/devices/read", Plane.DATA, "read devices"),
    (f"{_H}/devices/write", Plane.DATA, "create and change devices"),
    (f"{_H}/devices/delete", Plane.DATA, "delete devices"),
    (f"{_H}/twins/read", Plane.DATA, "read and query twins"),
    (f"{_H}/twins/write", Plane.DATA, "change twins"),
    (f"{_H}/directMethods/invoke/action", Plane.DATA, "call methods on devices"),
    (f"{_H}/write", Plane.CONTROL, "change network rules and the hub"),
    (f"{_H}/listkeys/action", Plane.CONTROL, "list the policies' keys"),
    (f"{_H}/certificates/write", Plane.CONTROL, "upload CA certificates"),
    (GRANT, Plane.CONTROL, "give roles"),
)
"""What people ask about most: operation, plane, words."""


def own_answers(facts: AccessFacts, me: str) -> tuple[tuple[str, Answer], ...]:
    """Return what we may do at the facts' scope, in a few words each; the facts are our own."""
    return tuple((words, verdict(facts, me, operation, plane).answer) for words, operation, plane in _ASKED)


def role_view(role: RoleDefinition) -> RoleView:
    """Return a role for people."""
    try:
        az = json.dumps(az_json(role), indent=2, ensure_ascii=False)
    except ConsoleError as error:
        az = error.sentence()
    rest = json.dumps(rest_body(role), indent=2, ensure_ascii=False)
    fixable = corrected(role).permissions != role.permissions
    findings: tuple[RoleFinding, ...] = lint_role(role) if role.custom else ()
    return RoleView(role, grants_of(role), findings, az, rest, fixable)


def templates() -> tuple[RoleTemplate, ...]:
    """Return the ready roles."""
    return TEMPLATES


def role_from(raw: bytes, source: str) -> RoleDefinition:
    """Return the role that a file describes. Raises ConsoleError BAD_INPUT for what is not understood whole."""
    return read_role(decoded(raw, source), source)


def operation_problem(text: str) -> str:
    """Return what is wrong with an operation's name as far as it is known here, empty when nothing."""
    wanted = text.strip().casefold()
    if not wanted:
        return "name an operation"
    if "*" in wanted:
        return "one operation at a time, without *"
    known = {one.name.casefold() for one in OPERATIONS}
    if wanted.startswith("microsoft.devices/") and wanted not in known:
        return "Microsoft.Devices has no such operation"
    return "" if "/" in wanted else "it reads Microsoft.Devices/IotHubs/devices/write"

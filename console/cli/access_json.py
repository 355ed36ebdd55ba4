"""The JSON documents of `hubwarden access`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from console.cli.output import Json, envelope, time_text, warning
from console.model.role import (
    AccessFacts,
    AccessReading,
    Correction,
    Feature,
    Permissions,
    RoleAssignment,
    RoleDefinition,
    RoleFinding,
    RoleTemplate,
    Verdict,
)
from console.model.scope import same_scope


def assignments_json(facts: AccessFacts, reading: AccessReading) -> Json:
    """Return the document hubwarden.access_assignments/1."""
    warnings = [warning(facts.denials_error)] if facts.denials_error else []
    warnings += [{"code": "note", "message": note, "hint": ""} for note in reading.notes]
    items = [_assignment(one, facts, reading) for one in facts.assignments]
    return envelope("access_assignments", facts.at, items, warnings=warnings, scope=facts.scope, me=reading.me)


def roles_json(now: datetime, roles: Iterable[RoleDefinition]) -> Json:
    """Return the document hubwarden.access_roles/1."""
    return envelope("access_roles", now, [role_json(one) for one in roles])


def check_json(now: datetime, found: Verdict) -> Json:
    """Return the document hubwarden.access_check/1; its one item is the verdict."""
    item = {
        "answer": found.answer.value,
        "operation": found.operation,
        "plane": found.plane.value,
        "scope": found.scope,
        "principal": found.principal,
        "why": found.why,
        "hint": found.hint,
        "through": [
            {
                "role": grant.role.name,
                "role_id": grant.role.guid,
                "pattern": grant.pattern,
                "assignment": grant.assignment.name,
                "scope": grant.assignment.scope,
                "inherited": grant.inherited,
                "group": grant.via,
            }
            for grant in found.through
        ],
        "excepted": [{"role": role, "pattern": pattern} for role, pattern in found.excepted],
        "denied_by": list(found.denied_by),
    }
    return envelope("access_check", now, [item])


def lint_json(
    now: datetime,
    found: Sequence[RoleFinding],
    corrections: Sequence[tuple[str, Correction]] = (),
    aside: Sequence[str] = (),
) -> Json:
    """Return the document hubwarden.access_lint/1: the corrected definition of each role of a file, or why none.

    `corrected` is that of a file with one role; `aside` names what in the file is no role definition.
    """
    items = [
        {
            "code": one.code,
            "severity": one.severity.value,
            "role": one.role,
            "message": one.message,
            "hint": one.hint,
            "entries": list(one.entries),
            "fixable": one.fixable,
            "assignment": one.assignment,
        }
        for one in found
    ]
    made = [
        {"role": name, "form": one.form, "definition": one.definition, "refused": one.refused, "note": one.note}
        for name, one in corrections
        if one.definition is not None or one.refused
    ]
    only = corrections[0][1].definition if len(corrections) == 1 else None
    return envelope("access_lint", now, items, corrected=only, corrections=made, not_looked_at=list(aside))


def templates_json(now: datetime, templates: Iterable[RoleTemplate]) -> Json:
    """Return the document hubwarden.access_templates/1."""
    items = [
        {"id": one.id, "name": one.name, "description": one.description, "permissions": _block(one.permissions)}
        for one in templates
    ]
    return envelope("access_templates", now, items)


def own_role_json(now: datetime, role: RoleDefinition, features: Iterable[Feature]) -> Json:
    """Return the document hubwarden.access_own_role/1: the role, and what each feature needs."""
    items = [
        {
            "feature": one.id,
            "title": one.title,
            "writes": one.writes,
            "actions": list(one.actions),
            "data_actions": list(one.data_actions),
            "elsewhere": [{"operation": operation, "on": where} for operation, where in one.elsewhere],
        }
        for one in features
    ]
    return envelope("access_own_role", now, items, role=role_json(role))


def role_json(one: RoleDefinition) -> Json:
    """Return a role definition."""
    return {
        "id": one.guid,
        "name": one.name,
        "description": one.description,
        "custom": one.custom,
        "permissions": [_block(block) for block in one.permissions],
        "assignable_scopes": list(one.assignable_scopes),
        "updated": time_text(one.updated),
    }


def _block(block: Permissions) -> Json:
    return {
        "actions": list(block.actions),
        "not_actions": list(block.not_actions),
        "data_actions": list(block.data_actions),
        "not_data_actions": list(block.not_data_actions),
        "condition": block.condition,
        "condition_version": block.condition_version,
    }


def _assignment(one: RoleAssignment, facts: AccessFacts, reading: AccessReading) -> Json:
    role = facts.definitions.get(one.role)
    via = one.principal_id if facts.principal and one.principal_id != facts.principal else ""
    return {
        "name": one.name,
        "principal_id": one.principal_id,
        "principal_type": one.principal_type,
        "principal_name": reading.names.get(one.principal_id, ""),
        "role": role.name if role else "",
        "role_id": one.role,
        "scope": one.scope,
        "inherited": not same_scope(one.scope, facts.scope),
        "group": via,
        "grants": sorted(plane.value for plane in role.planes) if role else [],
        "since": time_text(one.created),
        "created_by": one.created_by,
        "condition": one.condition,
        "description": one.description,
    }

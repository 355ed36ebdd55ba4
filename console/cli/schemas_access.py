"""The JSON schemas of `hubwarden access`'s outputs."""

from __future__ import annotations

from console.cli.schema_parts import FLAG, TEXT, TIME_OR_NONE, Schema, document, record

_TEXTS: Schema = {"type": "array", "items": TEXT}
_PLANE: Schema = {"enum": ["control", "data"]}
_SEVERITY: Schema = {"enum": ["low", "medium", "high"]}
_ASSIGNMENT: Schema = {
    "name": TEXT,
    "principal_id": TEXT,
    "principal_type": TEXT,
    "principal_name": TEXT,
    "role": TEXT,
    "role_id": TEXT,
    "scope": TEXT,
    "inherited": FLAG,
    "group": TEXT,
    "grants": {"type": "array", "items": _PLANE},
    "since": TIME_OR_NONE,
    "created_by": TEXT,
    "condition": TEXT,
    "description": TEXT,
}
_BLOCK: Schema = record(
    {
        **dict.fromkeys(("actions", "not_actions", "data_actions", "not_data_actions"), _TEXTS),
        "condition": TEXT,
        "condition_version": TEXT,
    }
)
_ROLE: Schema = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT,
    "custom": FLAG,
    "permissions": {"type": "array", "items": _BLOCK},
    "assignable_scopes": _TEXTS,
    "updated": TIME_OR_NONE,
}
_GRANT = record(
    {
        "role": TEXT,
        "role_id": TEXT,
        "pattern": TEXT,
        "assignment": TEXT,
        "scope": TEXT,
        "inherited": FLAG,
        "group": TEXT,
    }
)
_CHECK: Schema = {
    "answer": {"enum": ["yes", "no", "conditional", "unknown"]},
    "operation": TEXT,
    "plane": _PLANE,
    "scope": TEXT,
    "principal": TEXT,
    "why": TEXT,
    "hint": TEXT,
    "through": {"type": "array", "items": _GRANT},
    "excepted": {"type": "array", "items": record({"role": TEXT, "pattern": TEXT})},
    "denied_by": _TEXTS,
}
_FINDING: Schema = {
    "code": TEXT,
    "severity": _SEVERITY,
    "role": TEXT,
    "message": TEXT,
    "hint": TEXT,
    "entries": _TEXTS,
    "fixable": FLAG,
    "assignment": TEXT,
}
_DEFINITION: Schema = {"type": ["object", "null"]}
_CORRECTION: Schema = {
    "role": TEXT,
    "form": {"enum": ["az", "rest", ""]},
    "definition": _DEFINITION,
    "refused": TEXT,
    "note": TEXT,
}
_FEATURE: Schema = {
    "feature": TEXT,
    "title": TEXT,
    "writes": FLAG,
    "actions": _TEXTS,
    "data_actions": _TEXTS,
    "elsewhere": {
        "type": "array",
        "items": record({"operation": TEXT, "on": {"enum": ["workspace", "dps", "group", "subscription"]}}),
    },
}

ACCESS_SCHEMAS: dict[str, Schema] = {
    "access_assignments": document("access_assignments", record(_ASSIGNMENT), scope=TEXT, me=TEXT),
    "access_roles": document("access_roles", record(_ROLE)),
    "access_check": document("access_check", record(_CHECK)),
    "access_lint": document(
        "access_lint",
        record(_FINDING),
        corrected=_DEFINITION,
        corrections={"type": "array", "items": record(_CORRECTION)},
        not_looked_at=_TEXTS,
    ),
    "access_templates": document(
        "access_templates", record({"id": TEXT, "name": TEXT, "description": TEXT, "permissions": _BLOCK})
    ),
    "access_own_role": document("access_own_role", record(_FEATURE), role=record(_ROLE)),
}

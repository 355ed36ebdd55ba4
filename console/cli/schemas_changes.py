"""The JSON schemas of plans and of the journal."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, FLAG, TEXT, TIME_OR_NONE, Schema, document, record

_TEXT_LIST: Schema = {"type": "array", "items": TEXT}
_TARGET = record({"kind": TEXT, "id": TEXT})
_DIFF: Schema = {
    "type": "array",
    "items": record({"sign": {"enum": ["+", "-", "~"]}, "path": TEXT, "before": TEXT, "after": TEXT}),
}
_RESULTS = ["applied", "not-applied", "conflict", "differs", "unknown"]
_CHANGE: Schema = {
    "id": TEXT,
    "kind": TEXT,
    "title": TEXT,
    "target": _TARGET,
    "diff": _DIFF,
    "effect": {"type": "array", "items": record({"label": TEXT, "text": TEXT})},
    "notes": _TEXT_LIST,
    "reason": TEXT,
    "result": {"enum": [*_RESULTS, None]},
    "message": TEXT,
}
_RISK: Schema = {
    "id": TEXT,
    "severity": {"enum": ["low", "medium", "high"]},
    "blocking": FLAG,
    "message": TEXT,
    "hint": TEXT,
}
PLAN: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "hubwarden.plan/1",
    **record(
        {
            "schema": {"const": "hubwarden.plan/1"},
            "changes": {"type": "array", "items": record(_CHANGE)},
            "risks": {"type": "array", "items": record(_RISK)},
            "applied": FLAG,
            "warnings": {"type": "array", "items": record({"code": TEXT, "message": TEXT, "hint": TEXT})},
        }
    ),
}
_ENTRY: Schema = {
    "id": TEXT,
    "time": TIME_OR_NONE,
    "ended": TIME_OR_NONE,
    "hub": TEXT,
    "kind": TEXT,
    "title": TEXT,
    "target": _TARGET,
    "who": TEXT,
    "host": TEXT,
    "result": {"enum": [*_RESULTS, "in-progress", "read", "unreadable"]},
    "message": TEXT,
    "reason": TEXT,
    "accepted": _TEXT_LIST,
    "undoes": _TEXT_LIST,
    "batch": TEXT,
    "diff": _DIFF,
    "differences": _TEXT_LIST,
}
_IMAGE: Schema = {"type": ["object", "null"]}
_CHECK: Schema = {
    "rows": COUNT,
    "whole": FLAG,
    "broken_at": {"type": ["integer", "null"]},
    "message": TEXT,
    "head": TEXT,
}

CHANGE_SCHEMAS: dict[str, Schema] = {
    "plan": PLAN,
    "journal": document("journal", record(_ENTRY), total=COUNT),
    "journal-entry": document("journal-entry", record({**_ENTRY, "before": _IMAGE, "after": _IMAGE})),
    "journal-check": document("journal-check", record(_CHECK)),
}

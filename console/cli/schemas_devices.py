"""The JSON schema of bulk changes of devices."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, FLAG, TEXT, Schema, document, record

_STATES = ("applied", "nothing-to-do", "skipped", "failed", "unknown")
_TEXT_LIST: Schema = {"type": "array", "items": TEXT}
_ITEM: Schema = {"device_id": TEXT, "state": {"enum": list(_STATES)}, "message": TEXT, "change_id": TEXT}
_RISK: Schema = {
    "id": TEXT,
    "severity": {"enum": ["low", "medium", "high"]},
    "blocking": FLAG,
    "message": TEXT,
    "hint": TEXT,
}

DEVICE_SCHEMAS: dict[str, Schema] = {
    "device_changes": document(
        "device_changes",
        record(_ITEM),
        kind=TEXT,
        title=TEXT,
        batch=TEXT,
        devices=_TEXT_LIST,
        done_before=_TEXT_LIST,
        left=_TEXT_LIST,
        risks={"type": "array", "items": record(_RISK)},
        effect={"type": "array", "items": record({"label": TEXT, "text": TEXT})},
        notes=_TEXT_LIST,
        counts=record(dict.fromkeys(_STATES, COUNT)),
        applied=FLAG,
    ),
}

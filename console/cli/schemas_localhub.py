"""JSON schemas of the `localhub` commands."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, COUNT_OR_NONE, TEXT, TEXTS, TIME, Schema, document, record

_ANY: Schema = {}
_TEXT_OR_NONE: Schema = {"type": ["string", "null"]}
_FAULT: Schema = {
    "id": TEXT,
    "kind": TEXT,
    "endpoint": TEXT,
    "count": COUNT_OR_NONE,
    "path": _TEXT_OR_NONE,
    "method": _TEXT_OR_NONE,
    "status": COUNT,
    "code": COUNT,
    "when": {"enum": ["before", "after"]},
    "retry_after": {"type": ["integer", "null"]},
    "seconds": {"type": "number"},
    "hits": COUNT,
}
_MESSAGE: Schema = {
    "number": COUNT,
    "time": TIME,
    "hub": TEXT,
    "deviceId": TEXT,
    "moduleId": _TEXT_OR_NONE,
    "systemProperties": TEXTS,
    "properties": TEXTS,
    "encoding": {"enum": ["utf-8", "base64"]},
    "body": TEXT,
}
_REQUEST: Schema = {
    "kind": {"const": "request"},
    "number": COUNT,
    "time": TIME,
    "endpoint": TEXT,
    "method": TEXT,
    "path": TEXT,
    "status": COUNT,
    "milliseconds": {"type": "number"},
    "client": TEXT,
}
_EVENT: Schema = {
    "kind": {"const": "event"},
    "number": COUNT,
    "time": TIME,
    "source": TEXT,
    "category": TEXT,
    "operation": TEXT,
    "level": TEXT,
    "code": TEXT,
    "description": TEXT,
    "properties": _ANY,
}

LOCALHUB_SCHEMAS: dict[str, Schema] = {
    "localhub_faults": document("localhub_faults", record(_FAULT), kinds=TEXTS),
    "localhub_load": document(
        "localhub_load",
        record({"part": TEXT, "made": COUNT, "replaced": COUNT, "removed": COUNT}),
        network_rules=COUNT_OR_NONE,
        settings={"type": "array", "items": TEXT},
        left_out={"type": "array", "items": TEXT},
    ),
    "localhub_reset": document(
        "localhub_reset", record({"hubs": COUNT, "devices": COUNT, "enrollments": COUNT, "faults_removed": COUNT})
    ),
    "localhub_messages": document("localhub_messages", record(_MESSAGE)),
    "localhub_logs": document("localhub_logs", {"oneOf": [record(_REQUEST), record(_EVENT)]}),
    "localhub_send": document("localhub_send", record({"device_id": TEXT, "bytes": COUNT})),
}

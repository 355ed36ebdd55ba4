"""The JSON schemas of the outputs of `hubwarden sas` and `hubwarden payload`."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, FLAG, TEXT, TIME, TIME_OR_NONE, Schema, document, record
from console.model.payload import METHOD, PayloadAction, PayloadFault
from console.model.token import TokenScope, Verdict

_TEXT_OR_NONE: Schema = {"type": ["string", "null"]}
_VERDICT: Schema = {"enum": [verdict.value for verdict in Verdict]}
_TOKEN: Schema = {"token": TEXT, "resource": TEXT, "policy": TEXT, "expires": TIME, "ttl_seconds": COUNT}
_FINDING = record(
    {"id": TEXT, "verdict": {"enum": [*(verdict.value for verdict in Verdict), None]}, "message": TEXT, "hint": TEXT}
)
_INSPECTION: Schema = {
    "kind": TEXT,
    "verdict": _VERDICT,
    "resource": _TEXT_OR_NONE,
    "scope": {"enum": [*(scope.value for scope in TokenScope), None]},
    "policy": _TEXT_OR_NONE,
    "expires": TIME_OR_NONE,
    "seconds_left": {"type": ["integer", "null"]},
    "facts": {"type": "array", "items": record({"label": TEXT, "value": TEXT})},
    "findings": {"type": "array", "items": _FINDING},
}
_ENTRY: Schema = {
    "fingerprint": TEXT,
    "resource": TEXT,
    "policy": TEXT,
    "minted": TIME,
    "expires": TIME,
    "valid": FLAG,
    "who": TEXT,
}
_METHOD: Schema = {"const": METHOD}
_RESULT: Schema = {
    "action": {"enum": [action.value for action in PayloadAction]},
    "done": COUNT,
    "failed": COUNT,
    "written": FLAG,
    "target": TEXT,
    "message": TEXT,
    "faults": {
        "type": "array",
        "items": record({"line": COUNT, "fault": {"enum": [fault.value for fault in PayloadFault]}, "message": TEXT}),
    },
}

TOKEN_SCHEMAS: dict[str, Schema] = {
    "sas_token": document("sas_token", record(_TOKEN)),
    "sas_inspection": document("sas_inspection", record(_INSPECTION)),
    "sas_ledger": document("sas_ledger", record(_ENTRY)),
    "payload_key": document("payload_key", record({"key": TEXT, "file": TEXT}), method=_METHOD),
    "payload_result": document("payload_result", record(_RESULT), method=_METHOD),
}

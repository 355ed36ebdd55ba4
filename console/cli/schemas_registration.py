"""The JSON schema of `hubwarden dps register`."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, FLAG, TEXT, TIME, TIME_OR_NONE, Schema, document, record
from console.cli.schemas_provisioning import REGISTRATION
from console.model.errors import ErrorKind
from console.model.registration import StepState

_STEP = record(
    {
        "number": COUNT,
        "title": TEXT,
        "detail": TEXT,
        "state": {"enum": [state.value for state in StepState]},
        "at": TIME,
    }
)
_PROBLEM = record(
    {
        "kind": {"enum": [kind.value for kind in ErrorKind]},
        "code": TEXT,
        "message": TEXT,
        "cause": TEXT,
        "hint": TEXT,
        "request_id": TEXT,
    }
)

REGISTRATION_SCHEMAS: dict[str, Schema] = {
    "registration_run": document(
        "registration_run",
        record(REGISTRATION),
        assigned=FLAG,
        attestation={"enum": ["symmetricKey", "x509", "tpm"]},
        id_scope=TEXT,
        host=TEXT,
        connection=TEXT,
        token={"type": ["string", "null"]},
        token_expires=TIME_OR_NONE,
        problem={"oneOf": [_PROBLEM, {"type": "null"}]},
        steps={"type": "array", "items": _STEP},
    ),
}

"""The JSON schemas of `hubwarden cert ca|intermediate|issue|csr|sign|list`."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, FLAG, TEXT, TIME, Schema, document, record
from console.model.certificate import CertificateKind, RecordStatus

_TEXT_OR_NONE: Schema = {"type": ["string", "null"]}
_INTEGER: Schema = {"type": "integer"}
_FILE = record({"what": TEXT, "path": TEXT})
_RECORD: Schema = {
    "name": TEXT,
    "kind": {"enum": [kind.value for kind in CertificateKind]},
    "subject": TEXT,
    "issuer": TEXT,
    "serial": TEXT,
    "sha1": TEXT,
    "sha256": TEXT,
    "not_before": TIME,
    "not_after": TIME,
    "days_left": _INTEGER,
    "needs_renewal": FLAG,
    "status": {"enum": [status.value for status in RecordStatus]},
    "device_id": TEXT,
    "module_id": TEXT,
    "key_type": TEXT,
    "certificate_file": _TEXT_OR_NONE,
    "key_file": _TEXT_OR_NONE,
    "ca_folder": _TEXT_OR_NONE,
}

ISSUING_SCHEMAS: dict[str, Schema] = {
    "certificates": document("certificates", record(_RECORD), needs_renewal=COUNT),
    "certificates_issued": document(
        "certificates_issued",
        record({**_RECORD, "files": {"type": "array", "items": _FILE}, "notes": {"type": "array", "items": TEXT}}),
    ),
    "certificates_bulk": document(
        "certificates_bulk",
        record({"name": TEXT, "message": TEXT}),
        made=COUNT,
        before=COUNT,
        left=COUNT,
        complete=FLAG,
        folder=TEXT,
        rate={"type": "number", "minimum": 0},
        notes={"type": "array", "items": TEXT},
    ),
    "certificate_request": document("certificate_request", _FILE, name=TEXT),
}

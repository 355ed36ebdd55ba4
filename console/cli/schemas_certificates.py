"""The JSON schemas of what is read from certificates."""

from __future__ import annotations

from console.cli.schema_parts import (
    COUNT,
    COUNT_OR_NONE,
    FLAG,
    TEXT,
    TEXT_OR_NONE,
    TIME_OR_NONE,
    Schema,
    document,
    record,
)
from console.model.certificate import Fault, Purpose

_LIST: Schema = {"type": "array", "items": TEXT}
_CERTIFICATE: Schema = record(
    {
        "subject": TEXT,
        "common_name": TEXT,
        "issuer": TEXT,
        "serial": TEXT,
        "not_before": TIME_OR_NONE,
        "not_after": TIME_OR_NONE,
        "needs_renewal": FLAG,
        "sha1": TEXT,
        "sha256": TEXT,
        "key": TEXT,
        "key_bits": COUNT,
        "signature_hash": TEXT,
        "self_issued": FLAG,
        "authority": {"type": ["boolean", "null"]},
        "path_length": COUNT_OR_NONE,
        "key_usage": _LIST,
        "extended_usage": _LIST,
        "alternative_names": _LIST,
        "subject_key_id": TEXT,
        "authority_key_id": TEXT,
        "revocation": _LIST,
        "version": COUNT,
        "problems": _LIST,
        "oddities": _LIST,
    }
)
_REQUEST: Schema = record(
    {
        "subject": TEXT,
        "common_name": TEXT,
        "key": TEXT,
        "key_bits": COUNT,
        "proven": {"type": ["boolean", "null"]},
        "possession": TEXT,
        "signature_hash": TEXT,
        "asks_for": _LIST,
        "sha256_of_key": TEXT,
        "oddities": _LIST,
    }
)
_FAULT: Schema = record(
    {
        "fault": {"enum": [one.name.lower() for one in Fault]},
        "reason": TEXT,
        "depth": COUNT,
        "message": TEXT,
        "hint": TEXT,
        "unknown": FLAG,
    }
)
_UNREAD: Schema = record(
    {
        "place": TEXT,
        "reason": TEXT,
        "certificates_before": COUNT,
        "request": FLAG,
        "sha256": TEXT_OR_NONE,
        "certificate": {"anyOf": [_CERTIFICATE, {"type": "null"}]},
    }
)
_FINDING: Schema = record(
    {
        "id": TEXT,
        "severity": {"enum": ["low", "medium", "high"]},
        "message": TEXT,
        "hint": TEXT,
        "subject": TEXT,
        "unknown": FLAG,
    }
)
_COMPARISON: Schema = record(
    {
        "answer": {"enum": ["yes", "no", "unknown"]},
        "device_id": TEXT,
        "why": TEXT,
        "hint": TEXT,
        "facts": {"type": "array", "items": record({"name": TEXT, "value": TEXT})},
    }
)

CERTIFICATE_SCHEMAS: dict[str, Schema] = {
    "certificate_content": document(
        "certificate_content",
        _CERTIFICATE,
        source=TEXT,
        forms=_LIST,
        tls=TEXT,
        private_keys=COUNT,
        encrypted_keys=COUNT,
        requests={"type": "array", "items": _REQUEST},
        notes=_LIST,
        unread={"type": "array", "items": _UNREAD},
    ),
    "certificate_chain": document(
        "certificate_chain",
        _CERTIFICATE,
        trusted=FLAG,
        unknown=FLAG,
        trusted_by=TEXT,
        purpose={"enum": [one.value for one in Purpose]},
        faults={"type": "array", "items": _FAULT},
        notes=_LIST,
        unread={"type": "array", "items": _UNREAD},
    ),
    "certificate_lint": document("certificate_lint", _FINDING),
    "certificate_comparison": document("certificate_comparison", _COMPARISON),
}

"""The JSON schemas of `hubwarden dps`'s outputs."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, FLAG, TEXT, TIME_OR_NONE, Schema, document, record

_TEXT_LIST: Schema = {"type": "array", "items": TEXT}
_HUB = record(
    {"host": TEXT, "location": TEXT, "weight": {"type": ["integer", "null"]}, "applied": FLAG, "policy": TEXT}
)
_FILTER = record(
    {
        "name": TEXT,
        "action": {"enum": ["Accept", "Reject"]},
        "mask": TEXT,
        "target": {"enum": ["all", "serviceApi", "deviceApi"]},
    }
)
_SERVICE: Schema = {
    "name": TEXT,
    "arm_id": TEXT,
    "host": TEXT,
    "device_host": TEXT,
    "id_scope": TEXT,
    "location": TEXT,
    "allocation": TEXT,
    "state": TEXT,
    "public_access": FLAG,
    "hubs": {"type": "array", "items": _HUB},
    "filters": {"type": "array", "items": _FILTER},
    "policies": {"type": ["array", "null"], "items": record({"name": TEXT, "rights": _TEXT_LIST})},
}
REGISTRATION: Schema = {
    "registration_id": TEXT,
    "status": TEXT,
    "substatus": TEXT,
    "device_id": TEXT,
    "hub": TEXT,
    "created": TIME_OR_NONE,
    "updated": TIME_OR_NONE,
    "error_code": {"type": ["integer", "null"]},
    "error_message": TEXT,
}
_CERTIFICATE = record(
    {
        "slot": {"enum": ["primary", "secondary"]},
        "subject": TEXT,
        "issuer": TEXT,
        "sha1": TEXT,
        "sha256": TEXT,
        "not_before": TIME_OR_NONE,
        "not_after": TIME_OR_NONE,
    }
)
_KIND: Schema = {"enum": ["individual", "group"]}
_ENROLLMENT: Schema = {
    "kind": _KIND,
    "id": TEXT,
    "attestation": {"enum": ["symmetricKey", "x509", "tpm", "none"]},
    "enabled": FLAG,
    "device_id": TEXT,
    "edge": FLAG,
    "certificate_slot": {"enum": ["clientCertificates", "signingCertificates", "caReferences", None]},
    "certificates": {"type": "array", "items": _CERTIFICATE},
    "ca_names": _TEXT_LIST,
    "endorsement_key": TEXT,
    "allocation": TEXT,
    "hubs": _TEXT_LIST,
    "reprovision": {"enum": ["migrate", "reset", "never"]},
    "created": TIME_OR_NONE,
    "updated": TIME_OR_NONE,
    "registration": {"anyOf": [record(REGISTRATION), {"type": "null"}]},
}
_FINDING: Schema = {
    "finding": {
        "enum": [
            "disabled-here-enabled-there",
            "enabled-here-disabled-there",
            "registered-never-seen",
            "registered-not-in-hub",
            "attestation-differs",
            "broader-group",
            "enrolled-never-registered",
        ]
    },
    "enrollment_kind": _KIND,
    "enrollment_id": TEXT,
    "device_id": TEXT,
    "message": TEXT,
    "hint": TEXT,
}

PROVISIONING_SCHEMAS: dict[str, Schema] = {
    "provisioning_services": document("provisioning_services", record(_SERVICE)),
    "enrollments": document("enrollments", record(_ENROLLMENT), service=TEXT),
    "registrations": document("registrations", record(REGISTRATION), service=TEXT, group=TEXT),
    "provisioning_check": document(
        "provisioning_check", record(_FINDING), service=TEXT, compared=COUNT, unknown=_TEXT_LIST
    ),
    "enrollment_keys": document(
        "enrollment_keys", record({"id": TEXT, "slot": {"enum": ["primary", "secondary", "derived"]}, "key": TEXT})
    ),
}

"""The JSON schemas of `hubwarden policy`'s outputs."""

from __future__ import annotations

from console.cli.schema_parts import FLAG, TEXT, TIME_OR_NONE, Schema, document, record

_TEXT_LIST: Schema = {"type": "array", "items": TEXT}
_TEXTS_OR_NONE: Schema = {"type": ["array", "null"], "items": TEXT}
_SWITCH: Schema = {"type": ["boolean", "null"]}
_SLOTS = record({"primary": FLAG, "secondary": FLAG})
_ROTATION: Schema = {
    "stage": {"enum": ["none", "secondary-new", "primary-new", "complete"]},
    "since": TIME_OR_NONE,
    "next": {"enum": ["primary", "secondary"]},
    "checklist": _TEXT_LIST,
    "note": TEXT,
}
_POLICY: Schema = {
    "name": TEXT,
    "rights": {
        "type": "array",
        "items": {"enum": ["RegistryRead", "RegistryWrite", "ServiceConnect", "DeviceConnect"]},
    },
    "other_rights": _TEXT_LIST,
    "breadth": {"enum": ["everything", "broad", "narrow"]},
    "built_in": FLAG,
    "keys_filled": _SLOTS,
    "keys_equal": FLAG,
    "keys_made": record({"primary": TIME_OR_NONE, "secondary": TIME_OR_NONE}),
    "used_by": _TEXTS_OR_NONE,
    "rotation": record(_ROTATION),
}
_LINK = record({"instance": TEXT, "policy": TEXT, "by_key": FLAG})

POLICY_SCHEMAS: dict[str, Schema] = {
    "policies": document(
        "policies",
        record(_POLICY),
        local_auth=record({"hub": _SWITCH, "devices": _SWITCH, "modules": _SWITCH}),
        links={"type": ["array", "null"], "items": _LINK},
    ),
    "policy_rotation": document("policy_rotation", record({"name": TEXT, **_ROTATION})),
}

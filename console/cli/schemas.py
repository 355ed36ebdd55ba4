"""The stable JSON schemas of the `--json` outputs, as data, and the command that prints them."""

from __future__ import annotations

import click

from console.cli.schema_parts import (
    COUNT,
    COUNT_OR_NONE,
    FLAG,
    TEXT,
    TEXTS,
    TIME,
    TIME_OR_NONE,
    Schema,
    document,
    record,
)
from console.cli.schemas_access import ACCESS_SCHEMAS
from console.cli.schemas_certificates import CERTIFICATE_SCHEMAS
from console.cli.schemas_certificates_hub import HUB_CERTIFICATE_SCHEMAS
from console.cli.schemas_changes import CHANGE_SCHEMAS
from console.cli.schemas_devices import DEVICE_SCHEMAS
from console.cli.schemas_hubs import HUB_SCHEMAS
from console.cli.schemas_issuing import ISSUING_SCHEMAS
from console.cli.schemas_localhub import LOCALHUB_SCHEMAS
from console.cli.schemas_network import NETWORK_SCHEMAS
from console.cli.schemas_policy import POLICY_SCHEMAS
from console.cli.schemas_provisioning import PROVISIONING_SCHEMAS
from console.cli.schemas_registration import REGISTRATION_SCHEMAS
from console.cli.schemas_tokens import TOKEN_SCHEMAS

_DEVICE: Schema = {
    "device_id": TEXT,
    "status": {"enum": ["enabled", "disabled", "unknown"]},
    "status_reason": TEXT,
    "auth": {"enum": ["sas", "thumbprint-sha256", "thumbprint-sha1", "thumbprint-missing", "ca", "none", "unknown"]},
    "connection_state": {"enum": ["connected", "disconnected", "unknown"]},
    "last_activity": TIME_OR_NONE,
    "edge": FLAG,
    "thumbprints": record({"primary": TEXT, "secondary": TEXT}),
    "tags": TEXTS,
    "etag": TEXT,
}
_DETAIL: Schema = {
    **_DEVICE,
    "generation_id": TEXT,
    "status_updated": TIME_OR_NONE,
    "connection_updated": TIME_OR_NONE,
    "keys_filled": record({"primary": FLAG, "secondary": FLAG}),
    "keys_equal": {"type": ["boolean", "null"]},
    "modules": {"type": "array", "items": TEXT},
    "scope": TEXT,
    "twin_version": COUNT_OR_NONE,
}
_GROUP: Schema = {
    "key": TEXT,
    "label": TEXT,
    "count": COUNT,
    "devices": COUNT,
    "first": TIME,
    "last": TIME,
    "cause": TEXT,
    "confidence": {"enum": ["certain", "likely"]},
    "evidence": TEXT,
    "flag": TEXT,
}
_EVENT: Schema = {
    "time": TIME,
    "device_id": TEXT,
    "operation": TEXT,
    "level": TEXT,
    "code": TEXT,
    "description": TEXT,
    "message": TEXT,
    "address": TEXT,
    "protocol": TEXT,
    "sdk": TEXT,
    "auth": TEXT,
    "renewal": FLAG,
    "source": {"enum": ["hub", "provisioning"]},
}
_PROFILE: Schema = {
    "name": TEXT,
    "hub_name": TEXT,
    "hub_host": TEXT,
    "arm_id": TEXT,
    "cloud": TEXT,
    "credential": TEXT,
    "readonly": FLAG,
    "protected": FLAG,
}
_CHECK: Schema = {
    "check": TEXT,
    "target": TEXT,
    "result": {"enum": ["pass", "fail", "unknown", "not-applicable"]},
    "detail": TEXT,
    "hint": TEXT,
}

SCHEMAS: dict[str, Schema] = {
    "devices": document("devices", record(_DEVICE), total=COUNT, matching=COUNT),
    "device": document("device", record(_DETAIL)),
    "connections": document(
        "connections",
        record(_GROUP),
        state=TEXT,
        window=record({"start": TIME, "end": TIME, "step_seconds": COUNT}),
        grouping=TEXT,
        total=COUNT,
        previous_total=COUNT_OR_NONE,
        devices=COUNT,
        folded=COUNT,
        lag_seconds=COUNT_OR_NONE,
        partial=TEXT,
        provisioning_services={"type": "array", "items": TEXT},
        bins={
            "type": "array",
            "items": record({"start": TIME, "counts": {"type": "object", "additionalProperties": COUNT}}),
        },
    ),
    "connection_events": document("connection_events", record(_EVENT)),
    "profiles": document("profiles", record(_PROFILE), default=TEXT, file=TEXT),
    **ACCESS_SCHEMAS,
    **HUB_SCHEMAS,
    **CERTIFICATE_SCHEMAS,
    **CHANGE_SCHEMAS,
    **HUB_CERTIFICATE_SCHEMAS,
    **POLICY_SCHEMAS,
    **PROVISIONING_SCHEMAS,
    **DEVICE_SCHEMAS,
    **NETWORK_SCHEMAS,
    **ISSUING_SCHEMAS,
    **LOCALHUB_SCHEMAS,
    **REGISTRATION_SCHEMAS,
    **TOKEN_SCHEMAS,
    "profile_check": document("profile_check", record(_CHECK), profile=TEXT),
}


@click.command()
@click.argument("noun", type=click.Choice(sorted(SCHEMAS)))
def schema(noun: str) -> None:
    """Print the JSON schema of one --json output."""
    from console.cli.output import print_json

    print_json(SCHEMAS[noun])

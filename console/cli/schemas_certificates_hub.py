"""The JSON schemas of what `hubwarden cert` tells about the hub's CA certificates."""

from __future__ import annotations

from console.cli.schema_parts import COUNT_OR_NONE, FLAG, TEXT, TIME_OR_NONE, Schema, document, record
from console.cli.schemas_changes import PLAN

_CERTIFICATE: Schema = {
    "name": TEXT,
    "subject": TEXT,
    "verified": FLAG,
    "expires": TIME_OR_NONE,
    "thumbprint": TEXT,
    "sha256": TEXT,
    "unread": TEXT,
}

HUB_CERTIFICATE_SCHEMAS: dict[str, Schema] = {
    "hub_certificates": document("hub_certificates", record(_CERTIFICATE), devices_by_ca=COUNT_OR_NONE),
    # a plan, and the verification code with what to do with it: empty until the code was asked for
    "proof": {
        "$schema": PLAN["$schema"],
        "title": "hubwarden.proof/1",
        **record(
            {
                **PLAN["properties"],
                "schema": {"const": "hubwarden.proof/1"},
                "code": TEXT,
                "steps": {"type": "array", "items": TEXT},
            }
        ),
    },
}

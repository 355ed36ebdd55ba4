"""The JSON schema of `hubwarden hubs`."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, COUNT_OR_NONE, FLAG, TEXT, Schema, document, record

_HUB: Schema = {
    "name": TEXT,
    "arm_id": TEXT,
    "host": TEXT,
    "location": TEXT,
    "resource_group": TEXT,
    "subscription_id": TEXT,
    "sku": TEXT,
    "units": COUNT,
    "state": TEXT,
    "reach": {"enum": ["open", "filtered", "private"]},
    "ip_rules": COUNT,
    "private_endpoints": COUNT,
    "local_auth": FLAG,
    "weak_tls": FLAG,
    "failures_1h": COUNT_OR_NONE,
    "failing_devices_1h": COUNT_OR_NONE,
}

HUB_SCHEMAS: dict[str, Schema] = {
    "hubs": document("hubs", record(_HUB), source={"enum": ["resource-graph", "lists"]}),
}

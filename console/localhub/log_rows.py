"""The AzureDiagnostics table as IoT Hub and DPS fill it: columns, record type, the Connections record of one event.

Sources: Azure Monitor's reference of the table, IoT Hub's monitoring reference, and published records of real hubs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from console.localhub.state import HubState, Json, ProvisioningState

COLUMNS: tuple[tuple[str, str], ...] = (
    ("TenantId", "VARCHAR"),  # the workspace's id, not the directory's
    ("TimeGenerated", "TIMESTAMP"),
    ("ResourceId", "VARCHAR"),
    ("Category", "VARCHAR"),
    ("ResourceGroup", "VARCHAR"),
    ("SubscriptionId", "VARCHAR"),
    ("ResourceProvider", "VARCHAR"),
    ("Resource", "VARCHAR"),
    ("ResourceType", "VARCHAR"),
    ("OperationName", "VARCHAR"),
    ("OperationVersion", "VARCHAR"),  # this, CallerIPAddress and ResultSignature: of provisioning services alone
    ("ResultType", "VARCHAR"),
    ("ResultSignature", "VARCHAR"),
    ("CallerIPAddress", "VARCHAR"),
    ("CorrelationId", "VARCHAR"),
    ("ResultDescription", "VARCHAR"),
    ("DurationMs", "BIGINT"),
    ("Level", "VARCHAR"),
    ("properties_s", "VARCHAR"),
    ("location_s", "VARCHAR"),
    ("SourceSystem", "VARCHAR"),
    ("Type", "VARCHAR"),
    ("_ResourceId", "VARCHAR"),
)
"""(name, duckdb type) in the table's order. There is no DeviceId column: it lives inside `properties_s`."""

COLUMN_NAMES = tuple(name for name, _ in COLUMNS)
TABLE = "AzureDiagnostics"
CONNECTIONS = "Connections"


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One resource log record. `code` is a hub's six-digit error code, empty on success; `properties` is JSON.

    A provisioning service's `code` is a word (Success, ClientError); the last three fields are its alone.
    """

    time: datetime  # aware, UTC
    operation: str
    level: str
    code: str
    description: str
    properties: str
    correlation_id: str
    category: str = CONNECTIONS
    duration_ms: int | None = None
    version: str | None = None
    signature: str | None = None
    caller: str | None = None


Source = HubState | ProvisioningState


def source_columns(source: Source, workspace_id: str) -> dict[str, str]:
    """Return the values of the columns that are the same in every record of one resource in one workspace."""
    parts = source.arm_id.strip("/").split("/")
    values = dict(zip((part.casefold() for part in parts[::2]), parts[1::2], strict=False))
    return {
        "TenantId": workspace_id,
        "ResourceId": source.arm_id.upper(),
        "ResourceGroup": values.get("resourcegroups", "").upper(),
        "SubscriptionId": values.get("subscriptions", ""),
        "ResourceProvider": "MICROSOFT.DEVICES",
        "Resource": source.name.upper(),
        "ResourceType": parts[-2].upper(),  # IOTHUBS or PROVISIONINGSERVICES
        "location_s": str(source.resource.get("location", "")).replace(" ", "").casefold(),
        "SourceSystem": "Azure",
        "Type": TABLE,
        "_ResourceId": source.arm_id.casefold(),
    }


@lru_cache(maxsize=4096)
def masked(address: str) -> str:
    """Return an IPv4 address as the log shows it: the last octet is `XXX`."""
    return address.rpartition(".")[0] + ".XXX"


@lru_cache(maxsize=64)
def auth_text(scope: str, kind: str, issuer: str) -> str:
    """Return the JSON text of `authType`: scope device|hub|module, kind sas|x509Certificate|..."""
    return json.dumps(
        {"scope": scope, "type": kind, "issuer": issuer, "acceptingIpFilterRule": None}, separators=(",", ":")
    )


def connection_properties(
    device_id: str,
    protocol: str,
    address: str,
    *,
    auth: str | None,
    status: str | None,
    message: str,
    sdk: str | None = None,
    tls_version: str | None = None,
    module_id: str | None = None,
) -> str:
    """Return `properties_s` of a Connections record. SDK and TLS version are told on connect only, as in real ones."""
    body: Json = {"deviceId": device_id}
    if module_id is not None:
        body["moduleId"] = module_id
    if sdk is not None:
        body["sdkVersion"] = sdk
    body["protocol"] = protocol
    body["authType"] = auth
    body["maskedIpAddress"] = masked(address)
    body["statusCode"] = status
    body["errorMessage"] = message
    if tls_version is not None:
        body["tlsVersion"] = tls_version
    return json.dumps(body, separators=(",", ":"))

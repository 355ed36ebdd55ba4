"""A Log Analytics table in duckdb, with the true columns, that runs KQL: the pure tests' workspace."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb
import duckdb_kql

from console.services.ports import NEVER_CANCELLED, Cancel, LogTable

ARM_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/plants"
COLUMNS = (
    "TenantId", "TimeGenerated", "ResourceId", "Category", "ResourceGroup", "SubscriptionId", "ResourceProvider",
    "Resource", "ResourceType", "OperationName", "ResultType", "CorrelationId", "ResultDescription", "DurationMs",
    "Level", "properties_s", "location_s", "SourceSystem", "Type", "_ResourceId",
)  # fmt: skip
PROVISIONING = ("OperationVersion", "ResultSignature", "CallerIPAddress")
NAMES = {
    "401003": "IoTHubUnauthorized", "404104": "DeviceConnectionClosedRemotely", "403012": "DeviceDisabled",
    "400027": "ConnectionForcefullyClosedOnNewConnection", "429001": "ThrottlingException", "500001": "ServerError",
    "404001": "DeviceNotFound",
}  # fmt: skip


class KqlTable:
    """Rows of a hub's Connections log; `query` is the LogsReader port.

    `provisioning` gives the table what it gets with the first row of a provisioning service, and no sooner.
    """

    def __init__(self, *, provisioning: bool = False) -> None:
        self._columns = COLUMNS + (PROVISIONING if provisioning else ())
        self._db = duckdb.connect(config={"enable_external_access": "false"})
        kinds = {"TimeGenerated": "TIMESTAMP", "DurationMs": "BIGINT"}
        spec = ", ".join(f'"{name}" {kinds.get(name, "VARCHAR")}' for name in self._columns)
        self._db.execute(f"CREATE TABLE AzureDiagnostics ({spec})")
        self.asked: list[str] = []

    def add(
        self,
        time: datetime,
        device: str,
        code: str = "",
        *,
        operation: str = "deviceConnect",
        address: str = "10.20.4.XXX",
        message: str = "",
        auth: str | None = "sas",
        sdk: str | None = "py/2.14",
        **columns: Any,
    ) -> None:
        kind = json.dumps({"scope": "device", "type": auth, "issuer": "iothub", "acceptingIpFilterRule": None})
        properties = {
            "deviceId": device, "protocol": "Mqtt", "authType": kind if auth else None, "maskedIpAddress": address,
            "statusCode": code[:3] or None, "errorMessage": message, "sdkVersion": sdk,
        }  # fmt: skip
        values: dict[str, Any] = {
            "TimeGenerated": time.astimezone(UTC).replace(tzinfo=None), "ResourceId": ARM_ID.upper(),
            "Category": "Connections", "ResourceProvider": "MICROSOFT.DEVICES", "ResourceType": "IOTHUBS",
            "Resource": "PLANTS", "OperationName": operation, "ResultType": code or None,
            "ResultDescription": NAMES.get(code), "Level": "Error" if code else "Information",
            "properties_s": json.dumps(properties), "Type": "AzureDiagnostics",
            "_ResourceId": ARM_ID.casefold(), **columns,
        }  # fmt: skip
        row = [values.get(name) for name in self._columns]
        self._db.execute(f"INSERT INTO AzureDiagnostics VALUES ({', '.join('?' * len(row))})", row)

    def refuse(
        self,
        time: datetime,
        device: str,
        described: str,
        *,
        service: str,
        address: str = "10.20.4.XXX",
        operation: str = "AttestationAttempt",
        result: str = "ClientError",
    ) -> None:
        """Add a row of a provisioning service (`service` is its resource id)."""
        properties = json.dumps({"id": device, "type": "Registration", "protocol": "Mqtt"})
        of_service = {"ResourceType": "PROVISIONINGSERVICES", "Category": "DeviceOperations", "ResultType": result}
        self.add(
            time, device, operation=operation, ResultDescription=described, properties_s=properties,
            CallerIPAddress=address, Level=None, _ResourceId=service.casefold(), **of_service,
        )  # fmt: skip

    def query(self, kql: str, start: datetime, end: datetime, cancel: Cancel = NEVER_CANCELLED) -> LogTable:
        self.asked.append(kql)
        sql = duckdb_kql.to_sql(kql, schema={"AzureDiagnostics": list(self._columns)}, allow_write=False)
        result = self._db.execute(str(sql), dict(sql.parameters) or None)
        columns = tuple(item[0] for item in result.description)
        rows = tuple(
            tuple(cell.replace(tzinfo=UTC) if isinstance(cell, datetime) else cell for cell in row)
            for row in result.fetchall()
        )
        return LogTable(columns, rows)

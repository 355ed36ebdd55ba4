"""From which masked ranges devices and services called lately: counted where the log is, newest attempt per device."""

from __future__ import annotations

from datetime import datetime, timedelta

from console.model.ip_rule import SeenAddress
from console.model.network import SeenLog, SeenRange
from console.services.connections import query_log
from console.services.connections_kql import rows_of_hub
from console.services.kql_text import quote, stamp, strings
from console.services.log_time import time_of
from console.services.ports import Cancel, LogTable, count_of
from console.services.session import Session

WINDOW = timedelta(hours=24)
MAX_RANGES = 20_000
SERVICE_CATEGORIES = (
    "C2DCommands",
    "C2DTwinOperations",
    "Configurations",
    "DeviceIdentityOperations",
    "DirectMethods",
    "FileUploadOperations",
    "JobsOperations",
    "TwinQueries",
)
"""Categories that back ends cause; whether their records carry an address is not documented."""


def devices_kql(arm_id: str, start: datetime, end: datetime) -> str:
    """Ask for each device's newest connect attempt, counted by masked address.

    Columns: Address, Devices, Refused (devices whose newest attempt failed), Last.
    """
    return f"""{rows_of_hub(arm_id, start, end)}
| where OperationName == "deviceConnect"
| extend p = parse_json(properties_s)
| project TimeGenerated, Level, DeviceId = tostring(p.deviceId), Address = tostring(p.maskedIpAddress)
| where isnotempty(DeviceId) and isnotempty(Address)
| summarize arg_max(TimeGenerated, Address, Level) by DeviceId
| summarize Devices = count(), Refused = countif(Level == "Error"), Last = max(TimeGenerated) by Address
| top {MAX_RANGES} by Devices"""


def services_kql(arm_id: str, start: datetime, end: datetime) -> str:
    """Ask for the addresses in records that back ends cause. Columns: Address, Rows, Last."""
    return f"""AzureDiagnostics
| where TimeGenerated >= {stamp(start)} and TimeGenerated < {stamp(end)}
| where ResourceProvider == "MICROSOFT.DEVICES" and Category in {strings(SERVICE_CATEGORIES)}
| where _ResourceId =~ {quote(arm_id)}
| extend p = parse_json(properties_s)
| project TimeGenerated, Address = tostring(p.maskedIpAddress)
| where isnotempty(Address)
| summarize Rows = count(), Last = max(TimeGenerated) by Address
| top {MAX_RANGES} by Rows"""


def read_seen(session: Session, cancel: Cancel, window: timedelta = WINDOW) -> SeenLog:
    """Return who was seen in the window that ends now. Raises ConsoleError when the log cannot be read."""
    end = session.now()
    start = end - window
    logs, arm_id = session.logs(cancel), session.arm_id(cancel)
    devices = query_log(logs, devices_kql(arm_id, start, end), start, end, cancel)
    services = query_log(logs, services_kql(arm_id, start, end), start, end, cancel)
    return seen_from(devices, services, start, end)


def seen_from(devices: LogTable, services: LogTable, start: datetime, end: datetime) -> SeenLog:
    """Return the two answers as one: ranges with their devices and, where the log tells, their services."""
    callers = {str(row["Address"]): time_of(row["Last"]) for row in services.dicts()}
    ranges: list[SeenRange] = []
    for row in devices.dicts():
        masked = str(row["Address"])
        known = callers.pop(masked, None)
        times = [time for time in (time_of(row["Last"]), known) if time is not None]
        address = SeenAddress(masked, count_of(row["Devices"]), max(times, default=None), int(known is not None))
        ranges.append(SeenRange(address, count_of(row["Refused"])))
    ranges += [SeenRange(SeenAddress(masked, 0, last, 1)) for masked, last in callers.items()]
    partial = devices.partial or services.partial
    if len(devices.rows) >= MAX_RANGES:
        partial = partial or f"only the {MAX_RANGES:,} ranges with the most devices were counted"
    return SeenLog(tuple(ranges), start, end, bool(services.rows), partial)

"""The KQL of the Connections pane: runs as it is on Log Analytics and on the local hub, aggregates there and not here.

Facts behind it: resource logs of IoT Hub land in AzureDiagnostics, `ResultType` is the six-digit code as text, the
device and its masked address are in the JSON text `properties_s`, whose `authType` is JSON text again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from console.model.connection import Cause, Grouping, Source
from console.rules.folding import CONTEXT_BEFORE, FOLD_WITHIN, REFUSED, RENEWAL_CODES, REPEAT_SPAN
from console.services import connections_provisioning as provisioning
from console.services.connections_provisioning import Refusals
from console.services.kql_text import quote, span, stamp, strings

CAUSE_WORDS: dict[str, Cause] = {
    "ip-rules": Cause.IP_RULES,
    "cloned": Cause.CLONED,
    "certificate-expired": Cause.CERTIFICATE_EXPIRED,
    "thumbprint": Cause.THUMBPRINT,
    "certificate": Cause.CERTIFICATE,
    "credential": Cause.WRONG_CREDENTIAL,
    "disabled": Cause.DISABLED,
    "unknown-device": Cause.UNKNOWN_DEVICE,
    "dps-filter": Cause.FILTERED,
    "dps-no-enrollment": Cause.NO_ENROLLMENT,
    "dps-disabled": Cause.ENROLLMENT_DISABLED,
    "dps-certificate": Cause.ENROLLMENT_CERTIFICATE,
    "dps-key": Cause.ENROLLMENT_KEY,
    "dps-not-assigned": Cause.NOT_ASSIGNED,
    "throttled": Cause.THROTTLED,
    "service": Cause.SERVICE,
    "lost": Cause.NETWORK,
    "other": Cause.OTHER,
    "renewal": Cause.RENEWAL,
}
"""The words that the queries use for causes."""
WORD_OF: dict[Cause, str] = {cause: word for word, cause in CAUSE_WORDS.items()}
KEY_COLUMNS: dict[Grouping, str] = {
    Grouping.CAUSE: "Cause",
    Grouping.DEVICE: "DeviceId",
    Grouping.CODE: "Code",
    Grouping.ADDRESS: "Address",
    Grouping.SDK: "Sdk",
    Grouping.AUTH: "Auth",
}
FILTER_COLUMNS = frozenset({*KEY_COLUMNS.values(), "OperationName", "Protocol", "Description", "Source"})
MAX_GROUPS = 1000


@dataclass(frozen=True)
class Scope:
    """Whose rows, when, and what was found out about IP rules and about provisioning services.

    `writes` are times at which the hub was written: they cut the window into segments, numbered from 0. `cut` holds
    (masked address, segment) pairs whose refusals and lost connections are due to IP rules. `source` None is the hub
    and the provisioning services together.
    """

    arm_id: str
    start: datetime
    end: datetime
    writes: tuple[datetime, ...] = ()
    cut: tuple[tuple[str, int], ...] = ()
    refusals: Refusals = field(default_factory=Refusals)
    source: Source | None = None

    @property
    def read_from(self) -> datetime:
        """Where the rows that the folding rule needs begin."""
        return self.start - CONTEXT_BEFORE

    @property
    def read_to(self) -> datetime:
        """Where the rows that the folding rule needs end."""
        return self.end + FOLD_WITHIN


def rows_of_hub(arm_id: str, start: datetime, end: datetime) -> str:
    """Return the table expression of one hub's Connections rows."""
    return (
        "AzureDiagnostics\n"
        f"| where TimeGenerated >= {stamp(start)} and TimeGenerated < {stamp(end)}\n"
        '| where ResourceProvider == "MICROSOFT.DEVICES" and ResourceType == "IOTHUBS" and Category == "Connections"\n'
        f"| where _ResourceId =~ {quote(arm_id)}"
    )


def pulse(arm_id: str, start: datetime, end: datetime) -> str:
    """Count the rows and errors of a window and find the newest row. Columns: Rows, Errors, Newest."""
    rows = rows_of_hub(arm_id, start, end)
    return f'{rows}\n| summarize Rows = count(), Errors = countif(Level == "Error"), Newest = max(TimeGenerated)'


def events_prefix(scope: Scope) -> str:
    """Return the `let` statements that all questions share.

    They define `connections` (parsed rows of the hub) and `failures`: errors of the window with Source and Cause, of
    which renewals are one; refused registrations are among them where a provisioning service has rows in the log.
    """
    fold, repeat = span(FOLD_WITHIN), span(REPEAT_SPAN)
    return f"""let connections = materialize({rows_of_hub(scope.arm_id, scope.read_from, scope.read_to)}
| extend p = parse_json(properties_s)
| project TimeGenerated, OperationName, Level, Code = tostring(ResultType), Description = tostring(ResultDescription),
    DeviceId = tostring(p.deviceId), Message = tostring(p.errorMessage), Address = tostring(p.maskedIpAddress),
    Protocol = tostring(p.protocol), Sdk = tostring(p.sdkVersion),
    Auth = tostring(parse_json(tostring(p.authType)).type),
    Segment = {_segments(scope.writes)});
let errors = connections
| where Level == "Error"
| extend Told = strcat(Description, " ", Message)
| extend Cause = case(
    Code in ("400027", "409002"), "cloned",
    Code == "403012", "disabled",
    Code in ("404001", "404010") or Told contains "does not contain the specified device", "unknown-device",
    Code startswith "429" or Code in ("403002", "403005"), "throttled",
    Code startswith "50" or Code in ("400029", "400030", "404012", "403001"), "service",
    Code == "404104", "lost",
    Told contains "certificate" and (Told contains "has expired" or Told contains "expired certificate"
        or Told contains "certificate expired" or Told contains "not valid after"), "certificate-expired",
    Told contains "thumbprint", "thumbprint",
    Code startswith "401" and Auth startswith "x509", "certificate",
    Code startswith "401", "credential",
    "other");
let returns = connections
| where OperationName == "deviceConnect" and Level != "Error"
| project DeviceId, Back = TimeGenerated;
let slots = union (returns | extend Slot = bin(Back, {fold})), (returns | extend Slot = bin(Back, {fold}) - {fold});
let refusals = errors
| where Code == {quote(REFUSED)}
| project DeviceId, Quarter = bin(TimeGenerated, {repeat});
let repeated = union refusals, (refusals | extend Quarter = Quarter + {repeat})
| summarize Refusals = count() by DeviceId, Quarter
| where Refusals > 1
| project DeviceId, Quarter, Repeated = true;
let renewals = errors
| where Code in {strings(RENEWAL_CODES)}
| extend Slot = bin(TimeGenerated, {fold}), Quarter = bin(TimeGenerated, {repeat})
| join kind=inner slots on DeviceId, Slot
| where Back >= TimeGenerated and Back <= TimeGenerated + {fold}
| join kind=leftouter repeated on DeviceId, Quarter
| where Code == "404104" or isnull(Repeated)
| summarize Folded = count() by DeviceId, TimeGenerated, Code;
let hub_failures = errors
| where TimeGenerated >= {stamp(scope.start)} and TimeGenerated < {stamp(scope.end)}
| join kind=leftouter renewals on DeviceId, TimeGenerated, Code
| extend Cause = case(isnotnull(Folded), "renewal", {_cut(scope.cut)}Cause)
| project TimeGenerated, OperationName, Level, Code, Description, Message, DeviceId, Address, Protocol, Sdk, Auth,
    Segment, Cause, Source = "hub";
{_failures(scope)}"""


def evidence(scope: Scope) -> str:
    """Ask what the rules about IP cut-offs need, by masked address and segment.

    Columns: Address, Segment, Refused, Lost (devices), Failures, First, Last, Returned (devices that connected).
    """
    return (
        events_prefix(scope)
        + """let refused = failures
| where Cause in ("credential", "certificate", "lost") and isnotempty(Address)
| summarize Refused = dcountif(DeviceId, Cause != "lost"), Lost = dcountif(DeviceId, Cause == "lost"),
    Failures = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by Address, Segment;
let returned = connections
| where OperationName == "deviceConnect" and Level != "Error"
| summarize Returned = dcount(DeviceId) by Address, Segment;
refused
| join kind=leftouter returned on Address, Segment
| project Address, Segment, Refused, Lost, Failures, First, Last, Returned
| top 500 by Failures"""
    )


def bins(scope: Scope, step: timedelta) -> str:
    """Count failures per time bin and cause. Columns: Bin, Cause, Count."""
    return (
        events_prefix(scope)
        + f"failures\n| summarize Count = count() by Bin = bin(TimeGenerated, {span(step)}), Cause\n| order by Bin asc"
    )


def groups(scope: Scope, grouping: Grouping) -> str:
    """Count failures per group and cause; the newest row of each is the sample.

    Columns: Key, Cause, Count, Devices, Ranges, First, Last, DeviceId, Code, Address, Message.
    """
    key = KEY_COLUMNS[grouping]
    by = "Key = Cause, Cause" if grouping is Grouping.CAUSE else f"Key = {key}, Cause"
    return (
        events_prefix(scope)
        + f"""failures
| summarize Count = count(), Devices = dcount(DeviceId), Ranges = dcount(Address), First = min(TimeGenerated),
    arg_max(TimeGenerated, DeviceId, Code, Address, Message) by {by}
| project Key, Cause, Count, Devices, Ranges, First, Last = TimeGenerated, DeviceId, Code, Address, Message
| top {MAX_GROUPS} by Count"""
    )


def devices(scope: Scope, grouping: Grouping) -> str:
    """Count the distinct failing devices, renewals left out, per group. Columns: Key, Devices, Count."""
    return (
        events_prefix(scope)
        + f"""failures
| where Cause != "renewal"
| summarize Devices = dcount(DeviceId), Count = count() by Key = {KEY_COLUMNS[grouping]}
| top {MAX_GROUPS} by Count"""
    )


def totals(scope: Scope) -> str:
    """Count failures and failing devices, and renewals apart. Columns: Failures, Devices, Folded."""
    return (
        events_prefix(scope)
        + """failures
| summarize Failures = countif(Cause != "renewal"), Devices = dcountif(DeviceId, Cause != "renewal"),
    Folded = countif(Cause == "renewal")"""
    )


def rows(scope: Scope, filters: Sequence[tuple[str, str]], limit: int, *, renewals: bool) -> str:
    """Ask for single failures, newest first.

    `filters` are (column, value) pairs, joined by "and"; every value enters as an escaped literal. Raises ValueError
    for a column that is not one of the failures' own.
    """
    wanted = [] if renewals else ['Cause != "renewal"']
    for column, value in filters:
        if column not in FILTER_COLUMNS:
            raise ValueError(f"no such column to filter by: {column}")
        wanted.append(f"{column} == {quote(value)}")
    where = "".join(f"| where {condition}\n" for condition in wanted)
    return events_prefix(scope) + f"failures\n{where}| top {int(limit)} by TimeGenerated desc"


def by_device(scope: Scope) -> str:
    """Count failures per device, renewals left out. Columns: DeviceId, Count."""
    return (
        events_prefix(scope)
        + 'failures\n| where Cause != "renewal"\n| summarize Count = count() by DeviceId\n| top 50000 by Count'
    )


def _failures(scope: Scope) -> str:
    only = f"\n| where Source == {quote(scope.source.value)}" if scope.source is not None else ""
    if not scope.refusals.services:
        return f"let failures = hub_failures{only};\n"
    registrations = provisioning.failures(scope.refusals, scope.start, scope.end)
    return f"let registrations = {registrations};\nlet failures = union hub_failures, registrations{only};\n"


def _segments(writes: Sequence[datetime]) -> str:
    if not writes:
        return "0"
    cases = ", ".join(f"TimeGenerated < {stamp(time)}, {number}" for number, time in enumerate(writes))
    return f"case({cases}, {len(writes)})"


def _cut(pairs: Sequence[tuple[str, int]]) -> str:
    if not pairs:
        return ""
    keys = strings(f"{address}#{segment}" for address, segment in pairs)
    match = f'strcat(Address, "#", tostring(Segment)) in {keys}'
    return f'Cause in ("credential", "certificate", "lost") and {match}, "ip-rules", '

"""What the provisioning services that link the hub refuse: their rows of the log, beside the hub's own.

Facts behind it: their resource logs land in AzureDiagnostics, too; `ResultType` is Success, Failure or ClientError and
`ResultDescription` the error's text, in which the device API's six-digit number is looked for (Microsoft's monitoring
reference of the service). Which number means what is known from its SDKs' tests and from published captures: 401000 no
enrollment, 401002 another credential, 404201 no enrollment, 400207 a webhook that failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from console.model.connection import PROVISIONING_CODE
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import Certainty, FilterTarget, Reach
from console.model.provisioning import DpsLink
from console.rules.ip_decisions import decide
from console.rules.ip_ranges import seen_interval
from console.services.kql_text import quote, stamp, strings
from console.services.log_time import time_of
from console.services.ports import Cancel, LogsReader, LogTable, ProvisioningReader, count_of
from console.services.session import Session

LINKS_AGE = 60.0
UNLISTED = "the provisioning services could not be listed, so what they refuse is missing"
_REFUSED = 'isnotempty(ResultType) and ResultType != "Success"'
_PLAIN = 'OperationName == "AttestationAttempt" and Told contains "401002" and Told !contains "certificate"'
"""A refusal that says nothing about the credential: all that an address gets which the filters reject."""
_MOST_RANGES = 100
UNREAD = "what the provisioning services refuse could not be read from the log"


@dataclass(frozen=True)
class Filtered:
    """A masked address that a service (resource id in lower case) rejects now, and when it last was let in, if ever.

    To be let in is to have a credential looked at, whatever came of it.
    """

    service: str
    address: str
    last_in: datetime | None = None


@dataclass(frozen=True)
class Refusals:
    """Which provisioning services have rows in the log, and what is known about their filters.

    Attributes:
        services: resource ids of those with rows; a table that never had such a row lacks their columns.
        names: of all that link the hub.
        filtered: what the filters reject now.
        errors: refused registrations in the time that was looked at.
        trouble: why the answer is not whole; empty when it is.
    """

    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    filtered: tuple[Filtered, ...] = ()
    errors: int = 0
    trouble: str = ""


class RefusalsReader:
    """Finds out what a query about refused registrations needs to know."""

    def __init__(self, session: Session, reader: ProvisioningReader | None) -> None:
        self._session = session
        self._reader = reader

    def read(self, logs: LogsReader, start: datetime, end: datetime, cancel: Cancel) -> Refusals:
        """Look at the time [start, end). Raises ConsoleError CANCELLED; other trouble is told by the answer."""
        if self._reader is None or self._session.data_plane_only:
            return Refusals()
        try:
            links = self._links(self._reader, cancel)
        except ConsoleError as error:
            _reraise(error)
            return Refusals(trouble=UNLISTED)
        names = tuple(link.instance for link in links)
        try:
            return replace(self._look(logs, links, start, end, cancel), names=names)
        except ConsoleError as error:
            _reraise(error)
            return Refusals(names=names, trouble=UNREAD)

    def _links(self, reader: ProvisioningReader, cancel: Cancel) -> tuple[DpsLink, ...]:
        session = self._session
        links = session.cached("provisioning links", LINKS_AGE, lambda: tuple(reader.links(cancel)))
        hosts = {session.hub_host.casefold(), session.hub(cancel).host.casefold()} - {""}
        return tuple({link.arm_id.casefold(): link for link in links if link.host.casefold() in hosts}.values())

    def _look(
        self, logs: LogsReader, links: Sequence[DpsLink], start: datetime, end: datetime, cancel: Cancel
    ) -> Refusals:
        if not links:
            return Refusals()
        counted = logs.query(pulse([link.arm_id for link in links], start, end), start, end, cancel).dicts()
        there = [row for row in counted if count_of(row["Rows"])]
        services = tuple(str(row["Service"]) for row in there)
        errors = sum(count_of(row["Errors"]) for row in there)
        filtered: tuple[Filtered, ...] = ()
        if errors and any(link.filters or not link.public_access for link in links):
            filtered = rejected(links, logs.query(addresses(services, start, end), start, end, cancel))
        return Refusals(services, (), filtered, errors)


def rejected(links: Iterable[DpsLink], seen: LogTable) -> tuple[Filtered, ...]:
    """Return which of the services' addresses lie, as a whole, in what the filters reject for devices."""
    decisions = {
        link.arm_id.casefold(): decide(Reach(link.public_access, None, link.filters), FilterTarget.DEVICE_API)
        for link in links
    }
    found = []
    for row in seen.dicts():
        service, address = str(row["Service"]), str(row["Address"] or "")
        behind = seen_interval(address)
        known = decisions.get(service)
        if behind is not None and known is not None and known.over(*behind).certainty is Certainty.OUT:
            found.append(Filtered(service, address, time_of(row["LastIn"])))
    return tuple(found)


def _reraise(error: ConsoleError) -> None:
    if error.kind is ErrorKind.CANCELLED:
        raise error


# --- KQL --------------------------------------------------------------------------------------------------------------


def rows_of(services: Iterable[str], start: datetime, end: datetime) -> str:
    """Return the table expression of the rows about devices of these services, with Service, the id in lower case."""
    return (
        "AzureDiagnostics\n"
        f"| where TimeGenerated >= {stamp(start)} and TimeGenerated < {stamp(end)}\n"
        '| where ResourceProvider == "MICROSOFT.DEVICES" and ResourceType == "PROVISIONINGSERVICES"'
        ' and Category == "DeviceOperations"\n'
        "| extend Service = tolower(_ResourceId)\n"
        f"| where Service in {strings(service.casefold() for service in services)}"
    )


def _is(one: Filtered) -> str:
    same = f"Service == {quote(one.service)} and CallerIPAddress == {quote(one.address)}"
    return f"({same}" + (f" and TimeGenerated > {stamp(one.last_in)})" if one.last_in is not None else ")")


def pulse(services: Iterable[str], start: datetime, end: datetime) -> str:
    """Count rows and refusals per service, by columns that every such table has. Columns: Service, Rows, Errors."""
    return f"{rows_of(services, start, end)}\n| summarize Rows = count(), Errors = countif({_REFUSED}) by Service"


def addresses(services: Iterable[str], start: datetime, end: datetime) -> str:
    """Ask from where devices were refused, and until when let in. Columns: Service, Address, Errors, LastIn."""
    return (
        f"{rows_of(services, start, end)}\n| extend Told = tostring(ResultDescription)\n"
        f"| extend Refused = {_REFUSED}, In = not({_REFUSED} and {_PLAIN})\n"
        "| summarize Errors = countif(Refused), LastIn = max(iff(In, TimeGenerated, datetime(null)))"
        " by Service, Address = CallerIPAddress\n"
        f"| where Errors > 0\n| top {_MOST_RANGES} by Errors"
    )


def failures(refusals: Refusals, start: datetime, end: datetime) -> str:
    """Return the table expression of refused registrations, in the columns of failed connections."""
    filtered = ""
    if refusals.filtered:
        filtered = f'{_PLAIN} and ({" or ".join(map(_is, refusals.filtered))}), "dps-filter",\n    '
    return f"""{rows_of(refusals.services, start, end)}
| where {_REFUSED}
| extend p = parse_json(properties_s), Told = tostring(ResultDescription)
| extend Number = extract("[0-9][0-9][0-9][0-9][0-9][0-9]", 0, Told)
| extend Cause = case(
    Number startswith "429", "throttled",
    Told contains "disabled", "dps-disabled",
    OperationName == "RegistrationAttempt" or Number == "400207" or Told contains "IotHubUnauthorizedAccess",
        "dps-not-assigned",
    Number startswith "5", "service",
    {filtered}Number in ("401000", "404201"), "dps-no-enrollment",
    Told contains "certificate", "dps-certificate",
    Number startswith "401", "dps-key",
    "other")
| project TimeGenerated, OperationName, Level = "Error", Code = strcat("{PROVISIONING_CODE}", Number),
    Description = OperationName, Message = Told, DeviceId = tostring(p.id), Address = tostring(CallerIPAddress),
    Protocol = tostring(p.protocol), Sdk = "", Auth = "", Segment = 0, Cause, Source = "provisioning" """

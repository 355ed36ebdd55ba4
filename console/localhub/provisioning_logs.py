"""The resource log records of a provisioning service.

Known (Microsoft's monitoring reference of the service, with one record of each category): the columns; DeviceOperations
with `AttestationAttempt` and ServiceOperations with `Upsert`, both successful; `properties_s` with id, type, protocol;
versions written as `June2021`; ResultType one of Success, Failure, ClientError; ResultSignature the HTTP status and
ResultDescription the error's text of what failed.
Guessed: that assigning is a record of its own (`RegistrationAttempt`; there is a metric of that name), the other
operations' names, and how number and text of an error stand in ResultDescription.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from console.localhub.log_rows import LogRecord, masked

DEVICE, SERVICE = "DeviceOperations", "ServiceOperations"
CATEGORIES = (DEVICE, SERVICE)
ATTESTATION, REGISTRATION = "AttestationAttempt", "RegistrationAttempt"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True)
class Failure:
    """What went wrong: the HTTP status, the six-digit number, the text. `ours` when the service is to blame."""

    status: int
    number: int
    text: str
    ours: bool = False


def record(
    category: str,
    operation: str,
    time: datetime,
    *,
    subject: str,
    kind: str,
    protocol: str,
    address: str,
    version: str = "",
    failure: Failure | None = None,
    duration_ms: int | None = None,
) -> LogRecord:
    """Return one record. `subject` is an id, `kind` Registration, IndividualEnrollment or EnrollmentGroup."""
    result = "Success" if failure is None else "Failure" if failure.ours else "ClientError"
    properties = {"id": subject, "type": kind, "protocol": protocol}
    return LogRecord(
        time,
        operation,
        "Information" if failure is None else "Error",
        result,
        "" if failure is None else f"{failure.number}: {failure.text}",
        json.dumps(properties, separators=(",", ":")),
        str(uuid.uuid4()),
        category,
        duration_ms,
        version=version_name(version),
        signature="" if failure is None else str(failure.status),
        caller=masked(address),
    )


def version_name(version: str) -> str:
    """Return an API version as the log writes it: `2021-06-01` is `June2021`; anything else as it is."""
    year, _, rest = version.partition("-")
    month = rest[:2]
    if not (len(year) == 4 and year.isdigit() and month.isdigit() and 1 <= int(month) <= 12):
        return version
    return f"{_MONTHS[int(month) - 1]}{year}"

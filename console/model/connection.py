"""Failed connections: events, causes, bins, groups and what is known about the log itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from console.model.errors import ConsoleError
from console.model.hub import MetricSeries


class Cause(StrEnum):
    """Why connections fail, in the words of the table; order is the order of the stacked chart, from the bottom."""

    IP_RULES = "cut off by IP rules"
    CLONED = "cloned credential"
    CERTIFICATE_EXPIRED = "certificate expired"
    THUMBPRINT = "thumbprint mismatch"
    CERTIFICATE = "certificate refused"
    WRONG_CREDENTIAL = "wrong key or token"
    DISABLED = "device disabled"
    UNKNOWN_DEVICE = "unknown device"
    FILTERED = "DPS: cut off by filter"
    NO_ENROLLMENT = "DPS: no enrollment"
    ENROLLMENT_DISABLED = "DPS: disabled"
    ENROLLMENT_CERTIFICATE = "DPS: wrong certificate"
    ENROLLMENT_KEY = "DPS: wrong key"
    NOT_ASSIGNED = "DPS: no hub assigned"
    THROTTLED = "throttled"
    SERVICE = "service-side"
    NETWORK = "connection lost"
    OTHER = "other"
    RENEWAL = "token renewal (folded)"


PROVISIONING_CODE = "DPS "
"""Stands before a code of the provisioning service where codes are grouped: some numbers mean another thing there."""


class Source(StrEnum):
    """Whose log tells of a failure: the hub's, or that of a provisioning service that links it."""

    HUB = "hub"
    PROVISIONING = "provisioning"


class Confidence(StrEnum):
    """How sure a cause is: the log says so, or it is inferred from circumstances."""

    CERTAIN = "certain"
    LIKELY = "likely"


class Grouping(StrEnum):
    """What the table of failures is grouped by."""

    CAUSE = "cause"
    DEVICE = "device"
    CODE = "error code"
    ADDRESS = "masked IP"
    SDK = "SDK"
    AUTH = "auth type"


class LogState(StrEnum):
    """What is known about the log; each looks different on screen."""

    NOT_ASKED = "not-asked"
    READY = "ready"
    EMPTY = "empty"  # rows exist, none failed in the window: the good news
    NO_SETTING = "no-setting"  # no diagnostic setting sends Connections to a workspace
    NO_WORKSPACE = "no-workspace"  # the profile names none and none could be found
    NO_TABLE = "no-table"  # the workspace never received a resource log
    NO_ROWS = "no-rows"  # the table exists, the hub has no row in the window: frozen, lagging or silent
    NO_PERMISSION = "no-permission"
    THROTTLED = "throttled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """One row of the hub's Connections log, or a refused registration (`device_id` is the registration id then).

    `code` is the six-digit error code as text, empty on success.
    """

    time: datetime
    device_id: str
    operation: str  # deviceConnect, deviceDisconnect
    level: str  # Information, Error
    code: str
    description: str  # the code's name
    message: str
    address: str  # masked: 10.20.4.XXX
    protocol: str
    sdk: str
    auth: str
    renewal: bool = False  # folded: part of a token renewal
    source: Source = Source.HUB


@dataclass(frozen=True, slots=True)
class FailureBin:
    """Failures of one time bin, by cause. `start` is UTC; only causes that occurred are listed."""

    start: datetime
    counts: tuple[tuple[Cause, int], ...]

    @property
    def total(self) -> int:
        """All failures of the bin, folded renewals not counted."""
        return sum(count for cause, count in self.counts if cause is not Cause.RENEWAL)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """One row of the table of failures.

    `key` identifies it through refreshes; `filters` are (KQL column, value) pairs that select its events.
    `flag` is an optional warning ("possible cloned credential").
    """

    key: str
    label: str
    count: int
    devices: int
    first: datetime
    last: datetime
    cause: Cause
    confidence: Confidence = Confidence.CERTAIN
    evidence: str = ""
    flag: str = ""
    filters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FailureReport:
    """What the log tells about one time window of one hub.

    `bins` are contiguous from `start` in steps of `step` (empty bins filled in). `previous_total` counts the window
    before this one, None when unknown. `lag` is the age of the newest row when it was read. `kql` is what was run.
    """

    state: LogState
    start: datetime
    end: datetime
    step: timedelta
    grouping: Grouping = Grouping.CAUSE
    bins: tuple[FailureBin, ...] = ()
    groups: tuple[FailureGroup, ...] = ()
    total: int = 0
    devices: int = 0
    previous_total: int | None = None
    folded: int = 0
    lag: timedelta | None = None
    kql: str = ""
    error: ConsoleError | None = None
    partial: str = ""  # set when the service returned only part of the result, and why
    connected: MetricSeries | None = None
    total_devices: MetricSeries | None = None
    source: Source | None = None  # None: all
    provisioning: tuple[str, ...] = ()  # names of the provisioning services whose log was asked, too

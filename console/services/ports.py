"""What services need from the outside, as Protocols; gateways implement them, tests inject them.

Every method is synchronous, may be called from any thread, raises only `ConsoleError`, and returns model types whose
text went through `clean()`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Protocol

from console.model.device import Device, DeviceDetail
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry, DiagnosticSetting, Hub, HubCertificate, Identity, MetricSeries
from console.model.hubs import HubList
from console.model.text import clean

if TYPE_CHECKING:  # the first frame does without them
    from console.model.document import Document, Target
    from console.model.enrollment import (
        Enrollment,
        EnrollmentKind,
        ProvisioningInstance,
        ProvisioningPolicy,
        Registration,
    )
    from console.model.fleet_snapshot import FleetPage
    from console.model.provisioning import DpsLink, ProvisioningService
    from console.model.registration import ClientCertificate, DeviceAnswer
    from console.model.role import DenyAssignment, RoleAssignment, RoleDefinition
    from console.model.secret import Secret


class Cancel:
    """A flag that a waiting user raises; long readings look at it between pages and retries."""

    def __init__(self) -> None:
        self._event = Event()

    def cancel(self) -> None:
        """Ask the reading to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`, shorter when cancelled; return whether it was cancelled."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise `ConsoleError` of kind CANCELLED when somebody asked to stop."""
        if self._event.is_set():
            raise ConsoleError(ErrorKind.CANCELLED, "The reading was stopped")


NEVER_CANCELLED = Cancel()


@dataclass(frozen=True)
class QueryPage:
    """One page of a registry query: devices (for `SELECT *`) or raw rows (for projections and counts)."""

    devices: tuple[Device, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    continuation: str | None = None


@dataclass(frozen=True)
class LogTable:
    """The primary result of a log query: column names and rows; datetimes are aware UTC, text is clean.

    `partial` is the service's reason when it returned only part of the result. `originals` maps a text that `clean()`
    changed to what the service really holds: for the filters of a next query, never to show.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    partial: str = ""
    originals: Mapping[str, str] = field(default_factory=dict)

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows keyed by column name; a column that is not there raises ConsoleError BAD_ANSWER."""
        return [LogRow(zip(self.columns, row, strict=True)) for row in self.rows]


class LogRow(dict[str, Any]):
    """One row by column name; a column that the answer lacks is told as such."""

    def __missing__(self, column: str) -> Any:
        why = f"it has no column {column}"
        raise ConsoleError(ErrorKind.BAD_ANSWER, "The log's answer could not be read", why, "Check the endpoints")


def count_of(value: object) -> int:
    """Return a count as a log or a registry gives it, 0 for none. Raises ConsoleError BAD_ANSWER for anything else."""
    if not value:
        return 0
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    why = f"“{clean(value, limit=40)}” stands where a count is"
    raise ConsoleError(ErrorKind.BAD_ANSWER, "The answer could not be read", why, "Check the endpoints")


class HubReader(Protocol):
    """The control plane of one hub, reading."""

    def hub(self, cancel: Cancel = NEVER_CANCELLED) -> Hub:
        """Read the hub."""

    def certificates(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[HubCertificate]:
        """Read the CA certificates of the hub."""

    def diagnostic_settings(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[DiagnosticSetting]:
        """Read where the hub's logs go."""

    def workspace_id(self, workspace_arm_id: str, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return the workspace's id (a GUID) for queries."""

    def activity(self, since: datetime, cancel: Cancel = NEVER_CANCELLED) -> Sequence[ActivityEntry]:
        """Read the hub's activity log, newest first."""

    def metrics(
        self, names: Sequence[str], start: datetime, end: datetime, step: timedelta, cancel: Cancel = NEVER_CANCELLED
    ) -> Sequence[MetricSeries]:
        """Read platform metrics; device counts are averages."""


class RegistryReader(Protocol):
    """The data plane of one hub, reading."""

    def query(
        self, text: str, *, continuation: str | None = None, page_size: int = 1000, cancel: Cancel = NEVER_CANCELLED
    ) -> QueryPage:
        """Run one page of an IoT Hub query."""

    def device(self, device_id: str, cancel: Cancel = NEVER_CANCELLED) -> DeviceDetail:
        """Read one identity and its twin afresh."""


class FleetPager(Protocol):
    """The data plane of one hub, for reading a whole fleet."""

    def fleet_page(self, continuation: str, size: int, cancel: Cancel = NEVER_CANCELLED) -> FleetPage:
        """Return one page of the twin query, asked for once: a THROTTLED answer is raised, not repeated."""


class HubLister(Protocol):
    """All hubs that the credential sees."""

    def hubs(self, cancel: Cancel = NEVER_CANCELLED) -> HubList:
        """Return the hubs by name."""


class DocumentReader(Protocol):
    """Reads resources whole, to plan changes of them and to compare afterwards; never from a cache."""

    def read(self, target: Target, cancel: Cancel = NEVER_CANCELLED) -> Document | None:
        """Return the resource as it is now, None when there is none.

        Keys come only with POLICIES (listKeys, a privileged read) and DEVICE, as `Secret`s.
        """


class ProvisioningReader(Protocol):
    """The provisioning services of the hub's subscription, reading."""

    def links(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[DpsLink]:
        """Return every link of every service that the credential may see, to whatever hub."""

    def services(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[ProvisioningService]:
        """Return every service that the credential may see."""

    def policy(self, arm_id: str, name: str, cancel: Cancel = NEVER_CANCELLED) -> Document | None:
        """Return a service's shared access policy with its keys (listKeys, a privileged read); None: it has none."""


class EnrollmentReader(Protocol):
    """What provisioning services hold, reading. Iterators ask page by page and look at `cancel` in between."""

    def instances(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[ProvisioningInstance]:
        """Return the provisioning services of the hub's subscription that the credential may see."""

    def policies(
        self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED
    ) -> Sequence[ProvisioningPolicy]:
        """Return the shared access policies without their keys (listkeys, a privileged read)."""

    def authorities(self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED) -> Sequence[HubCertificate]:
        """Return the CA certificates that were uploaded to the service."""

    def enrollments(self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED) -> Iterator[Enrollment]:
        """Yield the individual enrollments."""

    def groups(self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED) -> Iterator[Enrollment]:
        """Yield the enrollment groups."""

    def enrollment(
        self, instance: ProvisioningInstance, kind: EnrollmentKind, enrollment_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Enrollment | None:
        """Return one enrollment or group without keys, None when there is none."""

    def registrations(
        self, instance: ProvisioningInstance, group_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Iterator[Registration]:
        """Yield the registrations made through a group."""

    def registration(
        self, instance: ProvisioningInstance, registration_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Registration | None:
        """Return what the service remembers of one registration, None when nothing."""

    def mechanism(
        self, instance: ProvisioningInstance, kind: EnrollmentKind, enrollment_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Document:
        """Return the attestation mechanism with its keys, a privileged read."""


class RegistrarLink(Protocol):
    """The way to a provisioning service's device API, with the device's certificate where it has one."""

    @property
    def tls(self) -> str:
        """Protocol version and cipher of the connection, and who vouches for the service."""

    def register(
        self, id_scope: str, registration_id: str, body: Mapping[str, Any], token: Secret | None, cancel: Cancel
    ) -> DeviceAnswer:
        """Ask for a registration, once; an answer that says no is returned, too."""

    def operation(
        self, id_scope: str, registration_id: str, operation_id: str, token: Secret | None, cancel: Cancel
    ) -> DeviceAnswer:
        """Ask how a registration stands."""

    def close(self) -> None:
        """End the connection."""


class DeviceRegistrar(Protocol):
    """The device API of provisioning services."""

    def reach(
        self, host: str, certificate: ClientCertificate | None = None, cancel: Cancel = NEVER_CANCELLED
    ) -> RegistrarLink:
        """Connect to `host` (`:port` where it is not 443); what the device shows is read first."""


class TpmDevice(Protocol):
    """A TPM 2.0. Keys are in it, or wrapped; none is ever seen."""

    def describe(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return maker and firmware."""

    def endorsement_key(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return base64 of the public endorsement key (TPM2B_PUBLIC)."""

    def storage_root_key(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return base64 of the public storage root key (TPM2B_PUBLIC)."""

    def activate(self, blob: bytes, *, keep: bool = False, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Open a key that was wrapped for this TPM, inside it; return a name for `sign`. `keep`: for good."""

    def sign(self, handle: str, data: bytes, cancel: Cancel = NEVER_CANCELLED) -> bytes:
        """Return the HMAC-SHA256 of `data` under a key of `activate`."""

    def close(self) -> None:
        """Throw out what was loaded but not kept."""


class NetworkReader(Protocol):
    """What else decides who reaches the hub: resources whole, their text as the services sent it (not clean)."""

    def connections(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[Document]:
        """Read the private endpoint connections of the hub."""

    def private_endpoints(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[Document]:
        """Read the private endpoints of the hub's subscription, whatever they lead to."""

    def provisioning_services(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[Document]:
        """Read the Device Provisioning Services of the hub's subscription; keys of linked hubs come masked."""


class AccessReader(Protocol):
    """Roles and who has them, as the resource manager tells them at a scope."""

    def assignments(
        self, scope: str, principal: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Sequence[RoleAssignment]:
        """Return the assignments at a scope and above; with a user's or application's object id those that reach it.

        Those of its groups are among them then, of groups in groups, too (`assignedTo()`).
        """

    def definitions(self, scope: str, cancel: Cancel = NEVER_CANCELLED) -> Sequence[RoleDefinition]:
        """Return the roles that can be assigned at a scope, Azure's own and custom ones."""

    def definition(self, guid: str, scope: str, cancel: Cancel = NEVER_CANCELLED) -> RoleDefinition | None:
        """Return one role by its GUID, None when there is none."""

    def denials(self, scope: str, principal: str = "", cancel: Cancel = NEVER_CANCELLED) -> Sequence[DenyAssignment]:
        """Return the deny assignments at a scope and above."""


class LogsReader(Protocol):
    """A Log Analytics workspace."""

    def query(self, kql: str, start: datetime, end: datetime, cancel: Cancel = NEVER_CANCELLED) -> LogTable:
        """Run KQL over rows of [start, end)."""


class RemoteReader(Protocol):
    """Hosts that speak TLS."""

    def certificates(
        self, host: str, port: int, server_name: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> tuple[tuple[bytes, ...], str]:
        """Return the certificates that a host presents (DER, as sent, not verified), and "TLSv1.3 TLS_AES_256_…".

        `server_name` is the name asked for (SNI); empty means `host`.
        """


class IdentityReader(Protocol):
    """The credential in use."""

    def whoami(self, cancel: Cancel = NEVER_CANCELLED) -> Identity:
        """Return who we are; fetches a token when there is none."""

    def own_policy(self) -> tuple[str, str, Secret] | None:
        """Return host, policy and key of the connection string that is the credential; None for other credentials."""


@dataclass
class CallMeter:
    """Counts calls to outside for the status line; written by gateways from any thread, read by the user interface."""

    calls: int = 0
    throttled: int = 0
    retries: int = 0
    in_flight: int = 0
    note: str = ""  # "retry 2 of 3 in 4 s", empty when nothing waits
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, *, calls: int = 0, throttled: int = 0, retries: int = 0, in_flight: int = 0) -> None:
        """Add to the counters."""
        with self._lock:
            self.calls += calls
            self.throttled += throttled
            self.retries += retries
            self.in_flight += in_flight

"""The one truth of the local hub: the cloud (subscription, principals, roles, activity) and its hubs."""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from console.localhub.provisioning_state import EnrollmentRecord, RegistrationRecord

Json = dict[str, Any]
NEVER = "0001-01-01T00:00:00Z"


class StoryClock:
    """The local hub's two times: the wall, which judges tokens, and the story, which logs and device times carry.

    The story begins at `start` when the process starts and runs at wall speed. `skew_seconds` shifts the time the
    services show (the Date header) and judge by, as a fault.
    """

    def __init__(self, start: datetime | None = None) -> None:
        now = datetime.now(UTC)
        self.start = (start or now.replace(second=0, microsecond=0)).astimezone(UTC)
        self._mono = time.monotonic()
        self.skew_seconds = 0.0

    def wall(self) -> datetime:
        """The machine's time in UTC, plus the skew."""
        return datetime.now(UTC) + timedelta(seconds=self.skew_seconds)

    def story(self) -> datetime:
        """The story's time in UTC."""
        return self.start + timedelta(seconds=time.monotonic() - self._mono)


@dataclass(frozen=True)
class Principal:
    """Somebody who can sign in at the token service with a client secret."""

    name: str  # operator, reader, nobody
    object_id: str
    client_id: str
    secret: str = field(repr=False)
    upn: str | None = None


@dataclass
class RoleAssignment:
    """Who has which role where. `role_id` is the GUID of the definition, `scope` a resource id or `/`.

    `created_by` is an object id.
    """

    name: str
    principal_id: str
    role_id: str
    scope: str
    principal_type: str = "ServicePrincipal"
    created: str = ""
    created_by: str = ""
    description: str = ""
    condition: str = ""


@dataclass
class GroupState:
    """A security group of the tenant; `members` are object ids of people, applications and other groups."""

    object_id: str
    name: str
    members: set[str] = field(default_factory=set)


@dataclass(slots=True)
class DeviceRecord:
    """A device identity with its twin. Times are ISO 8601 text, `NEVER` for never.

    `auth` is the registry's word: sas, selfSigned, certificateAuthority. Counters make the ETags.
    """

    device_id: str
    generation_id: str
    auth: str = "sas"
    primary_key: str | None = None
    secondary_key: str | None = None
    primary_thumbprint: str | None = None
    secondary_thumbprint: str | None = None
    status: str = "enabled"
    status_reason: str | None = None
    status_updated: str = NEVER
    connection_state: str = "Disconnected"
    connection_updated: str = NEVER
    last_activity: str = NEVER
    c2d_count: int = 0
    edge: bool = False
    scope: str = ""
    parent_scopes: list[str] = field(default_factory=list)
    tags: Json = field(default_factory=dict)
    desired: Json = field(default_factory=dict)
    reported: Json = field(default_factory=dict)
    desired_version: int = 1
    reported_version: int = 1
    twin_updated: str = NEVER
    model_id: str = ""
    identity_counter: int = 1
    twin_counter: int = 1
    reported_changes: int = 0
    modules: dict[str, ModuleRecord] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """The identity's ETag: the base64 of a counter, as the service's look like."""
        return base64.b64encode(str(self.identity_counter).encode()).decode()

    @property
    def twin_etag(self) -> str:
        """The twin's ETag: eight bytes of a counter in base64 (`AAAAAAAAAAE=`)."""
        return base64.b64encode(self.twin_counter.to_bytes(8, "big")).decode()

    @property
    def twin_version(self) -> int:
        """The twin's version: counts what devices report, too, which the ETag does not (a guess: published twins have
        versions well above their ETags, and a back end could hardly write the twin of a busy device otherwise).
        """
        return self.twin_counter + self.reported_changes


@dataclass(slots=True)
class ModuleRecord(DeviceRecord):
    """A module identity of a device: the same fields, and who manages it."""

    module_id: str = ""
    managed_by: str | None = None


@dataclass
class AccessPolicy:
    """A shared access policy of the hub; `rights` is a subset of the four rights, in the service's order."""

    name: str
    rights: tuple[str, ...]
    primary_key: str
    secondary_key: str


RIGHTS = ("RegistryRead", "RegistryWrite", "ServiceConnect", "DeviceConnect")
DPS_RIGHTS = (
    "ServiceConfig",
    "DeviceConnect",
    "EnrollmentRead",
    "EnrollmentWrite",
    "RegistrationStatusRead",
    "RegistrationStatusWrite",
)


def new_key(random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Return 32 random bytes in base64, the shape of the hub's keys."""
    return base64.b64encode(random_bytes(32)).decode()


@dataclass
class HubState:
    """One hub. `resource` is its ARM body without keys and read-only lists; guard every access by `lock`.

    `devices` keeps insertion order. `ghosts` are ids that the query index still shows after a delete, with the wall
    time in seconds at which they vanish. `certificates` are ARM bodies by name, `certificate_ders` their DER bytes.
    """

    name: str
    arm_id: str
    host: str
    resource: Json
    policies: dict[str, AccessPolicy] = field(default_factory=dict)
    devices: dict[str, DeviceRecord] = field(default_factory=dict)
    certificates: dict[str, Json] = field(default_factory=dict)
    certificate_ders: dict[str, bytes] = field(default_factory=dict)
    private_endpoint_connections: list[Json] = field(default_factory=list)
    diagnostic_settings: dict[str, Json] = field(default_factory=dict)
    ghosts: dict[str, tuple[DeviceRecord, float]] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock, repr=False)
    metric_history: dict[str, list[tuple[datetime, float]]] = field(default_factory=dict)
    network_changed: int = 0  # counts writes of network rules; the door caches by it


@dataclass
class ProvisioningState:
    """One provisioning service (DPS). `resource` is its ARM body without keys; guard every access by the cloud's lock.

    `policies` have rights of `DPS_RIGHTS`. `links` are the connection strings of the linked hubs by lower-case host
    name; in `resource` a linked hub has none. `enrollments` and `registrations` are by registration id (lower case),
    `groups` by their id. `certificates` are ARM bodies by name, `certificate_ders` their DER bytes.
    """

    name: str
    arm_id: str
    resource: Json
    policies: dict[str, AccessPolicy] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict, repr=False)
    enrollments: dict[str, EnrollmentRecord] = field(default_factory=dict)
    groups: dict[str, EnrollmentRecord] = field(default_factory=dict)
    registrations: dict[str, RegistrationRecord] = field(default_factory=dict)
    certificates: dict[str, Json] = field(default_factory=dict)
    certificate_ders: dict[str, bytes] = field(default_factory=dict)
    diagnostic_settings: dict[str, Json] = field(default_factory=dict)

    @property
    def id_scope(self) -> str:
        """The id scope that devices name."""
        return str((self.resource.get("properties") or {}).get("idScope") or "")

    @property
    def host(self) -> str:
        """The host name of the service API."""
        return str((self.resource.get("properties") or {}).get("serviceOperationsHostName") or "")


@dataclass
class Workspace:
    """A Log Analytics workspace; `customer_id` is the GUID that queries name."""

    name: str
    arm_id: str
    customer_id: str
    location: str = "westeurope"


@dataclass
class ActivityEvent:
    """One event of the activity log: an ARM write by somebody."""

    time: datetime
    operation: str  # Microsoft.Devices/IotHubs/Write
    resource_id: str
    caller: str
    caller_object_id: str
    address: str
    status: str  # Started, Succeeded, Failed
    sub_status: str = ""
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    properties: Json = field(default_factory=dict)


@dataclass
class Cloud:
    """Everything on loopback; guard every access by `lock`."""

    clock: StoryClock
    subscription_id: str
    tenant_id: str
    resource_group: str
    location: str = "westeurope"
    hubs: dict[str, HubState] = field(default_factory=dict)  # by lower-case name
    provisioning: dict[str, ProvisioningState] = field(default_factory=dict)  # by lower-case name
    private_endpoints: dict[str, Json] = field(default_factory=dict)  # ARM bodies, by lower-case id
    workspaces: dict[str, Workspace] = field(default_factory=dict)  # by customer id
    principals: dict[str, Principal] = field(default_factory=dict)  # by object id
    role_definitions: dict[str, Json] = field(default_factory=dict)  # by GUID, ARM bodies
    role_assignments: dict[str, RoleAssignment] = field(default_factory=dict)  # by GUID
    groups: dict[str, GroupState] = field(default_factory=dict)  # by object id
    deny_assignments: dict[str, Json] = field(default_factory=dict)  # by GUID, ARM bodies
    activity: list[ActivityEvent] = field(default_factory=list)
    log_ip_rejections: bool = True
    lock: RLock = field(default_factory=RLock, repr=False)
    listeners: list[Callable[[HubState, str], None]] = field(default_factory=list)

    def hub_by_host(self, host: str) -> HubState | None:
        """Return the hub that answers for a host name; `localhost` and 127.0.0.1 mean the only or first hub."""
        name = host.partition(":")[0].casefold()
        for hub in self.hubs.values():
            if hub.host.casefold() == name:
                return hub
        if name in {"localhost", "127.0.0.1"} and self.hubs:
            return next(iter(self.hubs.values()))
        return None

    def provisioning_by_host(self, host: str) -> ProvisioningState | None:
        """Return the service whose service API answers for a host name; `localhost` means the only or first one."""
        name = host.partition(":")[0].casefold()
        for service in self.provisioning.values():
            if service.host.casefold() == name:
                return service
        if name in {"localhost", "127.0.0.1"} and self.provisioning:
            return next(iter(self.provisioning.values()))
        return None

    def provisioning_by_scope(self, id_scope: str) -> ProvisioningState | None:
        """Return the service that has an id scope; case does not count."""
        wanted = id_scope.casefold()
        return next((one for one in self.provisioning.values() if one.id_scope.casefold() == wanted), None)

    def notify(self, hub: HubState, what: str) -> None:
        """Tell listeners what changed: network, device:<id>, twin:<id>, policies, certificates or diagnostics."""
        for listener in list(self.listeners):
            listener(hub, what)

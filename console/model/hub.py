"""The hub as a resource: what it is and what it exposes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class IpRule:
    """A rule of `networkRuleSets`: allow-only, unordered; `mask` is an IPv4 address or CIDR range."""

    name: str
    mask: str


@dataclass(frozen=True)
class Exposure:
    """Who can reach the hub. `None` means the service did not say.

    With `public_access` False all IP rules are ignored. `built_in_endpoint_filtered` False leaves the built-in Event
    Hubs endpoint open to every address. `classic_rules` counts retired `ipFilterRules`.
    """

    public_access: bool | None = None
    default_deny: bool | None = None
    ip_rules: tuple[IpRule, ...] = ()
    built_in_endpoint_filtered: bool | None = None
    classic_rules: int = 0
    private_endpoints_approved: int = 0
    private_endpoints_pending: int = 0
    min_tls_version: str | None = None
    local_auth_disabled: bool | None = None
    device_sas_disabled: bool | None = None
    module_sas_disabled: bool | None = None


@dataclass(frozen=True)
class Hub:
    """An IoT Hub. `arm_id` is the whole resource id; `units` is the SKU's capacity."""

    arm_id: str
    name: str
    host: str
    location: str
    sku: str
    units: int
    state: str
    etag: str
    exposure: Exposure
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def subscription_id(self) -> str:
        """The subscription in `arm_id`."""
        return arm_segment(self.arm_id, "subscriptions")

    @property
    def resource_group(self) -> str:
        """The resource group in `arm_id`."""
        return arm_segment(self.arm_id, "resourceGroups")


def arm_segment(arm_id: str, key: str) -> str:
    """Return the value after `key` in a resource id, compared without case; empty when absent."""
    parts = arm_id.strip("/").split("/")
    for name, value in pairwise(parts):
        if name.casefold() == key.casefold():
            return value
    return ""


@dataclass(frozen=True)
class HubCertificate:
    """A CA certificate uploaded to the hub; only a verified one lets devices in. `der`: empty where it was not told.

    `unread` is why the certificate itself cannot be read here, empty when it can, or nobody looked.
    """

    name: str
    subject: str
    thumbprint: str
    expires: datetime | None
    verified: bool
    der: bytes = field(default=b"", repr=False)
    unread: str = ""


@dataclass(frozen=True)
class DiagnosticSetting:
    """Where the hub's resource logs go. `workspace_arm_id` is empty when they go elsewhere than to Log Analytics."""

    name: str
    workspace_arm_id: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class ActivityEntry:
    """One control-plane event of the activity log: who did what, from where, with what result.

    `summary` is what it changed, where the log tells ("IP rule "lyon" removed"); `caller_id` is the caller's object id.
    """

    time: datetime
    operation: str
    caller: str
    caller_address: str
    status: str
    summary: str = ""
    caller_id: str = ""


@dataclass(frozen=True)
class Identity:
    """Who we are to Azure: how we signed in and the identity behind it (user name, application or object id)."""

    source: str  # "Azure CLI", "managed identity", "client secret", "connection string"
    name: str
    object_id: str = ""
    tenant_id: str = ""


@dataclass(frozen=True)
class MetricSeries:
    """A platform metric over time: (UTC time, value) points; a value is None where the platform has none."""

    name: str
    points: tuple[tuple[datetime, float | None], ...]

    @property
    def last(self) -> float | None:
        """The newest value there is."""
        return next((value for _, value in reversed(self.points) if value is not None), None)

"""Device identities as the registry and the twin query describe them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuthType(StrEnum):
    """How a device proves who it is.

    The registry's own words are sas, selfSigned, certificateAuthority and none; a thumbprint's length tells its hash
    (40 hex digits SHA-1, 64 SHA-256).
    """

    SAS = "sas"
    THUMBPRINT_SHA256 = "thumbprint-sha256"
    THUMBPRINT_SHA1 = "thumbprint-sha1"
    THUMBPRINT_MISSING = "thumbprint-missing"  # selfSigned without any thumbprint: can never authenticate
    CA = "ca"
    NONE = "none"
    UNKNOWN = "unknown"


SHA1_DIGITS = 40


def auth_type(registry_word: str | None, thumbprints: tuple[str, ...] = ()) -> AuthType:
    """Return the auth type from the registry's word and the registered thumbprints (the weakest one decides)."""
    word = (registry_word or "").casefold()
    if word == "sas":
        return AuthType.SAS
    if word == "certificateauthority":
        return AuthType.CA
    if word == "none":
        return AuthType.NONE
    if word == "selfsigned":
        lengths = {len(print_) for print_ in thumbprints if print_}
        if not lengths:
            return AuthType.THUMBPRINT_MISSING
        return AuthType.THUMBPRINT_SHA1 if SHA1_DIGITS in lengths else AuthType.THUMBPRINT_SHA256
    return AuthType.UNKNOWN


class DeviceStatus(StrEnum):
    """Whether the identity may connect."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


class ConnectionState(StrEnum):
    """The hub's view of the connection: MQTT and AMQP only, up to five minutes late."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Device:
    """A row of the fleet: what one twin query tells, without reading any key.

    `last_activity` is None for "never". `thumbprints` is (primary, secondary), each possibly empty. `tags` are
    flattened twin tags as (path, text) pairs, `("site", "lyon")`.
    """

    device_id: str
    status: DeviceStatus
    auth: AuthType
    connection: ConnectionState
    last_activity: datetime | None
    status_reason: str = ""
    edge: bool = False
    thumbprints: tuple[str, str] = ("", "")
    etag: str = ""  # of the identity (the twin's deviceEtag)
    tags: tuple[tuple[str, str], ...] = ()

    def tag(self, path: str) -> str:
        """Return the text of one tag, empty when there is none."""
        return next((value for name, value in self.tags if name == path), "")


@dataclass(frozen=True)
class DeviceDetail:
    """One device read afresh: identity and twin. Keys are not kept; only which slots are filled.

    `keys_filled` is (primary, secondary); `keys_equal` is None when not both are filled. `twin_json` is the whole twin,
    indented and cleaned line by line.
    """

    device: Device
    generation_id: str = ""
    status_updated: datetime | None = None
    connection_updated: datetime | None = None
    c2d_messages: int = 0
    keys_filled: tuple[bool, bool] = (False, False)
    keys_equal: bool | None = None
    scope: str = ""
    parent_scopes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    twin_json: str = ""
    twin_version: int | None = None


@dataclass(frozen=True)
class FleetCounts:
    """Counts of the whole fleet, grouped by the hub itself (eventually consistent: they may count deleted devices)."""

    total: int
    by_auth: tuple[tuple[AuthType, int], ...]
    by_status: tuple[tuple[DeviceStatus, int], ...]
    by_connection: tuple[tuple[ConnectionState, int], ...]
    unseen_30_days: int | None = None

"""A device identity as the registry writes it, read for planning: its keys, thumbprints, and what is known of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from console.model.clock import format_time, parse_time
from console.model.device import AuthType, auth_type
from console.model.document import Document, Json, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean

AUTH_WORDS: dict[AuthType, str] = {
    AuthType.SAS: "by symmetric key (SAS)",
    AuthType.THUMBPRINT_SHA256: "by certificate thumbprint (SHA-256)",
    AuthType.THUMBPRINT_SHA1: "by certificate thumbprint (SHA-1)",
    AuthType.THUMBPRINT_MISSING: "by certificate thumbprint, though none is registered",
    AuthType.CA: "by X.509 CA",
    AuthType.NONE: "in no way at all",
    AuthType.UNKNOWN: "in a way that this version does not know",
}


def target_of(device_id: str) -> Target:
    """Return the target of a device's identity."""
    return Target(TargetKind.DEVICE, device_id)


class Identity:
    """A view of an identity's body; missing members read as empty."""

    def __init__(self, device_id: str, document: Document) -> None:
        self.device_id = device_id
        self.document = document
        self.body: Json = document.body

    @property
    def status(self) -> str:
        """The status word in lower case."""
        return str(self.body.get("status") or "").casefold()

    @property
    def reason(self) -> str:
        """The status reason as it stands there: not clean."""
        return str(self.body.get("statusReason") or "")

    @property
    def auth(self) -> AuthType:
        """How the device authenticates."""
        return auth_type(str(_mapping(self.body, "authentication").get("type") or ""), self.thumbprints)

    @property
    def keys(self) -> tuple[Secret | None, Secret | None]:
        """The primary and the secondary key."""
        return (self._key("primaryKey"), self._key("secondaryKey"))

    @property
    def thumbprints(self) -> tuple[str, str]:
        """The primary and the secondary thumbprint, empty where there is none."""
        prints = _mapping(_mapping(self.body, "authentication"), "x509Thumbprint")
        return (str(prints.get("primaryThumbprint") or ""), str(prints.get("secondaryThumbprint") or ""))

    @property
    def connected(self) -> bool:
        """Whether the hub holds the device for connected."""
        return str(self.body.get("connectionState") or "").casefold() == "connected"

    @property
    def connection_since(self) -> datetime | None:
        """When the connection state last changed."""
        return parse_time(self.body.get("connectionStateUpdatedTime"))

    @property
    def last_activity(self) -> datetime | None:
        """When the device last did anything; None for never."""
        return parse_time(self.body.get("lastActivityTime"))

    @property
    def edge(self) -> bool:
        """Whether it is an IoT Edge device."""
        return bool(_mapping(self.body, "capabilities").get("iotEdge"))

    def known(self, now: datetime) -> list[tuple[str, str]]:
        """Return what is known of the device, for the effect of a plan."""
        last = self.last_activity
        state = "connected" if self.connected else "not connected"
        active = "never active" if last is None else f"last activity {_ago(now - last)} ({format_time(last)})"
        facts = [("device", f"{state} (up to 5 min late, MQTT and AMQP only), {active}")]
        facts.append(("signs in", AUTH_WORDS[self.auth] + (", IoT Edge device" if self.edge else "")))
        if self.status == "disabled":
            facts.append(("status", "disabled" + (f": {clean(self.reason, limit=128)}" if self.reason else "")))
        return facts

    def require(self, what: str, *wanted: AuthType) -> None:
        """Raise ConsoleError BAD_INPUT (code "auth-type") when the device authenticates in another way."""
        if self.auth not in wanted:
            why = f"it signs in {AUTH_WORDS[self.auth]}"
            raise ConsoleError(ErrorKind.BAD_INPUT, f"{what}: not possible", why, code="auth-type")

    def _key(self, name: str) -> Secret | None:
        value = _mapping(_mapping(self.body, "authentication"), "symmetricKey").get(name)
        return value if isinstance(value, Secret) and value else None


def nested(body: Json, *names: str) -> Json:
    """Return the object at a path inside a body that is to be edited, made where there is none."""
    for name in names:
        found = body.get(name)
        if not isinstance(found, dict):
            found = body[name] = {}
        body = found
    return body


def _mapping(body: Json, name: str) -> Json:
    value: Any = body.get(name)
    return value if isinstance(value, dict) else {}


def _ago(age: timedelta) -> str:
    minutes = max(int(age.total_seconds() // 60), 0)
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} d ago"

"""Identity bodies of devices and modules: what is allowed in them, and the records they make."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from console.localhub.registry_errors import RegistryError, argument_invalid
from console.localhub.state import DeviceRecord, Json, ModuleRecord, new_key

# Letters and marks of an id: the registry's list, plus the two that only the twin's description names.
_ID = re.compile(r"[A-Za-z0-9\-.+%_#*?!(),=@$':;]{1,128}")
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
_AUTH_TYPES = {word.casefold(): word for word in ("sas", "selfSigned", "certificateAuthority", "none")}
STATUSES = {"enabled", "disabled"}
REASON_LIMIT = 128
KEY_BYTES = range(16, 65)
_TICKS_BEFORE_1970 = 62_135_596_800


@dataclass(frozen=True)
class Credentials:
    """How an identity proves itself: the registry's word, two keys, two thumbprints."""

    auth: str = "sas"
    primary_key: str | None = None
    secondary_key: str | None = None
    primary_thumbprint: str | None = None
    secondary_thumbprint: str | None = None

    def put_into(self, record: DeviceRecord) -> None:
        """Replace the record's credentials by these."""
        record.auth = self.auth
        record.primary_key = self.primary_key
        record.secondary_key = self.secondary_key
        record.primary_thumbprint = self.primary_thumbprint
        record.secondary_thumbprint = self.secondary_thumbprint


@dataclass(frozen=True)
class DeviceSpec:
    """A validated device body; what it leaves out has its default, since a write replaces the whole identity."""

    credentials: Credentials
    status: str = "enabled"
    status_reason: str | None = None
    edge: bool = False
    scope: str = ""
    parent_scopes: tuple[str, ...] = ()


def check_id(identifier: str, kind: str = "device") -> None:
    """Raise 400 unless it is a device or module id: 1 to 128 ASCII letters, digits and the service's marks."""
    if not _ID.fullmatch(identifier):
        raise argument_invalid(f"The {kind} identifier is not valid.")


def device_spec(body: Json) -> DeviceSpec:
    """Return what a device body says. Raises 400 for a value the service refuses."""
    status = _text(body, "status") or "enabled"
    if status.casefold() not in STATUSES:
        raise argument_invalid(f"Device status '{status}' is not valid.")
    reason = _text(body, "statusReason")
    if reason is not None and len(reason) > REASON_LIMIT:
        raise argument_invalid(f"StatusReason is longer than {REASON_LIMIT} characters.")
    capabilities = _object(body, "capabilities")
    edge = capabilities.get("iotEdge", False)
    if edge is not None and not isinstance(edge, bool):
        raise argument_invalid("capabilities.iotEdge must be a boolean.")
    parents = body.get("parentScopes") or []
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise argument_invalid("parentScopes must be a list of scopes.")
    found = credentials(body, module=False)
    return DeviceSpec(found, status.casefold(), reason, bool(edge), _text(body, "deviceScope") or "", tuple(parents))


def credentials(body: Json, *, module: bool) -> Credentials:
    """Return the credentials of an identity body; an omitted `authentication` means new keys.

    Raises 400 ArgumentInvalid: DeviceAuthenticationTypeIsMissing for type none on a device, a wrong key length, one key
    without the other, a thumbprint that is neither 40 nor 64 hex digits (as observed on the real service).
    """
    mechanism = _object(body, "authentication")
    keys = _object(mechanism, "symmetricKey")
    prints = _object(mechanism, "x509Thumbprint")
    thumbprints = (_thumbprint(prints, "primaryThumbprint"), _thumbprint(prints, "secondaryThumbprint"))
    word = _text(mechanism, "type") or ("selfSigned" if any(thumbprints) else "sas")
    auth = _AUTH_TYPES.get(word.casefold())
    if auth is None:
        raise argument_invalid(f"Authentication type '{word}' is not valid.")
    if auth == "none":
        if not module:
            raise argument_invalid("DeviceAuthenticationTypeIsMissing")
        auth = "sas"
    if auth == "selfSigned":
        return Credentials(auth, None, None, *thumbprints)
    if auth == "certificateAuthority":
        return Credentials(auth)
    primary, secondary = _key(keys, "primaryKey"), _key(keys, "secondaryKey")
    if (primary is None) != (secondary is None):
        raise argument_invalid("Either no keys or both keys can be set")
    return Credentials(auth, primary or new_key(), secondary or new_key())


def new_device(device_id: str, spec: DeviceSpec, now: datetime) -> DeviceRecord:
    """Return the record of a new device; an edge device gets its scope and its two system modules."""
    record = DeviceRecord(device_id, generation_id(now), twin_updated=_stamp(now))
    record.identity_counter = first_counter()
    spec.credentials.put_into(record)
    record.status, record.status_reason = spec.status, spec.status_reason
    record.scope, record.parent_scopes = spec.scope, list(spec.parent_scopes)
    if spec.edge:
        make_edge(record, now)
    return record


def make_edge(record: DeviceRecord, now: datetime) -> None:
    """Turn a device into an edge device."""
    record.edge = True
    record.scope = f"ms-azure-iot-edge://{record.device_id}-{record.generation_id}"
    for name in ("$edgeAgent", "$edgeHub"):
        module = new_module(record.device_id, name, Credentials("none"), "iotEdge", now)
        record.modules.setdefault(name, module)


def new_module(
    device_id: str, module_id: str, found: Credentials, managed_by: str | None, now: datetime
) -> ModuleRecord:
    """Return the record of a new module."""
    module = ModuleRecord(device_id, generation_id(now), twin_updated=_stamp(now), module_id=module_id)
    module.managed_by = managed_by
    module.identity_counter = first_counter()
    found.put_into(module)
    return module


def generation_id(now: datetime) -> str:
    """Return a generation id: the time in ticks of 100 ns since year 1, as the service's are."""
    return str(int((now.timestamp() + _TICKS_BEFORE_1970) * 10_000_000) + secrets.randbelow(10))


def first_counter() -> int:
    """Return where a new identity's ETag begins: anywhere, so that one made again never has its predecessor's ETag."""
    return 1 + secrets.randbelow(10**9)


def text_of(body: Json, name: str) -> str | None:
    """Return a text of a body, None when it is absent or null; raises 400 for any other kind of value."""
    return _text(body, name)


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _text(body: Json, name: str) -> str | None:
    value: Any = body.get(name)
    if value is not None and not isinstance(value, str):
        raise argument_invalid(f"{name} must be a string.")
    return value


def _object(body: Json, name: str) -> Json:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RegistryError(400, "IotHubFormatError", f"{name} must be a JSON object.")
    return value


def _key(keys: Json, name: str) -> str | None:
    text = _text(keys, name)
    if not text:
        return None
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise argument_invalid("Invalid device key") from None
    if len(raw) not in KEY_BYTES:
        raise argument_invalid("Invalid device key length")
    return text


def _thumbprint(prints: Json, name: str) -> str | None:
    text = _text(prints, name)
    if not text:
        return None
    if not _THUMBPRINT.fullmatch(text):
        raise argument_invalid(f"StringIsNotThumbprint: {name}")
    return text

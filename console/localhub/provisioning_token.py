"""The signature by which a device proves to a provisioning service that it has its key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

_SCHEME = "sharedaccesssignature"
_KEY_NAME = "registration"


@dataclass(frozen=True)
class RegistrationToken:
    """A shared access signature as a device sent it; `signed` is what the signature is of, `resource` is decoded."""

    resource: str
    signed: bytes
    signature: bytes
    expires: datetime

    def is_for(self, id_scope: str, registration_id: str) -> bool:
        """Say whether it names this registration: `{idScope}/registrations/{id}`, case does not count."""
        return self.resource.casefold() == f"{id_scope}/registrations/{registration_id}".casefold()

    def fits(self, keys: Iterable[str | None]) -> bool:
        """Say whether one of the keys (base64) made the signature."""
        found = False
        for key in keys:
            raw = key_bytes(key)
            if raw:
                found |= hmac.compare_digest(hmac.new(raw, self.signed, hashlib.sha256).digest(), self.signature)
        return found


def read_token(text: str | None) -> RegistrationToken | None:
    """Return the token of `SharedAccessSignature sr=...&sig=...&se=...&skn=registration`, None for anything else.

    Parameters come in any order. `skn` may be left out: the Python client writes it, older C clients over MQTT do not.
    """
    scheme, _, rest = (text or "").strip().partition(" ")
    if scheme.casefold() != _SCHEME:
        return None
    found: dict[str, str] = {}
    for part in rest.strip().split("&"):
        name, equals, value = part.partition("=")
        if not equals or name in found:
            return None
        found[name] = value
    if unquote(found.get("skn") or _KEY_NAME).casefold() != _KEY_NAME:
        return None
    try:
        expires = datetime.fromtimestamp(int(found["se"]), UTC)
        signature = base64.b64decode(unquote(found["sig"]), validate=True)
        signed = f"{found['sr']}\n{found['se']}".encode()
    except (KeyError, ValueError, OverflowError, OSError):
        return None
    return RegistrationToken(unquote(found["sr"]).strip("/"), signed, signature, expires)


def key_bytes(key: str | None) -> bytes:
    """Return the bytes of a key in base64; none when it is not base64."""
    try:
        return base64.b64decode(key or "", validate=True)
    except (binascii.Error, ValueError):
        return b""


def derived_key(group_key: str | None, registration_id: str) -> str:
    """Return a device's key of a group: base64 of HMAC-SHA256 over the registration id, by the group's key."""
    raw = hmac.new(key_bytes(group_key), registration_id.encode(), hashlib.sha256).digest()
    return base64.b64encode(raw).decode()

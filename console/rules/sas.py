"""Minting shared access signatures, and what a resource covers.

The string to sign is the encoded resource, a line feed and the expiry in seconds (azure-iot-hub signs the same).
"""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote_plus

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret

SCHEME = "SharedAccessSignature"
SHORTEST_KEY = 16  # bytes; device keys are 16 to 64 bytes (registry facts)
LONGEST_KEY = 64
USUAL_KEYS = (16, 32, 64)
"""The lengths of keys that services and tools make; one that was cut at its end is still base64, and shorter."""


def decode_key(key: Secret) -> bytes:
    """Return the bytes of a base64 key.

    Raises:
        ConsoleError: BAD_INPUT when it is not strict base64 or not 16 to 64 bytes long.
    """
    try:
        raw = binascii.a2b_base64(key.reveal().strip(), strict_mode=True)
    except (binascii.Error, ValueError):
        raise ConsoleError(
            ErrorKind.BAD_INPUT, "The key cannot be used", "it is not base64", "Copy it again, to the last character"
        ) from None
    if not SHORTEST_KEY <= len(raw) <= LONGEST_KEY:
        raise ConsoleError(
            ErrorKind.BAD_INPUT,
            "The key cannot be used",
            f"it is {len(raw)} bytes long; IoT Hub's keys have {SHORTEST_KEY} to {LONGEST_KEY}",
            "Copy it again, to the last character",
        )
    return raw


def resource_uri(host: str, device_id: str = "", module_id: str = "") -> str:
    """Return the resource a token is for: hub, device or module, not yet percent-encoded."""
    uri = host.strip()
    if device_id:
        uri += "/devices/" + device_id
        if module_id:
            uri += "/modules/" + module_id
    return uri


def mint(resource: str, key: Secret, expires: datetime, policy: str = "") -> Secret:
    """Return a token for `resource` that ends at `expires` (UTC, whole seconds), signed by `key`.

    `policy` is the shared access policy the key belongs to; leave it empty for a device's own key.

    Raises:
        ConsoleError: BAD_INPUT when the key is not usable.
    """
    raw = decode_key(key)
    return signed_by(lambda text: hmac.digest(raw, text, "sha256"), resource, expires, policy)


def signed_by(signer: Callable[[bytes], bytes], resource: str, expires: datetime, policy: str = "") -> Secret:
    """Return a token whose signature comes from elsewhere: `signer` makes the HMAC-SHA256 of what it is given."""
    encoded = quote_plus(resource)
    expiry = int(expires.timestamp())
    signature = binascii.b2a_base64(signer(f"{encoded}\n{expiry}".encode()), newline=False).decode()
    quoted = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")  # all that base64 has to quote
    token = f"{SCHEME} sr={encoded}&sig={quoted}&se={expiry}"
    return Secret(f"{token}&skn={quote_plus(policy)}" if policy else token)


def covers(token_resource: str, wanted: str) -> bool:
    """Return whether a token for one resource is good for another: the same, or a path below it, segment by segment.

    Host names are compared without case, ids with case (`/a/b` covers `/a/b/c`, not `/a/bc`).
    """
    have = token_resource.strip("/").split("/")
    want = wanted.strip("/").split("/")
    have[0], want[0] = have[0].casefold(), want[0].casefold()
    return want[: len(have)] == have

"""Keys of single devices, derived from the key of an enrollment group."""

from __future__ import annotations

import base64
import hashlib
import hmac

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret


def derive(group_key: Secret, registration_id: str) -> Secret:
    """Return the key of one device of a symmetric-key group: base64(HMAC-SHA256(base64decode(key), registration id)).

    The id counts as written: the device must register with the very same letters. (Azure's document "Symmetric key
    attestation", group enrollments.) Raises ConsoleError BAD_INPUT when the key is not base64.
    """
    key = key_bytes(group_key, "The device's key cannot be derived")
    digest = hmac.new(key, registration_id.encode(), hashlib.sha256).digest()
    return Secret(base64.b64encode(digest).decode("ascii"))


def key_bytes(key: Secret, what: str) -> bytes:
    """Return the bytes of a symmetric key; `what` begins the sentence.

    The service takes 16 to 64 bytes in base64 (Azure's document "Symmetric key attestation"). Raises ConsoleError
    BAD_INPUT (code "usage").
    """
    try:
        raw = base64.b64decode(key.reveal().strip(), validate=True)
    except ValueError:
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "the key is not base64", "Copy it again", code="usage") from None
    if not 16 <= len(raw) <= 64:
        why = f"the key has {len(raw)} bytes, 16 to 64 are allowed"
        raise ConsoleError(
            ErrorKind.BAD_INPUT, what, why, "Copy it again, with the equals sign at its end", code="usage"
        )
    return raw

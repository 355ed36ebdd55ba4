"""New keys, as the hub itself makes them."""

from __future__ import annotations

import base64
import secrets

KEY_BYTES = 32


def new_key() -> str:
    """Return 32 random bytes in base64: the shape of the keys that the hub mints (observed)."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()

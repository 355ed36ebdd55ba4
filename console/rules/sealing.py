"""Keys encrypted under a passphrase, so that an undo may bring them back: scrypt and AES-256-GCM."""

from __future__ import annotations

import base64
import binascii
import json
import os

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret

_SALT, _NONCE, _TAG = 16, 12, 16
_SCRYPT = {"n": 2**15, "r": 8, "p": 1}
_VERSION = b"hubwarden-sealed-1"


def seal(keys: dict[str, str], passphrase: Secret) -> str:
    """Return keys by fingerprint as text that only the passphrase opens (base64 of salt, nonce, cipher text)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    text = json.dumps(keys).encode()
    return base64.b64encode(salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, text, _VERSION)).decode()


def unseal(sealed: str, passphrase: Secret) -> dict[str, Secret]:
    """Return the keys by fingerprint. Raises ConsoleError BAD_INPUT when the passphrase is another or it is damaged."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    what = "The sealed keys could not be opened"
    try:
        raw = base64.b64decode(sealed, validate=True)
        salt, nonce, text = raw[:_SALT], raw[_SALT : _SALT + _NONCE], raw[_SALT + _NONCE :]
        keys = json.loads(AESGCM(_key(passphrase, salt)).decrypt(nonce, text, _VERSION))
    except InvalidTag:
        raise ConsoleError(
            ErrorKind.BAD_INPUT, what, "the passphrase is another one, or they were changed", "Check seal_from"
        ) from None
    except (ValueError, binascii.Error):
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "they are damaged", "Restore the journal from a copy") from None
    return {str(name): Secret(str(value)) for name, value in keys.items()}


def _key(passphrase: Secret, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, **_SCRYPT).derive(passphrase.reveal().encode())

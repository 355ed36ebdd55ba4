"""Fernet, the symmetric payload encryption outside the hub's model: making tokens, opening them, saying why not.

A token is the version 0x80, the time in seconds (8 bytes), the IV (16), AES-128-CBC of the padded text, and the
HMAC-SHA256 over all of that (github.com/fernet/spec); a key is 16 bytes to sign and 16 to encrypt.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.model.payload import PayloadFault
from console.model.secret import Secret

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_BYTES = 32
VERSION = 0x80
HEAD = 1 + 8 + 16  # version, time, IV
BLOCK = 16
MAC = 32
SHORTEST = HEAD + BLOCK + MAC
MAX_SKEW = 60
"""Seconds by which a token's time may lie ahead when its age is checked (the Fernet specification's figure)."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some editors begin a file with it

_LETTERS = re.compile(rb"[A-Za-z0-9_-]*")


class PayloadError(Exception):
    """A token could not be opened: which fault, and a sentence without a full stop."""

    def __init__(self, fault: PayloadFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message


@dataclass(frozen=True)
class Opened:
    """What was in a token: the text, when it was made (seconds), and which key (index) opened it."""

    data: bytes
    made: int
    key: int


def new_key() -> Secret:
    """Return a new key."""
    from cryptography.fernet import Fernet

    return Secret(Fernet.generate_key().decode("ascii"))


def key_problem(text: str) -> str:
    """Return why text is no Fernet key, without showing it; empty when it is one."""
    if not text:
        return "it is empty"
    if not text.isascii():
        return "a character in it is not ASCII"
    plain = text.translate(str.maketrans("+/", "-_"))
    try:
        raw = base64.b64decode(plain.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        if len(text) != 44:
            return f"it has {len(text)} characters; a key has 44 (base64 of {KEY_BYTES} bytes)"
        return "it is not base64"
    if len(raw) != KEY_BYTES:
        return f"it is {len(raw)} bytes long; a key has {KEY_BYTES}"
    return ""


class Keyring:
    """Keys, the newest first: it encrypts with the first and opens with any of them."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        from cryptography.fernet import Fernet

        plain = [key.reveal().strip().translate(str.maketrans("+/", "-_")) for key in keys]
        self._raw = [base64.urlsafe_b64decode(text) for text in plain]
        self._fernets: list[Fernet] = [Fernet(text) for text in plain]
        self.opened = [0] * len(plain)  # how many tokens each key has opened so far

    def encrypt(self, data: bytes, now: int) -> bytes:
        """Return a token made with the newest key."""
        return self._fernets[0].encrypt_at_time(data, now)

    def decrypt(self, token: bytes, now: int, ttl: int | None = None) -> Opened:
        """Return what is in a token.

        `ttl`: the oldest it may be, in seconds; then one from more than a minute ahead is refused too. Raises
        PayloadError. It opens what `cryptography`'s MultiFernet opens, but for tokens with characters that base64 does
        not have: that one skips them, the specification refuses them.
        """
        token = token.removeprefix(BYTE_ORDER_MARK).strip()
        raw = _structure(token)
        opened = self._open(token)
        if opened is None:
            raise self._why(raw, now)
        made = int.from_bytes(raw[1:9], "big")
        data, index = opened
        self.opened[index] += 1
        if ttl is not None:
            if made + ttl < now:
                raise PayloadError(
                    PayloadFault.EXPIRED, f"expired: made {_moment(made)}, {now - made:,} s ago; {ttl:,} s are allowed"
                )
            if now + MAX_SKEW < made:
                message = f"from the future: made {_moment(made)}, {made - now:,} s ahead of this clock"
                raise PayloadError(PayloadFault.FUTURE, message)
        return Opened(data, made, index)

    def rotate(self, token: bytes, now: int, ttl: int | None = None) -> bytes:
        """Return the same content under the newest key, its time kept. Raises PayloadError."""
        opened = self.decrypt(token, now, ttl)
        return self._fernets[0].encrypt_at_time(opened.data, opened.made)

    # --- inside -------------------------------------------------------------------------------------------------

    def _open(self, token: bytes) -> tuple[bytes, int] | None:
        from cryptography.fernet import InvalidToken

        for index, fernet in enumerate(self._fernets):
            try:
                return fernet.decrypt(token), index
            except (InvalidToken, ValueError, TypeError, OverflowError):
                continue
        return None

    def _why(self, raw: bytes, now: int) -> PayloadError:
        """Return why no key opens a token whose form is whole.

        The HMAC alone cannot tell another key from a change. But a key that decrypts the first block to text, or the
        last to a proper padding, is the right one (the other happens once in 10 million, and in 256, by chance).
        """
        if self._signed(raw):
            message = "its signature is right and its content is not: it was not made by a Fernet"
            return PayloadError(PayloadFault.NOT_A_TOKEN, message)
        if any(self._looks_right(raw, key) for key in self._raw):
            message = "changed or cut after it was made: the key is the right one, the signature does not fit"
            return PayloadError(PayloadFault.ALTERED, message)
        count = sum(self.opened)
        which = "the key does not fit" if len(self._raw) == 1 else f"none of the {len(self._raw)} keys fits"
        if count:
            before = f"{'it' if len(self._raw) == 1 else 'they'} opened {count:,} other line{'s' if count > 1 else ''}"
            message = f"{which}, though {before}: made with another key, or changed after it was made"
        else:
            message = f"{which}: made with another key (a change in its last bytes looks the same)"
        made = int.from_bytes(raw[1:9], "big")
        if made > now + 366 * 86400 or made < 1_000_000_000:
            message += f"; its time, {_moment(made)}, is not plausible"
        return PayloadError(PayloadFault.WRONG_KEY, message)

    def _signed(self, raw: bytes) -> bool:
        import hmac

        return any(hmac.compare_digest(hmac.digest(key[:16], raw[:-MAC], "sha256"), raw[-MAC:]) for key in self._raw)

    def _looks_right(self, raw: bytes, key: bytes) -> bool:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        body = raw[HEAD:-MAC]
        decryptor = Cipher(algorithms.AES(key[16:]), modes.CBC(raw[9:HEAD])).decryptor()
        plain = decryptor.update(body) + decryptor.finalize()
        pad = plain[-1]
        padded = 2 <= pad <= BLOCK and plain.endswith(bytes([pad]) * pad)
        return padded or all(32 <= byte < 127 or byte in b"\t\r\n" for byte in plain[:BLOCK])


def _structure(token: bytes) -> bytes:
    """Return the bytes of a token whose form is whole. Raises PayloadError."""
    text = token.strip()
    if not text:
        raise PayloadError(PayloadFault.NOT_A_TOKEN, "not a token: it is empty")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        message = "not a token: the file is UTF-16 text; convert it first: iconv -f UTF-16 -t UTF-8"
        raise PayloadError(PayloadFault.NOT_A_TOKEN, message)
    body = text.rstrip(b"=")
    letters = _LETTERS.match(body)
    if letters is not None and letters.end() < len(body):
        place = letters.end()
        char = body[place : place + 1].decode("ascii", "backslashreplace")
        shown = char if char.isprintable() else f"\\x{body[place]:02x}"
        message = f"character {place + 1} is “{shown}”, which no token has"
        begins = "altered" if body[:5] == b"gAAAA" else "not a token"
        fault = PayloadFault.ALTERED if begins == "altered" else PayloadFault.NOT_A_TOKEN
        raise PayloadError(fault, f"{begins}: {message}")
    head = base64.urlsafe_b64decode(body[:4].ljust(4, b"A"))
    if head[0] != VERSION:
        message = f"it begins with the byte 0x{head[0]:02x}, a Fernet token with 0x{VERSION:02x} (“gAAAA”)"
        raise PayloadError(PayloadFault.NOT_A_TOKEN, f"not a token: {message}")
    if len(body) % 4 != 1 and len(text) - len(body) > -len(body) % 4:
        raise PayloadError(PayloadFault.ALTERED, "altered: there are more “=” at its end than belong there")
    if len(body) % 4 == 1 or len(text) % 4:
        raise PayloadError(PayloadFault.TRUNCATED, f"truncated: {len(text)} characters are no whole base64")
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise PayloadError(PayloadFault.ALTERED, "altered: the “=” at its end are not as they should be") from None
    if len(raw) < SHORTEST:
        message = f"truncated: it has {len(raw)} bytes, the shortest token {SHORTEST}"
        raise PayloadError(PayloadFault.TRUNCATED, message)
    if (len(raw) - HEAD - MAC) % BLOCK:
        over = (len(raw) - HEAD - MAC) % BLOCK
        message = f"truncated: its content is no whole number of blocks ({over} bytes over)"
        raise PayloadError(PayloadFault.TRUNCATED, message)
    return raw


def _moment(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z"
    except (OverflowError, ValueError, OSError):
        return "after the year 9999"

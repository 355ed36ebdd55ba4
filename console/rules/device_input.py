"""What the registry takes for an id, a reason, a thumbprint: checked before anything is sent, the culprit named."""

from __future__ import annotations

import re

from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

ID_LIMIT = 128
REASON_LIMIT = 128
ID_MARKS = "-.+%_#*?!(),=@$':;"
"""Besides ASCII letters and digits (IoT Hub's documents on the identity registry; the last two: on twins)."""

_ID_LETTER = re.compile(rf"[A-Za-z0-9{re.escape(ID_MARKS)}]")
_SEPARATORS = re.compile(r"[\s:\-]")
_OPENSSL = re.compile(r"^sha-?(1|256) fingerprint=", re.IGNORECASE)
_HEX = re.compile(r"[0-9A-Fa-f]")
_LONE = re.compile("[\ud800-\udfff]")
SHA1, SHA256 = 40, 64


def check_id(device_id: str, noun: str = "device") -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless the registry takes this as the id of a device or module."""
    what = f"“{clean(device_id, limit=60)}” is no {noun} id"
    if not device_id:
        raise _bad(f"A {noun} id is missing", "it is empty", "Give 1 to 128 characters")
    for place, letter in enumerate(device_id, 1):
        if not _ID_LETTER.fullmatch(letter):
            why = f"character {place} is {_named(letter)}"
            raise _bad(what, why, f"ASCII letters, digits and {ID_MARKS} are allowed")
    if len(device_id) > ID_LIMIT:
        raise _bad(what, f"it has {len(device_id)} characters, {ID_LIMIT} are allowed")
    if device_id in {".", ".."}:  # allowed by the registry, but on the way there it would be taken for another address
        raise _bad(what, "in a web address it means another place, so no client can reach such a device")


def check_reason(reason: str) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless the registry takes this as a status reason."""
    what = "The reason cannot be written into the identity"
    if len(reason) > REASON_LIMIT:
        raise _bad(what, f"it has {len(reason)} characters, {REASON_LIMIT} are allowed", "Say it shorter")
    lone = _LONE.search(reason)
    if lone is not None:
        raise _bad(what, f"character {lone.start() + 1} is {_named(lone[0])}, no whole character")


def thumbprint(text: str) -> tuple[str, str]:
    """Return a thumbprint as the registry takes it and a notice when separators were taken out (else empty).

    Case stays as given: the registry keeps it and compares without it. Raises ConsoleError BAD_INPUT (code "usage")
    unless 40 (SHA-1) or 64 (SHA-256) hexadecimal digits remain.
    """
    given, text = text, _OPENSSL.sub("", text.strip())
    digits = _SEPARATORS.sub("", text)
    what = f"“{clean(text, limit=100)}” is no thumbprint"
    hint = "Give the 64 hexadecimal digits of the certificate's SHA-256 hash (openssl x509 -fingerprint -sha256)"
    if not digits:
        raise _bad("A thumbprint is missing", "", hint)
    for place, letter in enumerate(text, 1):
        if not _HEX.fullmatch(letter) and not _SEPARATORS.fullmatch(letter):
            raise _bad(what, f"character {place} is {_named(letter)}, no hexadecimal digit", hint)
    if len(digits) not in {SHA1, SHA256}:
        raise _bad(what, f"it has {len(digits)} hexadecimal digits, 40 (SHA-1) or 64 (SHA-256) are needed", hint)
    notice = (
        "the separators were taken out of the thumbprint: the registry takes digits only" if digits != given else ""
    )
    return digits, notice


def _named(letter: str) -> str:
    point = f"U+{ord(letter):04X}"
    if letter == " ":
        return f"a blank ({point})"
    shown = clean(letter)
    return f"“{shown}” ({point})" if shown == letter and letter.isprintable() else point


def _bad(what: str, why: str, hint: str = "") -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")

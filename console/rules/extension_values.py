"""The value of one extension, whatever stands around it in its certificate."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography import x509

from console.model.text import clean
from console.rules import der as asn1
from console.rules.certificate_der import Extension

BASIC = "2.5.29.19"
_BOOLEAN = 0x01
_ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")
_NOBODY = bytes.fromhex("3000")
_TIMES = bytes.fromhex("301e170d3235303130313030303030305a170d3235303130313030303030305a")
_KEY = bytes.fromhex("301a301306072a8648ce3d020106082a8648ce3d03010703030004ff")  # is never looked at
_FRAME = bytes.fromhex("a003020102020101") + _ALGORITHM + _NOBODY + _TIMES + _NOBODY + _KEY


def alone(extension: Extension) -> Any:
    """Return an extension as the library reads it. Raises what the library raises."""
    return _alone(extension.whole)


@lru_cache(maxsize=2048)
def _alone(text: bytes) -> Any:
    listed = asn1.encode(asn1.CONTEXT_3, asn1.encode(asn1.SEQUENCE, text))
    made = asn1.encode(asn1.SEQUENCE, asn1.encode(asn1.SEQUENCE, _FRAME + listed) + _ALGORITHM + b"\x03\x02\x00\x00")
    return next(iter(x509.load_der_x509_certificate(made).extensions))


def basic_of(value: bytes) -> tuple[bool, int | None] | None:
    """Return what basicConstraints (DER) say: whether it is a CA, and the path length; None when they are malformed."""
    try:
        outer = asn1.read(value)
        parts = asn1.children(value, outer)
    except asn1.DerError:
        return None
    tags = [one.tag for one in parts]
    if outer.tag != asn1.SEQUENCE or outer.after != len(value):
        return None
    if tags not in ([], [_BOOLEAN], [asn1.INTEGER], [_BOOLEAN, asn1.INTEGER]):
        return None
    authority = False
    length: int | None = None
    for one in parts:
        content = one.content(value)
        if one.tag == _BOOLEAN:
            if len(content) != 1:
                return None
            authority = content != b"\0"
        else:
            length = int.from_bytes(content, "big", signed=True)
            if not content or length < 0 or (content[0] == 0 and content[1:2] < b"\x80" and len(content) > 1):
                return None
            length = length if length < 1 << 63 else None  # as OpenSSL has it: a limit that nobody can count to is none
    return authority, length


def extension_word(oid: str) -> str:
    """Return how an extension is called: "basicConstraints", its number where no name is known."""
    name = getattr(x509.ObjectIdentifier(oid), "_name", "") if _known(oid) else ""
    return clean(name) if name and name != "Unknown OID" else oid


def _known(oid: str) -> bool:
    try:
        x509.ObjectIdentifier(oid)
    except ValueError:
        return False
    return True

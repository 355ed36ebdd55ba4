"""Certificates that are signed properly and that a strict reader does not take."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from support.chains import Node, inside, parts_of, tlv

Change = Callable[[list[bytes]], list[bytes]]
FALSE = b"\x01\x01\x00"


def armour(der: bytes, label: str = "CERTIFICATE") -> bytes:
    """Return bytes as a block."""
    body = base64.encodebytes(der)
    return f"-----BEGIN {label}-----\n".encode() + body + f"-----END {label}-----\n".encode()


def resigned(der: bytes, key: Any, signed: bytes) -> bytes:
    """Return a certificate with other signed content, signed anew by an EC key; nothing reads it in between."""
    algorithm = parts_of(inside(der))[1]
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return tlv(0x30, signed + algorithm + tlv(0x03, b"\0" + signature))


def changed(node: Node, signer: Node, change: Change) -> bytes:
    """Return a certificate whose parts went through `change`, signed anew."""
    parts = change(parts_of(inside(node.certificate.tbs_certificate_bytes)))
    return resigned(node.der, signer.key, tlv(0x30, b"".join(parts)))


def false_written_out(parts: list[bytes]) -> list[bytes]:
    """Write `critical FALSE` out in the last extension."""
    extensions = parts_of(inside(inside(parts[-1])))
    oid, *rest = parts_of(inside(extensions[-1]))
    last = tlv(0x30, b"".join([oid, FALSE, *(one for one in rest if one[0] != 0x01)]))
    return [*parts[:-1], tlv(0xA3, tlv(0x30, b"".join([*extensions[:-1], last])))]


def times_without_seconds(parts: list[bytes]) -> list[bytes]:
    """Write the times as old programs did."""
    times = tlv(0x30, tlv(0x17, b"2001010000Z") + tlv(0x17, b"4901010000Z"))
    return [*parts[:4], times, *parts[5:]]


def unsorted_names(parts: list[bytes]) -> list[bytes]:
    """Put a serial number before the common name in one part of the subject, which DER would sort the other way."""
    common = inside(parts_of(inside(parts[5]))[0])
    number = tlv(0x30, bytes.fromhex("0603550405") + tlv(0x0C, b"a number of some length"))
    return [*parts[:5], tlv(0x30, tlv(0x31, number + common)), *parts[6:]]


UNREADABLE: dict[str, Change] = {
    "critical FALSE": false_written_out,
    "times": times_without_seconds,
    "names": unsorted_names,
}


def with_members(data: bytes, members: list[bytes]) -> bytes:
    """Return a PKCS#7 file with other certificates in it."""
    oid, content = parts_of(inside(data))
    parts = parts_of(inside(inside(content)))
    parts = [tlv(0xA0, b"".join(members)) if one[0] == 0xA0 else one for one in parts]
    return tlv(0x30, oid + tlv(0xA0, tlv(0x30, b"".join(parts))))

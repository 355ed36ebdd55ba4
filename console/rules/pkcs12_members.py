"""The certificates in a PKCS#12 file one by one, so that each counts: the library refuses all of them for one.

The file's outline is RFC 7292's; what its certificates are encrypted with is RFC 8018's PBES2 or RFC 7292's own way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import RC2, TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from console.rules import der as asn1

_DATA, _ENCRYPTED = bytes.fromhex("2a864886f70d010701"), bytes.fromhex("2a864886f70d010706")
_BAG = bytes.fromhex("2a864886f70d010c0a01")
_KEY, _SHROUDED, _CERTIFICATE, _NESTED = 1, 2, 3, 6
_OWN_WAY = bytes.fromhex("2a864886f70d010c01")
_OWN_CIPHERS = {3: ("3des", 24), 4: ("3des", 16), 5: ("rc2", 16), 6: ("rc2", 5)}
_PBES2, _PBKDF2 = bytes.fromhex("2a864886f70d01050d"), bytes.fromhex("2a864886f70d01050c")
_HASHES = {7: "sha1", 8: "sha224", 9: "sha256", 10: "sha384", 11: "sha512"}
_AES_CBC = {2: 16, 22: 24, 42: 32}
_TRIPLE_DES = bytes.fromhex("2a864886f70d0307")
_DEEPEST = 4


@dataclass
class Bags:
    """What is in the bags: certificates as they are, in order, and how many keys (encrypted ones counted too)."""

    certificates: list[bytes]
    keys: int = 0
    encrypted: int = 0


def bags(data: bytes, passphrase: bytes | None) -> Bags:
    """Return what is in the bags; the passphrase is the right one.

    Raises what its parts raise (ValueError, LookupError, UnsupportedAlgorithm) for a file that is none or is damaged,
    and for ciphers that this machine does not have.
    """
    found = Bags([])
    _, content = asn1.children(data, asn1.read(data))[:2]
    safe = _octets(data, asn1.children(data, content)[1])
    for one in asn1.children(safe, asn1.read(safe)):
        kind, inner = asn1.children(safe, one)[:2]
        if kind.content(safe) == _DATA:
            _collect(_octets(safe, inner), found, 0)
        elif kind.content(safe) == _ENCRYPTED:
            _collect(_decrypted(safe, inner, passphrase), found, 0)
    return found


def _collect(text: bytes, found: Bags, depth: int) -> None:
    if depth > _DEEPEST:
        raise asn1.DerError("bags in bags in bags")
    for bag in asn1.children(text, asn1.read(text)):
        oid, value = asn1.children(text, bag)[:2]
        name = oid.content(text)
        kind = name[-1] if name[:-1] == _BAG else 0
        if kind in (_KEY, _SHROUDED):
            found.keys += 1
            found.encrypted += kind == _SHROUDED
        elif kind == _CERTIFICATE:
            held = asn1.children(text, asn1.read(text, value.body, value.end))
            found.certificates.append(_octets(text, held[1]) if len(held) > 1 else b"")
        elif kind == _NESTED:
            _collect(text[value.body : value.end], found, depth + 1)


def _octets(data: bytes, wrapper: asn1.Element) -> bytes:
    """Return the octets inside an explicit [0], also when they are written in pieces (BER)."""
    return b"".join(_pieces(data, asn1.read(data, wrapper.body, wrapper.end)))


def _pieces(data: bytes, element: asn1.Element) -> Iterator[bytes]:
    if not element.constructed:
        yield element.content(data)
        return
    for one in asn1.children(data, element):
        yield from _pieces(data, one)


def _decrypted(data: bytes, wrapper: asn1.Element, passphrase: bytes | None) -> bytes:
    content = asn1.children(data, asn1.read(data, wrapper.body, wrapper.end))[1]
    _, algorithm, sealed = asn1.children(data, content)[:3]
    cipher, start = _cipher(data, algorithm, passphrase)
    opened = Cipher(cipher, modes.CBC(start)).decryptor()
    text = opened.update(b"".join(_pieces(data, sealed))) + opened.finalize()
    if not text or not 1 <= text[-1] <= len(start):
        raise ValueError("the padding is wrong")
    return text[: -text[-1]]


def _cipher(data: bytes, algorithm: asn1.Element, passphrase: bytes | None) -> tuple[BlockCipherAlgorithm, bytes]:
    oid, parameters = asn1.children(data, algorithm)[:2]
    name, values = oid.content(data), asn1.children(data, parameters)
    if name == _PBES2:
        return _pbes2(data, values, passphrase or b"")
    if name[:-1] != _OWN_WAY or name[-1] not in _OWN_CIPHERS:
        raise ValueError("it is encrypted in a way that is not known here")
    kind, size = _OWN_CIPHERS[name[-1]]
    salt, rounds = values[0].content(data), int.from_bytes(values[1].content(data), "big")
    key = _derived(1, passphrase, salt, rounds, size)
    start = _derived(2, passphrase, salt, rounds, 8)
    return (TripleDES(key if size == 24 else key + key[:8]) if kind == "3des" else RC2(key)), start


def _pbes2(data: bytes, values: list[asn1.Element], passphrase: bytes) -> tuple[BlockCipherAlgorithm, bytes]:
    how, scheme = (asn1.children(data, one) for one in values[:2])
    if how[0].content(data) != _PBKDF2:
        raise ValueError("its key is derived in a way that is not known here")
    salt, rounds, *rest = asn1.children(data, how[1])
    digest = "sha1"
    for one in rest:
        if one.tag == asn1.SEQUENCE:
            digest = _HASHES[asn1.children(data, one)[0].content(data)[-1]]
    name, start = scheme[0].content(data), scheme[1].content(data)
    size = 24 if name == _TRIPLE_DES else _AES_CBC[name[-1]]
    number = int.from_bytes(rounds.content(data), "big")
    key = hashlib.pbkdf2_hmac(digest, passphrase, salt.content(data), number, size)
    return (TripleDES(key) if name == _TRIPLE_DES else AES(key)), start


def _derived(purpose: int, passphrase: bytes | None, salt: bytes, rounds: int, size: int) -> bytes:
    """Return key material in RFC 7292's own way (appendix B.2), by SHA-1."""
    block = 64
    secret = b"" if passphrase is None else passphrase.decode().encode("utf-16-be") + b"\0\0"
    mixed = bytearray(_filled(salt, block) + _filled(secret, block))
    found = b""
    while True:
        part = bytes([purpose]) * block + mixed
        for _ in range(max(rounds, 1)):
            part = hashlib.sha1(part, usedforsecurity=False).digest()
        found += part
        if len(found) >= size:
            return found[:size]
        added = int.from_bytes(_filled(part, block)[:block], "big") + 1
        for at in range(0, len(mixed), block):
            value = (int.from_bytes(mixed[at : at + block], "big") + added) % (1 << 8 * block)
            mixed[at : at + block] = value.to_bytes(block, "big")


def _filled(text: bytes, block: int) -> bytes:
    """Return a text repeated up to whole blocks."""
    length = -(-len(text) // block) * block
    return (text * (length // max(len(text), 1) + 1))[:length]

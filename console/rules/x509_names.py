"""Names in certificates: for people, and so that names which count as equal are the same."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from console.model.text import clean
from console.rules import der as asn1

TEXT_LIMIT = 512


@lru_cache(maxsize=1024)
def canonical(name: bytes) -> bytes:
    """Return a name in DER so that names which count as equal are the same bytes.

    As RFC 5280 §7.1 and OpenSSL have it: letters of A to Z in either case, runs of blanks as one, any string type.
    """
    try:
        sets = []
        for group in asn1.children(name, asn1.read(name)):
            pairs = []
            for pair in asn1.children(name, group):
                kind, text = asn1.children(name, pair)[:2]
                pairs.append(kind.whole(name) + _folded(text, name))
            sets.append(asn1.encode(asn1.SET, b"".join(sorted(pairs))))
        return b"".join(sets)
    except (asn1.DerError, ValueError):
        return name


def _folded(text: asn1.Element, name: bytes) -> bytes:
    encoding = {0x0C: "utf-8", 0x13: "latin-1", 0x14: "latin-1", 0x16: "latin-1", 0x1A: "latin-1"}.get(text.tag)
    encoding = {0x1E: "utf-16-be", 0x1C: "utf-32-be"}.get(text.tag, encoding)
    if encoding is None:
        return text.whole(name)
    try:
        value = text.content(name).decode(encoding).encode()
    except UnicodeError:
        return text.whole(name)
    return asn1.encode(0x0C, b" ".join(part for part in value.lower().split() if part))


def name_text(name: x509.Name) -> str:
    """Return a name for people, its parts in the order of the certificate: "CN=press-1, O=Contoso"."""
    parts = [f"{one.rfc4514_attribute_name}={_value(one)}" for one in list(name)[:32]]
    return clean(", ".join(parts), limit=TEXT_LIMIT)


def common_name(name: x509.Name) -> str:
    """Return the first common name, clean; empty where there is none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return clean(_value(found[0]), limit=TEXT_LIMIT) if found else ""


def _value(attribute: Any) -> str:
    value = attribute.value
    return value.hex().upper() if isinstance(value, bytes) else str(value)


def general_name(name: Any) -> str:
    """Return one of the forms of a name for people, clean: "DNS:press-1", "IP:10.0.0.1"."""
    value = name.value
    if isinstance(name, x509.DirectoryName):
        return clean(f"DN:{name_text(value)}", limit=TEXT_LIMIT)
    if isinstance(name, x509.OtherName):
        return clean(f"other:{name.type_id.dotted_string}", limit=TEXT_LIMIT)
    if isinstance(name, x509.RegisteredID):
        return f"ID:{value.dotted_string}"
    words: dict[type, str] = {x509.DNSName: "DNS", x509.IPAddress: "IP", x509.RFC822Name: "email"}
    word = words.get(type(name), "URI")
    return clean(f"{word}:{value}", limit=TEXT_LIMIT)

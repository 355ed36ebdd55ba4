"""Names in certificates: for people, and so that names which count as equal are the same; read from the DER itself."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

from console.model.text import clean
from console.rules import der as asn1
from console.rules.object_names import ATTRIBUTES, dotted

TEXT_LIMIT = 512
COMMON_NAME, COUNTRY, EMAIL = "2.5.4.3", "2.5.4.6", "1.2.840.113549.1.9.1"
_LONGEST_COMMON_NAME = 64  # RFC 5280, ub-common-name
_MOST_PARTS = 32
_UTF8, _NUMERIC, _PRINTABLE, _T61, _IA5, _VISIBLE, _UNIVERSAL, _BMP = 0x0C, 0x12, 0x13, 0x14, 0x16, 0x1A, 0x1C, 0x1E
_ENCODINGS = {
    _UTF8: "utf-8",
    _NUMERIC: "latin-1",
    _PRINTABLE: "latin-1",
    _T61: "latin-1",
    _IA5: "latin-1",
    _VISIBLE: "latin-1",
    _UNIVERSAL: "utf-32-be",
    _BMP: "utf-16-be",
}
_OLD = {_T61: "T61String", _BMP: "BMPString", _UNIVERSAL: "UniversalString", _VISIBLE: "VisibleString"}
_TAKEN = frozenset((*_ENCODINGS, 0x03, 0x07, 0x08, 0x09, 0x0B, 0x0D, 0x0E, 0x0F, 0x1D, asn1.SEQUENCE)) - {_VISIBLE}
"""Kinds of values that OpenSSL takes in a name; a certificate with another one it does not load."""
_ISO_PRINTABLE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


class Part(NamedTuple):
    """One attribute of a name: its number, how its value is written, and the value."""

    oid: str
    tag: int
    content: bytes

    @property
    def word(self) -> str:
        """How the attribute is called: "CN", its number where no name is known."""
        return ATTRIBUTES.get(self.oid, self.oid)

    @property
    def text(self) -> str:
        """The value as text, not clean; digits where it is no text, Latin-1 where it is not what it says."""
        encoding = _ENCODINGS.get(self.tag)
        if encoding is None:
            return self.content.hex().upper()
        try:
            return self.content.decode(encoding)
        except UnicodeError:
            return self.content.decode("latin-1")

    @property
    def broken(self) -> bool:
        """Whether its value is not written in the way that it says."""
        if self.tag == asn1.BIT_STRING:
            return not self.content or self.content[0] > 7 or (len(self.content) == 1 and self.content[0] > 0)
        encoding = _ENCODINGS.get(self.tag)
        try:
            text = self.content.decode(encoding) if encoding else ""
        except UnicodeError:
            return True
        return self.tag == _BMP and not text.isascii() and any(ord(letter) > 0xFFFF for letter in text)


def sets_of(name: bytes) -> list[list[Part]]:
    """Return the parts of a name in DER, those that stand together in one list. Raises DerError."""
    found = []
    for group in asn1.children(name, asn1.read(name)):
        if group.tag != asn1.SET:
            raise asn1.DerError("a name is not a list of sets")
        together = []
        for pair in asn1.children(name, group):
            inner = asn1.children(name, pair)
            if pair.tag != asn1.SEQUENCE or len(inner) != 2 or not is_number(inner[0].tag, inner[0].content(name)):
                raise asn1.DerError("a part of a name is not a number with a value")
            together.append(Part(dotted(inner[0].content(name)), inner[1].tag, inner[1].content(name)))
        found.append(together)
    return found


def is_number(tag: int, content: bytes) -> bool:
    """Say whether an element is a well-formed object identifier."""
    if tag != asn1.OID or not content or content[-1] & 0x80:
        return False
    return not any(byte == 0x80 and (at == 0 or not content[at - 1] & 0x80) for at, byte in enumerate(content))


def _parts(name: bytes) -> list[Part]:
    try:
        return [part for together in sets_of(name) for part in together]
    except asn1.DerError:
        return []


def values(name: bytes, oid: str) -> list[str]:
    """Return the values of an attribute in a name in DER, not clean."""
    return [part.text for part in _parts(name) if part.oid == oid]


def words(name: bytes) -> str:
    """Return a name in DER for people, in the order of the certificate: "CN=press-1, O=Contoso"; "+" joins sets."""
    try:
        groups = sets_of(name)
    except asn1.DerError:
        return ""
    shown = ["+".join(f"{part.word}={part.text}" for part in group[:_MOST_PARTS]) for group in groups if group]
    return clean(", ".join(shown[:_MOST_PARTS]), limit=TEXT_LIMIT)


def broken(name: bytes) -> str:
    """Return why no program takes a name, as the end of "the subject …"; empty when it can be read."""
    try:
        parts = [part for together in sets_of(name) for part in together]
    except asn1.DerError:
        return "is not written as a name"
    for part in parts:
        if part.broken and part.tag == _UTF8:
            return f"says that its {part.word} is UTF-8, and it is not"
        if part.broken:
            return f"has a {part.word} that is not written in the character set that it names"
        if part.tag not in _TAKEN:
            return f"has a {part.word} of a kind (tag {part.tag}) that names do not have"
    return ""


def oddities(name: bytes) -> list[str]:
    """Return what is unusual in a subject, as sentences; those on the common name begin with it."""
    try:
        groups = sets_of(name)
    except asn1.DerError:
        return []
    found = ["an empty part stands in its subject"] if any(not group for group in groups) else []
    for group in groups:
        for part in group[:_MOST_PARTS]:
            what = "the common name" if part.oid == COMMON_NAME else f"the {part.word} of its subject"
            if part.tag in _OLD:
                found.append(f"{what} is written as {_OLD[part.tag]}, an old form that programs read differently")
            elif part.tag not in _ENCODINGS:
                found.append(f"{what} is no text")
            elif part.tag == _PRINTABLE and set(part.content) - _ISO_PRINTABLE:
                found.append(f"{what} has characters that its form (PrintableString) does not allow")
            if part.oid == COMMON_NAME and len(part.text) > _LONGEST_COMMON_NAME:
                length = len(part.text)
                found.append(f"the common name has {length} characters; {_LONGEST_COMMON_NAME} are allowed (RFC 5280)")
            if part.oid == COUNTRY and len(part.text) != 2:
                found.append(f"its country (C) has {len(part.text)} characters; it is a code of two letters")
    return list(dict.fromkeys(found))[:8]


@lru_cache(maxsize=1024)
def canonical(name: bytes) -> bytes:
    """Return a name in DER so that names which count as equal are the same bytes.

    As RFC 5280 §7.1 and OpenSSL have it: letters of A to Z in either case, runs of blanks as one, any string type; a
    part without anything in it does not count.
    """
    try:
        sets = []
        for group in asn1.children(name, asn1.read(name)):
            pairs = []
            for pair in asn1.children(name, group):
                kind, text = asn1.children(name, pair)[:2]
                pairs.append(asn1.encode(kind.tag, kind.content(name)) + _folded(text, name))
            if pairs:
                sets.append(asn1.encode(asn1.SET, b"".join(sorted(pairs))))
        return b"".join(sets)
    except (asn1.DerError, ValueError):
        return name


def _folded(text: asn1.Element, name: bytes) -> bytes:
    encoding = None if text.tag == _NUMERIC else _ENCODINGS.get(text.tag)
    plain = asn1.encode(text.tag, text.content(name))
    if encoding is None:
        return plain
    try:
        value = text.content(name).decode(encoding).encode()
    except UnicodeError:
        return plain
    return asn1.encode(0x0C, b" ".join(part for part in value.lower().split() if part))


def name_text(name: x509.Name) -> str:
    """Return a name of the library's for people, its parts in the order of the certificate: "CN=press-1, O=Contoso"."""
    shown = [
        "+".join(f"{ATTRIBUTES.get(one.oid.dotted_string, one.oid.dotted_string)}={_value(one)}" for one in group)
        for group in name.rdns[:_MOST_PARTS]
    ]
    return clean(", ".join(shown), limit=TEXT_LIMIT)


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

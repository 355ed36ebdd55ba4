"""A reader of DER (and the BER of old PKCS files): where elements begin and end, and what a blob seems to be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

INTEGER, BIT_STRING, OCTET_STRING, OID, UTC_TIME, GENERALIZED_TIME = 0x02, 0x03, 0x04, 0x06, 0x17, 0x18
SEQUENCE, SET, CONTEXT_0, CONTEXT_3 = 0x30, 0x31, 0xA0, 0xA3
_CONSTRUCTED, _HIGH_TAG, _INDEFINITE = 0x20, 0x1F, 0x80
_DEEPEST = 32
_LARGEST_PRIME = 1100
_PKCS7 = bytes.fromhex("2a864886f70d0107")
MOST_ITERATIONS = 2_000_000
"""More rounds of a key derivation than any program asks for: such a file would only keep us busy."""


class DerError(ValueError):
    """The bytes are no DER."""


class Element(NamedTuple):
    """One element: `start` of its tag, `body` and `end` of its content, `after` where the next one begins."""

    tag: int
    start: int
    body: int
    end: int
    after: int

    @property
    def constructed(self) -> bool:
        """Whether its content is elements."""
        return bool(self.tag & _CONSTRUCTED)

    def content(self, data: bytes) -> bytes:
        """Return its content."""
        return data[self.body : self.end]

    def whole(self, data: bytes) -> bytes:
        """Return it with tag and length."""
        return data[self.start : self.after]


def read(data: bytes, at: int = 0, end: int | None = None, depth: int = 0) -> Element:
    """Return the element at a position. Raises DerError."""
    end = len(data) if end is None else end
    start = at
    if at + 2 > end:
        raise DerError("it ends too early")
    tag = data[at]
    at += 1
    if tag & _HIGH_TAG == _HIGH_TAG:
        while at < end and data[at] & 0x80:
            at += 1
        at += 1
    if at >= end:
        raise DerError("it ends too early")
    length = data[at]
    at += 1
    if length == _INDEFINITE:
        if not tag & _CONSTRUCTED or depth >= _DEEPEST:
            raise DerError("a length is missing")
        body = at
        while data[at : at + 2] != b"\0\0":
            at = read(data, at, end, depth + 1).after
        return Element(tag, start, body, at, at + 2)
    if length & 0x80:
        count = length & 0x7F
        if count > 4 or at + count > end:
            raise DerError("a length is wrong")
        length = int.from_bytes(data[at : at + count], "big")
        at += count
    if at + length > end:
        raise DerError("it ends too early")
    return Element(tag, start, at, at + length, at + length)


def children(data: bytes, element: Element) -> list[Element]:
    """Return the elements inside a constructed one. Raises DerError."""
    found, at = [], element.body
    while at < element.end:
        one = read(data, at, element.end)
        found.append(one)
        at = one.after
    return found


def encode(tag: int, content: bytes) -> bytes:
    """Return an element."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def elements(data: bytes) -> Iterator[bytes]:
    """Yield the elements that stand one after another; the rest is left out when it is none. Raises no error."""
    at = 0
    while at < len(data):
        try:
            one = read(data, at)
        except DerError:
            return
        yield one.whole(data)
        at = one.after


def shape(data: bytes) -> str:
    """Return what a DER blob is by its outline: "certificate", "request", "pkcs7", "pkcs12", "key", ... or empty.

    Others: "encrypted-key", "public-key", "crl". The outline alone: whether it can be read is another matter.
    """
    try:
        outer = read(data)
        parts = children(data, outer) if outer.tag == SEQUENCE else []
        inner = children(data, parts[0]) if parts and parts[0].tag == SEQUENCE else []
    except DerError:
        return ""
    tags = [one.tag for one in parts]
    if tags[:2] == [OID, CONTEXT_0]:
        return "pkcs7" if parts[0].content(data)[:8] == _PKCS7 else ""
    if tags[:1] == [INTEGER]:
        return _numbered(data, parts, tags)
    if len(tags) == 2 and inner and inner[0].tag == OID:
        return {OCTET_STRING: "encrypted-key", BIT_STRING: "public-key"}.get(tags[1], "")
    return _signed(inner) if tags == [SEQUENCE, SEQUENCE, BIT_STRING] else ""


def _numbered(data: bytes, parts: list[Element], tags: list[int]) -> str:
    """Return which of the things that begin with a number it is: keys and PKCS#12; parameters and the like are none."""
    if tags[:2] == [INTEGER, SEQUENCE]:
        if tags[2:3] == [OCTET_STRING]:
            return "key"
        try:
            content = children(data, parts[1])
        except DerError:
            return "pkcs12"  # damaged
        known = content and content[0].tag == OID and content[0].content(data)[:8] == _PKCS7
        return "pkcs12" if known else ""
    if tags == [INTEGER, INTEGER]:
        return "public-key" if _rsa_key(*(part.content(data) for part in parts)) else ""
    if tags[:2] == [INTEGER, OCTET_STRING]:
        return "key"
    return "key" if len(tags) >= 6 and set(tags[:6]) == {INTEGER} else ""


def _rsa_key(modulus: bytes, exponent: bytes) -> bool:
    """Tell a modulus and its exponent from a prime and a generator (DH), and from the two halves of a signature."""
    number = int.from_bytes(modulus, "big")
    if not exponent or exponent[-1] % 2 == 0 or len(modulus) < 48 or len(exponent) > len(modulus) // 2:
        return False
    return number % 2 == 1 and (len(modulus) > _LARGEST_PRIME or pow(2, number - 1, number) != 1)


def _signed(inner: list[Element]) -> str:
    """Return which of the things that consist of content, algorithm and signature it is."""
    tags = [one.tag for one in inner]
    if tags[:1] == [CONTEXT_0]:
        return "certificate"
    if UTC_TIME in tags[:4] or GENERALIZED_TIME in tags[:4]:
        return "crl"
    if tags[:4] == [INTEGER, SEQUENCE, SEQUENCE, CONTEXT_0]:
        return "request"
    if tags[:6] == [INTEGER, *[SEQUENCE] * 5]:
        return "certificate"  # version 1
    return ""


def hard_work(data: bytes) -> bool:
    """Say whether a PKCS#12 file, or something in it, asks for more than MOST_ITERATIONS; also when it has no outline.

    Every key derivation in it is written as a salt (OCTET STRING) with a number after it.
    """
    try:
        return _hard_work(data, read(data), 0)
    except DerError:
        return True


def _hard_work(data: bytes, element: Element, depth: int) -> bool:
    if depth > _DEEPEST:
        return True
    salted = False
    for one in children(data, element):
        if one.tag == INTEGER and salted and int.from_bytes(one.content(data), "big") > MOST_ITERATIONS:
            return True
        salted = one.tag in (OCTET_STRING, OCTET_STRING | _CONSTRUCTED) or (salted and one.tag == INTEGER)
        if one.tag == OCTET_STRING | _CONSTRUCTED:
            text = b"".join(part.content(data) for part in children(data, one))
        elif one.tag == OCTET_STRING:
            text = one.content(data)
        else:
            if one.constructed and _hard_work(data, one, depth + 1):
                return True
            continue
        if _is_outline(text) and _hard_work(text, read(text), depth + 1):
            return True
    return False


def _is_outline(text: bytes) -> bool:
    """Say whether an octet string holds a SEQUENCE that can be walked through."""
    if text[:1] != b"\x30":
        return False
    try:
        children(text, read(text))
    except DerError:
        return False
    return True

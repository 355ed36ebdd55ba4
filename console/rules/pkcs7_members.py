"""The members of a PKCS#7 file one by one, so that each counts: a library may refuse all for one, or leave some out."""

from __future__ import annotations

from collections.abc import Iterator

from console.rules import der as asn1

_SIGNED = bytes.fromhex("2a864886f70d010702")
_CERTIFICATES = 0xA0
_KINDS = {1: "plain data", 3: "encrypted", 4: "encrypted", 5: "a digest", 6: "encrypted"}


def members(data: bytes) -> Iterator[bytes]:
    """Yield what stands in the place of certificates, in order, each as it is.

    Raises DerError, also after some: what follows cannot be told apart.
    """
    kind, content = asn1.children(data, asn1.read(data))[:2]
    oid = kind.content(data)
    if oid != _SIGNED:
        what = _KINDS.get(oid[-1] if oid else 0, "of an unknown kind")
        raise asn1.DerError(f"it is {what}, and holds no certificates")
    signed = asn1.read(data, content.body, content.end)
    listed = next((one for one in _parts(data, signed) if one.tag == _CERTIFICATES), None)
    if listed is not None:
        yield from (one.whole(data) for one in _parts(data, listed))


def _parts(data: bytes, element: asn1.Element) -> Iterator[asn1.Element]:
    """Yield the elements inside one as long as they can be told apart."""
    at = element.body
    while at < element.end:
        one = asn1.read(data, at, element.end)
        yield one
        at = one.after

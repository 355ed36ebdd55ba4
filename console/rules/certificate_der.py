"""A certificate taken apart by our own reader of DER: also one that the cryptography library does not take.

Programs differ in what they forgive. What is written in an unusual way is read here and named; nothing is judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from console.rules import der as asn1
from console.rules.object_names import CURVES, FAMILIES, KEYS, dotted
from console.rules.x509_names import broken, sets_of

LONG_AGO = datetime.min.replace(tzinfo=UTC)
_TIME = re.compile(rb"(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(?:(\d{2})(?:(\d{2})(?:[.,](\d+))?)?)?(Z|[+-]\d{4})?")
_BOOLEAN = 0x01
_LONGEST_SERIAL = 20  # octets, RFC 5280 §4.1.2.2
_DEEPEST = 24
_MOST_SHOWN = 4
_PLAIN_ALGORITHM = {
    *("1.2.840.10045.4.1", "1.2.840.10040.4.3", "1.3.101.112", "1.3.101.113"),
    *(f"1.2.840.10045.4.3.{number}" for number in range(1, 5)),
    *(f"2.16.840.1.101.3.4.3.{number}" for number in range(1, 5)),
}  # algorithms that have no parameters, not even NULL


@dataclass(frozen=True)
class Extension:
    """An extension as it is written: its number, whether it is critical, its value, and all of it."""

    oid: str
    critical: bool
    value: bytes
    whole: bytes = field(repr=False)


@dataclass(frozen=True)
class Parts:
    """The parts of a certificate. `unusual` says what most programs refuse or forgive, as ends of "it is …": sentences.

    `issuer`, `subject`, `spki`, `signed`, `algorithm` (beside what is signed) and `named` (that inside it) are DER.
    """

    version: int
    serial: int
    algorithm: bytes
    signature: bytes
    issuer: bytes
    subject: bytes
    not_before: datetime
    not_after: datetime
    spki: bytes
    extensions: tuple[Extension, ...]
    signed: bytes = field(repr=False)
    named: bytes = b""
    unusual: tuple[str, ...] = ()

    @property
    def algorithms_differ(self) -> bool:
        """Whether the algorithm inside what is signed is another than the one beside it."""
        return self.named != self.algorithm

    @property
    def signature_oid(self) -> str:
        """The number of the signature's algorithm."""
        return algorithm_of(self.algorithm)[0]


def take_apart(data: bytes) -> Parts:
    """Return the parts of a certificate in DER. Raises DerError when it has not the outline of one."""
    outer = asn1.read(data)
    top = asn1.children(data, outer)
    if outer.tag != asn1.SEQUENCE or [one.tag for one in top[:3]] != [asn1.SEQUENCE, asn1.SEQUENCE, asn1.BIT_STRING]:
        raise asn1.DerError("it has not the outline of a certificate")
    inner = asn1.children(data, top[0])
    unusual: list[str] = []
    if outer.after != len(data):
        unusual.append("something follows its end")
    if len(top) > 3:
        unusual.append("something follows its signature")
    version = 1
    if inner and inner[0].tag == asn1.CONTEXT_0:
        version = _version(data, inner.pop(0), unusual)
    if len(inner) < 6 or inner[0].tag != asn1.INTEGER:
        raise asn1.DerError("parts of it are missing")
    serial, algorithm, issuer, validity, subject, spki = inner[:6]
    times = asn1.children(data, validity)
    if len(times) < 2:
        raise asn1.DerError("it does not say from when and until when it is valid")
    if len(times) > 2:
        unusual.append("something follows its times")
    first, last = (_time(data, one, unusual) for one in times[:2])
    inside = algorithm.whole(data)
    _algorithm_oddity(data, algorithm, unusual)
    for one in (issuer, subject):
        _name_oddity(one.whole(data), unusual)
    if _key_algorithm(data, spki) == ("dsa", b""):
        unusual.append("its DSA key has no parameters, and inherits those of its issuer")
    extensions = _extensions(data, inner[6:], unusual)
    if not _shortest(data, outer):
        unusual.append("a length in it is not written in its shortest form")
    return Parts(
        version=version,
        serial=_serial(serial.content(data), unusual),
        algorithm=top[1].whole(data),
        signature=signature_of(top[2].content(data)),
        issuer=issuer.whole(data),
        subject=subject.whole(data),
        not_before=first,
        not_after=last,
        spki=spki.whole(data),
        extensions=extensions,
        signed=top[0].whole(data),
        named=inside,
        unusual=tuple(dict.fromkeys(unusual)),
    )


def signature_of(bits: bytes) -> bytes:
    """Return the signature in the content of a BIT STRING, none where these are no whole octets: OpenSSL takes none."""
    return bits[1:] if bits[:1] == b"\0" else b""


def algorithm_of(algorithm: bytes) -> tuple[str, bytes]:
    """Return the number of an AlgorithmIdentifier in DER, and its parameters in DER; empty where it has none."""
    try:
        parts = asn1.children(algorithm, asn1.read(algorithm))
    except asn1.DerError:
        return "", b""
    if not parts or parts[0].tag != asn1.OID:
        return "", b""
    return dotted(parts[0].content(algorithm)), parts[1].whole(algorithm) if len(parts) > 1 else b""


def key_name(spki: bytes) -> tuple[str, str]:
    """Return the family of a public key, and how it is called: ("ec", "brainpoolP384t1"), ("rsa", "rsa"), ("", OID)."""
    try:
        first = asn1.children(spki, asn1.read(spki))[0]
    except (asn1.DerError, IndexError):
        return "", "a key that cannot be read"
    oid, parameters = algorithm_of(first.whole(spki))
    kind = KEYS.get(oid, "")
    if kind == "ec" and parameters[:1] == b"\x06":
        curve = dotted(asn1.read(parameters).content(parameters))
        return ("sm2" if CURVES.get(curve) == "sm2" else "ec"), CURVES.get(curve, curve)
    return FAMILIES.get(kind, kind), kind or oid or "a key that cannot be read"


def rsa_bits(spki: bytes) -> int:
    """Return the size of an RSA key, 0 where it is none: also of one that the library does not take."""
    if key_name(spki)[0] != "rsa":
        return 0
    try:
        text = asn1.children(spki, asn1.read(spki))[1].content(spki)[1:]
        modulus = asn1.children(text, asn1.read(text))[0].content(text)
    except (asn1.DerError, IndexError):
        return 0
    return int.from_bytes(modulus, "big").bit_length()


# --- the parts -------------------------------------------------------------------------------------------------------


def _key_algorithm(data: bytes, spki: asn1.Element) -> tuple[str, bytes]:
    parts = asn1.children(data, spki)
    oid, parameters = algorithm_of(parts[0].whole(data)) if parts else ("", b"")
    return KEYS.get(oid, ""), parameters


def _version(data: bytes, element: asn1.Element, unusual: list[str]) -> int:
    found = asn1.children(data, element)
    if len(found) != 1 or found[0].tag != asn1.INTEGER or not found[0].content(data):
        raise asn1.DerError("its version is no number")
    number = int.from_bytes(found[0].content(data), "big", signed=True)
    if number == 0:
        unusual.append("its version 1 is written out, which must be left out")
    elif number not in (1, 2):
        unusual.append(f"it says that it is of version {number + 1}, and there are 1 to 3")
    if len(found[0].content(data)) > 1:
        unusual.append("its version is not written in its shortest form")
    return number + 1 if abs(number) < 1 << 31 else 0


def _serial(content: bytes, unusual: list[str]) -> int:
    if not content:
        unusual.append("its serial number is empty")
        return 0
    if len(content) > 1 and (content[0], content[1] >> 7) in ((0, 0), (0xFF, 1)):
        unusual.append("its serial number is not written in its shortest form")
    if len(content) > _LONGEST_SERIAL + (content[0] == 0):
        unusual.append(f"its serial number has {len(content)} octets; {_LONGEST_SERIAL} are allowed")
    return int.from_bytes(content, "big", signed=True)


def _time(data: bytes, element: asn1.Element, unusual: list[str]) -> datetime:
    """Return a time; LONG_AGO where it is none. What is unusual in how it is written is added."""
    text = element.content(data)
    found = _TIME.fullmatch(text) if element.tag in (asn1.UTC_TIME, asn1.GENERALIZED_TIME) else None
    general = element.tag == asn1.GENERALIZED_TIME
    if found is None or (len(found[1]) == 4) != general:
        unusual.append("its time is not written as a time")
        return LONG_AGO
    year, month, day, hour, minute, second = (int(found[number] or 0) for number in range(1, 7))
    if not general:
        year += 1900 if year >= 50 else 2000
    if found[5] is None:
        unusual.append("its time has no minutes")
    elif found[6] is None:
        unusual.append("its time has no seconds")
    if found[7] is not None:
        unusual.append("its time has a fraction of a second")
    if found[8] is None:
        unusual.append("its time does not say that it is UTC")
    elif found[8] != b"Z":
        unusual.append("its time is written with an offset from UTC")
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found[8]))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        unusual.append("its time is one that no calendar has")
        return LONG_AGO


def _zone(text: bytes | None) -> timezone:
    if text is None or text == b"Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return timezone(-offset if text[:1] == b"-" else offset)


def _algorithm_oddity(data: bytes, algorithm: asn1.Element, unusual: list[str]) -> None:
    parts = asn1.children(data, algorithm)
    if not parts or parts[0].tag != asn1.OID:
        unusual.append("its signature's algorithm is not named by a number")
    elif dotted(parts[0].content(data)) in _PLAIN_ALGORITHM and len(parts) > 1:
        unusual.append("its signature's algorithm has parameters, where there must be none")


def _name_oddity(name: bytes, unusual: list[str]) -> None:
    try:
        groups = sets_of(name)
    except asn1.DerError:
        return
    if any(len(group) > 1 for group in groups) and not _sorted(name):
        unusual.append("the parts of a name that stand together are unsorted")


def _sorted(name: bytes) -> bool:
    for group in asn1.children(name, asn1.read(name)):
        inner = [one.whole(name) for one in asn1.children(name, group)]
        width = max((len(one) for one in inner), default=0)
        if inner != sorted(inner, key=lambda one: one.ljust(width, b"\0")):
            return False
    return True


def _extensions(data: bytes, rest: list[asn1.Element], unusual: list[str]) -> tuple[Extension, ...]:
    holder = next((one for one in rest if one.tag == asn1.CONTEXT_3), None)
    if any(one.tag not in (0x81, 0x82, 0xA1, 0xA2, asn1.CONTEXT_3) for one in rest):
        unusual.append("it has a part of an unknown kind")
    if holder is None:
        return ()
    listed = asn1.children(data, asn1.read(data, holder.body, holder.end))
    if not listed:
        unusual.append("its list of extensions is empty")
    return tuple(extension_of(data, one, unusual) for one in listed)


def extension_of(data: bytes, element: asn1.Element, unusual: list[str]) -> Extension:
    """Return an extension; what is unusual in how it is written is added. Raises DerError."""
    parts = asn1.children(data, element)
    if len(parts) < 2 or parts[0].tag != asn1.OID:
        raise asn1.DerError("an extension has no number or no value")
    critical = False
    if parts[1].tag == _BOOLEAN:
        content = parts[1].content(data)
        critical = any(content)
        if not critical:
            unusual.append("an extension writes out critical FALSE")
        elif content != b"\xff":
            unusual.append("an extension writes critical TRUE in an unusual way")
    if parts[-1].tag != asn1.OCTET_STRING:
        raise asn1.DerError("an extension has no value")
    value = parts[-1].content(data)
    return Extension(dotted(parts[0].content(data)), critical, value, _plain(data, parts[0], critical, value))


def _plain(data: bytes, oid: asn1.Element, critical: bool, value: bytes) -> bytes:
    """Return an extension as DER has it."""
    flag = b"\x01\x01\xff" if critical else b""
    return asn1.encode(asn1.SEQUENCE, oid.whole(data) + flag + asn1.encode(asn1.OCTET_STRING, value))


def _shortest(data: bytes, element: asn1.Element, depth: int = 0) -> bool:
    """Say whether the lengths of an element and of those in it are written in their shortest form."""
    header = element.body - element.start
    size = element.end - element.body
    least = 2 if size < 0x80 else 2 + (size.bit_length() + 7) // 8
    if header != least or element.after != element.end:
        return element.tag & 0x1F == 0x1F and header == least + 1
    if not element.constructed or depth > _DEEPEST:
        return True
    return all(_shortest(data, one, depth + 1) for one in asn1.children(data, element))


def reason(data: bytes, fallback: str) -> str:
    """Return why a certificate is not taken, in our words; `fallback` where our reader finds nothing unusual."""
    try:
        parts = take_apart(data)
    except asn1.DerError as error:
        return str(error)
    names = [f"{what} {why}" for what, name in _names(parts) if (why := broken(name))]
    return "; ".join([*names, *parts.unusual][:_MOST_SHOWN]) or f"it does not follow the standard: {fallback}"


def broken_name(parts: Parts) -> str:
    """Return why no program takes a certificate's names, as a sentence; empty when they can be read."""
    return next((f"{what} {why}" for what, name in _names(parts) if (why := broken(name))), "")


def _names(parts: Parts) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    return (("the subject", parts.subject), ("the issuer", parts.issuer))

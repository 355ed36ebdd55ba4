"""A certificate signing request taken apart by our own reader: what it asks for, and whether its key signed it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from console.model.certificate_request import RequestInfo
from console.model.text import clean
from console.rules import der as asn1
from console.rules.certificate_der import Extension, extension_of, signature_of
from console.rules.certificate_facts import guarded, key_words
from console.rules.extension_values import alone, extension_word
from console.rules.object_names import ATTRIBUTES, PURPOSES, dotted
from console.rules.signature_check import Outcome, check, hash_word
from console.rules.x509_names import COMMON_NAME, TEXT_LIMIT, broken, general_name, is_number, oddities, values, words

_WANTED = {"1.2.840.113549.1.9.14", "1.3.6.1.4.1.311.2.1.14"}  # PKCS #9's extensionRequest, and Microsoft's
_OUTLINE = [asn1.INTEGER, asn1.SEQUENCE, asn1.SEQUENCE]
_MOST_ASKED, _MOST_NAMES = 24, 16


@dataclass(frozen=True)
class RequestParts:
    """The parts of a request; `subject`, `spki`, `algorithm` and `signed` are DER. `attributes` are other numbers."""

    subject: bytes
    spki: bytes
    algorithm: bytes
    signature: bytes
    signed: bytes = field(repr=False)
    extensions: tuple[Extension, ...] = ()
    attributes: tuple[str, ...] = ()
    unusual: tuple[str, ...] = ()

    @property
    def key(self) -> Any:
        """The public key, None where it cannot be read."""
        return guarded(lambda: load_der_public_key(self.spki), None, [], "")

    def possession(self) -> Outcome:
        """Return whether the request is signed by its own key."""
        return check(self.algorithm, self.spki, self.key, self.signature, self.signed)


def take_apart(data: bytes) -> RequestParts:
    """Return the parts of a request in DER. Raises ValueError, with the reason, when it is none that programs take."""
    outer = asn1.read(data)
    top = asn1.children(data, outer)
    if outer.tag != asn1.SEQUENCE or [one.tag for one in top] != [asn1.SEQUENCE, asn1.SEQUENCE, asn1.BIT_STRING]:
        raise asn1.DerError("it has not the outline of a request")
    inner = asn1.children(data, top[0])
    if [one.tag for one in inner] not in ([*_OUTLINE, asn1.CONTEXT_0], _OUTLINE):
        raise asn1.DerError("parts of it are missing, or do not belong there")
    unusual: list[str] = []
    if outer.after != len(data):
        unusual.append("something follows its end")
    if (version := _version(inner[0].content(data))) != 1:
        unusual.append(f"it says that it is of version {version}, and there is 1 alone")
    if len(inner) < 4:
        unusual.append("its list of attributes is missing")
    subject = inner[1].whole(data)
    if why := broken(subject):
        raise asn1.DerError(f"the subject {why}")
    extensions: list[Extension] = []
    others: list[str] = []
    for one in inner[3:]:
        if one.tag == asn1.CONTEXT_0:
            _attributes(data, one, extensions, others, unusual)
    return RequestParts(
        subject,
        inner[2].whole(data),
        top[1].whole(data),
        signature_of(top[2].content(data)),
        top[0].whole(data),
        tuple(extensions),
        tuple(others),
        tuple(dict.fromkeys(unusual)),
    )


def _version(content: bytes) -> int:
    number = int.from_bytes(content, "big", signed=True)
    shortest = len(content) == 1 or (len(content) == 2 and not -128 <= number <= 127)
    if not shortest:
        raise asn1.DerError("its version is not written as a number")
    return number + 1


def _attributes(
    data: bytes, holder: asn1.Element, extensions: list[Extension], others: list[str], unusual: list[str]
) -> None:
    for one in asn1.children(data, holder):
        parts = asn1.children(data, one)
        tags = [part.tag for part in parts]
        if one.tag != asn1.SEQUENCE or tags != [asn1.OID, asn1.SET]:
            raise asn1.DerError("an attribute of it is not a number with a set of values")
        if not is_number(tags[0], parts[0].content(data)):
            raise asn1.DerError("an attribute of it has no number that can be read")
        oid = dotted(parts[0].content(data))
        word = ATTRIBUTES.get(oid, oid)
        found = asn1.children(data, parts[1])
        if not found:
            unusual.append(f"its attribute {word} is empty")
        elif len(found) > 1:
            unusual.append(f"its attribute {word} has {len(found)} values")
        if oid in _WANTED:
            extensions += [
                extension_of(data, wanted, unusual) for listed in found for wanted in asn1.children(data, listed)
            ]
        else:
            others.append(word)


def request_info(data: bytes) -> RequestInfo:
    """Return a request for people. Raises ValueError, with the reason in our words, when it is none."""
    parts = take_apart(data)
    outcome = parts.possession()
    key, bits = key_words(parts.key, parts.spki)
    names = values(parts.subject, COMMON_NAME)
    return RequestInfo(
        subject=words(parts.subject),
        common_name=clean(names[0], limit=TEXT_LIMIT) if names else "",
        key=key,
        key_bits=bits,
        proven=outcome.holds,
        asks_for=asked(parts),
        sha256_of_key=hashlib.sha256(parts.spki).hexdigest().upper(),
        der=data,
        not_known=clean(outcome.unknown, limit=60),
        signature_hash=hash_word(parts.algorithm),
        oddities=(*parts.unusual, *oddities(parts.subject))[:16],
    )


def asked(parts: RequestParts) -> tuple[str, ...]:
    """Return what a request asks for, in words."""
    asks: list[str] = []
    for text in parts.extensions[:_MOST_ASKED]:
        asks += _words(text)
    asks += [f"attribute {clean(word, limit=60)}" for word in parts.attributes[:_MOST_ASKED]]
    return tuple(dict.fromkeys(asks))[:_MOST_ASKED]


def _words(text: Extension) -> list[str]:
    one: Any = guarded(lambda: alone(text).value, None, [], "")
    if isinstance(one, x509.SubjectAlternativeName):
        return [general_name(name) for name in list(one)[:_MOST_NAMES]]
    if isinstance(one, x509.BasicConstraints):
        return ["to be a CA" if one.ca else "not to be a CA"]
    if isinstance(one, x509.ExtendedKeyUsage):
        return ["usage " + ", ".join(PURPOSES.get(oid.dotted_string, oid.dotted_string) for oid in one)]
    return [clean(extension_word(text.oid), limit=60)]

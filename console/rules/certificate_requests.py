"""Certificate signing requests: made here, or read from outside and believed in nothing but their key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from cryptography import x509

from console.model.certificate import CertificateKind, LeafOrder
from console.model.certificate_request import OLD_HASHES
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules.certificate_der import key_name
from console.rules.certificate_keys import SigningKey, check_public_key, generate, hash_for
from console.rules.certificate_names import check_name
from console.rules.certificates import PublicKey, alternative_names, common_name
from console.rules.der import DerError
from console.rules.extension_values import extension_word
from console.rules.pem import blocks, decoded
from console.rules.request_facts import RequestParts, take_apart
from console.rules.signature_check import hash_word, unknown_key
from console.rules.x509_names import COMMON_NAME, sets_of, values

WHAT = "The request was not signed"
_BEGIN = re.compile(rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----")


@dataclass(frozen=True)
class Request:
    """What is taken over from a request: its key, and the common name it asks for; `left_out` is named to the user."""

    public_key: PublicKey
    common_name: str
    left_out: tuple[str, ...]


def build_request(order: LeafOrder) -> tuple[x509.CertificateSigningRequest, SigningKey]:
    """Return a request for a leaf, and its new key. Raises ConsoleError BAD_INPUT (code "usage") for a wrong order."""
    if order.kind.authority or order.kind is CertificateKind.OTHER:
        raise ConsoleError(ErrorKind.BAD_INPUT, "No request was made", f"{order.kind} is no kind of leaf", code="usage")
    check_name(order.kind, order.name)
    key = generate(order.key_type)
    builder = x509.CertificateSigningRequestBuilder(common_name(order.name))
    if order.kind is CertificateKind.SERVER:
        builder = builder.add_extension(alternative_names(order.hosts or (order.name,)), critical=False)
    return builder.sign(key, hash_for(key)), key


def read_request(data: bytes) -> Request:
    """Return what counts of a request (PEM or DER).

    Raises ConsoleError BAD_INPUT when it is none, does not prove that its sender holds the key, or the key is weak.
    """
    try:
        return _read(data)
    except (ConsoleError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # foreign bytes: what the library raises is not all derived from Exception
        why = "it is no certificate signing request in PEM or DER form, or damaged"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for it again") from None


def _read(data: bytes) -> Request:
    if b"-----BEGIN" in data:
        if b"PRIVATE KEY-----" in data:
            why = "a private key is in the same file: whoever sends one has given it away"
            raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for a new request, made with a new key")
        if len(_BEGIN.findall(data)) > 1:
            why = "there are several in the file"
            raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Give each a file of its own")
        found = _BEGIN.search(data)
        if found is None:
            held = list(dict.fromkeys(clean(one.label, limit=40) for one in islice(blocks(data), 4) if one.label))
            why = f"the file holds no signing request, but: {', '.join(held) or 'a damaged block'}"
            raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Give the request, or ask for it again")
        body = data[found.end() :].partition(b"-----END")[0]
        data = decoded(body) or b""
    try:
        parts = take_apart(data)
    except DerError as error:
        why = f"it is no certificate signing request that can be read: {error}"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for it again") from None
    if odd := next((text for text in parts.unusual if "version" in text), ""):
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, odd, "Ask for it again, made with another tool")
    family, name = key_name(parts.spki)
    if unknown_key(parts.spki, parts.key):
        where = f"is on the curve {clean(name)}" if family in ("ec", "sm2") else f"is of the kind {clean(name)}"
        why = f"its key {where}, and TLS with IoT Hub wants RSA, P-256 or P-384"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for one with RSA 2048 or more, or EC P-256 or P-384")
    if parts.key is None:
        why = "its key cannot be read here: it is damaged, or written in an unusual way"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for it again")
    key = check_public_key(parts.key, WHAT)
    _check_possession(parts)
    names = values(parts.subject, COMMON_NAME)
    if len(names) > 1:
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, "it has more than one common name", "Ask for one name each")
    others = [part.word for together in sets_of(parts.subject) for part in together if part.oid != COMMON_NAME]
    left = [f"{clean(one)} of its subject" for one in others]
    left += [f"the extension {clean(extension_word(one.oid))}" for one in parts.extensions]
    return Request(key, names[0] if names else "", tuple(left))


def _check_possession(parts: RequestParts) -> None:
    """Raise ConsoleError unless a request is signed by its own key, in a way that proves something."""
    outcome, digest = parts.possession(), hash_word(parts.algorithm)
    ask = "Ask for one that is signed with SHA-256"
    if not outcome.holds and not outcome.unknown:
        why = "it is not signed by its own key, so nothing proves that its sender holds it"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for it again")
    if digest in OLD_HASHES:
        begin = "it is" if outcome.unknown else "it is signed by its own key, but"
        why = f"{begin} signed with {digest}, which proves nothing any more"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, ask)
    if outcome.unknown:
        why = f"whether it is signed by its own key is not known: {clean(outcome.unknown)} cannot be checked here"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, ask)


def agreed_name(request: Request, wanted: str) -> str:
    """Return the common name of the leaf: the one wanted, else the request's. Raises ConsoleError when they differ."""
    if not wanted and not request.common_name:
        hint = "Say whom it is for with --name"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, "it has no common name", hint, code="usage")
    if wanted and request.common_name and wanted != request.common_name:
        why = f"it asks for “{clean(request.common_name, limit=80)}”, and “{clean(wanted, limit=80)}” was wanted"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for a request with the right common name")
    return wanted or request.common_name

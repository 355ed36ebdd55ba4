"""Certificate signing requests: made here, or read from outside and believed in nothing but their key."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from console.model.certificate import CertificateKind, LeafOrder
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules.certificate_keys import SigningKey, check_public_key, generate, hash_for
from console.rules.certificate_names import check_name
from console.rules.certificates import PublicKey, alternative_names, common_name

WHAT = "The request was not signed"
_BEGIN = re.compile(rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----")
_FORGEABLE = {"md5": "MD5", "sha1": "SHA-1"}  # cryptography verifies neither


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
        request = x509.load_pem_x509_csr(data)
    else:
        request = x509.load_der_x509_csr(data)
    key = check_public_key(request.public_key(), WHAT)
    if not request.is_signature_valid:
        digest = request.signature_hash_algorithm
        if digest is not None and digest.name in _FORGEABLE:
            why = f"it is signed with {_FORGEABLE[digest.name]}, which proves nothing any more"
            raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for one that is signed with SHA-256")
        why = "it is not signed by its own key, so nothing proves that its sender holds it"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for it again")
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) > 1:
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, "it has more than one common name", "Ask for one name each")
    name = str(names[0].value) if names else ""
    others = [one.rfc4514_attribute_name for one in request.subject if one.oid != NameOID.COMMON_NAME]
    wanted = [one.oid._name if one.oid._name != "Unknown OID" else one.oid.dotted_string for one in request.extensions]
    left = [f"{clean(one)} of its subject" for one in others] + [f"the extension {clean(one)}" for one in wanted]
    return Request(key, name, tuple(left))


def agreed_name(request: Request, wanted: str) -> str:
    """Return the common name of the leaf: the one wanted, else the request's. Raises ConsoleError when they differ."""
    if not wanted and not request.common_name:
        hint = "Say whom it is for with --name"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, "it has no common name", hint, code="usage")
    if wanted and request.common_name and wanted != request.common_name:
        why = f"it asks for “{clean(request.common_name, limit=80)}”, and “{clean(wanted, limit=80)}” was wanted"
        raise ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, "Ask for a request with the right common name")
    return wanted or request.common_name

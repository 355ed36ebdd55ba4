"""Certificates for tests, right and wrong in every way, by the tests' own builder; and `openssl verify` as judge."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 23, 9, 42, 17, tzinfo=UTC)
DAY = timedelta(days=1)
CLIENT, SERVER, ANY = (
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
)
KEY_KINDS = ("ec-p256", "ec-p384", "rsa-2048", "rsa-3072")
OPENSSL = shutil.which("openssl")


def _version() -> str:
    """Return "3.0.19", empty when there is no openssl."""
    if OPENSSL is None:
        return ""
    return subprocess.run([OPENSSL, "version"], capture_output=True, text=True, timeout=20).stdout.split(" ")[1]


needs_openssl = pytest.mark.skipif(
    not _version().startswith("3."), reason="openssl 3 is not here: the judge whose verdicts ours must be"
)
_serials = itertools.count(0x1000)
_KEEP: Any = object()
"""For `make`: give what a proper certificate of that sort has."""
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@cache
def key(kind: str, number: int = 0) -> Any:
    """Return a key of a kind; the same for the same number (RSA keys are slow to make)."""
    if kind == "ec-p256":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "ec-p384":
        return ec.generate_private_key(ec.SECP384R1())
    if kind == "ec-p521":
        return ec.generate_private_key(ec.SECP521R1())
    if kind == "secp256k1":
        return ec.generate_private_key(ec.SECP256K1())
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))


def name(common_name: str, **more: str) -> x509.Name:
    """Return a name; "" is the empty one. `more`: organization_name="Contoso"."""
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    parts += [x509.NameAttribute(getattr(NameOID, one.upper()), value) for one, value in more.items()]
    return x509.Name(parts)


def usage(*words: str) -> x509.KeyUsage:
    """Return a key usage of these."""
    return x509.KeyUsage(**{one: one in words for one in _USAGES})


@dataclass(frozen=True)
class Node:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def make(
    subject: str | x509.Name,
    by: Node | None = None,
    *,
    ca: bool = False,
    kind: str = "ec-p256",
    number: int = 0,
    private: Any = None,
    not_before: datetime = NOW - 30 * DAY,
    not_after: datetime = NOW + 365 * DAY,
    basic: x509.BasicConstraints | None = _KEEP,
    basic_critical: bool = True,
    path_length: int | None = None,
    key_usage: x509.KeyUsage | None = _KEEP,
    purposes: Sequence[x509.ObjectIdentifier] | None = _KEEP,
    ski: bytes | None = _KEEP,
    aki: x509.AuthorityKeyIdentifier | None = _KEEP,
    issuer: x509.Name | None = None,
    sign_with: Any = None,
    serial: int | None = None,
    names: Sequence[x509.GeneralName] = (),
    names_critical: bool = False,
    more: Iterable[tuple[x509.ExtensionType, bool]] = (),
    digest: Any = None,
) -> Node:
    """Return a certificate, proper unless told otherwise: a leaf for clients, or a CA; self-signed where `by` is None.

    `_KEEP` (the default of several) stands for what is proper; None leaves an extension out.
    """
    own = private if private is not None else key(kind, number)
    subject = name(subject) if isinstance(subject, str) else subject
    signer = sign_with if sign_with is not None else (by.key if by else own)
    parent = by.certificate if by else None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer if issuer is not None else (parent.subject if parent else subject))
        .public_key(own.public_key())
        .serial_number(next(_serials) if serial is None else serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if basic is _KEEP:
        basic = x509.BasicConstraints(ca=ca, path_length=path_length if ca else None)
    if basic is not None:
        extensions.append((basic, basic_critical))
    if key_usage is _KEEP:
        key_usage = usage("key_cert_sign", "crl_sign") if ca else usage("digital_signature")
    if key_usage is not None:
        extensions.append((key_usage, True))
    if purposes is _KEEP:
        purposes = None if ca else [CLIENT]
    if purposes is not None:
        extensions.append((x509.ExtendedKeyUsage(purposes), False))
    own_id = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
    if ski is _KEEP:
        extensions.append((own_id, False))
    elif ski is not None:
        extensions.append((x509.SubjectKeyIdentifier(ski), False))
    if aki is _KEEP:
        held = own_id if parent is None else _ski_of(parent)
        aki = x509.AuthorityKeyIdentifier(held.digest, None, None) if held is not None else None
    if aki is not None:
        extensions.append((aki, False))
    if names:
        extensions.append((x509.SubjectAlternativeName(names), names_critical))
    for extension, critical in [*extensions, *more]:
        builder = builder.add_extension(extension, critical)
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    return Node(builder.sign(signer, algorithm), own)


def _ski_of(certificate: x509.Certificate) -> x509.SubjectKeyIdentifier | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None


# --- certificates that the library's builder refuses to make ---------------------------------------------------------


def tlv(tag: int, content: bytes) -> bytes:
    """Return one element of DER."""
    if len(content) < 128:
        return bytes((tag, len(content))) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 128 + len(size))) + size + content


def parts_of(content: bytes) -> list[bytes]:
    """Return the elements that stand in a row."""
    found, at = [], 0
    while at < len(content):
        length, head = content[at + 1], 2
        if length & 128:
            head += length & 127
            length = int.from_bytes(content[at + 2 : at + head], "big")
        found.append(content[at : at + head + length])
        at += head + length
    return found


def inside(element: bytes) -> bytes:
    """Return the content of an element."""
    return element[2 + (element[1] & 127 if element[1] & 128 else 0) :]


def signed_again(node: Node, signer: Any, change: Any, algorithm: bytes | None = None, digest: Any = None) -> Node:
    """Return a certificate whose signed parts (a list of elements) went through `change`, signed anew.

    `algorithm` replaces the signature's algorithm, DER of its SEQUENCE.
    """
    parts = change(parts_of(inside(node.certificate.tbs_certificate_bytes)))
    outer = parts_of(inside(node.der))
    algorithm = algorithm or outer[1]
    place = 2 if parts[0][0] == 0xA0 else 1
    parts[place] = algorithm
    signed = tlv(0x30, b"".join(parts))
    digest = digest or hashes.SHA256()
    if isinstance(signer, rsa.RSAPrivateKey):
        signature = signer.sign(signed, padding.PKCS1v15(), digest)
    else:
        signature = signer.sign(signed, ec.ECDSA(digest))
    der = tlv(0x30, signed + algorithm + tlv(0x03, b"\0" + signature))
    return Node(x509.load_der_x509_certificate(der), node.key)


def version_1(node: Node, signer: Any, *, extensions: bool = False) -> Node:
    """Return a certificate as one of version 1, without extensions unless asked for."""
    return signed_again(node, signer, lambda parts: parts[1:] if extensions else parts[1:-1])


SHA1_RSA = bytes.fromhex("300d06092a864886f70d0101050500")
SHA1_EC = bytes.fromhex("300906072a8648ce3d0401")


def sha1(node: Node, signer: Any) -> Node:
    """Return a certificate signed with SHA-1."""
    algorithm = SHA1_RSA if isinstance(signer, rsa.RSAPrivateKey) else SHA1_EC
    return signed_again(node, signer, lambda parts: parts, algorithm, hashes.SHA1())


def tampered(node: Node, *, signature: bool = False) -> Node:
    """Return a certificate of which one bit was changed: in what is signed (its serial number), or in the signature."""
    der = bytearray(node.der)
    if signature:
        der[-1] ^= 1
    else:
        serial = parts_of(inside(node.certificate.tbs_certificate_bytes))[1]
        at = bytes(der).index(serial)
        der[at + len(serial) - 1] ^= 1
    return Node(x509.load_der_x509_certificate(bytes(der)), node.key)


# --- the judge -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judgement:
    """What `openssl verify` said: trusted or not, and (error number, depth) of each complaint."""

    trusted: bool
    errors: tuple[tuple[int, int], ...]
    text: str

    @property
    def numbers(self) -> set[int]:
        return {number for number, _ in self.errors}


_ERROR = re.compile(r"error (\d+) at (\d+) depth lookup")


def openssl_verify(
    folder: Path,
    leaf: Node,
    others: Sequence[Node] = (),
    roots: Sequence[Node] = (),
    *,
    now: datetime = NOW,
    purpose: str = "sslclient",
    partial: bool = False,
    strict: bool = True,
) -> Judgement:
    """Ask openssl, with its default security level and no roots of this machine."""
    for file, nodes in (("leaf.pem", [leaf]), ("others.pem", others), ("roots.pem", roots)):
        (folder / file).write_bytes(b"".join(one.pem for one in nodes))
    command = [OPENSSL or "openssl", "verify", "-purpose", purpose, "-attime", str(int(now.timestamp()))]
    command += ["-x509_strict"] if strict else []
    command += ["-no-CApath", "-no-CAstore", *(["-CAfile", "roots.pem"] if roots else ["-no-CAfile"])]
    command += ["-untrusted", "others.pem"] if others else []
    command += ["-partial_chain"] if partial else []
    done = subprocess.run([*command, "leaf.pem"], cwd=folder, capture_output=True, text=True, timeout=20)
    text = done.stdout + done.stderr
    errors = tuple((int(number), int(depth)) for number, depth in _ERROR.findall(text))
    return Judgement(done.returncode == 0, errors, text)

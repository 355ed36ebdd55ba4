"""CAs, device certificates and proofs for tests, signed with `cryptography` alone: none of the product's own code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

DAY = timedelta(days=1)


def new_private_key(kind: str = "ec") -> Any:
    """Return a key: "ec", "ec-384", "rsa", "rsa-1024" or "ed25519"."""
    match kind:
        case "rsa" | "rsa-1024":
            return rsa.generate_private_key(65537, 1024 if kind == "rsa-1024" else 2048)
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP384R1() if kind == "ec-384" else ec.SECP256R1())


@dataclass
class Holder:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def sha256(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex().upper()

    def key_bytes(self, form: Encoding = Encoding.PEM, passphrase: str = "", *, old: bool = False) -> bytes:
        """Return the key as PKCS#8 (`old`: PKCS#1 or SEC 1), encrypted when there is a passphrase."""
        sealed = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        kind = PrivateFormat.TraditionalOpenSSL if old else PrivateFormat.PKCS8
        raw: bytes = self.key.private_bytes(form, kind, sealed)
        return raw

    def p12(self, passphrase: str = "") -> bytes:
        """Return key and certificate as PKCS#12."""
        sealed = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        return pkcs12.serialize_key_and_certificates(b"x", self.key, self.certificate, None, sealed)

    def issue(self, *names: str, start: timedelta = -DAY, end: timedelta = DAY * 90, ca: bool = False) -> Holder:
        """Return a certificate with these common names, signed by this one's key; times count from now."""
        return make(*names, start=start, end=end, ca=ca, issuer=self)


def authority(name: str = "Plant CA", kind: str = "ec", **more: Any) -> Holder:
    """Return a root CA."""
    return make(name, kind=kind, ca=True, **more)


def make(
    *names: str,
    kind: str = "ec",
    start: timedelta = -DAY,
    end: timedelta = DAY * 900,
    ca: bool | None = False,
    signs: bool = True,
    issuer: Holder | None = None,
) -> Holder:
    """Return a certificate; `ca` None leaves out basicConstraints, `signs` False the right to sign certificates."""
    key = new_private_key(kind)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in names])
    now = datetime.now(UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + start)
        .not_valid_after(now + end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if ca:
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=signs, crl_sign=signs, **usage), critical=True
        )
    signer = issuer.key if issuer else key
    return Holder(builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()), key)

"""Real credentials for the demo's fleet: EC P-256 keys, a small certificate authority, signed tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import quote, quote_plus

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_CURVE = ec.SECP256R1()
PrivateKey = ec.EllipticCurvePrivateKey


def device_token(host: str, device_id: str, key: str, expires: datetime) -> str:
    """Return a token signed with a device key, as the device SDKs make it: `sr` is `{host}/devices/{id}`, no policy."""
    resource = quote_plus(f"{host}/devices/{device_id}")
    expiry = int(expires.timestamp())
    signed = hmac.new(base64.b64decode(key), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote(base64.b64encode(signed).decode(), safe="")
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}"


def thumbprint(der: bytes, *, sha1: bool = False) -> str:
    """Return a certificate's thumbprint in upper-case hex, SHA-256 unless `sha1`."""
    if sha1:
        return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
    return hashlib.sha256(der).hexdigest().upper()


class FleetAuthority:
    """A CA of the demo's fleet. Its key stays in memory."""

    def __init__(self, common_name: str, not_before: datetime, not_after: datetime) -> None:
        self._key = ec.generate_private_key(_CURVE)
        self._name = _name(common_name)
        self.not_after = not_after
        public = self._key.public_key()
        certificate = (
            _builder(self._name, self._name, public, not_before, not_after)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self._identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
        self.der = certificate.public_bytes(serialization.Encoding.DER)

    def intermediate(self, common_name: str, not_before: datetime, not_after: datetime) -> bytes:
        """Return the certificate (DER) of a CA below this one, with a fresh key that nobody keeps."""
        public = new_private_key().public_key()
        return (
            _builder(_name(common_name), self._name, public, not_before, not_after)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER)
        )

    def issue(
        self, common_name: str, not_before: datetime, not_after: datetime, key: PrivateKey | None = None
    ) -> bytes:
        """Return a device certificate (DER), with a fresh key unless given; the common name is the device id."""
        public = (key or new_private_key()).public_key()
        return (
            _builder(_name(common_name), self._name, public, not_before, not_after)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER)
        )


def new_private_key() -> PrivateKey:
    """Return a fresh EC P-256 key."""
    return ec.generate_private_key(_CURVE)


def key_pem(key: PrivateKey) -> bytes:
    """Return a private key as PEM, not encrypted."""
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def certificate_pem(der: bytes) -> str:
    """Return a certificate as PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()


def self_signed(common_name: str, not_before: datetime, not_after: datetime, key: PrivateKey | None = None) -> bytes:
    """Return a self-signed device certificate (DER), with a fresh key unless given."""
    key = key or new_private_key()
    name = _name(common_name)
    builder = _builder(name, name, key.public_key(), not_before, not_after)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    start = min(not_before, not_after - timedelta(seconds=1))
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start.replace(microsecond=0))
        .not_valid_after(not_after.replace(microsecond=0))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )

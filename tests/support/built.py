"""Certificates by the product's own rules, for tests that need one quickly."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509

from console.model.certificate import AuthorityOrder, CertificateKind, LeafOrder
from console.rules.certificates import Authority, LeafMaker, build_authority

NOW = datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)


def authority(name: str = "Root", issuer: Authority | None = None, now: datetime = NOW, **more: object) -> Authority:
    built = build_authority(AuthorityOrder(name, **more), issuer, now)  # type: ignore[arg-type]
    assert built.key is not None
    return Authority(built.key, (built.certificate, *(issuer.chain if issuer else ())))


def leaf(issuer: Authority, name: str = "device001", kind: CertificateKind = CertificateKind.DEVICE, **more: object):
    order = LeafOrder(kind, name, **more)  # type: ignore[arg-type]
    return LeafMaker(issuer, order, NOW).make(name)


ROOT = authority()


def extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.Extension[x509.ExtensionType]:
    return certificate.extensions.get_extension_for_class(kind)

"""What the pictures of the Credentials pane show: CAs and certificates made over two years, and a token with a slip."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from pathlib import Path

from console.model.certificate import AuthorityOrder, CertificateKind, KeyType, LeafOrder
from console.model.secret import Secret
from console.rules.sas import mint, resource_uri
from console.services.pki import Pki

HOST, DEVICE = "contoso-plants.azure-devices.net", "press-0417"
_PASSPHRASE = Secret("only for pictures")
_AUTHORITIES = (
    ("plants-root", "", 620, 3650),
    ("lyon-ca", "plants-root", 610, 1825),
    ("genoa-ca", "plants-root", 160, 1825),
)
_LEAVES = (
    # CA, device, made this many days ago, for how many
    ("lyon-ca", "lyon-press-0017", 367, 365),
    ("lyon-ca", "lyon-press-0018", 340, 365),
    ("lyon-ca", "lyon-meter-0064", 290, 365),
    ("lyon-ca", "lyon-oven-0212", 90, 365),
    ("lyon-ca", "lyon-robot-0123", 30, 365),
    ("genoa-ca", "genoa-press-0417", 150, 365),
    ("genoa-ca", "genoa-weld-0031", 20, 365),
)


def make_certificates(state: Path, start: datetime) -> None:
    """Make the CAs and certificates in a state folder, each at its time before `start`."""
    folder = state / "certificates"

    def pki(days: int) -> Pki:
        return Pki(folder, lambda: start - timedelta(days=days))

    for name, parent, ago, lifetime in _AUTHORITIES:
        order = AuthorityOrder(name, KeyType.EC_P256, timedelta(days=lifetime), None if not parent else 0)
        if parent:
            pki(ago).create_intermediate(order, parent, None, _PASSPHRASE, _PASSPHRASE)
        else:
            pki(ago).create_root(order, None, _PASSPHRASE)
    for ca, device, ago, lifetime in _LEAVES:
        leaf = LeafOrder(CertificateKind.DEVICE, device, KeyType.EC_P256, timedelta(days=lifetime))
        pki(ago).issue(leaf, ca, state / "devices", _PASSPHRASE)


def token(start: datetime) -> tuple[str, str]:
    """Return a device's token that ends 41 minutes after `start`, and another key than the one that signed it."""
    key, other = (Secret(base64.b64encode(text * 2).decode()) for text in (b"0123456789abcdef", b"fedcba9876543210"))
    signed = mint(resource_uri(HOST, DEVICE), key, start + timedelta(minutes=41))
    return signed.reveal(), other.reveal()

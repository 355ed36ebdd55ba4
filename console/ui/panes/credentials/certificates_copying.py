"""What can be copied of a certificate: thumbprints, where it is, its PEM text; never a key."""

from __future__ import annotations

from console.model.certificate import CertificateRecord
from console.model.errors import ConsoleError
from console.model.hub import HubCertificate
from console.model.text import clean
from console.ui.panes.base import CopyItem

_PEM_LIMIT = 64 * 1024


def record_items(record: CertificateRecord, page: str = "") -> list[CopyItem]:
    """Return what is offered of a certificate of the inventory."""
    items = [
        ("SHA-256 thumbprint", record.sha256),
        ("SHA-1 thumbprint", record.sha1),
        ("serial", record.serial),
        ("path", str(record.certificate_file or "")),
        ("PEM", _pem(record)),
        ("page", page),
    ]
    return [(name, text) for name, text in items if text]


def hub_items(one: HubCertificate, page: str = "") -> list[CopyItem]:
    """Return what is offered of a CA of the hub."""
    items = [("name", one.name), ("SHA-1 thumbprint", clean(one.thumbprint)), ("subject", clean(one.subject))]
    if one.der:
        import base64
        import textwrap

        body = "\n".join(textwrap.wrap(base64.b64encode(one.der).decode(), 64))
        items.append(("PEM", f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"))
    items.append(("page", page))
    return [(name, text) for name, text in items if text]


def _pem(record: CertificateRecord) -> str:
    from console.services.private_files import read_file

    if record.certificate_file is None:
        return ""
    try:
        text = read_file(record.certificate_file, limit=_PEM_LIMIT).decode("ascii")
    except (ConsoleError, UnicodeDecodeError):
        return ""
    return "" if "PRIVATE KEY" in text else clean(text, multiline=True)

"""A CA certificate as the resource manager writes it: any of its spellings told to be the same, times left out."""

from __future__ import annotations

import base64
import binascii

from console.model.document import Json

_TOLD = frozenset({"subject", "expiry", "thumbprint", "created", "updated", "verificationCode"})
"""Properties that the service makes of the certificate, or moves by itself; none of them can be written."""
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def der_of(text: object) -> bytes:
    """Return the DER of a certificate given as base64 of DER, base64 of PEM, or PEM text; empty when it is none.

    All three occur: the resource manager's `certificate` is "the base64 representation of the X.509 .cer file or just
    the .pem file content" (REST reference of IoT Hub, CertificateProperties), returned as it was uploaded.
    """
    raw = str(text or "").encode("utf-8", "replace").strip()
    for _ in range(2):
        start = raw.find(_BEGIN)
        if start >= 0:
            raw = raw[start + len(_BEGIN) :].partition(_END)[0]
        try:
            raw = base64.b64decode(b"".join(raw.split()), validate=True)
        except (ValueError, binascii.Error):
            return b""
        if _BEGIN not in raw:
            return raw
    return b""


def base64_of(der: bytes) -> str:
    """Return the spelling that is sent: base64 of DER."""
    return base64.b64encode(der).decode("ascii")


def steady_certificate(properties: Json) -> Json:
    """Return the properties of a CA certificate without what the service makes of them, in the spelling of ours."""
    kept = {name: value for name, value in properties.items() if name not in _TOLD}
    der = der_of(kept.get("certificate"))
    if der:
        kept["certificate"] = base64_of(der)
    kept["isVerified"] = kept.get("isVerified") is True  # null and absent: not verified
    return kept

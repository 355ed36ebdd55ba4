"""Keys and signatures that IoT Hub is not known to take, or that nobody should: one list for every judgement."""

from __future__ import annotations

from console.model.certificate import CertificateInfo
from console.model.certificate_request import OLD_HASHES

GOOD_CURVES = ("EC P-256", "EC P-384")
LEAST_RSA = 2048


def key_doubt(info: CertificateInfo) -> str:
    """Return why a device with this key may not get through the TLS handshake, as part of a sentence; empty for none.

    The hub's documents name RSA and the curves of NIST, and TLS 1.2 suites for RSA and ECDSA alone; of short keys and
    other curves they say nothing.
    """
    if info.key.startswith("RSA"):
        if info.key_bits >= LEAST_RSA:
            return ""
        return f"its key is RSA of {info.key_bits} bits, which is too weak, and TLS may refuse it"
    if info.key.startswith("EC "):
        if info.key in GOOD_CURVES:
            return ""
        return f"its key is on the curve {info.key[3:]}, and that the hub takes it in the handshake is not documented"
    return f"its key is {info.key}, and IoT Hub's TLS 1.2 suites are for RSA and ECDSA only"


def hash_doubt(info: CertificateInfo) -> str:
    """Return why a signature on a certificate may not be believed, as part of a sentence; empty for none."""
    if info.signature_hash not in OLD_HASHES:
        return ""
    return f"it is signed with {info.signature_hash}, which can be forged, and the hub may refuse it"

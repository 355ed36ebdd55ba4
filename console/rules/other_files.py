"""What a blob is that is no certificate, and what the label of a PEM block says: called by its name in a sentence."""

from __future__ import annotations

from console.rules import der as asn1
from console.rules.object_names import CURVES, KEYS, dotted

_ENUMERATED, _GENERAL_TIME = 0x0A, asn1.GENERALIZED_TIME
_NULL, _SEQUENCE, _SET = 0x05, asn1.SEQUENCE, asn1.SET
_BOOLEAN, _INTEGER, _OID, _OCTETS, _BITS = 0x01, asn1.INTEGER, asn1.OID, asn1.OCTET_STRING, asn1.BIT_STRING
_CONTENT = {
    "1.2.840.113549.1.7.1": "plain content in PKCS#7's form",
    "1.2.840.113549.1.7.3": "an encrypted message (CMS)",
    "1.2.840.113549.1.7.5": "a digest in PKCS#7's form",
    "1.2.840.113549.1.7.6": "encrypted content in PKCS#7's form",
    "1.2.840.113549.1.9.16.1.2": "an authenticated message (CMS)",
    "1.2.840.113549.1.9.16.1.9": "compressed content (CMS)",
    "1.2.840.113549.1.9.16.1.23": "an encrypted message (CMS)",
}
_SIGNED = "1.2.840.113549.1.7.2"
_TSTINFO = bytes.fromhex("060b2a864886f70d0109100104")
_SHAPES = {
    "certificate": "a certificate",
    "request": "a certificate signing request",
    "crl": "a revocation list",
    "public-key": "a public key",
    "key": "a private key",
    "encrypted-key": "an encrypted private key",
    "pkcs12": "PKCS#12",
}


def what_is(data: bytes) -> str:
    """Return what DER is when it is no certificate: "an OCSP response", "DH parameters"; empty where nobody can say."""
    try:
        outer = asn1.read(data)
        if outer.tag == _OID:
            oid = dotted(outer.content(data))
            return f"the parameters of the curve {CURVES[oid]}" if oid in CURVES else "a bare object identifier"
        if outer.tag != _SEQUENCE:
            return ""
        parts = asn1.children(data, outer)
        return _of_sequence(data, parts)
    except (asn1.DerError, IndexError):
        return ""


def _of_sequence(data: bytes, parts: list[asn1.Element]) -> str:
    tags = [one.tag for one in parts]
    if not tags:
        return "an empty list"
    if tags[0] == _ENUMERATED and len(tags) <= 2:
        return "an OCSP response"
    if tags[:2] == [_OID, asn1.CONTEXT_0] or tags == [_OID]:
        return _of_content(data, parts)
    if tags[0] in (asn1.CONTEXT_0, _INTEGER) and _is_tbs(data, parts):
        return "the inner part of a certificate, without its signature (TBS)"
    if _is_key(data, parts):
        return "a private key"
    shape = _SHAPES.get(asn1.shape(data), "")
    if shape and shape != "a certificate" and not _plain_numbers(tags):
        return _attributes_or(data, parts, shape)
    return _parameters(data, parts) or _ocsp_or_time(data, parts) or shape


def _plain_numbers(tags: list[int]) -> bool:
    return set(tags) == {_INTEGER} and len(tags) in (2, 3)


def _attributes_or(data: bytes, parts: list[asn1.Element], shape: str) -> str:
    """Tell an attribute certificate (RFC 5755) and a key in its request from what has the same outline."""
    if [one.tag for one in parts] != [_SEQUENCE, _SEQUENCE, _BITS]:
        return shape
    inner = asn1.children(data, parts[0])
    if len(inner) >= 7 and inner[0].tag == _INTEGER and inner[2].tag == asn1.CONTEXT_0:
        return "an attribute certificate"
    return shape


def _of_content(data: bytes, parts: list[asn1.Element]) -> str:
    oid = dotted(parts[0].content(data))
    if oid == _SIGNED:
        if _TSTINFO in data:
            return "a timestamp"
        return "a signed message (CMS, PKCS#7)"
    return _CONTENT.get(oid, "")


def _is_tbs(data: bytes, parts: list[asn1.Element]) -> bool:
    rest = parts[1:] if parts[0].tag == asn1.CONTEXT_0 else parts
    if [one.tag for one in rest[:6]] != [_INTEGER, *[_SEQUENCE] * 5]:
        return False
    times = asn1.children(data, rest[3])
    return [one.tag in (asn1.UTC_TIME, asn1.GENERALIZED_TIME) for one in times] == [True, True]


def _is_key(data: bytes, parts: list[asn1.Element]) -> bool:
    tags = [one.tag for one in parts]
    if len(tags) >= 9 and set(tags[:9]) == {_INTEGER}:
        return True  # RSA
    if len(tags) == 6 and set(tags) == {_INTEGER}:
        return True  # DSA
    if tags[:2] == [_INTEGER, _OCTETS]:
        return True  # EC
    if tags[:3] != [_INTEGER, _SEQUENCE, _OCTETS]:
        return False
    inner = asn1.children(data, parts[1])
    return bool(inner) and dotted(inner[0].content(data)) in KEYS


def _parameters(data: bytes, parts: list[asn1.Element]) -> str:
    tags = [one.tag for one in parts]
    if _plain_numbers(tags):
        sizes = [len(one.content(data)) for one in parts]
        if len(tags) == 3 and 20 <= sizes[1] <= 33 < sizes[0] and sizes[2] > 20:
            return "DSA parameters"
        if sizes[1] <= 4 < 32 <= sizes[0]:
            exponent = int.from_bytes(parts[1].content(data), "big")
            return "DH parameters" if exponent < 16 else "a public key"
        return "DH parameters" if len(tags) == 3 else "a list of numbers: a signature (ECDSA, DSA), or DH parameters"
    if tags[:4] == [_INTEGER, _SEQUENCE, _SEQUENCE, _OCTETS]:
        return "the parameters of a curve that is spelled out"
    if tags and set(tags) == {_INTEGER} and len(tags) in (4, 5):
        return "DH parameters (X9.42)"
    return ""


def _ocsp_or_time(data: bytes, parts: list[asn1.Element]) -> str:
    tags = [one.tag for one in parts]
    if tags[:2] == [_INTEGER, _SEQUENCE]:
        inner = [one.tag for one in asn1.children(data, parts[1])]
        if inner == [_SEQUENCE, _OCTETS]:
            return "a request for a timestamp"
        if inner[:2] == [_OID, asn1.CONTEXT_0]:
            return "PKCS#12"
    if tags[:2] == [_SEQUENCE, _SEQUENCE] and len(tags) == 2:
        first = asn1.children(data, parts[0])
        content = [one.tag for one in asn1.children(data, parts[1])]
        if [one.tag for one in first[:1]] == [_INTEGER] and content[:2] == [_OID, asn1.CONTEXT_0]:
            return "an answer of a timestamp service"
    if tags == [_SEQUENCE] and [one.tag for one in asn1.children(data, parts[0])][:1] == [_INTEGER]:
        return "an answer of a timestamp service"
    if tags in ([_SEQUENCE], [_SEQUENCE, asn1.CONTEXT_0]) and _is_ocsp_request(data, parts[0]):
        return "an OCSP request"
    if tags == [_SEQUENCE, _OCTETS]:
        return "an encrypted private key, or a digest"
    return ""


def _is_ocsp_request(data: bytes, inner: asn1.Element) -> bool:
    listed = [one for one in asn1.children(data, inner) if one.tag == _SEQUENCE]
    if not listed:
        return False
    single = asn1.children(data, asn1.children(data, listed[0])[0])
    return [one.tag for one in asn1.children(data, single[0])] == [_SEQUENCE, _OCTETS, _OCTETS, _INTEGER]


_LABELS = {
    "X509 CRL": "a revocation list",
    "CRL": "a revocation list",
    "PUBLIC KEY": "a public key",
    "RSA PUBLIC KEY": "a public key",
    "DSA PUBLIC KEY": "a public key",
    "DH PARAMETERS": "DH parameters",
    "X9.42 DH PARAMETERS": "DH parameters",
    "DSA PARAMETERS": "DSA parameters",
    "ATTRIBUTE CERTIFICATE": "an attribute certificate",
    "OCSP RESPONSE": "an OCSP response",
    "OCSP REQUEST": "an OCSP request",
    "CMS": "a message (CMS)",
    "SSH2 PUBLIC KEY": "an SSH key",
    "OPENSSH PRIVATE KEY": "an SSH key",
    "SSH2 ENCRYPTED PRIVATE KEY": "an SSH key",
    "SSL SESSION PARAMETERS": "a saved TLS session",
    "PGP PUBLIC KEY BLOCK": "a PGP key",
    "PGP PRIVATE KEY BLOCK": "a private PGP key",
    "PGP MESSAGE": "a PGP message",
    "PGP SIGNATURE": "a PGP signature",
    "PGP SIGNED MESSAGE": "a text signed with PGP",
    "SIGNED MESSAGE": "a text signed with PEM mail",
    "AGE ENCRYPTED FILE": "a file encrypted with age",
}


def label_words(label: str) -> str:
    """Return what a PEM block is by its label, empty where the label says nothing."""
    return _LABELS.get(label.strip(), "")

"""Whether a signature is by a key: yes, no, or not known, because the algorithm is none that can be checked here."""

from __future__ import annotations

from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

from console.rules import der as asn1
from console.rules.certificate_der import algorithm_of, key_name
from console.rules.object_names import FAMILIES, KEYS, SIGNATURES, signature_word

_PSS, _MGF1 = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 (to check, never to sign)
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_HASH_OIDS = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_WORDS = {
    "sha1": "SHA-1",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "sha": "SHA-0",
    "sha512-224": "SHA-512/224",
    "sha512-256": "SHA-512/256",
    "ripemd160": "RIPEMD-160",
}
_HASHLESS = frozenset({"ed25519", "ed448"})


UNREADABLE_KEY = "its key, which cannot be read here"


class Outcome(NamedTuple):
    """Whether a signature holds; `unknown` names the algorithm or curve that cannot be checked, and then it is not."""

    holds: bool
    unknown: str = ""


class Pss(NamedTuple):
    """Parameters of RSA-PSS: two hashes and the length of the salt."""

    digest: str
    mask: str
    salt: int


def hash_word(algorithm: bytes) -> str:
    """Return the hash of a signature's algorithm (DER) for people: "SHA-256"; empty where it has none."""
    oid, parameters = algorithm_of(algorithm)
    family, word = SIGNATURES.get(oid, ("", ""))
    if oid == _PSS:
        pss = pss_of(parameters)
        word = pss.digest if pss else ""
    if not family:
        return f"not known: {oid}" if oid else ""
    return _WORDS.get(word, word.upper())


def unknown_key(spki: bytes, key: object) -> str:
    """Return how a public key's kind or curve is called, when the key is missing because that is not known here."""
    family, name = key_name(spki)
    if family == "ec" and key is None:
        return "" if name in _NAMED_CURVES else name
    known = key is not None and isinstance(
        key,
        rsa.RSAPublicKey
        | ec.EllipticCurvePublicKey
        | dsa.DSAPublicKey
        | ed25519.Ed25519PublicKey
        | ed448.Ed448PublicKey,
    )
    return "" if known or family in ("rsa", "dsa", "ed25519", "ed448") else name


_NAMED_CURVES = frozenset(
    (
        *("secp224r1", "prime256v1", "secp384r1", "secp521r1", "secp256k1", "ec"),
        *("brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"),
    )
)
"""Curves of which a key that cannot be read is damaged; "ec": the curve is spelled out, or missing."""


def fits(algorithm: bytes, spki: bytes) -> bool:
    """Say whether a signature's algorithm is one of a key's kind; what is not known here may be."""
    oid, _ = algorithm_of(algorithm)
    family, _ = SIGNATURES.get(oid, ("", ""))
    mine, name = key_name(spki)
    if not family or not mine or mine not in {*FAMILIES.values(), *KEYS.values()}:
        return True
    if name == "rsa-pss":
        return oid == _PSS
    return family == mine


def check(algorithm: bytes, spki: bytes, key: Any, signature: bytes, signed: bytes) -> Outcome:
    """Return whether a signature over bytes is by a key (None: it could not be read; `spki` is its DER)."""
    if unknown := unknown_key(spki, key):
        return Outcome(False, unknown)
    if unknown := unknown_algorithm(algorithm):
        return Outcome(False, unknown)
    if key is None:
        return Outcome(False, UNREADABLE_KEY)
    if not _allowed(algorithm, spki):
        return Outcome(False, "rsa-pss with other parameters than its key allows")
    try:
        _verify(algorithm, key, signature, signed)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except UnsupportedAlgorithm:
        return Outcome(False, signature_word(algorithm_of(algorithm)[0]))
    except (InvalidSignature, ValueError, TypeError):
        return Outcome(False)
    except BaseException:  # the library's panics are no Exception
        return Outcome(False)
    return Outcome(True)


def _allowed(algorithm: bytes, spki: bytes) -> bool:
    """Say whether a key for RSA-PSS alone allows a signature's parameters: its hashes, and a salt not shorter.

    The library does not look at what a key allows; OpenSSL does (RFC 4055 §3.3).
    """
    oid, parameters = algorithm_of(algorithm)
    if oid != _PSS or key_name(spki)[1] != "rsa-pss":
        return True
    _, limits = algorithm_of(asn1.children(spki, asn1.read(spki))[0].whole(spki))
    if not limits:
        return True
    most, made = pss_of(limits), pss_of(parameters)
    if most is None or made is None:
        return False
    return (made.digest, made.mask) == (most.digest, most.mask) and made.salt >= most.salt


def unknown_algorithm(algorithm: bytes) -> str:
    """Return how a signature's algorithm is called when it cannot be checked here, empty when it can."""
    oid, parameters = algorithm_of(algorithm)
    family, word = SIGNATURES.get(oid, ("", ""))
    if oid == _PSS:
        return "" if pss_of(parameters) else "rsa-pss with unusual parameters"
    if family in _HASHLESS and not word:
        return ""
    return "" if family in ("rsa", "ec", "dsa") and word in _HASHES else signature_word(oid)


_WELL_KNOWN = frozenset(
    (
        *(f"1.2.840.113549.1.1.{number}" for number in (2, 3, 4, 5, *range(10, 15))),
        *(f"2.16.840.1.101.3.4.3.{number}" for number in (1, 2, *range(13, 17))),
        *(f"1.2.840.10045.4.3.{number}" for number in range(1, 5)),
        *("1.2.840.10045.4.1", "1.2.840.10040.4.3", "1.3.101.112", "1.3.101.113", "1.3.36.3.3.1.2"),
        "1.2.156.10197.1.501",
    )
)


def strange_algorithm(algorithm: bytes) -> str:
    """Return how a signature's algorithm is called when OpenSSL 3.0 may not even know whose keys make it; else empty.

    It then takes no certificate for self-signed, though nobody checks the signature of a root.
    """
    oid, _ = algorithm_of(algorithm)
    return "" if oid in _WELL_KNOWN else signature_word(oid)


def _verify(algorithm: bytes, key: Any, signature: bytes, signed: bytes) -> None:
    oid, parameters = algorithm_of(algorithm)
    family, word = SIGNATURES[oid]
    if isinstance(key, rsa.RSAPublicKey) and oid == _PSS:
        pss = pss_of(parameters)
        assert pss is not None
        how = padding.PSS(padding.MGF1(_HASHES[pss.mask]), pss.salt)
        key.verify(signature, signed, how, _HASHES[pss.digest])
    elif isinstance(key, rsa.RSAPublicKey) and family == "rsa":
        key.verify(signature, signed, padding.PKCS1v15(), _HASHES[word])
    elif isinstance(key, ec.EllipticCurvePublicKey) and family == "ec":
        key.verify(signature, signed, ec.ECDSA(_HASHES[word]))
    elif isinstance(key, dsa.DSAPublicKey) and family == "dsa":
        key.verify(signature, signed, _HASHES[word])
    elif (isinstance(key, ed25519.Ed25519PublicKey) and family == "ed25519") or (
        isinstance(key, ed448.Ed448PublicKey) and family == "ed448"
    ):
        key.verify(signature, signed)
    else:
        raise InvalidSignature


def pss_of(parameters: bytes) -> Pss | None:
    """Return parameters of RSA-PSS (DER), None where they are missing, or of hashes that are not known here."""
    try:
        return _pss(parameters)
    except (asn1.DerError, IndexError):
        return None


def _pss(text: bytes) -> Pss | None:
    digest, mask, salt, trailer = "sha1", "sha1", 20, 1
    outer = asn1.read(text)
    if outer.tag != asn1.SEQUENCE:
        return None
    for one in asn1.children(text, outer):
        value = asn1.read(text, one.body, one.end).whole(text)
        if one.tag == asn1.CONTEXT_0:
            digest = _HASH_OIDS.get(algorithm_of(value)[0], "")
        elif one.tag == asn1.CONTEXT_0 + 1:
            generator, inner = algorithm_of(value)
            mask = _HASH_OIDS.get(algorithm_of(inner)[0], "") if generator == _MGF1 else ""
        elif one.tag == asn1.CONTEXT_0 + 2:
            salt = _number(value)
        elif one.tag == asn1.CONTEXT_3:
            trailer = _number(value)
        else:
            return None
    if not digest or not mask or not 0 <= salt <= 1024 or trailer != 1:
        return None
    return Pss(digest, mask, salt)


def _number(value: bytes) -> int:
    return int.from_bytes(asn1.read(value).content(value), "big", signed=True)

"""Private keys of certificates: made, encrypted, read back, and judged by IoT Hub's rules."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import Certificate

from console.model.certificate import KeyType
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
ITERATIONS = 600_000
"""Of PBKDF2-HMAC-SHA256 (OWASP's figure of 2023). What `cryptography` writes by itself (BestAvailableEncryption) is
PBKDF2 with 2,048, which a graphics card runs through in the millions a second; openssl's own scrypt form is limited to
16 MiB of memory, and small device libraries do not read it."""
_RSA_BITS = {KeyType.RSA_2048: 2048, KeyType.RSA_3072: 3072, KeyType.RSA_4096: 4096}
_CURVES: dict[KeyType, ec.EllipticCurve] = {KeyType.EC_P256: ec.SECP256R1(), KeyType.EC_P384: ec.SECP384R1()}
_PASSPHRASE_LEAST, _PASSPHRASE_MOST = 4, 1024  # characters that openssl wants, bytes that it reads
_RSA_LEAST, _RSA_MOST = 2048, 8192
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
_HMAC_SHA256 = bytes.fromhex("06082a864886f70d0209")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_ASK_AGAIN = "Make the request with RSA 2048 or more, or EC P-256 or P-384"
ED25519_REFUSED = (
    "IoT Hub's TLS 1.2 cipher suites are for RSA and ECDSA only, "
    "so a device with an Ed25519 or Ed448 key cannot connect"
)


def generate(key_type: KeyType) -> SigningKey:
    """Return a new private key."""
    if key_type in _RSA_BITS:
        return rsa.generate_private_key(65537, _RSA_BITS[key_type])
    return ec.generate_private_key(_CURVES[key_type])


def key_type_from(text: str, allowed: tuple[KeyType, ...]) -> KeyType:
    """Return the kind of key that text names. Raises ConsoleError BAD_INPUT (code "usage") with the reason."""
    choice = " or ".join(allowed)
    if text.lower().startswith("ed"):
        what = f"No key of the type “{text}” is made"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, ED25519_REFUSED, f"Choose {choice}", code="usage")
    for one in allowed:
        if text.lower() == one:
            return one
    why = "a CA signs for years, and wants a longer key" if text.lower() == KeyType.RSA_2048 else ""
    what = f"“{text[:40]}” is no type of key for this certificate"
    raise ConsoleError(ErrorKind.BAD_INPUT, what, why, f"Choose {choice}", code="usage")


def key_type_of(key: object) -> str:
    """Return the kind of a private or public key as `--key-type` names it, empty when IoT Hub does not take it."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return {"secp256r1": KeyType.EC_P256.value, "secp384r1": KeyType.EC_P384.value}.get(key.curve.name, "")
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return f"rsa-{key.key_size}"
    return ""


def check_public_key(key: object, what: str, hint: str = _ASK_AGAIN) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """Return a key from outside when IoT Hub takes it. Raises ConsoleError BAD_INPUT, begun by `what`."""
    if isinstance(key, rsa.RSAPublicKey):
        if _RSA_LEAST <= key.key_size <= _RSA_MOST:
            return key
        size = "too weak" if key.key_size < _RSA_LEAST else "too large to be practical"
        why = f"its RSA key has {key.key_size:,} bits, which is {size}"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key_type_of(key):
            return key
        why = f"its key is on the curve {key.curve.name}, and TLS with IoT Hub wants P-256 or P-384"
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        why = ED25519_REFUSED
    else:
        why = "its key is neither RSA nor on an elliptic curve"
    raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint)


def hash_for(key: SigningKey) -> hashes.SHA256 | hashes.SHA384:
    """Return the hash that a key signs with: SHA-384 for P-384, else SHA-256."""
    wide = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp384r1"
    return hashes.SHA384() if wide else hashes.SHA256()


def spki(key: object) -> bytes:
    """Return the DER of a public key, or of the public part of a private one: equal for keys that belong together."""
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) else key
    assert isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


# --- files ---------------------------------------------------------------------------------------------------------


def check_passphrase(passphrase: Secret) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless this can lock a new key, for openssl too."""
    text = passphrase.reveal()
    if len(text) < _PASSPHRASE_LEAST:
        why = "it is empty" if not text else f"it has less than {_PASSPHRASE_LEAST} characters"
    elif len(text.encode("utf-8", "surrogatepass")) > _PASSPHRASE_MOST:
        why = f"it has more than {_PASSPHRASE_MOST:,} bytes"
    elif any(letter in text for letter in "\0\r\n") or not _encodable(text):
        why = "it has a line break or a character that cannot be typed again"
    else:
        return
    what = "The passphrase cannot be used"
    raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Choose another", code="usage")


def private_pem(key: SigningKey, passphrase: Secret | None) -> bytes:
    """Return a key as PKCS#8 PEM; with a passphrase by PBES2: PBKDF2-HMAC-SHA256 with ITERATIONS, AES-256-CBC."""
    if passphrase is None:
        plain = serialization.NoEncryption()
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    der = _encrypted(private_der(key), passphrase.reveal().encode())
    text = b64encode(der)
    lines = b"\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + lines + b"\n-----END ENCRYPTED PRIVATE KEY-----\n"


def private_der(key: SigningKey) -> bytes:
    """Return a key as PKCS#8 DER, not encrypted: for another process, never for a file."""
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)


def private_from_der(data: bytes) -> SigningKey:
    """Return a key from what `private_der` gave."""
    key = serialization.load_der_private_key(data, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return key


def is_encrypted(pem: bytes) -> bool:
    """Return whether a key file asks for a passphrase."""
    return b"ENCRYPTED" in pem


def private_from_pem(pem: bytes, passphrase: Secret | None, where: str) -> SigningKey:
    """Return the key of a file that `where` names.

    Raises ConsoleError BAD_INPUT: code "passphrase" when that is missing or wrong; plain when it holds no usable key.
    """
    what = f"The key in {where} cannot be used"
    locked = is_encrypted(pem)
    if locked and passphrase is None:
        hint = "Give the passphrase by prompt or by --ca-passphrase-stdin"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "it asks for a passphrase", hint, code="passphrase")
    word = passphrase.reveal().encode("utf-8", "surrogatepass") if locked and passphrase is not None else None
    try:
        key = serialization.load_pem_private_key(pem, word)
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # foreign bytes: what the library raises is not all derived from Exception
        if locked:
            why, code = "the passphrase is wrong, or the file is damaged", "passphrase"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Try again", code=code) from None
        why = "it is no private key in PEM form, or damaged"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Restore it from a copy") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ConsoleError(ErrorKind.BAD_INPUT, what, ED25519_REFUSED, "Make a CA with RSA or EC")
    return key


def pkcs12_bundle(
    name: str, key: SigningKey, certificate: Certificate, chain: tuple[Certificate, ...], passphrase: Secret | None
) -> bytes:
    """Return key, certificate and chain as PKCS#12 that openssl 3 reads; without a passphrase it is not encrypted."""
    if passphrase is None:
        return pkcs12.serialize_key_and_certificates(
            name.encode(), key, certificate, chain, serialization.NoEncryption()
        )
    lock = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ITERATIONS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(passphrase.reveal().encode())
    )
    return pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, chain, lock)


def _encrypted(plain: bytes, passphrase: bytes) -> bytes:
    """Return EncryptedPrivateKeyInfo (RFC 5958) by PBES2 (RFC 8018)."""
    salt, vector = os.urandom(16), os.urandom(16)
    secret = hashlib.pbkdf2_hmac("sha256", passphrase, salt, ITERATIONS, 32)
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).encryptor()
    pad = 16 - len(plain) % 16
    sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    count = ITERATIONS.to_bytes(3, "big")
    derivation = _der(0x30, _PBKDF2, _der(0x30, _der(4, salt), _der(2, count), _der(0x30, _HMAC_SHA256, b"\x05\x00")))
    scheme = _der(0x30, _AES_256_CBC, _der(4, vector))
    return _der(0x30, _der(0x30, _PBES2, _der(0x30, derivation, scheme)), _der(4, sealed))


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = len(body)
    if length < 128:
        return bytes([tag, length]) + body
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + body


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

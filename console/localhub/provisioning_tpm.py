"""What only a service does with a TPM 2.0: hand a key to one machine's TPM so that nobody else can open it.

The blob's order is that of the provisioning service (read in Microsoft's device security provider, and checked against
a published answer); structures and derivations are those of the TPM 2.0 library specification, parts 1 and 2.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from console.localhub.tpm_reader import Reader, sized

RSA, KEYED_HASH, ECC = 0x0001, 0x0008, 0x0023
_HMAC, _AES, _CFB, _NULL = 0x0005, 0x0006, 0x0043, 0x0010
_SHA256 = 0x000B
_HASHES: dict[int, tuple[str, type[hashes.HashAlgorithm]]] = {
    _SHA256: ("sha256", hashes.SHA256),
    0x000C: ("sha384", hashes.SHA384),
    0x000D: ("sha512", hashes.SHA512),
}
_CURVES: dict[int, Callable[[], ec.EllipticCurve]] = {0x0003: ec.SECP256R1, 0x0004: ec.SECP384R1, 0x0005: ec.SECP521R1}
_EXPONENT = 65537
_IDENTITY_KEY = 0x00040440  # sign, noDA, userWithAuth; neither fixedTPM nor fixedParent, or no TPM would import it
_WRAPPING_KEY = 16  # bytes of the AES key between credential and duplicate
MAX_KEY = 128


class TpmError(ValueError):
    """A public key that is none of a TPM's storage keys, or cannot be used to wrap for."""


@dataclass(frozen=True)
class StorageKey:
    """The public area of a key that decrypts inside a TPM: an endorsement key or a storage root key.

    `name` is what the TPM calls the key: the hash algorithm's number and the hash of the public area. `cipher_bits` is
    the size of the AES key that protects what is stored under it.
    """

    name: bytes
    hash_id: int
    cipher_bits: int
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey

    @property
    def hash_name(self) -> str:
        """The name of the key's hash, as hashlib knows it."""
        return _HASHES[self.hash_id][0]

    @property
    def digest_size(self) -> int:
        """How many bytes that hash has."""
        return hashlib.new(self.hash_name).digest_size


def read_storage_key(blob: bytes) -> StorageKey:
    """Return the key of a TPM2B_PUBLIC.

    Raises TpmError: not of that shape, not an RSA or ECC key that stores under AES in CFB mode, weak.
    """
    try:
        return _read(blob)
    except TpmError:
        raise
    except (ValueError, OverflowError) as error:
        raise TpmError(f"This is not the public part of a TPM's storage key: {error}") from None


def _read(blob: bytes) -> StorageKey:
    outer = Reader(blob)
    area = outer.sized()
    outer.end()
    reader = Reader(area)
    kind, hash_id = reader.number(2), reader.number(2)
    if hash_id not in _HASHES:
        raise TpmError("The key names its hash by a number that is not SHA-256, SHA-384 or SHA-512.")
    reader.number(4)  # attributes
    reader.sized()  # authorization policy
    if kind not in {RSA, ECC}:
        raise TpmError("The key is neither RSA nor ECC.")
    if reader.number(2) != _AES:
        raise TpmError("The key does not store under AES, so it is no storage key.")
    bits, mode = reader.number(2), reader.number(2)
    if mode != _CFB or bits not in {128, 192, 256}:
        raise TpmError("The key does not store under AES in CFB mode.")
    if reader.number(2) != _NULL:
        raise TpmError("The key has a scheme of its own, so it is no storage key.")
    public = _rsa(reader) if kind == RSA else _ecc(reader)
    reader.end()
    name = hash_id.to_bytes(2, "big") + hashlib.new(_HASHES[hash_id][0], area).digest()
    return StorageKey(name, hash_id, bits, public)


def _rsa(reader: Reader) -> rsa.RSAPublicKey:
    bits, exponent, modulus = reader.number(2), reader.number(4), reader.sized()
    if not 2048 <= bits <= 4096 or len(modulus) != bits // 8:
        raise TpmError("The key's modulus does not have the size that it says.")
    return rsa.RSAPublicNumbers(exponent or _EXPONENT, int.from_bytes(modulus, "big")).public_key()


def _ecc(reader: Reader) -> ec.EllipticCurvePublicKey:
    curve = _CURVES.get(reader.number(2))
    if curve is None:
        raise TpmError("The key is on a curve other than NIST P-256, P-384 and P-521.")
    if reader.number(2) != _NULL:
        reader.number(2)  # the key derivation's hash
    x, y = reader.sized(), reader.sized()
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve()).public_key()


def authentication_key(endorsement: StorageKey, storage_root: StorageKey, key: bytes, resource: str) -> bytes:
    """Return a key wrapped for one TPM, as the service sends it (before base64).

    The key is duplicated for the storage root key inside an AES-128 wrapper, whose key is made a credential that only
    the TPM with both this endorsement key and this storage root key releases. Six size-prefixed parts: credential,
    its encrypted seed, duplicate, its encrypted seed, public area, and the resource's name under the same wrapper.
    """
    if not 0 < len(key) <= MAX_KEY:
        raise TpmError(f"A TPM takes an HMAC key of 1 to {MAX_KEY} bytes.")
    wrapping = secrets.token_bytes(_WRAPPING_KEY)
    credential, credential_seed = make_credential(endorsement, storage_root.name, wrapping)
    duplicate, duplicate_seed, public = duplicate_for(storage_root, key, wrapping)
    # What follows is told by the service, and read by no client that we know of: the name, in UTF-16.
    told = _cfb(wrapping, resource.encode("utf-16-le"))
    return b"".join(map(sized, (credential, credential_seed, duplicate, duplicate_seed, public, told)))


def make_credential(key: StorageKey, name: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """Do TPM2_MakeCredential: return the contents of TPM2B_ID_OBJECT and of TPM2B_ENCRYPTED_SECRET.

    The TPM that has `key` releases `secret` for an object that is called `name`.
    """
    seed, encrypted_seed = _share_seed(key, b"IDENTITY\0")
    hidden = _cfb(_kdfa(key, seed, b"STORAGE\0", name, key.cipher_bits), sized(secret))
    return sized(_outer_hmac(key, seed, hidden, name)) + hidden, encrypted_seed


def duplicate_for(parent: StorageKey, key: bytes, wrapping: bytes) -> tuple[bytes, bytes, bytes]:
    """Do TPM2_Duplicate of an HMAC key for a new parent, with an inner wrapper.

    Returns the contents of TPM2B_PRIVATE, TPM2B_ENCRYPTED_SECRET and TPM2B_PUBLIC.
    """
    obfuscation = secrets.token_bytes(32)
    sensitive = sized(KEYED_HASH.to_bytes(2, "big") + sized(b"") + sized(obfuscation) + sized(key))
    public = (
        KEYED_HASH.to_bytes(2, "big")
        + _SHA256.to_bytes(2, "big")
        + _IDENTITY_KEY.to_bytes(4, "big")
        + sized(b"")
        + _HMAC.to_bytes(2, "big")
        + _SHA256.to_bytes(2, "big")
        + sized(hashlib.sha256(obfuscation + key).digest())
    )
    name = _SHA256.to_bytes(2, "big") + hashlib.sha256(public).digest()
    inner = _cfb(wrapping, sized(hashlib.sha256(sensitive + name).digest()) + sensitive)
    seed, encrypted_seed = _share_seed(parent, b"DUPLICATE\0")
    outer = _cfb(_kdfa(parent, seed, b"STORAGE\0", name, parent.cipher_bits), inner)
    return sized(_outer_hmac(parent, seed, outer, name)) + outer, encrypted_seed, public


def _share_seed(key: StorageKey, label: bytes) -> tuple[bytes, bytes]:
    """Return a seed that the TPM with `key` can find out, and what it needs for that."""
    if isinstance(key.public, rsa.RSAPublicKey):
        seed = secrets.token_bytes(key.digest_size)
        kind = _HASHES[key.hash_id][1]
        return seed, key.public.encrypt(seed, padding.OAEP(padding.MGF1(kind()), kind(), label))
    size = (key.public.curve.key_size + 7) // 8
    ours = ec.generate_private_key(key.public.curve)
    shared = ours.exchange(ec.ECDH(), key.public)
    point, theirs = ours.public_key().public_numbers(), key.public.public_numbers()
    x, y = point.x.to_bytes(size, "big"), point.y.to_bytes(size, "big")
    party = x + theirs.x.to_bytes(size, "big")
    # KDFe with as many bits as the hash has: one round
    seed = hashlib.new(key.hash_name, (1).to_bytes(4, "big") + shared + label + party).digest()
    return seed, sized(x) + sized(y)


def _kdfa(key: StorageKey, seed: bytes, label: bytes, context: bytes, bits: int) -> bytes:
    """Derive up to a hash's worth of bits: SP 800-108 in counter mode, as the TPM's KDFa."""
    message = (1).to_bytes(4, "big") + label + context + bits.to_bytes(4, "big")
    return hmac.new(seed, message, key.hash_name).digest()[: bits // 8]


def _outer_hmac(key: StorageKey, seed: bytes, hidden: bytes, name: bytes) -> bytes:
    hmac_key = _kdfa(key, seed, b"INTEGRITY\0", b"", key.digest_size * 8)
    return hmac.new(hmac_key, hidden + name, key.hash_name).digest()


def _cfb(key: bytes, data: bytes) -> bytes:
    """Encrypt with AES in CFB mode from a zero vector; by hand, for the library has moved the mode about."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - each block is of the chain, none repeats
    done, last = bytearray(), bytes(16)
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        last = bytes(a ^ b for a, b in zip(part, block.update(last), strict=False))
        done += last
    return bytes(done)

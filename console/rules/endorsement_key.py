"""Endorsement keys of TPMs in the forms that tools write, made into what the provisioning service takes: TPM2B_PUBLIC.

Structures are those of TCG's TPM 2.0 library, part 2; the templates those of TCG's EK credential profile.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

WHAT = "The endorsement key cannot be used"
_HINT = "Give the public part as tpm2_createek -u FILE writes it, as PEM, or as base64 of its TPM2B_PUBLIC"
_RSA, _ECC, _NULL = 0x0001, 0x0023, 0x0010
_RESTRICTED, _DECRYPT, _SIGN = 1 << 16, 1 << 17, 1 << 18
_SCHEMES = {0x14: 2, 0x16: 2, 0x17: 2, 0x15: 0, 0x18: 2, 0x19: 2, 0x1B: 2, 0x1C: 2, 0x1A: 4}
"""Bytes that follow a scheme's number: its hash, ECDAA's count as well."""
_HEAD = bytes.fromhex(
    "000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa" + "000600800043" + "0010"
)
"""SHA-256, the attributes and PolicyA of the low range, AES-128 in CFB mode, no scheme."""
_PEM = re.compile(r"-----BEGIN ?([A-Z0-9 ]+?)-----(.*?)-----END ?\1-----", re.DOTALL)
_DEEPEST = 3  # base64 of a PEM file of base64


@dataclass(frozen=True)
class EndorsementKey:
    """A key as the service takes it, in base64; `told` are sentences about what was made of the given form."""

    packed: str
    told: tuple[str, ...] = ()


def endorsement_key(text: str) -> EndorsementKey:
    """Return the key that a text holds: base64 or hex of TPM2B_PUBLIC, TPMT_PUBLIC, DER or a certificate, or PEM.

    Raises ConsoleError BAD_INPUT (code "usage") that says what the text is instead.
    """
    if not text.strip():
        raise _bad("it is empty")
    area, told = _found(text.encode("utf-8", "replace"), 0) or (b"", "")
    known = _public(area)
    if known is None:
        raise _bad(_instead(text))
    attributes, policy = known
    if attributes & _SIGN or not attributes & _DECRYPT or not attributes & _RESTRICTED:
        raise _bad("it is a key for signing (an attestation key, perhaps), not the endorsement key", "tpm2_createek")
    notes = [told] if told else []
    if not policy:
        notes.append("it has no policy, as endorsement keys have: check that it is not the storage root key")
    return EndorsementKey(base64.b64encode(len(area).to_bytes(2) + area).decode("ascii"), tuple(notes))


def _found(raw: bytes, depth: int) -> tuple[bytes, str] | None:
    """Return the TPMT_PUBLIC in some bytes and what was made of them, None when there is none."""
    if len(raw) > 2 and int.from_bytes(raw[:2]) == len(raw) - 2 and _public(raw[2:]):
        return raw[2:], ""
    if _public(raw):
        return raw, "its size was put before it, as the service takes it (TPM2B_PUBLIC)"
    if key := _of_der(raw):
        return key
    text = _text(raw)
    if text is None or depth == _DEEPEST:
        return None
    blocks = _PEM.findall(text)
    if blocks:
        return _of_pem(blocks)
    packed = "".join(text.split())
    hexed = re.sub(r"0x|[:,;-]", "", packed)
    for form in (_hex(hexed), _base64(packed)):
        if form and (found := _found(form, depth + 1)):
            return found
    return None


def _of_pem(blocks: list[tuple[str, str]]) -> tuple[bytes, str]:
    labels = [" ".join(label.split()) for label, _ in blocks]
    if any("PRIVATE" in label for label in labels):
        raise _bad("it is a private key: that never leaves its TPM or machine", "Give the public part")
    if len(blocks) > 1:
        raise _bad(f"it holds {len(blocks)} PEM blocks ({clean(', '.join(labels), limit=80)})", "Give one of them")
    raw = _base64("".join(blocks[0][1].split()))
    found = _of_der(raw) if raw else None
    if found is None:
        raise _bad(f"its PEM block ({clean(labels[0], limit=40)}) holds no public key that can be read")
    return found


def _of_der(raw: bytes) -> tuple[bytes, str] | None:
    """Return the public area for a key or certificate in DER, by the template that such a key is made with."""
    if not raw.startswith(b"\x30"):
        return None
    origin, key = "the public key", None
    try:
        key = serialization.load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        try:
            key, origin = x509.load_der_x509_certificate(raw).public_key(), "the certificate's key"
        except (ValueError, UnsupportedAlgorithm):
            return None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048:
        numbers = key.public_numbers()
        exponent = 0 if numbers.e == 65537 else numbers.e
        if exponent >= 1 << 32:
            raise _bad("its RSA exponent is too large for a TPM")
        tail = (2048).to_bytes(2) + exponent.to_bytes(4) + _sized(numbers.n.to_bytes(256))
        area, template = _RSA.to_bytes(2) + _HEAD + tail, "L-1"
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        point = key.public_numbers()
        tail = bytes.fromhex("00030010") + _sized(point.x.to_bytes(32)) + _sized(point.y.to_bytes(32))
        area, template = _ECC.to_bytes(2) + _HEAD + tail, "L-2"
    else:
        why = "it is a public key of a kind whose template is not known from the key alone"
        raise _bad(why, "Give it as tpm2_createek -u FILE writes it: that names the template")
    told = f"made of {origin} by TCG's template {template}, by which tpm2_createek makes it: it holds for no other"
    return area, told


def _public(raw: bytes) -> tuple[int, bytes] | None:
    """Return attributes and policy of a TPMT_PUBLIC of an RSA or ECC key, None for bytes that are none."""
    try:
        return _parsed(_Reader(raw))
    except ValueError:
        return None


def _parsed(reader: _Reader) -> tuple[int, bytes]:
    kind = reader.number(2)
    if kind not in (_RSA, _ECC):
        raise ValueError("neither RSA nor ECC")
    reader.number(2)
    attributes, policy = reader.number(4), reader.sized()
    if reader.number(2) != _NULL:  # symmetric: key bits and mode
        reader.number(4)
    reader.scheme()
    if kind == _RSA:
        bits = reader.number(2)
        reader.number(4)
        if len(reader.sized()) * 8 != bits or not bits:
            raise ValueError("a modulus of another length")
    else:
        reader.number(2)
        reader.scheme()
        if not reader.sized() or not reader.sized():
            raise ValueError("a point without coordinates")
    reader.end()
    return attributes, policy


class _Reader:
    """Reads marshalled bytes from the front; raises ValueError when they end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def number(self, size: int) -> int:
        """Return the next number of `size` bytes."""
        return int.from_bytes(self._take(size))

    def sized(self) -> bytes:
        """Return the next byte string, without its size."""
        return self._take(self.number(2))

    def scheme(self) -> None:
        """Pass over a scheme or key derivation with what belongs to it."""
        number = self.number(2)
        if number == _NULL:
            return
        more = 2 if number in (0x07, 0x20, 0x21, 0x22) else _SCHEMES.get(number)
        if more is None:
            raise ValueError("an unknown scheme")
        self._take(more)

    def end(self) -> None:
        """Raise ValueError unless everything was read."""
        if self._data:
            raise ValueError("there are bytes left over")

    def _take(self, size: int) -> bytes:
        part, self._data = self._data[:size], self._data[size:]
        if len(part) != size:
            raise ValueError("it ends too soon")
        return part


def _text(raw: bytes) -> str | None:
    """Return bytes as text, UTF-16 with a mark as well; None for what is no plain text."""
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if text.isascii() and all(one.isprintable() or one.isspace() for one in text) else None


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.translate({ord("-"): "+", ord("_"): "/"}), validate=True)
    except ValueError:
        return b""


def _instead(text: str) -> str:
    packed = "".join(text.split())
    raw = _hex(packed) or _base64(packed)
    if "attributes:" in text and "name-alg:" in text:
        return "it is what tpm2_readpublic prints for people; the key is in the file that its -o names"
    if not raw:
        return "it is neither PEM nor base64 nor hex"
    if len(raw) > 2 and int.from_bytes(raw[:2]) == len(raw) - 2:
        kind = int.from_bytes(raw[2:4])
        if kind not in (_RSA, _ECC):
            return "it is neither an RSA nor an ECC key"
        return "its size is right, but it is no public area (TPM2B_PUBLIC); a private part is none"
    return "it is no public area of a TPM: its length is not the one that it states, and it is no public key in DER"


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def _bad(why: str, hint: str = _HINT) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, hint, code="usage")

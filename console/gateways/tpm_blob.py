"""The blob in which a provisioning service hands a key to one TPM, taken apart.

Its order is that of Microsoft's device security provider: six parts, each behind its size in two bytes, big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.model.errors import ConsoleError, ErrorKind

KEYED_HASH = 0x0008  # TPM_ALG_KEYEDHASH: the public area of an HMAC key begins with it
_LONGEST = 65536


@dataclass(frozen=True)
class WrappedKey:
    """The parts that a TPM needs, without their sizes: what TPM2_ActivateCredential and TPM2_Import take."""

    credential: bytes
    credential_seed: bytes
    duplicate: bytes
    duplicate_seed: bytes
    public: bytes


def read_wrapped_key(blob: bytes) -> WrappedKey:
    """Return the parts of an authentication key. Raises ConsoleError BAD_ANSWER when it is none."""
    parts: list[bytes] = []
    place = 0
    while len(parts) < 5:
        size = int.from_bytes(blob[place : place + 2], "big")
        part = blob[place + 2 : place + 2 + size]
        if len(blob) > _LONGEST or not size or len(part) != size:
            raise _bad("it is cut short")
        parts.append(part)
        place += 2 + size
    # a sixth part tells of the resource, under the same wrapper; clients do without it
    if int.from_bytes(parts[4][:2], "big") != KEYED_HASH:
        raise _bad("what is wrapped is no HMAC key")
    return WrappedKey(*parts)


def _bad(why: str) -> ConsoleError:
    what = "The wrapped key that the provisioning service sent cannot be read"
    return ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Run the registration again")

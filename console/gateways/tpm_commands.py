"""The few commands of the TPM 2.0 library specification (parts 2 and 3) that a registration takes, marshalled by hand.

They go through one connection. tpm2-tools have one for each program, and the kernel's resource manager throws a policy
session out with the program that began it: their own manual says so (tpm2_startauthsession).
"""

from __future__ import annotations

import secrets
from contextlib import suppress

from console.gateways.tpm_link import TpmLink
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import NEVER_CANCELLED, Cancel

OWNER, ENDORSEMENT = 0x40000001, 0x4000000B
MOST_SIGNED = 1024
"""Bytes that a TPM signs in one command at least (TPM_PT_INPUT_BUFFER)."""

_NULL, _PASSWORD = 0x40000007, 0x40000009
_NO_SESSIONS, _SESSIONS, _TPM12 = 0x8001, 0x8002, 0x00C4
_SHA256 = 0x000B
_AES_128_CFB = bytes.fromhex("000600800043")
_EMPTY = bytes(2)  # a size of nothing
_POLICY = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")

ENDORSEMENT_TEMPLATE = (
    bytes.fromhex("0001000b000300b20020") + _POLICY + _AES_128_CFB + bytes.fromhex("0010080000000000") + b"\x01\x00"
) + bytes(256)
"""RSA-2048 of TCG's EK credential profile (template L-1)."""

ROOT_TEMPLATE = bytes.fromhex("0001000b000304720000") + _AES_128_CFB + bytes.fromhex("00100800000000000000")
"""RSA-2048 that stores under AES-128 in CFB mode: fixed, restricted, for its user, free of lockouts."""

_AGAIN = frozenset({0x908, 0x90A, 0x922})  # yielded, testing, retry
_TRIES = 20
_PAUSE = 0.5
_NO_ROOM = frozenset({0x902, 0x903, 0x904, 0x905, 0x906, 0x14B})


class TpmRefusedError(Exception):
    """A command that the TPM refused, with its response code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"TPM response {code:#x}")
        self.code = code

    def told(self, what: str) -> ConsoleError:
        """Return it as a sentence that begins with `what`."""
        code = self.code & 0xFFFF
        if code in _NO_ROOM:
            why, hint = "the TPM has no room left for another key or session", "End what else uses it, or start anew"
            return ConsoleError(ErrorKind.CONFLICT, what, why, hint)
        if code == 0x921:
            why = "the TPM has locked itself after failed attempts"
            return ConsoleError(ErrorKind.PERMISSION, what, why, "Wait until it recovers, or reset its lockout")
        if code & 0x80 and code & 0xBF in {0xA2, 0x8E}:
            why = "a password protects the TPM's hierarchies, and this console does not take it"
            return ConsoleError(ErrorKind.PERMISSION, what, why, "Clear it with the TPM's own tools (tpm2_changeauth)")
        if code == 0x100:
            return ConsoleError(ErrorKind.SERVICE, what, "the TPM was not started", "Start the machine anew")
        return ConsoleError(
            ErrorKind.SERVICE, what, f"the TPM answered {code:#x}", "tpm2_rc_decode of tpm2-tools says what that means"
        )


def sized(part: bytes) -> bytes:
    """Return bytes behind their size, as a TPM marshals them."""
    return len(part).to_bytes(2, "big") + part


class Reader:
    """Takes an answer apart. Raises ConsoleError BAD_ANSWER where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def number(self, size: int) -> int:
        """Return an unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def sized(self) -> bytes:
        """Return what stands behind its size."""
        return self.take(self.number(2))

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if len(self._data) < size:
            why = "what it answered is cut short"
            raise ConsoleError(ErrorKind.BAD_ANSWER, "The TPM's answer cannot be read", why, "Try again")
        part, self._data = self._data[:size], self._data[size:]
        return part


class TpmCommands:
    """Commands to one TPM. Handles are numbers. Raises TpmRefusedError, and ConsoleError as the connection does."""

    def __init__(self, link: TpmLink) -> None:
        self._link = link

    def properties(self, cancel: Cancel) -> dict[int, int]:
        """Return fixed properties from the maker (0x105) on."""
        answer = self._capability(6, 0x105, 16, cancel)
        return {answer.number(4): answer.number(4) for _ in range(answer.number(4))}

    def persistent(self, cancel: Cancel) -> frozenset[int]:
        """Return the handles of keys that are kept."""
        answer = self._capability(1, 0x81000000, 254, cancel)
        return frozenset(answer.number(4) for _ in range(answer.number(4)))

    def create_primary(self, hierarchy: int, template: bytes, cancel: Cancel) -> int:
        """Make a hierarchy's primary key, the same from the same template, and return its handle."""
        sensitive = sized(_EMPTY + _EMPTY)
        arguments = sensitive + sized(template) + _EMPTY + bytes(4)
        return self._call(0x131, [hierarchy], arguments, cancel, makes_handle=True).number(4)

    def public(self, handle: int, cancel: Cancel) -> bytes:
        """Return a key's public area, as TPM2B_PUBLIC."""
        return sized(self._plain(0x173, handle.to_bytes(4, "big"), cancel).sized())

    def activate_credential(self, root: int, endorsement: int, credential: bytes, seed: bytes, cancel: Cancel) -> bytes:
        """Release what was made a credential for the two keys; a policy session on the endorsement key allows it."""
        nonce = sized(secrets.token_bytes(32))
        begin = _numbers(_NULL, _NULL) + nonce + _EMPTY + b"\x01" + b"\x00\x10" + _SHA256.to_bytes(2, "big")
        session = self._plain(0x176, begin, cancel).number(4)
        try:
            self._call(0x151, [ENDORSEMENT, session], _EMPTY * 3 + bytes(4), cancel, auths=[_password()])
            policy = _numbers(session) + nonce + b"\x01" + _EMPTY
            arguments = sized(credential) + sized(seed)
            return self._call(0x147, [root, endorsement], arguments, cancel, auths=[_password(), policy]).sized()
        finally:
            self.flush(session)

    def import_key(
        self, root: int, wrapping: bytes, public: bytes, duplicate: bytes, seed: bytes, cancel: Cancel
    ) -> int:
        """Take a wrapped key in, load it, and return its handle."""
        arguments = sized(wrapping) + sized(public) + sized(duplicate) + sized(seed) + _AES_128_CFB
        private = self._call(0x156, [root], arguments, cancel).sized()
        return self._call(0x157, [root], sized(private) + sized(public), cancel, makes_handle=True).number(4)

    def hmac(self, handle: int, data: bytes, cancel: Cancel) -> bytes:
        """Return the HMAC-SHA256 of at most `MOST_SIGNED` bytes."""
        return self._call(0x155, [handle], sized(data) + _SHA256.to_bytes(2, "big"), cancel).sized()

    def evict(self, handle: int, place: int, cancel: Cancel) -> None:
        """Keep a loaded key at a persistent handle; with that handle itself: throw out what is kept there."""
        self._call(0x120, [OWNER, handle], _numbers(place), cancel)

    def flush(self, handle: int) -> None:
        """Throw out a loaded key or a session; one that is gone already is well."""
        with suppress(TpmRefusedError, ConsoleError):  # the connection may be gone; then so is what it had
            self._plain(0x165, _numbers(handle), NEVER_CANCELLED)

    # -- sending -------------------------------------------------------------------------------------------------------

    def _capability(self, kind: int, first: int, count: int, cancel: Cancel) -> Reader:
        answer = self._plain(0x17A, _numbers(kind, first, count), cancel)
        answer.take(5)  # whether there is more; the kind
        return answer

    def _plain(self, code: int, arguments: bytes, cancel: Cancel) -> Reader:
        return Reader(self._send(_NO_SESSIONS, code, arguments, cancel))

    def _call(
        self,
        code: int,
        handles: list[int],
        arguments: bytes,
        cancel: Cancel,
        *,
        auths: list[bytes] | None = None,
        makes_handle: bool = False,
    ) -> Reader:
        area = b"".join([_password()] if auths is None else auths)
        body = _numbers(*handles) + len(area).to_bytes(4, "big") + area + arguments
        answer = self._send(_SESSIONS, code, body, cancel)
        size = 4 if makes_handle else 0  # then comes the size of what is answered; what follows it is about sessions
        return Reader(answer[:size] + answer[size + 4 :])

    def _send(self, tag: int, code: int, body: bytes, cancel: Cancel) -> bytes:
        command = tag.to_bytes(2, "big") + (len(body) + 10).to_bytes(4, "big") + code.to_bytes(4, "big") + body
        for left in reversed(range(_TRIES)):
            answer = self._link.exchange(command, cancel)
            reader = Reader(answer)
            kind, size, result = reader.number(2), reader.number(4), reader.number(4)
            if kind == _TPM12:
                what, why = "The TPM cannot be used", "it is a TPM 1.2, and the provisioning service takes a TPM 2.0"
                raise ConsoleError(ErrorKind.NOT_CONFIGURED, what, why, "Switch the firmware to TPM 2.0 where it can")
            if kind not in {_NO_SESSIONS, _SESSIONS} or size != len(answer):
                what, why = "The TPM's answer cannot be read", "it is not what a TPM 2.0 answers"
                raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check TPM2TOOLS_TCTI")
            if result == 0:
                return answer[10:]
            if result not in _AGAIN or not left:
                raise TpmRefusedError(result)
            cancel.wait(_PAUSE)
        raise AssertionError("it returned or raised before")


def _numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def _password() -> bytes:
    """Return the authorization of a key or hierarchy without a password."""
    return _numbers(_PASSWORD) + _EMPTY + b"\x01" + _EMPTY

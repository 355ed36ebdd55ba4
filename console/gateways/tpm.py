"""This machine's TPM 2.0: keys are made, opened and used in it, and never seen here.

The protocol is that of Microsoft's device security provider: a policy session on the endorsement hierarchy releases the
wrapping key (TPM2_ActivateCredential), under which the TPM takes in the key itself (TPM2_Import, TPM2_Load).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from console.gateways.tpm_blob import read_wrapped_key
from console.gateways.tpm_commands import (
    ENDORSEMENT,
    ENDORSEMENT_TEMPLATE,
    MOST_SIGNED,
    OWNER,
    ROOT_TEMPLATE,
    TpmCommands,
    TpmRefusedError,
)
from console.gateways.tpm_link import TpmLink, open_link
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel

ENDORSEMENT_KEY, STORAGE_ROOT_KEY, IDENTITY_KEY = 0x81010001, 0x81000001, 0x81000100
"""Where Azure's device software keeps these keys for good."""

_MAKER, _VENDOR, _FIRMWARE = 0x105, (0x106, 0x107, 0x108, 0x109), 0x10B


class Tpm:
    """The TPM that TPM2TOOLS_TCTI names, else /dev/tpmrm0. For one thread at a time; a context manager.

    Nothing stays in it but a key that was to be kept. Keys that stand at their usual places are used; others are made
    anew each time, which gives the same key again and takes a chip up to a minute. Every method raises ConsoleError.
    """

    def __init__(self, tcti: str = "") -> None:
        self._name = tcti or os.environ.get("TPM2TOOLS_TCTI", "")
        self._link: TpmLink | None = None
        self._persistent: frozenset[int] | None = None
        self._loaded: dict[str, int] = {}  # what is in the TPM because of us

    def __enter__(self) -> Tpm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Throw out what was loaded and not kept, and end the connection; the next call begins anew."""
        link, self._link = self._link, None
        loaded, self._loaded, self._persistent = self._loaded, {}, None
        if link is None:
            return
        try:
            for handle in loaded.values():
                TpmCommands(link).flush(handle)
        finally:
            link.close()

    def describe(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return maker and firmware, "IBM SW TPM, firmware 8217.4131"."""
        with self._commands("The TPM could not be asked what it is") as tpm:
            found = tpm.properties(cancel)
        parts = (_text(found.get(_MAKER, 0)), "".join(_text(found.get(number, 0)) for number in _VENDOR))
        name = " ".join(" ".join(parts).split()) or "TPM 2.0"
        version = found.get(_FIRMWARE, 0)
        return clean(f"{name}, firmware {version >> 16}.{version & 0xFFFF}", limit=80)

    def endorsement_key(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return base64 of the public endorsement key (TPM2B_PUBLIC), as an enrollment takes it."""
        with self._commands("The TPM's endorsement key could not be read") as tpm:
            return base64.b64encode(tpm.public(self._endorsement(tpm, cancel), cancel)).decode("ascii")

    def storage_root_key(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return base64 of the public storage root key (TPM2B_PUBLIC)."""
        with self._commands("The TPM's storage root key could not be read") as tpm:
            return base64.b64encode(tpm.public(self._root(tpm, cancel), cancel)).decode("ascii")

    def activate(self, blob: bytes, *, keep: bool = False, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Open a key that was wrapped for this TPM, inside it; return its handle, good until the next one or `close`.

        `keep` leaves it at `IDENTITY_KEY`, where Azure's device software looks for it; the key that stood there goes.
        """
        parts = read_wrapped_key(blob)
        with self._commands("The key could not be opened in the TPM") as tpm:
            # a TPM may have places for three keys: the two that open this one, and this one
            self._drop(tpm, "identity")
            endorsement, root = self._endorsement(tpm, cancel), self._root(tpm, cancel)
            try:
                wrapping = tpm.activate_credential(root, endorsement, parts.credential, parts.credential_seed, cancel)
                handle = tpm.import_key(root, wrapping, parts.public, parts.duplicate, parts.duplicate_seed, cancel)
            except TpmRefusedError as refusal:
                raise _another(refusal) from refusal
            self._loaded["identity"] = handle
        if keep:
            with self._commands("The key could not be kept in the TPM") as tpm:
                self._drop(tpm, f"{ENDORSEMENT_KEY:#x}")  # a key that is kept takes a place, too, when it is touched
                if IDENTITY_KEY in self._kept(tpm, cancel):
                    tpm.evict(IDENTITY_KEY, IDENTITY_KEY, cancel)
                tpm.evict(handle, IDENTITY_KEY, cancel)
                self._persistent = None
                self._drop(tpm, "identity")
            handle = IDENTITY_KEY
        return f"{handle:#x}"

    def sign(self, handle: str, data: bytes, cancel: Cancel = NEVER_CANCELLED) -> bytes:
        """Return the HMAC-SHA256 of at most 1,024 bytes under a key of `activate`."""
        what = "The TPM could not sign"
        if len(data) > MOST_SIGNED:
            why = f"there are {len(data):,} bytes, and it signs {MOST_SIGNED:,} at once"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Shorten the id that is signed for")
        with self._commands(what) as tpm:
            return tpm.hmac(int(handle, 16), data, cancel)

    # -- inside --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _commands(self, what: str) -> Iterator[TpmCommands]:
        """Give the TPM's commands; what it refuses becomes a sentence that begins with `what`."""
        if self._link is None:
            self._link = open_link(self._name)
        try:
            yield TpmCommands(self._link)
        except TpmRefusedError as refusal:
            raise refusal.told(what) from refusal

    def _endorsement(self, tpm: TpmCommands, cancel: Cancel) -> int:
        return self._key(tpm, ENDORSEMENT_KEY, ENDORSEMENT, ENDORSEMENT_TEMPLATE, cancel)

    def _root(self, tpm: TpmCommands, cancel: Cancel) -> int:
        return self._key(tpm, STORAGE_ROOT_KEY, OWNER, ROOT_TEMPLATE, cancel)

    def _key(self, tpm: TpmCommands, place: int, hierarchy: int, template: bytes, cancel: Cancel) -> int:
        """Return the handle of a key: as it is kept, else as it is made now."""
        if place in self._kept(tpm, cancel):
            return place
        name = f"{place:#x}"
        if name not in self._loaded:
            self._loaded[name] = tpm.create_primary(hierarchy, template, cancel)
        return self._loaded[name]

    def _kept(self, tpm: TpmCommands, cancel: Cancel) -> frozenset[int]:
        if self._persistent is None:
            self._persistent = tpm.persistent(cancel)
        return self._persistent

    def _drop(self, tpm: TpmCommands, name: str) -> None:
        handle = self._loaded.pop(name, None)
        if handle is not None:
            tpm.flush(handle)


def _another(refusal: TpmRefusedError) -> ConsoleError:
    """Return what it means that a wrapped key cannot be opened: a TPM only says that a value is wrong."""
    what = "The key could not be opened in the TPM"
    told = refusal.told(what)
    # libtpms answers 0x101, "failure", where a seed cannot be decrypted; one that has failed would not come so far
    if told.kind is not ErrorKind.SERVICE or not (refusal.code & 0x80 or refusal.code == 0x101):
        return told
    why = "it was wrapped for another TPM, or for another endorsement key of this one"
    hint = "Enroll this machine's endorsement key: hubwarden dps create ID --attestation tpm --from-tpm"
    return ConsoleError(ErrorKind.AUTHENTICATION, what, why, hint)


def _text(number: int) -> str:
    """Return the four letters in a property."""
    return number.to_bytes(4, "big").rstrip(b"\0").decode("ascii", "replace")

"""This machine's TPM 2.0, by the programs of tpm2-tools: keys are made, opened and used in it, and never seen here.

The protocol is that of Microsoft's device security provider: a policy session on the endorsement hierarchy releases the
wrapping key (TPM2_ActivateCredential), under which the TPM takes in the key itself (TPM2_Import, TPM2_Load).
"""

from __future__ import annotations

import base64
import re
from types import TracebackType

from console.gateways.tpm_blob import read_wrapped_key, sized
from console.gateways.tpm_tools import TpmTools
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel

ENDORSEMENT_KEY, STORAGE_ROOT_KEY, IDENTITY_KEY = "0x81010001", "0x81000001", "0x81000100"
"""Where Azure's device software keeps these keys for good."""

_STORAGE = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"
_CREDENTIAL_FILE = bytes.fromhex("badcc0de00000001")  # what tpm2-tools put before a credential: a mark and a version
_HANDLE = re.compile(r"0x[0-9A-Fa-f]+")
_PROPERTY = r'TPM2_PT_{}:\s+raw: (0x[0-9A-Fa-f]+)(?:\s+value: "?([^"\n]*)"?)?'
_LONGEST_KEY = 2048  # bytes of a public area


class Tpm:
    """The TPM that TPM2TOOLS_TCTI names, else /dev/tpmrm0. For one thread at a time; a context manager.

    Nothing stays in it but a key that was to be kept. Keys that stand at their usual places are used; others are made
    anew each time, which gives the same key again and takes a chip up to a minute. Every method raises ConsoleError.
    """

    def __init__(self, tcti: str = "") -> None:
        self._tools = TpmTools(tcti)
        self._persistent: set[str] | None = None
        self._identities = 0

    def __enter__(self) -> Tpm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files; keys that were not kept go with them, for the TPM itself holds nothing of ours."""
        self._tools.close()
        self._persistent = None

    def describe(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return maker and firmware, "IBM SW TPM, firmware 2019.1023"."""
        said = self._run("The TPM could not be asked what it is", "tpm2_getcap", "properties-fixed", cancel=cancel)
        text = said.decode("utf-8", "replace")
        maker = _value(text, "MANUFACTURER")
        vendor = "".join(_value(text, f"VENDOR_STRING_{number}") for number in range(1, 5))
        version = _number(text, "FIRMWARE_VERSION_1")
        name = " ".join(part for part in (maker.strip(), vendor.strip()) if part) or "TPM 2.0"
        return clean(f"{name}, firmware {version >> 16}.{version & 0xFFFF}", limit=80)

    def endorsement_key(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return base64 of the public endorsement key (TPM2B_PUBLIC), as an enrollment takes it."""
        what = "The TPM's endorsement key could not be read"
        return self._public(what, self._endorsement(what, cancel), cancel)

    def storage_root_key(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return base64 of the public storage root key (TPM2B_PUBLIC)."""
        what = "The TPM's storage root key could not be read"
        return self._public(what, self._root(what, cancel), cancel)

    def activate(self, blob: bytes, *, keep: bool = False, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Open a key that was wrapped for this TPM, inside it; return a name for `sign`, good until `close`.

        `keep` leaves it at `IDENTITY_KEY`, where Azure's device software looks for it; the key that stood there goes.
        """
        what = "The key could not be opened in the TPM"
        parts = read_wrapped_key(blob)
        tools = self._tools
        endorsement, root = self._endorsement(what, cancel), self._root(what, cancel)
        tools.write("credential", _CREDENTIAL_FILE + sized(parts.credential) + sized(parts.credential_seed))
        self._release(what, endorsement, root, cancel)
        self._identities += 1
        name = f"identity-{self._identities}.ctx"
        tools.write("duplicate", sized(parts.duplicate))
        tools.write("seed", sized(parts.duplicate_seed))
        tools.write("public", sized(parts.public))
        self._run(
            what,
            "tpm2_import",
            *("-C", root, "-i", "duplicate", "-s", "seed", "-u", "public", "-k", "wrapping", "-r", "private"),
            cancel=cancel,
        )
        tools.remove("wrapping")
        self._run(what, "tpm2_load", "-C", root, "-u", "public", "-r", "private", "-c", name, cancel=cancel)
        return self._kept(name, cancel) if keep else name

    def sign(self, handle: str, data: bytes, cancel: Cancel = NEVER_CANCELLED) -> bytes:
        """Return the HMAC-SHA256 of `data` under a key of `activate`; the tool takes long data in pieces."""
        what = "The TPM could not sign"
        signature = self._run(what, "tpm2_hmac", "-c", handle, "-g", "sha256", cancel=cancel, data=data)
        if len(signature) != 32:
            why = f"tpm2_hmac gave {len(signature)} bytes, and a signature has 32"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "See whether the TPM works at all")
        return signature

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _endorsement(self, what: str, cancel: Cancel) -> str:
        """Return the endorsement key's handle or file: RSA-2048 by the standard template."""
        if ENDORSEMENT_KEY in self._kept_handles(what, cancel):
            return ENDORSEMENT_KEY
        if not self._tools.has("ek.ctx"):
            self._run(what, "tpm2_createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub", cancel=cancel)
        return "ek.ctx"

    def _root(self, what: str, cancel: Cancel) -> str:
        """Return the storage root key's handle or file: RSA-2048 that stores under AES-128 in CFB mode."""
        if STORAGE_ROOT_KEY in self._kept_handles(what, cancel):
            return STORAGE_ROOT_KEY
        if not self._tools.has("srk.ctx"):
            kind = ("-C", "o", "-G", "rsa2048:aes128cfb", "-g", "sha256", "-a", _STORAGE)
            self._run(what, "tpm2_createprimary", *kind, "-c", "srk.ctx", cancel=cancel)
        return "srk.ctx"

    def _public(self, what: str, key: str, cancel: Cancel) -> str:
        self._run(what, "tpm2_readpublic", "-c", key, "-f", "tss", "-o", "key.pub", cancel=cancel)
        area = self._tools.read("key.pub")
        if not 2 < len(area) <= _LONGEST_KEY or int.from_bytes(area[:2], "big") != len(area) - 2:
            why = "tpm2_readpublic gave something else than a public key"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "See whether the TPM works at all")
        return base64.b64encode(area).decode("ascii")

    def _kept_handles(self, what: str, cancel: Cancel) -> set[str]:
        if self._persistent is None:
            said = self._run(what, "tpm2_getcap", "handles-persistent", cancel=cancel)
            self._persistent = {one.lower() for one in _HANDLE.findall(said.decode("utf-8", "replace"))}
        return self._persistent

    # -- opening -------------------------------------------------------------------------------------------------------

    def _release(self, what: str, endorsement: str, root: str, cancel: Cancel) -> None:
        """Let the TPM release the wrapping key into the file `wrapping`: it is for the import alone, and gone after."""
        self._run(what, "tpm2_startauthsession", "--policy-session", "-S", "session", cancel=cancel)
        try:
            self._run(what, "tpm2_policysecret", "-S", "session", "-c", "e", cancel=cancel)
            place = ("-c", root, "-C", endorsement, "-i", "credential", "-o", "wrapping", "-P", "session:session")
            self._run(what, "tpm2_activatecredential", *place, cancel=cancel)
        except ConsoleError as error:
            if error.kind is not ErrorKind.SERVICE or "tpm2_activatecredential" not in error.why:
                raise
            why = "it was wrapped for another TPM, or for another endorsement key of this one"
            hint = "Enroll this machine's endorsement key: hubwarden dps create ID --attestation tpm --from-tpm"
            raise ConsoleError(ErrorKind.AUTHENTICATION, what, why, hint) from error
        finally:
            # also where the user has stopped waiting: a session that stays takes one of the TPM's few places
            self._run(what, "tpm2_flushcontext", "session", cancel=NEVER_CANCELLED)

    def _kept(self, name: str, cancel: Cancel) -> str:
        what = "The key could not be kept in the TPM"
        if IDENTITY_KEY in self._kept_handles(what, cancel):
            self._run(what, "tpm2_evictcontrol", "-C", "o", "-c", IDENTITY_KEY, cancel=cancel)
        self._run(what, "tpm2_evictcontrol", "-C", "o", "-c", name, IDENTITY_KEY, cancel=cancel)
        self._persistent = None
        return IDENTITY_KEY

    # -- running -------------------------------------------------------------------------------------------------------

    def _run(self, what: str, program: str, *arguments: str, cancel: Cancel, data: bytes = b"") -> bytes:
        """Run a program and throw out what it left in a TPM that nobody manages: it has places for three keys."""
        before = self._transient(what, cancel)
        try:
            return self._tools.run(what, program, *arguments, cancel=cancel, data=data)
        finally:
            if before is not None:
                for handle in sorted((self._transient(what, NEVER_CANCELLED) or set()) - before):
                    self._tools.run(what, "tpm2_flushcontext", handle, cancel=NEVER_CANCELLED)

    def _transient(self, what: str, cancel: Cancel) -> set[str] | None:
        if self._tools.managed:
            return None
        said = self._tools.run(what, "tpm2_getcap", "handles-transient", cancel=cancel)
        return set(_HANDLE.findall(said.decode("utf-8", "replace")))


def _value(text: str, name: str) -> str:
    found = re.search(_PROPERTY.format(name), text)
    return (found[2] or "") if found else ""


def _number(text: str, name: str) -> int:
    found = re.search(_PROPERTY.format(name), text)
    return int(found[1], 16) if found else 0

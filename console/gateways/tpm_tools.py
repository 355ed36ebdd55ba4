"""Runs the programs of tpm2-tools, in a private folder, and turns what they say into sentences."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.ports import Cancel

DEVICE = "/dev/tpmrm0"
"""The kernel's resource manager: it keeps programs apart, and throws out what they leave behind."""

OLDEST = (4, 1)
"""Before it the options of tpm2_import and tpm2_activatecredential were others."""

LONGEST = 120.0
"""Seconds for one program: a TPM of its own chip may need a minute to find an RSA key."""

_SLICE = 0.2
_VERSION = re.compile(r'version="(\d+)\.(\d+)')
_HINT = "Install them: apt install tpm2-tools (Debian, Ubuntu), dnf install tpm2-tools (Fedora, Red Hat)"
_Reason = tuple[str, ErrorKind, str, str]
_ABSENT: _Reason = (
    r"Could not (?:load|initialize) tcti|tcti:IO failure|Failed to open specified TCTI device",
    ErrorKind.NOT_CONFIGURED,
    "no TPM answers at {tcti}",
    "Check that this machine has a TPM 2.0 and that the firmware has it switched on, or set TPM2TOOLS_TCTI",
)
_REASONS: tuple[_Reason, ...] = (
    # what the program's words hold, and what it means; codes are those of the TPM 2.0 library, part 2, 6.6
    (
        r"Permission denied|Operation not permitted",
        ErrorKind.PERMISSION,
        "this user may not open {tcti}",
        "Join the group that may (usermod -aG tss USER, then log in again), or run it as root",
    ),
    _ABSENT,
    (
        r"\(0x0*921\)",
        ErrorKind.PERMISSION,
        "the TPM has locked itself after failed attempts",
        "Wait until it recovers, or reset its lockout (tpm2_dictionarylockout)",
    ),
    (
        r"\(0x0*[89](?:A2|8E)\)",
        ErrorKind.PERMISSION,
        "a password protects the TPM's hierarchies, and this console does not take it",
        "Use the TPM with its own tools, or clear the password (tpm2_changeauth)",
    ),
    (
        r"\(0x0*90[2-6]\)|\(0x0*14B\)",
        ErrorKind.CONFLICT,
        "the TPM has no room left for another key or session",
        f"Throw out what others left in it (tpm2_flushcontext -t, -l, -s), or use the resource manager {DEVICE}",
    ),
)


class TpmTools:
    """The programs of tpm2-tools, for one TPM and one thread at a time; `close` removes the folder and its files."""

    def __init__(self, tcti: str = "") -> None:
        self.tcti = tcti or os.environ.get("TPM2TOOLS_TCTI") or os.environ.get("TCTI") or f"device:{DEVICE}"
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._checked = False

    @property
    def managed(self) -> bool:
        """Whether a resource manager throws out what a program left in the TPM."""
        return "tpmrm" in self.tcti or "tabrmd" in self.tcti

    @property
    def folder(self) -> Path:
        """A folder for its owner alone, in memory where there is such a place."""
        if self._folder is None:
            shared = Path("/dev/shm")  # noqa: S108 - the folder made in it is private (0700)
            parent = shared if shared.is_dir() and os.access(shared, os.W_OK) else None
            self._folder = tempfile.TemporaryDirectory(prefix="hubwarden-tpm-", dir=parent, ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def close(self) -> None:
        """Remove the folder."""
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def write(self, name: str, data: bytes) -> str:
        """Write a file of the folder and return its name."""
        (self.folder / name).write_bytes(data)
        return name

    def read(self, name: str) -> bytes:
        """Return a file of the folder."""
        return (self.folder / name).read_bytes()

    def has(self, name: str) -> bool:
        """Say whether the folder has such a file."""
        return self._folder is not None and (self.folder / name).exists()

    def remove(self, name: str) -> None:
        """Remove a file of the folder."""
        (self.folder / name).unlink(missing_ok=True)

    def run(self, what: str, program: str, *arguments: str, cancel: Cancel, data: bytes = b"") -> bytes:
        """Run one program and return what it wrote; `what` begins the sentence of a failure.

        Raises ConsoleError: NOT_CONFIGURED (no tools, no TPM), PERMISSION, CONFLICT, TIMEOUT, SERVICE, CANCELLED.
        """
        self.check(what, cancel)
        code, output, words = self._execute(what, program, arguments, data, cancel)
        if code:
            raise self._failure(what, program, code, words)
        return output

    def check(self, what: str, cancel: Cancel) -> None:
        """Raise ConsoleError NOT_CONFIGURED unless the programs are there and not too old; looked at once."""
        if self._checked:
            return
        if self.tcti.startswith("device:") and not Path(self.tcti.partition(":")[2]).exists():
            raise self._told(what, _ABSENT)
        _, output, _ = self._execute(what, "tpm2_getcap", ("--version",), b"", cancel)
        found = _VERSION.search(output.decode("utf-8", "replace"))
        if found and (int(found[1]), int(found[2])) < OLDEST:
            why = f"tpm2-tools {found[1]}.{found[2]} are too old"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, what, why, f"Install {OLDEST[0]}.{OLDEST[1]} or newer")
        self._checked = True

    # -- inside --------------------------------------------------------------------------------------------------------

    def _execute(
        self, what: str, program: str, arguments: tuple[str, ...], data: bytes, cancel: Cancel
    ) -> tuple[int, bytes, str]:
        cancel.check()
        path = shutil.which(program)
        if path is None:
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, what, f"{program} of tpm2-tools is not installed", _HINT)
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TPM2TOOLS_TCTI": self.tcti}
        environment |= {"TSS2_LOG": "all+ERROR"}
        try:
            process = subprocess.Popen(  # noqa: S603 - a program of tpm2-tools; no secret is among the arguments
                [path, *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                umask=0o077,
            )
        except OSError as error:
            why = f"{program} cannot be started ({clean(error.strerror or error, limit=80)})"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, what, why, _HINT) from None
        output, words = _finish(process, data, what, program, cancel)
        return process.returncode, output, words.decode("utf-8", "replace")

    def _failure(self, what: str, program: str, code: int, words: str) -> ConsoleError:
        known = _reason(words)
        if known is not None:
            return self._told(what, known)
        lines = [line.removeprefix("ERROR: ") for line in words.splitlines() if line.startswith("ERROR: ")]
        said = clean(lines[0] if lines else words.strip() or f"exit code {code}", limit=160)
        return ConsoleError(ErrorKind.SERVICE, what, f"{program} failed: {said}", "See whether the TPM works at all")

    def _told(self, what: str, reason: _Reason) -> ConsoleError:
        _, kind, why, hint = reason
        return ConsoleError(kind, what, why.format(tcti=clean(self.tcti.removeprefix("device:"), limit=100)), hint)


def _reason(words: str) -> _Reason | None:
    return next((reason for reason in _REASONS if re.search(reason[0], words, re.IGNORECASE)), None)


def _finish(
    process: subprocess.Popen[bytes], data: bytes, what: str, program: str, cancel: Cancel
) -> tuple[bytes, bytes]:
    """Wait for a program's end; stop it when nobody wants it any more or it takes too long."""
    deadline = time.monotonic() + LONGEST
    given: bytes | None = data
    try:
        while True:
            try:
                return process.communicate(given, timeout=_SLICE)
            except subprocess.TimeoutExpired:
                given = None
            cancel.check()
            if time.monotonic() > deadline:
                why = f"{program} did not end within {LONGEST:.0f} s"
                raise ConsoleError(ErrorKind.TIMEOUT, what, why, "See whether the TPM works at all")
    except BaseException:
        with suppress(OSError):
            process.kill()
        process.communicate()
        raise

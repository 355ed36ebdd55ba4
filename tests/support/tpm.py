"""A software TPM (swtpm) for tests, driven by the tpm2-tools programs.

with SoftwareTpm() as tpm:
    tpm.run("tpm2_getrandom", "8")
    os.environ | tpm.environment   # for programs that open the TPM themselves
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from types import TracebackType

import pytest

from tests.support.waiting import until

PROGRAMS = ("swtpm", "tpm2_createek", "tpm2_activatecredential", "tpm2_import", "tpm2_hmac")
EK, SRK = "0x81010001", "0x81000001"
"""Where Azure's device software keeps the endorsement key and the storage root key."""

_ATTEMPTS = 20


def missing() -> str:
    """Return which program of a software TPM this machine lacks, empty when all are there."""
    return next((name for name in PROGRAMS if shutil.which(name) is None), "")


needs_software_tpm = pytest.mark.skipif(bool(missing()), reason=f"{missing()} is not installed (swtpm, tpm2-tools)")


class SoftwareTpm:
    """A TPM 2.0 of its own, empty, started and ready; `tcti` names it for tpm2-tools, `folder` is for files."""

    def __init__(self) -> None:
        self.tcti = ""
        self.folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variable that leads tpm2-tools to this TPM."""
        return {"TPM2TOOLS_TCTI": self.tcti}

    def __enter__(self) -> SoftwareTpm:
        self.folder = Path(tempfile.mkdtemp(prefix="hubwarden-tpm-"))
        state = self.folder / "state"
        state.mkdir()
        for _ in range(_ATTEMPTS):  # somebody may take a port between our look and the start
            port = _two_free_ports()
            self._process = subprocess.Popen(
                [
                    *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}"),
                    *("--server", f"type=tcp,port={port}"),
                    *("--ctrl", f"type=tcp,port={port + 1}"),
                    *("--flags", "not-need-init,startup-clear"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            self.tcti = f"swtpm:host=127.0.0.1,port={port}"
            if until(partial(self._answers, port), "the start of swtpm") == "yes":
                return self
            self._stop()
        raise AssertionError("swtpm did not start")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def run(self, program: str, *arguments: str | Path, data: bytes | None = None) -> bytes:
        """Run one of the tpm2-tools in `folder` and return what it wrote; AssertionError with its words if it fails."""
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=self.folder,
            env=os.environ | self.environment,
            input=data,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{program} {arguments}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    def file(self, name: str) -> bytes:
        """Return a file of `folder`."""
        return (self.folder / name).read_bytes()

    def flush(self) -> None:
        """Throw out transient objects and sessions: without a resource manager the tools leave theirs behind."""
        for kind in ("-t", "-l", "-s"):
            self.run("tpm2_flushcontext", kind)

    def endorsement_key(self) -> bytes:
        """Make the RSA-2048 endorsement key of the standard template at `EK` and return its TPM2B_PUBLIC."""
        self.run("tpm2_createek", "-c", EK, "-G", "rsa", "-u", "ek.pub")
        self.flush()
        return self.public(EK)

    def storage_root_key(self) -> bytes:
        """Make the RSA-2048 storage root key of the standard template at `SRK` and return its TPM2B_PUBLIC."""
        attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"
        self.run("tpm2_createprimary", "-C", "o", "-G", "rsa2048:aes128cfb", "-a", attributes, "-c", "srk.ctx")
        self.run("tpm2_evictcontrol", "-C", "o", "-c", "srk.ctx", SRK)
        self.flush()
        return self.public(SRK)

    def public(self, handle: str) -> bytes:
        """Return the TPM2B_PUBLIC of a key."""
        self.run("tpm2_readpublic", "-c", handle, "-f", "tss", "-o", "key.pub")
        self.flush()
        return self.file("key.pub")

    def _answers(self, port: int) -> str:
        """Return "yes" once its control port takes connections, "no" when it ended, else nothing."""
        if self._process is None or self._process.poll() is not None:
            return "no"
        try:
            socket.create_connection(("127.0.0.1", port + 1), timeout=5).close()
        except OSError:
            return ""
        return "yes"


def _two_free_ports() -> int:
    """Return a free port whose next one is free, too: the tools look for the control port there."""
    for _ in range(_ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except (OSError, OverflowError):
                continue
            return port
    raise AssertionError("no two neighbouring ports are free")

"""No copy of this process's memory on a disk: it holds keys, tokens and passphrases."""

from __future__ import annotations

import contextlib
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def forbid_core_dumps() -> None:
    """Switch core dumps off for this process and those it starts; on Linux hide its memory from other processes too.

    The limit alone does not hold where the kernel pipes dumps into a program (apport, abrt): those come in spite of it,
    but never for a process that is not dumpable. Nothing is lost with that but attaching a debugger as the same user.
    """
    with contextlib.suppress(ImportError, OSError, ValueError):  # no such limits on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(ImportError, OSError, AttributeError):
            import _ctypes  # ctypes itself would cost every command ten times as long

            library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # what is loaded already
            _ctypes.call_function(_ctypes.dlsym(library, "prctl"), (_PR_SET_DUMPABLE, 0, 0, 0, 0))

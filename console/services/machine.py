"""Who sits at this machine, as the system knows them."""

from __future__ import annotations

import os
from functools import cache


@cache
def user_at_host() -> str:
    """Return "user@host"; the number of the user where the system has no name for it."""
    import getpass

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{_host()}"


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename  # what socket.gethostname() says, without its import
    import socket

    return socket.gethostname()

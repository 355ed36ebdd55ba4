"""Who sits at this machine, as the system knows them."""

from __future__ import annotations

import os
import socket
from functools import cache


@cache
def user_at_host() -> str:
    """Return "user@host"; the number of the user where the system has no name for it."""
    import getpass

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"

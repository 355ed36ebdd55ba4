"""What is typed to mint or check a token: one sentence on what is wrong with it, empty when nothing is."""

from __future__ import annotations

import re

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.rules.sas import decode_key

LONGEST_HOST = 253
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def key_problem(text: str) -> str:
    """Return what is wrong with a shared access key."""
    if not text:
        return "a key is needed"
    try:
        decode_key(Secret(text))
    except ConsoleError as error:
        return error.why
    return ""


def host_problem(text: str) -> str:
    """Return what is wrong with a host name or the ID scope of a provisioning service."""
    if not text:
        return "a host name is needed, such as contoso.azure-devices.net"
    if "=" in text:
        return "it is the host name alone, not the whole connection string"
    if not _HOST.fullmatch(text) or len(text) > LONGEST_HOST:
        return "letters, digits, dots and dashes alone, without https:// and without a path"
    return ""

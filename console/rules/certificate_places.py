"""How a message calls a certificate of a chain: its subject and its place."""

from __future__ import annotations

from console.model.certificate import ChainFault, Fault
from console.rules.certificate_facts import Facts


def place(one: Facts, depth: int) -> str:
    """Return "the leaf “CN=press-1”" or "the CA “CN=Plants” (2 above the leaf)"."""
    name = one.info.subject or f"serial {one.info.serial[:16]}"
    if depth == 0:
        return f"the leaf “{name}”"
    return f"the issuer “{name}” ({depth} above the leaf)"


def unknown_words(fault: ChainFault) -> str:
    """Return what could not be told of a chain as a sentence that stands alone: "not known: md5: the signature …"."""
    return f"{fault.fault}: {fault.message}" if fault.fault is Fault.UNKNOWN_ALGORITHM else fault.message

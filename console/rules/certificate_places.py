"""How a message calls a certificate of a chain: its subject and its place."""

from __future__ import annotations

from console.rules.certificate_facts import Facts


def place(one: Facts, depth: int) -> str:
    """Return "the leaf “CN=press-1”" or "the CA “CN=Plants” (2 above the leaf)"."""
    name = one.info.subject or f"serial {one.info.serial[:16]}"
    if depth == 0:
        return f"the leaf “{name}”"
    return f"the issuer “{name}” ({depth} above the leaf)"

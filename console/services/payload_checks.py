"""What is typed to encrypt or decrypt payloads: one sentence on what is wrong with it, empty when nothing is."""

from __future__ import annotations

from console.rules import json_member, payload


def fernet_key_problem(text: str) -> str:
    """Return what is wrong with a key for payloads."""
    return payload.key_problem(text) if text else "a key is needed"


def member_problem(text: str) -> str:
    """Return what is wrong with the path of a JSON member; an empty one means the whole line."""
    if not text:
        return ""
    try:
        json_member.path_of(text)
    except ValueError as error:
        return str(error)
    return ""

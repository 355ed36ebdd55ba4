"""What the service demands of a policy's name and rights, and how much a set of rights opens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from console.model.errors import ConsoleError, ErrorKind
from console.model.policy import Breadth, Right
from console.model.text import clean

NAME_LIMIT = 64
_CHARACTER = re.compile(r"[A-Za-z0-9._-]")
_WORDS = {right.value.casefold(): right for right in Right}


def check_name(name: str, taken: Iterable[str] = ()) -> str:
    """Return a new policy's name when the service takes it and none of `taken` is the same without case.

    Raises ConsoleError BAD_INPUT that names the character or the rule (code "usage", or "taken").
    """
    what = f"The policy cannot be named “{clean(name, limit=80)}”"
    if not name:
        raise ConsoleError(ErrorKind.BAD_INPUT, "The policy has no name", "", "Give it one", code="usage")
    for position, character in enumerate(name, start=1):
        if not _CHARACTER.fullmatch(character):
            shown = "a space" if character == " " else f"“{clean(character)}”"
            why = f"{shown} at position {position} is not allowed"
            hint = "Use letters A-Z, digits, hyphens, dots and underscores"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")
    if len(name) > NAME_LIMIT:
        why = f"it is {len(name)} characters long, and {NAME_LIMIT} are allowed"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Shorten it", code="usage")
    for other in taken:
        if other.casefold() == name.casefold():
            why = f"the hub has the policy {clean(other)}, and names are compared without case"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Take another name, or change that one", code="taken")
    return name


def parse_rights(words: str | Iterable[str]) -> tuple[Right, ...]:
    """Return rights as a set in the service's order, from words or from text with commas; case does not matter.

    Raises ConsoleError BAD_INPUT (code "usage") for no right at all and for a word that is none.
    """
    listed = [words] if isinstance(words, str) else list(words)
    parts = [part.strip() for text in listed for part in text.split(",") if part.strip()]
    names = ", ".join(right.value for right in Right)
    if not parts:
        why = "without a right it could be used for nothing, and the service refuses it"
        raise ConsoleError(ErrorKind.BAD_INPUT, "The policy has no rights", why, f"Choose of {names}", code="usage")
    unknown = [part for part in parts if part.casefold() not in _WORDS]
    if unknown:
        what = f"“{clean(unknown[0], limit=80)}” is not a right of a policy"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, f"the rights are {names}", "Correct it", code="usage")
    return ordered(_WORDS[part.casefold()] for part in parts)


def read_rights(text: object) -> tuple[tuple[Right, ...], tuple[str, ...]]:
    """Return the rights in a text of the service, and the words of it that are none of the four (clean)."""
    parts = [part.strip() for part in str(text or "").split(",") if part.strip()]
    known = ordered(_WORDS[part.casefold()] for part in parts if part.casefold() in _WORDS)
    return known, tuple(clean(part) for part in parts if part.casefold() not in _WORDS)


def ordered(rights: Iterable[Right]) -> tuple[Right, ...]:
    """Return rights once each, in the service's order."""
    chosen = set(rights)
    return tuple(right for right in Right if right in chosen)


def rights_text(rights: Iterable[Right]) -> str:
    """Return rights as the service writes them: "RegistryRead, RegistryWrite"."""
    return ", ".join(right.value for right in ordered(rights))


def effective(rights: Iterable[Right]) -> frozenset[Right]:
    """Return what rights really grant: writing the registry includes reading it (IoT Hub's document on permissions)."""
    chosen = set(rights)
    return frozenset(chosen | {Right.REGISTRY_READ}) if Right.REGISTRY_WRITE in chosen else frozenset(chosen)


def same_rights(one: object, other: object) -> bool:
    """Whether two texts of the service grant the same, however they are written."""
    (mine, more), (theirs, others) = read_rights(one), read_rights(other)
    return effective(mine) == effective(theirs) and set(more) == set(others)


def breadth(rights: Sequence[Right]) -> Breadth:
    """Return how much some rights open: all of the hub, the registry's writing together with more, or less."""
    granted = effective(rights)
    if granted == set(Right):
        return Breadth.EVERYTHING
    talks = granted & {Right.SERVICE_CONNECT, Right.DEVICE_CONNECT}
    return Breadth.BROAD if Right.REGISTRY_WRITE in granted and talks else Breadth.NARROW

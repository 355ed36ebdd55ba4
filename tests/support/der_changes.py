"""Changes of DER that keep its outline: elements told another kind, doubled, left out, reordered, written otherwise."""

from __future__ import annotations

import random
from collections.abc import Callable

from support.chains import inside, parts_of, tlv

_TAGS = (
    0x01,
    0x02,
    0x03,
    0x04,
    0x05,
    0x06,
    0x0A,
    0x0C,
    0x12,
    0x13,
    0x14,
    0x16,
    0x17,
    0x18,
    0x1A,
    0x1C,
    0x1E,
    0x30,
    0x31,
)
_VALUES = (b"", b"\0", b"\1", b"\xff", b"\0\0", b"\x7f" * 21, b"\xe9", b"*.example.org", b"2001010000Z")


def change_one(element: bytes, chance: random.Random, depth: int = 0) -> bytes:
    """Return an element with one change somewhere in it."""
    children = _children(element)
    if children and (depth == 0 or chance.random() < 0.8):
        at = chance.randrange(len(children))
        if chance.random() < 0.2:
            children = _MOVES[chance.randrange(len(_MOVES))](children, at)
        else:
            children[at] = change_one(children[at], chance, depth + 1)
        return tlv(element[0], b"".join(children))
    return _leaf(element, chance)


def _children(element: bytes) -> list[bytes]:
    if element[0] & 0x20 or (element[0] == 0x04 and inside(element)[:1] in (b"\x30", b"\x03", b"\x04")):
        try:
            found = parts_of(inside(element))
        except IndexError:
            return []
        return found if b"".join(found) == inside(element) else []
    return []


def _leaf(element: bytes, chance: random.Random) -> bytes:
    content = inside(element)
    choice = chance.randrange(6)
    if choice == 0:
        return tlv(chance.choice(_TAGS), content)
    if choice == 1:
        return tlv(element[0], chance.choice(_VALUES))
    if choice == 2:
        return tlv(element[0], content + bytes([chance.randrange(256)]))
    if choice == 3 and content:
        at = chance.randrange(len(content))
        return tlv(element[0], content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :])
    if choice == 4:
        return tlv(element[0], content[:-1])
    size = len(content)
    return bytes((element[0], 0x82, size >> 8, size & 255)) + content


def _drop(children: list[bytes], at: int) -> list[bytes]:
    return children[:at] + children[at + 1 :]


def _double(children: list[bytes], at: int) -> list[bytes]:
    return [*children[:at], children[at], *children[at:]]


def _swap(children: list[bytes], at: int) -> list[bytes]:
    found = list(children)
    found[at], found[at - 1] = found[at - 1], found[at]
    return found


def _null(children: list[bytes], at: int) -> list[bytes]:
    return [*children[: at + 1], b"\x05\x00", *children[at + 1 :]]


def _empty(children: list[bytes], at: int) -> list[bytes]:
    return [*children[:at], tlv(children[at][0], b""), *children[at + 1 :]]


_MOVES: tuple[Callable[[list[bytes], int], list[bytes]], ...] = (_drop, _double, _swap, _null, _empty)

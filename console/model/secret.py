"""A value that must never be shown by accident."""

from __future__ import annotations

from typing import NoReturn

_SHORT = 12


class Secret:
    """A key, token or connection string whose every textual form is `••••` and, when long, its last four characters.

    `reveal()` is the only way to the value. It cannot be pickled, and does not serialise to JSON.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself: call it where the value is used, never to print it."""
        return self._value

    def __str__(self) -> str:
        return "••••" + (self._value[-4:] if len(self._value) > _SHORT else "")

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # loads OpenSSL: not before the first frame

        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied to another process")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # what was pasted may hold half a character

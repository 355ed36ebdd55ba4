"""The TPM's marshalling: big-endian numbers and byte strings that begin with their size in two bytes."""

from __future__ import annotations


def sized(data: bytes) -> bytes:
    """Return bytes with their size before them (a TPM2B)."""
    return len(data).to_bytes(2, "big") + data


class Reader:
    """Reads marshalled bytes from the front; every method raises ValueError when they end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, size: int) -> int:
        """Return the next number of `size` bytes."""
        return int.from_bytes(self._take(size), "big")

    def sized(self) -> bytes:
        """Return the next byte string, without its size."""
        return self._take(self.number(2))

    def end(self) -> None:
        """Raise ValueError unless everything was read."""
        if self._at != len(self._data):
            raise ValueError("there are bytes left over")

    def _take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) != size:
            raise ValueError("it ends too soon")
        self._at += size
        return part

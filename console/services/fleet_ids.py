"""The ids of a whole fleet in one buffer: what is typed is found in it within milliseconds, at a million devices."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, islice

from console.model.fleet_snapshot import Snapshot
from console.services.fleet_file import FleetFile

_PART = 50_000
_MOST_SHAPES = 5_000
_DIGITS = bytes.maketrans(b"0123456789", b"0000000000")


class IdBuffer:
    """Lower-case ids in id order, one per line; about 24 bytes a device. Position k is the k-th device in id order.

    `numbers` are their row numbers; None where these are k + 1. `shapes` are the ids with every digit a 0, None where
    there are too many: what fits into none of them need not be looked for.
    """

    def __init__(
        self,
        text: bytes,
        starts: array[int],
        numbers: array[int] | None = None,
        shapes: Collection[bytes] | None = None,
    ) -> None:
        self._pairs = None if shapes is None else {pair for shape in shapes for pair in _pairs(shape)}
        self._text = text
        self._starts = starts
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self._starts) - 1

    def find(self, needle: str, limit: int | None = None, also: Sequence[str] = ()) -> array[int]:
        """Return the row numbers of ids that contain a casefolded text, in id order, the first `limit` of them.

        They contain the texts of `also` as well; the needle should be the rarest of them all.
        """
        numbers = self.numbers
        if also:
            if any(self._nowhere(one.encode("utf-8", "replace")) for one in (needle, *also)):
                return array("I")
            found = array("I", islice(self._with(self._each(needle), also), limit))
            return found if numbers is None else array("I", (numbers[number - 1] for number in found))
        if not needle and limit is None:
            return array("I", range(1, len(self) + 1)) if numbers is None else numbers[:]
        places = self._places(needle, limit)
        return array("I", (place + 1 for place in places) if numbers is None else (numbers[place] for place in places))

    def _each(self, needle: str) -> Iterator[int]:
        text, starts, wanted = self._text, self._starts, needle.encode("utf-8", "replace")
        place = text.find(wanted)
        while 0 <= place < len(text):
            index = bisect_right(starts, place) - 1
            yield index
            place = text.find(wanted, starts[index + 1])

    def _with(self, places: Iterable[int], also: Sequence[str]) -> Iterator[int]:
        text, starts, wanted = self._text, self._starts, [one.encode("utf-8", "replace") for one in also]
        for index in places:
            line = text[starts[index] : starts[index + 1] - 1]
            if all(one in line for one in wanted):
                yield index + 1

    def _nowhere(self, wanted: bytes) -> bool:
        return self._pairs is not None and not self._pairs.issuperset(_pairs(wanted.translate(_DIGITS)))

    def _places(self, needle: str, limit: int | None) -> Sequence[int]:
        found: array[int] = array("I")
        wanted = needle.encode("utf-8", "replace")
        if b"\n" in wanted:
            return found
        if self._nowhere(wanted):
            return found
        if not wanted:
            return range(len(self) if limit is None else min(limit, len(self)))
        text, starts = self._text, self._starts
        place = text.find(wanted)
        while place >= 0:
            index = bisect_right(starts, place) - 1
            found.append(index)
            if limit is not None and len(found) >= limit:
                break
            place = text.find(wanted, starts[index + 1])
        return found


def read_ids(file: FleetFile, snapshot: Snapshot) -> IdBuffer:
    """Read the ids of an ordered generation, in parts so that other threads go on. Raises ConsoleError."""
    generation = snapshot.generation
    numbers: array[int] | None = None if snapshot.dense else array("I")
    parts: list[bytes] = []
    starts: array[int] = array("I", [0])
    shapes: set[bytes] | None = set()
    at, low = 0, 0
    with file.reading() as connection:
        top = connection.execute(f"SELECT coalesce(max(n), 0) FROM devices_{generation}").fetchone()[0]  # noqa: S608
        while low < top:
            row = connection.execute(
                f"SELECT group_concat(id, char(10)), count(*) FROM "  # noqa: S608 - a number
                f"(SELECT id FROM devices_{generation} WHERE n > ? AND n <= ? ORDER BY n)",
                (low, low + _PART),
            ).fetchone()
            if numbers is not None:
                held = connection.execute(
                    f"SELECT n FROM devices_{generation} WHERE n > ? AND n <= ? ORDER BY n",  # noqa: S608
                    (low, low + _PART),
                )
                numbers.extend(number for (number,) in held)
            low += _PART
            if not row[1]:
                continue
            text = (str(row[0]).casefold() + "\n").encode("utf-8", "replace")
            lines = text.split(b"\n")[:-1]
            starts.extend(accumulate((len(line) + 1 for line in lines[1:]), initial=at + len(lines[0]) + 1))
            parts.append(text)
            if shapes is not None:
                shapes.update(text.translate(_DIGITS).split(b"\n"))
                shapes = shapes if len(shapes) <= _MOST_SHAPES else None
            at += len(text)
    return IdBuffer(b"".join(parts), starts, numbers, shapes)


def _pairs(text: bytes) -> set[bytes]:
    return {text[place : place + 2] for place in range(len(text) - 1)}

"""One line of the table: our figures and a peer's, taken in turns, the bar, and whether it holds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """A measurement. `most` and `least` bound the ratio of the medians, `most_ours` our own figure."""

    id: str
    name: str
    unit: str
    ours: list[float]
    peer: str = ""
    theirs: list[float] = field(default_factory=list)
    most: float | None = None
    least: float | None = None
    most_ours: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by theirs, of the medians."""
        return statistics.median(self.ours) / statistics.median(self.theirs) if self.theirs and self.ours else None

    @property
    def bar(self) -> str:
        """The bar in words."""
        parts = [f"<= {self.most:g}x"] if self.most is not None else []
        parts += [f">= {self.least:g}x"] if self.least is not None else []
        parts += [f"<= {self.most_ours:g} {self.unit}"] if self.most_ours is not None else []
        return ", ".join(parts)

    @property
    def verdict(self) -> str:
        """ok, by how much it falls short, or nothing where there is no bar."""
        short = []
        ratio = self.ratio
        if ratio is not None and self.most is not None and ratio > self.most:
            short.append(f"{ratio / self.most:.2f} times the bar")
        if ratio is not None and self.least is not None and ratio < self.least:
            short.append(f"{self.least / ratio:.2f} times too slow")
        if self.most_ours is not None and self.ours and statistics.median(self.ours) > self.most_ours:
            short.append(f"{statistics.median(self.ours) / self.most_ours:.2f} times the bar")
        return "falls short: " + ", ".join(short) if short else ("ok" if self.bar else "")


@dataclass(frozen=True)
class Missing:
    """A measurement that could not be made, and why."""

    id: str
    name: str
    why: str


Found = list[Row | Missing]


def in_turns(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int = 7
) -> tuple[list[float], list[float]]:
    """Measure both in turns, after one unmeasured round each, so that drift of the machine meets both."""
    ours()
    theirs()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def show(values: list[float]) -> str:
    """Return median and range."""
    if not values:
        return ""
    middle, low, high = statistics.median(values), min(values), max(values)
    digits = 0 if middle >= 1000 else 1 if middle >= 10 else 3
    return f"{middle:,.{digits}f} ({low:,.{digits}f}-{high:,.{digits}f})"

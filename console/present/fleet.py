"""How the reading of a fleet goes on, in words."""

from __future__ import annotations

from console.model.fleet_snapshot import RefreshProgress, RefreshState
from console.present.words import number

_WORTH_TELLING = 5.0


def progress_text(progress: RefreshProgress) -> str:
    """Return how a reading goes on: "reading 12,000 of 2,000,000, 9,800/s, 3 min left"."""
    if progress.state is RefreshState.WAITING and progress.note:
        return f"{number(progress.read)} read, {progress.note}"
    if progress.state is RefreshState.INDEXING:
        return f"sorting {number(progress.read)}"
    text = f"reading {number(progress.read)}"
    if progress.expected:
        text += f" of {number(progress.expected)}"
    if progress.left is not None and progress.left >= _WORTH_TELLING and progress.read:
        left = f"{progress.left / 60:.0f} min" if progress.left >= 90 else f"{progress.left:.0f} s"
        text += f", {number(progress.rate)}/s, {left} left"
    return text

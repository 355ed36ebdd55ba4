"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path


def home_path(text: str | Path) -> Path:
    """Return a path with `~` expanded; one of a user that does not exist stays as it is, and is then not found."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)

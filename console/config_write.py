"""Profiles as TOML, and files that only their owner may read, written so that a crash leaves the old or the new one."""

from __future__ import annotations

import os
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any


def write_private(file: Path, text: str) -> None:
    """Write text to a file (0600) through a temporary file, fsync and rename; make its folder (0700) when absent.

    Raises OSError when the folder cannot be written.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:  # mkstemp already made it 0600
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def toml_table(header: str, entry: Any, skip: tuple[str, ...] = ()) -> list[str]:
    """Return the lines of a table: what of a dataclass differs from its defaults."""
    lines = [
        f"{item.name} = {toml_text(getattr(entry, item.name))}"
        for item in fields(entry)
        if item.name not in skip and getattr(entry, item.name) != item.default
    ]
    return [f"[{header}]", *lines, ""] if lines or header.count(".") == 1 else []


def toml_text(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text) + '"'


def toml_key(name: str) -> str:
    """Return a key, in quotes where it needs them."""
    return name if name and name.replace("-", "").replace("_", "").isalnum() and name.isascii() else toml_text(name)

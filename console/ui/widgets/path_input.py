"""An input for the name of a file or folder: tab completes it as a shell does."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from textual import on
from textual.widgets import Input

from console.model.home import home_path
from console.model.text import clean
from console.present.lines import text_width
from console.ui.widgets.text_input import TextInput

SCAN_ENTRIES, SCAN_SECONDS = 50_000, 0.1
"""How far into a folder names are looked for: a key must never wait for a huge one."""

KEPT = 200
"""How many names are remembered to go through; more of them are only counted."""

_OFFER_LINES = 2
_TAB_SECONDS = 1.0


class PathKind(StrEnum):
    """What may be named."""

    FILE = "file"  # one that is there and may be read
    FOLDER = "folder"  # one that is there
    PLACE = "place"  # a folder to write to; it is made when it is not there
    NEW_FILE = "new file"  # one that is not there yet, in a folder that is
    SOURCE = "source"  # a file, or something else such as a host: not checked here

    @property
    def noun(self) -> str:
        """What to name, for people."""
        return {"place": "folder", "source": "file or host:port"}.get(self.value, self.value)


@dataclass(frozen=True)
class Found:
    """The names that begin with something.

    Attributes:
        names: as they are shown, sorted, folders with "/" at the end.
        true: the real name of those whose shown form differs.
        more: how many were only counted.
        common: the longest beginning that all of them share.
        trouble: why there are none, or not all.
    """

    names: tuple[str, ...] = ()
    true: tuple[tuple[str, str], ...] = ()
    more: int = 0
    common: str = ""
    trouble: str = ""


def look(folder: str, beginning: str, kind: PathKind) -> Found:
    """Return the names of a folder that begin with `beginning` (as shown); hidden ones only when that is typed."""
    names: list[str] = []
    true: dict[str, str] = {}
    common, trouble = "", ""
    until = time.monotonic() + SCAN_SECONDS
    only_folders = kind in (PathKind.FOLDER, PathKind.PLACE)
    try:
        with os.scandir(folder or ".") as entries:
            for seen, entry in enumerate(entries):
                if seen >= SCAN_ENTRIES or (seen % 256 == 255 and time.monotonic() > until):
                    trouble = "the folder is too large to look through: type more of the name"
                    break
                shown = clean(entry.name)
                if not shown.startswith(beginning) or (shown.startswith(".") and not beginning):
                    continue
                is_folder = _is_folder(entry)
                if only_folders and not is_folder:
                    continue
                shown += "/" if is_folder else ""
                common = _shared(common, shown) if names else shown
                names.append(shown)
                if clean(entry.name) != entry.name:
                    true[shown.rstrip("/")] = entry.name
    except (FileNotFoundError, NotADirectoryError):
        return Found()  # there is nothing to complete; whether that is a fault depends on the purpose
    except (OSError, ValueError) as error:
        return Found(trouble=f"the folder {_reason(error)}")
    names.sort()
    return Found(tuple(names[:KEPT]), tuple(true.items()), len(names[KEPT:]), common, trouble)


def _shared(one: str, other: str) -> str:
    length = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return min(one, other, key=len) if length is None else one[:length]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _at_home(path: str) -> str:
    """Return a path with the home folder in place of `~`."""
    head, slash, rest = path.partition("/")
    if not head.startswith("~"):
        return path
    try:
        return f"{home_path(head)}{slash}{rest}"
    except RuntimeError:  # no such user
        return path


def _reason(error: OSError | ValueError) -> str:
    return "may not be read" if isinstance(error, PermissionError) else "cannot be read"


def fault(path: str, kind: PathKind) -> str:
    """Return what is wrong with a path for its purpose, in one sentence; empty when nothing."""
    try:
        return _fault(Path(path), kind)
    except (OSError, ValueError):
        return "it cannot be looked at: check the name and the rights of its folder"


def _fault(path: Path, kind: PathKind) -> str:
    if kind is PathKind.FILE:
        if path.is_dir():
            return "it is a folder: go on with the name of a file in it"
        if not path.exists():
            return "there is no such file"
        return "" if os.access(path, os.R_OK) else "it may not be read: check its rights"
    if kind is PathKind.FOLDER:
        if not path.is_dir():
            return "it is a file, not a folder" if path.exists() else "there is no such folder"
        return "" if os.access(path, os.R_OK | os.X_OK) else "it may not be read: check its rights"
    if kind is PathKind.NEW_FILE:
        if path.is_dir():
            return "it is a folder: go on with the name of the new file"
        if path.exists() or path.is_symlink():
            return "there is one already: choose another name"
        return "" if path.parent.is_dir() else "its folder is not there"
    if kind is PathKind.PLACE:
        there = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
        if not there.is_dir():
            return "there is a file of this name" if there == path else f"{clean(there.name)} is a file, not a folder"
        writable = os.access(there, os.W_OK | os.X_OK)
        return "" if writable else f"nothing may be written to {clean(there)}: check its rights"
    return ""


class PathInput(TextInput):
    """An input whose `path` is the true name of what its text shows.

    Args:
        value: the path to begin with; `~` stands for the home folder.
        kind: what may be named.
        tell: is given the names that could be meant, for the line below; empty when there is nothing to show.
        options: as for every input.
    """

    def __init__(self, value: str, kind: PathKind, tell: Callable[[str], None], **options: Any) -> None:
        super().__init__(value, **options)
        self.kind = kind
        self._tell = tell
        self._true: dict[str, str] = {}  # the true path behind a text whose names are not as they are shown
        self._round: tuple[str, ...] = ()  # the texts that tab goes through
        self._place = -1
        self._made: str | None = None  # the text as tab left it
        self._found = value  # the text when it got the focus: where it is still that, tab is for moving

    @property
    def path(self) -> str:
        """The true path, with the home folder in place of `~`; empty for an empty text."""
        text = self.value.lstrip()
        known = text.rstrip("/") in self._true
        return _at_home(self._true_of(text if known else text.rstrip()))

    def _true_of(self, text: str) -> str:
        true = shown = ""
        for index, part in enumerate(text.split("/")):
            shown = f"{shown}/{part}" if index else part
            true = self._true.get(shown, f"{true}/{part}" if index else part)
        return true

    # --- completing ----------------------------------------------------------------------------------------------

    async def tab(self) -> bool:
        """Complete the name, behind the keys that were not taken yet; return False when tab should move on."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def act() -> None:
            if not done.done():
                done.set_result(self.complete())

        self.call_later(act)
        try:
            return await asyncio.wait_for(done, _TAB_SECONDS)
        except TimeoutError:
            return False

    def complete(self) -> bool:
        """Go on by one tab: to the longest common beginning, to the names, through them. False when nothing is left."""
        if self.value == self._made and self._round:
            self._place = (self._place + 1) % len(self._round)
            self._put(self._round[self._place])
            return True
        text = self.value.lstrip()
        if not text or self.value == self._found:
            return False
        if text in ("~", "..") or text.endswith("/.."):
            self._put(f"{text}/")
            return True
        folder, slash, beginning = text.rpartition("/")
        before = f"{folder}{slash}"
        found = look(_at_home(self._true_of(folder) + slash), beginning, self.kind)
        for shown, true in found.true:
            self._true[before + shown] = self._true_of(folder) + slash + true
        longer = before + found.common
        if found.common and longer != text:
            self._put(longer)
            if len(found.names) > 1:
                self._offer(before, found)
            return True
        if len(found.names) > 1 and self._made != text:
            self._made = self.value
            self._offer(before, found)
            return True
        if found.trouble and self._made != text:
            self._made = self.value
            self._tell(found.trouble)
            return True
        return False

    def _put(self, text: str) -> None:
        self._made = text
        self.value = text
        self.cursor_position = len(text)

    def _offer(self, before: str, found: Found) -> None:
        self._round, self._place = tuple(before + name for name in found.names), -1
        room = max(self.size.width, 20) * _OFFER_LINES - 8  # lines break between names
        if found.more or sum(text_width(name) + 2 for name in found.names) > room:
            room -= 20  # for "… 1,234 more"
        kept: list[str] = []
        for name in found.names:
            room -= text_width(name) + 2
            if room < 0 and kept:
                break
            kept.append(name)
        more = len(found.names) - len(kept) + found.more
        rest = [f"… {more:,} more"] if more else []
        self._tell("  ".join([*kept, *rest, *([found.trouble] if found.trouble else [])]))

    @on(Input.Changed)
    def forget(self) -> None:
        """Show no names for a text that they do not belong to."""
        if self.value != self._made:
            self._made, self._round = None, ()
            self._tell("")

    def on_focus(self) -> None:
        """Begin anew."""
        self._found, self._made, self._round = self.value, None, ()

    def on_blur(self) -> None:
        """Show no names."""
        self._tell("")

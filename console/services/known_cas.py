"""The list of CAs that are known here: a file for each, so that two consoles may add to it at once."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind
from console.model.shell import command_line
from console.services.ca_store import CaStore
from console.services.private_files import private_folder, read_file, write_file


class KnownCas:
    """CAs that were made or used by this user; `folder` None keeps no list."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def stores(self) -> tuple[list[CaStore], list[ConsoleError]]:
        """Return those that can be opened, and why others cannot: damaged, or gone from their place.

        One that was moved is not missed when it is known in its new place too.
        """
        stores: list[CaStore] = []
        problems: list[ConsoleError] = []
        gone: list[tuple[Path, str]] = []
        for folder, thumbprint in self._noted():
            try:
                there = folder.is_dir() and any(folder.iterdir())
            except OSError:
                there = True  # it cannot be looked into, which is said when it is opened
            if not there:
                gone.append((folder, thumbprint))
                continue
            try:
                stores.append(CaStore(folder))
            except ConsoleError as error:
                problems.append(error)
        found = {store.thumbprint for store in stores}
        problems += [_gone(folder) for folder, thumbprint in gone if thumbprint not in found]
        return stores, problems

    def add(self, folder: Path, thumbprint: str) -> None:
        """Note one: its folder, and the SHA-256 thumbprint of its certificate."""
        if self._folder is None:
            return
        with suppress(ConsoleError, UnicodeEncodeError):  # a list that cannot be kept stops nobody from issuing
            note = private_folder(private_folder(self._folder) / "known") / _name(folder)
            text = f"{folder}\n{thumbprint}".encode()
            if not note.exists() or read_file(note) != text:
                write_file(note, text, replace=True)

    def forget(self, folder: Path) -> bool:
        """Take one off the list; return whether it was on it. Nothing in the folder is touched."""
        if self._folder is None:
            return False
        note = self._folder / "known" / _name(folder.resolve())
        try:
            note.unlink()
        except OSError:
            return False
        return True

    def _noted(self) -> list[tuple[Path, str]]:
        if self._folder is None or not (self._folder / "known").is_dir():
            return []
        noted: list[tuple[Path, str]] = []
        for note in sorted((self._folder / "known").iterdir()):
            with suppress(OSError, UnicodeDecodeError, ConsoleError):
                if not note.name.startswith("."):
                    text, _, thumbprint = read_file(note).decode().rpartition("\n")
                    # notes of before had the folder alone
                    noted.append((Path(text), thumbprint) if text else (Path(thumbprint), ""))
        return noted


def _name(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _gone(folder: Path) -> ConsoleError:
    forget = command_line("hubwarden", "cert", "list", "--forget", str(folder))
    hint = f"Bring it back, use it once in its new place, or take it off the list: {forget}"
    return ConsoleError(ErrorKind.NOT_FOUND, f"The CA in {folder} is gone", "the folder is missing or empty", hint)

"""The list of CAs that are known here: a file for each, so that two consoles may add to it at once."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind
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
        noted, lost = self._noted()
        problems += [_lost(note) for note in lost]
        for folder, thumbprint in noted:
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

    def _noted(self) -> tuple[list[tuple[Path, str]], list[Path]]:
        """Return (folder, thumbprint) of each note, and the notes that cannot be read."""
        noted: list[tuple[Path, str]] = []
        lost: list[Path] = []
        if self._folder is None or not (self._folder / "known").is_dir():
            return noted, lost
        for note in sorted((self._folder / "known").iterdir()):
            if note.name.startswith("."):
                continue
            try:
                text, _, thumbprint = read_file(note).decode().rpartition("\n")
            except (OSError, UnicodeDecodeError, ConsoleError):
                if note.exists():  # else another console took it off the list just now
                    lost.append(note)
                continue
            # notes of before had the folder alone
            noted.append((Path(text), thumbprint) if text else (Path(thumbprint), ""))
        return noted, lost


def _name(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _lost(note: Path) -> ConsoleError:
    what, why = "Which CA is known here is not known of one", f"{note} cannot be read"
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, "Delete that file, and use the CA once by its folder")


def _gone(folder: Path) -> ConsoleError:
    hint = (
        f"Bring it back, use it once in its new place, or take it off the list: hubwarden cert list --forget {folder}"
    )
    return ConsoleError(ErrorKind.NOT_FOUND, f"The CA in {folder} is gone", "the folder is missing or empty", hint)

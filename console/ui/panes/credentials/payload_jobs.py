"""What the Payload tab does in threads: make a key, run a file, open one message."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from console.model.payload import PayloadAction, PayloadResult
from console.model.secret import Secret
from console.services.ports import Cancel
from console.ui.jobs import Post
from console.ui.panes.credentials.payload_forms import FileOrder
from console.ui.panes.credentials.payload_messages import FileDone, KeyMade, LinesDone, Opened

if TYPE_CHECKING:
    from console.services.credentials import Credentials

KEY_FILE_LIMIT = 1024 * 1024
PREVIEW_LINES, PREVIEW_LENGTH = 20, 2000
TELL_SECONDS = 0.25


def key_maker(credentials: Credentials, file: Path | None) -> Callable[[Cancel, Post], KeyMade]:
    """Return the job that makes a key; with a file it goes there (0600) and nowhere else."""

    def work(cancel: Cancel, post: Post) -> KeyMade:
        del cancel, post
        key = credentials.payload.new_key()
        if file is None:
            return KeyMade(key, None)
        from console.services.private_files import write_file

        write_file(file, key.reveal().encode() + b"\n")
        return KeyMade(None, file)

    return work


def keys_of(credentials: Credentials, file: Path | None, key: Secret | None) -> tuple[Secret, ...]:
    """Return the key that was typed, or those of a file. Raises ConsoleError."""
    if key is not None:
        return (key,)
    from console.services.private_files import read_file

    assert file is not None
    return credentials.payload.read_keys(read_file(file, limit=KEY_FILE_LIMIT))


def file_runner(credentials: Credentials, order: FileOrder, ended: Event) -> Callable[[Cancel, Post], FileDone]:
    """Return the job that carries out an order; `ended` is set when nothing of it is under way any more."""

    def work(cancel: Cancel, post: Post) -> FileDone:
        began = told = time.monotonic()

        def progress(lines: int) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= TELL_SECONDS:
                told = now
                post(LinesDone(lines, now - began))

        try:
            keys = keys_of(credentials, order.key_file, order.key)
            result = credentials.payload.run_file(
                order.what,
                order.source,
                order.target,
                keys,
                field=order.member,
                ttl=order.oldest,
                strict=order.strict,
                on_progress=progress,
                cancel=cancel,
            )
            return FileDone(result, time.monotonic() - began, preview_of(result))
        finally:
            ended.set()

    return work


def preview_of(result: PayloadResult) -> Secret | None:
    """Return the first lines that were decrypted, None when there are none."""
    if result.action is not PayloadAction.DECRYPT or result.target is None or not result.done:
        return None
    lines = []
    try:
        with result.target.open("rb") as file:
            for _ in range(PREVIEW_LINES):
                line = file.readline(PREVIEW_LENGTH)
                if not line:
                    break
                lines.append(line.decode("utf-8", "replace").rstrip("\n"))
    except OSError:
        return None  # it was written; somebody took it away since
    return Secret("\n".join(lines))


def opener(
    credentials: Credentials, text: Secret, key: Secret | None, file: Path | None, oldest: int | None
) -> Callable[[Cancel, Post], Opened]:
    """Return the job that opens one message, whatever line breaks a terminal put into it."""

    def work(cancel: Cancel, post: Post) -> Opened:
        del post
        token = "".join(text.reveal().split()).encode("utf-8", "replace")
        keys = keys_of(credentials, file, key)
        line = next(credentials.payload.decrypt([token], keys, ttl=oldest, cancel=cancel))
        content = Secret(line.output.decode("utf-8", "replace")) if line.output is not None else None
        return Opened(content, line.fault, line.message)

    return work

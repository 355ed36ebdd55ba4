"""The worker processes of bulk issuing, seen from the one that starts them."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from console.model.errors import ConsoleError, ErrorKind
from console.services.issue_files import Made

# -P: a file in the current folder must not be taken for a module of ours
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from console.services.bulk_worker import main; main()"
_ROOT = str(Path(__file__).resolve().parents[2])
_AHEAD = 2  # chunks that a worker is given before it has answered: it never waits for us

_CLEARED = 4  # folders that a worker removes before a chunk, of those that can go

Answer = tuple[list[Made], list[tuple[str, str]]]


class Workers:
    """Processes that share a list of chunks of names; `answers` gives what they made, None when one ended early."""

    def __init__(self, count: int, order: bytes, chunks: Sequence[Sequence[str]]) -> None:
        self.answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._chunks = deque(chunks)
        self._done: deque[str] = deque()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._stopped = False
        try:
            for _ in range(count):
                self._start(order)
        except OSError as error:
            self.stop()
            why = (error.strerror or type(error).__name__).lower()
            what, hint = "No process could be started to issue certificates", "Free memory or processes, and try again"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, what, why, hint) from None

    def clear(self, places: Iterable[str]) -> None:
        """Have folders of the staging folder removed: workers do it between chunks, where they run side by side."""
        self._done.extend(places)

    def stop(self) -> None:
        """End the processes at once; what they have not answered is lost, and none of it is in its place."""
        self._stopped = True
        self._chunks.clear()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _start(self, order: bytes) -> None:
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and code)
            [sys.executable, "-P", "-W", "ignore", "-c", _CODE, _ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a screen may be open
            start_new_session=os.name == "posix",  # ctrl+c is for the one that starts them
        )
        self._processes.append(process)
        thread = threading.Thread(target=self._feed, args=(process, order), daemon=True, name="bulk-issue")
        self._threads.append(thread)
        thread.start()

    def _feed(self, process: subprocess.Popen[bytes], order: bytes) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        waiting = 0
        try:
            process.stdin.write(order)
            while True:
                while waiting < _AHEAD and (chunk := self._next()) is not None:
                    process.stdin.write(json.dumps([chunk, self._cleared()]).encode() + b"\n")
                    waiting += 1
                process.stdin.flush()
                if not waiting:
                    break
                line = process.stdout.readline()
                if not line.endswith(b"\n"):
                    break
                waiting -= 1
                rows, refused = json.loads(line)
                made = [Made(row[0], row[1], row[2], row[3], tuple(row[4]), tuple(row[5]), row[6]) for row in rows]
                self.answers.put((made, [(name, sentence) for name, sentence in refused]))
        except (OSError, ValueError):
            pass
        if waiting and not self._stopped:
            self.answers.put(None)

    def _cleared(self) -> list[str]:
        places: list[str] = []
        with contextlib.suppress(IndexError):
            while len(places) < _CLEARED:
                places.append(self._done.popleft())
        return places

    def _next(self) -> Sequence[str] | None:
        try:
            return self._chunks.popleft()
        except IndexError:
            return None

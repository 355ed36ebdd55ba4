"""The only place that starts worker threads: one job per screen and group; stale results are dropped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from textual.dom import DOMNode
from textual.message import Message

from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel

if TYPE_CHECKING:
    from console.services.session import Session
from console.ui.messages import JobFailed

T = TypeVar("T")
Post = Callable[[Message], None]
Work = Callable[[Cancel, Post], Message | None]
"""A reading: gets the cancel flag and a way to post parts, returns the last message."""

_log = logging.getLogger(__name__)


class Jobs:
    """Runs readings in threads for the screens of one app.

    Every job carries the session's generation: after the hub was changed its results are dropped, as are those of a job
    that was cancelled. What goes wrong comes back as `JobFailed`; nothing a job does can end the app.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._running: dict[tuple[int, str], Cancel] = {}

    def start(self, node: DOMNode, group: str, work: Work) -> None:
        """Run `work` in a thread on behalf of `node`; an earlier job of the same group is cancelled."""
        self.cancel(node, group)
        cancel = self._running[id(node), group] = Cancel()
        generation = self._session.generation

        def post(message: Message) -> None:
            if not cancel.cancelled and self._session.generation == generation and node.is_running:
                node.post_message(message)

        def run() -> None:
            try:
                message = work(cancel, post)
            except ConsoleError as error:
                if error.kind is not ErrorKind.CANCELLED:
                    post(JobFailed(group, error))
            except Exception as error:
                _log.exception("job %s", group)
                post(JobFailed(group, defect(error)))
            else:
                if message is not None:
                    post(message)
            finally:
                if self._running.get((id(node), group)) is cancel:
                    self._running.pop((id(node), group), None)

        node.run_worker(run, name=group, group=group, exit_on_error=False, exclusive=True, thread=True)

    def running(self, node: DOMNode, group: str) -> bool:
        """Return whether a job of this group is under way."""
        return (id(node), group) in self._running

    def cancel(self, node: DOMNode, group: str | None = None) -> None:
        """Ask the jobs of a node (of one group, or all) to stop; their results will not arrive."""
        for key, cancel in list(self._running.items()):
            if key[0] == id(node) and group in (None, key[1]):
                cancel.cancel()
                self._running.pop(key, None)

    def cancel_all(self) -> None:
        """Ask everything to stop: the app is leaving."""
        for cancel in list(self._running.values()):
            cancel.cancel()
        self._running.clear()


def defect(error: Exception) -> ConsoleError:
    """Return our own mistake as a message: the type alone, since the text may hold anything."""
    return ConsoleError(
        ErrorKind.DEFECT,
        "Something went wrong inside hubwarden",
        f"{type(error).__name__}; the log file has the details",
        "Try again with r; if it stays, report it",
    )


class LeavingExecutor(ThreadPoolExecutor):
    """An executor whose threads never keep the process alive: quitting does not wait for an answer from Azure."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run `fn` in a daemon thread of its own."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # handed to whoever waits for the future
                future.set_exception(error)
            else:
                future.set_result(result)

        Thread(target=run, name="hubwarden-job", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Do not wait."""
        del wait
        super().shutdown(wait=False, cancel_futures=cancel_futures)


def use_leaving_executor() -> None:
    """Make the running event loop start its threads so that quitting need not wait for them."""
    asyncio.get_running_loop().set_default_executor(LeavingExecutor(max_workers=1))

"""Changes that began and whose outcome nobody noted (a crash, a quit): said at the start and on every screen."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from console.model.errors import ConsoleError
from console.services.ports import Cancel
from console.ui.jobs import Post

if TYPE_CHECKING:
    from console.ui.app import HubwardenApp

_log = logging.getLogger(__name__)


class UnknownOutcomes:
    """How many changes of this hub have an unknown outcome, as far as the journal was looked at."""

    def __init__(self, app: HubwardenApp) -> None:
        self._app = app

    def look(self, *, remind: bool = False) -> None:
        """Look into the journal, if there is one, in a thread; `remind` says it loudly."""
        services = self._app.services

        def work(cancel: Cancel, post: Post) -> None:
            del cancel, post
            journal = services.changes.journal
            try:
                found = journal.unfinished(services.session.hub_name) if journal.path.exists() else []
            except ConsoleError:
                _log.warning("the journal could not be looked at")  # the Journal pane says why
                return
            self._app.call_later(self._found, len(found), found[0].title if found and remind else "")

        self._app.jobs.start(self._app, "unknown", work)

    def _found(self, count: int, title: str) -> None:
        if title:
            more = f" and {count - 1} more" if count > 1 else ""
            text = f"OUTCOME UNKNOWN: {title}{more}. It began, and how it ended was never noted: 0 opens the journal"
            self._app.notify(text, severity="error", timeout=10)
        self.set(count)

    def set(self, count: int) -> None:
        """Say it on every screen, or no longer."""
        if count != self._app.unknown_count:
            self._app.unknown_count = count
            for screen in self._app.commands.open_screens():
                screen.update_chrome()

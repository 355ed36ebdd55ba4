"""The base of every full screen: chrome, reading in the background, automatic refresh, commands of all panes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.timer import Timer

from console.services.ports import Cancel
from console.ui.commands import Command
from console.ui.jobs import Post
from console.ui.messages import AdviceFound, ChangeApplied, JobFailed
from console.ui.widgets.chrome import Header, KeyLine, StatusLine, TabLine

if TYPE_CHECKING:
    from console.model.document import TargetKind
    from console.model.errors import ConsoleError
    from console.services.bundle import Services
    from console.ui.app import HubwardenApp

MIN_INTERVAL, MAX_INTERVAL = 5.0, 600.0
UNFOCUSED_FACTOR = 4
MAX_BACKOFF = 16
ADVICE = "advice"
"""The group of jobs that find out what a refusal means."""

CopyItem = tuple[str, str]
"""What can be copied: its name and its text."""


class ConsoleScreen(Screen[None]):
    """A screen with header, tabs, status and keys around its own body.

    A screen that sets `interval` reads again by itself: the next reading is planned when the last one has ended, later
    when it was throttled or nobody looks, never while the screen is hidden or paused.
    """

    PANE: ClassVar[str] = ""
    SCOPES: ClassVar[tuple[str, ...]] = ("pane",)
    WATCHES: ClassVar[frozenset[TargetKind]] = frozenset()
    WATCHES_ALL: ClassVar[bool] = False
    """What is read again after it was written from here."""

    crumbs: tuple[str, ...] = ()
    interval: float = 0
    paused = False
    busy = False
    status_note = ""
    shows_age = True

    def __init__(self) -> None:
        super().__init__()
        # A screen starts with the app's current style sheet; otherwise Textual parses the whole sheet again.
        self._css_update_count = self.app._css_update_count
        self.freshness: tuple[datetime | None, bool, bool] = (None, False, False)
        self._next: Timer | None = None
        self._backoff = 1
        self._asked = False
        self._visible = False
        self._toasted: ConsoleError | None = None
        self._advice: dict[tuple[str, str, bool], tuple[tuple[str, str], ...]] = {}
        self._refused: ConsoleError | None = None

    # --- what every screen has -----------------------------------------------------------------------------------

    @property
    def console(self) -> HubwardenApp:
        """The app."""
        return cast("HubwardenApp", self.app)

    @property
    def services(self) -> Services:
        """The services of the active hub."""
        return self.console.services

    def compose(self) -> ComposeResult:
        """Put the chrome around the body."""
        yield Header()
        yield TabLine()
        yield from self.body()
        yield StatusLine()
        yield KeyLine()

    def body(self) -> ComposeResult:
        """Return the widgets between tabs and status; overridden."""
        raise NotImplementedError

    def load(self) -> None:
        """Start reading; overridden by screens that read."""
        self.busy = False

    def accept(self, argument: str) -> None:
        """Take what was typed after the pane's name, or what another pane asks for."""

    def back(self) -> bool:
        """Undo one step inside the screen (a filter, a selection); return whether there was one."""
        return False

    def unsaved(self) -> str:
        """Return what would be lost by quitting, empty when nothing."""
        return ""

    def copy_items(self) -> list[CopyItem]:
        """Return what `y` offers for the selected line."""
        return []

    def offers(self, command: Command) -> bool:
        """Return whether a command of every pane does something here (then it may stand in the key line)."""
        if command.id == "view.back":
            return bool(self.crumbs)
        if command.id == "change.undo":
            return False  # it works, but belongs into the key line of the journal alone
        own = getattr(type(self), command.method, None)
        if command.id == "pane.give-role":
            return self._refused is not None
        return command.id != "pane.describe" or own is not ConsoleScreen.command_pane_describe

    def update_chrome(self) -> None:
        """Repaint the lines of the chrome that changed."""
        for line in self.query(Header):
            line.update()
        for tab in self.query(TabLine):
            tab.update()
        for status in self.query(StatusLine):
            status.update()
        for keys in self.query(KeyLine):
            keys.update()

    def on_descendant_focus(self) -> None:
        """Other keys may be useful now."""
        for keys in self.query(KeyLine):
            keys.update()

    # --- automatic refresh ---------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        """Read when shown for the first time, or when the figures are overdue."""
        self._visible = True
        self.update_chrome()
        if not self._asked:
            self._asked = True
            self.call_after_refresh(self.reload)  # paint first: the thread would compete with it
        elif not self.busy:
            self._plan()

    def on_screen_suspend(self) -> None:
        """Do not read for a screen that nobody sees."""
        self._visible = False
        self._stop_timer()

    def reload(self) -> None:
        """Read now."""
        self._stop_timer()
        self._asked = True
        self._refused = None
        self.busy = True
        self.load()
        self.update_chrome()

    def ended(self, *, throttled: bool = False) -> None:
        """Note that a reading ended, well or not, and plan the next."""
        self.busy = False
        self._backoff = min(self._backoff * 2, MAX_BACKOFF) if throttled else 1
        self.update_chrome()
        if self._visible:
            self._plan()

    def _plan(self) -> None:
        self._stop_timer()
        if self.interval and not self.paused:
            unfocused = 1 if self.app.app_focus else UNFOCUSED_FACTOR
            self._next = self.set_timer(self.interval * self._backoff * unfocused, self.reload)

    def _stop_timer(self) -> None:
        if self._next is not None:
            self._next.stop()
            self._next = None

    def on_app_focus(self) -> None:
        """Somebody looks again: go on at the usual pace."""
        if self._visible and not self.busy and self._asked:
            self._plan()

    def on_change_applied(self, message: ChangeApplied) -> None:
        """Read again what was written: now, or when the screen is shown next."""
        if self.WATCHES_ALL or message.kinds & self.WATCHES:
            if self._visible:
                self.reload()
            else:
                self._asked = False

    def on_unmount(self) -> None:
        """Nobody waits for the answers any more."""
        self.console.jobs.cancel(self)

    def on_job_failed(self, message: JobFailed) -> None:
        """Hand trouble on to the one handler of the screen (Textual would call those of base classes too)."""
        if message.group != ADVICE:  # without advice the trouble is shown all the same
            self.advise(message.error)
            self.job_failed(message)

    def advise(self, error: ConsoleError) -> None:
        """After a refusal find out in the background which role is missing and who can give it; then show it, too.

        What was found out before is shown at once, so that a page which fails again and again stays as it is.
        """
        if not error.operation:
            return
        access = self.services.access
        error.advice = self._advice.get(_about(error), ())

        def work(cancel: Cancel, post: Post) -> AdviceFound:
            from console.services.access_help import advice

            del post
            return AdviceFound(error, advice(access, error, cancel))

        self.console.jobs.start(self, ADVICE, work)

    def on_advice_found(self, message: AdviceFound) -> None:
        """Show the trouble with what was found out."""
        error = message.error
        error.advice = self._advice[_about(error)] = message.advice
        self._refused = error if message.advice else None
        if error is self._toasted and message.advice:
            self._toasted = None
            text = "\n".join(f"{label}: {words}" for label, words in message.advice)
            self.notify(text, severity="warning", timeout=20)
        self.show_trouble()
        self.update_chrome()

    def show_trouble(self) -> None:
        """Paint again what tells of a failed reading; overridden where that is shown."""

    def job_failed(self, message: JobFailed) -> None:
        """Show the trouble in the pane; overridden where there is a better place."""
        self.report(message.error)

    def report(self, error: ConsoleError) -> None:
        """Show trouble that has no place of its own here; what is found out about it follows."""
        self._toasted = error
        self.console.report(error)

    # --- commands of every pane ----------------------------------------------------------------------------------

    def command_pane_refresh(self) -> None:
        """Read again now, at the usual pace from then on."""
        self._backoff = 1
        self.reload()

    def command_pane_pause(self) -> None:
        """Stop or go on with the automatic refresh."""
        if not self.interval:
            self.notify("This screen does not refresh by itself", severity="warning")
            return
        self.paused = not self.paused
        if self.paused:
            self._stop_timer()
        elif not self.busy:
            self.reload()
        self.repaint_state()

    def repaint_state(self) -> None:
        """Show a change of pause or interval; overridden where it is shown."""
        self.update_chrome()

    def command_pane_faster(self) -> None:
        """Halve the interval."""
        self._set_interval(self.interval / 2)

    def command_pane_slower(self) -> None:
        """Double the interval."""
        self._set_interval(self.interval * 2)

    def _set_interval(self, seconds: float) -> None:
        if not self.interval:
            return
        self.interval = min(max(seconds, MIN_INTERVAL), MAX_INTERVAL)
        self.notify(f"Refresh every {self.interval:.0f} s")
        if not self.busy:
            self._plan()

    def command_pane_copy(self) -> None:
        """Offer what can be copied from the selected line."""
        items = self.copy_items()
        if not items:
            self.notify("Nothing is selected", severity="warning")
            return
        from console.ui.dialogs.menu import Menu, MenuItem

        def copy(choice: str | None) -> None:
            if choice is not None:
                self.console.copy_text(dict(items)[choice], choice)

        preview = [MenuItem(name, name, " ".join(text.split())) for name, text in items]
        self.app.push_screen(Menu("COPY", preview), copy)

    def command_pane_give_role(self) -> None:
        """Go to the Access pane, to give the role that is missing here, where it is given on the hub."""
        error = self._refused
        if error is None:
            self.notify("Nothing was refused here", severity="warning")
            return
        role = dict(error.advice).get("missing role", "").partition(" on the hub")
        self.console.open_pane("access", f"assign {role[0]}" if role[1] else "assignments")

    def command_pane_describe(self) -> None:
        """Describe the selected line; overridden."""
        self.notify("There is nothing more to tell here", severity="warning")


def _about(error: ConsoleError) -> tuple[str, str, bool]:
    return error.operation.casefold(), error.scope.casefold(), error.data


def as_json(pairs: Sequence[tuple[str, Any]]) -> str:
    """Return named values as indented JSON, times and enums as text."""
    import json

    return json.dumps(dict(pairs), indent=2, default=str, ensure_ascii=False)

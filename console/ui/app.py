"""The Textual application: modes, theme, global commands. First frame before any call and without any Azure import."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable
from functools import cached_property
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import constants, events
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.screen import Screen

from console.model.errors import ConsoleError
from console.model.hub import Hub
from console.model.text import clean
from console.ui.arming import why_not
from console.ui.commands import BY_ID, Command, bindings, find
from console.ui.global_commands import GlobalCommands, History
from console.ui.jobs import Jobs, use_leaving_executor
from console.ui.leaving import Leaving
from console.ui.modes import MODES
from console.ui.panes.base import ConsoleScreen
from console.ui.sizes import check_size
from console.ui.theme import DEFAULT, THEMES, ascii_terminal
from console.ui.typed_ahead import TYPED, TypedAhead

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.widget import AwaitMount

    from console.services.bundle import Services
    from console.ui.changing import Changing, Step
    from console.ui.unknown import UnknownOutcomes

_log = logging.getLogger(__name__)
TICK_SECONDS = 1.0


def _named(error: BaseException) -> str:
    return f"Something broke inside hubwarden ({type(error).__name__}); please report it."


class HubwardenApp(App[None]):
    """The console on one hub.

    Args:
        services: the services of the hub; building them must not have imported any Azure library.
        theme: "dark", "light" or "ansi"; default dark, ansi when NO_COLOR is set.
        mouse: whether the mouse may be used; never needed.
        defect: keeps what is known about a mistake of ours where it can be reported, and returns what to say.
    """

    CSS_PATH = Path(__file__).with_name("console.tcss")
    TITLE = "hubwarden"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = MODES
    DEFAULT_MODE = "overview"
    ENABLE_COMMAND_PALETTE = False  # there is one of our own
    ALLOW_SELECT = False  # the terminal selects; Textual's way breaks on a press where a screen has just gone
    BINDINGS: ClassVar = bindings("global")
    CLOSE_TIMEOUT = 1.0

    def __init__(
        self,
        services: Services,
        *,
        theme: str | None = None,
        mouse: bool = True,
        defect: Callable[[BaseException], str] | None = None,
    ) -> None:
        name = theme or ("ansi" if os.environ.get("NO_COLOR") else DEFAULT)
        super().__init__(ansi_color=True if name == "ansi" else None)  # chooses the colour filters
        self.set_reactive(App.ansi_color, None)  # from now on the theme decides
        self.services = services
        self.mouse = mouse
        self.jobs = Jobs(services.session)
        self.commands = GlobalCommands(self)
        self.change_note = ""  # what is being planned or written, for the status line
        self.unknown_count = 0  # changes whose outcome nobody noted
        self.history = History(self.DEFAULT_MODE)
        self.ascii_only = ascii_terminal()
        self.snapshot = services.overview.cached()
        self._leaving = Leaving(self)
        self._defect = defect or _named
        self.typed_ahead = TypedAhead(self, super().on_event)
        self.animation_level = "none"
        for own in THEMES:
            self.register_theme(own)
        # Set before the style sheet is first parsed: changing it afterwards parses everything twice.
        self.set_reactive(App.theme, name)
        self.set_class(not self.current_theme.dark, "-light-mode", update=False)
        self.set_class(self.current_theme.dark, "-dark-mode", update=False)
        self.stylesheet.set_variables(self.get_css_variables())

    def get_driver_class(self) -> type[Driver]:
        """Return the driver that no input breaks, where there is one."""
        if constants.DRIVER is not None or os.name == "nt":
            return super().get_driver_class()
        from console.ui.driver import ConsoleDriver

        return ConsoleDriver

    def run(self, **options: Any) -> None:
        """Run in the terminal until the user leaves; `return_code` is the exit status."""
        try:
            super().run(**({"mouse": self.mouse} | options))
        finally:
            self._leaving.finished(self.return_code or 0)

    async def on_event(self, event: events.Event) -> None:
        """Take one key after the other."""
        if isinstance(event, TYPED) and not event.is_forwarded:
            await self.typed_ahead.add(event)
        else:
            await super().on_event(event)

    def on_load(self) -> None:
        """Prepare for the end before the terminal is taken: threads that do not hold it up, and signals."""
        use_leaving_executor()
        self._leaving.watch()

    def on_mount(self) -> None:
        """Watch the size and the clock."""
        self.set_interval(TICK_SECONDS, self._tick)
        self.call_later(check_size, self)
        self.call_after_refresh(lambda: self.unknown.look(remind=True))
        if note := self.services.overview.note:
            self.call_after_refresh(self.notify, note, severity="warning", timeout=10)
        self.call_after_refresh(gc.enable)  # it was off for the start, see `cli.main`

    def on_resize(self, event: events.Resize) -> None:
        """Say when the terminal became too small."""
        del event
        if self._is_mounted:
            self.call_later(check_size, self)  # Textual notes the new size only after this handler

    def push_screen(self, *arguments: Any, **options: Any) -> Any:
        """Show another screen, behind the notice where the terminal is too small."""
        pushed = super().push_screen(*arguments, **options)
        self.call_later(check_size, self)
        return pushed

    def pop_screen(self) -> AwaitComplete:
        """Leave the screen in front; the first one of a pane stays, whoever else left it in the meantime."""
        self.call_later(check_size, self)
        return super().pop_screen() if len(self.screen_stack) > 1 else AwaitComplete()

    def switch_mode(self, mode: str) -> AwaitMount:
        """Show the screens of another pane, behind the notice where the terminal is too small."""
        self.call_later(check_size, self)
        return super().switch_mode(mode)

    def _tick(self) -> None:
        if (look := getattr(self._driver, "look_at_size", None)) is not None:
            look()
        check_size(self)  # a change of size in the middle of a change of panes may have been missed
        behind = (screen for screen in reversed(self.screen_stack) if isinstance(screen, ConsoleScreen))
        if (front := next(behind, None)) is not None:  # ages go on behind a dialog too
            front.update_chrome()

    def leave(self, return_code: int = 0) -> None:
        """End the app now; what is under way is told to stop and not waited for."""
        if self.change_note:
            self.changing.leave()
        self.jobs.cancel_all()
        self._leaving.begin(return_code)
        self.exit(return_code=return_code)

    def action_help_quit(self) -> None:
        """Say how to leave: ctrl+c is what many try first."""
        self.notify("q or ctrl+q leaves")

    async def action_quit(self) -> None:
        """Leave at once (ctrl+q); while something is being written ask once."""
        if self.change_note and self.changing.writing and isinstance(self.screen, ConsoleScreen):
            self.commands.command_app_quit()
        else:
            self.leave()

    def _fatal_error(self) -> None:
        """End with one sentence about our own mistake, without its text and the values of variables: see `defect`."""
        error = self._exception
        if error is not None and self._leaving.told is not None:
            # A screen that was only just being made has lost its parts; nobody sees it any more.
            _log.warning("the console was told to leave, and this came of it", exc_info=error)
            self._return_code = self._leaving.told
        elif error is not None and not self._leaving.words:  # those that come after the first are its consequences
            _log.error("the console broke", exc_info=error)
            self._leaving.broke(self._defect(getattr(error, "error", error)))  # what a worker's failure wraps
        self._close_messages_no_wait()

    def panic(self, *renderables: object) -> None:
        """End as after any mistake of ours: what should be printed could hold anything."""
        del renderables
        if self._exception is not None:
            self._fatal_error()
            return
        try:
            raise RuntimeError
        except RuntimeError as error:
            self._handle_exception(error)

    # --- what screens use ----------------------------------------------------------------------------------------

    @property
    def hub(self) -> Hub | None:
        """The hub as last read, None until then."""
        return self.snapshot.hub.value

    def notify(self, message: str, **options: Any) -> None:
        """Show a toast; its text is never read as markup."""
        options.setdefault("timeout", 5)
        super().notify(clean(message), **(options | {"markup": False}))

    def report(self, error: ConsoleError) -> None:
        """Show trouble that has no place of its own in the pane."""
        self.notify(error.sentence(), severity="error", timeout=10)

    def copy_text(self, text: str, what: str, *, secret: bool = False) -> None:
        """Send text to the terminal's clipboard and say so."""
        from console.ui.clipboard import send

        self.notify(send(self, text, what, secret=secret))

    def why_not(self, command: Command) -> str:
        """Return why a command cannot be used at this moment, empty when it can."""
        return why_not(command, self.services.session)

    @cached_property
    def changing(self) -> Changing:
        """The way from a plan to a change; made when the first is planned, long after the first frame."""
        from console.ui.changing import Changing

        return Changing(self)

    @cached_property
    def unknown(self) -> UnknownOutcomes:
        """What looks for changes whose outcome nobody noted."""
        from console.ui.unknown import UnknownOutcomes

        return UnknownOutcomes(self)

    def on_step(self, message: Step) -> None:
        """Go on with the change under way."""
        self.changing.take(message)

    def key_of(self, command: Command) -> str:
        """Return the first key of a command after the user's keymap."""
        keys = self._keymap.get(command.id)
        return keys.split(",")[0] if keys else command.keys[0] if command.keys else ""

    def open_pane(self, pane: str, argument: str = "") -> None:
        """Go to a pane; with an argument (a filter, a cause) to its first screen."""
        self.history.visit(pane)
        self.show_pane(pane, argument)

    def show_pane(self, pane: str, argument: str = "") -> None:
        """Show a pane without a trace in the history; the current one again goes to its first screen."""
        again = pane == self.current_mode
        self.switch_mode(pane)
        if again or argument:
            while len(self.screen_stack) > 1:
                self.pop_screen()
        if argument and isinstance(self.screen, ConsoleScreen):
            self.screen.accept(argument)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys of eager commands to whoever is typing, and to dialogs."""
        if action == "command" and BY_ID[str(parameters[0])].eager:
            typing = self.focused is not None and self.focused.check_consume_key("colon", ":")
            return isinstance(self.screen, ConsoleScreen) and not typing
        return super().check_action(action, parameters)

    async def action_command(self, command_id: str) -> None:
        """Carry out a command from a key; the next key waits until it is done."""
        await self.run_command(BY_ID[command_id])

    async def run_command(self, command: Command, argument: str = "") -> None:
        """Carry out a command on the screen or on the app; a disabled one says why."""
        if reason := self.why_not(command):
            self.notify(f"{command.title.rstrip(' …')}: {reason}", severity="warning")
            return
        if command.scope == "global" and command.id.startswith("pane."):
            self.open_pane(command.id.removeprefix("pane."), argument)
            return
        handler = getattr(self.screen, command.method, None) or getattr(self.commands, command.method, None)
        if handler is None:
            self.notify(f"{command.title} does not apply here", severity="warning")
        else:
            done = handler(argument) if argument and command.argument else handler()
            if isawaitable(done):
                await done

    async def run_line(self, text: str) -> None:
        """Carry out a line of the prompt: a command and its argument."""
        word, _, argument = text.strip().partition(" ")
        command = find(word)
        if command is None:
            self.notify(f'No command "{word}": ? shows them all', severity="warning")
        else:
            await self.run_command(command, argument.strip())

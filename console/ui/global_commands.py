"""The commands that work everywhere: help, prompt, palette, history, theme, quit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.model.errors import ConsoleError
from console.ui.arming import read_only
from console.ui.panes.base import ConsoleScreen
from console.ui.sizes import is_small
from console.ui.theme import THEMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.model.hubs import HubEntry
    from console.ui.app import HubwardenApp
    from console.ui.commands import Command


class History:
    """The panes visited, as a browser keeps them."""

    def __init__(self, first: str) -> None:
        self._visited = [first]
        self._place = 0

    def visit(self, pane: str) -> None:
        """Note a visit; what lay ahead is forgotten."""
        if pane != self._visited[self._place]:
            self._visited[self._place + 1 :] = [pane]
            self._place += 1

    def step(self, by: int) -> str | None:
        """Go back or forward; return the pane there, None at the end."""
        if not 0 <= self._place + by < len(self._visited):
            return None
        self._place += by
        return self._visited[self._place]

    def last(self) -> str | None:
        """Return the pane visited before the current one."""
        current = self._visited[self._place]
        return next((pane for pane in reversed(self._visited[: self._place]) if pane != current), None)


class GlobalCommands:
    """Handlers named after the registry's ids."""

    def __init__(self, app: HubwardenApp) -> None:
        self._app = app
        self.next_hub: HubEntry | None = None

    def command_view_help(self) -> None:
        """Open the help."""
        from console.ui.dialogs.help import Help

        if isinstance(self._app.screen, ConsoleScreen):
            scope = getattr(self._app.screen.focused, "COMMAND_SCOPE", "")
            self._app.push_screen(Help((*self._app.screen.SCOPES, scope)))

    async def command_view_prompt(self) -> None:
        """Open the prompt."""
        from textual.widgets import Input

        from console.ui.dialogs.prompt import Prompt

        scopes = self._app.screen.SCOPES if isinstance(self._app.screen, ConsoleScreen) else ()
        prompt = Prompt(scopes)
        await self._app.push_screen(prompt, self._run_line)
        prompt.set_focus(prompt.query_one(Input))

    async def _run_line(self, text: str | None) -> None:
        if text:
            await self._app.run_line(text)

    async def command_view_palette(self) -> None:
        """Open the palette."""
        from console.ui.palette import Palette

        if isinstance(self._app.screen, ConsoleScreen):
            await self._app.push_screen(Palette(self._app.screen.SCOPES), self._run_command)

    async def _run_command(self, command: Command | None) -> None:
        if command is not None:
            await self._app.run_command(command)

    def command_view_back(self) -> None:
        """Undo a filter or a selection, else leave this screen; never the app."""
        if isinstance(self._app.screen, ConsoleScreen) and self._app.screen.back():
            return
        if len(self._app.screen_stack) > 1:
            self._app.pop_screen()

    def command_view_last(self) -> None:
        """Go to the pane before this one."""
        pane = self._app.history.last()
        if pane is not None:
            self._app.open_pane(pane)

    def command_view_previous(self) -> None:
        """Go back in the history of panes."""
        pane = self._app.history.step(-1)
        if pane is not None:
            self._app.show_pane(pane)

    def command_view_next(self) -> None:
        """Go forward in the history of panes."""
        pane = self._app.history.step(1)
        if pane is not None:
            self._app.show_pane(pane)

    def command_view_crumbs(self) -> None:
        """Show or hide the line of tabs and path, on every screen."""
        for screen in self.open_screens():
            screen.toggle_class("-no-tabs")

    def command_view_theme(self, name: str = "") -> None:
        """Change the theme, or offer the themes."""
        from console.ui.dialogs.menu import Menu, MenuItem

        names = [own.name for own in THEMES]
        if name in names:
            self._app.theme = name
        elif name:
            self._app.notify(f'No theme "{name}": {", ".join(names)}', severity="warning")
        else:
            items = [MenuItem(own, own, "in use" if own == self._app.theme else "") for own in names]
            self._app.push_screen(
                Menu("THEME", items), lambda choice: self.command_view_theme(choice) if choice else None
            )

    def command_app_hubs(self, text: str = "") -> None:
        """Offer every hub of the credential."""
        from console.ui.dialogs.hub_picker import HubPicker

        self._app.push_screen(HubPicker(text), self._go)

    def _go(self, entry: HubEntry | None) -> None:
        session = self._app.services.session
        if entry is None:
            return
        if entry.name.casefold() == session.hub_name.casefold():
            self._app.notify(f"{entry.name} is the hub that is open")
            return

        def go() -> None:
            self.next_hub = entry  # whoever opened this console opens the other one
            self._app.leave()

        self._leave_or_ask(f"GO TO {entry.name}?", "Go", go)

    def command_app_quit(self) -> None:
        """Leave; ask first only if something would be lost."""
        self._leave_or_ask("QUIT?", "Quit", self._app.leave)

    def _leave_or_ask(self, title: str, word: str, leave: Callable[[], None]) -> None:
        lost = [what for screen in self.open_screens() if (what := screen.unsaved())]
        if self._app.change_note and (writing := self._app.changing.unsaved()):
            lost.insert(0, writing)
        if not lost:
            leave()
            return
        if is_small(self._app):
            self._app.notify(f"{', '.join(lost)} would be lost; make the terminal larger to decide", severity="warning")
            return
        from console.ui.dialogs.menu import Menu, MenuItem

        items = [MenuItem("stay", "Stay", ""), MenuItem("leave", word, f"{', '.join(lost)} will be lost")]
        self._app.push_screen(Menu(title, items), lambda choice: leave() if choice == "leave" else None)

    def command_app_write(self, word: str = "") -> None:
        """Arm the hub after asking, or go back to read-only."""
        session = self._app.services.session
        if word in ("off", "no"):
            self.command_app_readonly()
        elif word:
            self._app.notify(
                f'":write {word}" is nothing: :write allows changes, :write off forbids', severity="warning"
            )
        elif session.armed:
            self._app.notify(f"Changes of {session.hub_name} are allowed already; :write off forbids them")
        elif session.pinned:
            self._app.notify(f"Changes stay switched off: {read_only(session)}", severity="warning", timeout=10)
        else:
            from console.ui.dialogs.arm import Arm

            dialog = Arm(session.hub_name, session.identity_label, protected=session.protected)
            self._app.push_screen(dialog, self._arm)

    def _arm(self, agreed: bool | None) -> None:
        session = self._app.services.session
        if not agreed:
            return
        try:
            session.arm()
        except ConsoleError as error:
            self._app.report(error)
        else:
            self._app.notify(f"Changes of {session.hub_name} are allowed; :write off forbids them")
        self._repaint()

    def command_app_readonly(self) -> None:
        """Go back to read-only; what is being written is still written to its end."""
        session = self._app.services.session
        session.disarm()
        self._app.notify(f"Changes of {session.hub_name} are forbidden; :write allows them")
        self._repaint()

    def _repaint(self) -> None:
        for screen in self.open_screens():
            screen.update_chrome()

    def command_change_undo(self) -> None:
        """Plan to take the newest change back; nothing is written before it is agreed to."""
        from console.ui.changing import begin

        screen = self._app.screen
        if isinstance(screen, ConsoleScreen):
            changes = self._app.services.changes
            begin(screen, lambda cancel: changes.undo.plan(None, cancel))

    def command_change_stop(self) -> None:
        """Stop a bulk change after the write under way."""
        self._app.changing.stop()

    def open_screens(self) -> list[ConsoleScreen]:
        """Return every screen that is open, in whatever pane."""
        stacks = self._app._screen_stacks.values()
        return [screen for stack in stacks for screen in stack if isinstance(screen, ConsoleScreen)]

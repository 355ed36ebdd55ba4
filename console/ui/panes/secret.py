"""A page with something secret in it: hidden, shown for twenty seconds on a key, copied on another, then forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult

from console.model.secret import Secret
from console.present.lines import Line
from console.present.pages import BLANK, section, state_lines
from console.present.secrets import secret_lines
from console.ui.commands import BY_ID, Command, bindings, key_name
from console.ui.panes.base import ConsoleScreen
from console.ui.reveal import Reveal
from console.ui.widgets.page import Page

Build = Callable[[int], Sequence[Line]]
"""Makes lines for a width."""


class ForgetfulScreen(ConsoleScreen):
    """A screen that holds something secret: hides it when anything covers the screen, forgets it when it is left."""

    def __init__(self) -> None:
        super().__init__()
        self.reveal = Reveal(self, self.show)

    def show(self) -> None:
        """Draw it as it stands now; overridden."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what is secret; overridden."""
        raise NotImplementedError

    def on_screen_suspend(self) -> None:
        """Hide it behind a dialog; forget it when the user went to another pane."""
        self.reveal.hide()
        if self.app.current_mode != self.PANE:
            self.forget()

    def on_unmount(self) -> None:
        """Forget it."""
        self.forget()

    def command_secret_reveal(self) -> None:
        """Show it for a while, or hide it."""
        self.reveal.toggle()


class SecretScreen(ForgetfulScreen):
    """What became of something, and the secret that came of it.

    Args:
        pane: the pane it belongs to.
        crumbs: the path below it.
        secret: what is hidden.
        what: what it is called when it was copied: "token for press-1".
        title: the heading above it.
        below: makes the lines below it; they must not hold it.
        above: makes the lines above it.
        hidden: stands for it while it is hidden; without, its last characters do.
    """

    SCOPES = ("secret",)
    shows_age = False
    BINDINGS = bindings("secret", "pane")

    def __init__(
        self,
        pane: str,
        crumbs: tuple[str, ...],
        secret: Secret,
        what: str,
        title: str,
        below: Build,
        *,
        above: Build | None = None,
        hidden: str = "",
    ) -> None:
        super().__init__()
        self.PANE = pane  # type: ignore[misc]
        self.crumbs = crumbs
        self._secret: Secret | None = secret
        self._what = what
        self._title = title
        self._below = below
        self._above = above
        self._hidden = hidden

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def offers(self, command: Command) -> bool:
        """Offer to copy it as long as it is here."""
        if command.id == "secret.reveal":
            return self._secret is not None
        return super().offers(command)

    def update_chrome(self) -> None:
        """Let times go on."""
        super().update_chrome()
        if self.query(Page):
            self.show()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page around the secret, which is hidden or spelled out."""
        if not self.query(Page):
            return  # the app is leaving
        page = self.query_one(Page)
        width = max(page.size.width - 1, 20)
        above = [*self._above(width), BLANK] if self._above is not None else []
        page.show([*above, *self._secret_part(width), BLANK, *self._below(width)])

    def _secret_part(self, width: int) -> list[Line]:
        if self._secret is None:
            why = "you went to another pane"
            return state_lines(f"{self._title}: FORGOTTEN", "warn", "It is not kept anywhere.", why, "", width)
        left = self.reveal.left
        show, copy = (key_name(self.console.key_of(BY_ID[one])) for one in ("secret.reveal", "pane.copy"))
        lines = secret_lines(self._secret, width, left=left, hidden=self._hidden, keys=show)
        lines.append(((f"   {copy}", "key"), (" copies it to the terminal's clipboard", "dim")))
        return section(self._title, lines)[:-1]

    def forget(self) -> None:
        """Drop it."""
        self._secret = None
        self.reveal.hide()
        if self.is_running and self.is_attached and self.query(Page):
            self.show()

    def command_secret_reveal(self) -> None:
        """Show it for a while, or hide it."""
        if self._secret is not None:
            super().command_secret_reveal()

    def command_pane_copy(self) -> None:
        """Send it to the terminal's clipboard, past tmux."""
        if self._secret is not None:
            self.console.copy_text(self._secret.reveal(), self._what, secret=True)

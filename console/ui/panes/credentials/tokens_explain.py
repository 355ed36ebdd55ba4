"""Explains a token or connection string that is pasted: what it opens, until when, and why it would be refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual import on
from textual.widget import Widget

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.model.token import Explanation
from console.present.lines import Line, paragraph
from console.present.pages import BLANK, error_lines
from console.present.words import clock_time
from console.services.ports import Cancel
from console.ui.commands import BY_ID, bindings, key_name
from console.ui.dialogs.form import Answer, Form, InfoField, TextField
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.credentials.pasted import AskInput, PastedScreen
from console.ui.panes.credentials.tokens_messages import Explained
from console.ui.widgets.paste_field import PasteField

_BROKEN = (
    "Line breaks inside were taken out, as a terminal makes them where a line is too long. Where they stand in the "
    "device's own copy too, the service refuses it."
)
_HELP = (
    "Any form will do: a token, an Authorization header, a device's password, a connection string; a terminal's line "
    "breaks do no harm. It stays on this machine, is never shown, and is forgotten when you leave."
)
_READS = (
    "the keys of the device or the policy that the token names. A privileged read: it leaves a trace in the hub's "
    "activity log or at the registry, and is noted in the journal first."
)


class ExplainScreen(PastedScreen):
    """Paste, and read below what it is."""

    SCOPES = ("explain",)
    BINDINGS = bindings("explain", "pane")
    crumbs = ("tokens", "explain")

    def __init__(self) -> None:
        super().__init__()
        self._told: Explanation | None = None
        self._error: ConsoleError | None = None
        self._read_at: datetime | None = None

    def headline(self) -> tuple[Line, Line]:
        """Say what can be pasted, and which key goes on."""
        key = key_name(self.console.key_of(BY_ID["explain.hub"]))
        left: Line = ((" EXPLAIN", "head"), ("  why is a token refused?", "dim"))
        if self._read_at is not None:
            left = ((" EXPLAIN", "head"), (f"  checked at the hub, {clock_time(self._read_at)} UTC", "accent"))
        return left, ((key, "key"), (" hold against the hub's keys ", "dim"))

    def fields(self) -> Sequence[tuple[str, Widget]]:
        """Ask for the text, what it should open, and a key."""
        return (
            ("text", PasteField("paste it here; ctrl+u clears")),
            ("should open", AskInput("a device id or a resource, if you like", id="wanted")),
            ("key", AskInput("to check the signature: a key or a connection string", id="key", secret=True)),
        )

    # --- explaining ----------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Explain what is there now; what was read from the hub belonged to the text before."""
        self.console.jobs.cancel(self, "hub")
        self._error = self._read_at = None
        self.status_note = ""
        text, key, wanted = self._text(), Secret(self.value("key")), self.value("wanted")
        if not text:
            self.console.jobs.cancel(self, "explain")
            self._told = None
            self.show()
            return
        credentials = self.services.credentials

        def work(cancel: Cancel, post: Post) -> Explained:
            del cancel, post
            return Explained(credentials.tokens.explain(text.reveal(), key=key if key else None, wanted=wanted))

        self.console.jobs.start(self, "explain", work)

    def _text(self) -> Secret:
        """Return what was pasted, without the line breaks that a terminal puts into long lines."""
        from console.rules.pasted import as_pasted

        return Secret(as_pasted(self.pasted.secret.reveal().strip()))

    def command_pane_refresh(self) -> None:
        """Explain it again, as of now."""
        self.look()

    def command_explain_hub(self) -> None:
        """Ask, then hold it against the keys of the hub."""
        if not self._text():
            self.notify("Paste a token first", severity="warning")
            return
        fields = (
            InfoField("reads", _READS),
            TextField("reason", "reason", "", "optional; it stands in the journal"),
        )
        hub = self.services.session.hub_name
        self.app.push_screen(Form(f"READ KEYS OF {hub}?", fields, submit="Read them"), self._at_hub)

    def _at_hub(self, answer: Answer | None) -> None:
        if answer is None:
            return
        credentials, reason = self.services.credentials, str(answer["reason"])
        text, wanted = self._text(), self.value("wanted")

        def work(cancel: Cancel, post: Post) -> Explained:
            del post
            told = credentials.tokens.explain_at_hub(text.reveal(), reason, cancel, wanted=wanted)
            return Explained(told, at_hub=True)

        self.console.jobs.cancel(self, "explain")
        self.status_note = "reading keys from the hub …"
        self.console.jobs.start(self, "hub", work)
        self.update_chrome()

    @on(Explained)
    def take(self, message: Explained) -> None:
        """Show it."""
        now = self.services.clock()
        self._told, self._error = message.explanation, None
        self._read_at = now if message.at_hub else None
        self.status_note = ""
        self.freshness, self.shows_age = (now, False, False), True
        self.show()

    def job_failed(self, message: JobFailed) -> None:
        """Say why it could not be told; what is known stays below."""
        self._error = message.error
        self.status_note = ""
        self.show()

    # --- showing -------------------------------------------------------------------------------------------------

    def lines(self, width: int) -> Sequence[Line]:
        """Return the explanation, and before it what could not be told."""
        if self._told is None and self._error is None:
            return paragraph(
                self.pasted.refused or _HELP, width, indent=3, style="bad" if self.pasted.refused else "dim"
            )
        lines: list[Line] = []
        if self._error is not None:
            lines += [*error_lines(self._error, width, retry=f"{self._hub_key} try again"), BLANK]
        if self._told is not None:
            from console.present.tokens import explanation_lines

            lines += explanation_lines(self._told, width)
            if "\n" in self.pasted.secret.reveal().strip() and "\n" not in self._text().reveal():
                lines += paragraph(_BROKEN, width, indent=3, style="dim")
        return lines

    @property
    def _hub_key(self) -> str:
        return key_name(self.console.key_of(BY_ID["explain.hub"]))

    def forget(self) -> None:
        """Drop what was pasted and what was told of it."""
        self._told = self._error = self._read_at = None
        super().forget()
        self.show()

"""The Tokens tab: which tokens were minted here and which are still good; mints and explains."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult

from console.model.secret import Secret
from console.model.token import LedgerEntry, MintedToken
from console.present.lines import Line, plain
from console.present.pages import error_lines
from console.present.token_table import COLUMNS, minted_lines, nothing_lines, token_cells, token_page
from console.services.ports import Cancel
from console.ui.commands import BY_ID, bindings, key_name
from console.ui.dialogs.form import Answer
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import CopyItem
from console.ui.panes.credentials.tabs import TabScreen
from console.ui.panes.credentials.tokens_messages import LedgerRead, Minted
from console.ui.panes.credentials.tokens_mint import Kind, Wanted, mint_form, wanted
from console.ui.panes.credentials.tokens_state import TokensState
from console.ui.panes.filtering import FilterScreen
from console.ui.panes.secret import SecretScreen
from console.ui.panes.text import TextScreen
from console.ui.widgets.heading import Heading
from console.ui.widgets.resource_table import ResourceTable
from console.ui.widgets.row_source import ListSource

_ACTIONS = ("mint-device", "mint-module", "mint-policy", "mint-dps", "explain")


class TokensScreen(FilterScreen, TabScreen):
    """Which tokens are out, and until when?"""

    TAB = "tokens"
    SCOPES = ("tokens", "credentials", "pane")
    BINDINGS = bindings("tokens", "credentials", "pane")
    AUTO_FOCUS = "#rows"
    FILTER_HINT = "resource, policy or who; !not"
    state: TokensState
    interval = 30.0

    def __init__(self) -> None:
        super().__init__()
        self.state = TokensState()
        self._answers: dict[Kind, Answer] = {}
        self._waiting: tuple[MintedToken, str] | None = None

    def body(self) -> ComposeResult:
        """Show tabs, what is valid, and the ledger."""
        yield Heading(id="heading")
        yield Heading(id="ledger")
        yield ResourceTable(COLUMNS, id="rows")

    @property
    def table(self) -> ResourceTable:
        """The table."""
        return self.query_one("#rows", ResourceTable)

    def on_mount(self) -> None:
        """Say that the reading begins."""
        self.show_tabs()
        self.show_rows()

    def on_screen_resume(self) -> None:
        """Show a token that was made while something else was in front."""
        self.show_minted()

    # --- reading -------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the ledger from the disk."""
        credentials = self.services.credentials

        def work(cancel: Cancel, post: Post) -> LedgerRead:
            del cancel, post
            return LedgerRead(credentials.tokens.ledger())

        self.console.jobs.start(self, "ledger", work)

    @on(LedgerRead)
    def take(self, message: LedgerRead) -> None:
        """Show it."""
        self.state.entries, self.state.error = message.entries, None
        self.state.as_of = self.services.clock()
        self.ended()
        self.show_rows()

    def job_failed(self, message: JobFailed) -> None:
        """Say why there is no ledger, or no token."""
        if message.group == "ledger":
            self.state.error = message.error
            self.ended()
        else:
            self.status_note = ""
            error = message.error
            page = TextScreen(
                self.PANE, ("tokens", "not minted"), lambda width: error_lines(error, width, retry="esc back")
            )
            self.app.push_screen(page)
        self.show_rows()

    # --- showing -------------------------------------------------------------------------------------------------

    def show_rows(self) -> None:
        """Show the rows that follow from the state."""
        state, now, table, host = self.state, self.services.clock(), self.table, self.services.session.hub_host
        rows = state.rows(now)
        source = ListSource(rows, lambda row: row[0], lambda row: token_cells(row[1], host, now))
        table.show(source, empty=self._empty(table.size.width or self.app.size.width))
        self.query_one("#ledger", Heading).set(*state.heading(len(rows), now))
        self.freshness = (state.as_of, state.error is not None, False)
        self.update_chrome()

    def _empty(self, width: int) -> list[Line]:
        state = self.state
        if state.error is not None:
            return error_lines(state.error, width)
        if state.entries is None:
            return [(("   Reading the ledger …", "dim"),)]
        if not state.entries:
            return nothing_lines(self._key("tokens.actions"), width)
        if state.filter:
            return [(("   No token matches. ", ""), ("esc", "key"), (" clears the filter.", "dim"))]
        return [
            (("   No token that was minted here is valid any more. ", ""),),
            ((f"   {self._key('tokens.valid')}", "key"), (" shows the expired ones.", "dim")),
        ]

    def _key(self, command: str) -> str:
        return key_name(self.console.key_of(BY_ID[command]))

    def _selected(self) -> LedgerEntry | None:
        return next(
            (entry for key, entry in self.state.rows(self.services.clock()) if key == self.table.selected), None
        )

    @on(ResourceTable.Opened)
    def command_pane_describe(self) -> None:
        """Show all that is known of the selected token."""
        entry, clock = self._selected(), self.services.clock
        if entry is None:
            self.notify("Nothing is selected", severity="warning")
            return
        self.app.push_screen(TextScreen(self.PANE, ("token",), lambda width: token_page(entry, clock(), width)))

    def copy_items(self) -> list[CopyItem]:
        """Offer resource and row; the token itself is not kept."""
        entry = self._selected()
        if entry is None:
            return []
        cells = token_cells(entry, self.services.session.hub_host, self.services.clock())
        row = "\t".join(plain((cell,)) for cell in cells)
        return [("resource", entry.resource), ("row", row), ("command line", "hubwarden sas ledger")]

    # --- which ---------------------------------------------------------------------------------------------------

    async def command_tokens_filter(self) -> None:
        """Open the filter line."""
        await self.open_filter()

    def command_tokens_valid(self) -> None:
        """Show only what is still valid, or all."""
        self.state.valid_only = not self.state.valid_only
        self.show_rows()

    # --- minting -------------------------------------------------------------------------------------------------

    def command_tokens_actions(self) -> None:
        """Offer what can be done here."""
        commands = [BY_ID[f"tokens.{name}"] for name in _ACTIONS]

        async def choose(choice: str | None) -> None:
            if choice is not None:
                await self.console.run_command(BY_ID[choice])

        self.app.push_screen(Menu("TOKENS", [MenuItem(one.id, one.title, one.help) for one in commands]), choose)

    def command_tokens_mint_device(self) -> None:
        """Ask for a device."""
        self._ask(Kind.DEVICE)

    def command_tokens_mint_module(self) -> None:
        """Ask for a module."""
        self._ask(Kind.MODULE)

    def command_tokens_mint_policy(self) -> None:
        """Ask for a policy."""
        self._ask(Kind.POLICY)

    def command_tokens_mint_dps(self) -> None:
        """Ask for a registration."""
        self._ask(Kind.DPS)

    def mint_for(self, device_id: str) -> None:
        """Ask for the rest of a token for this device."""
        self._ask(Kind.DEVICE, device_id)

    def _ask(self, kind: Kind, device_id: str = "") -> None:
        session = self.services.session
        before = dict(self._answers.get(kind, {}))
        if device_id:
            before = {key: before[key] for key in ("lifetime", "other", "source") if key in before}
            before["device"] = device_id

        def take(answer: Answer | None) -> None:
            if answer is not None:
                self._answers[kind] = {key: value for key, value in answer.items() if key != "key"}
                self._mint(wanted(kind, answer))

        self.app.push_screen(mint_form(kind, session.hub_host, before), take)

    def _mint(self, what: Wanted) -> None:
        credentials = self.services.credentials

        def work(cancel: Cancel, post: Post) -> Minted:
            del post
            tokens = credentials.tokens
            if what.key is not None:
                return Minted(tokens.mint(what.order, what.key), what.subject)
            return Minted(tokens.mint_by_profile(what.order, what.reason, cancel), what.subject)

        self.status_note = "minting …" if what.key is not None else "reading the key from the hub …"
        self.console.jobs.start(self, "mint", work)
        self.update_chrome()

    @on(Minted)
    def minted(self, message: Minted) -> None:
        """Show what was made; when something else is in front, as soon as that is gone."""
        self.status_note = ""
        self._waiting = (message.token, message.subject)
        self.reload()
        self.show_minted()

    def show_minted(self) -> None:
        """Show the token that waits to be shown, on a page that hides it."""
        if self._waiting is None or self.app.screen is not self:
            return
        (token, subject), self._waiting, clock = self._waiting, None, self.services.clock
        known = replace(token, token=Secret(""))  # the page holds the token once, so that it can be forgotten

        def build(width: int) -> list[Line]:
            return minted_lines(known.resource, known.policy, known.expires, known.warnings, clock(), width)

        crumbs = ("tokens", f"token for {subject}")
        self.app.push_screen(SecretScreen(self.PANE, crumbs, token.token, f"token for {subject}", "TOKEN", build))

    # --- explaining ----------------------------------------------------------------------------------------------

    async def command_tokens_explain(self) -> None:
        """Explain something that is pasted, be it pasted at once."""
        from console.ui.panes.credentials.tokens_explain import ExplainScreen

        screen = ExplainScreen()
        await self.app.push_screen(screen)
        screen.set_focus(screen.pasted)

"""What the Tokens tab shows, without a terminal: the ledger, which of it, the filter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.model.errors import ConsoleError
from console.model.token import LedgerEntry
from console.present.lines import Line
from console.present.token_table import heading, ordered, token_matches


class TokensState:
    """Ledger, filter, and whether expired tokens are shown; `rows` follows from them."""

    def __init__(self) -> None:
        self.entries: Sequence[LedgerEntry] | None = None
        self.error: ConsoleError | None = None
        self.filter = ""
        self.valid_only = False
        self.as_of: datetime | None = None

    def rows(self, now: datetime) -> list[tuple[str, LedgerEntry]]:
        """Return the tokens that are shown, each with a key that is its own (one may be minted twice)."""
        shown = ordered(self.entries or (), now)
        keys: dict[str, int] = {}
        rows = []
        for entry in shown:
            number = keys[entry.fingerprint] = keys.get(entry.fingerprint, 0) + 1
            if (entry.valid(now) or not self.valid_only) and token_matches(entry, self.filter):
                rows.append((f"{entry.fingerprint}/{number}", entry))
        return rows

    def heading(self, shown: int, now: datetime) -> tuple[Line, Line]:
        """Return both parts of the line above the table."""
        return heading(self.entries, shown, self.filter, now, valid_only=self.valid_only)

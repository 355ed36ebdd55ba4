"""What the Certificates tab shows, without a terminal: the inventory, the hub's CAs, which of them, the filter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

from console.model.certificate import AuthorityRecord
from console.model.errors import ConsoleError
from console.model.hub import HubCertificate
from console.present.certificate_table import Row, due, due_line, hub_matches, matches
from console.present.lines import Line
from console.present.words import number, plural

_NEVER = datetime.max.replace(tzinfo=UTC)


class Source(StrEnum):
    """Which certificates are shown."""

    HERE = "here"
    HUB = "hub"


class CertificatesState:
    """Inventory, the hub's CAs, source and filter; the rows follow from them."""

    def __init__(self) -> None:
        self.authorities: Sequence[AuthorityRecord] | None = None
        self.error: ConsoleError | None = None
        self.unreadable: Sequence[ConsoleError] = ()  # why CAs that are known here are missing
        self.hub: Sequence[HubCertificate] | None = None
        self.hub_error: ConsoleError | None = None
        self.source = Source.HERE
        self.filter = ""
        self.as_of: datetime | None = None
        self.hub_as_of: datetime | None = None
        self.out = ""  # the folder that was last written to
        self._tree: Sequence[Row] = ()
        self._due = (0, 0)

    def take(
        self,
        authorities: Sequence[AuthorityRecord],
        rows: Sequence[Row],
        now: datetime,
        unreadable: Sequence[ConsoleError] = (),
    ) -> None:
        """Keep a new reading of the inventory."""
        self.unreadable = unreadable
        self.authorities, self._tree, self.error = authorities, rows, None
        self._due = due((row.record for row in rows), now)

    @property
    def known_authorities(self) -> Sequence[AuthorityRecord]:
        """The CAs, none while they are not read."""
        return self.authorities or ()

    def rows(self) -> list[Row]:
        """Return the inventory's rows that pass the filter."""
        return [row for row in self._tree if not self.filter or matches(row, self.filter)]

    def hub_rows(self) -> list[HubCertificate]:
        """Return the hub's CAs that pass the filter, the soonest to expire first."""
        found = [one for one in self.hub or () if not self.filter or hub_matches(one, self.filter)]
        return sorted(found, key=lambda one: (one.expires is None, one.expires or _NEVER, one.name))

    def row(self, key: str | None) -> Row | None:
        """Return a row of the inventory."""
        return next((row for row in self._tree if row.key == key), None)

    def hub_one(self, key: str | None) -> HubCertificate | None:
        """Return a CA of the hub."""
        return next((one for one in self.hub or () if one.name == key), None)

    def freshness(self) -> tuple[datetime | None, bool, bool]:
        """Return the age of what is shown, and whether it could not be read again since."""
        if self.source is Source.HUB:
            return self.hub_as_of, self.hub_error is not None, False
        return self.as_of, self.error is not None, False

    def heading(self) -> tuple[Line, Line]:
        """Return both parts of the line above the table."""
        if self.source is Source.HUB:
            shown, total, title = len(self.hub_rows()), len(self.hub or ()), "CAs OF THE HUB"
            read, right = self.hub is not None, self._hub_line()
        else:
            shown, total, title = len(self.rows()), len(self._tree), "MADE HERE"
            read, right = self.authorities is not None, due_line(*self._due)
            if self.unreadable:
                told = f"{plural(len(self.unreadable), 'CA')} not read"
                right = ((told, "bad"), (", " if right else " ", "dim"), *right)
        amount = f"  {number(total)}" if read else ""
        if self.filter:
            amount = f"  {number(shown)} of {number(total)} with “{self.filter}”"
        return ((f" {title}", "head"), (amount, "")), right

    def _hub_line(self) -> Line:
        unproved = sum(not one.verified for one in self.hub or ())
        return ((f"{number(unproved)} not verified ", "warn"),) if unproved else ()

    def notes(self, key: str) -> list[tuple[str, str, str]]:
        """Return what stands below the table: the hub's CAs in one sentence, or why they are old. `key` shows them."""
        if self.source is Source.HUB and (self.hub_error is None or not self.hub):
            return []
        if self.source is Source.HERE and self.unreadable and self._tree:
            more = f" (and {number(len(self.unreadable) - 1)} more)" if len(self.unreadable) > 1 else ""
            error = self.unreadable[0]
            return [("! ", f"{error.what}{more}: {error.why}. {error.hint}", "warn")]
        if self.hub_error is not None:
            return [("! ", f"CAs of the hub not read: {self.hub_error.sentence()}", "warn")]
        if self.hub is None:
            return [("", "Reading the CAs of the hub …", "dim")]
        if not self.hub:
            return [("", "The hub has no CA certificate: no device gets in by one.", "dim")]
        unproved = [one.name for one in self.hub if not one.verified]
        text = f"The hub has {plural(len(self.hub), 'CA certificate')}"
        if unproved:
            names = ", ".join(unproved[:2]) + (", …" if len(unproved) > 2 else "")
            return [("", f"{text}, not verified: {names}. {key} shows them.", "warn")]
        return [("", f"{text}, all verified. {key} shows them.", "dim")]

"""What the Network pane shows, without a terminal: the view, its sections, and the rows of the one in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from console.model.errors import ConsoleError
from console.model.ip_rule import IpRule
from console.model.network import EndpointConnection, HubNetwork, NetworkView, ProvisioningView, RuleRow
from console.present.columns import Column
from console.present.lines import Line, Piece
from console.present.network import (
    CONNECTION_COLUMNS,
    ORDERED_COLUMNS,
    RULE_COLUMNS,
    connection_cells,
    connection_page,
    ordered_cells,
    ordered_page,
    rule_cells,
    rule_page,
    service_words,
    unknown_words,
)
from console.ui.widgets.row_source import ListSource


class Kind(Enum):
    """What a section lists."""

    RULES = "IP RULES"
    CLASSIC = "CLASSIC"
    CONNECTIONS = "PRIVATE ENDPOINTS"
    FILTERS = "DPS"


@dataclass(frozen=True)
class Section:
    """One section: its rows are in the view, `service` is the provisioning service of a filter section."""

    kind: Kind
    title: str
    rows: Sequence[Any]
    columns: tuple[Column, ...]
    empty: str
    service: ProvisioningView | None = None


class NetworkState:
    """The last view, the trouble since, and the section in front."""

    def __init__(self) -> None:
        self.view: NetworkView | None = None
        self.error: ConsoleError | None = None
        self._front = (Kind.RULES, "")

    def take(self, view: NetworkView) -> None:
        """Take a new view; the section in front stays in front."""
        self.view, self.error = view, None

    @property
    def as_of(self) -> datetime | None:
        """When it was read."""
        return self.view.as_of if self.view is not None else None

    def sections(self) -> list[Section]:
        """Return the sections there are: rules and endpoints always, classic rules and DPS where there are any."""
        view = self.view
        if view is None:
            return []
        hub = view.hub
        none = _no_rule_words(hub)
        found = [Section(Kind.RULES, Kind.RULES.value, view.rows, RULE_COLUMNS, none)]
        if view.classic:
            force = hub.classic_in_force and hub.reach.public_access
            title = Kind.CLASSIC.value if force else "CLASSIC, NOT IN FORCE"
            found.append(Section(Kind.CLASSIC, title, view.classic, ORDERED_COLUMNS, ""))
        unknown = hub.connections_unknown
        empty = f"Not known: {unknown}" if unknown else "No private endpoint leads to this hub."
        found.append(Section(Kind.CONNECTIONS, Kind.CONNECTIONS.value, hub.connections, CONNECTION_COLUMNS, empty))
        if view.provisioning.value is None:
            text = f"Not known: {unknown_words(view.provisioning.error)}"
            found.append(Section(Kind.FILTERS, Kind.FILTERS.value, (), ORDERED_COLUMNS, text))
        for service in view.provisioning.value or ():
            text = "No filters: every address may ask for provisioning."
            if not service.service.reach.public_access:
                text = "No filters, and none would count: public access is off."
            title = f"{Kind.FILTERS.value} {service.service.name}"
            found.append(Section(Kind.FILTERS, title, service.rows, ORDERED_COLUMNS, text, service))
        return found

    @property
    def section(self) -> Section | None:
        """The section in front."""
        sections = self.sections()
        chosen = [one for one in sections if (one.kind, one.title) == self._front]
        return next(iter(chosen or sections), None)

    def step(self, by: int) -> None:
        """Put the next section in front, round and round."""
        sections, front = self.sections(), self.section
        if front is not None:
            following = sections[(sections.index(front) + by) % len(sections)]
            self._front = (following.kind, following.title)

    def show(self, kind: Kind) -> None:
        """Put a kind of section in front."""
        for section in self.sections():
            if section.kind is kind:
                self._front = (section.kind, section.title)
                return

    def tabs(self) -> Line:
        """Return the line of sections, the one in front marked."""
        pieces: list[Piece] = [(" ", "")]
        front = self.section
        for section in self.sections():
            is_front = front is not None and section.title == front.title
            text = f"{'▸' if is_front else ' '}{section.title} {len(section.rows)}"
            pieces += [(text, "head" if is_front else "dim"), ("   ", "")]
        return tuple(pieces)

    def rows(self, now: datetime) -> ListSource[Any]:
        """Return the rows of the section in front."""
        section = self.section
        if section is None:
            return ListSource[Any]((), str, lambda _: ())
        places = {id(row): place for place, row in enumerate(section.rows, 1)}
        draw: dict[Kind, Callable[[Any], Sequence[Piece]]] = {
            Kind.RULES: lambda row: rule_cells(row, now),
            Kind.CLASSIC: lambda row: ordered_cells(row, places[id(row)]),
            Kind.CONNECTIONS: connection_cells,
            Kind.FILTERS: lambda row: ordered_cells(row, places[id(row)]),
        }
        return ListSource(section.rows, key_of, draw[section.kind])

    def row(self, key: str | None) -> Any:
        """Return a row of the section in front."""
        section = self.section
        return next((row for row in section.rows if key_of(row) == key), None) if section is not None else None

    def rule(self, key: str | None) -> IpRule | None:
        """Return the selected rule of the rule set."""
        row = self.row(key)
        return row.rule if isinstance(row, RuleRow) else None

    def page(self, key: str | None, now: datetime, width: int) -> list[Line]:
        """Return all about the selected row."""
        section, row, view = self.section, self.row(key), self.view
        if section is None or row is None or view is None:
            return []
        if isinstance(row, RuleRow):
            return rule_page(view, row, now, width)
        if isinstance(row, EndpointConnection):
            return connection_page(row, width)
        owner = service_words(section.service) if section.service else view.hub.name
        return ordered_page(row, list(section.rows).index(row) + 1, owner, width)

    def meaning(self, key: str | None) -> tuple[tuple[str, str, str], ...]:
        """Return what is to be said about the selected row, for the lines below the table."""
        view, section, row = self.view, self.section, self.row(key)
        if view is None or section is None:
            return ()
        if row is None:
            return (("", section.empty, ""),)
        findings = getattr(row, "findings", ())
        parts = [("", finding.message, "warn") for finding in (*findings, *view.findings)]
        if section.service is not None:
            parts.insert(0, ("", service_words(section.service), "dim"))
        if isinstance(row, EndpointConnection):
            parts.append(("", row.description, ""))
        if not parts and isinstance(row, RuleRow):
            parts.append(("", "Nothing is odd about this rule.", "dim"))
        return tuple(parts)


def _no_rule_words(hub: HubNetwork) -> str:
    """Return what it means that there is no IP rule."""
    if not hub.reach.public_access:
        return "No IP rule, and none would count: public access is off."
    if hub.classic_in_force:
        return "No rule set: the classic rules decide (tab)."
    open_to_all = hub.reach.rules is None or not hub.reach.rules.default_deny
    return f"No IP rule. {'Every address is let in.' if open_to_all else 'Nobody is let in.'}"


def key_of(row: Any) -> str:
    """Return what names a row in its section."""
    return str(row.name) if isinstance(row, EndpointConnection) else str(row.rule.name)

"""What the Access pane shows, without a terminal: assignments, roles and findings, filter and order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from console.model.errors import ConsoleError
from console.model.role import AccessReading, RoleAssignment, RoleDefinition, RoleFinding, RoleView
from console.model.scope import same_scope, scope_name
from console.present.access import (
    ASSIGNMENT_COLUMNS,
    ASSIGNMENT_SORT,
    FINDING_COLUMNS,
    ROLE_COLUMNS,
    assignment_cells,
    assignment_text,
    finding_cells,
    finding_rank,
    finding_text,
    plane_word,
    role_cells,
    role_text,
    used_times,
)
from console.present.access_pages import assignment_page, finding_page, role_page
from console.present.columns import Column
from console.present.lines import Line, Piece
from console.present.provisioning_table import passes
from console.present.words import number
from console.services.access_view import role_view
from console.ui.widgets.row_source import ListSource


class Kind(Enum):
    """What a section lists."""

    ASSIGNMENTS = "ASSIGNMENTS"
    ROLES = "ROLES"
    FINDINGS = "FINDINGS"


_COLUMNS: dict[Kind, tuple[Column, ...]] = {
    Kind.ASSIGNMENTS: ASSIGNMENT_COLUMNS,
    Kind.ROLES: ROLE_COLUMNS,
    Kind.FINDINGS: FINDING_COLUMNS,
}
_FIRST = {Kind.ASSIGNMENTS: "how", Kind.ROLES: "kind", Kind.FINDINGS: "severity"}


@dataclass(frozen=True)
class FindingRow:
    """A finding with a key of its own."""

    key: str
    finding: RoleFinding


class AccessState:
    """The reading, and why it may be missing or old."""

    def __init__(self) -> None:
        self.reading: AccessReading | None = None
        self.error: ConsoleError | None = None
        self.kind = Kind.ASSIGNMENTS
        self.filter = ""  # of the section in front
        self._filters: dict[Kind, str] = {}
        self._orders: dict[Kind, tuple[str, bool]] = {kind: (_FIRST[kind], False) for kind in Kind}
        self._views: dict[str, RoleView] = {}

    def take(self, reading: AccessReading) -> None:
        """Take a reading."""
        self.reading, self.error = reading, None
        self._views.clear()

    # --- sections ------------------------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """Put the next section in front, round and round."""
        kinds = list(Kind)
        self.show(kinds[(kinds.index(self.kind) + by) % len(kinds)])

    def show(self, kind: Kind) -> None:
        """Put a section in front, with its own filter."""
        self._filters[self.kind] = self.filter
        self.kind, self.filter = kind, self._filters.get(kind, "")

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the section in front."""
        return _COLUMNS[self.kind]

    @property
    def order(self) -> tuple[str, bool]:
        """The column that sorts the section in front, and whether downwards."""
        return self._orders[self.kind]

    def set_order(self, column: str) -> None:
        """Sort by a column; the same one again turns the order round."""
        by, descending = self.order
        self._orders[self.kind] = (column, not descending if column == by else column in {"used", "findings"})

    def all(self, kind: Kind) -> Sequence[Any] | None:
        """Return everything of a section; None while it is not read."""
        if self.reading is None:
            return None
        match kind:
            case Kind.ASSIGNMENTS:
                return self.reading.facts.assignments
            case Kind.ROLES:
                return tuple(self.reading.facts.definitions.values())
            case Kind.FINDINGS:
                return [FindingRow(f"{place}", one) for place, one in enumerate(self.reading.findings)]

    def rows(self) -> list[Any]:
        """Return the rows of the section in front that pass its filter, in its order."""
        reading = self.reading
        if reading is None:
            return []
        by, descending = self.order
        found = self.all(self.kind) or ()
        if self.kind is Kind.ASSIGNMENTS:
            shown = [one for one in found if passes(assignment_text(one, reading), self.filter)]
            shown.sort(key=lambda one: ASSIGNMENT_SORT["who"](one, reading))
            return sorted(shown, key=lambda one: ASSIGNMENT_SORT[by](one, reading), reverse=descending)
        if self.kind is Kind.ROLES:
            shown = sorted((one for one in found if passes(role_text(one), self.filter)), key=_by_name)
            return sorted(shown, key=lambda one: self._role_key(by, one), reverse=descending)
        shown = [row for row in found if passes(finding_text(row.finding), self.filter)]
        return sorted(shown, key=lambda row: _finding_key(by, row.finding), reverse=descending)

    def source(self, now: datetime) -> ListSource[Any]:
        """Return the rows for the table."""
        reading = self.reading
        if self.kind is Kind.ASSIGNMENTS:
            return ListSource(
                self.rows(), lambda one: one.name, lambda one: assignment_cells(one, reading, now) if reading else ()
            )
        if self.kind is Kind.ROLES:
            return ListSource(self.rows(), lambda one: one.guid, self._role_cells)
        return ListSource(self.rows(), lambda row: row.key, lambda row: finding_cells(row.finding))

    # --- the selected one ----------------------------------------------------------------------------------------

    def assignment(self, key: str | None) -> RoleAssignment | None:
        """Return the selected assignment, or the one that the selected finding is about."""
        finding = self.finding(key)
        wanted = finding.assignment if finding is not None else key if self.kind is Kind.ASSIGNMENTS else ""
        held = self.reading.facts.assignments if self.reading is not None and wanted else ()
        return next((one for one in held if one.name == wanted), None)

    def role(self, key: str | None) -> RoleDefinition | None:
        """Return the selected role, that of the selected assignment, or of the selected finding."""
        if self.reading is None or key is None:
            return None
        definitions = self.reading.facts.definitions
        if self.kind is Kind.ROLES:
            return definitions.get(key)
        one, finding = self.assignment(key), self.finding(key)
        if one is not None:
            return definitions.get(one.role)
        if finding is None:
            return None
        return next((role for role in definitions.values() if role.name == finding.role), None)

    def finding(self, key: str | None) -> RoleFinding | None:
        """Return the selected finding."""
        if self.kind is not Kind.FINDINGS:
            return None
        return next((row.finding for row in self.all(self.kind) or () if row.key == key), None)

    def view(self, role: RoleDefinition) -> RoleView:
        """Return a role for people; worked out once for each reading."""
        if role.guid not in self._views:
            self._views[role.guid] = role_view(role)
        return self._views[role.guid]

    def about(self, one: RoleAssignment) -> list[RoleFinding]:
        """Return the findings on an assignment, and on its role where that is a custom one."""
        if self.reading is None:
            return []
        found = [finding for finding in self.reading.findings if finding.assignment == one.name]
        role = self.reading.facts.definitions.get(one.role)
        if role is not None and role.custom:
            found += [one for one in self.view(role).findings if one.code not in {f.code for f in found}]
        return sorted(found, key=finding_rank)

    # --- lines ---------------------------------------------------------------------------------------------------

    def tabs(self) -> tuple[Line, Line]:
        """Return the line of sections, the one in front marked, and the filter at its right."""
        pieces: list[Piece] = [(" ", "")]
        for kind in Kind:
            held = self.all(kind)
            front = kind is self.kind
            amount = "" if held is None else f" {number(len(held))}"
            pieces += [(f"{'▸' if front else ' '}{kind.value}{amount}", "head" if front else "dim"), ("   ", "")]
        right: list[Piece] = []
        if self.filter:
            right.append((f"{number(len(self.rows()))} with “{self.filter}” ", "accent"))
        return tuple(pieces), tuple(right)

    def page(self, key: str | None, now: datetime, width: int) -> list[Line]:
        """Return all about the selected row."""
        reading, finding = self.reading, self.finding(key)
        if reading is None:
            return []
        if finding is not None:
            return finding_page(finding, width)
        role = self.role(key)
        if self.kind is Kind.ROLES:
            return role_page(self.view(role), reading, now, width) if role is not None else []
        one = self.assignment(key)
        if one is None:
            return []
        view = self.view(role) if role is not None else None
        return assignment_page(one, view, reading, self.about(one), now, width)

    def meaning(self, key: str | None) -> tuple[tuple[str, str, str], ...]:
        """Return what is to be said below the table: (label, sentence, style)."""
        parts: list[tuple[str, str, str]] = []
        reading, finding, role = self.reading, self.finding(key), self.role(key)
        if self.error is not None and reading is not None:
            parts.append(("! ", f"Not read again: {self.error.sentence()}", "warn"))
        if finding is not None:
            parts += [("", _sentence(finding.message), ""), ("do ", finding.hint, "accent")]
            return tuple(parts)
        one = self.assignment(key)
        if role is not None:
            parts.append(("", " · ".join(self.view(role).grants) or "It grants nothing.", ""))
        if one is not None and reading is not None:
            worst = next(iter(self.about(one)), None)
            if worst is not None:
                parts.append(("! ", _sentence(worst.message), "bad" if worst.severity.value == "high" else "warn"))
            elif one.principal_id in reading.mine and one.principal_id != reading.me:
                parts.append(("", "You have it as a member of this group.", "accent"))
            elif not same_scope(one.scope, reading.facts.scope):
                parts.append(("", f"It stands on {scope_name(one.scope)} and reaches all that is in it.", "dim"))
        elif role is not None and (worst := next(iter(self.view(role).findings), None)) is not None:
            parts.append(("! ", _sentence(worst.message), "bad" if worst.severity.value == "high" else "warn"))
        return tuple(parts)

    # --- inside --------------------------------------------------------------------------------------------------

    def _role_cells(self, role: RoleDefinition) -> Sequence[Piece]:
        used = used_times(self.reading.facts, role.guid) if self.reading is not None else 0
        return role_cells(role, used, self.view(role).findings)

    def _role_key(self, by: str, role: RoleDefinition) -> Any:
        match by:
            case "kind":
                return not role.custom
            case "plane":
                return plane_word(role)
            case "used":
                return used_times(self.reading.facts, role.guid) if self.reading is not None else 0
            case "findings":
                return len(self.view(role).findings)
            case "words":
                return role.description.casefold()
        return _by_name(role)


def _by_name(role: RoleDefinition) -> str:
    return role.name.casefold()


def _finding_key(by: str, one: RoleFinding) -> Any:
    return {"severity": finding_rank(one), "finding": one.code, "subject": one.role.casefold()}.get(by, one.message)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"

"""What the Provisioning pane shows, without a terminal: services, what one holds, sections, filter and order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from console.model.enrollment import (
    CrossCheck,
    CrossFinding,
    Enrollment,
    EnrollmentKind,
    ProvisioningInstance,
    ProvisioningReading,
)
from console.model.errors import ConsoleError
from console.present.columns import Column
from console.present.lines import Line, Piece
from console.present.provisioning import links_hub, sentence
from console.present.provisioning_pages import enrollment_page, finding_page
from console.present.provisioning_table import (
    ENROLLMENT_COLUMNS,
    ENROLLMENT_SORT,
    FINDING_COLUMNS,
    FINDING_SORT,
    GROUP_COLUMNS,
    enrollment_cells,
    enrollment_text,
    finding_cells,
    finding_text,
    group_cells,
    passes,
)
from console.present.words import number
from console.ui.widgets.row_source import ListSource

OLD_CHECK = "Something was changed since the comparison."


class Kind(Enum):
    """What a section lists."""

    GROUPS = "GROUPS"
    ENROLLMENTS = "ENROLLMENTS"
    CHECK = "CROSS-CHECK"


_COLUMNS: dict[Kind, tuple[Column, ...]] = {
    Kind.GROUPS: GROUP_COLUMNS,
    Kind.ENROLLMENTS: ENROLLMENT_COLUMNS,
    Kind.CHECK: FINDING_COLUMNS,
}


@dataclass(frozen=True)
class FindingRow:
    """A disagreement with a key of its own."""

    key: str
    finding: CrossFinding


class ProvisioningState:
    """Services, reading, comparison, and why any of them may be missing or old."""

    def __init__(self, hub_host: str) -> None:
        self.hub_host = hub_host
        self.instances: Sequence[ProvisioningInstance] | None = None
        self.wanted = ""  # the service that was chosen; empty: the one that links the hub
        self.reading: ProvisioningReading | None = None
        self.error: ConsoleError | None = None
        self.check: CrossCheck | None = None
        self.check_error: ConsoleError | None = None
        self.checking = False
        self.check_old = False
        self.kind = Kind.GROUPS
        self.filter = ""  # of the section in front
        self._filters: dict[Kind, str] = {}
        self._orders: dict[Kind, tuple[str, bool]] = {kind: (_COLUMNS[kind][0].id, False) for kind in Kind}

    # --- which service -------------------------------------------------------------------------------------------

    def take_instances(self, instances: Sequence[ProvisioningInstance]) -> ProvisioningInstance | None:
        """Take the services there are; return the one to read, None when none fits."""
        self.instances = instances
        return self.instance

    @property
    def instance(self) -> ProvisioningInstance | None:
        """The service that is shown: the chosen one, else the first that links the hub."""
        for one in self.instances or ():
            if one.name.casefold() == self.wanted.casefold() if self.wanted else links_hub(one, self.hub_host):
                return one
        return None

    def choose(self, name: str) -> None:
        """Show another service; nothing of the one before is kept."""
        instance = self.instance
        if instance is not None and instance.name.casefold() == name.casefold():
            return
        self.wanted = name
        self.reading = self.error = self.check = self.check_error = None
        self.checking = self.check_old = False

    def take(self, reading: ProvisioningReading) -> None:
        """Take a reading."""
        self.reading, self.error = reading, None

    def take_check(self, check: CrossCheck) -> None:
        """Take a comparison."""
        self.check, self.check_error = check, None
        self.checking = self.check_old = False

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
        self._orders[self.kind] = (column, not descending if column == by else column == "updated")

    def all(self, kind: Kind) -> Sequence[Any] | None:
        """Return everything of a section; None while it is not read."""
        if kind is Kind.CHECK:
            findings = self.check.findings if self.check is not None else None
            return None if findings is None else [FindingRow(f"{n}", one) for n, one in enumerate(findings)]
        if self.reading is None:
            return None
        return self.reading.groups if kind is Kind.GROUPS else self.reading.enrollments

    def rows(self) -> list[Any]:
        """Return the rows of the section in front that pass its filter, in its order."""
        by, descending = self.order
        if self.kind is Kind.CHECK:
            found = [row for row in self.all(self.kind) or () if passes(finding_text(row.finding), self.filter)]
            return sorted(found, key=lambda row: FINDING_SORT[by](row.finding), reverse=descending)
        shown = [one for one in self.all(self.kind) or () if passes(enrollment_text(one), self.filter)]
        return sorted(shown, key=ENROLLMENT_SORT[by], reverse=descending)

    def source(self, now: datetime) -> ListSource[Any]:
        """Return the rows for the table."""
        if self.kind is Kind.CHECK:
            return ListSource(self.rows(), lambda row: row.key, lambda row: finding_cells(row.finding))
        cells = group_cells if self.kind is Kind.GROUPS else enrollment_cells
        return ListSource(self.rows(), lambda one: one.id, lambda one: cells(one, now))

    def find(self, kind: EnrollmentKind, enrollment_id: str) -> Enrollment | None:
        """Return an enrollment or a group that was read; ids are compared without case, as the service does."""
        if self.reading is None:
            return None
        held = self.reading.groups if kind is EnrollmentKind.GROUP else self.reading.enrollments
        return next((one for one in held if one.id.casefold() == enrollment_id.casefold()), None)

    def enrollment(self, key: str | None) -> Enrollment | None:
        """Return the selected enrollment or group; of a disagreement, the one that it is about."""
        if key is None:
            return None
        if self.kind is Kind.CHECK:
            finding = self.finding(key)
            return self.find(finding.enrollment_kind, finding.enrollment_id) if finding is not None else None
        return next((one for one in self.all(self.kind) or () if one.id == key), None)

    def finding(self, key: str | None) -> CrossFinding | None:
        """Return the selected disagreement."""
        if self.kind is not Kind.CHECK:
            return None
        return next((row.finding for row in self.all(self.kind) or () if row.key == key), None)

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
        if self.reading is not None and self.reading.partial:
            right.append(("INCOMPLETE ", "warn"))
        return tuple(pieces), tuple(right)

    def page(self, key: str | None, now: datetime, width: int) -> list[Line]:
        """Return all about the selected row."""
        finding = self.finding(key)
        if finding is not None:
            return finding_page(finding, width)
        one = self.enrollment(key)
        return enrollment_page(one, now, width) if one is not None else []

    def meaning(self, key: str | None) -> tuple[tuple[str, str, str], ...]:
        """Return what is to be said below the table: (label, sentence, style)."""
        parts: list[tuple[str, str, str]] = []
        if self.error is not None and self.reading is not None:
            parts.append(("! ", f"Not read again: {self.error.sentence()}", "warn"))
        elif self.reading is not None and self.reading.partial and self.kind is not Kind.CHECK:
            parts.append(("! ", self.reading.partial, "warn"))
        finding = self.finding(key)
        if finding is not None:
            parts.append(("", sentence(finding.message), ""))
            parts.append(("do ", finding.hint, "accent"))
        elif (one := self.enrollment(key)) is not None and self.kind is not Kind.CHECK:
            parts += _enrollment_notes(one)
        if self.kind is Kind.CHECK and self.check is not None:
            parts += self._check_notes(self.check)
        return tuple(parts)

    def _check_notes(self, check: CrossCheck) -> list[tuple[str, str, str]]:
        notes = []
        if self.check_error is not None:
            notes.append(("! ", f"Not compared again: {self.check_error.sentence()}", "warn"))
        elif self.check_old:
            notes.append(("! ", OLD_CHECK, "warn"))
        if check.unknown and check.findings:
            more = len(check.unknown) - 1
            rest = f" (and {number(more)} more)" if more else ""
            notes.append(("? ", f"{check.unknown[0]}{rest}", "warn"))
        return notes


def _enrollment_notes(one: Enrollment) -> list[tuple[str, str, str]]:
    group = one.kind is EnrollmentKind.GROUP
    if not one.enabled:
        text = "No device of this group can register" if group else "This device cannot register, by no group either"
        return [("", f"{text}; one that is in the hub already stays connected there.", "warn")]
    if one.registration is not None and one.registration.error_message:
        return [("", f"The last registration failed: {one.registration.error_message}", "bad")]
    if group:
        return [("", "enter shows the devices that registered by this group.", "dim")]
    return []

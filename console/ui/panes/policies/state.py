"""What the Policies pane knows: the overview always, the policies once their keys were read."""

from __future__ import annotations

from datetime import datetime

from console.model.errors import ConsoleError
from console.model.policy import PoliciesOverview, PoliciesReading, PolicyView
from console.present.policies import policy_cells
from console.ui.widgets.row_source import ListSource

STALE = "Policies were changed since these were read: K reads them again."


class PoliciesState:
    """Overview, reading, and why either may be missing or old."""

    def __init__(self) -> None:
        self.overview: PoliciesOverview | None = None
        self.reading: PoliciesReading | None = None
        self.error: ConsoleError | None = None
        self.keys_error: ConsoleError | None = None
        self.reading_keys = False
        self.changed = False

    def take_overview(self, overview: PoliciesOverview) -> None:
        """Take what was told without a key."""
        self.overview, self.error = overview, None

    def take(self, reading: PoliciesReading) -> None:
        """Take the policies as read."""
        self.reading, self.overview = reading, reading.overview
        self.error = self.keys_error = None
        self.reading_keys = self.changed = False

    def view(self, name: str | None) -> PolicyView | None:
        """Return a policy that was read."""
        return self.reading.find(name) if self.reading is not None and name is not None else None

    def rows(self, now: datetime) -> ListSource[PolicyView]:
        """Return the policies for the table."""
        policies = self.reading.policies if self.reading is not None else ()
        return ListSource(policies, lambda view: view.name, lambda view: policy_cells(view, now))

    @property
    def stale(self) -> str:
        """Why the policies shown may be old, empty when they are not."""
        return STALE if self.changed and self.reading is not None else ""

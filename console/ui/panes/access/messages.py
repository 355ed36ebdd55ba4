"""What the Access pane's jobs bring back."""

from __future__ import annotations

from console.model.role import AccessReading, RoleDefinition, Verdict
from console.ui.messages import Snapshot


class AccessRead(Snapshot):
    """Who has which role."""

    def __init__(self, reading: AccessReading) -> None:
        super().__init__()
        self.reading = reading


class Checked(Snapshot):
    """Whether somebody may do something; `name` is how they are called here."""

    def __init__(self, verdict: Verdict, name: str) -> None:
        super().__init__()
        self.verdict = verdict
        self.name = name


class OwnRoleTold(Snapshot):
    """The role that the console itself needs."""

    def __init__(self, role: RoleDefinition) -> None:
        super().__init__()
        self.role = role

"""What the Provisioning pane's jobs bring back; a key only on its way to the page that hides it."""

from __future__ import annotations

from textual.message import Message

from console.model.enrollment import (
    CrossCheck,
    ProvisioningInstance,
    ProvisioningPolicy,
    ProvisioningReading,
    Registration,
)
from console.model.secret import Secret
from console.ui.messages import Snapshot


class InstancesRead(Snapshot):
    """The provisioning services there are, those that link the hub first."""

    def __init__(self, instances: tuple[ProvisioningInstance, ...]) -> None:
        super().__init__()
        self.instances = instances


class EnrollmentsRead(Snapshot):
    """What one service holds."""

    def __init__(self, reading: ProvisioningReading) -> None:
        super().__init__()
        self.reading = reading


class RegistrationsRead(Snapshot):
    """The registrations of a group."""

    def __init__(self, registrations: tuple[Registration, ...]) -> None:
        super().__init__()
        self.registrations = registrations


class Compared(Snapshot):
    """What the service and the hub disagree on; `of` names the service."""

    def __init__(self, check: CrossCheck, of: str) -> None:
        super().__init__()
        self.check = check
        self.of = of


class PoliciesTold(Snapshot):
    """The policies of a service, without their keys."""

    def __init__(self, policies: tuple[ProvisioningPolicy, ...]) -> None:
        super().__init__()
        self.policies = policies


class KeyTold(Message):
    """A key, what it is called and what to know about it; its text form hides it."""

    def __init__(self, key: Secret, what: str, title: str, notes: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.key = key
        self.what = what
        self.title = title
        self.notes = notes

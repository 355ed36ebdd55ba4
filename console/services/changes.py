"""Everything that plans and makes changes of one hub, made when the first pane or command asks for it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from console.model.change import Change
from console.model.secret import Secret
from console.services.gate import WriteGate
from console.services.journal import Journal
from console.services.ports import Cancel, DocumentReader, NetworkReader, ProvisioningReader
from console.services.session import Session

if TYPE_CHECKING:
    from console.services.access import Access
    from console.services.device_changes import DeviceChanges
    from console.services.network import NetworkService
    from console.services.policies import PoliciesService
    from console.services.undo import UndoService


class Opener(Protocol):
    """Opens sealed keys."""

    def open(self, sealed: str) -> dict[str, Secret]:
        """Return the keys by fingerprint. Raises ConsoleError BAD_INPUT for another passphrase."""


class Changes:
    """The planning services, the gate and the journal of the session's hub.

    `own_address` is the operator's, as the profile or `--my-ip` gives it; `max_cut_percent` is the share of devices
    seen lately from which on cutting them off must be accepted.
    """

    def __init__(
        self,
        session: Session,
        reader: DocumentReader,
        gate: WriteGate,
        journal: Journal,
        vault: Opener | None = None,
        own_address: str = "",
        max_cut_percent: int = 5,
        provisioning: ProvisioningReader | None = None,
        network_reader: NetworkReader | None = None,
        access: Access | None = None,
    ) -> None:
        self.session = session
        self.reader = reader
        self.network_reader = network_reader
        self.gate = gate
        self.journal = journal
        self.vault = vault
        self.own_address = own_address
        self.max_cut_percent = max_cut_percent
        self.provisioning = provisioning
        self.access = access

    @cached_property
    def network(self) -> NetworkService:
        """Plans who can reach the hub."""
        from console.services.network import NetworkService

        return NetworkService(
            self.session, self.reader, self.network_reader, self.journal, self.own_address, self.max_cut_percent
        )

    @cached_property
    def policies(self) -> PoliciesService:
        """Plans who holds a key to the hub."""
        from console.services.policies import PoliciesService

        return PoliciesService(
            self.session, self.reader, self.journal, self.provisioning, sealed=self.vault is not None
        )

    @cached_property
    def devices(self) -> DeviceChanges:
        """Plans changes of device identities."""
        from console.services.device_changes import DeviceChanges

        return DeviceChanges(self.session, self.reader, self.gate, self.journal)

    @cached_property
    def undo(self) -> UndoService:
        """Plans to take changes back, and settles unknown outcomes."""
        from console.rules.enrollment_risks import of_undo
        from console.rules.planning import ACCESS, ENROLLMENTS, with_risks
        from console.services import ca_devices, device_assessment
        from console.services.policy_assessment import assessed
        from console.services.undo import UndoService

        def judged(change: Change, cancel: Cancel) -> Change:
            if change.target.kind in ENROLLMENTS:
                before = change.before.body if change.before is not None else None
                return with_risks(change, of_undo(before, change.after))
            if change.target.kind in ACCESS:
                return self.access.assessed(change, cancel) if self.access is not None else change
            change = ca_devices.assessed(self.session, device_assessment.assessed(change), cancel)
            return self.network.assessed(assessed(self.session, self.policies, change, cancel), cancel)

        return UndoService(self.session, self.reader, self.gate, self.journal, self.vault, judged)

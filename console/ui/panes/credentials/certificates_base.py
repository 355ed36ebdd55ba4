"""What every screen about certificates has: what is selected, what is known, the folder that was last written to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from console.model.certificate import AuthorityRecord, CertificateKind
from console.model.hub import HubCertificate
from console.present.certificate_table import Row
from console.ui.arming import why_not
from console.ui.commands import BY_ID
from console.ui.panes.credentials.certificates_asking import Asking
from console.ui.panes.credentials.certificates_state import CertificatesState

if TYPE_CHECKING:
    from console.services.credentials import Credentials


@runtime_checkable
class Marking(Protocol):
    """The list of devices: knows which are marked."""

    def marked_ids(self) -> tuple[str, ...]:
        """Return the ids of the marked devices."""


class CertificateBase(Asking):
    """Selection and knowledge; the screens override `selected` and `selected_at_hub`."""

    state: CertificatesState
    device_id = ""
    """A device that another pane filled in."""

    @property
    def credentials(self) -> Credentials:
        """The tools."""
        return self.services.credentials

    def selected(self) -> Row | None:
        """Return the certificate of the inventory that the next action is for; overridden."""
        raise NotImplementedError

    def selected_at_hub(self) -> HubCertificate | None:
        """Return the CA of the hub that the next action is for; overridden."""
        raise NotImplementedError

    def marked(self) -> tuple[str, ...]:
        """Return the devices that are marked in the Devices pane."""
        screens = self.console.commands.open_screens()
        return next((screen.marked_ids() for screen in screens if isinstance(screen, Marking)), ())

    # --- what a form begins with ---------------------------------------------------------------------------------

    def chain_of_selected(self, *, leaves_only: bool = False) -> str:
        """Return the file of the selected certificate that also holds the CAs above it."""
        row = self.selected()
        if row is None or row.record.certificate_file is None or (leaves_only and row.authority is not None):
            return ""
        return str(chain_file(row))

    def file_of_selected(self) -> str:
        """Return the file of the selected certificate."""
        row = self.selected()
        return str(row.record.certificate_file) if row is not None and row.record.certificate_file is not None else ""

    def issuer_of_selected(self, *, for_leaf: bool = True) -> str:
        """Return the CA that is selected, or the one of the selected certificate; a root is not chosen for leaves."""
        row = self.selected()
        if row is None or (for_leaf and row.record.kind is CertificateKind.ROOT):
            return ""
        return str(row.authority.folder if row.authority is not None else row.record.store or "")

    def device_of_selected(self) -> str:
        """Return the device that was filled in, else that of the selected certificate."""
        row = self.selected()
        return self.device_id or (row.record.device_id if row is not None else "")

    def key_of(self, ca: str) -> str:
        """Return whose key it is that a CA's folder holds, for people."""
        known = next((one for one in self.state.known_authorities if str(one.folder) == ca), None)
        return f"the key of {known.record.common_name}, in {ca}" if known is not None else f"the key in {ca}"

    def out_folder(self) -> str:
        """Return the folder that was last written to."""
        return self.state.out or str(Path("~/certificates"))

    def wrote_to(self, folder: str) -> Path:
        """Remember a folder for the next form, and return it."""
        self.state.out = folder
        return Path(folder)

    # --- what may be done ----------------------------------------------------------------------------------------

    def able(self, command_id: str) -> bool:
        """Return whether a command applies now; say why when it does not."""
        why = self.reason_against(command_id)
        if why:
            self.notify(f"{BY_ID[command_id].title.rstrip(' …')}: {why}", severity="warning")
        return not why

    def reason_against(self, command_id: str) -> str:
        """Return why a command does not apply now, empty when it does."""
        session, verb = self.services.session, command_id.partition(".")[2]
        if why := why_not(BY_ID[command_id], session):
            return why
        if verb in {"upload", "prove", "delete"} and session.data_plane_only:
            return "the profile's connection string opens the registry only"
        if verb == "delete" and self.selected_at_hub() is None:
            return "s shows the CAs of the hub: select one"
        if verb == "prove" and self.selected_at_hub() is None and not self._authority_selected():
            return "select a CA, here or (s) at the hub"
        needs_ca = {"intermediate", "issue-device", "issue-module", "issue-server", "issue-many", "sign"}
        known = self.state.authorities
        if verb in needs_ca and known is not None and not any(one.has_key for one in known):
            return "no CA with its key is here: make a root CA first" if not known else "no key of a CA is here"
        return ""

    def _authority_selected(self) -> bool:
        row = self.selected()
        return row is not None and row.authority is not None

    def with_authorities(self, go_on: Callable[[Sequence[AuthorityRecord]], None]) -> None:
        """Go on with the known CAs, read first where they were not yet; say so when there is none."""
        pki = self.credentials

        def take(found: Sequence[AuthorityRecord]) -> None:
            if any(one.has_key for one in found):
                go_on(found)
            else:
                self.notify("No CA with its key is here: make a root CA first (a)", severity="warning")

        if self.state.authorities is not None:
            take(self.state.authorities)
        else:
            self.ask("reading the CAs", lambda _: pki.pki.authorities(), take)

    def changed_here(self) -> None:
        """Read the inventory again, on whatever screen shows it."""
        for screen in self.console.commands.open_screens():
            if isinstance(screen, CertificateBase) and screen.TAB_OF_INVENTORY:
                screen.reload()

    TAB_OF_INVENTORY = False


def chain_file(row: Row) -> Path:
    """Return the file that holds a certificate with the CAs above it, else the one with it alone."""
    file = row.record.certificate_file
    assert file is not None
    if row.authority is not None:
        chain = row.authority.folder / "chain.pem"
    else:
        chain = file.with_name(file.name.removesuffix(".cert.pem") + ".chain.pem")
    return chain if chain.is_file() else file

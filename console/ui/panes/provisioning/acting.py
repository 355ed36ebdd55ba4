"""What the screens of this pane share: plans, privileged reads of keys, the menu of what applies now, the sort menu."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from console.model.change import Change
from console.model.enrollment import Attestation, Enrollment, ProvisioningInstance
from console.present.columns import Column
from console.present.lines import Line
from console.present.pages import fields, section
from console.services.ports import Cancel
from console.ui.arming import why_not
from console.ui.changing import begin
from console.ui.commands import BY_ID
from console.ui.dialogs.form import Answer
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.panes.filtering import FilterScreen
from console.ui.panes.provisioning.forms import block_form, derive_form
from console.ui.panes.provisioning.messages import KeyTold
from console.ui.panes.secret import SecretScreen
from console.ui.widgets.resource_table import ResourceTable

if TYPE_CHECKING:
    from console.services.provisioning import Provisioning

Plan = Callable[["Provisioning", Cancel], Change]
"""Makes a plan with the provisioning service."""

_DERIVED = (
    ("is", "base64(HMAC-SHA256(the group's key, the registration id)); the hub gets the same key for the device"),
    ("warning", "the id must be written as the device sends it: another spelling gives another key"),
)


class Acting(FilterScreen):
    """Commands about one provisioning service; the screen says which and what is selected."""

    PANE = "provisioning"
    SCOPE: ClassVar[str] = ""
    _waiting: KeyTold | None = None

    @property
    def dps(self) -> Provisioning:
        """The service that reads and plans."""
        return self.services.dps

    @property
    def instance(self) -> ProvisioningInstance | None:
        """The provisioning service that is shown; overridden."""
        raise NotImplementedError

    @property
    def table(self) -> ResourceTable:
        """The table; overridden."""
        raise NotImplementedError

    def tpm_key(self) -> str:
        """Return the endorsement key of this machine's TPM. Raises ConsoleError. Not for the screen's own thread."""
        return self.services.registering.endorsement_key()

    # --- what may be done ----------------------------------------------------------------------------------------

    def reason_against(self, verb: str) -> str:
        """Return why a command does not apply to what is selected, empty when it does; overridden."""
        raise NotImplementedError

    def may(self, verb: str) -> bool:
        """Return whether a command can be used now; say why when it cannot."""
        command = BY_ID[f"{self.SCOPE}.{verb}"]
        why = why_not(command, self.services.session) or self.reason_against(verb)
        if why:
            self.notify(f"{command.title.rstrip(' …')}: {why}", severity="warning")
        return not why

    def offer(self, title: str, verbs: Iterable[str]) -> None:
        """Offer commands in a menu, what cannot be done now last and with its reason."""
        session, items = self.services.session, []
        for verb in verbs:
            command = BY_ID[f"{self.SCOPE}.{verb}"]
            why = why_not(command, session) or self.reason_against(verb)
            items.append(MenuItem(command.id, command.title, command.help, disabled=why))
        items.sort(key=lambda item: bool(item.disabled))

        def choose(choice: str | None) -> None:
            if choice is not None:
                handler: Callable[[], None] = getattr(self, BY_ID[choice].method)
                handler()

        self.app.push_screen(Menu(title, items), choose)

    def plan(self, make: Plan) -> None:
        """Plan in the background, against what is there now; show it, and make it if it is agreed to."""
        dps = self.dps
        begin(self, lambda cancel: make(dps, cancel))

    # --- one device of a group -----------------------------------------------------------------------------------

    def ask_block(self, group: Enrollment, registration_id: str = "") -> None:
        """Ask which device is blocked, and plan it."""
        instance = self.instance

        def take(answer: Answer | None) -> None:
            if answer is None or instance is None:
                return
            wanted, file = str(answer["id"]), str(answer["file"])

            def make(dps: Provisioning, cancel: Cancel) -> Change:
                certificate = read_bytes(Path(file)) if file else b""
                return dps.plan_block(instance, group.id, wanted, certificate, cancel=cancel)

            self.plan(make)

        self.app.push_screen(block_form(group.id, registration_id, group.attestation is Attestation.X509), take)

    def ask_derive(self, group_id: str, registration_id: str = "") -> None:
        """Ask for a registration id and show the key that its device has."""
        instance, dps = self.instance, self.dps

        def take(answer: Answer | None) -> None:
            if answer is None or instance is None:
                return
            wanted, reason = str(answer["id"]), str(answer["reason"])

            def work(cancel: Cancel, post: Post) -> KeyTold:
                del post
                key = dps.derive_key(instance, group_id, wanted, reason, cancel)
                notes = (("of", f"{wanted}, a device of group {group_id}"), *_DERIVED)
                return KeyTold(key, f"key of {wanted}", "DERIVED KEY", notes)

            self.read_key(work)

        self.app.push_screen(derive_form(group_id, registration_id), take)

    def read_key(self, work: Callable[[Cancel, Post], KeyTold]) -> None:
        """Read a key in the background."""
        self.status_note = "reading the key …"
        self.console.jobs.start(self, "key", work)
        self.update_chrome()

    def on_key_told(self, message: KeyTold) -> None:
        """Show a key on a page that hides it, as soon as nothing is in front; in another pane it is forgotten."""
        self.status_note = ""
        if self.app.current_mode != self.PANE:
            self.notify("A key was read and forgotten again: ask for it once more", severity="warning")
            return
        self._waiting = message
        self.show_key()

    def on_screen_resume(self) -> None:
        """Show a key that was read while a dialog was in front."""
        self.show_key()

    def on_screen_suspend(self) -> None:
        """Keep no key while another pane is looked at."""
        if self.app.current_mode != self.PANE:
            self._waiting = None

    def show_key(self) -> None:
        """Show the key that waits to be shown."""
        if self._waiting is None or self.app.screen is not self:
            return
        told, self._waiting = self._waiting, None
        notes = told.notes

        def below(width: int) -> list[Line]:
            return section("WHAT IT IS", fields(notes, width))

        crumbs = (*self.crumbs, told.what)
        self.app.push_screen(SecretScreen(self.PANE, crumbs, told.key, told.what, told.title, below))

    def go_to_device(self, device_id: str) -> None:
        """Show a device in its own pane."""
        self.console.open_pane("devices", f"/{device_id}")

    # --- order ---------------------------------------------------------------------------------------------------

    def ask_order(self, columns: Sequence[Column], order: tuple[str, bool]) -> None:
        """Ask for the column to sort by."""
        by, descending = order
        arrow = "descending" if descending else "ascending"
        items = [MenuItem(one.id, one.title.title(), f"sorted, {arrow}" if one.id == by else "") for one in columns]
        self.app.push_screen(Menu("SORT BY", items), lambda choice: self.sort_by(choice) if choice else None)

    def sort_by(self, column: str) -> None:
        """Sort by a column; overridden."""
        raise NotImplementedError

    def on_resource_table_header_clicked(self, message: ResourceTable.HeaderClicked) -> None:
        """Sort by the column that was clicked."""
        self.sort_by(message.column)


def read_bytes(file: Path) -> bytes:
    """Return what a file holds. Raises ConsoleError."""
    from console.services.private_files import read_file

    return read_file(file)

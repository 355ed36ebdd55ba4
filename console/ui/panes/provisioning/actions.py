"""What can be done in the Provisioning pane: each command asks what is needed and hands on a plan."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

from console.model.enrollment import Attestation, CrossFinding, Enrollment, EnrollmentKind, NewEnrollment
from console.present.provisioning import kind_words
from console.services.ports import Cancel
from console.ui.dialogs.form import Answer
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.panes.provisioning.acting import Acting, read_bytes
from console.ui.panes.provisioning.forms import Order, enroll_form, order_of, reveal_form
from console.ui.panes.provisioning.messages import KeyTold
from console.ui.panes.provisioning.register_form import ask_register
from console.ui.panes.provisioning.state import Kind, ProvisioningState

_ACTIONS = (
    "enable", "disable", "block", "delete", "derive-key", "reveal-keys", "register", "device",
    "enroll-key", "enroll-x509", "enroll-tpm",
)  # fmt: skip
_ON_ONE = frozenset({"enable", "disable", "delete"})


class ProvisioningActions(Acting):
    """The commands of the pane; the screen gives them state and selection."""

    SCOPE = "provisioning"
    state: ProvisioningState

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[Attestation, Answer] = {}

    def selected(self) -> Enrollment | None:
        """Return the enrollment or group under the cursor, or the one that a disagreement is about."""
        return self.state.enrollment(self.table.selected)

    def finding(self) -> CrossFinding | None:
        """Return the disagreement under the cursor."""
        return self.state.finding(self.table.selected)

    def reload_instance(self) -> None:
        """Read another service; overridden."""
        raise NotImplementedError

    # --- which ---------------------------------------------------------------------------------------------------

    def reason_against(self, verb: str) -> str:
        """Return why a command does not apply to what is selected, empty when it does."""
        if self.instance is None:
            return "no provisioning service is shown"
        one = self.selected()
        if verb == "device":
            return "" if self._device() else "no device of the hub is selected"
        if verb.startswith("enroll-") or verb == "register":
            return ""
        if one is None:
            return "no enrollment is selected"
        if verb in {"block", "derive-key"} and one.kind is not EnrollmentKind.GROUP:
            return "select a group first (tab)"
        if verb in {"derive-key", "reveal-keys"} and one.attestation is not Attestation.SYMMETRIC_KEY:
            return "its devices have no symmetric keys"
        if verb == "enable" and one.enabled:
            return "it is enabled"
        if verb == "disable" and not one.enabled:
            return "it is disabled already"
        return ""

    def command_provisioning_actions(self) -> None:
        """Offer everything there is, what cannot be done now with its reason."""
        one = self.selected()
        self.offer(f"ACTIONS  {one.id}" if one is not None else "ACTIONS", _ACTIONS)

    def command_provisioning_choose(self) -> None:
        """Choose another service."""
        found = self.state.instances or ()
        if not found:
            self.notify("No provisioning service is known", severity="warning")
            return
        shown = self.instance
        items = []
        for one in found:
            here = shown is not None and one.name == shown.name
            links = any(link.host.casefold() == self.state.hub_host.casefold() for link in one.hubs)
            note = "shown" if here else "links this hub" if links else "does not link this hub"
            items.append(MenuItem(one.name, one.name, note))

        def take(choice: str | None) -> None:
            if choice is not None:
                self.state.choose(choice)
                self.reload_instance()

        self.app.push_screen(Menu("PROVISIONING SERVICE", items), take)

    # --- new ones ------------------------------------------------------------------------------------------------

    def command_provisioning_enroll_key(self) -> None:
        """Ask for an enrollment by symmetric key."""
        self._enroll("enroll-key", Attestation.SYMMETRIC_KEY)

    def command_provisioning_enroll_x509(self) -> None:
        """Ask for an enrollment by certificate."""
        self._enroll("enroll-x509", Attestation.X509)

    def command_provisioning_enroll_tpm(self) -> None:
        """Ask for an enrollment of a TPM."""
        self._enroll("enroll-tpm", Attestation.TPM)

    def _enroll(self, verb: str, how: Attestation) -> None:
        instance = self.instance
        if not self.may(verb) or instance is None:
            return
        before = self._answers.get(how, {})
        if not before and self.state.kind is Kind.GROUPS:
            before = {"kind": EnrollmentKind.GROUP.value}

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            order = order_of(how, instance, answer)
            self._answers[how] = dict(order.answer)
            tpm = self.tpm_key
            self.plan(lambda dps, cancel: dps.plan_create(instance, whole(order, tpm), cancel=cancel))

        self.app.push_screen(enroll_form(how, instance, before), take)

    # --- the selected one ----------------------------------------------------------------------------------------

    def command_provisioning_enable(self) -> None:
        """Plan to let devices register by it."""
        self._status("enable", True)

    def command_provisioning_disable(self) -> None:
        """Plan to turn its devices away."""
        self._status("disable", False)

    def _status(self, verb: str, enabled: bool) -> None:
        one, instance = self.selected(), self.instance
        if self.may(verb) and one is not None and instance is not None:
            self.plan(lambda dps, cancel: dps.plan_status(instance, one.kind, one.id, enabled, cancel=cancel))

    def command_provisioning_delete(self) -> None:
        """Plan to delete it."""
        one, instance = self.selected(), self.instance
        if self.may("delete") and one is not None and instance is not None:
            self.plan(lambda dps, cancel: dps.plan_delete(instance, one.kind, one.id, cancel=cancel))

    def command_provisioning_block(self) -> None:
        """Ask which device of the group is blocked."""
        one = self.selected()
        if self.may("block") and one is not None:
            finding = self.finding()
            self.ask_block(one, finding.device_id if finding is not None else "")

    # --- keys, registrations, the device -------------------------------------------------------------------------

    def command_provisioning_derive_key(self) -> None:
        """Ask which device's key is derived."""
        one = self.selected()
        if self.may("derive-key") and one is not None:
            self.ask_derive(one.id)

    def command_provisioning_reveal_keys(self) -> None:
        """Ask which of its keys is shown."""
        one, instance, dps = self.selected(), self.instance, self.dps
        if not self.may("reveal-keys") or one is None or instance is None:
            return

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            slot, reason = str(answer["slot"]), str(answer["reason"])

            def work(cancel: Cancel, post: Post) -> KeyTold:
                del post
                keys = dps.reveal_keys(instance, one.kind, one.id, reason, cancel)
                key = keys[0 if slot == "primary" else 1]
                notes = (("of", f"the {kind_words(one.kind)} {one.id}"), ("opens", _opens(one)))
                return KeyTold(key, f"{slot} key of {one.id}", f"{slot.upper()} KEY", notes)

            self.read_key(work)

        self.app.push_screen(reveal_form(one.id), take)

    def command_provisioning_register(self) -> None:
        """Ask for what a registration needs, and run it."""
        instance = self.instance
        if self.may("register") and instance is not None:
            ask_register(self, instance, self.selected())

    def _device(self) -> str:
        finding, one = self.finding(), self.selected()
        if finding is not None:
            return finding.device_id
        if one is None or one.kind is EnrollmentKind.GROUP or one.registration is None:
            return ""
        return one.registration.device_id or one.device_id

    def command_provisioning_device(self) -> None:
        """Show the device in its own pane."""
        if self.may("device"):
            self.go_to_device(self._device())


def _opens(one: Enrollment) -> str:
    if one.kind is EnrollmentKind.GROUP:
        return "every device of the group: each device's key is derived from it"
    return "this device, at the provisioning service and in the hub"


def whole(order: Order, tpm_key: Callable[[], str]) -> NewEnrollment:
    """Return an order with its files read, and the endorsement key of this machine's TPM where it was asked for."""
    enrollment = order.enrollment
    if order.files:
        enrollment = replace(enrollment, certificates=tuple(read_bytes(file) for file in order.files))
    if order.endorsement_file is not None:
        enrollment = replace(enrollment, endorsement_key=as_base64(read_bytes(order.endorsement_file)))
    if order.from_tpm:
        enrollment = replace(enrollment, endorsement_key=tpm_key())
    return enrollment


def as_base64(data: bytes) -> str:
    """Return what a key file holds as base64: text is taken as it is, the TPM's own binary form is encoded."""
    text = b"".join(data.split())
    if text.isascii() and all(chr(byte).isalnum() or byte in b"+/=" for byte in text):
        return text.decode("ascii")
    return base64.b64encode(data).decode("ascii")

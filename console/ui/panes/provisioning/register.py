"""A registration that is run as the device: every step as it is taken, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from console.model.document import TargetKind
from console.model.enrollment import EnrollmentKind, ProvisioningInstance
from console.model.errors import ConsoleError
from console.model.registration import RegistrationOrder, RegistrationResult, Step
from console.present.provisioning_run import about_pairs, run_lines
from console.services.ports import Cancel
from console.ui.arming import why_not
from console.ui.commands import BY_ID, Command, bindings
from console.ui.jobs import Post
from console.ui.messages import JobFailed
from console.ui.panes.base import ConsoleScreen, CopyItem
from console.ui.panes.provisioning.register_form import Wanted
from console.ui.widgets.page import Page

if TYPE_CHECKING:
    from console.services.provisioning import Provisioning

_GROUP = "registration"
_STOPPED = "Stopped here: what the service began already it goes on with. Look at the registrations."


class StepTaken(Message):
    """A step that was taken, or is waited for."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step


class RunEnded(Message):
    """How it ended."""

    def __init__(self, result: RegistrationResult) -> None:
        super().__init__()
        self.result = result


class RegisterScreen(ConsoleScreen):
    """One run; what was typed for it is kept until the screen is left, to run it again."""

    PANE = "provisioning"
    SCOPES = ("registering", "pane")
    BINDINGS = bindings("registering", "pane")
    shows_age = False

    def __init__(self, instance: ProvisioningInstance, wanted: Wanted) -> None:
        super().__init__()
        self.crumbs = (wanted.registration_id or "TPM", "registration")
        self._instance = instance
        self._wanted: Wanted | None = wanted
        by = {"service": "key read from the service", "device": "key as typed", "group": "derived from the group's key"}
        self._about = about_pairs(instance, wanted.registration_id, wanted.how, by.get(wanted.by, ""))
        self._steps: dict[int, Step] = {}
        self._result: RegistrationResult | None = None
        self._error: ConsoleError | None = None
        self._ended = ""
        self._running = False

    def body(self) -> ComposeResult:
        """Show the page."""
        yield Page()

    def on_mount(self) -> None:
        """Begin."""
        self._run()

    def load(self) -> None:
        """Read nothing by itself: a registration is run when it is asked for."""
        self.ended()

    def _run(self) -> None:
        wanted, instance = self._wanted, self._instance
        if wanted is None:
            return
        dps, registering = self.services.dps, self.services.registering

        def work(cancel: Cancel, post: Post) -> RunEnded:
            order = order_of(dps, instance, wanted, cancel)
            adviser = dps.adviser(instance)
            return RunEnded(registering.run(order, lambda step: post(StepTaken(step)), cancel, adviser))

        self._steps, self._result, self._error, self._ended = {}, None, None, ""
        self._running = True
        self.status_note, self.shows_age = "registering …", True
        self.console.jobs.start(self, _GROUP, work)
        self.show()

    @on(StepTaken)
    def take_step(self, message: StepTaken) -> None:
        """Show it; a later word on the same step takes its place."""
        self._steps[message.step.number] = message.step
        self.show()

    @on(RunEnded)
    def take_end(self, message: RunEnded) -> None:
        """Show how it ended, and let the lists be read again."""
        self._result = message.result
        self._steps = {step.number: step for step in message.result.steps} or self._steps
        self._over()

    def job_failed(self, message: JobFailed) -> None:
        """Say why it could not be run."""
        self._error = message.error
        self._over()

    def _over(self) -> None:
        self._running = False
        self.status_note, self.shows_age = "", False
        self.console.changing.spread(frozenset({TargetKind.REGISTRATION, TargetKind.DEVICE}))
        self.show()

    @on(Page.Resized)
    def show(self) -> None:
        """Build the page for the width."""
        page = self.query_one(Page)
        steps = [self._steps[number] for number in sorted(self._steps)]
        width, now = max(page.size.width - 1, 30), self.services.clock()
        page.show(run_lines(self._about, steps, self._result, self._error, self._ended, now, width))
        if self._running:
            page.scroll_lines(len(page.lines))
        self.update_chrome()

    # --- commands ------------------------------------------------------------------------------------------------

    def offers(self, command: Command) -> bool:
        """Offer to stop while it runs, to run it again when it does not."""
        if command.id in {"registering.stop", "registering.again"}:
            return self._running is (command.id == "registering.stop")
        return command.id != "pane.refresh" and super().offers(command)

    def command_registering_again(self) -> None:
        """Run it again."""
        why = why_not(BY_ID["registering.again"], self.services.session)
        if self._running:
            self.notify("It is running: x stops it", severity="warning")
        elif why:
            self.notify(f"Run it again: {why}", severity="warning")
        else:
            self._run()

    def command_registering_stop(self) -> None:
        """Stop waiting for it."""
        if not self._running:
            self.notify("Nothing is running", severity="warning")
            return
        self.console.jobs.cancel(self, _GROUP)
        self._ended = _STOPPED
        self._over()

    def command_pane_refresh(self) -> None:
        """Say which key runs it again: a refresh must not."""
        self.notify("R runs it again", severity="warning")

    def unsaved(self) -> str:
        """Return what would be lost by quitting."""
        return "a registration that is being run: how it ends" if self._running else ""

    def copy_items(self) -> list[CopyItem]:
        """Offer what came of it, and the page; never a key."""
        result, items = self._result, []
        if result is not None:
            items += [("device", result.registration.device_id), ("connection string without key", result.connection)]
        return [(name, text) for name, text in (*items, ("page", self.query_one(Page).text())) if text]

    def on_unmount(self) -> None:
        """Forget what was typed."""
        self._wanted = None


def order_of(dps: Provisioning, instance: ProvisioningInstance, wanted: Wanted, cancel: Cancel) -> RegistrationOrder:
    """Return the order for a run; a key that the service has is read now, and noted in the journal first."""
    key, one = wanted.key, wanted.enrollment
    if wanted.reads_key and one is not None:
        reason = f"to run the registration of {wanted.registration_id}"
        if one.kind is EnrollmentKind.GROUP:
            key = dps.derive_key(instance, one.id, wanted.registration_id, reason, cancel)
        else:
            key = dps.reveal_keys(instance, one.kind, one.id, reason, cancel)[0]
    return RegistrationOrder(
        id_scope=instance.id_scope,
        registration_id=wanted.registration_id,
        attestation=wanted.how,
        host=instance.device_host,
        key=None if wanted.by_group_key else key,
        group_key=key if wanted.by_group_key else None,
        certificate=str(wanted.certificate or ""),
        private_key=str(wanted.private_key or ""),
        passphrase=wanted.passphrase,
        payload=wanted.payload,
    )

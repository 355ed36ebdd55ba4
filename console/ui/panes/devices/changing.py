"""Changes of devices from the keyboard: which, what is asked for each, and what the rows show afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from textual import on

from console.model.change import Change, Outcome
from console.model.device import Device
from console.model.device_order import Act, BulkItem, BulkPlan, BulkResult, DeviceOrder, ItemState, NewDevice, Stage
from console.model.document import TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel
from console.ui.arming import why_not
from console.ui.changing import Bulk, Tell, begin, begin_many
from console.ui.commands import BY_ID, scoped
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.messages import RolloverRead, RowsRead
from console.ui.panes.base import ConsoleScreen
from console.ui.panes.devices import actions
from console.ui.panes.devices.actions import Chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.model.change import Consent
    from console.services.device_changes import DeviceChanges
    from console.services.device_rollover import Rollover
    from console.ui.dialogs.form import Answer

AGAIN = "The devices that are not done are still marked: the same command once more goes on with them"


@runtime_checkable
class Home(Protocol):
    """The list of devices: shows what changed, and remembers the bulk that was not finished."""

    unfinished: tuple[DeviceOrder, str, frozenset[str]] | None

    def changed(self, rows: Mapping[str, Device | None], finished: frozenset[str]) -> None:
        """Show rows as they are now, and take the marks off what is finished."""

    def reread(self, device_id: str) -> None:
        """Read one row again."""


class DeviceActions(ConsoleScreen):
    """The commands that change devices; the screen says which ones are chosen."""

    def chosen(self) -> Chosen | None:
        """Return the devices that the next action is for; overridden."""
        raise NotImplementedError

    @property
    def _changes(self) -> DeviceChanges:
        return self.services.changes.devices

    @property
    def _home(self) -> Home | None:
        screens = self.console.commands.open_screens()
        return next((cast("Home", screen) for screen in screens if isinstance(screen, Home)), None)

    # --- which -----------------------------------------------------------------------------------------------------

    def command_devices_actions(self) -> None:
        """Offer what can be done, and say why where it cannot be."""
        chosen, session = self.chosen(), self.services.session
        items = []
        for command in scoped("changes"):
            why = why_not(command, session) or actions.why_not(command.id, chosen)
            title = actions.title_of(command.id, command.title, chosen)
            items.append(MenuItem(command.id, title, command.help, disabled=why))

        def choose(choice: str | None) -> None:
            if choice is not None:
                handler: Callable[[], None] = getattr(self, BY_ID[choice].method)
                handler()

        self.app.push_screen(Menu("ACTIONS", items), choose)

    def command_device_actions(self) -> None:
        """The same on the page of one device."""
        self.command_devices_actions()

    def command_devices_credentials(self) -> None:
        """Go to the Credentials pane with the devices filled in."""
        chosen = self.chosen()
        if chosen is None:
            self.notify("No device is selected", severity="warning")
        elif chosen.marked:
            self.console.open_pane("credentials", "devices:" + "\n".join(chosen.ids))
        else:
            self.console.open_pane("credentials", f"device:{chosen.ids[0]}")

    def command_device_credentials(self) -> None:
        """The same on the page of one device."""
        self.command_devices_credentials()

    def _for(self, command_id: str) -> Chosen | None:
        """Return what a command is for; None, and say why, when it does not apply."""
        chosen = self.chosen()
        why = why_not(BY_ID[command_id], self.services.session) or actions.why_not(command_id, chosen)
        if why:
            self.notify(f"{BY_ID[command_id].title.rstrip(' …')}: {why}", severity="warning")
            return None
        return chosen

    # --- what is asked ---------------------------------------------------------------------------------------------

    def command_change_disable(self) -> None:
        """Ask for a reason, then plan."""
        if chosen := self._for("change.disable"):
            self._ask_reason(Act.DISABLE, chosen)

    def command_change_enable(self) -> None:
        """Ask for a reason, then plan."""
        if chosen := self._for("change.enable"):
            self._ask_reason(Act.ENABLE, chosen)

    def _ask_reason(self, act: Act, chosen: Chosen) -> None:
        from console.services.device_checks import reason_problem
        from console.ui.dialogs.form import Field, Form, InfoField, TextField

        present = "" if chosen.marked else chosen.devices[0].status_reason
        fields: list[Field] = [
            TextField("reason", "reason", present, "optional, up to 128 characters", reason_problem),
            InfoField("", "It stands in the identity, for everybody who may read it, and in the journal."),
        ]

        def take(answer: Answer | None) -> None:
            if answer is not None:
                reason = str(answer["reason"])
                self._order(DeviceOrder(act, None if reason == present else reason), chosen)

        self.app.push_screen(Form(f"{act.upper()} {chosen.subject}", fields, submit="Show the plan"), take)

    def command_change_rotate_keys(self) -> None:
        """Ask which key, then plan."""
        chosen = self._for("change.rotate-keys")
        if chosen is None:
            return
        choices = {choice.value: choice for choice, _, _ in actions.KEY_CHOICES}

        def take(choice: str | None) -> None:
            if choice is not None:
                self._order(DeviceOrder(Act.ROTATE_KEYS, keys=choices[choice]), chosen)

        items = [MenuItem(choice.value, title, note) for choice, title, note in actions.KEY_CHOICES]
        self.app.push_screen(Menu(f"ROTATE KEYS OF {chosen.subject}", items), take)

    def command_change_thumbprint(self) -> None:
        """Offer the stages of a rollover; of one device, by how far it has come."""
        chosen = self._for("change.thumbprint")
        if chosen is None:
            return
        if len(chosen.devices) > 1:
            self._ask_stage(chosen, None)
            return
        device, changes = chosen.devices[0], self._changes

        def work(cancel: Cancel, post: Post) -> RolloverRead:
            del post
            return RolloverRead(device, changes.rollover(device.device_id, cancel))

        self.console.jobs.start(self, "rollover", work)

    @on(RolloverRead)
    def take_rollover(self, message: RolloverRead) -> None:
        """Offer the stages."""
        message.stop()
        self._ask_stage(Chosen((message.device,), marked=False), message.rollover)

    def _ask_stage(self, chosen: Chosen, rollover: Rollover | None) -> None:
        many = len(chosen.devices) > 1
        none = "" if many or (rollover and rollover.thumbprints[1]) else "it has no secondary thumbprint"
        own = "each device has its own certificate: do it one by one" if many else ""
        following = rollover.next if rollover else None
        stages = (
            (Stage.SECONDARY, "Register the new one", "into the second slot", own),
            (Stage.PROMOTE, "Promote the new one", "it becomes the primary", none),
            (Stage.RETIRE, "Remove the old one", "empties the second slot", none),
            (Stage.PRIMARY, "Replace the primary", "cuts the device", own),
        )
        ordered = sorted(stages, key=lambda stage: stage[0] is not following)
        items = [
            MenuItem(stage, title, f"{note}, next" if stage is following else note, disabled=why)
            for stage, title, note, why in ordered
        ]

        def take(choice: str | None) -> None:
            if choice in {Stage.SECONDARY, Stage.PRIMARY}:
                self._ask_thumbprint(Stage(choice), chosen, rollover)
            elif choice is not None:
                self._order(DeviceOrder(Act.THUMBPRINT, stage=Stage(choice)), chosen)

        self.app.push_screen(Menu(f"THUMBPRINT OF {chosen.subject}", items), take)

    def _ask_thumbprint(self, stage: Stage, chosen: Chosen, rollover: Rollover | None) -> None:
        from console.services.device_checks import thumbprint_problem
        from console.ui.dialogs.form import Field, Form, InfoField, TextField

        fields: list[Field] = [
            TextField("thumbprint", "thumbprint", "", "SHA-256: 64 digits", thumbprint_problem),
            InfoField("", "openssl x509 -in new.pem -noout -fingerprint -sha256"),
        ]
        if rollover is not None:
            fields.append(InfoField("so far", rollover.state))

        def take(answer: Answer | None) -> None:
            if answer is not None:
                self._order(DeviceOrder(Act.THUMBPRINT, stage=stage, thumbprint=str(answer["thumbprint"])), chosen)

        title = f"NEW CERTIFICATE OF {chosen.subject}"
        self.app.push_screen(Form(title, fields, submit="Show the plan"), take)

    def command_change_create(self) -> None:
        """Ask for the new device, then plan."""
        if why := why_not(BY_ID["change.create"], self.services.session):
            self.notify(f"Create a device: {why}", severity="warning")
            return
        from console.services.device_checks import id_problem, new_device_problem
        from console.ui.dialogs.form import ChoiceField, Field, Form, TextField, ToggleField

        fields: list[Field] = [
            TextField("id", "device id", "", "press-0042", id_problem),
            ChoiceField("auth", "signs in by", actions.NEW_AUTH),
            TextField("thumbprint", "thumbprint", "", "of its certificate, for thumbprint"),
            ToggleField("edge", "IoT Edge", note="it runs IoT Edge"),
        ]

        def take(answer: Answer | None) -> None:
            if answer is not None:
                self._create(actions.new_device(answer))

        form = Form(
            "CREATE A DEVICE",
            fields,
            submit="Show the plan",
            check=lambda answer: new_device_problem(actions.new_device(answer)),
        )
        self.app.push_screen(form, take)

    def command_change_delete(self) -> None:
        """Plan to delete."""
        if chosen := self._for("change.delete"):
            self._order(DeviceOrder(Act.DELETE), chosen)

    # --- making it -------------------------------------------------------------------------------------------------

    def _create(self, device: NewDevice) -> None:
        def done(outcome: Outcome) -> None:
            if self._home is not None and outcome.applied:
                self._home.reread(device.device_id)

        begin(self, lambda cancel: self._changes.create(device, cancel), done)

    def _order(self, order: DeviceOrder, chosen: Chosen) -> None:
        """Plan an order for one device, or for many as one."""
        home = self._home
        resume = actions.resumable(chosen.ids, order, home.unfinished if home is not None else None)
        if len(chosen.devices) > 1 or resume:
            begin_many(self, self._bulk(order, chosen, resume))
            return
        device_id = chosen.ids[0]

        def done(outcome: Outcome) -> None:
            self.after(order, device_id, outcome)

        def plan(cancel: Cancel) -> Change:
            try:
                return self._changes.plan(order, device_id, cancel)
            except ConsoleError as error:
                if error.code == "ghost":
                    self.app.call_from_thread(self.vanished, device_id)
                raise

        begin(self, plan, done)

    def vanished(self, device_id: str, error: ConsoleError | None = None) -> None:
        """Take a device from the list that only the query index still had; `error` is told."""
        if error is not None:
            self.notify(error.sentence(), severity="warning", timeout=10)
        if self._home is not None:
            self._home.changed({device_id: None}, frozenset({device_id}))

    def after(self, order: DeviceOrder, device_id: str, outcome: Outcome) -> None:
        """Show what became of one device."""
        home = self._home
        if home is None:
            return
        if order.act is Act.DELETE and outcome.applied:
            home.changed({device_id: None}, frozenset({device_id}))
        else:
            home.changed({}, frozenset({device_id}) if outcome.applied else frozenset())
            home.reread(device_id)

    def _bulk(self, order: DeviceOrder, chosen: Chosen, resume: str) -> Bulk[BulkPlan, BulkResult]:
        from console.present import device_bulk as words

        changes = self._changes
        rows = {device.device_id: device for device in chosen.devices}

        def carry_out(plan: BulkPlan, consent: Consent, stop: Cancel, tell: Tell) -> BulkResult:
            items: list[BulkItem] = []

            def item(one: BulkItem) -> None:
                items.append(one)
                tell(words.progress_text(plan, items))

            return changes.carry_out(
                plan, consent, stop, item, lambda text: tell(words.progress_text(plan, items, text))
            )

        def done(result: BulkResult) -> None:
            self._after_bulk(result, rows)

        return Bulk(
            plan=lambda cancel: changes.bulk(order, chosen.ids, rows, resume=resume, cancel=cancel),
            lines=words.bulk_lines,
            carry_out=carry_out,
            whole=lambda result: result.complete,
            summary=words.summary,
            result_lines=lambda result, width: words.result_lines(result, width, AGAIN),
            kinds=frozenset({TargetKind.DEVICE}),
            on_done=done,
        )

    def _after_bulk(self, result: BulkResult, rows: Mapping[str, Device]) -> None:
        """Show what became of many: the rows follow from what was read back, so that nothing is read twice."""
        home, plan = self._home, result.plan
        if home is None:
            return
        home.unfinished = None
        if not result.complete:
            home.unfinished = (plan.order, plan.batch, frozenset((*plan.ids, *plan.done)))
        finished = frozenset((*plan.done, *(item.device_id for item in result.items if item.finished)))
        applied = [item.device_id for item in result.items if item.state is ItemState.APPLIED]
        home.changed({one: actions.row_after(plan.order, rows[one]) for one in applied if one in rows}, finished)

    def row_reader(self, device_id: str) -> Callable[[Cancel, Post], RowsRead]:
        """Return the job that reads one row again."""
        fleet = self.services.fleet

        def work(cancel: Cancel, post: Post) -> RowsRead:
            del post
            try:
                return RowsRead({device_id: fleet.detail(device_id, cancel).device})
            except ConsoleError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
                return RowsRead({device_id: None})

        return work

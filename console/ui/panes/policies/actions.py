"""What can be done in the Policies pane: each command asks what is needed and hands on a plan."""

from __future__ import annotations

from collections.abc import Callable

from console.model.change import Change
from console.model.policy import AuthScope, PolicyView, Right, Slot
from console.model.shell import command_line
from console.services.policies import PoliciesService, name_problem
from console.services.ports import Cancel
from console.ui.arming import why_not
from console.ui.commands import BY_ID, scoped
from console.ui.dialogs.form import Answer, Field, Form, InfoField, TextField, ToggleField
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.panes.base import ConsoleScreen
from console.ui.panes.policies.messages import StringRead
from console.ui.panes.policies.state import PoliciesState

Plan = Callable[[PoliciesService, Cancel], Change]
_ON_ONE = frozenset({"rights", "rotate", "rotate-other", "swap", "delete"})
_NOTES = {
    Right.REGISTRY_READ: "read device identities",
    Right.REGISTRY_WRITE: "create, change, delete devices",
    Right.SERVICE_CONNECT: "twins, methods, telemetry",
    Right.DEVICE_CONNECT: "speak as any device",
}


class PoliciesActions(ConsoleScreen):
    """The commands that change or copy something; the screen gives them state and selection."""

    state: PoliciesState

    def selected_policy(self) -> PolicyView | None:
        """Return the policy under the cursor; overridden."""
        raise NotImplementedError

    def plan(self, make: Plan) -> None:
        """Make a plan in the background and let it be confirmed; overridden."""
        raise NotImplementedError

    # --- which ---------------------------------------------------------------------------------------------------

    def reason_against(self, command_id: str) -> str:
        """Return why a command does not apply to what is selected, empty when it does."""
        if self.services.session.data_plane_only:
            return "the profile's connection string opens the registry only"
        if command_id.partition(".")[2] in _ON_ONE and self.selected_policy() is None:
            return "policies are not read: K reads them" if self.state.reading is None else "no policy is selected"
        return ""

    def command_policies_actions(self) -> None:
        """Offer everything that can be changed, what cannot be now with its reason."""
        session, items = self.services.session, []
        commands = {command.id: command for command in scoped("policies") if command.writes}
        for command in commands.values():
            why = why_not(command, session) or self.reason_against(command.id)
            items.append(MenuItem(command.id, command.title, command.help, disabled=why))
        items.sort(key=lambda item: bool(item.disabled))

        def choose(choice: str | None) -> None:
            if choice is not None:
                handler: Callable[[], None] = getattr(self, commands[choice].method)
                handler()

        view = self.selected_policy()
        self.app.push_screen(Menu(f"ACTIONS  {view.name}" if view else "ACTIONS", items), choose)

    def _may(self, command_id: str) -> bool:
        command = BY_ID[command_id]
        why = why_not(command, self.services.session) or self.reason_against(command_id)
        if why:
            self.notify(f"{command.title.rstrip(' …')}: {why}", severity="warning")
        return not why

    def _selected(self, command_id: str) -> PolicyView | None:
        return self.selected_policy() if self._may(command_id) else None

    # --- policies ------------------------------------------------------------------------------------------------

    def command_policies_create(self) -> None:
        """Ask for a new policy."""
        if not self._may("policies.create"):
            return
        taken = [view.name for view in self.state.reading.policies] if self.state.reading is not None else []

        def take(answer: Answer | None) -> None:
            if answer is not None:
                name, rights = str(answer["name"]), _chosen(answer)
                self.plan(lambda service, cancel: service.plan_create(name, rights, cancel=cancel))

        name = TextField("name", "name", "", "deviceManager", lambda text: name_problem(text, taken))
        self._ask("CREATE A POLICY", (name, *_toggles(())), take)

    def command_policies_rights(self) -> None:
        """Ask for other rights of the selected policy."""
        view = self._selected("policies.rights")
        if view is None:
            return

        def take(answer: Answer | None) -> None:
            if answer is not None:
                rights = _chosen(answer)
                self.plan(lambda service, cancel: service.plan_rights(view.name, rights, cancel=cancel))

        kept = InfoField("keys", "unchanged: clients keep the ones they have")
        self._ask(f"RIGHTS OF {view.name}", (*_toggles(view.rights), kept), take)

    def _ask(self, title: str, fields: tuple[Field, ...], take: Callable[[Answer | None], None]) -> None:
        def check(answer: Answer) -> str:
            return "" if _chosen(answer) else "Tick at least one right: the service refuses a policy without any"

        self.app.push_screen(Form(title, fields, submit="Show the plan", check=check), take)

    def command_policies_rotate(self) -> None:
        """Plan the next key of the rotation."""
        view = self._selected("policies.rotate")
        if view is not None:
            self._rotate(view.name, view.rotation.next_slot)

    def command_policies_rotate_other(self) -> None:
        """Plan the key that is not next."""
        view = self._selected("policies.rotate-other")
        if view is not None:
            self._rotate(view.name, view.rotation.next_slot.other)

    def _rotate(self, name: str, slot: Slot) -> None:
        self.plan(lambda service, cancel: service.plan_rotate(name, slot, cancel=cancel))

    def command_policies_swap(self) -> None:
        """Plan to exchange the keys."""
        view = self._selected("policies.swap")
        if view is not None:
            self.plan(lambda service, cancel: service.plan_swap(view.name, cancel=cancel))

    def command_policies_delete(self) -> None:
        """Plan to delete the selected policy."""
        view = self._selected("policies.delete")
        if view is not None:
            self.plan(lambda service, cancel: service.plan_delete(view.name, cancel=cancel))

    # --- local authentication ------------------------------------------------------------------------------------

    def command_policies_auth_hub(self) -> None:
        """Switch what is signed by a policy on or off."""
        self._switch("policies.auth-hub", AuthScope.HUB)

    def command_policies_auth_devices(self) -> None:
        """Switch what is signed by devices on or off."""
        self._switch("policies.auth-devices", AuthScope.DEVICES)

    def command_policies_auth_modules(self) -> None:
        """Switch what is signed by modules on or off."""
        self._switch("policies.auth-modules", AuthScope.MODULES)

    def _switch(self, command_id: str, scope: AuthScope) -> None:
        if not self._may(command_id):
            return
        now = self.state.overview.local_auth.of(scope) if self.state.overview is not None else None
        items = [
            MenuItem(word, title, "as it is" if now is on else "")
            for word, title, on in (("on", "on: accepted", True), ("off", "off: refused", False))
        ]

        def take(choice: str | None) -> None:
            if choice is not None:
                on = choice == "on"
                self.plan(lambda service, cancel: service.plan_local_auth(scope, on, cancel=cancel))

        title = BY_ID[command_id].title.partition(" on or off")[0]
        self.app.push_screen(Menu(title.upper(), items), take)

    # --- copying -------------------------------------------------------------------------------------------------

    def command_pane_copy(self) -> None:
        """Offer what can be copied of the selected policy; a connection string is read for it."""
        view = self.selected_policy()
        if view is None:
            self.notify("Policies are not read: K reads them", severity="warning")
            return
        texts = {
            "name": view.name,
            "rights": ", ".join(view.rights),
            "command line": command_line("hubwarden", "policy", "rotate", "--status", operands=[view.name]),
        }
        strings = {f"connection string ({slot})": slot for slot in Slot}
        items = [MenuItem(name, name, text) for name, text in texts.items()]
        items += [MenuItem(name, name, "a privileged read, journalled") for name in strings]

        def take(choice: str | None) -> None:
            if choice in texts:
                self.console.copy_text(texts[choice], choice)
            elif choice is not None:
                self._copy_string(view.name, strings[choice])

        self.app.push_screen(Menu(f"COPY  {view.name}", items), take)

    def _copy_string(self, name: str, slot: Slot) -> None:
        services = self.services

        def work(cancel: Cancel, post: Post) -> StringRead:
            del post
            text = services.changes.policies.connection_string(name, slot, cancel)
            return StringRead(text, f"{slot} connection string of {name}")

        self.console.jobs.start(self, "connection-string", work)

    def on_string_read(self, message: StringRead) -> None:
        """Send the string to the terminal, past tmux; it is kept nowhere."""
        self.console.copy_text(message.text.reveal(), message.what, secret=True)


def _toggles(rights: tuple[Right, ...]) -> tuple[Field, ...]:
    return tuple(ToggleField(right.value, right.value, right in rights, _NOTES[right]) for right in Right)


def _chosen(answer: Answer) -> list[str]:
    return [right.value for right in Right if answer[right.value]]

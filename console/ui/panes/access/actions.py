"""What can be done in the Access pane: each command asks what is needed and hands on a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.change import Change
from console.model.operations import Plane
from console.model.role import RoleAssignment, RoleDefinition
from console.present.access import verdict_lines, who
from console.present.access_pages import own_role_page
from console.present.columns import Column
from console.services.access_view import QUESTIONS, role_from, role_view, templates
from console.services.ports import Cancel
from console.ui.arming import why_not
from console.ui.changing import begin
from console.ui.commands import BY_ID
from console.ui.dialogs.form import Answer
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.jobs import Post
from console.ui.panes.access.forms import OTHER, assign_form, check_form, file_form, template_form
from console.ui.panes.access.messages import Checked, OwnRoleTold
from console.ui.panes.access.state import AccessState
from console.ui.panes.filtering import FilterScreen
from console.ui.panes.text import TextScreen
from console.ui.widgets.resource_table import ResourceTable

if TYPE_CHECKING:
    from console.services.access import Access

_ACTIONS = ("assign", "unassign", "create-role", "role-file", "fix-role", "delete-role", "check", "own-role")


class AccessActions(FilterScreen):
    """The commands of the pane; the screen gives them state and selection."""

    PANE = "access"
    state: AccessState

    @property
    def access(self) -> Access:
        """The service that reads and plans."""
        return self.services.access

    @property
    def table(self) -> ResourceTable:
        """The table; overridden."""
        raise NotImplementedError

    def assignment(self) -> RoleAssignment | None:
        """Return the selected assignment."""
        return self.state.assignment(self.table.selected)

    def role(self) -> RoleDefinition | None:
        """Return the selected role, or that of the selected assignment."""
        return self.state.role(self.table.selected)

    # --- which ---------------------------------------------------------------------------------------------------

    def reason_against(self, verb: str) -> str:
        """Return why a command does not apply to what is selected, empty when it does."""
        if verb in {"check", "own-role"}:
            return ""
        if self.state.reading is None:
            return "the roles are not read yet"
        role = self.role()
        if verb == "unassign" and self.assignment() is None:
            return "no assignment is selected"
        if verb in {"fix-role", "delete-role"}:
            if role is None:
                return "no role is selected"
            if not role.custom:
                return "it is one of Azure's own"
        if verb == "fix-role" and role is not None and not self.state.view(role).fixable:
            return "every entry of it is in its right list"
        return ""

    def may(self, verb: str) -> bool:
        """Return whether a command can be used now; say why when it cannot."""
        command = BY_ID[f"access.{verb}"]
        why = why_not(command, self.services.session) or self.reason_against(verb)
        if why:
            self.notify(f"{command.title.rstrip(' …')}: {why}", severity="warning")
        return not why

    def offer(self, title: str, verbs: Iterable[str]) -> None:
        """Offer commands in a menu, what cannot be done now last and with its reason."""
        session, items = self.services.session, []
        for verb in verbs:
            command = BY_ID[f"access.{verb}"]
            why = why_not(command, session) or self.reason_against(verb)
            items.append(MenuItem(command.id, command.title, command.help, disabled=why))
        items.sort(key=lambda item: bool(item.disabled))

        def choose(choice: str | None) -> None:
            if choice is not None:
                handler: Callable[[], None] = getattr(self, BY_ID[choice].method)
                handler()

        self.app.push_screen(Menu(title, items), choose)

    def command_access_actions(self) -> None:
        """Offer everything there is, what cannot be done now with its reason."""
        self.offer("ACTIONS", _ACTIONS)

    def plan(self, make: Callable[[Access, Cancel], Change]) -> None:
        """Plan in the background, against what is there now; show it, and make it if it is agreed to."""
        access = self.access
        begin(self, lambda cancel: make(access, cancel))

    # --- assignments ---------------------------------------------------------------------------------------------

    def command_access_assign(self) -> None:
        """Ask who gets which role, and plan it."""
        self.ask_assign()

    def ask_assign(self, role: str = "", principal: str = "") -> None:
        """Ask who gets which role; both may be preselected."""
        reading = self.state.reading
        if not self.may("assign") or reading is None:
            return
        chosen, one = self.role(), self.assignment()
        kind = one.principal_type if one is not None else "User"
        group = reading.facts.scope.partition("/providers/")[0]
        name = role or (chosen.name if chosen is not None else "")

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            wanted = str(answer["name"] if answer["role"] == OTHER else answer["role"])
            to, typed = str(answer["principal"]), str(answer["type"])
            scope, words = str(answer["scope"]), str(answer["description"])
            self.plan(
                lambda access, cancel: access.plan_assign(
                    wanted, to, typed, scope=scope, description=words, cancel=cancel
                )
            )

        self.app.push_screen(assign_form(reading, group, name, principal, kind), take)

    def command_access_unassign(self) -> None:
        """Plan to take the selected assignment away."""
        one = self.assignment()
        if self.may("unassign") and one is not None:
            self.plan(lambda access, cancel: access.plan_unassign(one.name, cancel=cancel))

    # --- roles ---------------------------------------------------------------------------------------------------

    def command_access_create_role(self) -> None:
        """Ask which template becomes a role, and plan it."""
        reading = self.state.reading
        if not self.may("create-role") or reading is None:
            return
        scope, found = reading.facts.scope, templates()
        group = scope.partition("/providers/")[0]
        taken = [one.name for one in reading.facts.definitions.values()]

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            chosen = next(one for one in found if one.id == answer["template"])
            scopes = (str(answer["scope"]),) if answer["scope"] else ()
            name = str(answer["name"]).strip() or chosen.name
            role = RoleDefinition("", name, chosen.description, True, (chosen.permissions,), scopes)
            self.plan(lambda access, cancel: access.plan_role(role, template=chosen, cancel=cancel))

        self.app.push_screen(template_form(found, scope, group, taken), take)

    def command_access_role_file(self) -> None:
        """Ask for a file with a definition, and plan the role, put right where that is wanted."""
        if not self.may("role-file"):
            return

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            path, fix, name = Path(str(answer["file"])), answer["way"] == "fix", str(answer["name"]).strip()

            def make(access: Access, cancel: Cancel) -> Change:
                from console.services.private_files import read_file

                role = role_from(read_file(path), f"The file {path.name}")
                role = replace(role, name=name or role.name)
                return access.plan_fix(role, cancel=cancel) if fix else access.plan_role(role, cancel=cancel)

            self.plan(make)

        self.app.push_screen(file_form(""), take)

    def command_access_fix_role(self) -> None:
        """Plan the selected role put right."""
        role = self.role()
        if self.may("fix-role") and role is not None:
            self.plan(lambda access, cancel: access.plan_fix(role, cancel=cancel))

    def command_access_delete_role(self) -> None:
        """Plan to delete the selected role."""
        role = self.role()
        if self.may("delete-role") and role is not None:
            self.plan(lambda access, cancel: access.plan_delete_role(role.guid, cancel=cancel))

    # --- questions -----------------------------------------------------------------------------------------------

    def command_access_check(self) -> None:
        """Ask who may do what, and answer it."""
        one, reading = self.assignment(), self.state.reading
        chosen = one.principal_id if one is not None else "me"

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            principal, what = str(answer["principal"]), str(answer["what"])
            planes = {operation: plane for operation, plane, _ in QUESTIONS}
            operation = str(answer["operation"]) if what == OTHER else what
            plane = Plane(str(answer["plane"])) if what == OTHER and answer["plane"] else planes.get(what)
            access = self.access

            def work(cancel: Cancel, post: Post) -> Checked:
                del post
                found = access.check(principal, operation, "", plane, cancel)
                return Checked(found, access.known_name(found.principal) or principal)

            self.status_note = "checking …"
            self.console.jobs.start(self, "check", work)
            self.update_chrome()

        asked = "me" if reading is not None and chosen == reading.me else chosen
        self.app.push_screen(check_form(asked), take)

    def on_checked(self, message: Checked) -> None:
        """Show the answer on a page."""
        self.status_note = ""
        found, name = message.verdict, message.name
        self.app.push_screen(TextScreen(self.PANE, ("check",), lambda width: verdict_lines(found, name, width)))

    def command_access_own_role(self) -> None:
        """Show the role that the console itself needs."""
        access = self.access

        def work(cancel: Cancel, post: Post) -> OwnRoleTold:
            del post
            return OwnRoleTold(access.own_role(cancel=cancel))

        self.console.jobs.start(self, "own-role", work)

    def on_own_role_told(self, message: OwnRoleTold) -> None:
        """Show it on a page."""
        text = role_view(message.role).az_text
        self.app.push_screen(TextScreen(self.PANE, ("own role",), lambda width: own_role_page(text, width)))

    def name_of(self, one: RoleAssignment) -> str:
        """Return how a principal is called here."""
        reading = self.state.reading
        return who(one, reading.names, reading.me) if reading is not None else one.principal_id

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

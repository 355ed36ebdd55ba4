"""What can be changed in the Network pane: each command asks what is needed and hands on a wanted change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from console.model.change import Change
from console.model.errors import ConsoleError
from console.model.ip_rule import ClassicRule, FilterAction, FilterTarget, IpRule
from console.model.network import EndpointConnection, FilterEdit, NetworkEdit, NetworkView, OrderedRow, RuleRow
from console.services.network import NetworkService, check_fqdn, check_mask, check_name, mask_notice
from console.services.network_endpoints import bad_endpoint_name, bad_subnet
from console.services.ports import Cancel
from console.ui.arming import why_not
from console.ui.commands import BY_ID, scoped
from console.ui.dialogs.form import Answer, ChoiceField, Field, Form, InfoField, TextField
from console.ui.dialogs.menu import Menu, MenuItem
from console.ui.panes.base import ConsoleScreen
from console.ui.panes.network.form import PreviewForm
from console.ui.panes.network.state import Kind, NetworkState

Plan = Callable[[NetworkService, Cancel], Change]
_NEEDS = {
    "network.narrow": (Kind.RULES,),
    "network.edit": (Kind.RULES, Kind.FILTERS, Kind.CONNECTIONS),
    "network.remove": (Kind.RULES, Kind.FILTERS, Kind.CONNECTIONS),
    "network.approve": (Kind.CONNECTIONS,),
    "network.reject": (Kind.CONNECTIONS,),
    "network.delete-endpoint": (Kind.CONNECTIONS,),
    "network.move-filter": (Kind.FILTERS,),
    "network.add-filter": (Kind.FILTERS,),
    "network.create-endpoint": (Kind.CONNECTIONS,),
    "network.migrate": (Kind.CLASSIC,),
    "network.suggest": (Kind.RULES,),
    "network.add-rule": (Kind.RULES,),
}
"""The sections in whose menu a command stands; most of these need a row of it."""
_ANYWHERE = frozenset(
    {"network.add-filter", "network.create-endpoint", "network.migrate", "network.suggest", "network.add-rule"}
)
"""Those that need no row: by name they work from any section."""


class NetworkActions(ConsoleScreen):
    """The commands that change something; the screen gives them state, selection, and what to do with a plan."""

    state: NetworkState

    def selected_row(self) -> Any:
        """Return the row under the cursor; overridden."""
        raise NotImplementedError

    def plan(self, make: Plan) -> None:
        """Make a plan in the background and let it be confirmed; overridden."""
        raise NotImplementedError

    def edit(self, **wanted: Any) -> None:
        """Plan one wanted change of the hub's settings."""
        edit = NetworkEdit(**wanted)
        self.plan(lambda service, cancel: service.plan(edit, cancel=cancel))

    @property
    def view(self) -> NetworkView | None:
        """What was read."""
        return self.state.view

    @property
    def network(self) -> NetworkService:
        """The service."""
        return self.services.changes.network

    # --- which -----------------------------------------------------------------------------------------------------

    def reason_against(self, command_id: str) -> str:
        """Return why a command does not apply to what is selected, empty when it does."""
        view, section, row = self.view, self.state.section, self.selected_row()
        if view is None or section is None:
            return "the network was not read yet"
        needs = _NEEDS.get(command_id)
        if needs is not None and command_id not in _ANYWHERE and (section.kind not in needs or row is None):
            return f"select one of {' or '.join(kind.value.lower() for kind in needs)} first (tab)"
        if command_id == "network.add-filter" and section.service is None:
            return "go to the filters of a DPS first (tab)"
        if command_id == "network.migrate" and not view.hub.classic_in_force:
            return "there are no classic rules in force"
        if command_id == "network.built-in-endpoint" and view.hub.sku.upper() == "F1":
            return "a free hub (F1) has no such option"
        return ""

    def command_network_actions(self) -> None:
        """Offer what can be changed in the section in front, what cannot be now with its reason."""
        session, section = self.services.session, self.state.section
        items = []
        for command in scoped("network"):
            needs = _NEEDS.get(command.id)
            if command.writes and (needs is None or section is None or section.kind in needs):
                why = why_not(command, session) or self.reason_against(command.id)
                items.append(MenuItem(command.id, command.title, command.help, disabled=why))
        items.sort(key=lambda item: bool(item.disabled))

        def choose(choice: str | None) -> None:
            if choice is not None:
                handler: Callable[[], None] = getattr(
                    self, next(one.method for one in scoped("network") if one.id == choice)
                )
                handler()

        self.app.push_screen(Menu("ACTIONS", items), choose)

    def _may(self, command_id: str) -> bool:
        command = BY_ID[command_id]
        why = why_not(command, self.services.session) or self.reason_against(command_id)
        if why:
            self.notify(f"{command.title.rstrip(' …')}: {why}", severity="warning")
        return not why

    # --- rules -----------------------------------------------------------------------------------------------------

    def command_network_add_rule(self) -> None:
        """Ask for a new rule."""
        if self._may("network.add-rule"):
            self.ask_rule()

    def ask_rule(self, name: str = "", mask: str = "", origin: str = "", old: str = "") -> None:
        """Ask for a rule (`old` names the one that it replaces) and plan it."""
        taken = {row.rule.name.casefold() for row in self.view.rows} - {old.casefold()} if self.view else set()

        def name_problem(text: str) -> str:
            if text.casefold() in taken:
                return "a rule of this name is there already (names are compared without case)"
            return check_name(text)

        def wanted(answer: Answer) -> NetworkEdit:
            rule = IpRule(str(answer["name"]), str(answer["range"]))
            return NetworkEdit(change=((old, rule),)) if old else NetworkEdit(add=(rule,))

        def take(answer: Answer | None) -> None:
            if answer is not None:
                edit = wanted(answer)
                self.plan(lambda service, cancel: service.plan(edit, cancel=cancel))

        fields: list[Field] = [
            TextField("name", "name", name, "lyon-plant", name_problem),
            TextField("range", "range", mask, "10.20.0.0/16 or 10.20.4.7", check_mask),
        ]
        if origin:
            fields.append(InfoField("proposed", origin))
        title = f"CHANGE THE RULE {old}" if old else "ADD AN IP RULE"
        self.app.push_screen(PreviewForm(title, fields, preview=lambda answer: self._follows(wanted(answer))), take)

    def _follows(self, edit: NetworkEdit) -> str:
        if self.view is None:
            return ""
        try:
            effect = self.network.simulate(self.view, edit)[1]
        except ConsoleError as error:
            return error.why
        rules = (*edit.add, *(rule for _, rule in edit.change))
        notice = "; ".join(filter(None, (mask_notice(rule.mask) for rule in rules)))
        shown = [f"{label}: {text}" for label, text in effect if label in {"let in", "cut off", "devices"}]
        return "; ".join([*([notice] if notice else []), *shown])

    def command_network_edit(self) -> None:
        """Edit the selected row."""
        if not self._may("network.edit"):
            return
        row = self.selected_row()
        if isinstance(row, RuleRow):
            self.ask_rule(row.rule.name, row.rule.mask, old=row.rule.name)
        elif isinstance(row, OrderedRow):
            self._ask_filter(row.rule)
        else:
            self._ask_connection(cast(EndpointConnection, row))

    def command_network_narrow(self) -> None:
        """Narrow the selected rule to what is used of it."""
        row = self.selected_row()
        if self._may("network.narrow") and self.view is not None:
            try:
                narrow = self.network.narrowed(self.view, row.rule.name)
            except ConsoleError as error:
                self.console.report(error)
                return
            self.edit(change=((row.rule.name, narrow),))

    def command_network_remove(self) -> None:
        """Remove the selected row."""
        if not self._may("network.remove"):
            return
        row, section = self.selected_row(), self.state.section
        if isinstance(row, RuleRow):
            self.edit(remove=(row.rule.name,))
        elif isinstance(row, EndpointConnection):
            self.plan(lambda service, cancel: service.endpoints.remove(row.name, cancel=cancel))
        elif section is not None and section.service is not None:
            self._plan_filters(FilterEdit(remove=(row.rule.name,)))

    # --- settings --------------------------------------------------------------------------------------------------

    def command_network_default_action(self) -> None:
        """Choose the default action."""
        self._choose("network.default-action", "DEFAULT ACTION", "default_deny", ("deny", "allow"))

    def command_network_public_access(self) -> None:
        """Choose public access."""
        self._choose("network.public-access", "PUBLIC ACCESS", "public_access", ("enabled", "disabled"))

    def command_network_built_in_endpoint(self) -> None:
        """Choose whether the rules apply to the built-in endpoint."""
        self._choose("network.built-in-endpoint", "BUILT-IN ENDPOINT", "filter_built_in", ("filtered", "open"))

    def _choose(self, command_id: str, title: str, field: str, words: tuple[str, str]) -> None:
        if not self._may(command_id):
            return

        def take(choice: str | None) -> None:
            if choice is not None:
                self.edit(**{field: choice == words[0]})

        self.app.push_screen(Menu(title, [MenuItem(word, word) for word in words]), take)

    def command_network_min_tls(self) -> None:
        """Choose the minimum TLS version."""
        if not self._may("network.min-tls"):
            return

        def take(choice: str | None) -> None:
            if choice is not None:
                self.edit(min_tls="" if choice == "none" else choice)

        items = [MenuItem("1.2", "TLS 1.2"), MenuItem("none", "no minimum")]
        self.app.push_screen(Menu("MINIMUM TLS VERSION", items), take)

    def command_network_outbound(self) -> None:
        """Ask for the outbound restriction and its host names."""
        if not self._may("network.outbound") or self.view is None:
            return
        hub = self.view.hub

        def names(text: object) -> tuple[str, ...]:
            return tuple(dict.fromkeys(str(text).replace(",", " ").split()))

        def problem(text: str) -> str:
            return next((why for name in names(text) if (why := check_fqdn(name))), "")

        def take(answer: Answer | None) -> None:
            if answer is not None:
                wanted = names(answer["hosts"])
                self.edit(
                    restrict_outbound=answer["mode"] == "restricted",
                    allow_fqdns=tuple(name for name in wanted if name not in hub.allowed_fqdns),
                    forget_fqdns=tuple(name for name in hub.allowed_fqdns if name not in wanted),
                )

        modes = (("restricted", "restricted to the hosts below"), ("open", "open: any host"))
        mode = "restricted" if hub.outbound_restricted else "open"
        fields = (
            ChoiceField("mode", "outbound", modes, mode),
            TextField("hosts", "hosts", " ".join(hub.allowed_fqdns), "account.blob.core.windows.net …", problem),
        )
        self.app.push_screen(Form("WHERE THE HUB MAY CONNECT TO", fields, submit="Show the plan"), take)

    def command_network_migrate(self) -> None:
        """Plan the migration of the classic rules."""
        if self._may("network.migrate"):
            self.edit(migrate=True)

    # --- private endpoints -----------------------------------------------------------------------------------------

    def command_network_approve(self) -> None:
        """Approve the selected connection."""
        name = self._connection("network.approve")
        if name:
            self.plan(lambda service, cancel: service.endpoints.approve(name, cancel=cancel))

    def command_network_reject(self) -> None:
        """Reject the selected connection."""
        name = self._connection("network.reject")
        if name:
            self.plan(lambda service, cancel: service.endpoints.reject(name, cancel=cancel))

    def command_network_delete_endpoint(self) -> None:
        """Delete the private endpoint of the selected connection."""
        row = self.selected_row()
        if self._connection("network.delete-endpoint"):
            endpoint = row.endpoint_id
            self.plan(lambda service, cancel: service.endpoints.delete(endpoint, cancel=cancel))

    def command_network_create_endpoint(self) -> None:
        """Ask for a new private endpoint."""
        if not self._may("network.create-endpoint"):
            return

        def take(answer: Answer | None) -> None:
            if answer is not None:
                given = {key: str(value) for key, value in answer.items()}
                self.plan(
                    lambda service, cancel: service.endpoints.create(
                        given["name"],
                        given["subnet"],
                        location=given["location"],
                        message=given["message"],
                        cancel=cancel,
                    )
                )

        fields = (
            TextField("name", "name", "", "from-plants", bad_endpoint_name),
            TextField("subnet", "subnet", "", "/subscriptions/…/virtualNetworks/…/subnets/…", bad_subnet),
            TextField("location", "region", "", "the hub's when empty; must be the network's"),
            TextField("message", "message", "", "asks for approval; empty approves where we may"),
        )
        self.app.push_screen(Form("CREATE A PRIVATE ENDPOINT", fields, submit="Show the plan"), take)

    def _connection(self, command_id: str) -> str:
        row = self.selected_row()
        return str(row.name) if self._may(command_id) and isinstance(row, EndpointConnection) else ""

    def _ask_connection(self, connection: EndpointConnection) -> None:
        def take(choice: str | None) -> None:
            if choice == "approve":
                self.command_network_approve()
            elif choice == "reject":
                self.command_network_reject()

        items = [MenuItem("approve", "Approve"), MenuItem("reject", "Reject")]
        self.app.push_screen(Menu(connection.endpoint_name or connection.name, items), take)

    # --- filters of provisioning services --------------------------------------------------------------------------

    def command_network_add_filter(self) -> None:
        """Ask for a new filter."""
        if self._may("network.add-filter"):
            self._ask_filter(None)

    def command_network_move_filter(self) -> None:
        """Ask for another place of the selected filter."""
        section, row = self.state.section, self.selected_row()
        if not self._may("network.move-filter") or section is None:
            return
        places = [MenuItem(str(place), f"place {place + 1}") for place in range(len(section.rows))]

        def take(choice: str | None) -> None:
            if choice is not None:
                self._plan_filters(FilterEdit(move=((row.rule.name, int(choice)),)))

        self.app.push_screen(Menu(f"MOVE {row.rule.name} TO", places), take)

    def _ask_filter(self, old: ClassicRule | None) -> None:
        section = self.state.section
        count = len(section.rows) if section else 0

        def place_problem(text: str) -> str:
            good = not text or (text.isascii() and text.isdigit() and 1 <= int(text) <= count + 1)
            return "" if good else f"give a number from 1 to {count + 1}"

        def take(answer: Answer | None) -> None:
            if answer is None:
                return
            action, target = FilterAction(str(answer["action"])), FilterTarget(str(answer["target"]))
            rule = ClassicRule(str(answer["name"]), action, str(answer["range"]), target)
            if old is not None:
                self._plan_filters(FilterEdit(replace=((old.name, rule),)))
            else:
                place = str(answer["place"])
                self._plan_filters(FilterEdit(add=((rule, int(place) - 1 if place else None),)))

        actions = tuple((one.value, one.value.lower()) for one in FilterAction)
        targets = tuple((one.value, one.value) for one in FilterTarget)
        fields: list[Field] = [
            TextField("name", "name", old.name if old else "", "lab", check_name),
            ChoiceField("action", "action", actions, old.action.value if old else "Accept"),
            TextField("range", "range", old.mask if old else "", "10.99.0.0/16", check_mask),
            ChoiceField("target", "for", targets, old.target.value if old else "all"),
        ]
        if old is None:
            fields.append(TextField("place", "place", "", "empty puts it last; the first match decides", place_problem))
        self.app.push_screen(Form("A FILTER OF THE PROVISIONING SERVICE", fields, submit="Show the plan"), take)

    def _plan_filters(self, edit: FilterEdit) -> None:
        section = self.state.section
        if section is not None and section.service is not None:
            arm_id = section.service.service.arm_id
            self.plan(lambda service, cancel: service.filters.plan(arm_id, edit, cancel=cancel))

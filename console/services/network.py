"""Who can reach the hub: the whole picture, what a change of it would do, and plans of such changes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from console.model.change import Change
from console.model.document import Document
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import FilterVerdict, IpRule, Reach, Simulation
from console.model.network import HubNetwork, Known, NetworkEdit, NetworkView, Suggestion
from console.rules.ip_cover import narrow
from console.rules.ip_filter import check_mask, check_name, mask_notice, verdict
from console.rules.network_body import hub_network
from console.rules.network_edit import check_fqdn, edit_hub, edited_reach
from console.rules.network_effect import hub_effect, reach_effect, simulation_of, verdict_words
from console.rules.network_risks import hub_risks
from console.rules.planning import change_of, copied
from console.services.journal import Journal
from console.services.network_assessment import assessed, with_connections_of
from console.services.network_endpoints import EndpointPlans
from console.services.network_filters import FilterPlans
from console.services.network_memory import MEMORY, NetworkMemory
from console.services.network_reading import NetworkReadings, together
from console.services.network_suggestions import suggestions
from console.services.network_view import known_of, view_of
from console.services.ports import NEVER_CANCELLED, Cancel, DocumentReader, NetworkReader
from console.services.session import Session

__all__ = ["NetworkService", "check_fqdn", "check_mask", "check_name", "mask_notice", "verdict_words"]


class NetworkService:
    """Reads and plans the network settings of the session's hub; writes nothing.

    `own_address` is the operator's as configured, empty for unknown; `max_cut_percent` is the share of devices seen
    lately from which on cutting them off must be accepted. `network` None: endpoints and provisioning are unknown.
    """

    def __init__(
        self,
        session: Session,
        reader: DocumentReader,
        network: NetworkReader | None,
        journal: Journal | None = None,
        own_address: str = "",
        max_cut_percent: int = 5,
    ) -> None:
        self._session = session
        self._journal = journal
        self._readings = NetworkReadings(session, reader, network, own_address, max_cut_percent)
        self._memory = session.cached(MEMORY, None, NetworkMemory)

    @cached_property
    def endpoints(self) -> EndpointPlans:
        """Plans of private endpoints and their connections."""
        return EndpointPlans(self._readings)

    @cached_property
    def filters(self) -> FilterPlans:
        """Plans of the filters of provisioning services."""
        return FilterPlans(self._readings)

    def read(self, cancel: Cancel = NEVER_CANCELLED) -> NetworkView:
        """Return all that is known about who can reach the hub, read afresh.

        Raises ConsoleError when the hub itself cannot be read; every other part may be unknown, with its reason.
        """
        readings = self._readings
        hub, known, endpoints, services = together(
            lambda: readings.hub(readings.document(cancel), cancel),
            lambda: readings.known(cancel),
            lambda: readings.reading(lambda: readings.endpoints(cancel)),
            lambda: readings.reading(lambda: readings.provisioning(cancel)),
        )
        return view_of(hub, known, endpoints, services, self._session.now())

    # --- what if ------------------------------------------------------------------------------------------------

    def verdict(self, view: NetworkView, address: str) -> FilterVerdict:
        """Return whether one address gets in now, and by what; pure.

        Raises ConsoleError BAD_INPUT (code "usage") when it is no IPv4 address.
        """
        why = check_mask(address) or ("give one address, not a range" if "/" in address else "")
        if why:
            raise ConsoleError(ErrorKind.BAD_INPUT, "Nothing can be said about that address", why, code="usage")
        return verdict(view.hub.reach, address)

    def simulate(self, view: NetworkView, edit: NetworkEdit) -> tuple[Simulation, tuple[tuple[str, str], ...]]:
        """Return what a wanted change would do to the rules as they were read, and the same in words; pure.

        Raises ConsoleError BAD_INPUT for what the service would refuse.
        """
        return self.simulate_reach(view, edited_reach(view.hub, edit))

    def simulate_reach(self, view: NetworkView, after: Reach) -> tuple[Simulation, tuple[tuple[str, str], ...]]:
        """Return what other rules would do, and the same in words; pure."""
        known = known_of(view, self._readings.max_cut_percent)
        simulation = simulation_of(view.hub.reach, after, known)
        return simulation, tuple(reach_effect(simulation, known))

    # --- plans --------------------------------------------------------------------------------------------------

    def plan(self, edit: NetworkEdit, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan a change of the hub's network settings, all in one, against the hub as it is now.

        Raises ConsoleError: BAD_INPUT (see `edit_hub`), or why the hub cannot be read.
        """
        if edit.empty:
            raise ConsoleError(ErrorKind.BAD_INPUT, "There is nothing to plan", "no change was asked for", code="usage")
        readings = self._readings
        document, known = together(lambda: readings.document(cancel), lambda: readings.known(cancel))
        return self._planned(document, known, edit, reason, cancel)

    def _planned(self, document: Document, known: Known, edit: NetworkEdit, reason: str, cancel: Cancel) -> Change:
        before: HubNetwork = self._readings.hub(document, cancel)
        body = copied(document)
        migration = edit_hub(body, edit)
        after = with_connections_of(hub_network(body), before)
        simulation = simulation_of(before.reach, after.reach, known)
        kind, what = kind_of(edit)
        return change_of(
            kind,
            f"{what} of {self._session.hub_name}",
            self._readings.target(cancel),
            document,
            body,
            risks=hub_risks(before, after, simulation, known, migration),
            effect=hub_effect(before, after, simulation, known),
            notes=migration.notes if migration else (),
            reason=reason,
        )

    def assessed(self, change: Change, cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Return a change that was planned elsewhere (an undo) with what it does to the network, and its risks.

        Changes of other resources, and those that leave the network as it is, come back as they are.
        """
        return assessed(self._readings, change, cancel)

    def narrowed(self, view: NetworkView, name: str) -> IpRule:
        """Return a rule narrowed to the smallest one range that holds the addresses seen from it; pure.

        Raises ConsoleError BAD_INPUT when nothing was seen from it, or it cannot be narrower.
        """
        what = f"The rule “{name}” cannot be narrowed"
        row = next((row for row in view.rows if row.rule.name.casefold() == name.casefold()), None)
        if row is None:
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "there is none of this name")
        if view.seen.value is None:
            error = view.seen.error
            why = f"the log could not be read ({error.why or error.what})" if error else "the log was not read"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why)
        found = narrow(row.rule, view.seen.value.addresses)
        if not found.single:
            hint = "A rule that nobody uses can be removed; but devices that keep a long session do not show"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "no address was seen from it in the window", hint)
        if not found.narrows:
            raise ConsoleError(ErrorKind.BAD_INPUT, what, f"the addresses seen need all of {row.rule.mask}")
        return IpRule(row.rule.name, found.single)

    def suggest(
        self, view: NetworkView, masked: Sequence[str] = (), cancel: Cancel = NEVER_CANCELLED
    ) -> tuple[Suggestion, ...]:
        """Return rules that would let refused ranges in again, the likeliest first.

        `masked` are the ranges meant ("10.20.4.XXX" or "10.20.4"); empty for every range whose devices are refused.
        Rules that were removed lately come first: as this session saw them, as the journal holds them, as the activity
        log names them; then the smallest range that holds what is refused. Never fails, but for a cancelled reading.
        """
        return suggestions(self._session, self._journal, self._memory, view, masked, cancel)


def kind_of(edit: NetworkEdit) -> tuple[str, str]:
    """Return the kind of a change and its title."""
    parts: dict[str, str] = {}
    if edit.migrate:
        parts["network.migrate"] = "migration of the classic rules"
    if edit.add or edit.change or edit.remove or edit.default_deny is not None:
        parts["network.rules"] = "network rules"
    if edit.filter_built_in is not None:
        parts["network.built-in-endpoint"] = "built-in endpoint"
    if edit.public_access is not None:
        parts["network.public-access"] = "public access"
    if edit.min_tls is not None:
        parts["network.tls"] = "minimum TLS version"
    if edit.restrict_outbound is not None or edit.allow_fqdns or edit.forget_fqdns:
        parts["network.outbound"] = "outbound restriction"
    if len(parts) == 1:
        return next(iter(parts.items()))
    return "network.settings", ", ".join(parts.values())

"""What a change that was planned elsewhere does to the network: an undo can lock out as well as any other change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.model.change import Change, Risk
from console.model.document import Document, Json, TargetKind
from console.model.ip_rule import FilterTarget
from console.model.network import HubNetwork, LinkStatus
from console.rules.network_body import connection_of, endpoint_of, hub_network, provisioning_of
from console.rules.network_effect import Effect, hub_effect, own_words, reach_effect, simulation_of
from console.rules.network_risks import endpoint_removal, filter_risks, hub_risks
from console.services.network_reading import NetworkReadings
from console.services.ports import Cancel


def assessed(readings: NetworkReadings, change: Change, cancel: Cancel) -> Change:
    """Return a change with its effect on the network and the risks of that, where it has any."""
    if change.before is None or (change.after is None and change.target.kind not in _LINKS):
        return change
    match change.target.kind:
        case TargetKind.HUB:
            return _hub(readings, change, change.before.body, change.after or {}, cancel)
        case TargetKind.POLICIES:
            after = (change.after or {}).get("hub")
            return _hub(readings, change, change.before.body.get("hub") or {}, after or {}, cancel)
        case TargetKind.PROVISIONING:
            return _filters(readings, change, change.before.body, change.after or {}, cancel)
        case TargetKind.CONNECTION | TargetKind.ENDPOINT:
            return _link(readings, change, change.before.body, cancel)
        case _:
            return change


_LINKS = {TargetKind.CONNECTION, TargetKind.ENDPOINT}


def with_connections_of(after: HubNetwork, before: HubNetwork) -> HubNetwork:
    """Return the hub after a change; its private endpoint connections are not of this change."""
    return replace(after, connections=before.connections, connections_unknown=before.connections_unknown)


def _hub(readings: NetworkReadings, change: Change, old: Json, new: Json, cancel: Cancel) -> Change:
    before = hub_network(old)
    after = hub_network(new)
    if with_connections_of(after, before) == before:
        return change
    before = readings.hub(Document(old), cancel)
    after = with_connections_of(after, before)
    known = readings.known(cancel)
    simulation = simulation_of(before.reach, after.reach, known)
    risks = hub_risks(before, after, simulation, known)
    return _with(change, hub_effect(before, after, simulation, known), risks)


def _filters(readings: NetworkReadings, change: Change, old: Json, new: Json, cancel: Cancel) -> Change:
    before, after = provisioning_of(old).reach, provisioning_of(new).reach
    if before == after:
        return change
    known = readings.known(cancel)
    devices = simulation_of(before, after, known, FilterTarget.DEVICE_API)
    own = simulation_of(before, after, known, FilterTarget.SERVICE_API)
    effect = [(label, text) for label, text in reach_effect(devices, known) if label not in {"you", "services"}]
    effect.append(("you", f"{own_words(own, known.own)}, at the service API"))
    return _with(change, effect, filter_risks(before, after, devices, own, known))


def _link(readings: NetworkReadings, change: Change, old: Json, cancel: Cancel) -> Change:
    hub = readings.hub(readings.document(cancel), cancel)
    if change.target.kind is TargetKind.CONNECTION:
        connection = connection_of(old)
        stays = change.after is not None and connection_of(change.after).status is LinkStatus.APPROVED
    else:
        endpoint = endpoint_of(old, hub.arm_id)
        found = [
            one for one in hub.connections if endpoint and one.endpoint_id.casefold() == endpoint.arm_id.casefold()
        ]
        if not found or change.after is not None:
            return change
        connection, stays = found[0], False
    return change if stays else _with(change, [], endpoint_removal(connection, hub, "undone"))


def _with(change: Change, effect: Effect, risks: Iterable[Risk]) -> Change:
    return replace(change, effect=(*change.effect, *effect), risks=(*change.risks, *risks))

"""The network of the local hub in its incident: read, simulated, changed and undone on the wire."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.console import profile_of
from support.hub import HubRunner
from support.network import (  # noqa: F401
    LYON,
    apply,
    hub,
    network,
    properties,
    role,
    services,
    set_properties,
)
from support.writes import writable

from console.cli.compose import services_for
from console.cli.main import write_ports
from console.gateways.resource_manager import HubGateway
from console.localhub.network import admitted
from console.localhub.scenario import OPERATOR_ADDRESS
from console.model.change import Consent
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import Fate, IpRule
from console.model.network import AddressSource, NetworkEdit
from console.services.bundle import Services
from console.services.network import NetworkService

# --- the picture ------------------------------------------------------------------------------------------------------


def test_the_view_is_what_the_hub_is(hub: HubRunner, network: NetworkService) -> None:
    view = network.read()
    assert [row.rule for row in view.rows] == [
        IpRule("corporate", "10.0.0.0/12"),
        IpRule("genoa-plant", "10.31.8.0/22"),
        IpRule("jump-box", "127.0.0.0/8"),
    ]
    assert view.rows[0].addresses == 1_048_576
    assert view.hub.reach.public_access
    assert view.hub.reach.rules is not None
    assert view.hub.reach.rules.default_deny
    assert not view.hub.reach.rules.built_in_endpoint
    assert view.hub.min_tls == "1.2"
    assert view.total_devices.value == len(hub.hub.devices)
    assert (view.own.address, view.own.source) == (OPERATOR_ADDRESS, AddressSource.PROFILE)
    assert view.seen.value is not None
    genoa = view.rows[1].use
    assert genoa is not None
    assert genoa.devices > 0
    assert genoa.last_seen is not None
    (service,) = view.provisioning.value or ()
    assert service.linked
    assert [link.policy for link in service.service.hubs] == ["iothubowner"]
    assert [row.rule.name for row in service.rows] == ["corporate", "jump-box", "everyone-else"]


def test_the_simulation_counts_the_hubs_own_devices(hub: HubRunner, network: NetworkService) -> None:
    """Every device counts once, in the range of its newest attempt, as the log's own rows tell."""
    logs = network._readings.session.logs()
    now = network._readings.session.now()
    table = logs.query('AzureDiagnostics | where OperationName == "deviceConnect"', now - timedelta(hours=24), now)
    newest: dict[str, tuple[Any, str]] = {}
    for row in table.dicts():
        facts = json.loads(row["properties_s"])
        device, address = facts["deviceId"], facts["maskedIpAddress"]
        if device not in newest or newest[device][0] < row["TimeGenerated"]:
            newest[device] = (row["TimeGenerated"], address)
    expected = Counter(address for _, address in newest.values())

    view = network.read()
    assert view.seen.value is not None
    simulation, effect = network.simulate(view, NetworkEdit(add=(LYON,)))
    assert simulation.seen_devices == pytest.approx(sum(expected.values()), abs=3), "the fleet goes on meanwhile"
    assert simulation.let_in.devices == pytest.approx(expected["10.20.4.XXX"], abs=2)
    assert simulation.let_in.devices > 10
    for item in (*simulation.let_in.ranges, *simulation.stay_in.ranges, *simulation.stay_out.ranges):
        address = item.seen.masked.replace("XXX", "7")
        assert admitted(hub.hub, address) is (item.fate is Fate.STAY_IN), "the hub decides by its own code"
    assert dict(effect)["let in"].startswith(f"{simulation.let_in.devices} devices")


def test_parts_that_cannot_be_read_are_unknown_with_their_reason(hub: HubRunner, tmp_path: Path) -> None:
    with role(hub, "Microsoft.Devices/IotHubs/read"):
        profile = profile_of(hub.ready, tmp_path, "nobody")
        view = services_for(profile, state_dir=tmp_path / "state", retry_budget=0.0).changes.network.read()
    assert [row.rule.name for row in view.rows] == ["corporate", "genoa-plant", "jump-box"]
    assert "privateEndpointConnections/read" in view.hub.connections_unknown
    assert all(row.use is None for row in view.rows)
    for part in (view.seen, view.total_devices, view.endpoints, view.provisioning):
        assert part.value is None
        assert part.error is not None
        assert part.error.kind is ErrorKind.PERMISSION
    assert view.own.source is AddressSource.UNKNOWN
    assert "activity log" in view.own.why


def test_our_own_address_comes_from_the_activity_log_where_the_profile_has_none(hub: HubRunner, tmp_path: Path) -> None:
    own = writable(hub, tmp_path).changes.network.read().own
    assert own.address in {OPERATOR_ADDRESS, "127.0.0.1"}, "as the story says, or as a test before this one wrote"
    assert own.source is AddressSource.ACTIVITY
    assert "may be another" in own.note


def test_an_undo_that_locks_out_is_refused_like_any_other_change(
    hub: HubRunner, services: Services, network: NetworkService
) -> None:
    added = network.plan(NetworkEdit(add=(IpRule("office", "10.0.0.0/9"),)))
    apply(services, added)
    apply(services, network.plan(NetworkEdit(remove=("corporate",))))
    undo = services.changes.undo.plan(added.id)
    assert {"own-lock-out", "cut-off"} <= {risk.id for risk in undo.blocking}
    with pytest.raises(ConsoleError, match="own-lock-out"):
        services.changes.gate.apply(undo, Consent())
    assert admitted(hub.hub, OPERATOR_ADDRESS)


def test_a_connection_string_says_what_is_missing(hub: HubRunner, tmp_path: Path) -> None:
    from support.console import by_connection_string

    services = services_for(by_connection_string(hub.ready, tmp_path), state_dir=tmp_path / "state")
    with pytest.raises(ConsoleError) as caught:
        services.changes.network.read()
    assert caught.value.kind is ErrorKind.NOT_CONFIGURED
    assert "connection string" in caught.value.why


# --- each plan, applied and undone ------------------------------------------------------------------------------------

PLANS: dict[str, tuple[NetworkEdit, tuple[str, ...]]] = {
    "add": (NetworkEdit(add=(LYON,)), ()),
    "remove": (NetworkEdit(remove=("genoa-plant",)), ("cut-off",)),
    "change": (NetworkEdit(change=(("genoa-plant", IpRule("genoa-plant", "10.31.8.0/24")),)), ()),
    "rename": (NetworkEdit(change=(("genoa-plant", IpRule("genova", "")),)), ()),
    "allow by default": (NetworkEdit(default_deny=False), ()),
    "filter the built-in endpoint": (NetworkEdit(filter_built_in=True), ()),
    "public access off": (NetworkEdit(public_access=False), ("cut-off", "own-lock-out", "no-private-endpoint")),
    "no minimum TLS": (NetworkEdit(min_tls=""), ()),
    "restrict outbound": (NetworkEdit(restrict_outbound=True, allow_fqdns=("a.blob.core.windows.net",)), ()),
    "all in one": (
        NetworkEdit(add=(LYON,), remove=("jump-box",), filter_built_in=True, min_tls="", restrict_outbound=True),
        (),
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_made_on_the_wire_and_taken_back(
    name: str, hub: HubRunner, services: Services, network: NetworkService
) -> None:
    edit, accepted = PLANS[name]
    set_properties(hub, futureProperty={"nested": [1, {"x": None}]})
    before, keys = properties(hub), deepcopy(hub.hub.policies)
    change = network.plan(edit)
    assert properties(hub) == before, "a plan writes nothing"
    assert {risk.id for risk in change.blocking} == set(accepted)
    apply(services, change, *accepted)
    after = properties(hub)
    assert after != before
    assert after["futureProperty"] == {"nested": [1, {"x": None}]}
    assert hub.hub.policies == keys
    undo = services.changes.undo.plan(change.id)
    apply(services, undo, *(risk.id for risk in undo.blocking))
    assert {key: value for key, value in properties(hub).items() if value is not None} == {
        key: value for key, value in before.items() if value is not None
    }


def test_from_all_networks_to_selected_ranges_in_one_plan(
    hub: HubRunner, services: Services, network: NetworkService
) -> None:
    set_properties(hub, networkRuleSets=None)
    rules = tuple(IpRule(name, mask) for name, mask in (("corporate", "10.0.0.0/8"), ("jump-box", "127.0.0.0/8")))
    change = network.plan(NetworkEdit(add=rules, default_deny=True))
    assert not change.blocking
    apply(services, change)
    assert properties(hub)["networkRuleSets"] == {
        "defaultAction": "Deny",
        "applyToBuiltInEventHubEndpoint": False,
        "ipRules": [{"filterName": r.name, "action": "Allow", "ipMask": r.mask} for r in rules],
    }
    undo = services.changes.undo.plan(change.id)
    assert "everyone" in {risk.id for risk in undo.risks}
    apply(services, undo, *(risk.id for risk in undo.blocking))
    assert not properties(hub).get("networkRuleSets")


def test_classic_rules_migrate_to_the_same_addresses(
    hub: HubRunner, services: Services, network: NetworkService
) -> None:
    classic = [
        {"filterName": "plants", "action": "Accept", "ipMask": "10.0.0.0/8"},
        {"filterName": "jump", "action": "Accept", "ipMask": "127.0.0.0/8"},
        {"filterName": "rest", "action": "Reject", "ipMask": "0.0.0.0/0"},
    ]
    set_properties(hub, networkRuleSets=None, ipFilterRules=classic)
    samples = ["10.0.0.1", "10.255.255.255", "11.0.0.0", "127.0.0.1", "9.255.255.255", "203.0.113.9"]
    expected = [admitted(hub.hub, address) for address in samples]
    view = network.read()
    assert view.hub.classic_in_force
    assert [row.rule.name for row in view.classic] == ["plants", "jump", "rest"]
    change = network.plan(NetworkEdit(migrate=True))
    assert not change.blocking
    apply(services, change)
    assert [admitted(hub.hub, address) for address in samples] == expected
    assert properties(hub)["ipFilterRules"] == []


def test_an_inexact_migration_is_refused_without_its_id(
    hub: HubRunner, services: Services, network: NetworkService
) -> None:
    rejected = [{"filterName": f"bad-{n}", "action": "Reject", "ipMask": f"{n}.{n}.{n}.{n}"} for n in range(1, 10)]
    set_properties(hub, networkRuleSets=None, ipFilterRules=rejected)
    change = network.plan(NetworkEdit(migrate=True))
    assert "migration-differs" in {risk.id for risk in change.blocking}
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(change, Consent())
    assert "migration-differs" in caught.value.why
    assert properties(hub)["ipFilterRules"] == rejected


BLOCKED: dict[str, NetworkEdit] = {
    "own-lock-out": NetworkEdit(remove=("corporate",)),
    "cut-off": NetworkEdit(remove=("genoa-plant",)),
    "deny-all": NetworkEdit(remove=("corporate", "genoa-plant", "jump-box")),
    "no-private-endpoint": NetworkEdit(public_access=False),
}


@pytest.mark.parametrize("risk", BLOCKED)
def test_each_blocking_risk_refuses_without_its_id(
    risk: str, hub: HubRunner, services: Services, network: NetworkService
) -> None:
    before = properties(hub)
    change = network.plan(BLOCKED[risk])
    others = {one.id for one in change.blocking} - {risk}
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(change, Consent(frozenset(others)))
    assert caught.value.code == "risk"
    assert risk in caught.value.why
    assert properties(hub) == before
    apply(services, change, risk, *others)


# --- an engineer without listkeys -------------------------------------------------------------------------------------

ENGINEER = (
    "Microsoft.Devices/IotHubs/read",
    "Microsoft.Devices/IotHubs/write",
    "Microsoft.Devices/IotHubs/operationResults/read",
    "Microsoft.Devices/IotHubs/privateEndpointConnections/*",
    "Microsoft.Devices/IotHubs/diagnosticSettings/read",
    "Microsoft.Insights/diagnosticSettings/read",
    "Microsoft.Insights/eventtypes/values/read",
    "Microsoft.Insights/metrics/read",
    "Microsoft.OperationalInsights/workspaces/*",
)


@pytest.fixture
def engineer(hub: HubRunner, services: Services, tmp_path: Path) -> Iterator[Services]:
    """Services of a principal that may write the hub and may not read its keys, nor its devices."""
    del services  # puts the hub back
    with role(hub, *ENGINEER):
        profile = profile_of(hub.ready, tmp_path, "nobody", my_ip="10.2.0.7")
        made = services_for(profile, state_dir=tmp_path / "engineer", write_ports=write_ports, retry_budget=1.0)
        made.session.arm()
        yield made


def test_an_engineer_without_listkeys_can_edit_and_no_policy_is_sent(
    hub: HubRunner, engineer: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    put = HubGateway.put

    def spy(self: HubGateway, body: dict[str, Any], *more: Any) -> Any:
        sent.append(body)
        return put(self, body, *more)

    monkeypatch.setattr(HubGateway, "put", spy)
    with pytest.raises(ConsoleError):
        engineer.changes.policies.read_keys()
    keys = deepcopy(hub.hub.policies)
    view = engineer.changes.network.read()
    assert view.total_devices.value, "without the data role the platform's metric counts the devices"
    for edit in (
        NetworkEdit(add=(LYON,)),
        NetworkEdit(filter_built_in=True, min_tls="", restrict_outbound=True),
        NetworkEdit(remove=("lyon-plant",)),
    ):
        change = engineer.changes.network.plan(edit)
        apply(engineer, change, *(risk.id for risk in change.blocking))
    assert len(sent) == 3
    assert all("authorizationPolicies" not in body["properties"] for body in sent)
    assert hub.hub.policies == keys


# --- what would let the refused in again ------------------------------------------------------------------------------


def test_the_smallest_range_is_suggested_and_then_the_rule_that_was_removed(
    services: Services, network: NetworkService
) -> None:
    view = network.read()
    (first, *_) = network.suggest(view, ["10.20.4"])
    assert first.rule.mask == "10.20.4.0/24"
    assert [one.rule.mask for one in network.suggest(view)] == [first.rule.mask], "Lyon alone is refused by the rules"
    apply(services, network.plan(NetworkEdit(add=(LYON,))))
    gone = network.plan(NetworkEdit(remove=("lyon-plant",)))
    apply(services, gone, *(risk.id for risk in gone.blocking))
    (first, *_) = network.suggest(network.read(), ["10.20.4.x"])
    assert first.rule == LYON
    assert "journal" in first.origin


def test_a_rule_narrows_to_what_was_seen(network: NetworkService) -> None:
    view = network.read()
    assert network.narrowed(view, "genoa-plant") == IpRule("genoa-plant", "10.31.8.0/24")
    with pytest.raises(ConsoleError, match="no address was seen"):
        network.narrowed(view, "jump-box")

"""Effect and risks of network changes: never more than what is known, blocking where somebody would be locked out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.model.change import Risk
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import ClassicRule, FilterAction, IpRule, NetworkRules, Reach, SeenAddress
from console.model.network import (
    AddressSource,
    EndpointConnection,
    HubNetwork,
    Known,
    LinkStatus,
    NetworkEdit,
    OwnIp,
    SeenLog,
    SeenRange,
)
from console.model.reading import Reading
from console.rules.ip_migration import migrate
from console.rules.network_edit import edited_reach
from console.rules.network_effect import hub_effect, simulation_of
from console.rules.network_risks import hub_risks

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CORPORATE, GENOA, LYON = (
    IpRule("corporate", "10.0.0.0/12"),
    IpRule("genoa", "10.31.8.0/22"),
    IpRule("lyon", "10.20.0.0/16"),
)
APPROVED = EndpointConnection("pe-1.x", LinkStatus.APPROVED, endpoint_id="/x/pe-1")


def known(
    *ranges: tuple[str, int], total: int | None = 300, own: str = "10.2.0.7", log: bool = True, percent: int = 5
) -> Known:
    seen = tuple(SeenRange(SeenAddress(masked, devices, NOON)) for masked, devices in ranges)
    error = ConsoleError(ErrorKind.PERMISSION, "The log query failed", "the role Log Analytics Reader is missing")
    return Known(
        seen=Reading(SeenLog(seen, NOON - timedelta(hours=24), NOON), NOON) if log else Reading(error=error),
        total_devices=Reading(total, NOON) if total is not None else Reading(error=error),
        own=OwnIp(own, AddressSource.PROFILE) if own else OwnIp(why="the activity log has no entry of ours"),
        max_cut_percent=percent,
    )


FLEET = (("10.20.4.XXX", 198), ("10.20.5.XXX", 16), ("10.4.16.XXX", 60), ("10.31.8.XXX", 20))


def hub(*rules: IpRule, deny: bool = True, built_in: bool = False, **fields: Any) -> HubNetwork:
    reach = Reach(True, NetworkRules(deny, rules, built_in))
    return HubNetwork("/x/plants", "plants", "plants.azure-devices.net", "S1", "westeurope", reach, **fields)


def planned(
    before: HubNetwork, edit: NetworkEdit, around: Known, **after: Any
) -> tuple[dict[str, str], dict[str, Risk]]:
    later = replace(before, reach=edited_reach(before, edit), **after)
    simulation = simulation_of(before.reach, later.reach, around)
    migration = migrate(before.classic) if edit.migrate else None
    risks = hub_risks(before, later, simulation, around, migration)
    assert len({risk.id for risk in risks}) == len(risks)
    return dict(hub_effect(before, later, simulation, around)), {risk.id: risk for risk in risks}


def test_putting_the_range_back_says_whom_it_lets_in_and_what_it_cannot_say() -> None:
    effect, risks = planned(hub(CORPORATE, GENOA), NetworkEdit(add=(LYON,)), known(*FLEET))
    assert effect["let in"] == "214 devices   10.20.4.x (198)  10.20.5.x (16)"
    assert effect["cut off"].startswith("0 of 294 with an address")
    assert "not seen in 24 h: 6 devices" in effect["cut off"], "never “cut off 0” alone"
    assert effect["uncertain"] == "0 devices"
    assert effect["you"] == "10.2.0.7  still allowed by “corporate”"
    assert "not subject to IP rules" in effect["private endpoints"]
    assert "no addresses of services" in effect["services"]
    assert "masks addresses to /24" in effect["seen"]
    assert "rules do not apply" in effect["built-in endpoint"]
    assert set(risks) == {"wide-rule"}
    assert "10.20.4.0/23" in risks["wide-rule"].message
    assert not risks["wide-rule"].blocking


def test_removing_the_operators_rule_is_a_lock_out_and_cuts_devices() -> None:
    effect, risks = planned(hub(CORPORATE, GENOA), NetworkEdit(remove=("corporate",)), known(*FLEET))
    assert risks["own-lock-out"].blocking
    assert "10.2.0.7" in risks["own-lock-out"].message
    assert risks["cut-off"].blocking
    assert "60 of the 294" in risks["cut-off"].message
    assert "6 devices have no address" in risks["not-seen"].message
    assert "CUT OFF by the default action, Deny" in effect["you"]
    assert effect["cut off"].startswith("60 of 294 with an address   10.4.16.x (60)")


def test_a_small_cut_is_told_but_does_not_block() -> None:
    _, risks = planned(hub(CORPORATE, GENOA), NetworkEdit(remove=("genoa",)), known(*FLEET, percent=10))
    assert not risks["cut-off"].blocking
    _, risks = planned(hub(CORPORATE, GENOA), NetworkEdit(remove=("genoa",)), known(*FLEET, percent=6))
    assert risks["cut-off"].blocking, "20 of 294 are 6.8 %"


def test_devices_that_may_be_cut_count_towards_the_share() -> None:
    narrower = NetworkEdit(change=(("corporate", IpRule("corporate", "10.4.16.0/25")),))
    effect, risks = planned(hub(CORPORATE), narrower, known(("10.4.16.XXX", 60), ("10.2.0.XXX", 1)))
    assert risks["cut-off"].blocking
    assert "up to 60 more" in risks["cut-off"].message
    assert effect["uncertain"].startswith("60 devices")
    assert "may be cut off" in effect["uncertain"]
    assert "“corporate”" in effect["narrow"]


def test_denying_everybody_blocks() -> None:
    _, risks = planned(hub(CORPORATE), NetworkEdit(remove=("corporate",)), known(*FLEET))
    assert risks["deny-all"].blocking
    _, risks = planned(hub(deny=False), NetworkEdit(default_deny=True), known(*FLEET, own=""))
    assert {"deny-all", "own-lock-out", "cut-off"} <= {name for name, risk in risks.items() if risk.blocking}


def test_no_public_access_needs_an_approved_private_endpoint() -> None:
    off = NetworkEdit(public_access=False)
    _, risks = planned(hub(CORPORATE), off, known(*FLEET))
    assert risks["no-private-endpoint"].blocking
    pending = replace(APPROVED, status=LinkStatus.PENDING)
    _, risks = planned(hub(CORPORATE, connections=(pending,)), off, known(*FLEET))
    assert risks["no-private-endpoint"].blocking
    _, risks = planned(hub(CORPORATE, connections=(APPROVED,)), off, known(*FLEET))
    assert "no-private-endpoint" not in risks
    assert risks["own-lock-out"].blocking


def test_an_unknown_address_and_an_unreadable_log_are_risks() -> None:
    effect, risks = planned(hub(CORPORATE, GENOA), NetworkEdit(remove=("genoa",)), known(own="", log=False))
    assert (risks["own-address-unknown"].severity, risks["own-address-unknown"].blocking) == ("high", True)
    assert "--my-ip" in risks["own-address-unknown"].hint
    assert (risks["seen-unknown"].severity, risks["seen-unknown"].blocking) == ("high", True)
    assert "Log Analytics Reader" in risks["seen-unknown"].message
    assert "cannot be told" in effect["devices"]
    assert "cut off" not in effect
    assert effect["you"].startswith("unknown")


def test_what_is_unknown_blocks_only_what_could_cut_somebody_off() -> None:
    _, risks = planned(hub(CORPORATE), NetworkEdit(add=(GENOA,)), known(own="", log=False))
    assert not risks["own-address-unknown"].blocking
    assert not risks["seen-unknown"].blocking


def test_an_empty_log_tells_nothing_either() -> None:
    _, risks = planned(hub(CORPORATE, GENOA), NetworkEdit(remove=("genoa",)), known())
    assert "no device connected" in risks["seen-unknown"].message


def test_the_devices_that_were_not_counted_are_said_to_be_unknown() -> None:
    effect, _ = planned(hub(CORPORATE, GENOA), NetworkEdit(remove=("genoa",)), known(*FLEET, total=None))
    assert "not seen in 24 h: unknown (the role Log Analytics Reader is missing)" in effect["cut off"]


@pytest.mark.parametrize(
    ("before", "edit"),
    [
        (hub(CORPORATE), NetworkEdit(add=(IpRule("all", "0.0.0.0/0"),))),
        (hub(CORPORATE), NetworkEdit(default_deny=False)),
        (hub(deny=False), NetworkEdit(add=(IpRule("all", "0.0.0.0/0"),), default_deny=True)),
    ],
)
def test_letting_everybody_in_is_a_high_risk(before: HubNetwork, edit: NetworkEdit) -> None:
    _, risks = planned(before, edit, known(*FLEET))
    assert risks["everyone"].severity == "high"


def test_rules_that_change_nothing_say_so() -> None:
    _, risks = planned(hub(deny=False), NetworkEdit(add=(LYON,)), known(*FLEET))
    assert "default action is Allow" in risks["rules-ignored"].message
    off = replace(hub(CORPORATE), reach=replace(hub(CORPORATE).reach, public_access=False))
    _, risks = planned(off, NetworkEdit(add=(LYON,)), known(*FLEET))
    assert "public access is off" in risks["rules-ignored"].message
    _, risks = planned(hub(CORPORATE), NetworkEdit(add=(IpRule("part", "10.4.0.0/16"),)), known(*FLEET))
    assert "redundant-rule" in risks


def test_the_built_in_endpoint_opens_and_closes_with_a_warning() -> None:
    _, risks = planned(hub(CORPORATE, built_in=True), NetworkEdit(filter_built_in=False), known(*FLEET))
    assert risks["built-in-endpoint-open"].severity == "high"
    _, risks = planned(hub(CORPORATE), NetworkEdit(filter_built_in=True), known(*FLEET))
    assert "built-in-endpoint-closed" in risks
    _, risks = planned(hub(CORPORATE, deny=False), NetworkEdit(default_deny=True), known(*FLEET))
    assert "built-in-endpoint-open" in risks


def test_an_inexact_migration_blocks_and_lists_who_loses() -> None:
    rejects = tuple(ClassicRule(f"bad-{n}", FilterAction.REJECT, f"{n}.{n}.{n}.{n}") for n in range(1, 10))
    before = replace(hub(), reach=Reach(True, None, rejects), classic=rejects)
    _, risks = planned(before, NetworkEdit(migrate=True), known(*FLEET))
    assert risks["migration-differs"].blocking
    assert "lose access" in risks["migration-differs"].message


def test_tls_and_outbound_have_risks_of_their_own_and_no_effect_on_addresses() -> None:
    before = hub(CORPORATE, endpoints_used=("to-storage",))
    effect, risks = planned(before, NetworkEdit(min_tls="1.2"), known(*FLEET), min_tls="1.2")
    assert set(risks) == {"tls"}
    assert "no address is let in or cut off" in effect["addresses"]
    effect, risks = planned(before, NetworkEdit(restrict_outbound=True), known(*FLEET), outbound_restricted=True)
    assert risks["outbound"].severity == "high"
    assert "to-storage" in risks["outbound"].message

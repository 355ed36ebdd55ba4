"""Who may reach a hub: properties against an oracle built on `ipaddress`, and the rules one by one."""

from __future__ import annotations

import gc
import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.localhub.network import admitted
from console.localhub.state import HubState


def hub_with(**properties: Any) -> HubState:
    return HubState("h", "/h", "h.azure-devices.net", {"properties": properties})


def rule_set(*masks: str, default: str | None = "Deny") -> dict[str, Any]:
    rules = [{"filterName": f"r{n}", "action": "Allow", "ipMask": mask} for n, mask in enumerate(masks)]
    found: dict[str, Any] = {"applyToBuiltInEventHubEndpoint": True, "ipRules": rules}
    if default is not None:
        found["defaultAction"] = default
    return found


# Few distinct high bits, so that addresses often fall into the ranges.
addresses = st.builds(
    lambda a, b: ipaddress.IPv4Address((a << 24) | b), st.sampled_from([10, 127, 192]), st.integers(0, (1 << 24) - 1)
) | st.integers(0, (1 << 32) - 1).map(ipaddress.IPv4Address)
masks = st.tuples(addresses, st.integers(0, 32)).map(
    lambda pair: str(ipaddress.IPv4Network((int(pair[0]), pair[1]), strict=False))
) | addresses.map(str)


@given(st.lists(masks, max_size=8), addresses, st.sampled_from(["Deny", "Allow", None]))
def test_a_rule_set_admits_what_any_rule_contains_else_its_default(
    ranges: list[str], address: ipaddress.IPv4Address, default: str | None
) -> None:
    hub = hub_with(networkRuleSets=rule_set(*ranges, default=default), publicNetworkAccess="Enabled")
    expected = default == "Allow" or any(address in ipaddress.IPv4Network(mask) for mask in ranges)
    assert admitted(hub, str(address)) is expected
    assert admitted(hub, f"::ffff:{address}") is expected


@given(st.lists(st.tuples(st.sampled_from(["Accept", "Reject"]), masks), max_size=8), addresses)
def test_the_classic_filter_lets_the_first_match_decide(
    rules: list[tuple[str, str]], address: ipaddress.IPv4Address
) -> None:
    listed = [{"filterName": "x", "action": action, "ipMask": mask} for action, mask in rules]
    expected = True
    for action, mask in rules:
        if address in ipaddress.IPv4Network(mask):
            expected = action == "Accept"
            break
    assert admitted(hub_with(ipFilterRules=listed), str(address)) is expected
    assert admitted(hub_with(ipFilterRules=listed, networkRuleSets=None), str(address)) is expected


def test_a_rule_set_makes_the_classic_filter_irrelevant() -> None:
    reject_all = [{"filterName": "x", "action": "Reject", "ipMask": "0.0.0.0/0"}]
    accept_all = [{"filterName": "x", "action": "Accept", "ipMask": "0.0.0.0/0"}]
    assert admitted(hub_with(networkRuleSets=rule_set("10.0.0.0/8"), ipFilterRules=reject_all), "10.1.2.3")
    assert not admitted(hub_with(networkRuleSets=rule_set("10.0.0.0/8"), ipFilterRules=accept_all), "11.1.2.3")


def test_disabled_public_access_admits_nobody() -> None:
    hub = hub_with(publicNetworkAccess="Disabled", networkRuleSets=rule_set("0.0.0.0/0", default="Allow"))
    assert not admitted(hub, "127.0.0.1")


def test_an_empty_rule_set_admits_nobody() -> None:
    assert not admitted(hub_with(networkRuleSets=rule_set()), "127.0.0.1")


@pytest.mark.parametrize("address", ["2001:db8::1", "::1", "", "not an address", "10.0.0.1.2"])
def test_what_is_no_ipv4_address_gets_the_default(address: str) -> None:
    assert not admitted(hub_with(networkRuleSets=rule_set("0.0.0.0/0")), address)
    assert admitted(hub_with(networkRuleSets=rule_set(default="Allow")), address)


def test_a_range_nobody_can_read_contains_nothing() -> None:
    assert not admitted(hub_with(networkRuleSets=rule_set("10.0.0/8", "")), "10.0.0.1")


def test_a_change_counts_from_the_moment_the_counter_moves() -> None:
    hub = hub_with(networkRuleSets=rule_set("10.0.0.0/8"))
    assert not admitted(hub, "127.0.0.1")
    hub.resource["properties"]["networkRuleSets"] = rule_set("127.0.0.0/8")
    hub.network_changed += 1
    assert admitted(hub, "127.0.0.1")
    assert not admitted(hub, "10.0.0.1")


def test_a_new_hub_never_gets_the_rules_of_one_that_is_gone() -> None:
    for octet in range(1, 12):  # memory is reused quickly, so ids repeat
        hub = hub_with(networkRuleSets=rule_set(f"10.0.0.{octet}"))
        assert admitted(hub, f"10.0.0.{octet}")
        assert not admitted(hub, f"10.0.0.{octet + 1}")
        del hub
        gc.collect()

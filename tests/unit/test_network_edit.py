"""Wanted changes of network settings in resource bodies: only what was asked for, refused as the service would."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import ClassicRule, FilterAction, FilterTarget, IpRule
from console.model.network import FilterEdit, NetworkEdit
from console.rules.network_body import hub_network, reach_of
from console.rules.network_edit import check_fqdn, edit_filters, edit_hub, edited_reach

LYON = IpRule("lyon", "10.20.0.0/16")


def hub(rule_set: Any = "default", sku: str = "S1", **properties: Any) -> dict[str, Any]:
    if rule_set == "default":
        rule_set = {
            "defaultAction": "Deny",
            "applyToBuiltInEventHubEndpoint": False,
            "futureFlag": {"x": 1},
            "ipRules": [{"filterName": "corporate", "action": "Allow", "ipMask": "10.0.0.0/12", "future": True}],
        }
    return {
        "id": "/x/plants",
        "sku": {"name": sku},
        "properties": {"networkRuleSets": rule_set, "future": [1], **properties},
    }


def refusal(body: dict[str, Any], **edit: Any) -> ConsoleError:
    with pytest.raises(ConsoleError) as caught:
        edit_hub(body, NetworkEdit(**edit))
    assert caught.value.kind is ErrorKind.BAD_INPUT
    return caught.value


def test_a_rule_is_added_and_nothing_else_moves() -> None:
    body = hub()
    before = deepcopy(body)
    edit_hub(body, NetworkEdit(add=(LYON,)))
    rules = body["properties"]["networkRuleSets"]["ipRules"]
    assert rules.pop() == {"filterName": "lyon", "action": "Allow", "ipMask": "10.20.0.0/16"}
    assert body == before, "what nobody knows is as it was"


def test_a_changed_rule_keeps_what_nobody_knows_of_it() -> None:
    body = hub()
    edit_hub(body, NetworkEdit(change=(("CORPORATE", IpRule("head-office", "10.0.0.0/16")),)))
    assert body["properties"]["networkRuleSets"]["ipRules"] == [
        {"filterName": "head-office", "action": "Allow", "ipMask": "10.0.0.0/16", "future": True}
    ]


def test_a_renamed_rule_keeps_its_range() -> None:
    body = hub()
    edit_hub(body, NetworkEdit(change=(("corporate", IpRule("head-office", "")),)))
    assert reach_of(body).rules is not None
    assert reach_of(body).rules.rules == (IpRule("head-office", "10.0.0.0/12"),)  # type: ignore[union-attr]


@pytest.mark.parametrize("missing", [None, "absent"])
def test_from_all_networks_the_whole_rule_set_is_sent(missing: str | None) -> None:
    body = hub(None)
    if missing:
        del body["properties"]["networkRuleSets"]
    edit_hub(body, NetworkEdit(add=(LYON,), default_deny=True))
    assert body["properties"]["networkRuleSets"] == {
        "defaultAction": "Deny",
        "applyToBuiltInEventHubEndpoint": False,
        "ipRules": [{"filterName": "lyon", "action": "Allow", "ipMask": "10.20.0.0/16"}],
    }


def test_a_rule_alone_does_not_close_a_hub_that_is_open_to_all() -> None:
    body = hub(None)
    edit_hub(body, NetworkEdit(add=(LYON,)))
    assert body["properties"]["networkRuleSets"]["defaultAction"] == "Allow"


def test_a_rule_set_never_takes_the_place_of_classic_rules_in_silence() -> None:
    classic = [{"filterName": "bad", "action": "Reject", "ipMask": "10.9.0.0/16"}]
    error = refusal(hub(None, ipFilterRules=classic), add=(LYON,))
    assert "classic" in error.why
    assert "igrate" in error.hint


def test_classic_rules_migrate_and_take_another_rule_in_the_same_plan() -> None:
    classic = [
        {"filterName": "plants", "action": "Accept", "ipMask": "10.0.0.0/8"},
        {"filterName": "rest", "action": "Reject", "ipMask": "0.0.0.0/0"},
    ]
    body = hub(None, ipFilterRules=classic)
    migration = edit_hub(body, NetworkEdit(migrate=True, add=(IpRule("jump", "192.0.2.7"),)))
    assert migration is not None
    assert migration.exact
    assert body["properties"]["ipFilterRules"] == []
    assert [rule["ipMask"] for rule in body["properties"]["networkRuleSets"]["ipRules"]] == ["10.0.0.0/8", "192.0.2.7"]
    assert "nothing to migrate" in refusal(body, migrate=True).what


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (IpRule("ly/on", "10.20.0.0/16"), "“/” at place 3"),
        (IpRule("ly on", "10.20.0.0/16"), "A space at place 3"),
        (IpRule("", "10.20.0.0/16"), "needs a name"),
        (IpRule("lyon", "10.20.0.0/33"), "/33 is out of range"),
        (IpRule("lyon", "10.20.0.256"), "Octet 4"),
        (IpRule("lyon", "10.20.4.XXX"), "10.20.4.0/24"),
        (IpRule("lyon", "fe80::/10"), "IPv6"),
        (IpRule("lyon", ""), "needs a mask"),
    ],
)
def test_what_the_service_refuses_is_refused_here_by_name(rule: IpRule, named: str) -> None:
    error = refusal(hub(), add=(rule,))
    assert named in error.why
    assert error.code == "usage"


def test_names_are_compared_without_case() -> None:
    assert "there already" in refusal(hub(), add=(IpRule("Corporate", "10.99.0.0/16"),)).why
    body = hub()
    body["properties"]["networkRuleSets"]["ipRules"].append({"filterName": "lyon", "ipMask": "10.20.0.0/16"})
    assert "there already" in refusal(body, change=(("lyon", IpRule("CORPORATE", "")),)).why


def test_the_101st_rule_is_refused() -> None:
    body = hub()
    rules = [{"filterName": f"r{n}", "action": "Allow", "ipMask": f"10.{n}.0.0/16"} for n in range(100)]
    body["properties"]["networkRuleSets"]["ipRules"] = rules
    assert "at most 100" in refusal(body, add=(LYON,)).why


def test_a_rule_that_the_service_took_before_does_not_stop_others() -> None:
    body = hub()
    body["properties"]["networkRuleSets"]["ipRules"][0]["ipMask"] = "something newer"
    edit_hub(body, NetworkEdit(add=(LYON,)))
    assert len(body["properties"]["networkRuleSets"]["ipRules"]) == 2


def test_the_free_tier_has_no_built_in_endpoint_option() -> None:
    assert "F1" in refusal(hub(sku="F1"), filter_built_in=True).why
    body = hub(None, sku="F1")
    edit_hub(body, NetworkEdit(add=(LYON,), default_deny=True))
    assert body["properties"]["networkRuleSets"]["applyToBuiltInEventHubEndpoint"] is False


def test_tls_and_outbound() -> None:
    body = hub(allowedFqdnList=["old.example.com"])
    edit_hub(body, NetworkEdit(min_tls="1.2", restrict_outbound=True, allow_fqdns=("a.blob.core.windows.net",)))
    assert body["properties"]["minTlsVersion"] == "1.2"
    assert body["properties"]["restrictOutboundNetworkAccess"] is True
    assert body["properties"]["allowedFqdnList"] == ["old.example.com", "a.blob.core.windows.net"]
    edit_hub(body, NetworkEdit(min_tls="", forget_fqdns=("OLD.example.com",)))
    assert body["properties"]["minTlsVersion"] is None
    assert body["properties"]["allowedFqdnList"] == ["a.blob.core.windows.net"]
    assert "1.0" in refusal(hub(), min_tls="1.0").why
    assert "not on the list" in refusal(hub(), forget_fqdns=("x.y",)).why
    untouched = hub()
    edit_hub(untouched, NetworkEdit(min_tls=""))
    assert untouched == hub(), "no minimum where there was none changes nothing"


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("a.blob.core.windows.net", ""),
        ("https://a.example.com", "“:” at place 6"),
        ("a b.example.com", "a space at place 2"),
        ("*.example.com", "“*” at place 1"),
        ("localhost", "no dot"),
        ("a..example.com", "empty part"),
        ("-a.example.com", "begins or ends"),
        ("a" * 64 + ".com", "too long"),
        ("", "missing"),
    ],
)
def test_host_names(name: str, named: str) -> None:
    found = check_fqdn(name)
    assert (named in found) if named else found == ""


def test_a_simulated_reach_is_the_planned_one() -> None:
    body = hub()
    edit = NetworkEdit(add=(LYON,), remove=("corporate",), public_access=True)
    expected = deepcopy(body)
    edit_hub(expected, edit)
    assert edited_reach(hub_network(body), edit) == reach_of(expected)


def dps(*rules: tuple[str, str, str]) -> dict[str, Any]:
    items = [{"filterName": name, "action": action, "ipMask": mask, "future": name} for name, action, mask in rules]
    return {"properties": {"ipFilterRules": items, "iotHubs": [{"connectionString": "x"}]}}


def names(body: dict[str, Any]) -> list[str]:
    return [rule["filterName"] for rule in body["properties"]["ipFilterRules"]]


def test_ordered_filters_keep_their_order_and_what_nobody_knows() -> None:
    body = dps(("a", "Accept", "10.0.0.0/8"), ("b", "Reject", "10.9.0.0/16"), ("c", "Reject", "0.0.0.0/0"))
    new = ClassicRule("n", FilterAction.REJECT, "10.8.0.0/16", FilterTarget.DEVICE_API)
    edit_filters(body, FilterEdit(add=((new, 0), (ClassicRule("z", FilterAction.ACCEPT, "1.2.3.4"), None))))
    assert names(body) == ["n", "a", "b", "c", "z"]
    assert body["properties"]["ipFilterRules"][0] == {
        "filterName": "n",
        "action": "Reject",
        "ipMask": "10.8.0.0/16",
        "target": "deviceApi",
    }
    edit_filters(body, FilterEdit(move=(("b", 0),), remove=("z",)))
    assert names(body) == ["b", "n", "a", "c"]
    edit_filters(body, FilterEdit(replace=(("b", ClassicRule("b2", FilterAction.ACCEPT, "10.9.1.0/24")),)))
    assert body["properties"]["ipFilterRules"][0] == {
        "filterName": "b2",
        "action": "Accept",
        "ipMask": "10.9.1.0/24",
        "future": "b",
    }


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (FilterEdit(remove=("gone",)), "only a"),
        (FilterEdit(move=(("a", 7),)), "position 8"),
        (FilterEdit(add=((ClassicRule("A", FilterAction.ACCEPT, "1.2.3.4"), None),)), "there already"),
        (FilterEdit(add=((ClassicRule("n", FilterAction.ACCEPT, "1.2.3"), None),)), "4 octets"),
    ],
)
def test_wrong_filters_are_refused(edit: FilterEdit, named: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        edit_filters(dps(("a", "Accept", "10.0.0.0/8")), edit)
    assert named in caught.value.sentence()

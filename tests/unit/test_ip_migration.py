"""Classic rules become allow rules that admit the same addresses, or fewer and all of these told."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given, settings
from hypothesis import strategies as st
from support.ip_oracle import LAST, classic_lists, edges, masks, naive, small_masks

from console.model.ip_rule import (
    ClassicRule,
    FilterAction,
    FilterTarget,
    IpRule,
    Migration,
    NetworkRules,
    Reach,
)
from console.rules.ip_filter import check_rules
from console.rules.ip_migration import migrate

A, R = FilterAction.ACCEPT, FilterAction.REJECT


def told(found: Migration, number: int) -> tuple[bool, bool] | None:
    """Return (before, after) where the migration says that an address changes sides."""
    hits = [r for r in found.differs if int(IPv4Address(r.first)) <= number <= int(IPv4Address(r.last))]
    assert len(hits) <= 1
    return (hits[0].admitted_before, hits[0].admitted_after) if hits else None


def corners(rules: tuple[ClassicRule, ...], found: Migration) -> list[int]:
    """Return every address where either side, or what is told of the difference, can change."""
    numbers = set(edges(rules)) | set(edges(found.rules.rules))
    for item in found.differs:
        for end in (int(IPv4Address(item.first)), int(IPv4Address(item.last))):
            numbers |= {max(end - 1, 0), end, min(end + 1, LAST)}
    return sorted(numbers)


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(classic_lists(masks, most=10), st.sampled_from([0, 1, 3, 100, 100, 100]))
def test_the_same_addresses_get_in_or_the_difference_is_told(rules: tuple[ClassicRule, ...], limit: int) -> None:
    found = migrate(rules, limit)
    assert check_rules(found.rules.rules) == []
    assert len(found.rules.rules) <= limit
    assert found.exact == (not found.differs)
    for number in corners(rules, found):
        before = naive(Reach(classic=rules), number)[0]
        after = naive(Reach(rules=found.rules), number)[0]
        assert (told(found, number) or (before, before)) == (before, after)
        assert before or not after  # never lets in who was rejected


@given(classic_lists(small_masks, most=6))
def test_the_list_is_as_short_as_can_be(rules: tuple[ClassicRule, ...]) -> None:
    found = migrate((*rules, ClassicRule("rest", R, "0.0.0.0/0")))
    networks = [IPv4Network(rule.mask) for rule in found.rules.rules]
    assert networks == sorted(ipaddress.collapse_addresses(networks))


@given(classic_lists(small_masks, most=4), st.integers(1, 6))
def test_of_too_many_the_largest_are_kept(rules: tuple[ClassicRule, ...], limit: int) -> None:
    rules = (*rules, ClassicRule("rest", R, "0.0.0.0/0"))
    whole, found = migrate(rules), migrate(rules, limit)
    sizes = sorted((IPv4Network(rule.mask).num_addresses for rule in whole.rules.rules), reverse=True)
    assert sum(IPv4Network(rule.mask).num_addresses for rule in found.rules.rules) == sum(sizes[:limit])
    assert sum(item.addresses for item in found.differs) == sum(sizes[limit:])


def test_a_plain_allow_list_keeps_its_names() -> None:
    found = migrate(
        [ClassicRule("lyon", A, "10.20.0.0/16"), ClassicRule("hq", A, "192.0.2.7"), ClassicRule("rest", R, "0.0.0.0/0")]
    )
    assert found.rules == NetworkRules(True, (IpRule("lyon", "10.20.0.0/16"), IpRule("hq", "192.0.2.7")), False)
    assert found.exact
    assert found.notes == (
        "The built-in Event Hubs endpoint stays open to every address, as it is under classic rules",
    )


def test_pieces_of_a_rule_are_numbered_past_names_that_are_taken() -> None:
    found = migrate(
        [
            ClassicRule("lyon-1", A, "192.0.2.0/24"),
            ClassicRule("bad", R, "10.20.0.0/18"),
            ClassicRule("Lyon", A, "10.20.0.0/16"),
            ClassicRule("rest", R, "0.0.0.0/0"),
        ]
    )
    assert [(rule.name, rule.mask) for rule in found.rules.rules] == [
        ("Lyon-2", "10.20.64.0/18"),
        ("Lyon-3", "10.20.128.0/17"),
        ("lyon-1", "192.0.2.0/24"),
    ]


def test_names_fit_what_the_service_takes() -> None:
    long = "x" * 140
    found = migrate(
        [
            ClassicRule("lyon plant/2", A, "10.20.0.0/24"),
            ClassicRule("", A, "10.30.0.0/24"),
            ClassicRule("no", R, "10.40.0.0/26"),
            ClassicRule(long, A, "10.40.0.0/24"),
            ClassicRule("rest", R, "0.0.0.0/0"),
        ]
    )
    names = [rule.name for rule in found.rules.rules]
    assert names == ["lyon-plant-2", "rule", "x" * 126 + "-1", "x" * 126 + "-2"]


def test_what_accepts_everything_becomes_the_default() -> None:
    for rules in ([], [ClassicRule("a", A, "10.0.0.0/8")], [ClassicRule("odd", R, "x")]):
        found = migrate(rules)
        assert found.rules == NetworkRules(False)
        assert found.exact
        assert found.notes[-1] == "The classic rules accept every address, so the default action is Allow"
    assert found.notes[0] == "Rule “odd” matches nothing, its mask cannot be read"


def test_what_rejects_everything_has_no_rule() -> None:
    found = migrate([ClassicRule("none", R, "0.0.0.0/0", FilterTarget.DEVICE_API)])
    assert found.rules == NetworkRules(True)
    assert found.notes == (
        "A hub's rules have no target: all are taken for every API",
        "The built-in Event Hubs endpoint stays open to every address, as it is under classic rules",
        "The classic rules reject every address",
    )


def test_a_blocklist_needs_more_rules_than_there_may_be() -> None:
    found = migrate([ClassicRule(f"bad{n}", R, f"{20 + 30 * n}.1.2.3") for n in range(6)])
    assert len(found.rules.rules) == 100
    assert not found.exact
    assert all(item.admitted_before and not item.admitted_after for item in found.differs)
    lost = sum(item.addresses for item in found.differs)
    assert found.notes[-1].endswith(f"{lost:,} addresses that are accepted now would be refused")
    assert [rule.name for rule in found.rules.rules][:2] == ["accepted-by-default-1", "accepted-by-default-2"]

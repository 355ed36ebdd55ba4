"""Redundant, shadowed and over-wide rules, against removing them and walking what is left."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ip_oracle import allow_lists, classic_lists, dps_lists, edges, masks, naive, small_masks

from console.model.ip_rule import (
    ClassicRule,
    FilterAction,
    FilterTarget,
    FindingKind,
    IpRule,
    NetworkRules,
    Reach,
    RuleFinding,
)
from console.rules.ip_lint import lint_ordered, lint_rules, removable

REMOVABLE = {FindingKind.DUPLICATE, FindingKind.REDUNDANT, FindingKind.SHADOWED}
A, R = FilterAction.ACCEPT, FilterAction.REJECT


def deny(*rules: IpRule) -> NetworkRules:
    return NetworkRules(True, rules)


def same(one: Reach, other: Reach, points: list[int], target: FilterTarget | None = None) -> bool:
    return all(naive(one, n, target)[0] == naive(other, n, target)[0] for n in points)


def shown(findings: list[RuleFinding]) -> list[tuple[FindingKind, str, tuple[str, ...]]]:
    return [(item.kind, item.rule, item.other) for item in findings]


few_masks = st.sampled_from(
    ["10.20.4.0/23", "10.20.4.0/24", "10.20.5.0/24", "10.20.5.0/25", "10.20.5.7", "10.20.4.0/22"]
)


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(allow_lists(few_masks | masks))
def test_a_redundant_rule_changes_nothing_and_every_other_does(rules: tuple[IpRule, ...]) -> None:
    found = {item.position for item in lint_rules(NetworkRules(True, rules)) if item.kind in REMOVABLE}
    points = edges(rules)
    for position, rule in enumerate(rules):
        if position in found:
            left = rules[:position] + rules[position + 1 :]
            assert same(Reach(rules=deny(*rules)), Reach(rules=deny(*left)), points)
        else:  # with its duplicates, which are reported in its place
            network = IPv4Network(rule.mask, strict=False)
            left = tuple(other for other in rules if IPv4Network(other.mask, strict=False) != network)
            assert not same(Reach(rules=deny(*rules)), Reach(rules=deny(*left)), points)


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(allow_lists(few_masks | small_masks, most=5))
def test_removable_rules_go_together_and_leave_the_fewest(rules: tuple[IpRule, ...]) -> None:
    gone = removable(rules)
    left = tuple(rule for rule in rules if rule.name not in gone)
    whole, points = Reach(rules=deny(*rules)), edges(rules)
    assert same(whole, Reach(rules=deny(*left)), points)
    for fewer in combinations(rules, max(len(left) - 1, 0)):
        assert len(left) == 0 or not same(whole, Reach(rules=deny(*fewer)), points)


def removed_changes_nothing(rules: tuple[ClassicRule, ...], position: int, dps: bool) -> bool:
    left = rules[:position] + rules[position + 1 :]
    targets = [FilterTarget.SERVICE_API, FilterTarget.DEVICE_API] if dps else [None]
    points = edges(rules)
    return all(same(Reach(classic=rules), Reach(classic=left), points, target) for target in targets)


def never_matches(rules: tuple[ClassicRule, ...], position: int, dps: bool) -> bool:
    targets = [FilterTarget.SERVICE_API, FilterTarget.DEVICE_API] if dps else [None]
    name, points = rules[position].name, edges(rules)
    return all(naive(Reach(classic=rules), n, target)[1] != name for n in points for target in targets)


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(classic_lists(few_masks | masks))
def test_ordered_rules_are_redundant_or_shadowed_as_removing_them_shows(
    rules: tuple[ClassicRule, ...],
) -> None:
    check_ordered(rules, dps=False)


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(dps_lists(few_masks | masks))
def test_filters_of_a_provisioning_service_likewise_by_target(rules: tuple[ClassicRule, ...]) -> None:
    check_ordered(rules, dps=True)


def check_ordered(rules: tuple[ClassicRule, ...], *, dps: bool) -> None:
    findings = lint_ordered(rules, dps=dps)
    useless = {item.position for item in findings if item.kind in REMOVABLE}
    shadowed = {item.position for item in findings if item.kind in {FindingKind.SHADOWED, FindingKind.DUPLICATE}}
    for position in range(len(rules)):
        assert removed_changes_nothing(rules, position, dps) == (position in useless)
        assert never_matches(rules, position, dps) == (position in shadowed)


def test_allow_rules_by_example() -> None:
    rules = deny(
        IpRule("corporate", "10.0.0.0/12"),
        IpRule("genoa", "10.1.8.0/22"),
        IpRule("again", "10.0.0.9/12"),
        IpRule("office", "192.0.2.7"),
    )
    findings = lint_rules(rules)
    assert shown(findings) == [
        (FindingKind.OVER_WIDE, "corporate", ()),
        (FindingKind.REDUNDANT, "genoa", ("corporate", "again")),
        (FindingKind.OVER_WIDE, "again", ()),
        (FindingKind.HOST_BITS, "again", ()),
        (FindingKind.DUPLICATE, "again", ("corporate",)),
        (FindingKind.NARROW, "office", ()),
    ]
    assert [item.message for item in findings] == [
        "10.0.0.0/12 is wide: 1,048,576 addresses",
        "10.1.8.0/22 is already allowed by “corporate”, “again”",
        "10.0.0.9/12 is wide: 1,048,576 addresses",
        "10.0.0.9/12 has host bits set, it means 10.0.0.0/12",
        "10.0.0.9/12 is already allowed by “corporate”",
        "192.0.2.7 is narrower than a /24: the log cannot tell who comes from it",
    ]


def test_a_union_makes_the_wider_rule_redundant_too() -> None:
    rules = deny(IpRule("a", "10.20.4.0/24"), IpRule("b", "10.20.5.0/24"), IpRule("both", "10.20.4.0/23"))
    assert shown(lint_rules(rules)) == [
        (FindingKind.REDUNDANT, "a", ("both",)),
        (FindingKind.REDUNDANT, "b", ("both",)),
        (FindingKind.REDUNDANT, "both", ("a", "b")),
    ]
    assert removable(rules.rules) == ("a", "b")


def test_everyone() -> None:
    assert shown(lint_rules(deny(IpRule("all", "0.0.0.0/0")))) == [(FindingKind.EVERYONE, "all", ())]
    halves = lint_rules(deny(IpRule("low", "0.0.0.0/1"), IpRule("high", "128.0.0.0/1")))
    assert shown(halves)[-1] == (FindingKind.EVERYONE, "", ("low", "high"))
    allow = lint_rules(NetworkRules(False, (IpRule("x", "10.0.0.0/24"),)))
    assert [item.message for item in allow] == ["The default action allows every address, so the rules change nothing"]
    assert [item.message for item in lint_rules(NetworkRules(False))] == ["The default action allows every address"]
    assert lint_rules(NetworkRules(True)) == []


@pytest.mark.parametrize(("mask", "wide"), [("10.0.0.0/16", True), ("10.0.0.0/17", False), ("10.0.0.0/1", True)])
def test_how_wide_is_over_wide(mask: str, wide: bool) -> None:
    kinds = {item.kind for item in lint_rules(deny(IpRule("x", mask)))}
    assert (FindingKind.OVER_WIDE in kinds) is wide


def test_ordered_rules_by_example() -> None:
    rules = (
        ClassicRule("bad", R, "10.20.4.0/24"),
        ClassicRule("plant", A, "10.20.4.0/22"),
        ClassicRule("late", R, "10.20.5.0/24"),
        ClassicRule("again", A, "10.20.4.0/24"),
        ClassicRule("rest", R, "0.0.0.0/0"),
    )
    findings = lint_ordered(rules)
    assert shown(findings) == [
        (FindingKind.OVERLAPPING, "plant", ("bad",)),
        (FindingKind.SHADOWED, "late", ("plant",)),
        (FindingKind.DUPLICATE, "again", ("bad",)),
    ]
    assert [item.message for item in findings] == [
        "Earlier rules decide otherwise about a part of 10.20.4.0/22: “bad”",
        "It never matches: “plant” decides about all of 10.20.5.0/24 before it",
        "It never matches: “bad” has the same range and comes first",
    ]


def test_what_is_accepted_anyway_is_redundant_not_wide() -> None:
    findings = lint_ordered([ClassicRule("all", A, "0.0.0.0/0")])
    assert [(item.kind, item.message) for item in findings] == [
        (FindingKind.REDUNDANT, "Without it the same addresses are accepted")
    ]


def test_filters_for_different_apis_do_not_shadow_each_other() -> None:
    device = ClassicRule("device", R, "10.20.4.0/24", FilterTarget.DEVICE_API)
    service = ClassicRule("service", R, "10.20.4.0/24", FilterTarget.SERVICE_API)
    both = ClassicRule("both", R, "10.20.4.0/24")
    assert shown(lint_ordered([device, service], dps=True)) == []
    assert shown(lint_ordered([device, both], dps=True)) == [(FindingKind.REDUNDANT, "device", ())]
    findings = lint_ordered([device, service, both], dps=True)
    assert shown(findings)[-1] == (FindingKind.SHADOWED, "both", ("device", "service"))
    assert shown(lint_ordered([both, device], dps=True)) == [(FindingKind.DUPLICATE, "device", ("both",))]


def test_what_cannot_be_read_is_passed_over() -> None:
    assert lint_rules(deny(IpRule("odd", "x"))) == []
    assert lint_ordered([ClassicRule("odd", R, "x")]) == []
    assert removable([IpRule("odd", "x"), IpRule("odd2", "x")]) == ()

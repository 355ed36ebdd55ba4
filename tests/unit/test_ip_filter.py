"""Names and masks the service takes, and verdicts against a naive walk and against the local hub's own decision."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ip_oracle import (
    BASE,
    LAST,
    SMALL,
    all_rules,
    classic_lists,
    dps_lists,
    edges,
    masks,
    naive,
    reaches,
    small_masks,
)

from console.localhub.arm_errors import ArmError
from console.localhub.arm_hub_body import validate_properties
from console.localhub.network import admitted
from console.localhub.state import HubState
from console.model.ip_rule import (
    NAME_CHARACTERS,
    Certainty,
    ClassicRule,
    DecidedBy,
    FilterAction,
    FilterTarget,
    IpRule,
    NetworkRules,
    Reach,
    RuleField,
)
from console.rules.ip_filter import (
    addresses,
    addresses_of,
    check_classic,
    check_dps,
    check_mask,
    check_name,
    check_rules,
    mask_notice,
    masked_verdict,
    normalise,
    verdict,
)
from console.rules.ip_ranges import network_of

ALLOWED = "only letters a-z and A-Z, digits and - : . + % _ # * ? ! ( ) , = @ ; '"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lyon-plant", ""),
        (NAME_CHARACTERS, ""),
        ("x" * 128, ""),
        ("", "A rule needs a name"),
        ("x" * 129, "The name has 129 characters, at most 128 are allowed"),
        ("x" * 140, "The name has 140 characters, at most 128 are allowed"),
        ("lyon/plant", f"“/” at place 5 is not allowed in a name, {ALLOWED}"),
        ("a\\b", f"“\\” at place 2 is not allowed in a name, {ALLOWED}"),
        ("lyon plant", f"A space at place 5 is not allowed in a name, {ALLOWED}"),
        ("été", f"“é” (U+00E9) at place 1 is not allowed in a name, {ALLOWED}"),
        ("a\x1b[2J", f"“\\x1b” at place 2 is not allowed in a name, {ALLOWED}"),
        ("a$", f"“$” at place 2 is not allowed in a name, {ALLOWED}"),
        ("a٣", f"“٣” (U+0663) at place 2 is not allowed in a name, {ALLOWED}"),
    ],
)
def test_what_is_wrong_with_a_name(name: str, expected: str) -> None:
    assert check_name(name) == expected


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("10.20.0.0/16", ""),
        ("10.20.4.17", ""),
        ("10.20.4.17/32", ""),
        ("10.20.4.17/16", ""),
        ("0.0.0.0/0", ""),
        ("255.255.255.255", ""),
        ("", "A rule needs a mask: an IPv4 address, or a CIDR range like 10.20.0.0/16"),
        ("10.20.0.0 /16", "A space at place 10 does not belong in a mask"),
        ("10.20.0.0\t", "“\\x09” at place 10 does not belong in a mask"),
        ("2001:db8::/32", "IPv6 is not supported: IP rules take IPv4 only"),
        ("::ffff:10.0.0.1", "IPv6 is not supported: IP rules take IPv4 only"),
        ("10.0.0.0/8/8", "The mask has more than one “/”"),
        ("/8", "The address before “/” is missing"),
        ("10.0.0.1-10.0.0.9", "A range from one address to another is not supported: write it as CIDR ranges"),
        ("10.20.4.XXX", "“XXX” stands for a masked octet: write 10.20.4.0/24"),
        ("10.20.4.*", "“*” stands for a masked octet: write 10.20.4.0/24"),
        ("10.0.0", "An IPv4 address has 4 octets, “10.0.0” has 3"),
        ("10.0.0/8", "An IPv4 address has 4 octets, “10.0.0” has 3"),
        ("10.0.0.0.0", "An IPv4 address has 4 octets, “10.0.0.0.0” has 5"),
        ("10..0.1", "Octet 2 is missing"),
        ("10.0.0.", "Octet 4 is missing"),
        ("10.a.0.1", "Octet 2 (“a”) is not a number"),
        ("10.-1.0.1", "Octet 2 (“-1”) is not a number"),
        ("1٣.0.0.1", "Octet 1 (“1٣”) is not a number"),
        ("010.0.0.1", "Octet 1 (“010”) has a leading zero, which some programs read as octal"),
        ("10.256.0.1", "Octet 2 (“256”) is out of range, an octet is 0 to 255"),
        ("10.0.0.99999999999", "Octet 4 (“99999999999”) is out of range, an octet is 0 to 255"),
        ("10.0.0.0/", "The prefix after “/” is missing"),
        ("10.0.0.0/255.0.0.0", "A netmask in dots (“255.0.0.0”) is not allowed: write /8"),
        ("10.0.0.0/255.0.9.0", "A netmask in dots (“255.0.9.0”) is not allowed: write a prefix of 0 to 32"),
        ("10.0.0.0/x", "The prefix “x” is not a number"),
        ("10.0.0.0/08", "The prefix “08” has a leading zero"),
        ("10.0.0.0/33", "The prefix /33 is out of range, a prefix is 0 to 32"),
        ("10.0.0.0/999", "The prefix /999 is out of range, a prefix is 0 to 32"),
    ],
)
def test_what_is_wrong_with_a_mask(mask: str, expected: str) -> None:
    assert check_mask(mask) == expected


@given(masks)
def test_every_real_mask_is_taken_and_means_its_network(mask: str) -> None:
    assert check_mask(mask) == ""
    assert network_of(mask) == IPv4Network(mask, strict=False)
    assert network_of(normalise(mask)) == network_of(mask)
    assert mask_notice(normalise(mask)) == ""
    assert addresses(mask) == network_of(mask).num_addresses


# texts close to a mask, and any text
near_masks = st.text("0123456789./: x-", max_size=20) | st.text(max_size=8) | masks
near_names = st.text("abZ09-:.+%_#*?!(),=@;'/\\ $&é", max_size=6) | st.text(max_size=140)


def refused_by_local_hub(network: list[dict[str, Any]], classic: list[dict[str, Any]]) -> bool:
    rule_set = {"applyToBuiltInEventHubEndpoint": True, "defaultAction": "Deny", "ipRules": network}
    properties = {"eventHubEndpoints": {}, "networkRuleSets": rule_set, "ipFilterRules": classic}
    try:
        validate_properties(properties)
    except ArmError:
        return True
    return False


@given(st.lists(st.tuples(near_names, near_masks), max_size=3))
def test_what_passes_the_check_is_never_refused(found: list[tuple[str, str]]) -> None:
    rules = [IpRule(name, mask) for name, mask in found]
    sent = [{"filterName": rule.name, "ipMask": rule.mask, "action": "Allow"} for rule in rules]
    if not check_rules(rules):
        assert not refused_by_local_hub(sent, [])
    if not check_classic([ClassicRule(rule.name, FilterAction.ACCEPT, rule.mask) for rule in rules]):
        assert not refused_by_local_hub([], [{**rule, "action": "Accept"} for rule in sent])


def test_the_number_of_rules_is_limited() -> None:
    many = [IpRule(f"r{n}", "10.0.0.1") for n in range(101)]
    assert check_rules(many[:100]) == []
    assert [(p.field, p.position, p.message) for p in check_rules(many)] == [
        (RuleField.COUNT, None, "There are 101 rules, at most 100 fit into networkRuleSets of a hub")
    ]
    classic = [ClassicRule(f"r{n}", FilterAction.REJECT, "10.0.0.1") for n in range(101)]
    assert check_classic(classic[:10]) == []
    assert check_classic(classic[:11])[0].field is RuleField.COUNT
    assert check_dps(classic[:100]) == []
    assert check_dps(classic)[0].field is RuleField.COUNT


def test_a_name_is_taken_without_regard_to_case() -> None:
    problems = check_rules([IpRule("lyon", "10.0.0.1"), IpRule("Lyon", "10.0.0.2"), IpRule("lyon", "10.0.0.3")])
    assert [(p.position, p.field, p.message) for p in problems] == [
        (1, RuleField.NAME, "The name “Lyon” is already taken by rule 1 (as “lyon”: names are compared without case)"),
        (2, RuleField.NAME, "The name “lyon” is already taken by rule 1"),
    ]


def test_each_bad_field_is_its_own_problem() -> None:
    problems = check_dps([ClassicRule("a b", "Allow", "10.0.0.0/33", "device")])  # type: ignore[arg-type]
    assert [(p.position, p.field) for p in problems] == [
        (0, RuleField.NAME),
        (0, RuleField.MASK),
        (0, RuleField.ACTION),
        (0, RuleField.TARGET),
    ]
    assert problems[2].message == "The action “Allow” is none of Accept, Reject"
    assert problems[3].message == "The target “device” is none of all, serviceApi, deviceApi"


def test_host_bits_are_noticed() -> None:
    assert mask_notice("10.20.4.17/16") == "10.20.4.17/16 has host bits set, it means 10.20.0.0/16"
    assert mask_notice("10.20.4.17/32") == ""
    assert mask_notice("10.20.0.0/16") == ""
    assert normalise("10.20.4.17/32") == "10.20.4.17"


@given(st.lists(small_masks, max_size=10))
def test_addresses_are_counted_once(found: list[str]) -> None:
    networks = [IPv4Network(mask) for mask in found]
    assert addresses_of(found) == sum(any(IPv4Address(n) in network for network in networks) for n in SMALL)


def test_what_cannot_be_read_covers_nothing() -> None:
    assert addresses("10.0.0/8") == addresses_of(["", "x"]) == 0
    nobody = Reach(rules=NetworkRules(True, (IpRule("odd", "10.0.0/8"),)))
    assert not verdict(nobody, "10.0.0.1").admitted
    assert verdict(Reach(classic=(ClassicRule("odd", FilterAction.REJECT, "x"),)), "10.0.0.1").admitted


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(reaches, st.integers(0, LAST))
def test_a_verdict_is_what_walking_the_rules_gives(reach: Reach, extra: int) -> None:
    for number in [*edges(all_rules(reach)), extra, BASE]:
        found = verdict(reach, str(IPv4Address(number)))
        assert (found.admitted, found.rule) == naive(reach, number)
        assert (found.by is DecidedBy.RULE) == (found.position is not None)


@given(dps_lists(), st.sampled_from([FilterTarget.SERVICE_API, FilterTarget.DEVICE_API]))
def test_a_provisioning_service_counts_the_filters_of_the_api(
    filters: tuple[ClassicRule, ...], target: FilterTarget
) -> None:
    reach = Reach(classic=filters)
    for number in edges(filters):
        found = verdict(reach, str(IPv4Address(number)), target)
        assert (found.admitted, found.rule) == naive(reach, number, target)


def as_properties(reach: Reach) -> dict[str, Any]:
    rule_set = None
    if reach.rules is not None:
        rule_set = {
            "defaultAction": "Deny" if reach.rules.default_deny else "Allow",
            "applyToBuiltInEventHubEndpoint": reach.rules.built_in_endpoint,
            "ipRules": [{"filterName": r.name, "action": "Allow", "ipMask": r.mask} for r in reach.rules.rules],
        }
    classic = [{"filterName": r.name, "action": str(r.action), "ipMask": r.mask} for r in reach.classic]
    public = "Enabled" if reach.public_access else "Disabled"
    return {"publicNetworkAccess": public, "networkRuleSets": rule_set, "ipFilterRules": classic}


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(reaches, st.integers(0, LAST) | st.integers(BASE, BASE + 1023))
def test_the_local_hub_decides_the_same(reach: Reach, extra: int) -> None:
    hub = HubState("h", "/h", "h.azure-devices.net", {"properties": as_properties(reach)})
    for number in [*edges(all_rules(reach)), extra]:
        for address in (str(IPv4Address(number)), f"::ffff:{IPv4Address(number)}"):
            assert verdict(reach, address).admitted is admitted(hub, address)
    for odd in ("", "2001:db8::1", "not an address"):
        assert verdict(reach, odd).admitted is admitted(hub, odd)


def test_public_access_off_beats_every_rule() -> None:
    off = Reach(False, NetworkRules(True, (IpRule("all", "0.0.0.0/0"),)))
    assert verdict(off, "10.0.0.1").by is DecidedBy.PUBLIC_ACCESS_OFF
    assert verdict(off, "::1").by is DecidedBy.PUBLIC_ACCESS_OFF
    assert masked_verdict(off, "10.20.4.XXX").certainty is Certainty.OUT


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(reaches, st.integers(-1, 4))
def test_a_masked_range_is_what_its_256_addresses_are(reach: Reach, place: int) -> None:
    first = BASE + 256 * place
    found = masked_verdict(reach, str(IPv4Address(first)).rpartition(".")[0] + ".XXX")
    each = [naive(reach, first + n) for n in range(256)]
    inside = sum(admits for admits, _ in each)
    assert (found.admitted, found.addresses) == (inside, 256)
    assert found.certainty is {0: Certainty.OUT, 256: Certainty.IN}.get(inside, Certainty.UNCERTAIN)
    assert found.rules == tuple(dict.fromkeys(name for _, name in each if name))


@given(classic_lists(), st.integers(BASE, BASE + 1023))
def test_a_whole_address_of_the_log_is_certain(rules: tuple[ClassicRule, ...], number: int) -> None:
    reach = Reach(classic=rules)
    found = masked_verdict(reach, str(IPv4Address(number)))
    assert found.certainty is (Certainty.IN if naive(reach, number)[0] else Certainty.OUT)


@pytest.mark.parametrize("odd", ["", "XXX", "10.20.XXX", "10.20.400.XXX", "10.20.04.XXX", "2001:db8::XXX", "unknown"])
def test_what_is_no_address_is_uncertain(odd: str) -> None:
    found = masked_verdict(Reach(), odd)
    assert (found.certainty, found.addresses) == (Certainty.UNCERTAIN, 0)

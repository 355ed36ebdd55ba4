"""What a change does to seen ranges, against walking the rules for each of their addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ip_oracle import BASE, naive, reaches

from console.model.ip_rule import (
    Certainty,
    ClassicRule,
    DecidedBy,
    Fate,
    FilterAction,
    FilterTarget,
    FilterVerdict,
    IpRule,
    NetworkRules,
    Reach,
    SeenAddress,
    SimulatedRange,
    Simulation,
)
from console.rules.ip_ranges import seen_interval
from console.rules.ip_simulation import (
    admits_everyone,
    admits_nobody,
    closes_built_in_endpoint,
    cut_share,
    denies_everyone,
    locks_out_own,
    opens_built_in_endpoint,
    own_unknown,
    simulate,
)

CORPORATE, GENOA, LYON = (
    IpRule("corporate", "10.0.0.0/12"),
    IpRule("genoa", "10.31.8.0/22"),
    IpRule("lyon", "10.20.0.0/16"),
)
SEEN = (
    SeenAddress("10.20.5.XXX", 16),
    SeenAddress("10.20.4.XXX", 198, services=1),
    SeenAddress("10.31.8.XXX", 300),
    SeenAddress("203.0.113.XXX", 7),
)


def rules(*found: IpRule, deny: bool = True, built_in: bool = False) -> Reach:
    return Reach(True, NetworkRules(deny, found, built_in))


def every(sim: Simulation) -> list[SimulatedRange]:
    groups = (sim.let_in, sim.cut_off, sim.stay_in, sim.stay_out, sim.uncertain)
    assert all(item.fate is group.fate for group in groups for item in group.ranges)
    return [item for group in groups for item in group.ranges]


seen_lists = st.lists(
    st.builds(
        SeenAddress,
        st.integers(-1, 4).map(lambda n: str(IPv4Address(BASE + 256 * n)).rpartition(".")[0] + ".XXX"),
        st.integers(0, 50),
        services=st.integers(0, 2),
    ),
    max_size=4,
    unique_by=lambda item: item.masked,
)


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(reaches, reaches, seen_lists)
def test_every_range_has_the_fate_of_its_addresses(before: Reach, after: Reach, seen: list[SeenAddress]) -> None:
    sim = simulate(before, after, seen, None, 1000)
    assert sorted(item.seen.masked for item in every(sim)) == sorted(item.masked for item in seen)
    for item in every(sim):
        first, last = seen_interval(item.seen.masked) or (0, -1)
        was = [naive(before, n)[0] for n in range(first, last + 1)]
        will = [naive(after, n)[0] for n in range(first, last + 1)]
        expected = {
            (0, 256): Fate.LET_IN,
            (256, 0): Fate.CUT_OFF,
            (256, 256): Fate.STAY_IN,
            (0, 0): Fate.STAY_OUT,
        }.get((sum(was), sum(will)), Fate.UNCERTAIN)
        assert item.fate is expected
        assert item.loses == sum(a and not b for a, b in zip(was, will, strict=True))
        assert item.gains == sum(b and not a for a, b in zip(was, will, strict=True))
        assert (item.before.admitted, item.after.admitted) == (sum(was), sum(will))
        assert item.after.rules == tuple(
            dict.fromkeys(name for n in range(first, last + 1) if (name := naive(after, n)[1]))
        )
    assert sim.seen_devices == sum(item.devices for item in seen)
    assert sim.without_address == 1000 - sim.seen_devices


@settings(deadline=None)  # counting addresses takes its time on a busy machine
@given(reaches, seen_lists)
def test_no_change_changes_nothing(reach: Reach, seen: list[SeenAddress]) -> None:
    sim = simulate(reach, reach, seen, "10.20.4.7")
    assert not sim.let_in.ranges
    assert not sim.cut_off.ranges
    assert sim.may_lose_devices == 0
    assert all(item.loses == item.gains == 0 for item in every(sim))
    assert not locks_out_own(sim)
    assert not closes_built_in_endpoint(reach, reach)
    assert not opens_built_in_endpoint(reach, reach)


@given(reaches, reaches, st.integers(BASE, BASE + 1023))
def test_ones_own_address(before: Reach, after: Reach, number: int) -> None:
    sim = simulate(before, after, (), str(IPv4Address(number)))
    assert sim.own.before is not None
    assert sim.own.after is not None
    assert (sim.own.before.admitted, sim.own.before.rule) == naive(before, number)
    assert (sim.own.after.admitted, sim.own.after.rule) == naive(after, number)
    assert locks_out_own(sim) == (naive(before, number)[0] and not naive(after, number)[0])
    assert not own_unknown(sim)


def test_the_plant_is_let_in_again() -> None:
    sim = simulate(rules(CORPORATE, GENOA), rules(LYON, CORPORATE, GENOA), SEEN, "10.2.0.7", 900, services_known=True)
    assert [(item.seen.masked, item.after.rules) for item in sim.let_in.ranges] == [
        ("10.20.4.XXX", ("lyon",)),
        ("10.20.5.XXX", ("lyon",)),
    ]
    assert (sim.let_in.devices, sim.let_in.services) == (214, 1)
    assert (sim.cut_off.devices, sim.stay_in.devices, sim.stay_out.devices, sim.uncertain.devices) == (0, 300, 7, 0)
    assert (sim.seen_devices, sim.total_devices, sim.without_address) == (521, 900, 379)
    assert sim.own.after == FilterVerdict(True, "corporate", DecidedBy.RULE, 1)
    assert sim.own.known
    assert sim.services_known
    assert cut_share(sim) == 0


def test_removing_a_rule_cuts_off() -> None:
    sim = simulate(rules(CORPORATE, GENOA, LYON), rules(GENOA, LYON), SEEN, "10.2.0.7")
    assert locks_out_own(sim)
    assert sim.without_address is None
    sim = simulate(rules(GENOA, LYON), rules(LYON), SEEN)
    assert [item.before.rules for item in sim.cut_off.ranges] == [("genoa",)]
    assert cut_share(sim) == pytest.approx(300 / 521)


def test_a_rule_narrower_than_the_mask_leaves_its_range_uncertain() -> None:
    office, half = IpRule("office", "10.20.4.17"), IpRule("half", "10.20.4.0/25")
    sim = simulate(rules(LYON), rules(office, half), SEEN)
    [item] = sim.uncertain.ranges
    assert (item.loses, item.gains, item.after.certainty) == (128, 0, Certainty.UNCERTAIN)
    assert sim.may_lose_devices == 198
    assert sim.narrow_rules == ("office", "half")
    same = simulate(rules(office), rules(office, GENOA), SEEN)
    assert (same.uncertain.devices, same.may_lose_devices) == (198, 0)


def test_narrow_rules_of_what_does_not_count_are_not_told() -> None:
    office = IpRule("office", "10.20.4.17")
    assert simulate(rules(office, deny=False), rules(), ()).narrow_rules == ()
    assert simulate(Reach(False, NetworkRules(True, (office,))), rules(), ()).narrow_rules == ()
    classic = Reach(
        classic=(ClassicRule("bad", FilterAction.REJECT, "10.0.0.1"), ClassicRule("odd", FilterAction.REJECT, "?"))
    )
    assert simulate(classic, rules(IpRule("all", "0.0.0.0/0")), ()).narrow_rules == ("bad",)


def test_what_cannot_be_read_is_uncertain_and_may_be_lost() -> None:
    sim = simulate(rules(LYON), rules(), [SeenAddress("", 3), SeenAddress("10.20.4.7", 1)])
    assert (sim.uncertain.devices, sim.may_lose_devices, sim.cut_off.devices) == (3, 3, 1)


def test_a_masked_and_a_whole_address_of_one_range_keep_their_sizes() -> None:
    sim = simulate(rules(LYON), rules(), [SeenAddress("10.20.4.7", 1), SeenAddress("10.20.4.XXX", 3)])
    assert [(item.before.addresses, item.loses) for item in sim.cut_off.ranges] == [(256, 256), (1, 1)]


def test_public_access_off_cuts_everyone_off_whatever_the_rules() -> None:
    off = Reach(False, NetworkRules(True, (LYON,)))
    sim = simulate(rules(LYON, GENOA), off, SEEN, "10.20.4.4")
    assert (sim.cut_off.devices, sim.stay_out.devices) == (514, 7)
    assert sim.own.after == FilterVerdict(False, by=DecidedBy.PUBLIC_ACCESS_OFF)
    assert locks_out_own(sim)
    assert not denies_everyone(off)
    assert admits_nobody(off)


@pytest.mark.parametrize("address", [None, "", "2001:db8::1", "hidden"])
def test_an_unknown_own_address(address: str | None) -> None:
    sim = simulate(rules(LYON), rules(GENOA), SEEN, address)
    assert not sim.own.known
    assert own_unknown(sim)
    assert not locks_out_own(sim)
    assert locks_out_own(simulate(rules(deny=False), rules(), SEEN, address))
    assert not own_unknown(simulate(rules(LYON), rules(deny=False), SEEN, address))


def test_who_is_denied_and_who_is_not() -> None:
    assert denies_everyone(rules())
    assert denies_everyone(rules(IpRule("odd", "?")))
    assert denies_everyone(Reach(classic=(ClassicRule("rest", FilterAction.REJECT, "0.0.0.0/0"),)))
    assert not denies_everyone(rules(IpRule("office", "10.0.0.1")))
    assert not denies_everyone(Reach())
    assert admits_everyone(Reach())
    assert admits_everyone(rules(IpRule("low", "0.0.0.0/1"), IpRule("high", "128.0.0.0/1")))
    assert not admits_everyone(rules(LYON))
    devices = (ClassicRule("rest", FilterAction.REJECT, "0.0.0.0/0", FilterTarget.DEVICE_API),)
    assert denies_everyone(Reach(classic=devices), FilterTarget.DEVICE_API)
    assert admits_everyone(Reach(classic=devices), FilterTarget.SERVICE_API)


def test_the_built_in_endpoint_opens_and_closes() -> None:
    open_, closed = rules(LYON), rules(LYON, built_in=True)
    assert closes_built_in_endpoint(open_, closed)
    assert opens_built_in_endpoint(closed, open_)
    assert closes_built_in_endpoint(Reach(), closed)
    assert closes_built_in_endpoint(open_, Reach(False))
    assert not closes_built_in_endpoint(open_, rules(LYON, deny=False, built_in=True))


def test_nobody_seen_has_no_share() -> None:
    sim = simulate(rules(LYON), rules(), (), None, 5)
    assert cut_share(sim) is None
    assert sim.without_address == 5
    assert simulate(rules(LYON), rules(), SEEN, None, 5).without_address == 0


def test_a_hundred_rules_and_ten_thousand_ranges_are_each_placed_once() -> None:
    before, after = (
        rules(
            *(
                IpRule(f"r{n}", str(IPv4Network(((10 << 24) + 104729 * n * step, 20 + n % 12), strict=False)))
                for n in range(100)
            )
        )
        for step in (1, 3)
    )
    seen = [SeenAddress(f"10.{n // 256}.{n % 256}.XXX", 3) for n in range(10_000)]
    sim = simulate(before, after, seen, "10.2.0.7", 50_000)
    assert len(every(sim)) == 10_000
    assert sum(one.seen.devices for one in every(sim)) == 30_000

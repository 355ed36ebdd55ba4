"""Names and rights of policies, the risks of changing them, and rotations told from what the journal saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.document import Document, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.policy import Breadth, Links, PolicyView, Right, RotationState, Slot, Stage
from console.model.provisioning import DpsLink
from console.model.secret import Secret
from console.rules import policy_risks
from console.rules.planning import change_of
from console.rules.policies import breadth, check_name, effective, parse_rights, read_rights, rights_text, same_rights
from console.rules.rotation import Happening, KeyEvent, made_at, rotation_of
from console.rules.verification import compare

START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SETS = [frozenset(some) for size in range(1, 5) for some in combinations(Right, size)]
NONE = Links(())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("device Manager", "a space at position 7"),
        ("café", "“é” at position 4"),
        ("a/b", "“/” at position 2"),
        ("a\x1b[2Jb", r"“\x1b” at position 2"),
        ("x" * 65, "65 characters long, and 64 are allowed"),
        ("", "has no name"),
    ],
)
def test_a_name_that_the_service_refuses_is_refused_with_the_character_or_the_rule(name: str, said: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        check_name(name)
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert caught.value.code == "usage"
    assert said in caught.value.sentence()
    assert "\x1b" not in caught.value.sentence()


@given(st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True))
def test_every_good_name_is_taken_but_not_twice_without_case(name: str) -> None:
    assert check_name(name, ["other policy"]) == name
    with pytest.raises(ConsoleError, match="compared without case"):
        check_name(name, [name.swapcase()])


@given(st.sampled_from(SETS), st.randoms())
def test_rights_are_a_set_however_they_are_written(rights: frozenset[Right], random: object) -> None:
    words = [right.value for right in rights]
    random.shuffle(words)  # type: ignore[attr-defined]
    text = ",".join(f" {word.upper()} " for word in [*words, words[0]])
    assert set(parse_rights(text)) == rights
    assert read_rights(text) == (parse_rights(text), ())
    assert rights_text(rights) == ", ".join(right.value for right in Right if right in rights)
    assert same_rights(text, rights_text(rights))


def test_no_rights_and_unknown_rights_are_refused_by_their_name() -> None:
    with pytest.raises(ConsoleError, match="no rights"):
        parse_rights(" , ")
    with pytest.raises(ConsoleError, match="“RegistryReed” is not a right"):
        parse_rights("RegistryRead,RegistryReed")


def test_writing_includes_reading() -> None:
    assert effective([Right.REGISTRY_WRITE]) == {Right.REGISTRY_READ, Right.REGISTRY_WRITE}
    assert same_rights("RegistryWrite", "RegistryRead, RegistryWrite")
    assert not same_rights("RegistryRead", "RegistryRead, RegistryWrite")
    assert not same_rights("RegistryRead", "RegistryRead, Somersault")
    assert breadth([Right.REGISTRY_WRITE, Right.SERVICE_CONNECT, Right.DEVICE_CONNECT]) is Breadth.EVERYTHING
    assert breadth([Right.REGISTRY_WRITE, Right.SERVICE_CONNECT]) is Breadth.BROAD
    assert breadth([Right.SERVICE_CONNECT]) is Breadth.NARROW


# --- rotation ----------------------------------------------------------------------------------------------------


class History:
    """A policy whose keys change, as digests, and what the journal would say of it."""

    def __init__(self) -> None:
        self.keys = {Slot.PRIMARY: "p0", Slot.SECONDARY: "s0"}
        self.events: list[KeyEvent] = []
        self.count = 0

    def put(self, certain: bool = True, **after: str) -> History:
        new = {Slot(name): value for name, value in after.items()}
        before = {slot: self.keys[slot] for slot in new}
        moment = START + timedelta(minutes=len(self.events))
        self.events.append(KeyEvent(moment, Happening.KEYS, before, new, certain))
        if certain:
            self.keys.update(new)
        return self

    def rotate(self, slot: Slot) -> History:
        self.count += 1
        return self.put(**{slot.value: f"{slot}{self.count}"})

    def swap(self) -> History:
        return self.put(primary=self.keys[Slot.SECONDARY], secondary=self.keys[Slot.PRIMARY])

    def state(self, **elsewhere: str) -> RotationState:
        current = {**self.keys, **{Slot(name): value for name, value in elsewhere.items()}}
        return rotation_of("press", self.events, current)


def test_a_rotation_goes_from_the_secondary_over_the_clients_to_the_primary() -> None:
    history = History()
    assert history.state().stage is Stage.NONE
    assert history.state().next_slot is Slot.SECONDARY
    half = history.rotate(Slot.SECONDARY).state()
    assert (half.stage, half.next_slot, half.since) == (Stage.SECONDARY_NEW, Slot.PRIMARY, START)
    assert any("new secondary key" in line for line in half.checklist)
    assert half.under_way
    done = history.rotate(Slot.PRIMARY).state()
    assert (done.stage, done.next_slot) == (Stage.COMPLETE, Slot.SECONDARY)
    assert done.since == START + timedelta(minutes=1)
    assert any("swap" in line for line in done.checklist)
    assert not any("swap" in line for line in history.swap().state().checklist)


def test_the_next_rotation_begins_anew() -> None:
    history = History().rotate(Slot.SECONDARY).rotate(Slot.PRIMARY).rotate(Slot.SECONDARY)
    assert history.state().stage is Stage.SECONDARY_NEW
    assert history.state().since == START + timedelta(minutes=2)


def test_a_swap_half_way_moves_the_new_key() -> None:
    state = History().rotate(Slot.SECONDARY).swap().state()
    assert (state.stage, state.next_slot) == (Stage.PRIMARY_NEW, Slot.SECONDARY)
    assert any("new primary key" in line for line in state.checklist)


def test_an_undo_takes_the_stage_back() -> None:
    history = History().rotate(Slot.SECONDARY)
    assert history.put(secondary="s0").state().stage is Stage.NONE
    history = History().rotate(Slot.SECONDARY).rotate(Slot.PRIMARY)
    assert history.put(primary="p0").state().stage is Stage.SECONDARY_NEW


def test_keys_that_were_replaced_elsewhere_are_told() -> None:
    history = History().rotate(Slot.SECONDARY)
    state = history.state(secondary="foreign")
    assert state.stage is Stage.NONE
    assert "elsewhere" in state.note
    swapped = history.state(primary="secondary1", secondary="p0")
    assert swapped.stage is Stage.PRIMARY_NEW


def test_an_outcome_that_is_not_known_is_settled_by_the_keys() -> None:
    history = History().put(certain=False, secondary="s1")
    assert "not known" in rotation_of("press", history.events).note
    assert rotation_of("press", history.events).stage is Stage.NONE
    assert history.state().stage is Stage.NONE  # read: it was not made
    assert not history.state().note
    assert history.state(secondary="s1").stage is Stage.SECONDARY_NEW


def test_a_policy_made_anew_begins_without_a_rotation() -> None:
    events = [
        *History().rotate(Slot.SECONDARY).events,
        KeyEvent(START, Happening.GONE, {Slot.PRIMARY: "p0", Slot.SECONDARY: "secondary1"}),
        KeyEvent(START, Happening.MADE, {}, {Slot.PRIMARY: "a", Slot.SECONDARY: "b"}),
    ]
    assert rotation_of("press", events, {Slot.PRIMARY: "a", Slot.SECONDARY: "b"}).stage is Stage.NONE
    assert made_at(events)["a"] == START


def test_the_age_of_a_key_follows_it_through_a_swap() -> None:
    history = History().rotate(Slot.SECONDARY).swap()
    assert made_at(history.events) == {"secondary1": START}


@given(st.lists(st.sampled_from(["primary", "secondary", "swap"]), max_size=20))
def test_following_the_next_step_always_completes_a_rotation(steps: list[str]) -> None:
    history = History()
    for step in steps:
        if step == "swap":
            history.swap()
        else:
            history.rotate(Slot(step))
    for _ in range(2):
        if history.state().stage is not Stage.COMPLETE:
            history.rotate(history.state().next_slot)
    assert history.state().stage is Stage.COMPLETE
    assert not history.state().note


# --- risks -------------------------------------------------------------------------------------------------------


def view(name: str = "press", *rights: Right, **more: object) -> PolicyView:
    return PolicyView(name, rights or (Right.SERVICE_CONNECT,), **more)  # type: ignore[arg-type]


def linked(policy: str, *, by_key: bool = True) -> Links:
    return Links((DpsLink("dps", "/dps", "hub.azure-devices.net", policy, by_key),))


def ids(risks: object) -> dict[str, bool]:
    return {risk.id: risk.blocking for risk in risks}  # type: ignore[attr-defined]


def test_the_primary_before_the_secondary_must_be_accepted() -> None:
    none, half = RotationState(), RotationState(Stage.SECONDARY_NEW)
    assert ids(policy_risks.replacement(view(), Slot.PRIMARY, none, NONE)) == {"rotate-order": True}
    assert ids(policy_risks.replacement(view(), Slot.PRIMARY, half, NONE)) == {"clients-moved": False}
    assert ids(policy_risks.replacement(view(), Slot.SECONDARY, none, NONE)) == {"key-replaced": False}
    assert ids(policy_risks.replacement(view(), Slot.SECONDARY, half, NONE)) == {"rotate-again": True}


def test_a_link_by_key_blocks_and_one_of_another_kind_or_policy_does_not() -> None:
    half = RotationState(Stage.SECONDARY_NEW)
    assert ids(policy_risks.replacement(view(), Slot.PRIMARY, half, linked("PRESS")))["dps-link"] is True
    assert "dps-link" not in ids(policy_risks.replacement(view(), Slot.PRIMARY, half, linked("other")))
    assert "dps-link" not in ids(policy_risks.replacement(view(), Slot.PRIMARY, half, linked("press", by_key=False)))
    unknown = Links(None, "no permission")
    assert ids(policy_risks.replacement(view(), Slot.PRIMARY, half, unknown))["dps-unknown"] is True
    found = policy_risks.deletion(view(), [view(), view("other")], linked("press"), local_auth=True)
    assert ids(found)["dps-link"] is True


def test_the_last_policy_with_a_right_is_not_lost_unseen() -> None:
    both = [view("one", Right.SERVICE_CONNECT), view("two", *Right)]
    assert ids(policy_risks.deletion(both[0], both, NONE, local_auth=True)) == {"keys-lost": False}
    alone = policy_risks.deletion(both[1], both, NONE, local_auth=True)
    assert ids(alone)["last-right"] is True
    assert "RegistryRead, RegistryWrite, DeviceConnect" in next(r.message for r in alone if r.id == "last-right")
    assert "last-right" not in ids(policy_risks.deletion(both[1], both, NONE, local_auth=False))
    narrower = policy_risks.new_rights(both[1], [Right.REGISTRY_WRITE], both, NONE, local_auth=True)
    assert ids(narrower) == {"rights-removed": False, "last-right": True}  # DeviceConnect; reading comes with writing
    assert (
        policy_risks.new_rights(both[0], [Right.SERVICE_CONNECT, Right.DEVICE_CONNECT], both, NONE, local_auth=True)
        == []
    )


def test_a_built_in_policy_is_a_higher_risk() -> None:
    mine, theirs = view(), view("iothubowner", built_in=True)
    others = [view("x")]
    plain = policy_risks.deletion(mine, others, NONE, local_auth=True)
    built_in = policy_risks.deletion(theirs, others, NONE, local_auth=True)
    assert [risk.severity.value for risk in plain] == ["medium"]
    assert [risk.severity.value for risk in built_in] == ["high", "high"]


def test_rights_that_the_service_writes_in_another_way_are_as_planned() -> None:
    def body(rights: str) -> dict[str, object]:
        policy = {"keyName": "press", "primaryKey": Secret("p"), "secondaryKey": Secret("s"), "rights": rights}
        return {"hub": {"properties": {}}, "authorizationPolicies": [policy]}

    before, after = Document(body("ServiceConnect"), "e1"), body("RegistryRead, RegistryWrite")
    change = change_of("policy.rights", "rights", Target(TargetKind.POLICIES, "/hub"), before, after)
    assert compare(change, Document(body("RegistryWrite"), "e2"), "e2").planned
    assert not compare(change, Document(body("RegistryRead"), "e2"), "e2").planned

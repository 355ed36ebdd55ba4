"""Edits of documents: they lead from one to the other, back again, and leave other people's changes alone."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.change import ABSENT, Edit, Member, path_text
from console.rules.diff import ConflictError, apply, diff, equal, inverse, value_at

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "a", "10.0.0.0/8", "lyon"]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["x", "y", "state"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = ["corporate", "genoa", "lyon", "jump-box", "Lyon2"]


@st.composite
def rule_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(st.sampled_from(NAMES), unique_by=str.casefold, max_size=5))
    return [{"filterName": name, "ipMask": draw(st.sampled_from(["1.0.0.0/8", "2.0.0.0/8"]))} for name in names]


@st.composite
def hubs(draw: st.DrawFn) -> dict[str, Any]:
    body: dict[str, Any] = {"properties": {"networkRuleSets": {"ipRules": draw(rule_lists())}}}
    body["properties"].update(draw(st.dictionaries(st.sampled_from(["minTls", "unknown", "routing"]), VALUES)))
    return body


@given(hubs(), hubs())
def test_edits_lead_from_one_document_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    made = apply(before, diff(before, after))
    assert not diff(made, after)
    assert made["properties"].keys() == after["properties"].keys()


@given(hubs(), hubs())
def test_taking_edits_back_restores_every_value_and_every_place(before: dict[str, Any], after: dict[str, Any]) -> None:
    edits = diff(before, after)
    kept = deepcopy(before)
    assert apply(apply(before, edits), inverse(edits)) == before == kept


@given(hubs(), st.sampled_from(["ana-range", "zz"]))
def test_what_somebody_else_added_meanwhile_stays(before: dict[str, Any], name: str) -> None:
    after = deepcopy(before)
    after["properties"]["networkRuleSets"]["ipRules"].append({"filterName": "mine", "ipMask": "9.9.9.9"})
    edits = diff(before, after)
    now = apply(before, edits)
    theirs = {"filterName": name, "ipMask": "8.8.8.8"}
    now["properties"]["networkRuleSets"]["ipRules"].append(theirs)
    now["properties"]["colleague"] = True
    back = apply(now, inverse(edits))
    rules = back["properties"]["networkRuleSets"]["ipRules"]
    assert theirs in rules
    assert back["properties"]["colleague"] is True
    assert [rule for rule in rules if rule is not theirs and rule != theirs] == before["properties"]["networkRuleSets"][
        "ipRules"
    ]


@given(hubs())
def test_a_document_does_not_differ_from_itself(body: dict[str, Any]) -> None:
    assert diff(body, deepcopy(body)) == ()


def test_an_edit_that_no_longer_fits_is_refused() -> None:
    edit = Edit(("properties", "publicNetworkAccess"), "Enabled", "Disabled")
    with pytest.raises(ConflictError):
        apply({"properties": {"publicNetworkAccess": "Disabled"}}, [edit])


def test_rules_are_found_by_name_without_regard_to_case_and_order() -> None:
    one = [{"filterName": "A", "ipMask": "1.1.1.1"}, {"filterName": "b", "ipMask": "2.2.2.2"}]
    other = [{"filterName": "B", "ipMask": "2.2.2.2"}, {"filterName": "a", "ipMask": "3.3.3.3"}]
    edits = diff({"ipRules": one}, {"ipRules": other})
    places = {path_text(edit.path) for edit in edits}
    assert places == {"ipRules[A].filterName", "ipRules[A].ipMask", "ipRules[b].filterName"}


def test_ordered_filters_are_one_value() -> None:
    one = [{"filterName": "a"}, {"filterName": "b"}]
    edits = diff({"ipFilterRules": one}, {"ipFilterRules": one[::-1]})
    assert [edit.path for edit in edits] == [("ipFilterRules",)]


def test_true_is_not_one() -> None:
    assert diff({"x": True}, {"x": 1})
    assert not diff({"x": 1}, {"x": 1.0})


def test_null_is_as_good_as_absent_when_values_are_compared() -> None:
    assert equal({"a": None, "b": 1}, {"b": 1})
    assert not equal({"a": 0}, {})


def test_a_missing_place_is_absent() -> None:
    assert value_at({"ipRules": []}, ("ipRules", Member("filterName", "x"), "ipMask")) is ABSENT
    assert value_at({}, ("a", "b")) is ABSENT

"""A member of a JSON line is found as every JSON reader finds it, and its place in the text is exact."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.rules.json_member import AmbiguousError, NotJsonError, find, path_of


@pytest.mark.parametrize(
    ("text", "field", "found"),
    [
        ('{"a":1}', "a", "1"),
        (' {\t"a" :\r\n {"b": [1, "x" , {"c":null}]} }', "a.b.2.c", "null"),
        ('{"\\u0061": "x"}', "a", '"x"'),
        ('{"a.b": 1, "a": {"b": 2}}', "a\\.b", "1"),
        ("[10, 20]", "1", "20"),
        ('{"0": 5}', "0", "5"),
        ('{"a": "}\\"{"}', "a", '"}\\"{"'),
    ],
)
def test_places(text, field, found):
    start, end, value = find(text, path_of(field))
    assert text[start:end] == found
    assert value == json.loads(found)


@pytest.mark.parametrize(
    ("text", "field"),
    [('{"a":1,"a":{"b":2}}', "a.b"), ('{"a":{"b":2},"a":1}', "a"), ('[{"a":1,"b":0,"\\u0061":1}]', "0.a")],
)
def test_equal_names_on_the_way_are_refused(text, field):
    with pytest.raises(AmbiguousError, match="twice"):
        find(text, path_of(field))


@pytest.mark.parametrize("field", ["b", "a.c", "a.0", "a.b.c", "l.2", "l.-1", "l.x", "l.\u0661"])
def test_missing(field):
    assert find('{"a": {"b": 1}, "l": [1, 2]}', path_of(field)) is None


@pytest.mark.parametrize("text", ["", "{", '{"a":1} x', "{'a':1}", '{"a":01}', "[" * 100_000, "1" * 10_000])
def test_no_json(text):
    with pytest.raises(NotJsonError):
        find(text, ("a",))


@pytest.mark.parametrize("field", ["", ".", "a.", ".a", "a..b"])
def test_paths_with_an_empty_step(field):
    with pytest.raises(ValueError, match="empty"):
        path_of(field)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=12,
)


@given(json_values, st.integers(0, 3), st.data())
def test_any_member_of_any_document(document, indent, data):
    text = json.dumps(document, indent=indent or None, ensure_ascii=data.draw(st.booleans()))
    value, path = document, []
    while isinstance(value, dict | list) and value and data.draw(st.booleans()):
        step = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        path.append(str(step))
        value = value[step]
    start, end, found = find(text, tuple(path))
    assert found == value
    assert json.loads(text[start:end]) == value
    assert json.loads(text[:start] + '"put in its place"' + text[end:]) is not None

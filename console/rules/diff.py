"""Differences of JSON documents as edits: make them, apply them, take them back, and compare what should be equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from console.model.change import ABSENT, Edit, Member, Path

KEYED_LISTS: Mapping[str, str] = {
    "ipRules": "filterName",
    "authorizationPolicies": "keyName",
    "privateEndpointConnections": "name",
}
"""Lists whose order means nothing to the service, with the field that names a member (compared without case).

Ordered lists (`ipFilterRules`, routes) are one value: first match wins in them.
"""


class ConflictError(ValueError):
    """An edit does not fit the document: somebody else changed the same place."""

    def __init__(self, edit: Edit, found: Any) -> None:
        super().__init__("the document holds something else there")
        self.edit = edit
        self.found = found


def diff(before: Any, after: Any, path: Path = ()) -> tuple[Edit, ...]:
    """Return the edits that lead from one document to another, in the order in which `apply` takes them."""
    if isinstance(before, dict) and isinstance(after, dict):
        edits: list[Edit] = []
        for name in [*before, *(name for name in after if name not in before)]:
            edits += diff(before.get(name, ABSENT), after.get(name, ABSENT), (*path, name))
        return tuple(edits)
    key = _key_of(path, before, after)
    if key is not None:
        return tuple(_list_edits(before, after, path, key))
    return () if _same(before, after) else (Edit(path, before, after),)


def apply(document: Any, edits: Iterable[Edit], *, check: bool = True) -> Any:
    """Return a copy of a document with edits made.

    Raises ConflictError when a place does not hold what the edit expects there (`check`).
    """
    for edit in edits:
        document = _put(document, edit.path, edit, check)
    return document


def inverse(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return the edits that take edits back, in the order in which `apply` takes them."""
    return tuple(edit.inverse() for edit in reversed(tuple(edits)))


def value_at(document: Any, path: Path) -> Any:
    """Return what stands at a path, ABSENT when there is nothing."""
    for step in path:
        if isinstance(step, Member):
            index = _find(document, step)
            document = ABSENT if index is None else document[index]
        else:
            document = document.get(step, ABSENT) if isinstance(document, dict) else ABSENT
        if document is ABSENT:
            return ABSENT
    return document


def equal(one: Any, other: Any) -> bool:
    """Whether two values mean the same to the service: null is as good as absent, unordered lists have no order."""
    return not diff(_dense(one), _dense(other))


def holds(document: Any, wanted: Any) -> bool:
    """Whether a document says all that `wanted` says; what it says beyond that (a service's defaults) is no matter."""
    return all(edit.before is ABSENT for edit in diff(_dense(wanted), _dense(document)))


def _list_edits(before: list[Any], after: list[Any], path: Path, key: str) -> Iterable[Edit]:
    old = {str(item[key]).casefold(): (index, item) for index, item in enumerate(before)}
    new = {str(item[key]).casefold(): (index, item) for index, item in enumerate(after)}
    for name in reversed(list(old)):
        index, item = old[name]
        if name not in new:
            yield Edit((*path, Member(key, str(item[key]))), item, ABSENT, index)
    for name, (_, item) in old.items():
        if name in new:
            yield from diff(item, new[name][1], (*path, Member(key, str(item[key]))))
    for name, (index, item) in new.items():
        if name not in old:
            yield Edit((*path, Member(key, str(item[key]))), ABSENT, item, index)


def _key_of(path: Path, before: Any, after: Any) -> str | None:
    """Return the field that names the members of both lists, None where they are no such lists."""
    name = path[-1] if path and isinstance(path[-1], str) else ""
    key = KEYED_LISTS.get(str(name))
    if key is None or not isinstance(before, list) or not isinstance(after, list):
        return None
    for items in (before, after):
        names = [str(item[key]).casefold() for item in items if isinstance(item, dict) and key in item]
        if len(names) != len(items) or len(set(names)) != len(names):
            return None
    return key


def _find(items: Any, member: Member) -> int | None:
    if not isinstance(items, list):
        return None
    wanted = member.value.casefold()
    for index, item in enumerate(items):
        if isinstance(item, dict) and str(item.get(member.field, "")).casefold() == wanted:
            return index
    return None


def _put(document: Any, path: Path, edit: Edit, check: bool) -> Any:
    if not path:
        if check and not _same(document, edit.before):
            raise ConflictError(edit, document)
        return edit.after
    step, rest = path[0], path[1:]
    if isinstance(step, Member):
        items = list(document) if isinstance(document, list) else []
        index = _find(items, step)
        value = _put(ABSENT if index is None else items[index], rest, edit, check)
        if value is ABSENT:
            if index is not None:
                del items[index]
        elif index is not None:
            items[index] = value
        else:
            place = len(items) if edit.position is None else min(edit.position, len(items))
            items.insert(place, value)
        return items
    mapping = dict(document) if isinstance(document, dict) else {}
    value = _put(mapping.get(step, ABSENT), rest, edit, check)
    if value is ABSENT:
        mapping.pop(step, None)
    else:
        mapping[step] = value
    return mapping


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON: True is not 1, and whole numbers may be written either way."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _dense(value: Any) -> Any:
    """Return a document without nulls."""
    if isinstance(value, dict):
        return {name: _dense(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_dense(item) for item in value]
    return ABSENT if value is None else value

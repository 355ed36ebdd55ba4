"""Members of role definitions: which there are at which place, and the nearest right one of a misspelt one."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

LISTS = ("actions", "notActions", "dataActions", "notDataActions")
BLOCK = (*LISTS, "condition", "conditionVersion")
_TOLD = ("createdOn", "createdBy", "updatedOn", "updatedBy")
PROPERTIES = ("roleName", "description", "type", "roleType", "isServiceRole", "assignableScopes", "permissions", *_TOLD)
OUTER = ("id", "name", "type", "properties", "systemData", "eTag")
RESOURCE = (
    *OUTER,
    *("apiVersion", "scope", "dependsOn", "comments", "condition", "copy", "location", "tags", "metadata", "resources"),
)
"""Members of a resource in a template, whose `condition` says whether it is deployed."""
FLAT = ("id", "name", "isCustom", *BLOCK, *PROPERTIES)
"""Azure CLI's, PowerShell's and `az role definition list`'s form: one object."""
LISTED = tuple(name for name in FLAT if name not in BLOCK)
"""The same where a list of permissions is there: then what grants stands in it."""
_ALL = tuple(dict.fromkeys((*BLOCK, *FLAT, *OUTER)))


def rightly(name: str, known: tuple[str, ...]) -> str:
    """Return the known member that a name stands for, whatever its case; empty when none is."""
    folded = name.casefold()
    return next((one for one in known if one.casefold() == folded), "")


def well_written(name: str, right: str) -> bool:
    """Say whether a member is written as Azure CLI takes it: as documented, its first letter of either case."""
    return name[:1].casefold() == right[:1].casefold() and name[1:] == right[1:]


def nearest_member(name: str, known: tuple[str, ...]) -> str:
    """Return the member that is meant by a misspelt one, of those known at its place first; empty: none is like it."""
    folded = "".join(one for one in name.casefold() if one.isalnum())
    for among in (known, _ALL):
        if right := rightly(folded, among):
            return right
    for among in (known, _ALL):
        near = get_close_matches(folded, [one.casefold() for one in among], 1, 0.8)
        if near:
            return rightly(near[0], among)
    return ""


def looks_like_role(body: Mapping[str, object]) -> bool:
    """Say whether an object has a member that only role definitions have, or one that is nearly so."""
    telling = (*LISTS, "permissions", "assignableScopes", "roleName", "isCustom")
    return any(nearest_member(str(name), telling) in telling for name in body)

"""Scopes of roles, for people."""

from __future__ import annotations

import re

from console.model.hub import arm_segment
from console.model.text import clean

_PART = r"/(?!\.{1,2}(?:/|$))[^/?#%\s\\]+"
"""A segment: no address changes its meaning on the way (no dots, nothing percent-encoded)."""
_SCOPE = re.compile(
    rf"/|/subscriptions{_PART}({_PART}{_PART})*|/providers/Microsoft\.Management/managementGroups{_PART}", re.IGNORECASE
)
_RESOURCE = re.compile(
    r"(?P<above>/subscriptions/[^/]+(?:/resourceGroups/[^/]+)?)(?:/providers/(?P<provider>[^/]+)/[^/]+/[^/]+)?",
    re.IGNORECASE,
)
_EXTENSIONS = frozenset({"microsoft.authorization", "microsoft.insights"})
"""Providers whose resources belong to another one: what stands below them is asked of that one."""
_KINDS = {"iothubs": "hub", "provisioningservices": "provisioning service", "workspaces": "workspace"}


def is_scope(text: str) -> bool:
    """Say whether a text is a scope: the root, a subscription, a group, a resource, or a management group."""
    return _SCOPE.fullmatch(text) is not None


def resource_of(scope: str) -> str:
    """Return the resource, group or subscription that a scope belongs to: roles are given there, not on its children.

    A certificate of a hub is the hub's, a role assignment that of what it is on. Other scopes stay as they are.
    """
    found = _RESOURCE.match(scope)
    if found is None:
        return scope
    own = found["provider"] and found["provider"].casefold() not in _EXTENSIONS
    return found[0] if own else found["above"]


def scope_name(scope: str) -> str:
    """Return a scope for a sentence: "the hub contoso-plants", "the group contoso-rg", "the subscription"."""
    kind, name = _parts(scope)
    return f"the {kind} {name}".strip()


def scope_label(scope: str) -> str:
    """Return a scope for a table: "hub", "group contoso-rg", "subscription", "root", "mgmt group corp"."""
    kind, name = _parts(scope)
    return f"{kind} {name}".strip() if kind != "hub" else kind


def same_scope(one: str, other: str) -> bool:
    """Say whether two scopes are the same resource."""
    return one.casefold().strip("/") == other.casefold().strip("/")


def _parts(scope: str) -> tuple[str, str]:
    if not scope.strip("/"):
        return "root", ""
    if group := arm_segment(scope, "managementGroups"):
        return "management group", clean(group, limit=60)
    parts = [part for part in scope.split("/") if part]
    if "/providers/" in scope.casefold() and len(parts) >= 2:
        return _KINDS.get(parts[-2].casefold(), clean(parts[-2], limit=40)), clean(parts[-1], limit=60)
    if group := arm_segment(scope, "resourceGroups"):
        return "group", clean(group, limit=60)
    return "subscription", ""

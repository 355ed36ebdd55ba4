"""What is wrong with the scopes a role can be assigned on: placeholders, slips, scopes that are not there."""

from __future__ import annotations

import re
from collections.abc import Callable

from console.model.change import Severity
from console.model.role import RoleDefinition, RoleFinding

_GROUPS = "/providers/microsoft.management/managementgroups/"
MOST_SCOPES = 2_000
"""Assignable scopes of a custom role (Azure's document on custom roles)."""
_GROUP_NAME = re.compile(r"[\w().-]{0,89}[\w()-]")
"""Name of a resource group: letters of any language, digits, these signs, and no full stop at its end."""
_MANAGEMENT_GROUP = re.compile(r"[\w().-]{1,90}", re.ASCII)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHAPE = re.compile(r"(\w)\1{7}-(\w)\2{3}-(\w)\3{3}-(\w)\4{3}-(\w)\5{11}")
"""Each group one character over and over: 00000000-…, xxxxxxxx-…, aaaaaaaa-bbbb-…"""
_MARKED = re.compile(
    r"[<>{}$%#\[\]…]"  # <sub>, {subscription-id}, $SUB, %SUB%, #{sub}#, [sub]
    r"|\bx{4,}|\.\.\."
    r"|^__?\w+__?$"
    r"|^(your|insert|enter|replace|todo|fixme)[-_ ]"
    r"|^(the[-_ ]?)?(sub(scription)?|resource[-_ ]?group|management[-_ ]?group|tenant)[-_ ]?(id|guid|name)$"
    r"|^[A-Z]+(_[A-Z0-9]+)+$"  # SUBSCRIPTION_ID
)

ScopeKnown = Callable[[str], bool | None]
"""Says whether a scope exists; None: not known."""


def placeholder(scope: str) -> bool:
    """Say whether a part of a scope stands for something that is still to be put in."""
    parts = [part for part in scope.split("/") if part]
    named = parts[1::2] if not _is_group(scope) else parts[3:]
    return any(_open(part) for part in named) or bool(parts and _MARKED.search(parts[0]))


def named_by_placeholder(name: str) -> bool:
    """Say whether a name is one that is still to be put in: <name>, {role}, $ROLE, [role]."""
    return bool(re.fullmatch(r"<.*>|\{.*\}|\$\{?\w+\}?|\[.*\]|%\w+%|__\w+__", name.strip()))


def _open(part: str) -> bool:
    folded = part.casefold()
    if _SHAPE.fullmatch(folded) or folded.startswith("12345678-1234-"):
        return True
    return bool(_MARKED.search(part) or _MARKED.search(folded))


def lint_scopes(role: RoleDefinition, scope_known: ScopeKnown, *, written: bool) -> list[RoleFinding]:
    """Return what is wrong with the assignable scopes of a custom role; `written`: no service has checked them."""
    scopes = role.assignable_scopes
    if not role.custom and (not written or scopes in ((), ("/",))):
        return []  # one of Azure's own; a text may call itself so with scopes that those never have
    found = []
    if not scopes:
        message = "it names no assignable scope: the service refuses it"
        hint = "Name a subscription or resource group: --assignable-scope"
        found.append(RoleFinding("scope-missing", Severity.HIGH, role.name, message, hint))
    if "/" in scopes:
        message = "a custom role cannot be assignable everywhere (“/”): only Azure's own roles are"
        found.append(
            RoleFinding("scope-root", Severity.HIGH, role.name, message, "Name a subscription or group", ("/",))
        )
    open_ = tuple(scope for scope in scopes if placeholder(scope))
    if open_:
        message = "this assignable scope still holds a placeholder: the service refuses the role"
        hint = "Put the id in its place: az account show --query id"
        found.append(RoleFinding("scope-placeholder", Severity.HIGH, role.name, message, hint, open_))
    real = [scope for scope in scopes if scope != "/" and scope not in open_]
    gone = tuple(scope for scope in real if scope_known(scope) is False)
    malformed = tuple(scope for scope in real if not _well_formed(scope))
    found += _too_many(role.name, scopes)
    no_guid = tuple(scope for scope in real if written and scope not in malformed and not _by_guid(scope))
    if no_guid:
        message = "this assignable scope names no subscription: its id is a GUID, not a name"
        hint = "The id: az account show --query id"
        found.append(RoleFinding("scope-malformed", Severity.HIGH, role.name, message, hint, no_guid))
    if malformed:
        message = "this is no scope: it reads /subscriptions/ID, with /resourceGroups/NAME after it where it is a group"
        found.append(RoleFinding("scope-malformed", Severity.HIGH, role.name, message, "Correct it", malformed))
    if gone:
        message = "this assignable scope does not exist: the service refuses the role"
        found.append(
            RoleFinding("scope-missing", Severity.HIGH, role.name, message, "Correct it or leave it out", gone)
        )
    resources = tuple(scope for scope in scopes if "/providers/" in scope.casefold() and not _is_group(scope))
    if resources:
        message = "an assignable scope is a single resource: a tenant has 5,000 custom roles, and each use takes one"
        hint = "Name the resource group, and assign the role on the resource"
        found.append(RoleFinding("scope-is-resource", Severity.LOW, role.name, message, hint, resources))
    groups = tuple(scope for scope in scopes if _is_group(scope))
    if groups and any(block.data_actions for block in role.permissions):
        message = "a custom role with data operations cannot be assigned on a management group"
        hint = "Assign it on subscriptions or below"
        found.append(RoleFinding("scope-management-group", Severity.MEDIUM, role.name, message, hint, groups))
    return found


def _too_many(name: str, scopes: tuple[str, ...]) -> list[RoleFinding]:
    found = []
    if len(scopes) > MOST_SCOPES:
        message = f"it has {len(scopes):,} assignable scopes, {MOST_SCOPES:,} at most are taken"
        found.append(
            RoleFinding("scope-too-many", Severity.HIGH, name, message, "Name subscriptions, or a group above")
        )
    groups = tuple({scope.rstrip("/").casefold(): scope for scope in scopes if _is_group(scope)}.values())
    if len(groups) > 1:
        message = "a custom role is assignable on one management group at most: the service refuses it"
        found.append(RoleFinding("scope-too-many", Severity.HIGH, name, message, "Name the one above them", groups))
    return found


def _is_group(scope: str) -> bool:
    return scope.casefold().startswith(_GROUPS)


def _well_formed(scope: str) -> bool:
    parts = [part for part in scope.split("/") if part]
    if "//" in scope or "*" in scope:  # no wildcards there
        return False
    if _is_group(scope):
        return len(parts) == 4 and bool(_MANAGEMENT_GROUP.fullmatch(parts[3]))
    if len(parts) > 3 and parts[2].casefold() == "resourcegroups" and not _GROUP_NAME.fullmatch(parts[3]):
        return False
    if not scope.casefold().startswith("/subscriptions/") or len(parts) < 2 or len(parts) % 2:
        return False
    return len(parts) == 2 or parts[2].casefold() in {"resourcegroups", "providers"}


def _by_guid(scope: str) -> bool:
    return _is_group(scope) or bool(_GUID.fullmatch(scope.casefold().split("/")[2]))

"""What is wrong or risky in a role definition, and the definition put right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache

from console.model.change import Severity
from console.model.operations import COMPLETE, DEVICES, OPERATIONS, Plane
from console.model.role import Permissions, RoleDefinition, RoleFinding
from console.model.shell import command_line
from console.model.text import clean
from console.rules.rbac import lists, matches
from console.rules.rbac_scopes import ScopeKnown, lint_scopes, named_by_placeholder

NAME_LIMIT, DESCRIPTION_LIMIT = 128, 1024
"""Longest name and description of a custom role (Azure's document on custom roles)."""
_KEYS = ("microsoft.devices/iothubs/listkeys/action", "microsoft.devices/iothubs/iothubkeys/listkeys/action")
_DPS_KEYS = (
    "microsoft.devices/provisioningservices/listkeys/action",
    "microsoft.devices/provisioningservices/keys/listkeys/action",
)
_EXPORT = "microsoft.devices/iothubs/exportdevices/action"
_GIVES = (
    "microsoft.authorization/roleassignments/write",
    "microsoft.authorization/elevateaccess/action",
    "microsoft.authorization/roleassignmentschedulerequests/write",
    "microsoft.authorization/roleeligibilityschedulerequests/write",
)
_CHANGES_ROLES = "microsoft.authorization/roledefinitions/write"
_PROVIDERS = sorted({one.provider.casefold() for one in OPERATIONS})
_OURS = {parts[1] for one in OPERATIONS if len(parts := one.name.casefold().split("/")) > 2 and parts[0] in COMPLETE}
_PROVIDER = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_FOLDED = {plane: {one.name.casefold() for one in OPERATIONS if one.plane is plane} for plane in Plane}
_NAMES = {plane: [one.name for one in OPERATIONS if one.plane is plane] for plane in Plane}


def lint_role(
    role: RoleDefinition, scope_known: ScopeKnown = lambda _: None, *, written: bool = False
) -> tuple[RoleFinding, ...]:
    """Return what is wrong with a role, the worst first; `scope_known` says whether an assignable scope exists.

    `written`: the role is a text that no service has checked, so what is not known here is told as well.
    """
    found = [*_misplaced(role), *_unknown(role), *_wide(role), *_keys(role), *_exceptions(role)]
    found += lint_scopes(role, scope_known, written=written)
    if written:
        found += [*_not_known(role), *lint_conditions(role)]
        if named_by_placeholder(role.name):
            message = "its name is a placeholder: the role would be called so"
            found.append(RoleFinding("name-placeholder", Severity.MEDIUM, role.name, message, "Give it a name"))
    if not any(_grants(role, plane) for plane in Plane):
        message = "it grants no operation that is known: whoever has it can do nothing with it"
        found.append(RoleFinding("grants-nothing", Severity.MEDIUM, role.name, message, "See the findings above"))
    for what, text, limit in (("name", role.name, NAME_LIMIT), ("description", role.description, DESCRIPTION_LIMIT)):
        if len(text) > limit:
            message = f"its {what} has {len(text):,} characters, {limit:,} at most are taken"
            found.append(RoleFinding("too-long", Severity.MEDIUM, role.name, message, f"Shorten the {what}"))
    if role.custom and not role.name.strip():
        message = "it has no name: the service refuses it"
        found.append(RoleFinding("no-name", Severity.HIGH, role.name, message, "Give it one: --name NAME"))
    return worst_first(found)


def worst_first(found: Iterable[RoleFinding]) -> tuple[RoleFinding, ...]:
    """Return findings by severity; those of one severity stay in their order."""
    order = [Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    return tuple(sorted(found, key=lambda one: order.index(one.severity)))


def corrected(role: RoleDefinition) -> RoleDefinition:
    """Return the role with every entry in the list where it counts, once.

    Data operations go from `actions` to `dataActions` and control operations the other way, exceptions likewise; an
    exception without anything that it takes from goes. Unknown operations stay, exceptions as well: what was meant is
    not known.
    """
    return replace(role, permissions=tuple(_moved(block) for block in role.permissions))


@lru_cache(maxsize=1 << 14)
def belongs(entry: str, plane: Plane) -> bool | None:
    """Say whether an entry is in the right list: it covers some operation of that plane.

    False: only the other plane has such an operation. None: neither has, as far as is known.
    """
    if _covers(entry, plane):
        return True
    if _covers(entry, _other(plane)):
        return False
    return None


@lru_cache(maxsize=1 << 12)
def nearest(entry: str, plane: Plane) -> tuple[str, ...]:
    """Return known operations that look like an entry, the likeliest first."""
    folded = {name.casefold(): name for one in (plane, _other(plane)) for name in _NAMES[one]}
    first, _, rest = entry.casefold().partition("/")
    for kind in (rest, f"{first}/{rest}"):  # the right type and verb, with another provider or none before it
        if kind.partition("/")[0] in _OURS and (same := folded.get(f"{DEVICES.casefold()}/{kind}")):
            return (same,)
    return tuple(folded[name] for name in get_close_matches(entry.casefold(), folded, 3, 0.75))


# --- the checks -----------------------------------------------------------------------------------------------------


def _misplaced(role: RoleDefinition) -> list[RoleFinding]:
    found = []
    for plane in Plane:
        wrong = _entries(role, plane, lambda entry, plane=plane: belongs(entry, plane) is False)  # type: ignore[misc]
        if not wrong:
            continue
        if plane is Plane.CONTROL:
            message = (
                "data operations stand under actions, where they grant nothing: the service refuses the whole role "
                "(InvalidActionOrNotAction), and devices could not be read or written through it"
            )
            hint = "They belong under dataActions"
            code = "data-action-under-actions"
        else:
            message = (
                "control operations stand under dataActions, where they grant nothing: the service refuses the whole "
                "role (InvalidActionOrNotAction)"
            )
            hint, code = "They belong under actions", "control-action-under-data-actions"
        found.append(RoleFinding(code, Severity.HIGH, role.name, message, hint, wrong, fixable=True))
    return found


def _unknown(role: RoleDefinition) -> list[RoleFinding]:
    found = []
    for plane in Plane:
        for entry in _entries(role, plane, lambda entry, plane=plane: _is_unknown(entry, plane)):  # type: ignore[misc]
            near = nearest(entry, plane)
            hint = (
                f"Is {near[0]} meant?" if near else "The list: az provider operation show --namespace Microsoft.Devices"
            )
            message = "no such operation: the service refuses the whole role (InvalidActionOrNotAction)"
            found.append(RoleFinding("unknown-operation", Severity.HIGH, role.name, message, hint, (entry,)))
    return found


def _wide(role: RoleDefinition) -> list[RoleFinding]:
    found = []
    for plane in Plane:
        for entry in _entries(role, plane, lambda entry: "*" in entry, exceptions=False):
            if plane is Plane.DATA and entry.casefold().endswith("/read"):
                found += _wide_reading(role, entry)
                continue
            covered = [name for name in _NAMES[plane] if matches(entry, name)]
            changes = [name for name in covered if not name.casefold().endswith("/read")]
            known = entry.partition("/")[0].casefold() in COMPLETE
            if belongs(entry, plane) is not True or (known and not changes) or entry.casefold().endswith("/read"):
                continue
            everything = "*" in entry.partition("/")[0]
            severity = Severity.HIGH if everything or entry.casefold() == "microsoft.devices/*" else Severity.MEDIUM
            many = f"{len(covered)} operations known today"
            if everything:
                many = "every operation there is" if entry in {"*", "*/*"} else "operations of every provider there is"
            message = f"{entry} grants {many}, and those that are added later, too"
            hint = "Name the operations that are needed: a template does (hubwarden access create-role --template)"
            found.append(RoleFinding("wildcard-wide", severity, role.name, message, hint, (entry,)))
    return found


def _wide_reading(role: RoleDefinition, entry: str) -> list[RoleFinding]:
    """Return what a wildcard that reads data grants: unlike on the control plane, what it reads are secrets, too."""
    covered = [one for one in OPERATIONS if one.plane is Plane.DATA and matches(entry, one.name)]
    words = list(dict.fromkeys(one.words for one in covered if one.words))
    everything = "*" in entry.partition("/")[0]
    if not everything and len(covered) < 2:
        return []
    reach = "reads the data of every service in its scope, blobs and queues of storage as well; of IoT Hub and DPS it "
    more = f" and {len(words) - 6} more" if len(words) > 6 else ""
    listed = f"can {', '.join(words[:6])}{more}" if words else "reads nothing that is known"
    message = f"{entry} under dataActions {reach if everything else ''}{listed}; what is added later, too"
    severity = Severity.HIGH if everything else Severity.LOW
    hint = "Name what is to be read: Microsoft.Devices/IotHubs/devices/read, …/twins/read"
    return [RoleFinding("wildcard-wide", severity, role.name, message, hint, (entry,))]


def _keys(role: RoleDefinition) -> list[RoleFinding]:
    found = []
    listing = [name for name in _KEYS if _granted(role, name, Plane.CONTROL)]
    if listing:
        message = (
            "it may list the keys of the shared access policies: with them it reads and writes every device, as if it "
            "had every data operation, and nobody's name stands in the log"
        )
        hint = "Leave listkeys out where people have data roles"
        entries = _causes(role, listing, Plane.CONTROL)
        found.append(RoleFinding("listkeys", Severity.HIGH, role.name, message, hint, entries))
    if services := [name for name in _DPS_KEYS if _granted(role, name, Plane.CONTROL)]:
        message = "it may list the keys of provisioning services: with them it enrolls whatever device it likes"
        entries = _causes(role, services, Plane.CONTROL)
        found.append(
            RoleFinding(
                "listkeys",
                Severity.HIGH,
                role.name,
                message,
                "Leave listkeys out where people have data roles",
                entries,
            )
        )
    if not listing and _granted(role, _EXPORT, Plane.CONTROL):
        message = "it may export all devices with their keys"
        entries = _causes(role, [_EXPORT], Plane.CONTROL)
        found.append(RoleFinding("listkeys", Severity.MEDIUM, role.name, message, "Leave exportDevices out", entries))
    if giving := [name for name in _GIVES if _granted(role, name, Plane.CONTROL)]:
        message = "it may give roles, its own holder any role as well: that is as much as Owner"
        if conditions := _conditions_on(role, giving):
            message = (
                "it may give roles, as far as its condition lets it: the condition is not evaluated here, "
                f"and without it the role is as much as Owner ({conditions[0]})"
            )
        entries = _causes(role, giving, Plane.CONTROL)
        hint = "Leave Microsoft.Authorization's writes to Owner and User Access Administrator"
        found.append(RoleFinding("can-give-roles", Severity.HIGH, role.name, message, hint, entries))
    elif _granted(role, _CHANGES_ROLES, Plane.CONTROL):
        message = "it may change custom roles, its holder's own as well: that is as much as giving roles"
        entries = _causes(role, [_CHANGES_ROLES], Plane.CONTROL)
        hint = "Leave Microsoft.Authorization's writes to Owner and User Access Administrator"
        found.append(RoleFinding("can-give-roles", Severity.HIGH, role.name, message, hint, entries))
    return found


def _conditions_on(role: RoleDefinition, operations: Sequence[str]) -> list[str]:
    """Return the conditions of the blocks that grant operations, shortened; none when one grants without."""
    granting = [
        block
        for block in role.permissions
        if any(_granted(replace(role, permissions=(block,)), one, Plane.CONTROL) for one in operations)
    ]
    if not all(block.condition for block in granting):
        return []
    return [clean(" ".join(block.condition.split()), limit=300) for block in granting]


def lint_conditions(role: RoleDefinition) -> list[RoleFinding]:
    """Return that a condition does not survive a write: Permission.condition is read-only (API 2022-04-01)."""
    found = tuple(clean(block.condition, limit=300) for block in role.permissions if block.condition)
    if not found:
        return []
    message = (
        "its condition limits it here, but the service takes no condition of a role (the member is read-only): "
        "a role made of this definition would grant without it"
    )
    hint = "Put the condition into the role assignment: az role assignment create --condition"
    return [RoleFinding("condition-not-kept", Severity.HIGH, role.name, message, hint, found)]


def _not_known(role: RoleDefinition) -> list[RoleFinding]:
    """Return entries of providers whose operations are not all in the catalogue: they were not judged."""
    found: dict[str, None] = {}
    for plane in Plane:
        found.update(
            dict.fromkeys(
                _entries(
                    role,
                    plane,
                    lambda entry, plane=plane: belongs(entry, plane) is None and not _is_unknown(entry, plane),  # type: ignore[misc]
                )
            )
        )
    if not found:
        return []
    message = "of these operations nothing is known here: whether there are such, and what they grant, was not judged"
    providers = sorted({entry.partition("/")[0] for entry in found if "*" not in entry.partition("/")[0]})
    namespace = providers[0] if providers else "Microsoft.Devices"
    hint = f"Look there: {command_line('az', 'provider', 'operation', 'show', '--namespace', namespace)}"
    return [RoleFinding("operation-not-known", Severity.LOW, role.name, message, hint, tuple(found))]


def _exceptions(role: RoleDefinition) -> list[RoleFinding]:
    idle: dict[str, None] = {}
    used: dict[str, None] = {}
    for block in role.permissions:
        for plane in Plane:
            granted, excepted = lists(block, plane)
            for entry in excepted:
                if not _is_unknown(entry, plane):  # what that one was to take away is not known
                    (used if _takes(entry, granted, plane) else idle)[entry] = None
    found = []
    if idle:
        message = "these exceptions take nothing away: nothing that the role grants is covered by them"
        hint = "An exception subtracts from its own role's wildcards; it forbids nothing"
        found.append(
            RoleFinding("not-actions-no-effect", Severity.LOW, role.name, message, hint, tuple(idle), fixable=True)
        )
    if used:
        message = "what notActions leave out another role can still grant: they subtract, they do not forbid"
        hint = "To keep somebody from it, take every role away that grants it: hubwarden access check"
        found.append(RoleFinding("not-actions-no-deny", Severity.LOW, role.name, message, hint, tuple(used)))
    return found


# --- inside ---------------------------------------------------------------------------------------------------------


def _moved(block: Permissions) -> Permissions:
    actions, data = _sorted_out((block.actions, Plane.CONTROL), (block.data_actions, Plane.DATA))
    not_actions, not_data = _sorted_out((block.not_actions, Plane.CONTROL), (block.not_data_actions, Plane.DATA))
    return Permissions(
        actions,
        tuple(one for one in not_actions if _kept(one, actions, Plane.CONTROL)),
        data,
        tuple(one for one in not_data if _kept(one, data, Plane.DATA)),
        block.condition,
        block.condition_version,
    )


def _sorted_out(*parts: tuple[Sequence[str], Plane]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found: dict[Plane, dict[str, str]] = {Plane.CONTROL: {}, Plane.DATA: {}}
    for entries, plane in parts:
        for entry in entries:
            right = _other(plane) if belongs(entry, plane) is False else plane
            found[right].setdefault(entry.casefold(), entry)
    return tuple(found[Plane.CONTROL].values()), tuple(found[Plane.DATA].values())


def _entries(
    role: RoleDefinition, plane: Plane, wanted: Callable[[str], bool], *, exceptions: bool = True
) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for block in role.permissions:
        granted, excepted = lists(block, plane)
        found.update(dict.fromkeys(one for one in (*granted, *(excepted if exceptions else ())) if wanted(one)))
    return tuple(found)


def _covers(entry: str, plane: Plane) -> bool:
    if "*" not in entry:
        return entry.casefold() in _FOLDED[plane]
    return any(matches(entry, name) for name in _NAMES[plane])


def _is_unknown(entry: str, plane: Plane) -> bool:
    if belongs(entry, plane) is not None:
        return False
    provider, _, rest = entry.casefold().partition("/")
    if provider in COMPLETE or not rest:
        return True
    ours = rest.partition("/")[0] in _OURS  # a type of ours under a name that is not ours: a slip of the pen
    return "*" not in provider and (ours or not _PROVIDER.fullmatch(provider) or _nearly_ours(provider))


@lru_cache(maxsize=1 << 12)
def _nearly_ours(provider: str) -> bool:
    """Whether a provider that the catalogue does not know is written almost like one that it does."""
    return provider not in _PROVIDERS and bool(get_close_matches(provider, _PROVIDERS, 1, 0.92))


def _takes(exception: str, granted: Sequence[str], plane: Plane) -> bool:
    """Whether an exception can take something from what is granted; of other providers' operations it is believed."""
    if any(matches(exception, name) and any(matches(one, name) for one in granted) for name in _NAMES[plane]):
        return True
    return exception.partition("/")[0].casefold() not in COMPLETE and any("*" in one for one in granted)


def _kept(exception: str, granted: Sequence[str], plane: Plane) -> bool:
    """Whether an exception stays in a correction: a misspelt one does, or what it was to take away would be granted."""
    return _is_unknown(exception, plane) or _takes(exception, granted, plane)


def _granted(role: RoleDefinition, operation: str, plane: Plane) -> bool:
    return any(
        any(matches(one, operation) for one in granted) and not any(matches(one, operation) for one in excepted)
        for granted, excepted in (lists(block, plane) for block in role.permissions)
    )


def _grants(role: RoleDefinition, plane: Plane) -> bool:
    foreign = any(
        entry.partition("/")[0].casefold() not in COMPLETE and "/" in entry
        for block in role.permissions
        for entry in lists(block, plane)[0]
    )
    return foreign or any(_granted(role, name, plane) for name in _NAMES[plane])


def _causes(role: RoleDefinition, operations: Iterable[str], plane: Plane) -> tuple[str, ...]:
    wanted = list(operations)
    return _entries(role, plane, lambda entry: any(matches(entry, one) for one in wanted), exceptions=False)


def _other(plane: Plane) -> Plane:
    return Plane.DATA if plane is Plane.CONTROL else Plane.CONTROL

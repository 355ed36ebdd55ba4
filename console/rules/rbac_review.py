"""What is wrong or risky in who has which role at a hub."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from console.model.change import Severity
from console.model.operations import Plane
from console.model.role import (
    CONTRIBUTOR,
    DATA_CONTRIBUTOR,
    OWNER,
    AccessFacts,
    RoleAssignment,
    RoleDefinition,
    RoleFinding,
)
from console.model.scope import scope_name
from console.rules.rbac import allows, excepted_by, scope_covers

MANY_OWNERS = 3
"""More Owners than this are too many (Azure's security baseline for privileged access)."""
_KEYS = "Microsoft.Devices/IotHubs/listkeys/action"
_READ_DEVICES = "Microsoft.Devices/IotHubs/devices/read"
_WRITE_DEVICES = "Microsoft.Devices/IotHubs/devices/write"
_WRITE_HUB = "Microsoft.Devices/IotHubs/write"
_REACHES = {Plane.CONTROL: (_WRITE_HUB, _KEYS), Plane.DATA: (_READ_DEVICES, _WRITE_DEVICES)}


def lint_assignments(facts: AccessFacts, names: Mapping[str, str] | None = None) -> tuple[RoleFinding, ...]:
    """Return what is wrong with the assignments that reach a hub, the worst first; `names` are people's, by object id.

    Roles that have nothing to do with IoT Hub are passed over. Whether a principal still exists only Microsoft Graph
    can tell: that is said once, as not known.
    """
    known = names or {}
    by_principal: dict[str, list[tuple[RoleAssignment, RoleDefinition]]] = defaultdict(list)
    for one in facts.assignments:
        role = facts.definitions.get(one.role)
        if role is not None and scope_covers(one.scope, facts.scope):
            by_principal[one.principal_id].append((one, role))
    found: list[RoleFinding] = []
    for principal, held in by_principal.items():
        kind = held[0][0].principal_type.casefold()
        name = known.get(principal) or f"{'app' if kind == 'serviceprincipal' else kind} {principal[:8]}"
        found += _no_data(name, held)
        found += _wide(name, facts, held)
        found += _doubled(name, held)
        found += _not_denied(name, held)
    owners = sorted({one.principal_id for one in facts.assignments if one.role == OWNER})
    if len(owners) > MANY_OWNERS:
        listed = ", ".join(known.get(one) or one[:8] for one in owners[:6])
        message = f"{len(owners)} principals are Owner of the hub or of what it is in: {listed}"
        hint = "Keep two or three; give the others the role that they need"
        found.append(RoleFinding("many-owners", Severity.MEDIUM, "Owner", message, hint))
    if facts.assignments:
        message = (
            "whether every principal still exists is not known: only Microsoft Graph tells, which is not asked here"
        )
        hint = "az role assignment list shows those without a name"
        found.append(RoleFinding("orphan-unknown", Severity.LOW, "", message, hint))
    order = [Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    return tuple(sorted(found, key=lambda one: order.index(one.severity)))


def _no_data(name: str, held: list[tuple[RoleAssignment, RoleDefinition]]) -> list[RoleFinding]:
    """Explain the 401 that Owner and Contributor meet at the data plane."""
    broad = [(one, role) for one, role in held if one.role in {OWNER, CONTRIBUTOR}]
    if not broad or any(allows(role, _READ_DEVICES, Plane.DATA) for _, role in held):
        return []
    assignment, role = broad[0]
    message = (
        f"{name} is {role.name} without a data role: devices answer 401 to its Entra token, though it can list keys "
        "and get in by them"
    )
    hint = "If it needs devices, assign IoT Hub Data Reader or Data Contributor; else nothing is wrong"
    return [RoleFinding("owner-without-data", Severity.LOW, role.name, message, hint, assignment=assignment.name)]


def _wide(name: str, facts: AccessFacts, held: list[tuple[RoleAssignment, RoleDefinition]]) -> list[RoleFinding]:
    found = []
    for one, role in held:
        if scope_covers(facts.scope, one.scope):
            continue  # on the hub itself
        where = scope_name(one.scope)
        wide = not one.scope.casefold().strip("/").count("resourcegroups/")
        powers = [word for plane, word in ((Plane.CONTROL, "hubs"), (Plane.DATA, "devices")) if _writes(role, plane)]
        if one.role in {OWNER, DATA_CONTRIBUTOR} or (role.custom and powers):
            severity = Severity.HIGH if wide else Severity.MEDIUM
            message = f"{name} has {role.name} on {where}: it reaches every hub there, now and later"
            hint = "Assign it on the hub itself, then take this one away"
            found.append(
                RoleFinding("wide-scope", severity, role.name, message, hint, (one.scope,), assignment=one.name)
            )
    for one, role in held:
        if role.custom and allows(role, _KEYS, Plane.CONTROL):
            message = (
                f"{name} can list the hub's keys through the custom role {role.name}: that is every data operation"
            )
            hint = "Take listkeys out of the role, or assign another"
            found.append(RoleFinding("listkeys", Severity.HIGH, role.name, message, hint, assignment=one.name))
    return found


def _writes(role: RoleDefinition, plane: Plane) -> bool:
    return any(allows(role, one, plane) for one in _REACHES[plane])


def _doubled(name: str, held: list[tuple[RoleAssignment, RoleDefinition]]) -> list[RoleFinding]:
    found = []
    for one, role in held:
        above = [other for other, _ in held if other.role == one.role and other is not one]
        wider = [other for other in above if scope_covers(other.scope, one.scope) and other.scope != one.scope]
        if wider and not one.condition and not wider[0].condition:
            where = scope_name(wider[0].scope)
            message = f"{name} has {role.name} on {scope_name(one.scope)} and on {where}: the narrower one adds nothing"
            hint = "Take the wider one away, if the narrower is meant"
            found.append(RoleFinding("duplicate", Severity.LOW, role.name, message, hint, assignment=one.name))
    return found


def _not_denied(name: str, held: list[tuple[RoleAssignment, RoleDefinition]]) -> list[RoleFinding]:
    """Tell of an exception in one role that another role of the same principal makes good."""
    found = []
    for one, role in held:
        if not role.custom:
            continue  # Contributor's exceptions are known for what they are
        for plane, operations in ((Plane.CONTROL, (_WRITE_HUB, _KEYS)), (Plane.DATA, (_READ_DEVICES, _WRITE_DEVICES))):
            for operation in operations:
                exception = excepted_by(role, operation, plane)
                others = [other.name for _, other in held if exception and allows(other, operation, plane)]
                if others:
                    word = "notDataActions" if plane is Plane.DATA else "notActions"
                    message = (
                        f"{role.name} leaves out {operation} ({word} {exception}), and {name} has it all the same, "
                        f"through {others[0]}"
                    )
                    hint = "notActions forbid nothing: take the other role away, too"
                    found.append(
                        RoleFinding(
                            "not-actions-no-deny", Severity.MEDIUM, role.name, message, hint, assignment=one.name
                        )
                    )
    return found

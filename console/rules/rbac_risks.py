"""What giving, taking and changing roles risks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from console.model.change import Risk, Severity
from console.model.operations import Plane
from console.model.role import (
    GRANT,
    AccessFacts,
    Answer,
    Permissions,
    RoleAssignment,
    RoleDefinition,
    RoleTemplate,
)
from console.model.scope import scope_name
from console.rules.rbac import allows, granters, scope_covers, verdict
from console.rules.rbac_summary import weight
from console.rules.rbac_templates import TEMPLATES, nearest_template, wider_than

_LISTED = 6
_OWN = (
    ("Microsoft.Devices/IotHubs/read", Plane.CONTROL, "read the hub"),
    ("Microsoft.Devices/IotHubs/twins/read", Plane.DATA, "read its devices"),
    (GRANT, Plane.CONTROL, "give roles"),
)
_HARMLESS = ("/read", "/fileupload/notifications/action")
"""How operations end that only look; the second is part of Azure's IoT Hub Data Reader."""
_H, _D = "Microsoft.Devices/IotHubs", "Microsoft.Devices/provisioningServices"
_KEYS = (
    ((f"{_H}/listkeys/action", f"{_H}/iotHubKeys/listkeys/action"), "list the hub's keys, which open every device"),
    ((f"{_H}/exportDevices/action",), "export every device with its keys"),
    ((f"{_D}/listkeys/action", f"{_D}/keys/listkeys/action"), "list the provisioning service's keys"),
)
_GIVES = (
    GRANT,
    "Microsoft.Authorization/elevateAccess/action",
    "Microsoft.Authorization/roleAssignmentScheduleRequests/write",
    "Microsoft.Authorization/roleEligibilityScheduleRequests/write",
)
"""Ways to a role: given, taken at the root by a global administrator, and those of Privileged Identity Management."""
_CHANGES_ROLES = "Microsoft.Authorization/roleDefinitions/write"


def of_assignment(
    role: RoleDefinition, scope: str, hub_scope: str, template: RoleTemplate | None = None
) -> tuple[Risk, ...]:
    """Return what giving a role at a scope risks, measured against a template or the one that is nearest to it."""
    risks = list(of_grant(role.permissions, template or nearest_template(role), named=template is not None))
    if not scope_covers(hub_scope, scope) and not _one_resource(scope):
        text = f"it holds on {scope_name(scope)}: every hub there, now and later, and whatever else is in it"
        risks.append(Risk("wide-scope", Severity.MEDIUM, text, hint="Assign it on the hub itself"))
    return tuple(risks)


def of_grant(blocks: Iterable[Permissions], limit: RoleTemplate, *, named: bool) -> tuple[Risk, ...]:
    """Return what granting these permissions risks; `named`: somebody chose the template that they are measured by."""
    listed = tuple(blocks)
    role = RoleDefinition("", "", permissions=listed)
    risks = []
    fits = any(not _beyond(listed, one, named) for one in (TEMPLATES if not named else (limit,)))
    if not fits:
        beyond = sorted(_beyond(listed, limit, named), key=weight)
        shown = ", ".join(beyond[:_LISTED]) + (f" and {len(beyond) - _LISTED} more" if len(beyond) > _LISTED else "")
        against = f"the template {limit.id}" if named else f"any template (nearest: {limit.id})"
        risks.append(
            Risk(
                "wider-than-template",
                Severity.HIGH,
                f"it grants more than {against}: {shown}",
                blocking=True,
                hint="Take a template, or leave these out",
            )
        )
    if any(allows(role, one, Plane.CONTROL) for one in _GIVES):
        text = "whoever gets it can give any role to anybody, also to itself"
        risks.append(Risk("can-give-roles", Severity.HIGH, text, blocking=True))
    elif allows(role, _CHANGES_ROLES, Plane.CONTROL):
        text = "whoever gets it can change custom roles, also one that it has, and so grant itself what it likes"
        risks.append(Risk("can-give-roles", Severity.HIGH, text, blocking=True))
    found = [words for names, words in _KEYS if any(allows(role, one, Plane.CONTROL) for one in names)]
    if found:
        text = f"whoever gets it can {_and(found)}, without a name in the log"
        risks.append(Risk("listkeys", Severity.HIGH, text))
    return tuple(risks)


def of_loss(
    before: AccessFacts, after: AccessFacts, own: AccessFacts | None, own_after: AccessFacts | None, me: str
) -> tuple[Risk, ...]:
    """Return what a change that takes access away risks.

    Args:
        before, after: everybody's access as it is and as it would be.
        own, own_after: ours, with that of our groups; None where it is not known who we are.
        me: our object id.
    """
    risks = []
    if own is None or own_after is None:
        text = "whether it takes our own access away is not known: the credential does not tell who we are"
        risks.append(Risk("own-access-unknown", Severity.MEDIUM, text))
    else:
        lost = [
            words
            for operation, plane, words in _OWN
            if verdict(own, me, operation, plane).answer is Answer.YES
            and verdict(own_after, me, operation, plane).answer is not Answer.YES
        ]
        if lost:
            text = f"after it we ourselves can no longer {_and(lost)}; only somebody else can give it back"
            risks.append(Risk("own-last-access", Severity.HIGH, text, blocking=True))
    if granters(before) and not granters(after):
        text = "nobody would be left, at or above the hub, who can give roles, as far as the assignments tell"
        risks.append(Risk("last-granter", Severity.HIGH, text, blocking=True))
    return tuple(risks)


def without(facts: AccessFacts, name: str) -> AccessFacts:
    """Return the facts without an assignment."""
    kept = tuple(one for one in facts.assignments if one.name != name)
    return replace(facts, assignments=kept)


def with_role(facts: AccessFacts, role: RoleDefinition) -> AccessFacts:
    """Return the facts with a role as it would be."""
    definitions: Mapping[str, RoleDefinition] = {**facts.definitions, role.guid: role}
    return replace(facts, definitions=definitions)


def users_of(facts: AccessFacts, guid: str) -> tuple[RoleAssignment, ...]:
    """Return the assignments of a role, as far as the facts tell."""
    return tuple(one for one in facts.assignments if one.role == guid)


def _one_resource(scope: str) -> bool:
    folded = scope.casefold()
    return "/resourcegroups/" in folded and "/providers/" in folded


def _beyond(blocks: tuple[Permissions, ...], limit: RoleTemplate, named: bool) -> tuple[str, ...]:
    """Return what goes beyond a template; without a chosen one only what does more than look."""
    found = wider_than(blocks, limit.permissions)
    return found if named else tuple(one for one in found if not one.casefold().endswith(_HARMLESS))


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

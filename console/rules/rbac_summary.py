"""What a role grants, in a few words for people."""

from __future__ import annotations

from console.model.operations import COMPLETE, OPERATIONS, Plane
from console.model.role import RoleDefinition
from console.rules.rbac import allows, lists

_MANY = 7


def grants_of(role: RoleDefinition) -> tuple[str, ...]:
    """Return a sentence for each plane: "data: read device identities, with their keys; change twins"."""
    return tuple(text for plane in Plane if (text := _on(role, plane)))


def _on(role: RoleDefinition, plane: Plane) -> str:
    known = [one for one in OPERATIONS if one.plane is plane and allows(role, one.name, plane)]
    ours = [one for one in known if one.provider.casefold() in COMPLETE]
    total = sum(one.plane is plane and one.provider.casefold() in COMPLETE for one in OPERATIONS)
    patterns = [entry for block in role.permissions for entry in lists(block, plane)[0]]
    if not patterns:
        return ""
    if len(ours) == total:
        return f"{plane.value}: everything on hubs and provisioning services" + _beyond(patterns)
    writes = [one for one in known if not one.name.casefold().endswith("/read")]
    if known and not writes:
        return f"{plane.value}: reads ({len(known)} operations), changes nothing"
    words = list(dict.fromkeys(one.words for one in known if one.words))
    shown = "; ".join(words[:_MANY]) + (f"; {len(words) - _MANY} more" if len(words) > _MANY else "")
    return f"{plane.value}: {shown or 'nothing that is known here'}"


def _beyond(patterns: list[str]) -> str:
    return ", and on everything else there is" if any(one in {"*", "*/*"} for one in patterns) else ""

"""What a role grants, in a few words for people."""

from __future__ import annotations

from console.model.operations import COMPLETE, OPERATIONS, Operation, Plane
from console.model.role import RoleDefinition
from console.rules.rbac import allows, lists

_MANY = 7


def grants_of(role: RoleDefinition) -> tuple[str, ...]:
    """Return a sentence for each plane: "data: read device identities, with their keys; change twins"."""
    return tuple(text for plane in Plane if (text := _on(role, plane)))


def weight(operation: str) -> int:
    """Return how far an operation reaches, for sorting: the most dangerous first."""
    name = operation.casefold()
    if name.startswith("microsoft.authorization/") and not name.endswith("/read"):
        return 0
    if "listkeys" in name or "exportdevices" in name:
        return 1
    if name.endswith(("/write", "/delete")) or "*" in name:
        return 2
    return 4 if name.endswith("/read") else 3


def _on(role: RoleDefinition, plane: Plane) -> str:
    patterns = [entry for block in role.permissions for entry in lists(block, plane)[0]]
    if not patterns:
        return ""
    known = [one for one in OPERATIONS if one.plane is plane and allows(role, one.name, plane)]
    ours = [one for one in known if _ours(one)]
    if ours and len(ours) == sum(one.plane is plane and _ours(one) for one in OPERATIONS):
        beyond = ", and on everything else there is" if any(one in {"*", "*/*"} for one in patterns) else ""
        return f"{plane.value}: everything on hubs and provisioning services{beyond}"
    reads = [one for one in known if one.name.casefold().endswith("/read")]
    if "*/read" in (one.casefold() for one in patterns):
        others = _words([one for one in known if one not in reads])
        return f"{plane.value}: reads everything" + (f"; {others}" if others else ", changes nothing")
    return f"{plane.value}: {_words(sorted(known, key=lambda one: weight(one.name))) or 'nothing that is known here'}"


def _words(known: list[Operation]) -> str:
    words = list(dict.fromkeys(one.words for one in known if one.words))
    more = f"; {len(words) - _MANY} more" if len(words) > _MANY else ""
    return "; ".join(words[:_MANY]) + more


def _ours(one: Operation) -> bool:
    return one.provider.casefold() in COMPLETE

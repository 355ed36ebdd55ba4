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
    parts: list[str] = []
    whole = [kind for kind in _KINDS if _all_of(kind, known, plane)]
    if whole:
        names = " and ".join(_KINDS[kind] for kind in whole)
        beyond = ", and on everything else there is" if any(one in {"*", "*/*"} for one in patterns) else ""
        parts.append(f"everything on {names}{beyond}")
        known = [] if beyond else [one for one in known if _kind(one) not in whole]
    if "*/read" in (one.casefold() for one in patterns) and not whole:
        parts.append("reads everything")
        known = [one for one in known if not one.name.casefold().endswith("/read")]
        parts += [] if known else ["changes nothing"]
    if words := _words(sorted(known, key=lambda one: (weight(one.name), _telling(one)))):
        parts.append(words)
    return f"{plane.value}: {'; '.join(parts) or 'nothing that is known here'}"


_KINDS = {"iothubs": "hubs", "provisioningservices": "provisioning services"}


def _kind(one: Operation) -> str:
    parts = one.name.casefold().split("/")
    return parts[1] if _ours(one) and len(parts) > 2 else ""


def _all_of(kind: str, known: list[Operation], plane: Plane) -> bool:
    every = [one for one in OPERATIONS if one.plane is plane and _kind(one) == kind]
    return bool(every) and sum(_kind(one) == kind for one in known) == len(every)


def _telling(one: Operation) -> int:
    """Return the place of an operation among equals: devices and twins are what people think of first."""
    return next((place for place, word in enumerate(("/devices/", "/twins/", "/enrollment")) if word in one.name), 9)


def _words(known: list[Operation]) -> str:
    words = list(dict.fromkeys(one.words for one in known if one.words))
    more = f"; {len(words) - _MANY} more" if len(words) > _MANY else ""
    return "; ".join(words[:_MANY]) + more


def _ours(one: Operation) -> bool:
    return one.provider.casefold() in COMPLETE

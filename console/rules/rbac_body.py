"""Roles and role assignments as ARM bodies: what in them is the same though it is written otherwise."""

from __future__ import annotations

from typing import Any

from console.model.document import Json
from console.model.hub import arm_segment

ROLE_IDS = "/providers/Microsoft.Authorization/roleDefinitions/"
COMPUTED = frozenset({"createdOn", "updatedOn", "createdBy", "updatedBy"})
"""What the service writes itself."""


def steady_assignment(properties: Json) -> Json:
    """Return an assignment's properties to compare: the service answers with and without the role's subscription."""
    kept = {name: value for name, value in properties.items() if value is not None and name != "scope"}
    role = kept.get("roleDefinitionId")
    if isinstance(role, str):
        kept["roleDefinitionId"] = ROLE_IDS + role.rpartition("/")[2].casefold()
    principal = kept.get("principalId")
    if isinstance(principal, str):
        kept["principalId"] = principal.casefold()
    return kept


def steady_role(properties: Json) -> Json:
    """Return a role's properties to compare: without members that say nothing."""
    kept = {name: value for name, value in properties.items() if value is not None}
    blocks = kept.get("permissions")
    if isinstance(blocks, list):
        kept["permissions"] = [
            {name: value for name, value in one.items() if value not in (None, [])} if isinstance(one, dict) else one
            for one in blocks
        ]
    return kept


def again(body: Any, target_id: str) -> Any:
    """Return a deleted role or assignment as it is made again, under the same name (a GUID).

    `target_id` is its resource id: the role that it names is looked for in that subscription.
    """
    properties = body.get("properties") if isinstance(body, dict) else None
    if not isinstance(properties, dict):
        return body
    kept = {name: value for name, value in properties.items() if name not in COMPUTED and value is not None}
    role = str(kept.get("roleDefinitionId") or "")
    if role.startswith(ROLE_IDS):
        kept["roleDefinitionId"] = role_path(target_id, role.rpartition("/")[2])
    return {"properties": kept}


def steady(body: Json) -> Json:
    """Return a body without what names it: the service writes ids in several ways."""
    return {name: value for name, value in body.items() if name not in {"id", "name", "type"}}


def role_path(scope: str, guid: str) -> str:
    """Return the resource id of a role, in the subscription of a scope."""
    subscription = arm_segment(scope, "subscriptions")
    return f"/subscriptions/{subscription}{ROLE_IDS}{guid}" if subscription else f"{ROLE_IDS}{guid}"


def role_at(scope: str, guid: str) -> str:
    """Return the path of a role at a scope: it is read and written where our rights are, which may be the hub alone."""
    return f"{scope.rstrip('/')}{ROLE_IDS}{guid}"


def assignment_path(scope: str, name: str) -> str:
    """Return the resource id of an assignment at a scope."""
    return f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{name}"

"""Role definitions as JSON, written: the forms of Azure CLI and PowerShell, and of REST."""

from __future__ import annotations

from typing import Any

from console.model.document import Json
from console.model.errors import ConsoleError, ErrorKind
from console.model.role import Permissions, RoleDefinition


def rest_body(role: RoleDefinition) -> Json:
    """Return the body of a PUT (api 2022-04-01)."""
    return {
        "properties": {
            "roleName": role.name,
            "description": role.description,
            "type": "CustomRole" if role.custom else "BuiltInRole",
            "permissions": [_block(one) for one in role.permissions],
            "assignableScopes": list(role.assignable_scopes),
        }
    }


def az_json(role: RoleDefinition) -> Json:
    """Return what `az role definition create` takes; several blocks are joined where that means the same.

    Raises ConsoleError BAD_INPUT when an exception of one block would take from another, or a block has a condition.
    """
    blocks = role.permissions
    if why := not_for_az(role):
        what, hint = f"{role.name} cannot be written for Azure CLI", "REST's form can hold it"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint)
    found: Json = {
        "Name": role.name,
        "IsCustom": True,
        "Description": role.description,
        "Actions": _joined(one.actions for one in blocks),
        "NotActions": _joined(one.not_actions for one in blocks),
        "DataActions": _joined(one.data_actions for one in blocks),
        "NotDataActions": _joined(one.not_data_actions for one in blocks),
        "AssignableScopes": list(role.assignable_scopes),
    }
    return {**({"Id": role.guid} if role.guid else {}), **found}


def not_for_az(role: RoleDefinition) -> str:
    """Return why Azure CLI's form cannot hold a role, empty when it can."""
    if any(one.condition for one in role.permissions):
        return "it has a condition, for which Azure CLI's form has no place"
    if len(role.permissions) > 1 and any(one.not_actions or one.not_data_actions for one in role.permissions):
        return "it has several blocks of permissions with exceptions, which Azure CLI's form cannot say"
    return ""


def _block(one: Permissions) -> Json:
    found: Json = {
        "actions": list(one.actions),
        "notActions": list(one.not_actions),
        "dataActions": list(one.data_actions),
        "notDataActions": list(one.not_data_actions),
    }
    if one.condition:
        found["condition"] = one.condition
        if one.condition_version:
            found["conditionVersion"] = one.condition_version
    return found


def _joined(lists: Any) -> list[str]:
    return list(dict.fromkeys(entry for one in lists for entry in one))

"""Role definitions as JSON: the forms of Azure CLI and PowerShell, of REST, and of `az role definition list`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from console.model.document import Json
from console.model.errors import ConsoleError, ErrorKind
from console.model.role import Permissions, RoleDefinition
from console.model.text import clean

MAX_BYTES = 256 * 1024
MAX_ENTRIES = 4000
_LISTS = ("actions", "notactions", "dataactions", "notdataactions")


def read_role(text: str, source: str = "the role") -> RoleDefinition:
    """Return the role that a JSON text describes, in any of the three forms; member names compare without case.

    Raises ConsoleError BAD_INPUT (code "usage") that names the place of what is wrong.
    """
    what = f"{source} is not a role definition"
    if len(text) > MAX_BYTES:
        raise _bad(what, f"it has more than {MAX_BYTES // 1024} KiB")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _bad(what, f"it is not JSON{where}") from None
    if isinstance(body, list):
        if len(body) != 1:
            raise _bad(what, f"it holds {len(body)} roles", "Give one role at a time")
        body = body[0]
    if not isinstance(body, dict):
        raise _bad(what, "it is no JSON object")
    outer = _folded(body)
    inner = _folded(outer["properties"]) if isinstance(outer.get("properties"), dict) else outer
    blocks = inner.get("permissions")
    if blocks is None:
        found: tuple[Permissions, ...] = (_block(inner, what, ""),)
    elif isinstance(blocks, list) and all(isinstance(one, dict) for one in blocks):
        found = tuple(_block(_folded(one), what, f"permissions[{place}].") for place, one in enumerate(blocks))
    else:
        raise _bad(what, "its member permissions is no list of objects")
    if not any(any((one.actions, one.not_actions, one.data_actions, one.not_data_actions)) for one in found):
        raise _bad(what, "it has nothing under Actions, NotActions, DataActions and NotDataActions")
    name, guid = _identity(outer, inner)
    kind = str(inner.get("roletype") or inner.get("type") or "")
    custom = inner.get("iscustom") is not False and kind.casefold() != "builtinrole"
    return RoleDefinition(
        guid=guid,
        name=clean(name, limit=512),
        description=clean(" ".join(_text(inner, "description", what).split())),
        custom=custom,
        permissions=found,
        assignable_scopes=_texts(inner, "assignablescopes", what, ""),
    )


def rest_body(role: RoleDefinition) -> Json:
    """Return the body of a PUT (api 2022-04-01)."""
    return {
        "properties": {
            "roleName": role.name,
            "description": role.description,
            "type": "CustomRole" if role.custom else "BuiltInRole",
            "permissions": [
                {
                    "actions": list(one.actions),
                    "notActions": list(one.not_actions),
                    "dataActions": list(one.data_actions),
                    "notDataActions": list(one.not_data_actions),
                }
                for one in role.permissions
            ],
            "assignableScopes": list(role.assignable_scopes),
        }
    }


def az_json(role: RoleDefinition) -> Json:
    """Return what `az role definition create` takes; several blocks are joined where that means the same.

    Raises ConsoleError BAD_INPUT when an exception of one block would take from another.
    """
    blocks = role.permissions
    if len(blocks) > 1 and any(one.not_actions or one.not_data_actions for one in blocks):
        why = "it has several blocks of permissions with exceptions, which Azure CLI's form cannot say"
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{role.name} cannot be written for Azure CLI", why, "Take --form rest")
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


def _joined(lists: Any) -> list[str]:
    return list(dict.fromkeys(entry for one in lists for entry in one))


def _identity(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> tuple[str, str]:
    """Return the display name and the GUID: `name` is the GUID wherever `roleName` is there."""
    if inner.get("rolename"):
        return str(inner["rolename"]), _guid(outer.get("name") or inner.get("name"))
    return str(inner.get("name") or ""), _guid(inner.get("id"))


def _guid(value: Any) -> str:
    text = str(value or "").rpartition("/")[2].casefold()
    compact = text.replace("-", "")
    return text if len(text) == 36 and len(compact) == 32 and all(one in "0123456789abcdef" for one in compact) else ""


def _block(body: Mapping[str, Any], what: str, place: str) -> Permissions:
    return Permissions(*(_texts(body, name, what, place) for name in _LISTS))


def _texts(body: Mapping[str, Any], name: str, what: str, place: str) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _bad(what, f"its member {place}{name} is no list")
    if len(value) > MAX_ENTRIES:
        raise _bad(what, f"its member {place}{name} has more than {MAX_ENTRIES:,} entries")
    for number, one in enumerate(value):
        if not isinstance(one, str) or not one.strip():
            raise _bad(what, f"entry {number + 1} of its member {place}{name} is no text")
    return tuple(clean(one.strip(), limit=1024) for one in value)


def _text(body: Mapping[str, Any], name: str, what: str) -> str:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise _bad(what, f"its member {name} is no text")
    return value or ""


def _folded(body: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).casefold(): value for name, value in body.items()}


def _bad(
    what: str, why: str, hint: str = "Take a file of `az role definition list`, or of the REST reference"
) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, clean(what), why, hint, code="usage")

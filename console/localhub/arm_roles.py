"""Role definitions over ARM (api 2022-04-01), custom ones to write, too; one's own permissions; operations there are.

A definition is checked whole before anything is stored. Error codes are those of Azure's troubleshooting article and of
the tests of Azure's .NET SDK (RoleDefinitionTests); their sentences are partly guessed.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from starlette.responses import JSONResponse, Response

from console.localhub import rbac
from console.localhub.arm_core import Call, Route, groups, record
from console.localhub.arm_errors import ArmError, front_door
from console.localhub.arm_filters import PAGE, read_filter, require
from console.localhub.state import Json
from console.model.operations import OPERATIONS, Operation, Plane

_BASE = "{scope}/providers/Microsoft.Authorization"
_DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
_GROUP = re.compile(r"/providers/Microsoft\.Management/managementGroups/[^/]+", re.IGNORECASE)
_SCOPE = re.compile(r"/subscriptions/(?P<subscription>[^/]+)(?P<rest>(?:/[^/]+/[^/]+)*)", re.IGNORECASE)
_LISTS = (
    ("actions", Plane.CONTROL),
    ("notActions", Plane.CONTROL),
    ("dataActions", Plane.DATA),
    ("notDataActions", Plane.DATA),
)


def definition_body(call: Call, definition: Json) -> Json:
    """Return the ARM body of a definition as a caller sees it: with the subscription in its id."""
    identity = f"/subscriptions/{call.cloud.subscription_id}{definition['id']}"
    return {**definition, "id": identity if definition["id"].startswith("/providers/") else definition["id"]}


def assignable(definition: Json, scope: str) -> bool:
    """Say whether a definition can be assigned at a scope: one of its assignable scopes is it, or above it."""
    scopes = definition["properties"].get("assignableScopes") or ()
    return any(rbac.scope_covers(one, scope) for one in scopes)


def _list(call: Call) -> Response:
    """Answer the definitions that can be assigned at the scope; `atScopeAndBelow()` adds those below it."""
    scope = require(call, _DEFINITIONS + "/read")
    text = call.query.get("$filter", "")
    _, equal = read_filter(text)
    below = "atscopeandbelow()" in text.casefold()
    with call.cloud.lock:
        known = list(call.cloud.role_definitions.values())
    found = []
    for definition in known:
        properties = definition["properties"]
        if equal.get("rolename", properties["roleName"]).casefold() != properties["roleName"].casefold():
            continue
        if equal.get("type", properties["type"]).casefold() != properties["type"].casefold():
            continue
        under = any(rbac.scope_covers(scope, one) for one in properties.get("assignableScopes") or ())
        if assignable(definition, scope) or (below and under):
            found.append(definition_body(call, definition))
    return call.page(found, PAGE)


def _get(call: Call) -> Response:
    # a built-in role can be read by anybody who is signed in, without a scope
    if call.params["scope"]:
        require(call, _DEFINITIONS + "/read")
    with call.cloud.lock:
        definition = call.cloud.role_definitions.get(call.params["name"].casefold())
    if definition is None:
        text = f"The specified role definition with ID '{call.params['name']}' does not exist."
        raise front_door(404, "RoleDefinitionDoesNotExist", text)
    return JSONResponse(definition_body(call, definition))


def _put(call: Call) -> Response:
    """Create or replace a custom role: 201 when it is new, else 200 (the specification knows 201 alone)."""
    name = call.params["name"].casefold()
    try:
        uuid.UUID(name)
    except ValueError:
        text = f"The role definition ID '{name}' is not valid. The role definition ID must be a GUID."
        raise front_door(400, "InvalidRoleDefinitionId", text) from None
    with call.cloud.lock:
        known = call.cloud.role_definitions.get(name)
        old = known["properties"] if known else {}
        if old.get("type") == "BuiltInRole":
            text = "A role definition with this ID already exists, and it is built in."
            raise front_door(409, "RoleDefinitionExists", text)
        properties = _checked(call, name)
        for scope in dict.fromkeys((*properties["assignableScopes"], *(old.get("assignableScopes") or ()))):
            _require_write(call, scope, "write")
        now = call.cloud.clock.story().strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
        me = call.principal.object_id
        properties |= {
            "createdOn": old.get("createdOn", now),
            "updatedOn": now,
            "createdBy": old.get("createdBy", me),
            "updatedBy": me,
        }
        definition: Json = {
            "id": f"/providers/{_DEFINITIONS}/{name}",
            "type": _DEFINITIONS,
            "name": name,
            "properties": properties,
        }
        call.cloud.role_definitions[name] = definition
    body = definition_body(call, definition)
    status = 200 if known else 201
    record(call, _DEFINITIONS + "/Write", body["id"], "Succeeded", "OK" if known else "Created", status, None)
    return JSONResponse(body, status)


def _delete(call: Call) -> Response:
    name = call.params["name"].casefold()
    with call.cloud.lock:
        definition = call.cloud.role_definitions.get(name)
        if definition is None:
            require(call, _DEFINITIONS + "/delete")
            return Response(status_code=204)
        if definition["properties"]["type"] == "BuiltInRole":
            raise front_door(400, "BuiltInRoleDeletionNotAllowed", "A built-in role cannot be deleted.")
        for scope in definition["properties"]["assignableScopes"]:
            _require_write(call, scope, "delete")
        if any(one.role_id == name for one in call.cloud.role_assignments.values()):
            text = "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments)."
            raise front_door(400, "RoleDefinitionHasAssignments", text)
        del call.cloud.role_definitions[name]
    body = definition_body(call, definition)
    record(call, _DEFINITIONS + "/Delete", body["id"], "Succeeded", "OK", 200, None)
    return JSONResponse(body)


def _require_write(call: Call, scope: str, verb: str) -> None:
    """The right is needed on every assignable scope (Azure's document on custom roles)."""
    try:
        call.require(f"{_DEFINITIONS}/{verb}", scope)
    except ArmError as problem:
        operation = f"{_DEFINITIONS}/{verb.title()}"
        record(call, operation, scope, "Failed", "Forbidden", problem.status, problem.body)
        raise


def _checked(call: Call, name: str) -> Json:
    """Return the properties of a definition that may be stored; raises the first thing that is wrong with it."""
    properties = call.json().get("properties")
    if not isinstance(properties, dict):
        raise front_door(400, "InvalidRequestContent", "The role definition has no properties.")
    if str(properties.get("type") or "CustomRole").casefold() != "customrole":
        raise front_door(400, "InvalidRoleDefinitionType", "The type of a role definition must be CustomRole.")
    title = properties.get("roleName")
    if not isinstance(title, str) or not title.strip():
        raise front_door(400, "RoleDefinitionNameNullOrEmpty", "The role definition has no name.")
    description = properties.get("description") or ""
    if len(title) > 128 or len(str(description)) > 1024:
        raise front_door(400, "InvalidRoleDefinition", "A name has at most 128 characters, a description 1024.")
    for other, definition in call.cloud.role_definitions.items():
        if other != name and definition["properties"]["roleName"].casefold() == title.casefold():
            text = "A custom role with the same name already exists in this directory. Use a different name"
            raise front_door(409, "RoleDefinitionWithSameNameExists", text)
    permissions = _permissions(properties.get("permissions"))
    scopes = properties.get("assignableScopes")
    if not isinstance(scopes, list) or not scopes:
        raise front_door(400, "MissingAssignableScopes", "The role definition has no assignable scope.")
    for scope in scopes:
        _check_scope(call, scope)
    if sum(bool(_GROUP.fullmatch(scope)) for scope in scopes) > 1:
        text = "A custom role can have at most one management group in its assignable scopes."
        raise front_door(400, "InvalidAssignableScopes", text)
    return {
        "roleName": title,
        "type": "CustomRole",
        "description": description,
        "assignableScopes": list(scopes),
        "permissions": permissions,
    }


def _permissions(blocks: Any) -> list[Json]:
    if not isinstance(blocks, list) or not all(isinstance(one, dict) for one in blocks):
        raise front_door(400, "InvalidRequestContent", "The role definition has no permissions.")
    found = []
    for block in blocks:
        kept: Json = {}
        for name, plane in _LISTS:
            entries = block.get(name) or []
            if not isinstance(entries, list) or not all(isinstance(one, str) for one in entries):
                raise front_door(400, "InvalidRequestContent", f"'{name}' is not a list of texts.")
            for entry in entries:
                if not _supported(entry, plane):
                    text = f"'{entry}' does not match any of the actions supported by the providers."
                    raise front_door(400, "InvalidActionOrNotAction", text)
            kept[name] = list(entries)
        found.append(kept)  # without condition and conditionVersion: the API has them read-only
    return found


def _supported(entry: str, plane: Plane) -> bool:
    """Say whether some operation of a plane is meant: only those of the catalogue are known here.

    So an operation of a provider that the catalogue knows in part only may be refused here though Azure has it.
    """
    return any(one.plane is plane and rbac.covers(entry, one.name) for one in OPERATIONS)


def _check_scope(call: Call, scope: Any) -> None:
    """Refuse what is no scope, and what is not here."""
    if isinstance(scope, str) and _GROUP.fullmatch(scope):
        return
    found = _SCOPE.fullmatch(scope) if isinstance(scope, str) else None
    if found is None:
        text = (
            f"Property id '{scope}' at path 'properties.assignableScopes' is invalid. Expect fully qualified resource "
            "Id that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'."
        )
        raise front_door(400, "LinkedInvalidPropertyId", text)
    cloud = call.cloud
    if found["subscription"].casefold() != cloud.subscription_id.casefold():
        raise front_door(404, "SubscriptionNotFound", f"The subscription '{found['subscription']}' could not be found.")
    group = re.match(r"/resourcegroups/([^/]+)", found["rest"], re.IGNORECASE)
    if group and group[1].casefold() not in {one.casefold() for one in groups(cloud)}:
        raise front_door(404, "ResourceGroupNotFound", f"Resource group '{group[1]}' could not be found.")


def _own_permissions(call: Call) -> Response:
    """Answer what the caller's roles grant at the scope, one block of permissions for each assignment."""
    scope = call.params["scope"]
    call.require_any_role("Microsoft.Authorization/permissions/read")
    with call.cloud.lock:
        ids = rbac.identities(call.cloud, call.principal.object_id)
        found = [
            block
            for one in call.cloud.role_assignments.values()
            if one.principal_id.casefold() in ids and rbac.scope_covers(one.scope, scope)
            for block in call.cloud.role_definitions.get(one.role_id, {}).get("properties", {}).get("permissions", ())
        ]
    return call.page(found, PAGE)


def _provider_operations(call: Call) -> Response:
    """Answer the operations of one provider, by resource type with `$expand=resourceTypes`."""
    call.require_any_role("Microsoft.Authorization/providerOperations/read")
    wanted = call.params["namespace"].casefold()
    found = [one for one in OPERATIONS if one.provider.casefold() == wanted]
    if not found:
        raise front_door(404, "ProviderNotFound", f"The provider '{call.params['namespace']}' was not found.")
    return JSONResponse(_provider_body(found, call.query.get("$expand", "").casefold() == "resourcetypes"))


def _all_providers(call: Call) -> Response:
    call.require_any_role("Microsoft.Authorization/providerOperations/read")
    expand = call.query.get("$expand", "").casefold() == "resourcetypes"
    names = dict.fromkeys(one.provider for one in OPERATIONS)
    bodies = [_provider_body([one for one in OPERATIONS if one.provider == name], expand) for name in names]
    return call.page(bodies, PAGE)


def _provider_body(found: list[Operation], expand: bool) -> Json:
    name = found[0].provider
    kinds: dict[str, list[Operation]] = {}
    plain: list[Operation] = []
    for one in found:
        parts = one.name.split("/")
        verb = 2 if parts[-1].casefold() == "action" else 1
        kind = "/".join(parts[1:-verb])
        if kind and expand:
            kinds.setdefault(kind, []).append(one)
        elif not kind:
            plain.append(one)
    return {
        "id": f"/providers/Microsoft.Authorization/providerOperations/{name}",
        "type": "Microsoft.Authorization/providerOperations",
        "name": name,
        "displayName": name,
        "resourceTypes": [
            {"name": kind, "displayName": kind, "operations": [_operation_body(one) for one in some]}
            for kind, some in kinds.items()
        ],
        "operations": [_operation_body(one) for one in plain],
    }


def _operation_body(one: Operation) -> Json:
    words = one.words[:1].upper() + one.words[1:] if one.words else one.name.rpartition("/")[2]
    return {
        "name": one.name,
        "displayName": words,
        "description": words,
        "origin": "user,system",
        "properties": None,
        "isDataAction": one.plane is Plane.DATA,
    }


ROUTES = (
    Route("GET", _BASE + "/roleDefinitions", _list),
    Route("GET", _BASE + "/roleDefinitions/{name}", _get),
    Route("PUT", _BASE + "/roleDefinitions/{name}", _put),
    Route("DELETE", _BASE + "/roleDefinitions/{name}", _delete),
    Route("GET", _BASE + "/permissions", _own_permissions),
    Route("GET", "/providers/Microsoft.Authorization/providerOperations", _all_providers),
    Route("GET", "/providers/Microsoft.Authorization/providerOperations/{namespace}", _provider_operations),
)

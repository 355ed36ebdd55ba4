"""Role definitions and role assignments over ARM (api 2022-04-01)."""

from __future__ import annotations

import re
import uuid

from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import Call, Route, record
from console.localhub.arm_errors import ArmError, front_door
from console.localhub.rbac import scope_covers
from console.localhub.state import Cloud, Json, RoleAssignment

_BASE = "{scope}/providers/Microsoft.Authorization"
_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
PAGE = 100
_CLAUSE = re.compile(
    r"atScope\(\)|atScopeAndBelow\(\)|assignedTo\('(?P<to>[^']*)'\)|(?P<field>\w+)\s+eq\s+'(?P<value>(?:[^']|'')*)'",
    re.IGNORECASE,
)


def assignment_body(cloud: Cloud, assignment: RoleAssignment) -> Json:
    """Return the ARM body of a role assignment."""
    scope = assignment.scope.rstrip("/")
    definition = f"/subscriptions/{cloud.subscription_id}/providers/Microsoft.Authorization/roleDefinitions/"
    return {
        "properties": {
            "roleDefinitionId": definition + assignment.role_id,
            "principalId": assignment.principal_id,
            "principalType": assignment.principal_type,
            "scope": assignment.scope or "/",
            "condition": None,
            "conditionVersion": None,
            "createdOn": assignment.created,
            "updatedOn": assignment.created,
            "createdBy": None,
            "updatedBy": None,
            "delegatedManagedIdentityResourceId": None,
            "description": None,
        },
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment.name}",
        "type": _ASSIGNMENTS,
        "name": assignment.name,
    }


def _filter(text: str) -> tuple[bool, dict[str, str]]:
    """Read a filter into (only at the scope and above, equalities by lower-case field); raises 400."""
    at_scope, equal = False, {}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        found = _CLAUSE.fullmatch(part.strip())
        if found is None:
            raise front_door(400, "InvalidFilter", f"The filter '{part}' is not supported.")
        if found.group("to") is not None:
            equal["principalid"] = found.group("to")
        elif found.group("field") is not None:
            equal[found.group("field").casefold()] = found.group("value").replace("''", "'")
        else:
            at_scope = at_scope or part.casefold().startswith("atscope()")
    return at_scope, equal


def _require(call: Call, action: str, operation: str | None = None) -> str:
    """Check a role for an action at the path's scope and return the scope; a refused write goes to the activity log."""
    scope = call.params["scope"] or "/"
    try:
        call.require(action, scope)
    except ArmError as problem:
        if operation:
            record(call, operation, scope, "Failed", "Forbidden", problem.status, problem.body)
        raise
    return scope


def _list_assignments(call: Call) -> Response:
    """Answer assignments at, above and below the scope; `atScope()` leaves out those below."""
    scope = _require(call, _ASSIGNMENTS + "/read")
    at_scope, equal = _filter(call.query.get("$filter", ""))
    if set(equal) - {"principalid"}:
        raise front_door(400, "InvalidFilter", "Assignments can be filtered by principalId or assignedTo() only.")
    with call.cloud.lock:
        known = list(call.cloud.role_assignments.values())
    found = [
        assignment_body(call.cloud, assignment)
        for assignment in known
        if (scope_covers(assignment.scope, scope) or (not at_scope and scope_covers(scope, assignment.scope)))
        and equal.get("principalid", assignment.principal_id).casefold() == assignment.principal_id.casefold()
    ]
    return call.page(found, PAGE)


def _stored(call: Call) -> RoleAssignment:
    with call.cloud.lock:
        assignment = call.cloud.role_assignments.get(call.params["name"].casefold())
    if assignment is None or assignment.scope.casefold().rstrip("/") != call.params["scope"].casefold().rstrip("/"):
        text = f"The role assignment '{call.params['name']}' is not found."
        raise front_door(404, "RoleAssignmentNotFound", text)
    return assignment


def _get_assignment(call: Call) -> Response:
    _require(call, _ASSIGNMENTS + "/read")
    return JSONResponse(assignment_body(call.cloud, _stored(call)))


def _put_assignment(call: Call) -> Response:
    """Create an assignment; the same triple under another name is refused, as is changing one that exists."""
    scope = _require(call, _ASSIGNMENTS + "/write", _ASSIGNMENTS + "/Write")
    name = call.params["name"].casefold()
    try:
        uuid.UUID(name)
    except ValueError:
        text = f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
        raise front_door(400, "InvalidRoleAssignmentId", text) from None
    properties = call.json().get("properties")
    if not isinstance(properties, dict) or not properties.get("principalId") or not properties.get("roleDefinitionId"):
        raise front_door(400, "InvalidRequestContent", "The principal and the role definition are needed.")
    role, principal = str(properties["roleDefinitionId"]).rpartition("/")[2].casefold(), str(properties["principalId"])
    with call.cloud.lock:
        if role not in call.cloud.role_definitions:
            text = f"The specified role definition with ID '{role}' does not exist."
            raise front_door(400, "RoleDefinitionDoesNotExist", text)
        triple = (scope.casefold(), principal.casefold(), role)
        for other in call.cloud.role_assignments.values():
            if (other.scope.casefold(), other.principal_id.casefold(), other.role_id) == triple and other.name != name:
                raise front_door(409, "RoleAssignmentExists", "The role assignment already exists.")
        known = call.cloud.role_assignments.get(name)
        if known is not None and (known.scope.casefold(), known.principal_id.casefold(), known.role_id) != triple:
            text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise front_door(400, "RoleAssignmentUpdateNotPermitted", text)
        assignment = known or RoleAssignment(
            name,
            principal,
            role,
            scope,
            str(properties.get("principalType") or "ServicePrincipal"),
            call.cloud.clock.story().strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z",
        )
        call.cloud.role_assignments[name] = assignment
    status = 200 if known is not None else 201
    body = assignment_body(call.cloud, assignment)
    record(call, _ASSIGNMENTS + "/Write", body["id"], "Succeeded", "Created" if status == 201 else "OK", status, None)
    return JSONResponse(body, status)


def _delete_assignment(call: Call) -> Response:
    _require(call, _ASSIGNMENTS + "/delete", _ASSIGNMENTS + "/Delete")
    try:
        assignment = _stored(call)
    except ArmError:
        return Response(status_code=204)
    body = assignment_body(call.cloud, assignment)
    with call.cloud.lock:
        call.cloud.role_assignments.pop(assignment.name, None)
    record(call, _ASSIGNMENTS + "/Delete", body["id"], "Succeeded", "OK", 200, None)
    return JSONResponse(body)


def _list_definitions(call: Call) -> Response:
    _require(call, "Microsoft.Authorization/roleDefinitions/read")
    _, equal = _filter(call.query.get("$filter", ""))
    with call.cloud.lock:
        known = list(call.cloud.role_definitions.values())
    found = []
    for definition in known:
        properties = definition["properties"]
        if equal.get("rolename", properties["roleName"]).casefold() != properties["roleName"].casefold():
            continue
        if equal.get("type", properties["type"]).casefold() != properties["type"].casefold():
            continue
        found.append(_definition_body(call, definition))
    return call.page(found, PAGE)


def _definition_body(call: Call, definition: Json) -> Json:
    identity = f"/subscriptions/{call.cloud.subscription_id}{definition['id']}"
    return {**definition, "id": identity if definition["id"].startswith("/providers/") else definition["id"]}


def _get_definition(call: Call) -> Response:
    # a built-in role can be read by anybody who is signed in, without a scope
    if call.params["scope"]:
        _require(call, "Microsoft.Authorization/roleDefinitions/read")
    with call.cloud.lock:
        definition = call.cloud.role_definitions.get(call.params["name"].casefold())
    if definition is None:
        text = f"The specified role definition with ID '{call.params['name']}' does not exist."
        raise front_door(404, "RoleDefinitionDoesNotExist", text)
    return JSONResponse(_definition_body(call, definition))


ROUTES = (
    Route("GET", _BASE + "/roleAssignments", _list_assignments),
    Route("GET", _BASE + "/roleAssignments/{name}", _get_assignment),
    Route("PUT", _BASE + "/roleAssignments/{name}", _put_assignment),
    Route("DELETE", _BASE + "/roleAssignments/{name}", _delete_assignment),
    Route("GET", _BASE + "/roleDefinitions", _list_definitions),
    Route("GET", _BASE + "/roleDefinitions/{name}", _get_definition),
)

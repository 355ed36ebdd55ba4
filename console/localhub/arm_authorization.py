"""Role assignments and deny assignments over ARM (api 2022-04-01)."""

from __future__ import annotations

import uuid

from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import Call, Route, record
from console.localhub.arm_errors import ArmError, front_door
from console.localhub.arm_filters import PAGE, read_filter, require
from console.localhub.arm_roles import assignable
from console.localhub.rbac import EVERYONE, identities, scope_covers
from console.localhub.state import Cloud, Json, RoleAssignment

_BASE = "{scope}/providers/Microsoft.Authorization"
_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"


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
            "condition": assignment.condition or None,
            "conditionVersion": "2.0" if assignment.condition else None,
            "createdOn": assignment.created,
            "updatedOn": assignment.created,
            "createdBy": assignment.created_by or None,
            "updatedBy": assignment.created_by or None,
            "delegatedManagedIdentityResourceId": None,
            "description": assignment.description or None,
        },
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment.name}",
        "type": _ASSIGNMENTS,
        "name": assignment.name,
    }


def _list_assignments(call: Call) -> Response:
    """Answer assignments at, above and below the scope; `atScope()` leaves out those below."""
    scope = require(call, _ASSIGNMENTS + "/read")
    at_scope, equal = read_filter(call.query.get("$filter", ""))
    if set(equal) - {"principalid", "assignedto"}:
        raise front_door(400, "InvalidFilter", "Assignments can be filtered by principalId or assignedTo() only.")
    with call.cloud.lock:
        known = list(call.cloud.role_assignments.values())
        if equal.get("assignedto", "").casefold() in {one.casefold() for one in call.cloud.groups}:
            text = "The filter assignedTo() takes the object ID of a user or service principal, not of a group."
            raise front_door(400, "InvalidFilter", text)
        ids = identities(call.cloud, equal["assignedto"]) if "assignedto" in equal else set()
    found = [
        assignment_body(call.cloud, assignment)
        for assignment in known
        if (scope_covers(assignment.scope, scope) or (not at_scope and scope_covers(scope, assignment.scope)))
        and equal.get("principalid", assignment.principal_id).casefold() == assignment.principal_id.casefold()
        and (not ids or assignment.principal_id.casefold() in ids)
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
    require(call, _ASSIGNMENTS + "/read")
    return JSONResponse(assignment_body(call.cloud, _stored(call)))


def _put_assignment(call: Call) -> Response:
    """Create an assignment; the same triple under another name is refused, as is changing one that exists."""
    scope = require(call, _ASSIGNMENTS + "/write", _ASSIGNMENTS + "/Write")
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
        if not assignable(call.cloud.role_definitions[role], scope):
            text = f"The role definition '{role}' is not assignable at the scope '{scope}'."
            raise front_door(400, "RoleDefinitionNotAssignable", text)  # the code is a guess
        _check_principal(call, principal, str(properties.get("principalType") or ""))
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
            str(properties.get("principalType") or _type_of(call, principal)),
            call.cloud.clock.story().strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z",
            call.principal.object_id,
            str(properties.get("description") or ""),
            str(properties.get("condition") or ""),
        )
        call.cloud.role_assignments[name] = assignment
    status = 200 if known is not None else 201
    body = assignment_body(call.cloud, assignment)
    record(call, _ASSIGNMENTS + "/Write", body["id"], "Succeeded", "Created" if status == 201 else "OK", status, None)
    return JSONResponse(body, status)


def _check_principal(call: Call, principal: str, kind: str) -> None:
    """Refuse somebody whom the directory does not know, unless the type of a new application is told.

    `principalType` ServicePrincipal is Azure's way round its slow replication (its article on assigning by template).
    """
    try:
        uuid.UUID(principal)
    except ValueError:
        text = f"The principal ID '{principal}' is not valid. Principal ID must be a GUID."
        raise front_door(400, "InvalidPrincipalId", text) from None
    folded = {one.casefold() for one in (*call.cloud.principals, *call.cloud.groups)}
    folded |= {one.principal_id.casefold() for one in call.cloud.role_assignments.values()}
    if principal.casefold() not in folded and kind.casefold() != "serviceprincipal":
        text = (
            f"Principal {principal.replace('-', '')} does not exist in the directory {call.cloud.tenant_id}. Check "
            "that you have the correct principal ID. If you are creating this principal and then immediately assigning "
            "a role, this error might be related to a replication delay. In this case, set the role assignment "
            "principalType property to a value, such as ServicePrincipal, User, or Group."
        )
        raise front_door(400, "PrincipalNotFound", text)


def _type_of(call: Call, principal: str) -> str:
    if principal.casefold() in {one.casefold() for one in call.cloud.groups}:
        return "Group"
    known = call.cloud.principals.get(principal)
    return "User" if known is not None and known.upn else "ServicePrincipal"


def _delete_assignment(call: Call) -> Response:
    require(call, _ASSIGNMENTS + "/delete", _ASSIGNMENTS + "/Delete")
    try:
        assignment = _stored(call)
    except ArmError:
        return Response(status_code=204)
    body = assignment_body(call.cloud, assignment)
    with call.cloud.lock:
        call.cloud.role_assignments.pop(assignment.name, None)
    record(call, _ASSIGNMENTS + "/Delete", body["id"], "Succeeded", "OK", 200, None)
    return JSONResponse(body)


def _denials(call: Call) -> list[Json]:
    """Return the deny assignments that a filter leaves; a user's or application's groups count with `assignedTo()`."""
    scope = require(call, "Microsoft.Authorization/denyAssignments/read")
    at_scope, equal = read_filter(call.query.get("$filter", ""))
    if set(equal) - {"principalid", "assignedto", "denyassignmentname"}:
        raise front_door(400, "InvalidFilter", "Deny assignments cannot be filtered by that.")
    with call.cloud.lock:
        known = list(call.cloud.deny_assignments.values())
        ids = identities(call.cloud, equal["assignedto"]) | {EVERYONE} if "assignedto" in equal else set()
    found = []
    for body in known:
        properties = body["properties"]
        where = str(properties.get("scope") or "/")
        named = {str(one["id"]).casefold() for one in properties.get("principals") or ()}
        if not (scope_covers(where, scope) or (not at_scope and scope_covers(scope, where))):
            continue
        if ids and not ids & named:
            continue
        if "principalid" in equal and equal["principalid"].casefold() not in named:
            continue
        name = str(properties.get("denyAssignmentName"))
        if equal.get("denyassignmentname", name).casefold() == name.casefold():
            found.append(body)
    return found


def _list_denials(call: Call) -> Response:
    return call.page(_denials(call), PAGE)


def _get_denial(call: Call) -> Response:
    for body in _denials(call):
        if str(body["name"]).casefold() == call.params["name"].casefold():
            return JSONResponse(body)
    text = f"The deny assignment '{call.params['name']}' is not found."
    raise front_door(404, "DenyAssignmentNotFound", text)


ROUTES = (
    Route("GET", _BASE + "/roleAssignments", _list_assignments),
    Route("GET", _BASE + "/roleAssignments/{name}", _get_assignment),
    Route("PUT", _BASE + "/roleAssignments/{name}", _put_assignment),
    Route("DELETE", _BASE + "/roleAssignments/{name}", _delete_assignment),
    Route("GET", _BASE + "/denyAssignments", _list_denials),
    Route("GET", _BASE + "/denyAssignments/{name}", _get_denial),
)

"""Roles, role assignments and deny assignments (Microsoft.Authorization), by plain ARM; api 2022-04-01."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from console.gateways.arm import Arm
from console.gateways.documents import AUTHORIZATION
from console.gateways.shapes import answers_of
from console.model.errors import ConsoleError, ErrorKind
from console.model.role import DenyAssignment, Permissions, RoleAssignment, RoleDefinition
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel

_PROVIDER = "providers/Microsoft.Authorization"
_READER = "Reader (on the hub)"


@answers_of("the resource manager")
class AuthorizationGateway:
    """What the resource manager tells about access at a scope. All raise ConsoleError."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def assignments(
        self, scope: str, principal: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Sequence[RoleAssignment]:
        """Return the assignments at a scope and above; with `principal` those that reach it, its groups' too."""
        what = "The role assignments could not be read"
        return [_assignment(body) for body in self._list(what, scope, "roleAssignments", _at(principal), cancel)]

    def definitions(self, scope: str, cancel: Cancel = NEVER_CANCELLED) -> Sequence[RoleDefinition]:
        """Return the roles that can be assigned at a scope."""
        what = "The roles could not be read"
        return [_definition(body) for body in self._list(what, scope, "roleDefinitions", "", cancel)]

    def definition(self, guid: str, scope: str, cancel: Cancel = NEVER_CANCELLED) -> RoleDefinition | None:
        """Return one role by its GUID, None when there is none."""
        what = "The role could not be read"
        try:
            body = self._arm.get(what, f"{_base(scope)}/roleDefinitions/{guid}", AUTHORIZATION, cancel, role=_READER)
        except ConsoleError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise
        return _definition(_mapping(body, what))

    def denials(self, scope: str, principal: str = "", cancel: Cancel = NEVER_CANCELLED) -> Sequence[DenyAssignment]:
        """Return the deny assignments at a scope and above."""
        what = "The deny assignments could not be read"
        return [_denial(body) for body in self._list(what, scope, "denyAssignments", _at(principal), cancel)]

    def _list(self, what: str, scope: str, kind: str, query: str, cancel: Cancel) -> list[dict[str, Any]]:
        params = {**AUTHORIZATION, **({"$filter": query} if query else {})}
        bodies = self._arm.pages(what, f"{_base(scope)}/{kind}", params, cancel, role=_READER)
        return [_mapping(body, what) for body in bodies]


def _base(scope: str) -> str:
    return f"{scope.rstrip('/')}/{_PROVIDER}"


def _at(principal: str) -> str:
    return f"atScope() and assignedTo('{principal}')" if principal else "atScope()"


def _mapping(body: Any, what: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a list of resources", "Check the endpoints")
    return body


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    found = body.get("properties")
    return found if isinstance(found, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(clean(one) for one in value) if isinstance(value, list) else ()


def _time(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the second: an edge of the calendar, moved beyond it
        return None


def _blocks(value: Any) -> tuple[Permissions, ...]:
    return tuple(
        Permissions(
            _texts(one.get("actions")),
            _texts(one.get("notActions")),
            _texts(one.get("dataActions")),
            _texts(one.get("notDataActions")),
            clean(one.get("condition"), multiline=True),
            clean(one.get("conditionVersion")),
        )
        for one in (value if isinstance(value, list) else ())
        if isinstance(one, dict)
    )


def _definition(body: dict[str, Any]) -> RoleDefinition:
    properties = _properties(body)
    return RoleDefinition(
        guid=clean(body.get("name")).casefold(),
        name=clean(properties.get("roleName")),
        description=clean(" ".join(str(properties.get("description") or "").split())),
        custom=str(properties.get("type") or "").casefold() == "customrole",
        permissions=_blocks(properties.get("permissions")),
        assignable_scopes=_texts(properties.get("assignableScopes")),
        updated=_time(properties.get("updatedOn")),
        updated_by=clean(properties.get("updatedBy")),
    )


def _assignment(body: dict[str, Any]) -> RoleAssignment:
    properties = _properties(body)
    return RoleAssignment(
        arm_id=clean(body.get("id")),
        name=clean(body.get("name")).casefold(),
        principal_id=clean(properties.get("principalId")).casefold(),
        principal_type=clean(properties.get("principalType")) or "Unknown",
        role=clean(properties.get("roleDefinitionId")).rpartition("/")[2].casefold(),
        scope=clean(properties.get("scope")) or "/",
        condition=clean(properties.get("condition")),
        description=clean(properties.get("description")),
        created=_time(properties.get("createdOn")),
        created_by=clean(properties.get("createdBy")).casefold(),
        updated=_time(properties.get("updatedOn")),
        updated_by=clean(properties.get("updatedBy")).casefold(),
    )


def _denial(body: dict[str, Any]) -> DenyAssignment:
    properties = _properties(body)

    def ids(name: str, groups_only: bool = False) -> tuple[str, ...]:
        found = properties.get(name)
        return tuple(
            clean(one.get("id")).casefold()
            for one in (found if isinstance(found, list) else ())
            if isinstance(one, dict)
            and not (groups_only and str(one.get("type")).casefold() in {"user", "serviceprincipal"})
        )

    return DenyAssignment(
        name=clean(properties.get("denyAssignmentName") or body.get("name")),
        scope=clean(properties.get("scope")) or "/",
        permissions=_blocks(properties.get("permissions")),
        principals=ids("principals"),
        excluded=ids("excludePrincipals"),
        this_scope_only=bool(properties.get("doNotApplyToChildScopes")),
        condition=clean(properties.get("condition")),
        excluded_groups=ids("excludePrincipals", groups_only=True),
    )

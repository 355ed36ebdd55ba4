"""Entra roles: what they grant, who has them where, and what was found about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from console.model.change import Severity
from console.model.errors import ConsoleError
from console.model.operations import Plane

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
LOG_ANALYTICS_READER = "73c42c96-874c-492b-b04d-ab87d138a893"
DATA_CONTRIBUTOR = "4fc6c259-987e-4a07-842e-c321cc9d413f"
DATA_READER = "b447c946-2db7-41ec-983d-d8bf3b1c77e3"
REGISTRY_CONTRIBUTOR = "4ea46cd5-c1b2-4a8e-910b-273211f9ce47"
TWIN_CONTRIBUTOR = "494bdba2-168f-4f31-a0a1-191d2f7c028c"
DPS_DATA_CONTRIBUTOR = "dfce44e4-17b7-4bd1-a6d1-04996ec95633"
DPS_DATA_READER = "10745317-c249-44a1-a5ce-3a4353c0bbd8"
"""GUIDs of built-in roles, the same in every cloud (Azure's list of built-in roles)."""

GRANT = "Microsoft.Authorization/roleAssignments/write"
"""The operation that giving a role needs."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """One block of a role: what `actions` grant less `notActions`, and the same for data. Patterns, as written.

    `condition` is text in Azure's condition language that limits the block, empty mostly; `condition_version` "2.0".
    """

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()
    condition: str = ""
    condition_version: str = ""


@dataclass(frozen=True)
class RoleDefinition:
    """A role. `guid` is lower case, empty for one that does not exist yet; `custom` False is one of Azure's own."""

    guid: str
    name: str
    description: str = ""
    custom: bool = True
    permissions: tuple[Permissions, ...] = ()
    assignable_scopes: tuple[str, ...] = ()
    updated: datetime | None = None
    updated_by: str = ""

    @property
    def planes(self) -> frozenset[Plane]:
        """On which planes it grants something (as written: a list that is not empty)."""
        found = set()
        if any(block.actions for block in self.permissions):
            found.add(Plane.CONTROL)
        if any(block.data_actions for block in self.permissions):
            found.add(Plane.DATA)
        return frozenset(found)


@dataclass(frozen=True)
class RoleAssignment:
    """Who has which role where. `role` is the GUID of the definition in lower case, `scope` a resource id or "/".

    `principal_type` is the service's word: User, Group, ServicePrincipal, ForeignGroup, Device, Unknown. Times are UTC;
    `created_by` is an object id. `condition` is text in Azure's condition language, empty mostly.
    """

    arm_id: str
    name: str
    principal_id: str
    principal_type: str
    role: str
    scope: str
    condition: str = ""
    description: str = ""
    created: datetime | None = None
    created_by: str = ""
    updated: datetime | None = None
    updated_by: str = ""


@dataclass(frozen=True)
class DenyAssignment:
    """What is forbidden whatever roles say. `principals` has "everyone" as the all-zero GUID of type SystemDefined.

    `excluded_groups` are those of `excluded` that are no user and no application: who is in them is not told.
    `reached`: the resource manager said that it reaches the principal of the facts, through a group perhaps.
    """

    name: str
    scope: str
    permissions: tuple[Permissions, ...]
    principals: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    this_scope_only: bool = False
    condition: str = ""
    excluded_groups: tuple[str, ...] = ()
    reached: bool = False


@dataclass(frozen=True)
class AccessFacts:
    """What the resource manager told about one scope and all above it.

    Attributes:
        scope: the resource id asked about.
        at: when it was read, UTC.
        assignments: those at the scope and above; with `principal` only those that reach it, groups included.
        definitions: the roles by GUID (lower case), built-in and custom.
        principal: the object id that `assignedTo()` was asked for; empty: everybody's.
        denials: deny assignments at the scope and above.
        denials_error: why those could not be read; then an answer "yes" is not certain.
        missing: GUIDs of roles that are assigned and were not told.
    """

    scope: str
    at: datetime
    assignments: tuple[RoleAssignment, ...]
    definitions: Mapping[str, RoleDefinition]
    principal: str = ""
    denials: tuple[DenyAssignment, ...] = ()
    denials_error: ConsoleError | None = None
    missing: frozenset[str] = frozenset()


class Answer(StrEnum):
    """Whether somebody may do something."""

    YES = "yes"
    NO = "no"
    CONDITIONAL = "conditional"  # only under a condition, which is not evaluated here
    UNKNOWN = "unknown"  # something that decides could not be read


@dataclass(frozen=True)
class Grant:
    """Through what an operation is allowed: an assignment, its role, and the pattern of it that matches.

    `via` is the object id of the group that has the role, empty when the principal has it itself. `inherited` is
    whether the assignment stands above the scope.
    """

    assignment: RoleAssignment
    role: RoleDefinition
    pattern: str
    via: str = ""
    inherited: bool = False


@dataclass(frozen=True)
class Verdict:
    """May a principal do an operation at a scope, and why.

    Attributes:
        answer: yes, no, conditional, unknown.
        operation, plane, scope, principal: what was asked.
        through: every way that allows it.
        excepted: (role name, pattern of notActions or notDataActions) that took it away in a role.
        denied_by: names of deny assignments that forbid it.
        why: one sentence.
        hint: what to do next, one sentence; empty when it is allowed.
    """

    answer: Answer
    operation: str
    plane: Plane
    scope: str
    principal: str
    through: tuple[Grant, ...] = ()
    excepted: tuple[tuple[str, str], ...] = ()
    denied_by: tuple[str, ...] = ()
    why: str = ""
    hint: str = ""


@dataclass(frozen=True)
class RoleFinding:
    """Something wrong, or risky, in a role or an assignment.

    Attributes:
        code: stable id: data-action-under-actions, control-action-under-data-actions, unknown-operation,
            wildcard-wide, listkeys, owner-without-data, not-actions-no-deny, scope-missing, scope-is-resource,
            grants-nothing, can-give-roles, wide-scope, orphan-unknown, duplicate, scope-placeholder, unknown-member,
            member-case, member-twice, condition-not-kept, operation-not-known, not-known, name-placeholder,
            id-malformed.
        severity: how bad.
        role: the role's name.
        message: what is wrong and why it matters, one sentence.
        hint: what to do, one sentence.
        entries: the patterns or scopes it is about.
        fixable: whether the corrected role removes it.
        assignment: the name (GUID) of the assignment it is about, empty for a role.
    """

    code: str
    severity: Severity
    role: str
    message: str
    hint: str = ""
    entries: tuple[str, ...] = ()
    fixable: bool = False
    assignment: str = ""


@dataclass(frozen=True)
class RoleRead:
    """A role as a text describes it. `findings` are about the text itself; `lost` names what of it is not in `role`."""

    role: RoleDefinition
    findings: tuple[RoleFinding, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoleFile:
    """The roles of one file; `findings` are about the file as a whole, `aside` names what in it is no role."""

    roles: tuple[RoleRead, ...]
    findings: tuple[RoleFinding, ...] = ()
    aside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Correction:
    """A role put right, as JSON in `form` ("az" or "rest"), or in `refused` why there is none; both empty: no need.

    `note` says why the form is not the one that Azure CLI takes.
    """

    form: str = ""
    definition: dict[str, object] | None = None
    refused: str = ""
    note: str = ""


@dataclass(frozen=True)
class RoleTemplate:
    """A ready role: what it is for, and what it grants."""

    id: str
    name: str
    description: str
    permissions: Permissions
    words: str = ""


@dataclass(frozen=True)
class Feature:
    """Something that the console does, and the operations it needs for that.

    `needs` are at the hub unless said otherwise in `elsewhere`: (operation, "workspace" | "dps" | "group" |
    "subscription").
    """

    id: str
    title: str
    writes: bool
    actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    elsewhere: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Holder:
    """Somebody who can give a role: an object id, its type, a name where one is known, the role and where it stands."""

    principal_id: str
    principal_type: str
    name: str
    role: str
    scope: str


@dataclass(frozen=True)
class AccessReading:
    """The Access pane's reading: everybody's assignments, the roles, what was found, and who we are.

    `names` maps object ids to names, as far as the activity log and our own token tell them. `mine` are the object
    ids through which roles reach us: our own and those of our groups; empty: not known. `own` says what we may do here
    ("write devices", yes), `granters` who can give roles.
    """

    facts: AccessFacts
    me: str
    names: Mapping[str, str] = field(default_factory=dict)
    mine: frozenset[str] = frozenset()
    findings: tuple[RoleFinding, ...] = ()
    notes: tuple[str, ...] = ()
    own: tuple[tuple[str, Answer], ...] = ()
    granters: tuple[Holder, ...] = ()


@dataclass(frozen=True)
class RoleView:
    """A role for people: what it grants in words, what is wrong with it, and its definition in both forms of JSON."""

    role: RoleDefinition
    grants: tuple[str, ...]
    findings: tuple[RoleFinding, ...]
    az_text: str
    rest_text: str
    fixable: bool

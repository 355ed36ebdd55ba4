"""Entra access to the hub: who has which role and through what, and plans to give, take and change roles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeVar

from console.model.clock import Clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import arm_segment
from console.model.operations import COMPLETE, OPERATIONS, Plane, planes_of
from console.model.role import (
    AccessFacts,
    AccessReading,
    Answer,
    DenyAssignment,
    Holder,
    RoleAssignment,
    RoleDefinition,
    RoleFinding,
    RoleTemplate,
    Verdict,
)
from console.model.scope import is_scope, same_scope, scope_name
from console.model.text import clean
from console.rules import rbac
from console.rules.rbac_lint import lint_role
from console.rules.rbac_review import lint_assignments
from console.rules.rbac_scopes import ScopeKnown
from console.rules.rbac_templates import features_named, own_name, own_role
from console.services.access_names import NO_GROUPS, NO_PIM, names_from
from console.services.access_view import own_answers
from console.services.changes import Changes
from console.services.ports import NEVER_CANCELLED, AccessReader, Cancel
from console.services.session import Session

if TYPE_CHECKING:
    from console.model.change import Change
    from console.services.access_plans import AccessPlans

T = TypeVar("T")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HELD_SECONDS = 60.0


class Access:
    """All of it raises ConsoleError; nothing is read before it is asked for, no key ever."""

    def __init__(self, session: Session, changes: Changes, reader: AccessReader, clock: Clock) -> None:
        self._session = session
        self._changes = changes
        self._reader = reader
        self._clock = clock

    # --- reading ------------------------------------------------------------------------------------------------

    def scope(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return the hub's resource id. Raises NOT_CONFIGURED with a connection string, which knows no roles."""
        self._require_entra()
        return self._session.arm_id(cancel)

    def me(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return our own object id; empty when the credential does not tell it."""
        return self._session.whoami(cancel).object_id.casefold()

    def own_type(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return what we are, as `access assign --type` takes it: only the tokens of people name a user."""
        return "user" if "@" in self._session.whoami(cancel).name else "service-principal"

    def facts(self, principal: str = "", scope: str = "", cancel: Cancel = NEVER_CANCELLED) -> AccessFacts:
        """Return the assignments that reach a scope (the hub), everybody's or one principal's, with their roles.

        With a principal the assignments of its groups are among them, as the resource manager knows them.
        """
        scope = scope.rstrip("/") or scope[:1]
        if scope and not is_scope(scope):
            what = f"“{clean(scope, limit=120)}” is no scope"
            hint = "Give a resource id: /subscriptions/…/resourceGroups/…/providers/Microsoft.Devices/IotHubs/…"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "roles stand on resources", hint, code="usage")
        scope = scope or self.scope(cancel)
        assignments, principal = self._assignments(scope, principal, cancel)
        definitions = {one.guid: one for one in self._reader.definitions(scope, cancel)}
        for guid in sorted({one.role for one in assignments} - set(definitions)):
            role = self._reader.definition(guid, scope, cancel)  # a list at a scope may leave out what is above it
            if role is not None:
                definitions[guid] = role
        missing = frozenset(one.role for one in assignments if one.role not in definitions)
        facts = AccessFacts(scope, self._clock(), assignments, definitions, principal.casefold(), missing=missing)
        try:
            return replace(facts, denials=self._denials(scope, principal, cancel))
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return replace(facts, denials_error=error)

    def read(self, cancel: Cancel = NEVER_CANCELLED) -> AccessReading:
        """Return who has access to the hub, with names where they are known, and what is wrong with it."""
        scope = self.scope(cancel)
        notes = [NO_PIM, NO_GROUPS]
        facts = self.facts("", scope, cancel)
        me, mine = "", frozenset[str]()
        own: tuple[tuple[str, Answer], ...] = ()
        try:
            me = self.me(cancel)
            if me:
                told = self._reader.assignments(scope, me, cancel)
                mine = frozenset({me, *(one.principal_id for one in told)})
                own = own_answers(replace(facts, assignments=tuple(told), principal=me), me)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            notes.append(f"which of these reach us is not known: {error.why or error.what}")
        names, trouble = names_from(self._session, cancel)
        if trouble:
            notes.append(f"names are not known: {trouble}")
        if facts.denials_error is not None:
            notes.append(f"deny assignments are not known: {facts.denials_error.why or facts.denials_error.what}")
        findings = self._findings(facts, names)
        return AccessReading(facts, me, names, mine, findings, tuple(notes), own, rbac.granters(facts, names))

    def roles(
        self, custom_only: bool = False, cancel: Cancel = NEVER_CANCELLED, *, scope: str = ""
    ) -> tuple[RoleDefinition, ...]:
        """Return the roles that can be assigned at a scope (the hub), custom ones first, by name."""
        found = self._reader.definitions(scope or self.scope(cancel), cancel)
        kept = [one for one in found if one.custom or not custom_only]
        return tuple(sorted(kept, key=lambda one: (not one.custom, one.name.casefold())))

    def role(self, name_or_guid: str, cancel: Cancel = NEVER_CANCELLED, *, scope: str = "") -> RoleDefinition:
        """Return a role that can be assigned at a scope (the hub) by its name, any case, or its GUID.

        Raises NOT_FOUND that names near ones.
        """
        where = scope or self.scope(cancel)
        wanted = name_or_guid.strip().casefold().rpartition("/")[2]
        found = self.roles(cancel=cancel, scope=where)
        for one in found:
            if wanted in {one.name.casefold(), one.guid}:
                return one
        if _GUID.fullmatch(wanted) and (role := self._reader.definition(wanted, where, cancel)):
            return role
        by_name = {one.name.casefold(): one.name for one in found}
        near = [by_name[name] for name in get_close_matches(wanted, by_name, 3, 0.5)]
        hint = f"Is {' or '.join(near)} meant?" if near else "hubwarden access roles shows them"
        what = f"The role {clean(name_or_guid, limit=128)} was not found"
        place = "the hub" if same_scope(where, self.scope(cancel)) else scope_name(where)
        raise ConsoleError(ErrorKind.NOT_FOUND, what, f"no role of this name can be assigned on {place}", hint)

    def principal(self, text: str, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return an object id: of "me", of a name that the activity log knows, or the id that was given.

        Raises BAD_INPUT (code "usage") for anything else: names are Microsoft Graph's, which is not asked.
        """
        wanted = text.strip().casefold()
        if wanted in {"me", "myself"}:
            if me := self.me(cancel):
                return me
            what = "Who we are is not known"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, what, "the credential does not tell it", "Give the object id")
        if _GUID.fullmatch(wanted):
            return wanted
        names, _ = names_from(self._session, cancel)
        found = [oid for oid, name in names.items() if wanted in {name.casefold(), name.casefold().partition("@")[0]}]
        if len(found) == 1:
            return found[0]
        what = f"{clean(text, limit=80)} is not known"
        why = (
            "several go by this name"
            if found
            else "only object ids, “me” and people in the activity log are known here"
        )
        hint = "Its object id: az ad user show --id NAME --query id, or az ad sp show"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")

    def known_name(self, principal: str) -> str:
        """Return a principal's name where it was learned already; empty otherwise. Asks nobody."""
        known = self._session.known("access-names")
        names: dict[str, str] = known[0] if known else {}
        return names.get(principal.casefold(), "")

    def check(
        self,
        principal: str,
        operation: str,
        scope: str = "",
        plane: Plane | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Verdict:
        """Return whether a principal may do an operation at a scope (the hub), through what, or why not.

        `principal` as `principal()` takes it; `plane` is needed only for an operation that is on both. Raises BAD_INPUT
        (code "usage") for an operation that Microsoft.Devices does not have.
        """
        asked = plane or self._plane(operation)
        who = self.principal(principal, cancel)
        return rbac.verdict(self.facts(who, scope, cancel), who, operation.strip(), asked)

    def granters(self, cancel: Cancel = NEVER_CANCELLED) -> tuple[Holder, ...]:
        """Return who can give roles on the hub, the nearest first; read at most once a minute."""

        def read() -> tuple[Holder, ...]:
            names, _ = names_from(self._session, cancel)
            return rbac.granters(self.facts("", "", cancel), names)

        return self.remembered("granters", read)

    def lint(self, cancel: Cancel = NEVER_CANCELLED) -> tuple[RoleFinding, ...]:
        """Return what is wrong with the custom roles that can be assigned on the hub, and with its assignments."""
        names, _ = names_from(self._session, cancel)
        return self._findings(self.facts("", "", cancel), names, lambda scope: self._exists(scope, cancel))

    def own_role(
        self,
        features: Sequence[str] = (),
        writes: bool = False,
        name: str = "",
        scope: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> RoleDefinition:
        """Return the role that the console itself needs: for some features, or for all that read, or all.

        Raises BAD_INPUT (code "usage") for a feature that there is not.
        """
        chosen = features_named(features, writes)
        return own_role(chosen, name or own_name(writes), (scope or self.group(cancel),))

    def group(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return the hub's resource group as a scope."""
        hub = self.scope(cancel)
        return f"/subscriptions/{arm_segment(hub, 'subscriptions')}/resourceGroups/{arm_segment(hub, 'resourceGroups')}"

    # --- planning -----------------------------------------------------------------------------------------------

    def plan_role(
        self,
        role: RoleDefinition,
        *,
        template: RoleTemplate | None = None,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        """Plan a custom role: a new one, or a change of the one that has its name (or its GUID).

        Without assignable scopes it gets the hub's resource group, or the hub alone where our right ends there.
        Raises BAD_INPUT for what the service would refuse.
        """
        return self._plans.role(role, template, reason, cancel)

    def plan_fix(self, role: RoleDefinition, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan the role put right: every entry in the list where it counts."""
        return self._plans.fix(role, reason, cancel)

    def plan_delete_role(self, name_or_guid: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to delete a custom role. Raises BAD_INPUT for one of Azure's own, or one that is assigned."""
        return self._plans.delete_role(name_or_guid, reason, cancel)

    def plan_assign(
        self,
        role: str,
        principal: str,
        principal_type: str,
        *,
        scope: str = "",
        description: str = "",
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        """Plan to give a role. `principal_type`: User, Group or ServicePrincipal."""
        return self._plans.assign(role, principal, principal_type, scope, description, reason, cancel)

    def plan_unassign(self, assignment: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to take an assignment away, by its name (a GUID) or resource id."""
        return self._plans.unassign(assignment, reason, cancel)

    def assessed(self, change: Change, cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Return a change of a role or an assignment (an undo) with its risks."""
        return self._plans.assessed(change, cancel)

    # --- inside -------------------------------------------------------------------------------------------------

    @property
    def _plans(self) -> AccessPlans:
        from console.services.access_once import Once
        from console.services.access_plans import AccessPlans

        once = Access(self._session, self._changes, Once(self._reader), self._clock)
        return AccessPlans(once, self._changes.reader)

    def _findings(
        self, facts: AccessFacts, names: dict[str, str], known: ScopeKnown = lambda _: None
    ) -> tuple[RoleFinding, ...]:
        found = [one for role in facts.definitions.values() if role.custom for one in lint_role(role, known)]
        return (*found, *lint_assignments(facts, names))

    def _assignments(self, scope: str, principal: str, cancel: Cancel) -> tuple[tuple[RoleAssignment, ...], str]:
        """Return the assignments that reach a scope, and whose they are known to be: a group's own only, not all of it.

        `assignedTo()` takes people and applications and refuses groups (Azure's document on listing assignments).
        """
        try:
            return tuple(self._reader.assignments(scope, principal, cancel)), principal
        except ConsoleError as error:
            if not principal or error.kind is not ErrorKind.BAD_QUERY:
                raise
        every = self._reader.assignments(scope, "", cancel)
        return tuple(one for one in every if one.principal_id == principal.casefold()), ""

    def _denials(self, scope: str, principal: str, cancel: Cancel) -> tuple[DenyAssignment, ...]:
        """Return the deny assignments that reach a scope, and mark those that the resource manager says reach somebody.

        Both lists are read: only `assignedTo()` knows a principal's groups, and whether it names what is for everybody
        Azure's document on listing deny assignments does not say.
        """
        every = tuple(self._reader.denials(scope, "", cancel))
        if not every or not principal:
            return every
        told = set(self._reader.denials(scope, principal, cancel))
        return tuple(replace(one, reached=one in told) for one in every)

    def remembered(self, name: str, read: Callable[[], T]) -> T:
        """Return what was read under a name at most a minute ago and before no write of ours, else read it."""
        return self._session.cached(f"roles:{name}", _HELD_SECONDS, read)

    def _exists(self, scope: str, cancel: Cancel) -> bool | None:
        """Say whether a scope exists; None where we may not know. Asked of each once."""

        def ask() -> bool | None:
            try:
                self._reader.assignments(scope, "", cancel)
            except ConsoleError as error:
                return False if error.kind is ErrorKind.NOT_FOUND else None
            return True

        if rbac.scope_covers(scope, self.scope(cancel)):
            return True
        return self._session.cached(f"scope:{scope.casefold()}", _HELD_SECONDS, ask)

    def _plane(self, operation: str) -> Plane:
        name = operation.strip()
        what = f"{clean(name, limit=120) or 'That'} cannot be checked"
        planes = planes_of(name)
        if len(planes) == 1:
            return planes[0]
        if planes:
            why = "it is a control operation and a data operation"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Say which: --plane control|data", code="usage")
        if "*" in name or "/" not in name:
            why = "one operation is checked at a time, such as Microsoft.Devices/IotHubs/devices/write"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, code="usage")
        if name.partition("/")[0].casefold() in COMPLETE:
            folded = {one.name.casefold(): one.name for one in OPERATIONS}
            near = [folded[one] for one in get_close_matches(name.casefold(), folded, 3, 0.6)]
            hint = f"Is {' or '.join(near)} meant?" if near else ""
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "there is no such operation", hint, code="usage")
        return Plane.CONTROL

    def _require_entra(self) -> None:
        if self._session.data_plane_only:
            why = "the profile's credential is a connection string, which knows no roles"
            hint = "Add a credential of kind person, client-secret or managed-identity to the profile"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "Roles could not be read", why, hint)

"""Plans of roles and role assignments; the service knows no ETag for them, so the gate compares before it writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from console.model.change import Change, Risk, Severity
from console.model.document import Document, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.operations import Plane
from console.model.role import (
    AccessFacts,
    Answer,
    RoleAssignment,
    RoleDefinition,
    RoleTemplate,
)
from console.model.scope import is_scope, same_scope, scope_name
from console.model.text import clean
from console.rules import rbac_risks
from console.rules.planning import change_of, copied, with_risks
from console.rules.rbac import scope_covers, verdict
from console.rules.rbac_body import assignment_path, role_at, role_path
from console.rules.rbac_difference import moved, write_over
from console.rules.rbac_json import rest_body
from console.rules.rbac_lint import corrected, lint_conditions, lint_role
from console.rules.rbac_summary import grants_of
from console.rules.rbac_templates import nearest_template
from console.services.ports import Cancel, DocumentReader

if TYPE_CHECKING:
    from console.services.access import Access

_WRITE_ROLE = "Microsoft.Authorization/roleDefinitions/write"
_TYPES = {
    "user": "User",
    "group": "Group",
    "serviceprincipal": "ServicePrincipal",
    "service-principal": "ServicePrincipal",
}
_LATE = "it takes effect within minutes, seldom up to ten; signed-in people may have to sign in again"
_REFUSED = frozenset(
    {
        "data-action-under-actions",
        "control-action-under-data-actions",
        "unknown-operation",
        "scope-root",
        "scope-malformed",
        "scope-placeholder",
        "scope-too-many",
        "condition-not-kept",
        "too-long",
        "no-name",
    }
)
"""Findings that the service answers with a refusal of the whole role, or by granting more than is written."""


class AccessPlans:
    """Plans of what reaches one hub; made anew for each plan, from readings of that moment."""

    def __init__(self, access: Access, reader: DocumentReader) -> None:
        self._access = access
        self._reader = reader

    # --- roles --------------------------------------------------------------------------------------------------

    def role(self, role: RoleDefinition, template: RoleTemplate | None, reason: str, cancel: Cancel) -> Change:
        """Plan a new custom role, or a change of the one that has its name or GUID."""
        hub = self._access.scope(cancel)
        role = replace(role, custom=True)  # a copy of one of Azure's own is a custom role like any other
        existing = self._existing(role, cancel)
        notes: list[str] = []
        if not role.assignable_scopes:
            scopes = existing.assignable_scopes if existing else self._default_scopes(notes, cancel)
            role = replace(role, assignable_scopes=scopes)
        self._refuse_bad(role, fixable=True)
        blocks = role.permissions
        if existing is None:
            target = Target(TargetKind.ROLE, role_at(hub, str(uuid.uuid4())))
            body, document = rest_body(role), None
            kind, title = "role.create", f"create custom role {role.name}"
        else:
            target = Target(TargetKind.ROLE, role_at(hub, existing.guid))
            document = self._document(target, f"The role {existing.name}", cancel)
            body = copied(document)
            write_over(body.setdefault("properties", {}), role, existing)
            kind, title = "role.update", f"change custom role {existing.name}"
        risks = list(rbac_risks.of_grant(blocks, template or nearest_template(role), named=template is not None))
        if existing is not None:
            risks += self._after_role(existing, replace(role, guid=existing.guid), cancel)
        effect = [("grants", text) for text in grants_of(role)]
        if existing is not None:
            effect += [*moved("adds", role, existing), *moved("drops", existing, role)]
            if role.name != existing.name:
                effect.append(("renames", f"{existing.name} to {role.name}: its id is that of {existing.name}"))
        effect.append(("assignable", ", ".join(scope_name(one) for one in role.assignable_scopes)))
        notes += [
            f"{one.message}: {', '.join(one.entries[:4])}" for one in lint_role(role) if one.code == "wildcard-wide"
        ]
        if existing is None:
            notes.append("nobody has it yet: hubwarden access assign gives it")
        else:
            notes.append("whoever has it gets the new permissions within minutes")
        return change_of(kind, title, target, document, body, risks=risks, effect=effect, notes=notes, reason=reason)

    def fix(self, role: RoleDefinition, reason: str, cancel: Cancel) -> Change:
        """Plan the role as it was meant: every entry in the list where it counts."""
        right = corrected(role)
        self._refuse_bad(right, fixable=False)
        found = [one for one in lint_role(role) if one.fixable]
        change = self.role(right, None, reason, cancel)
        said = tuple(f"put right: {one.message} ({', '.join(one.entries[:4])})" for one in found)
        return replace(change, notes=(*said, *change.notes))

    def delete_role(self, name_or_guid: str, reason: str, cancel: Cancel) -> Change:
        """Plan to delete a custom role."""
        role = self._access.role(name_or_guid, cancel)
        what = f"The role {role.name} cannot be deleted"
        if not role.custom:
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "it is one of Azure's own")
        facts = self._access.facts("", "", cancel)
        if users := rbac_risks.users_of(facts, role.guid):
            hint = "Take those away first: hubwarden access unassign"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, _held_by(users), hint)
        target = Target(TargetKind.ROLE, role_at(self._access.scope(cancel), role.guid))
        document = self._document(target, f"The role {role.name}", cancel)
        notes = ["assignments elsewhere in the tenant are not seen from here: then the service refuses it"]
        return change_of(
            "role.delete", f"delete custom role {role.name}", target, document, None, notes=notes, reason=reason
        )

    # --- assignments --------------------------------------------------------------------------------------------

    def assign(
        self, role: str, principal: str, kind: str, scope: str, description: str, reason: str, cancel: Cancel
    ) -> Change:
        """Plan to give a role to a principal at a scope (the hub)."""
        access, hub = self._access, self._access.scope(cancel)
        where = scope.rstrip("/") or hub
        what = f"{clean(role, limit=80)} cannot be assigned"
        if not is_scope(where):
            why = f"“{clean(where, limit=120)}” is no scope"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give a resource id: /subscriptions/…", code="usage")
        typed = _TYPES.get(kind.casefold().replace(" ", "-"))
        if typed is None:
            why = f"“{clean(kind, limit=40)}” is no type of principal"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "user, group or service-principal", code="usage")
        definition, who = self._role(role, where, cancel), access.principal(principal, cancel)
        self._refuse_beside(definition, where)
        facts = access.facts("", where, cancel)
        for one in facts.assignments:
            same = one.principal_id == who and one.role == definition.guid
            if same and same_scope(one.scope, where):
                target = Target(TargetKind.ASSIGNMENT, one.arm_id)
                document = self._document(target, "The assignment", cancel)
                return change_of(
                    "access.assign", self._title("assign", definition.name, who), target, document, document.body
                )
        properties = {
            "roleDefinitionId": role_path(where, definition.guid),
            "principalId": who,
            "principalType": typed,
            **({"description": description} if description else {}),
        }
        target = Target(TargetKind.ASSIGNMENT, assignment_path(where, str(uuid.uuid4())))
        risks = list(rbac_risks.of_assignment(definition, where, hub))
        effect = [
            ("who", f"{typed} {who}"),
            ("where", scope_name(where)),
            *(("grants", text) for text in grants_of(definition)),
        ]
        notes = [_LATE]
        if any(one.principal_id == who and one.role == definition.guid for one in facts.assignments):
            notes.append("it has this role already from above: this one adds nothing as long as that stays")
        if not scope_covers(where, hub) and not scope_covers(hub, where):
            notes.append(f"it does not reach this hub: it holds on {scope_name(where)}")
        if typed == "Group":
            notes.append("who is in the group is not known here")
        title = self._title("assign", definition.name, who)
        return change_of(
            "access.assign",
            title,
            target,
            None,
            {"properties": properties},
            risks=risks,
            effect=effect,
            notes=notes,
            reason=reason,
        )

    def unassign(self, assignment: str, reason: str, cancel: Cancel) -> Change:
        """Plan to take an assignment away."""
        facts = self._access.facts("", "", cancel)
        one, definitions = self._assignment(facts, assignment, cancel)
        role = definitions.get(one.role)
        name = role.name if role else one.role
        target = Target(TargetKind.ASSIGNMENT, one.arm_id)
        document = self._document(target, "The assignment", cancel)
        risks = list(self._loss(facts, rbac_risks.without(facts, one.name), one.name, cancel))
        hub = facts.scope
        beside = not scope_covers(one.scope, hub)
        if not beside and not scope_covers(hub, one.scope):
            text = f"it stands on {scope_name(one.scope)}: access to everything there goes, not to this hub alone"
            risks.append(Risk("wide-scope", Severity.MEDIUM, text))
        effect = [
            ("who", f"{one.principal_type} {one.principal_id}"),
            ("where", scope_name(one.scope)),
            *(("takes", text) for text in (grants_of(role) if role else ())),
        ]
        left = [
            facts.definitions[other.role].name
            for other in facts.assignments
            if other.principal_id == one.principal_id and other.name != one.name and other.role in facts.definitions
        ]
        effect.append(("keeps", ", ".join(sorted(set(left))) or "no other role here of its own"))
        notes = [_LATE, "what it has through groups stays"]
        if beside:
            notes.append(f"it does not reach this hub: it holds on {scope_name(one.scope)}")
        title = self._title("unassign", name, one.principal_id)
        return change_of(
            "access.unassign", title, target, document, None, risks=risks, effect=effect, notes=notes, reason=reason
        )

    def assessed(self, change: Change, cancel: Cancel) -> Change:
        """Return an undo with what it risks: an access that is given again, or taken away."""
        facts = self._access.facts("", "", cancel)
        if change.target.kind is TargetKind.ASSIGNMENT:
            if change.after is None:
                name = change.target.name.casefold()
                return with_risks(change, self._loss(facts, rbac_risks.without(facts, name), name, cancel))
            properties = change.after.get("properties") or {}
            guid = str(properties.get("roleDefinitionId") or "").rpartition("/")[2].casefold()
            scope = change.target.id.partition("/providers/Microsoft.Authorization/")[0] or "/"
            role = facts.definitions.get(guid) or self._role(guid, scope, cancel)
            return with_risks(change, rbac_risks.of_assignment(role, scope, facts.scope))
        guid = change.target.name.casefold()
        if change.after is None:
            if users := rbac_risks.users_of(facts, guid):
                note = f"{_held_by(users)}: the service refuses it as long as that is so"
                change = replace(change, notes=(*change.notes, note))
            return change
        after = self._planned(change)
        if after is None:
            return change
        risks = list(rbac_risks.of_grant(after.permissions, nearest_template(after), named=False))
        if (now := facts.definitions.get(guid)) is not None:
            risks += self._after_role(now, replace(after, guid=guid), cancel)
        return with_risks(change, risks)

    # --- inside -------------------------------------------------------------------------------------------------

    def _existing(self, role: RoleDefinition, cancel: Cancel) -> RoleDefinition | None:
        """Return the role that is meant: the one of this name, else the custom one with this id, to be renamed."""
        found = self._access.roles(cancel=cancel)
        named = next((one for one in found if one.name.casefold() == role.name.casefold()), None)
        known = next((one for one in found if one.custom and role.guid and one.guid == role.guid), None)
        if named is not None and not named.custom:
            what, why = f"The role {named.name} cannot be changed", "it is one of Azure's own"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Choose another name", code="usage")
        if named is not None and known is not None and named.guid != known.guid:
            what = f"The role {named.name} cannot be written"
            why = f"the definition has the id of another role, {known.name}"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Leave the id out, or the other name", code="usage")
        return named or known

    def _role(self, text: str, scope: str, cancel: Cancel) -> RoleDefinition:
        """Return a role that can be assigned on the hub, else one that can be at the scope."""
        try:
            return self._access.role(text, cancel)
        except ConsoleError as error:
            if error.kind is not ErrorKind.NOT_FOUND or same_scope(scope, self._access.scope(cancel)):
                raise
        return self._access.role(text, cancel, scope=scope)

    def _default_scopes(self, notes: list[str], cancel: Cancel) -> tuple[str, ...]:
        """Return the hub's resource group, or the hub where we may make roles there alone."""
        group, hub = self._access.group(cancel), self._access.scope(cancel)
        me = self._access.me(cancel)
        if me and not self._may_make_roles(me, group, cancel):
            own = self._access.facts(me, hub, cancel)
            if verdict(own, me, _WRITE_ROLE, Plane.CONTROL).answer is Answer.YES:
                notes.append("it is assignable on this hub alone, because we may make roles there only")
                return (hub,)
        return (group,)

    def _may_make_roles(self, me: str, group: str, cancel: Cancel) -> bool:
        """Say whether our roles let us make roles on the group; where they may not be read there, they do not."""
        try:
            return (
                verdict(self._access.facts(me, group, cancel), me, _WRITE_ROLE, Plane.CONTROL).answer is not Answer.NO
            )
        except ConsoleError as error:
            if error.kind is not ErrorKind.PERMISSION:
                raise
        return False

    @staticmethod
    def _refuse_bad(role: RoleDefinition, *, fixable: bool) -> None:
        found = [one for one in (*lint_role(role), *lint_conditions(role)) if one.code in _REFUSED]
        if found:
            first = found[0]
            what = f"The role {role.name or 'without a name'} would be refused"
            why = f"{first.message}: {', '.join(first.entries[:4])}" if first.entries else first.message
            hint = first.hint
            if fixable and first.fixable:
                hint = f"{first.hint}: hubwarden access roles --lint --fix --file FILE puts it right"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")

    @staticmethod
    def _refuse_beside(role: RoleDefinition, scope: str) -> None:
        if not role.custom or any(scope_covers(one, scope) for one in role.assignable_scopes):
            return
        what = f"{role.name} cannot be assigned on {scope_name(scope)}"
        why = f"it is assignable on {', '.join(scope_name(one) for one in role.assignable_scopes)} only"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Change its assignable scopes first")

    def _assignment(
        self, facts: AccessFacts, text: str, cancel: Cancel
    ) -> tuple[RoleAssignment, Mapping[str, RoleDefinition]]:
        """Return the assignment that is meant and the roles there: one that reaches the hub, or by resource id any."""
        wanted = text.strip().casefold()
        scope, inside, _ = wanted.partition("/providers/microsoft.authorization/roleassignments/")
        if inside and not scope_covers(scope, facts.scope):
            facts = self._access.facts("", scope or "/", cancel)
        found = [
            one
            for one in facts.assignments
            if wanted in {one.name, one.arm_id.casefold()} or (len(wanted) >= 8 and one.name.startswith(wanted))
        ]
        if len(found) == 1:
            return found[0], facts.definitions
        what = f"The assignment {clean(text, limit=60)} was not found"
        why = "several begin like this" if found else "none of this name reaches the hub"
        hint = "hubwarden access assignments shows their names; one elsewhere is named by its resource id"
        raise ConsoleError(ErrorKind.BAD_INPUT if found else ErrorKind.NOT_FOUND, what, why, hint)

    def _document(self, target: Target, what: str, cancel: Cancel) -> Document:
        found = self._reader.read(target, cancel)
        if found is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"{what} is gone", "somebody deleted it meanwhile", "Read again")
        return found

    def _after_role(self, before: RoleDefinition, after: RoleDefinition, cancel: Cancel) -> Iterable[Risk]:
        facts = self._access.facts("", "", cancel)
        own = self._own(cancel)
        changed = None if own is None else rbac_risks.with_role(own, after)
        me = own.principal if own else ""
        yield from (
            risk
            for risk in rbac_risks.of_loss(facts, rbac_risks.with_role(facts, after), own, changed, me)
            if risk.id != "own-access-unknown" or rbac_risks.users_of(facts, before.guid)
        )
        if users := rbac_risks.users_of(facts, before.guid):
            text = f"{len(users)} assignments at or above this hub use it: all of them change at once"
            yield Risk("in-use", Severity.MEDIUM, text)

    def _loss(self, before: AccessFacts, after: AccessFacts, name: str, cancel: Cancel) -> Iterable[Risk]:
        own = self._own(cancel)
        left = None if own is None else rbac_risks.without(own, name)
        return rbac_risks.of_loss(before, after, own, left, own.principal if own else "")

    def _own(self, cancel: Cancel) -> AccessFacts | None:
        me = self._access.me(cancel)
        return self._access.facts(me, "", cancel) if me else None

    @staticmethod
    def _planned(change: Change) -> RoleDefinition | None:
        import json

        from console.rules.rbac_reading import read_roles

        try:  # what the service may have added to a body is no reason to assess nothing
            return read_roles(json.dumps(change.after)).roles[0].role
        except (ConsoleError, TypeError, IndexError):
            return None

    def _title(self, verb: str, role: str, who: str) -> str:
        word = "give" if verb == "assign" else "take"
        to = "to" if verb == "assign" else "from"
        return f"{word} {role} {to} {self._access.known_name(who) or who}"


def _held_by(users: Sequence[RoleAssignment]) -> str:
    listed = ", ".join(one.principal_id[:8] for one in users[:4])
    return f"it is assigned to {listed}" + (f" and {len(users) - 4} more" if len(users) > 4 else "")

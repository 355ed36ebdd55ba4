"""Entra access to the hub: who has which role and through what, and plans to give, take and change roles."""

from __future__ import annotations

from dataclasses import replace

from console.model.clock import Clock
from console.model.errors import ConsoleError
from console.model.role import AccessFacts
from console.services.changes import Changes
from console.services.ports import NEVER_CANCELLED, AccessReader, Cancel
from console.services.session import Session


class Access:
    """All of it raises ConsoleError; nothing is read before it is asked for."""

    def __init__(self, session: Session, changes: Changes, reader: AccessReader, clock: Clock) -> None:
        self._session = session
        self._changes = changes
        self._reader = reader
        self._clock = clock

    def scope(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return the hub's resource id."""
        return self._session.arm_id(cancel)

    def facts(self, principal: str = "", scope: str = "", cancel: Cancel = NEVER_CANCELLED) -> AccessFacts:
        """Return the assignments that reach a scope (the hub), everybody's or one principal's, with their roles."""
        scope = scope or self.scope(cancel)
        assignments = tuple(self._reader.assignments(scope, principal, cancel))
        definitions = {one.guid: one for one in self._reader.definitions(scope, cancel)}
        missing = frozenset(one.role for one in assignments if one.role not in definitions)
        facts = AccessFacts(scope, self._clock(), assignments, definitions, principal, missing=missing)
        try:
            return replace(facts, denials=tuple(self._reader.denials(scope, principal, cancel)))
        except ConsoleError as error:
            return replace(facts, denials_error=error)

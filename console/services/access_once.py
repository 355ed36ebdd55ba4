"""A reader of roles that asks each thing once: a plan is made from one picture, and with few calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from console.model.role import DenyAssignment, RoleAssignment, RoleDefinition
from console.services.ports import NEVER_CANCELLED, AccessReader, Cancel

T = TypeVar("T")


class Once:
    """Remembers every answer, for as long as it lives; failures are asked about again. For one thread."""

    def __init__(self, reader: AccessReader) -> None:
        self._reader = reader
        self._known: dict[tuple[str, ...], Any] = {}

    def assignments(
        self, scope: str, principal: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Sequence[RoleAssignment]:
        """Return the assignments at a scope and above, see AccessReader."""
        return self._once(("assignments", scope, principal), lambda: self._reader.assignments(scope, principal, cancel))

    def definitions(self, scope: str, cancel: Cancel = NEVER_CANCELLED) -> Sequence[RoleDefinition]:
        """Return the roles that can be assigned at a scope, see AccessReader."""
        return self._once(("definitions", scope), lambda: self._reader.definitions(scope, cancel))

    def definition(self, guid: str, scope: str, cancel: Cancel = NEVER_CANCELLED) -> RoleDefinition | None:
        """Return one role by its GUID, see AccessReader."""
        return self._once(("definition", guid, scope), lambda: self._reader.definition(guid, scope, cancel))

    def denials(self, scope: str, principal: str = "", cancel: Cancel = NEVER_CANCELLED) -> Sequence[DenyAssignment]:
        """Return the deny assignments at a scope and above, see AccessReader."""
        return self._once(("denials", scope, principal), lambda: self._reader.denials(scope, principal, cancel))

    def _once(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = read()
        return cast(T, self._known[key])

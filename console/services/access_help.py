"""After a refusal: which role is missing, whether that is it at all, and who can give it."""

from __future__ import annotations

from collections.abc import Sequence

from console.model.errors import ConsoleError, ErrorKind
from console.model.granting import narrowest
from console.model.operations import Plane
from console.model.role import Answer, Holder
from console.model.scope import same_scope, scope_name
from console.rules.rbac import granters, scope_covers
from console.services.access import Access
from console.services.ports import NEVER_CANCELLED, Cancel

_GIVERS = "an Owner, User Access Administrator or Role Based Access Control Administrator"
_SHOWN = 3


def advice(access: Access, error: ConsoleError, cancel: Cancel = NEVER_CANCELLED) -> tuple[tuple[str, str], ...]:
    """Return (label, sentence) pairs on a refusal that names its operation; empty for any other trouble.

    The data plane answers a plain 401 to a missing role, to a wrong address and to closed public access alike: where
    our own roles can be read, it is said which it is. Raises ConsoleError CANCELLED only.
    """
    if not error.operation or error.kind not in {ErrorKind.PERMISSION, ErrorKind.AUTHENTICATION}:
        return ()
    key = f"advice:{error.operation}:{error.scope}:{error.data}".casefold()
    return access.remembered(key, lambda: _found(access, error, cancel))


def _found(access: Access, error: ConsoleError, cancel: Cancel) -> tuple[tuple[str, str], ...]:
    plane = Plane.DATA if error.data else Plane.CONTROL
    roles = narrowest(error.operation, plane)
    elsewhere = error.operation.casefold().startswith("microsoft.operationalinsights/") and not error.scope
    where = "the workspace" if elsewhere else ""
    lines: list[tuple[str, str]] = []
    holders: Sequence[Holder] | None = None
    me = ""
    answer = Answer.UNKNOWN
    try:
        scope = "" if elsewhere else error.scope or access.scope(cancel)
        where = where or scope_name(scope)
        if scope:
            me = access.me(cancel)
            holders = _holders(access, scope, cancel)
            if me:
                answer = access.check(me, error.operation, scope, plane, cancel).answer
    except ConsoleError as trouble:
        if trouble.kind is ErrorKind.CANCELLED:
            raise
    where = where or "the hub"
    if answer is Answer.YES:
        text = f"your roles allow it ({error.operation} on {where})"
        if error.data:
            text += ": then an IP rule, closed public access, or a role of the last minutes is the cause"
        else:
            text += ": a new assignment can take some minutes to work"
        return (("your roles", text),)
    if roles:
        certain = "" if answer is Answer.NO else ", if that is the cause"
        lines.append(("missing role", f"{roles[0]} on {where}{certain}; it grants {error.operation}"))
    lines.append(("who gives it", _givers(holders, where, me)))
    if roles and me:
        lines.append(("for them", f'hubwarden --write access assign "{roles[0]}" --principal {me} --type … --yes'))
    return tuple(lines)


def _holders(access: Access, scope: str, cancel: Cancel) -> Sequence[Holder] | None:
    """Return who can give roles at a scope; None where that could not be read."""
    try:
        if scope_covers(access.scope(cancel), scope):
            return access.granters(cancel)
        return granters(access.facts("", scope, cancel))
    except ConsoleError as error:
        if error.kind is ErrorKind.CANCELLED:
            raise
        return None


def _givers(holders: Sequence[Holder] | None, where: str, me: str) -> str:
    if holders is None:
        return f"{_GIVERS} of {where}, or above; who has these roles could not be read"
    if not holders:
        return f"{_GIVERS} of {where}, or above; nobody with such a role is known here"
    names = []
    for one in holders[:_SHOWN]:
        name = "you" if same_scope(one.principal_id, me) else one.name or f"{one.principal_type} {one.principal_id}"
        names.append(f"{name} ({one.role})")
    more = f" and {len(holders) - _SHOWN} more" if len(holders) > _SHOWN else ""
    return ", ".join(names) + more

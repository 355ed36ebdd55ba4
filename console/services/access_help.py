"""After a refusal: which role is missing, whether that is it at all, and who can give it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from console.model.errors import ConsoleError, ErrorKind
from console.model.granting import narrowest
from console.model.operations import Plane
from console.model.role import Answer, Holder, Verdict
from console.model.scope import resource_of, same_scope, scope_name
from console.model.shell import command_line
from console.rules.rbac import granters, lists, matches, scope_covers
from console.rules.rbac_templates import TEMPLATES
from console.services.access import Access
from console.services.ports import NEVER_CANCELLED, Cancel

T = TypeVar("T")
Advice = tuple[tuple[str, str], ...]
_GIVERS = "an Owner, User Access Administrator or Role Based Access Control Administrator"
_WIDE = frozenset({"Contributor", "Owner"})
_SHOWN = 3


def advice(access: Access, error: ConsoleError, cancel: Cancel = NEVER_CANCELLED) -> Advice:
    """Return (label, sentence) pairs on a refusal that names its operation; empty for any other trouble.

    The data plane answers a plain 401 to a missing role, to a wrong address and to closed public access alike: where
    our own roles can be read, it is said which it is. Raises ConsoleError CANCELLED only.
    """
    unsaid = error.kind is ErrorKind.AUTHENTICATION and error.data  # elsewhere a 401 is about the token
    if not error.operation or not (unsaid or error.kind is ErrorKind.PERMISSION):
        return ()
    key = f"advice:{error.operation}:{error.scope}:{error.data}".casefold()
    return access.remembered(key, lambda: _found(access, error, cancel))


def _found(access: Access, error: ConsoleError, cancel: Cancel) -> Advice:
    plane = Plane.DATA if error.data else Plane.CONTROL
    hub = _told(lambda: access.scope(cancel), "")
    scope = resource_of(error.scope) or hub
    if not error.scope and error.operation.casefold().startswith("microsoft.operationalinsights/"):
        scope, where = "", "the workspace"  # which one the query does not tell
    else:
        where = scope_name(scope) if scope else "the hub"
    me = _told(lambda: access.me(cancel), "")
    found: Verdict | None = None
    holders: Sequence[Holder] | None = None
    if scope:
        holders = _told(lambda: _holders(access, hub, scope, cancel), None)
        if me:
            found = _told(lambda: access.check(me, error.operation, scope, plane, cancel), None)
    if found is not None and found.answer is Answer.YES:
        return (("your roles", _allowed(error, where)),)
    if found is not None and found.denied_by:
        return (("why", f"{found.why}. {found.hint}"),)
    certain = found is not None and found.answer is Answer.NO
    lines: list[tuple[str, str]] = []
    roles = narrowest(error.operation, plane)
    if roles:
        guess = "" if certain else ", if that is the cause"
        lines.append(("missing role", f"{roles[0]} on {where}{guess}; it grants {error.operation}"))
    if certain and found is not None:
        lines.append(("because", found.why))
    lines.append(("who gives it", _givers(holders, where, me)))
    if roles and me and scope:
        there = () if same_scope(scope, hub) else ("--scope", scope)
        kind = _told(lambda: access.own_type(cancel), "TYPE")
        words = ("hubwarden", "--write", "access", "assign", roles[0], "--principal", me, "--type", kind)
        lines.append(("for them", command_line(*words, *there, "--yes")))
    if roles and roles[0] in _WIDE and (template := _template(error.operation, plane)):
        make = command_line("hubwarden", "--write", "access", "create-role", "--template", template, "--yes")
        lines.append(("or narrower", f"{make}, then that role"))
    return tuple(lines)


def _told(ask: Callable[[], T], otherwise: T) -> T:
    """Return an answer, or something else where it could not be had. Raises ConsoleError CANCELLED."""
    try:
        return ask()
    except ConsoleError as error:
        if error.kind is ErrorKind.CANCELLED:
            raise
        return otherwise


def _allowed(error: ConsoleError, where: str) -> str:
    text = f"your roles allow it ({error.operation} on {where}): "
    if error.data:
        return text + "then an IP rule, closed public access, or a role of the last minutes is the cause"
    return text + "a new assignment can take some minutes to work"


def _holders(access: Access, hub: str, scope: str, cancel: Cancel) -> Sequence[Holder]:
    """Return who can give roles at a scope. Raises ConsoleError."""
    if hub and scope_covers(hub, scope):
        return access.granters(cancel)
    return granters(access.facts("", scope, cancel))


def _template(operation: str, plane: Plane) -> str:
    """Return the first template that grants an operation, empty when none does."""
    for one in TEMPLATES:
        granted, _ = lists(one.permissions, plane)
        if any(matches(pattern, operation) for pattern in granted):
            return one.id
    return ""


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

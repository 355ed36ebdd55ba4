"""The real access service on a reader that answers what a test gives it: no network, all of the rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

from console.model.document import Document, Target
from console.model.errors import ConsoleError
from console.model.hub import ActivityEntry, Identity
from console.model.role import (
    CONTRIBUTOR,
    DATA_CONTRIBUTOR,
    DATA_READER,
    OWNER,
    READER,
    USER_ACCESS_ADMINISTRATOR,
    DenyAssignment,
    Permissions,
    RoleAssignment,
    RoleDefinition,
)
from console.services.access import Access
from console.services.ports import NEVER_CANCELLED, Cancel

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 9, 42, 7, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/s"
GROUP = f"{SUBSCRIPTION}/resourceGroups/plants"
HUB = f"{GROUP}/providers/Microsoft.Devices/IotHubs/contoso-plants"
ME, ANA, SHIFT, GONE = (f"{number}{'0' * 7}-0000-4000-8000-00000000000{number}" for number in range(1, 5))
CUSTOM = "99999999-0000-4000-8000-000000000009"
_H = "Microsoft.Devices/IotHubs"


def role(guid: str, name: str, *, custom: bool = False, **lists: Sequence[str]) -> RoleDefinition:
    block = Permissions(**{key: tuple(value) for key, value in lists.items()})
    return RoleDefinition(guid, name, "", custom, (block,), (GROUP,) if custom else ("/",))


def assigned(who: str, guid: str, scope: str, kind: str = "User", days: int = 100, **more: Any) -> RoleAssignment:
    name = f"{guid[:8]}-{len(scope):04x}-4000-8000-{who[:8]}0000"
    return RoleAssignment(
        f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        name,
        who,
        kind,
        guid,
        scope,
        created=NOW - timedelta(days=days),
        created_by=ANA,
        **more,
    )


def roles() -> list[RoleDefinition]:
    return [
        role(OWNER, "Owner", actions=["*"]),
        role(CONTRIBUTOR, "Contributor", actions=["*"], not_actions=["Microsoft.Authorization/*/Write"]),
        role(READER, "Reader", actions=["*/read"]),
        role(USER_ACCESS_ADMINISTRATOR, "User Access Administrator", actions=["*/read", "Microsoft.Authorization/*"]),
        role(DATA_CONTRIBUTOR, "IoT Hub Data Contributor", data_actions=[f"{_H}/*"]),
        role(DATA_READER, "IoT Hub Data Reader", data_actions=[f"{_H}/*/read"]),
        role(CUSTOM, "Plant operators", custom=True, actions=[f"{_H}/*"], data_actions=[f"{_H}/devices/*"]),
    ]


def assignments() -> list[RoleAssignment]:
    return [
        assigned(ME, DATA_CONTRIBUTOR, HUB, days=30),
        assigned(ME, USER_ACCESS_ADMINISTRATOR, HUB, days=31),
        assigned(ME, CONTRIBUTOR, GROUP, days=400),
        assigned(ANA, OWNER, SUBSCRIPTION, days=700),
        assigned(SHIFT, CUSTOM, GROUP, "Group", days=600, description="shift leads"),
        assigned(GONE, DATA_READER, SUBSCRIPTION, days=1200),
    ]


@dataclass
class AccessScript:
    """What the resource manager answers; `groups` are those that we are in. `errors` by the method's name."""

    roles: list[RoleDefinition] = field(default_factory=roles)
    assignments: list[RoleAssignment] = field(default_factory=assignments)
    denials: list[DenyAssignment] = field(default_factory=list)
    groups: frozenset[str] = frozenset()
    me: str = ME
    errors: dict[str, ConsoleError] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def answer(self, name: str, *arguments: Any) -> None:
        self.calls.append((name, *arguments))
        if name in self.errors:
            raise self.errors[name]


class _Reader:
    def __init__(self, script: AccessScript) -> None:
        self._script = script

    def assignments(self, scope: str, principal: str = "", cancel: Cancel = NEVER_CANCELLED) -> list[RoleAssignment]:
        self._script.answer("assignments", scope, principal)
        reach = {principal, *self._script.groups} if principal == self._script.me else {principal}
        return [one for one in self._script.assignments if not principal or one.principal_id in reach]

    def definitions(self, scope: str, cancel: Cancel = NEVER_CANCELLED) -> list[RoleDefinition]:
        self._script.answer("definitions", scope)
        return self._script.roles

    def definition(self, guid: str, scope: str, cancel: Cancel = NEVER_CANCELLED) -> RoleDefinition | None:
        return next((one for one in self._script.roles if one.guid == guid), None)

    def denials(self, scope: str, principal: str = "", cancel: Cancel = NEVER_CANCELLED) -> list[DenyAssignment]:
        self._script.answer("denials", scope, principal)
        return self._script.denials


class _Session:
    """What the access service needs of a session; nothing is kept."""

    def __init__(self, session: Any, script: AccessScript) -> None:
        self._session = session
        self._script = script
        self.hub_reader = SimpleNamespace(activity=self._activity)

    @property
    def data_plane_only(self) -> bool:
        return bool(self._session.data_plane_only)

    def arm_id(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        return HUB

    def now(self) -> datetime:
        return NOW

    def whoami(self, cancel: Cancel = NEVER_CANCELLED) -> Identity:
        return Identity("Azure CLI", "ops@contoso.example", self._script.me)

    def cached(self, name: str, max_age: float | None, read: Callable[[], T]) -> T:
        return read()

    def known(self, name: str) -> Any:
        return None

    def _activity(self, since: datetime, cancel: Cancel = NEVER_CANCELLED) -> list[ActivityEntry]:
        self._script.answer("activity")
        return [ActivityEntry(NOW, "x", "ana@contoso.com", "", "Succeeded", caller_id=ANA)]


def fake_access(session: Any, script: AccessScript) -> Access:
    """Return the service on a script."""

    def read(target: Target, cancel: Cancel = NEVER_CANCELLED) -> Document | None:
        return script.documents.get(target.name, Document({"properties": {"roleName": "as it is"}}))

    changes: Any = SimpleNamespace(reader=SimpleNamespace(read=read))
    here: Any = _Session(session, script)
    return Access(here, changes, _Reader(script), lambda: NOW)

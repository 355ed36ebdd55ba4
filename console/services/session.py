"""The active hub: who we are, the hub, its workspace; caches shared by all services, safe in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from console.model.clock import Clock, system_clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import DiagnosticSetting, Hub, Identity
from console.services.ports import (
    NEVER_CANCELLED,
    CallMeter,
    Cancel,
    HubReader,
    IdentityReader,
    LogsReader,
    RegistryReader,
)

if TYPE_CHECKING:
    from console.model.secret import Secret

T = TypeVar("T")
LogsFactory = Callable[[str], LogsReader]
_HUB_AGE = 15.0
"""Seconds for which the hub's description is taken as it was read, unless asked for afresh."""
_CATEGORY = "connections"


class NoDiagnosticSettingError(ConsoleError):
    """No diagnostic setting sends the hub's Connections log to a Log Analytics workspace."""

    def __init__(self, hub_name: str, settings: int) -> None:
        why = f"none of its {settings} diagnostic settings sends it" if settings else "it has no diagnostic setting"
        super().__init__(
            ErrorKind.NOT_CONFIGURED,
            f"The Connections log of {hub_name} goes to no Log Analytics workspace",
            why,
            "Add one: az monitor diagnostic-settings create --name connections --resource HUB_ID --workspace "
            """WORKSPACE_ID --logs '[{"category":"Connections","enabled":true}]'""",
        )


@dataclass
class _Slot:
    value: Any = None
    read_at: float = float("-inf")


class Session:
    """One hub in this process. `generation` grows when the hub changes, so that late answers can be dropped."""

    def __init__(
        self,
        *,
        hub_name: str,
        hub_host: str,
        hub_reader: HubReader | None,
        registry: RegistryReader | None,
        logs_factory: LogsFactory | None,
        identity: IdentityReader | None,
        meter: CallMeter,
        arm_id: str = "",
        workspace_id: str = "",
        clock: Clock = system_clock,
        profile_name: str = "",
        protected: bool = False,
        pinned: bool = False,
        credential_label: str = "",
    ) -> None:
        self.hub_name = hub_name
        self.hub_host = hub_host
        self.profile_name = profile_name
        self.protected = protected
        self.meter = meter
        self.clock = clock
        self.generation = 1
        self.pinned = pinned
        self._armed = False
        self._hub_reader = hub_reader
        self._registry = registry
        self._logs_factory = logs_factory
        self._identity = identity
        self._arm_id = arm_id
        self._workspace_id = workspace_id
        self._credential_label = credential_label
        self._locks: dict[str, threading.Lock] = {}
        self._locks_lock = threading.Lock()
        self._slots: dict[str, _Slot] = {}

    @property
    def armed(self) -> bool:
        """Whether this hub may be changed from this process."""
        return self._armed and not self.pinned

    def arm(self) -> None:
        """Allow changes of this hub in this process. Raises ConsoleError READ_ONLY when the profile forbids it."""
        if self.pinned:
            raise ConsoleError(
                ErrorKind.READ_ONLY,
                f"Changes of {self.hub_name} stay switched off",
                f"the profile {self.profile_name or self.hub_name} says readonly = true",
                "Take that line out of the profile to allow changes",
            )
        self._armed = True

    def disarm(self) -> None:
        """Go back to read-only."""
        self._armed = False

    def require_armed(self, what: str) -> None:
        """Raise ConsoleError READ_ONLY unless changes are allowed; `what` begins the sentence."""
        if self.pinned:
            self.arm()
        if not self._armed:
            raise ConsoleError(
                ErrorKind.READ_ONLY,
                what,
                "hubwarden is read-only until it is told otherwise",
                "Arm this hub: --write on the command line (before the command), :write in the console",
            )

    def forget_hub(self) -> None:
        """Forget the hub as last read, and who has which role: something was written just now."""
        with self._locks_lock:
            for name in list(self._slots):
                if name == "hub" or name.startswith("roles:"):
                    self._slots.pop(name, None)

    @property
    def data_plane_only(self) -> bool:
        """Whether the profile opens the registry alone (a connection string)."""
        return self._hub_reader is None

    @property
    def identity_label(self) -> str:
        """Who we are as far as it is known now, for the status line; never asks anybody."""
        known = self._slots.get("whoami")
        if known is None or known.value is None:
            return self._credential_label
        identity = cast(Identity, known.value)
        return f"{identity.name} ({identity.source})" if identity.source else identity.name

    @property
    def hub_reader(self) -> HubReader:
        """The control plane. Raises ConsoleError NOT_CONFIGURED when the profile cannot reach it."""
        if self._hub_reader is None:
            raise _needs_entra("The hub's description could not be read")
        return self._hub_reader

    @property
    def registry(self) -> RegistryReader:
        """The data plane. Raises ConsoleError NOT_CONFIGURED when the profile cannot reach it."""
        if self._registry is None:
            why, hint = "the profile names no hub host", "Set hub_name or hub_host in the profile"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The registry cannot be read", why, hint)
        return self._registry

    def now(self) -> datetime:
        """The session's time in UTC."""
        return self.clock()

    def whoami(self, cancel: Cancel = NEVER_CANCELLED) -> Identity:
        """Return who we are (asked once)."""
        reader = self._identity
        if reader is None:
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "Nobody is signed in", "the profile has no credential")
        return self.cached("whoami", None, lambda: reader.whoami(cancel))

    def own_policy(self) -> tuple[str, str, Secret] | None:
        """Return host, policy and key of a connection-string profile, None for others. Raises ConsoleError."""
        return self._identity.own_policy() if self.data_plane_only and self._identity is not None else None

    def hub(self, cancel: Cancel = NEVER_CANCELLED, fresh: bool = False) -> Hub:
        """Return the hub; `fresh` reads it again even when it was read a moment ago."""
        reader = self.hub_reader
        return self.cached("hub", 0.0 if fresh else _HUB_AGE, lambda: reader.hub(cancel))

    def arm_id(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return the hub's resource id: the profile's, else the one it was found under."""
        return self._arm_id or self.hub(cancel).arm_id

    def logs(self, cancel: Cancel = NEVER_CANCELLED) -> LogsReader:
        """Return the workspace that holds the Connections log.

        With a workspace in the profile that one is used; else the hub's diagnostic settings name it. Raises
        ConsoleError: NOT_CONFIGURED (NoDiagnosticSettingError when no setting sends the log to a workspace), or why it
        could not be found.
        """
        factory = self._logs_factory
        if factory is None:
            raise _needs_entra("The Connections log could not be read")
        workspace = self._workspace_id or self.cached("workspace", None, lambda: self._find_workspace(cancel))
        return self.cached(f"logs:{workspace}", None, lambda: factory(workspace))

    def has_setting(self, cancel: Cancel = NEVER_CANCELLED) -> bool | None:
        """Say whether some diagnostic setting sends the Connections log to a workspace; None when it is not known."""
        if self._hub_reader is None:
            return None
        try:
            return bool(_of_connections(self._hub_reader.diagnostic_settings(cancel)))
        except ConsoleError:
            return None

    def known(self, name: str) -> Any:
        """Return what was read under a name, however old; None when nothing was. Asks nobody."""
        slot = self._slots.get(name)
        return slot.value if slot is not None else None

    def cached(self, name: str, max_age: float | None, read: Callable[[], T]) -> T:
        """Return a value that is read at most once per `max_age` seconds (None: once); threads wait for one reading."""
        with self._locks_lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            slot = self._slots.get(name)
            if slot is not None and (max_age is None or time.monotonic() - slot.read_at < max_age):
                return cast(T, slot.value)
            value = read()
            self._slots[name] = _Slot(value, time.monotonic())
            return value

    def _find_workspace(self, cancel: Cancel) -> str:
        reader = self.hub_reader
        settings = reader.diagnostic_settings(cancel)
        useful = _of_connections(settings)
        if not useful:
            raise NoDiagnosticSettingError(self.hub_name, len(settings))
        workspace = reader.workspace_id(useful[0].workspace_arm_id, cancel)
        if not workspace:
            why = "the resource manager does not tell its id"
            raise ConsoleError(
                ErrorKind.NOT_CONFIGURED,
                "The Log Analytics workspace was not found",
                why,
                "Set workspace_id in the profile",
            )
        return workspace


def _of_connections(settings: Any) -> list[DiagnosticSetting]:
    return [
        setting
        for setting in settings
        if setting.workspace_arm_id and any(name.casefold() == _CATEGORY for name in setting.categories)
    ]


def _needs_entra(what: str) -> ConsoleError:
    return ConsoleError(
        ErrorKind.NOT_CONFIGURED,
        what,
        "the profile's credential is a connection string, which opens the registry only",
        "Add a credential of kind person, client-secret or managed-identity (roles: Reader, Log Analytics Reader)",
    )

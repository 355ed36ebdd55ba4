"""What the local hub served at its start, kept so that it can go back there."""

from __future__ import annotations

import pickle
from dataclasses import fields
from datetime import datetime
from typing import Any

from console.localhub.device_table import DeviceTable
from console.localhub.state import Cloud, HubState, ProvisioningState

MOST_DEVICES = 100_000
"""A larger fleet is not kept: the copy would cost a second and more at the start."""

_HUB = (
    "resource",
    "policies",
    "devices",
    "certificates",
    "certificate_ders",
    "private_endpoint_connections",
    "diagnostic_settings",
)
_SERVICE = tuple(field.name for field in fields(ProvisioningState))
_CLOUD = ("private_endpoints", "role_definitions", "role_assignments", "groups", "deny_assignments")


class NotKept(Exception):  # noqa: N818 - reads as what it is
    """The fleet was too large to be kept."""


class Snapshot:
    """The cloud's content at one moment: everything that the services' calls can change, keys included.

    In memory only, as bytes: nothing that changes later can reach into it. Principals and workspaces are left out, no
    call changes them; connections are not content.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.moment: datetime = cloud.clock.story()
        with cloud.lock:
            self._hubs = dict(cloud.hubs)  # the objects stay: doors, players and indices hold them
            self._services = dict(cloud.provisioning)
            self._activity = len(cloud.activity)
            self._cloud = _dump(cloud, _CLOUD)
            self._service_content = {name: _dump(one, _SERVICE) for name, one in self._services.items()}
        self._whole = sum(len(hub.devices) for hub in self._hubs.values()) <= MOST_DEVICES and not any(
            isinstance(hub.devices, DeviceTable) for hub in self._hubs.values()
        )
        self._hub_content: dict[str, bytes] = {}
        for name, hub in self._hubs.items() if self._whole else ():
            with hub.lock:
                self._hub_content[name] = _dump(hub, _HUB)

    def restore(self, cloud: Cloud) -> None:
        """Put the content back; the caller has closed the connections of real clients, and notifies afterwards.

        Raises NotKept for a fleet of more than `MOST_DEVICES`.
        """
        if not self._whole:
            raise NotKept(f"a fleet of more than {MOST_DEVICES} devices is not kept for a reset; start the hub again")
        with cloud.lock:
            _replace(cloud.hubs, self._hubs)
            _replace(cloud.provisioning, self._services)
            _load(cloud, self._cloud)
            for name, service in self._services.items():
                _load(service, self._service_content[name])
            del cloud.activity[self._activity :]
        for name, hub in self._hubs.items():
            with hub.lock:
                self._restore_hub(hub, self._hub_content[name])

    def _restore_hub(self, hub: HubState, content: bytes) -> None:
        _load(hub, content)
        hub.ghosts.clear()
        hub.network_changed += 1  # the door caches by it
        for name, points in hub.metric_history.items():
            hub.metric_history[name] = [point for point in points if point[0] <= self.moment]


def _dump(source: object, names: tuple[str, ...]) -> bytes:
    return pickle.dumps({name: getattr(source, name) for name in names}, 5)


def _load(target: object, content: bytes) -> None:
    """Give an object its values back; dictionaries and lists are changed in place, for others hold them."""
    kept: dict[str, Any] = pickle.loads(content)  # noqa: S301 - our own bytes, which never left this process
    for name, value in kept.items():
        present = getattr(target, name)
        if isinstance(present, dict):
            _replace(present, value)
        elif isinstance(present, list):
            present[:] = value
        else:
            setattr(target, name, value)


def _replace(present: dict[Any, Any], value: dict[Any, Any]) -> None:
    present.clear()
    present.update(value)

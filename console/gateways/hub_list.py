"""Every hub that the credential sees: one query of Azure Resource Graph, else the lists of each subscription."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from console.gateways.arm import Arm
from console.gateways.resource_manager import list_hubs
from console.gateways.shapes import answers_of
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import arm_segment
from console.model.hubs import HubEntry, HubList, ListSource, Reach, entry_of
from console.model.text import clean
from console.services.paging import Pages
from console.services.ports import NEVER_CANCELLED, Cancel

PATH = "/providers/Microsoft.ResourceGraph/resources"
_VERSION = {"api-version": "2022-10-01"}
_PAGE = 1000
_MOST_PAGES = 100
_GIVE_UP = frozenset({ErrorKind.CANCELLED, ErrorKind.NETWORK, ErrorKind.AUTHENTICATION, ErrorKind.CLOCK})
"""Failures that the lists would meet as well."""

KQL = """Resources
| where type =~ 'microsoft.devices/iothubs'
| extend ipRules = coalesce(array_length(properties.networkRuleSets.ipRules), 0)
    + coalesce(array_length(properties.ipFilterRules), 0)
| extend action = tostring(properties.networkRuleSets.defaultAction)
| extend reach = case(tostring(properties.publicNetworkAccess) =~ 'Disabled', 'private',
    ipRules > 0 or action =~ 'Deny', 'filtered', 'open')
| project id, name, location, sku = tostring(sku.name), units = toint(sku.capacity),
    state = tostring(properties.state), host = tostring(properties.hostName), reach, ipRules,
    endpoints = coalesce(array_length(properties.privateEndpointConnections), 0),
    localAuth = not(coalesce(tobool(properties.disableLocalAuth), false)),
    weakTls = tostring(properties.minTlsVersion) != '1.2'
| order by name asc"""
"""Exposure and health, worked out where the resources are. Absent switches are off (IoT Hub's ARM reference)."""


@answers_of("the resource manager")
class HubListGateway:
    """Lists hubs through the resource manager."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def hubs(self, cancel: Cancel = NEVER_CANCELLED) -> HubList:
        """Return the hubs by name. Raises ConsoleError when neither way leads to a list."""
        try:
            return HubList(self._query(cancel), ListSource.RESOURCE_GRAPH, datetime.now(UTC))
        except ConsoleError as error:
            if error.kind in _GIVE_UP:
                raise
            why = error.why or error.what
            note = f"Azure Resource Graph did not answer ({why}): listed subscription by subscription"
        found = sorted((entry_of(hub) for hub in list_hubs(self._arm, cancel)), key=_by_name)
        return HubList(tuple(found), ListSource.LISTS, datetime.now(UTC), (note,))

    def _query(self, cancel: Cancel) -> tuple[HubEntry, ...]:
        what = "The hubs could not be listed"
        found: list[HubEntry] = []
        token = ""
        pages = Pages(what, "Azure Resource Graph", most=_MOST_PAGES)
        while True:
            options: dict[str, Any] = {"resultFormat": "objectArray", "$top": _PAGE}
            if token:
                options["$skipToken"] = token
            body = self._arm.ask(what, PATH, _VERSION, {"query": KQL, "options": options}, cancel)
            rows = body.get("data") if isinstance(body, dict) else None
            if not isinstance(rows, list):
                raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer has no rows", "Check the endpoints")
            found += [_entry(row) for row in rows if isinstance(row, dict)]
            token = str(body.get("$skipToken") or "")
            if not token:
                return tuple(sorted(found, key=_by_name))
            pages.follow(token)


def _entry(row: dict[str, Any]) -> HubEntry:
    arm_id = clean(row.get("id"))
    return HubEntry(
        arm_id,
        clean(row.get("name")),
        clean(row.get("host")),
        clean(row.get("location")),
        arm_segment(arm_id, "resourceGroups"),
        arm_segment(arm_id, "subscriptions"),
        clean(row.get("sku")),
        _count(row.get("units")),
        clean(row.get("state")),
        Reach(word) if (word := str(row.get("reach"))) in set(Reach) else Reach.OPEN,
        _count(row.get("ipRules")),
        _count(row.get("endpoints")),
        bool(row.get("localAuth")),
        bool(row.get("weakTls")),
    )


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _by_name(entry: HubEntry) -> tuple[str, str]:
    return entry.name.casefold(), entry.arm_id.casefold()

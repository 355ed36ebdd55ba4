"""The hub as a resource, read through ARM: raw JSON by azure-mgmt-iothub's own methods, the rest by path."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from console.gateways import activity_log, metrics
from console.gateways.answers import Answer, read_answer
from console.gateways.arm import Arm
from console.gateways.imports import IMPORTING
from console.gateways.mapping import certificate_from, hub_from, setting_from
from console.gateways.shapes import answers_of
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry, DiagnosticSetting, Hub, HubCertificate, MetricSeries, arm_segment
from console.services.ports import NEVER_CANCELLED, Cancel

_HUBS = {"api-version": "2023-06-30"}
_SETTINGS = {"api-version": "2021-05-01-preview"}
_SUBSCRIPTIONS = {"api-version": "2022-12-01"}
_WORKSPACES = {"api-version": "2022-10-01"}


@answers_of("the resource manager")
class HubGateway:
    """One hub's control plane. Without `arm_id` the hub is looked for by name in every subscription we can see."""

    def __init__(self, arm: Arm, *, hub_name: str, arm_id: str = "") -> None:
        self._arm = arm
        self._name = hub_name or arm_segment(arm_id, "IotHubs")
        self._arm_id = arm_id
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}

    def arm_id(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return the hub's resource id, found by name when the profile has none.

        Raises ConsoleError NOT_FOUND when no subscription that we can see has a hub of this name.
        """
        with self._lock:
            if not self._arm_id:
                self._arm_id = self._find(cancel)
            return self._arm_id

    def hub(self, cancel: Cancel = NEVER_CANCELLED) -> Hub:
        """Read the hub."""
        return hub_from(self.body(cancel))

    def body(self, cancel: Cancel = NEVER_CANCELLED) -> dict[str, Any]:
        """Read the hub as the resource manager returns it, with properties that no model knows."""
        what = f"The hub {self._name} could not be read"
        self.arm_id(cancel)  # not found by name is another story than not found by id
        try:
            body = self._call(
                what, cancel, lambda client, group: client.iot_hub_resource.get(group, self._name, cls=_raw)
            )
        except ConsoleError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                why = f"there is no hub {self._name} under the resource id in the profile"
                raise ConsoleError(
                    error.kind,
                    what,
                    why,
                    "Check hub_name and arm_id; hubwarden hubs lists the hubs you can see",
                    status=error.status,
                    code=error.code,
                    request_id=error.request_id,
                ) from error
            raise
        return _mapping(body, what)

    def certificates(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[HubCertificate]:
        """Read the CA certificates of the hub."""
        what = "The hub's certificates could not be read"
        body = self._call(
            what, cancel, lambda client, group: client.certificates.list_by_iot_hub(group, self._name, cls=_raw)
        )
        return [certificate_from(item) for item in _mapping(body, what).get("value") or ()]

    def diagnostic_settings(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[DiagnosticSetting]:
        """Read where the hub's logs go."""
        path = f"{self.arm_id(cancel)}/providers/Microsoft.Insights/diagnosticSettings"
        items = self._arm.pages("The hub's diagnostic settings could not be read", path, _SETTINGS, cancel)
        return [setting_from(item) for item in items]

    def workspace_id(self, workspace_arm_id: str, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return the workspace's id (a GUID) for queries."""
        what = "The Log Analytics workspace could not be read"
        body = self._arm.get(what, workspace_arm_id, _WORKSPACES, cancel, role="Reader (on the workspace)")
        return str(((_mapping(body, what)).get("properties") or {}).get("customerId") or "")

    def activity(self, since: datetime, cancel: Cancel = NEVER_CANCELLED) -> Sequence[ActivityEntry]:
        """Read the hub's activity log, newest first."""
        return activity_log.read(self._arm, self.arm_id(cancel), since, cancel)

    def metrics(
        self, names: Sequence[str], start: datetime, end: datetime, step: timedelta, cancel: Cancel = NEVER_CANCELLED
    ) -> Sequence[MetricSeries]:
        """Read platform metrics; device counts are averages."""
        return metrics.read(self._arm, self.arm_id(cancel), names, start, end, step, cancel)

    def policies(self, cancel: Cancel = NEVER_CANCELLED) -> list[dict[str, Any]]:
        """Read the shared access policies with their keys: listKeys, a privileged read that leaves a trace."""
        what = "The shared access policies could not be read"
        role = "Contributor, or one with the action Microsoft.Devices/IotHubs/listkeys/action,"
        body = self._arm.post(what, f"{self.arm_id(cancel)}/listkeys", _HUBS, cancel, role=role)
        return [dict(item) for item in _mapping(body, what).get("value") or ()]

    def put(self, body: dict[str, Any], etag: str, cancel: Cancel) -> tuple[Answer, Any]:
        """Replace the hub, once, if it still has `etag`; return the answer and its JSON. The operation goes on.

        Raises ConsoleError.
        """
        arm_id = self.arm_id(cancel)
        group, subscription = arm_segment(arm_id, "resourceGroups"), arm_segment(arm_id, "subscriptions")

        def call() -> tuple[Answer, Any]:
            resource = self._client(subscription).iot_hub_resource
            response = resource.begin_create_or_update(
                group,
                self._name,
                io.BytesIO(json.dumps(body).encode()),
                if_match=etag,
                content_type="application/json",
                polling=False,
                cls=lambda answer, *_: answer.http_response,
            ).result()
            return read_answer(response), response.json()

        what = f"The hub {self._name} could not be changed"
        target = self._arm.target("Contributor (on the hub)")
        return self._arm.transport.write(what, target, cancel, call)

    def _find(self, cancel: Cancel) -> str:
        seen = 0
        for hub in list_hubs(self._arm, cancel):
            seen += 1
            if hub.name.casefold() == self._name.casefold():
                return hub.arm_id
        why = f"of {seen} that this credential can see none has this name" if seen else "this credential sees no hub"
        hint = "Check the name, or set arm_id in the profile; the role Reader on the hub is needed to see it"
        raise ConsoleError(ErrorKind.NOT_FOUND, f"The hub {self._name} was not found", why, hint)

    def _call(self, what: str, cancel: Cancel, call: Callable[[Any, str], Any]) -> Any:
        arm_id = self.arm_id(cancel)
        group = arm_segment(arm_id, "resourceGroups")
        subscription = arm_segment(arm_id, "subscriptions")
        return self._arm.transport.read(
            what, self._arm.target(), cancel, lambda: call(self._client(subscription), group)
        )

    def _client(self, subscription: str) -> Any:
        with self._lock, IMPORTING:
            if subscription not in self._clients:
                from azure.mgmt.iothub import IotHubClient

                client = self._clients[subscription] = IotHubClient(
                    self._arm.sign_in,
                    subscription,
                    base_url=self._arm.transport.profile.arm_endpoint,
                    policies=self._arm.policies(),
                    **self._arm.transport.core_options([self._arm.transport.profile.arm_endpoint]),
                )
                _ = client.iot_hub_resource  # the SDK imports its operations when they are first asked for
            return self._clients[subscription]


def list_hubs(arm: Arm, cancel: Cancel = NEVER_CANCELLED) -> list[Hub]:
    """Return every hub that the credential can see, subscription by subscription.

    A subscription that refuses the list is passed over. Raises ConsoleError when the subscriptions cannot be listed.
    """
    found: list[Hub] = []
    what = "The hubs could not be listed"
    for subscription in arm.pages(what, "/subscriptions", _SUBSCRIPTIONS, cancel):
        path = f"/subscriptions/{subscription.get('subscriptionId', '')}/providers/Microsoft.Devices/IotHubs"
        try:
            found += [hub_from(body) for body in arm.pages(what, path, _HUBS, cancel)]
        except ConsoleError as error:
            if error.kind is not ErrorKind.PERMISSION:
                raise
    return found


def _raw(response: Any, *_: Any) -> Any:
    return response.http_response.json()


def _mapping(body: Any, what: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ConsoleError(
            ErrorKind.BAD_ANSWER, what, "the answer is not what this service writes", "Check the endpoints"
        )
    return body

"""Resources whole, as the services return them: what plans are made from and what is compared after a write."""

from __future__ import annotations

from typing import Any

from console.gateways.arm import Arm
from console.gateways.provisioning import EnrollmentGateway
from console.gateways.provisioning_links import PROVISIONING as PROVISIONING
from console.gateways.registry import RegistryGateway
from console.gateways.resource_manager import HubGateway
from console.gateways.shapes import answers_of
from console.model.document import Document, Json, Target, TargetKind, wrapped
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import NEVER_CANCELLED, Cancel

HUBS = {"api-version": "2023-06-30"}
NETWORK = {"api-version": "2024-05-01"}
AUTHORIZATION = {"api-version": "2022-04-01"}


@answers_of("the service")
class DocumentGateway:
    """Reads every kind of resource that the console can change. `registry` None: the profile has no data plane."""

    def __init__(
        self, arm: Arm, hub: HubGateway, registry: RegistryGateway | None, enrollments: EnrollmentGateway
    ) -> None:
        self._arm = arm
        self._hub = hub
        self._registry = registry
        self._enrollments = enrollments

    def read(self, target: Target, cancel: Cancel = NEVER_CANCELLED) -> Document | None:
        """Return the resource as it is now, None when there is none. Raises ConsoleError."""
        match target.kind:
            case TargetKind.HUB:
                return _document(self._hub.body(cancel))
            case TargetKind.POLICIES:
                return self._policies(cancel)
            case TargetKind.DEVICE:
                return self._device(target, cancel)
            case TargetKind.CONNECTION:
                path = f"{self._hub.arm_id(cancel)}/privateEndpointConnections/{target.name}"
                return self._by_path(
                    "The private endpoint connection could not be read", path, HUBS, cancel, etag=False
                )
            case TargetKind.ENDPOINT:
                return self._by_path("The private endpoint could not be read", target.id, NETWORK, cancel, etag=False)
            case TargetKind.PROVISIONING:
                what = "The provisioning service could not be read"
                return self._by_path(what, target.id, PROVISIONING, cancel)
            case TargetKind.CERTIFICATE | TargetKind.CERTIFICATE_CODE | TargetKind.CERTIFICATE_PROOF:
                return self._by_path(f"The certificate {target.name} could not be read", target.id, HUBS, cancel)
            case TargetKind.ENROLLMENT | TargetKind.ENROLLMENT_GROUP | TargetKind.REGISTRATION:
                body = self._enrollments.whole(target, cancel)
                return None if body is None else _document(body)
            case TargetKind.ROLE | TargetKind.ASSIGNMENT:
                noun = "role" if target.kind is TargetKind.ROLE else "role assignment"
                what = f"The {noun} could not be read"
                return self._by_path(what, target.id, AUTHORIZATION, cancel, etag=False)

    def _policies(self, cancel: Cancel) -> Document:
        before = self._hub.body(cancel)
        policies = self._hub.policies(cancel)
        hub = self._hub.body(cancel)
        if hub.get("etag") != before.get("etag"):  # keys and ETag must belong together
            policies = self._hub.policies(cancel)
        return _document({"hub": hub, "authorizationPolicies": policies}, str(hub.get("etag") or ""))

    def _device(self, target: Target, cancel: Cancel) -> Document | None:
        if self._registry is None:
            why = "the profile names no hub host"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The device could not be read", why, "Set hub_host")
        body = self._registry.identity(target.id, cancel)
        return None if body is None else _document(body)

    def _by_path(
        self, what: str, path: str, params: dict[str, str], cancel: Cancel, *, etag: bool = True
    ) -> Document | None:
        try:
            body = self._arm.get(what, path, params, cancel)
        except ConsoleError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise
        if not isinstance(body, dict):
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a resource", "Check the endpoints")
        return _document(body) if etag else Document(wrapped(body))


def _document(body: Json, etag: str = "") -> Document:
    value: Any = wrapped(body)
    return Document(value, etag or str(body.get("etag") or ""))

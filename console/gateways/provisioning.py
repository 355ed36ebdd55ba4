"""What provisioning services hold, by their service API (2021-10-01): enrollments, groups, registrations, keys."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from console.gateways.answers import Answer, BadStatusError, read_answer
from console.gateways.answers import Target as Callee
from console.gateways.arm import USER_AGENT, Arm
from console.gateways.enrollment_mapping import enrollment_from, instance_from, policy_from, registration_from
from console.gateways.imports import IMPORTING
from console.gateways.mapping import certificate_from
from console.gateways.provisioning_links import PROVISIONING
from console.gateways.resource_manager import HubGateway
from console.gateways.shapes import answers_of
from console.model.address import is_place
from console.model.document import Document, Json, Target, TargetKind, wrapped
from console.model.enrollment import (
    Enrollment,
    EnrollmentKind,
    ProvisioningInstance,
    ProvisioningPolicy,
    Registration,
)
from console.model.enrollment_target import COLLECTIONS, service_of
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import HubCertificate, arm_segment
from console.model.text import clean
from console.services.paging import Pages
from console.services.ports import NEVER_CANCELLED, Cancel

SERVICE = {"api-version": "2021-10-01"}
PAGE = 100
_MOST_PAGES = 12_000
_LIST_SECONDS = 1800.0
"""A service holds a million enrollments at most (its documented limit)."""
_READER = "Device Provisioning Service Data Reader (on the provisioning service)"
_CONTRIBUTOR = "Device Provisioning Service Data Contributor (on the provisioning service)"
_NEVER_SENT = ("etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "registrationState")
"""Read-only members; an X.509 attestation goes back as it came, with `info` and without the certificate, and stays."""


@answers_of("the provisioning service")
class EnrollmentGateway:
    """The service API of the provisioning services in the hub's subscription, with Entra tokens.

    It is asked at `endpoints.dps` of the profile where that is given, else at each service's own host.
    """

    def __init__(self, arm: Arm, hub: HubGateway) -> None:
        self._arm = arm
        self._hub = hub
        self._lock = threading.Lock()
        self._client: Any = None
        self._hosts: dict[str, str] = {}

    # --- through the resource manager ---------------------------------------------------------------------------

    def instances(self, cancel: Cancel = NEVER_CANCELLED) -> Sequence[ProvisioningInstance]:
        """Return the provisioning services of the hub's subscription that the credential may see.

        Raises ConsoleError.
        """
        subscription = arm_segment(self._hub.arm_id(cancel), "subscriptions")
        path = f"/subscriptions/{subscription}/providers/Microsoft.Devices/provisioningServices"
        what = "The provisioning services could not be listed"
        bodies = list(self._arm.pages(what, path, PROVISIONING, cancel, role="Reader (on the provisioning services)"))
        if not all(isinstance(body, dict) for body in bodies):
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a list of resources", "Try again")
        found = [instance_from(body) for body in bodies]
        with self._lock:
            self._hosts.update({one.arm_id.casefold(): one.host for one in found if is_place(one.host)})
        return found

    def policies(
        self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED
    ) -> Sequence[ProvisioningPolicy]:
        """Return the shared access policies, their keys left behind: listkeys, a privileged read.

        Raises ConsoleError.
        """
        what = f"The shared access policies of {instance.name} could not be read"
        role = "Contributor, or one with the action Microsoft.Devices/provisioningServices/listkeys/action,"
        body = self._arm.post(what, f"{instance.arm_id}/listkeys", PROVISIONING, cancel, role=role)
        items = body.get("value") if isinstance(body, dict) else None
        if not isinstance(items, list):
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a list of policies", "Try again")
        return [policy_from(item) for item in items if isinstance(item, dict)]

    def authorities(self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED) -> Sequence[HubCertificate]:
        """Return the CA certificates that were uploaded to the service. Raises ConsoleError."""
        what = f"The CA certificates of {instance.name} could not be read"
        body = self._arm.get(what, f"{instance.arm_id}/certificates", PROVISIONING, cancel)
        items = body.get("value") if isinstance(body, dict) else None
        if not isinstance(items, list):
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a list of certificates", "Try again")
        return [certificate_from(item) for item in items if isinstance(item, dict)]

    # --- reading ------------------------------------------------------------------------------------------------

    def enrollments(self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED) -> Iterator[Enrollment]:
        """Yield the individual enrollments, page by page. Raises ConsoleError."""
        what = f"The enrollments of {instance.name} could not be read"
        for body in self._query(what, instance, "/enrollments/query", {"query": "SELECT * FROM enrollments"}, cancel):
            yield enrollment_from(body, EnrollmentKind.INDIVIDUAL)

    def groups(self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED) -> Iterator[Enrollment]:
        """Yield the enrollment groups, page by page. Raises ConsoleError."""
        what = f"The enrollment groups of {instance.name} could not be read"
        query = {"query": "SELECT * FROM enrollmentGroups"}
        for body in self._query(what, instance, "/enrollmentGroups/query", query, cancel):
            yield enrollment_from(body, EnrollmentKind.GROUP)

    def registrations(
        self, instance: ProvisioningInstance, group_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Iterator[Registration]:
        """Yield the registrations made through a group, page by page. Raises ConsoleError."""
        what = f"The registrations of the group {clean(group_id, limit=128)} could not be read"
        path = f"/registrations/{quote(group_id, safe='')}/query"
        for body in self._query(what, instance, path, None, cancel):
            yield registration_from(body)

    def registration(
        self, instance: ProvisioningInstance, registration_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Registration | None:
        """Return what the service remembers of one registration, None when nothing. Raises ConsoleError."""
        what = f"The registration {clean(registration_id, limit=128)} could not be read"
        body = self._found(what, instance.arm_id, f"/registrations/{quote(registration_id, safe='')}", cancel)
        return None if body is None else registration_from(body)

    def enrollment(
        self, instance: ProvisioningInstance, kind: EnrollmentKind, enrollment_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Enrollment | None:
        """Return one enrollment or group without keys, None when there is none. Raises ConsoleError."""
        what = f"The enrollment {clean(enrollment_id, limit=128)} could not be read"
        path = f"/{_collection(kind)}/{quote(enrollment_id, safe='')}"
        body = self._found(what, instance.arm_id, path, cancel)
        return None if body is None else enrollment_from(body, kind)

    def mechanism(
        self, instance: ProvisioningInstance, kind: EnrollmentKind, enrollment_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Document:
        """Return the attestation mechanism with its keys, a privileged read. Raises ConsoleError, also NOT_FOUND."""
        return Document(wrapped(self._mechanism(instance.arm_id, _collection(kind), enrollment_id, cancel)))

    def whole(self, target: Target, cancel: Cancel = NEVER_CANCELLED) -> Json | None:
        """Return an enrollment, group or registration as the service has it, None when there is none.

        With symmetric keys: a GET leaves them out, and what a PUT without keys does to them is not documented; the
        Azure CLI, too, reads them before each update. Whoever asks has journalled it. Raises ConsoleError.
        """
        arm_id, name = service_of(target)
        collection = COLLECTIONS[target.kind]
        what = f"{_NOUNS[target.kind]} {clean(name, limit=128)} could not be read"
        body = self._found(what, arm_id, f"/{collection}/{quote(name, safe='')}", cancel)
        if body is None or target.kind is TargetKind.REGISTRATION:
            return body
        attestation = body.get("attestation")
        if isinstance(attestation, dict) and str(attestation.get("type")).casefold() == "symmetrickey":
            body["attestation"] = self._mechanism(arm_id, collection, name, cancel)
        return body

    # --- writing, for the writers alone -------------------------------------------------------------------------

    def put_enrollment(self, target: Target, body: Json, etag: str, cancel: Cancel) -> str:
        """Replace what still has `etag`, or create it (empty `etag`, a conflict where it is); return the new ETag.

        Without If-Match the service refuses to replace ("already exists": azure-iot-sdk-csharp #3076). Raises
        ConsoleError.
        """
        sent = {name: value for name, value in body.items() if name not in _NEVER_SENT}
        done = "changed" if etag else "created"
        what = f"{_NOUNS[target.kind]} {clean(target.name, limit=128)} could not be {done}"
        said = self._write(what, "PUT", target, etag, cancel, sent)
        return str(said.get("etag") or "") if isinstance(said, dict) else ""

    def delete_enrollment(self, target: Target, etag: str, cancel: Cancel) -> None:
        """Delete an enrollment, group or registration that still has `etag`. Raises ConsoleError."""
        what = f"{_NOUNS[target.kind]} {clean(target.name, limit=128)} could not be deleted"
        self._write(what, "DELETE", target, etag, cancel)

    # --- inside -------------------------------------------------------------------------------------------------

    def _write(self, what: str, method: str, target: Target, etag: str, cancel: Cancel, body: Any = None) -> Any:
        arm_id, name = service_of(target)
        host = self._host(arm_id, cancel)
        path = f"/{COLLECTIONS[target.kind]}/{quote(name, safe='')}"
        headers = {"If-Match": etag if etag.startswith('"') else f'"{etag}"'} if etag else {}

        def call() -> Any:
            answer, said = self._send(method, host, path, body, headers)
            del answer
            return said

        callee = self._callee(host, _CONTRIBUTOR, _operation(method, path), arm_id)
        return self._arm.transport.write(what, callee, cancel, call)

    def _found(self, what: str, arm_id: str, path: str, cancel: Cancel) -> Json | None:
        try:
            _, body = self._read(what, "GET", arm_id, path, cancel)
        except ConsoleError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise
        return _mapping(body, what)

    def _mechanism(self, arm_id: str, collection: str, name: str, cancel: Cancel) -> Json:
        what = f"The keys of {clean(name, limit=128)} could not be read"
        role = f"{_CONTRIBUTOR}, or one with the data action …/attestationmechanism/details/action,"
        path = f"/{collection}/{quote(name, safe='')}/attestationmechanism"
        _, body = self._read(what, "POST", arm_id, path, cancel, role=role)
        return _mapping(body, what)

    def _query(
        self, what: str, instance: ProvisioningInstance, path: str, query: Json | None, cancel: Cancel
    ) -> Iterator[Json]:
        continuation = ""
        pages = Pages(what, "the provisioning service", most=_MOST_PAGES, seconds=_LIST_SECONDS)
        while True:
            headers = {"x-ms-max-item-count": str(PAGE)}
            if continuation:
                headers["x-ms-continuation"] = continuation
            answer, body = self._read(what, "POST", instance.arm_id, path, cancel, query, headers)
            if not isinstance(body, list):
                raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a list", "Check the endpoints")
            yield from (_mapping(item, what) for item in body)
            continuation = answer.headers.get("x-ms-continuation", "")
            if not continuation:
                return
            pages.follow(continuation)

    def _read(
        self,
        what: str,
        method: str,
        arm_id: str,
        path: str,
        cancel: Cancel,
        body: Any = None,
        headers: dict[str, str] | None = None,
        role: str = _READER,
    ) -> tuple[Answer, Any]:
        host = self._host(arm_id, cancel)
        callee = self._callee(host, role, _operation(method, path), arm_id)
        return self._arm.transport.read(
            what, callee, cancel, lambda: self._send(method, host, path, body, headers or {})
        )

    def _send(self, method: str, host: str, path: str, body: Any, headers: dict[str, str]) -> tuple[Answer, Any]:
        with IMPORTING:
            from azure.core.rest import HttpRequest

        # moved by the profile, the service is still called by its own name: several may stand behind one endpoint
        named = {**headers, "Host": host} if self._moved else headers
        request = HttpRequest(method, f"{self._base(host)}{path}", params=SERVICE, json=body, headers=named)
        response = self._pipeline().send_request(request)
        answer = read_answer(response)
        if answer.status not in {200, 201, 204}:
            raise BadStatusError(answer)
        return answer, response.json() if answer.text.strip() else None

    @property
    def _moved(self) -> str:
        return self._arm.transport.profile.endpoints.dps.rstrip("/")

    def _base(self, host: str) -> str:
        return self._moved or f"https://{host}"

    def _callee(self, host: str, role: str, operation: str, arm_id: str) -> Callee:
        reached = self._moved.removeprefix("https://") or host
        return Callee("the provisioning service", reached, role, is_hub=True, operation=operation, scope=arm_id)

    def _host(self, arm_id: str, cancel: Cancel) -> str:
        with self._lock:
            known = self._hosts.get(arm_id.casefold())
        if known:
            return known
        body = self._arm.get("The provisioning service could not be read", arm_id, PROVISIONING, cancel)
        host = instance_from(body).host if isinstance(body, dict) else ""
        if not host:
            why = "the resource manager does not tell where its service API is"
            raise ConsoleError(ErrorKind.BAD_ANSWER, "The provisioning service could not be read", why, "Try again")
        if not is_place(host):  # a token goes there
            why = f"the resource manager names “{clean(host, limit=100)}” as its host, which is none"
            raise ConsoleError(
                ErrorKind.BAD_ANSWER, "The provisioning service was not asked", why, "Check the endpoints"
            )
        with self._lock:
            self._hosts[arm_id.casefold()] = host
        return host

    def _pipeline(self) -> Any:
        with self._lock, IMPORTING:
            if self._client is None:
                from azure.core import PipelineClient
                from azure.core.pipeline import policies

                transport = self._arm.transport
                scope = f"{transport.profile.azure.dps_audience}/.default"
                self._client = PipelineClient(
                    base_url="",
                    policies=[
                        policies.RequestIdPolicy(),
                        policies.HeadersPolicy(),
                        policies.UserAgentPolicy(USER_AGENT),
                        policies.ProxyPolicy(proxies=transport.proxies or None),
                        policies.ContentDecodePolicy(),
                        policies.BearerTokenCredentialPolicy(self._arm.sign_in, scope),
                        policies.SensitiveHeaderCleanupPolicy(),
                    ],
                    **transport.core_options(),
                )
            return self._client


_NOUNS = {
    TargetKind.ENROLLMENT: "The enrollment",
    TargetKind.ENROLLMENT_GROUP: "The enrollment group",
    TargetKind.REGISTRATION: "The registration",
}


def _operation(method: str, path: str) -> str:
    """Return the data operation that a call of the service API needs."""
    base = "Microsoft.Devices/provisioningServices"
    if path.endswith("/attestationmechanism"):
        return f"{base}/attestationmechanism/details/action"
    kind = path.split("/")[1].replace("registrations", "registrationStates")
    return f"{base}/{kind}/{({'PUT': 'write', 'DELETE': 'delete'}).get(method, 'read')}"


def _collection(kind: EnrollmentKind) -> str:
    return COLLECTIONS[TargetKind.ENROLLMENT if kind is EnrollmentKind.INDIVIDUAL else TargetKind.ENROLLMENT_GROUP]


def _mapping(body: Any, what: str) -> Json:
    if not isinstance(body, dict):
        why = "the answer is not what this service writes"
        raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check the endpoints in the profile")
    return body

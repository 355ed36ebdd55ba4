"""The desk where devices register: the device side of every provisioning service of the cloud.

Over MQTT the real service takes the CONNECT of a device it will not register, and refuses the registration
(MicrosoftDocs/azure-docs#43157, azure-iot-sdk-python#797 and #1195); so does this one. A disabled enrollment is told
at the end of the operation, as status `disabled` (the device API's statuses; azure-iot-sdk-java#1640).
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from console.localhub import provisioning_answers as answers
from console.localhub.log_rows import LogRecord
from console.localhub.log_store import LogStore
from console.localhub.provisioning_assign import Assignment, AssignmentError, assign
from console.localhub.provisioning_attest import TPM, Proof, attest, unauthorized
from console.localhub.provisioning_errors import ENROLLMENT_NOT_FOUND, ProvisioningError, error_body, invalid
from console.localhub.provisioning_logs import ATTESTATION, DEVICE, REGISTRATION, Failure, record
from console.localhub.provisioning_network import admitted
from console.localhub.provisioning_state import EnrollmentRecord, RegistrationRecord
from console.localhub.provisioning_token import key_bytes, read_token
from console.localhub.provisioning_tpm import StorageKey, TpmError, authentication_key, read_storage_key
from console.localhub.registry_call import timestamp
from console.localhub.state import Cloud, HubState, Json, ProvisioningState

HTTPS = "Https"
NO_SERVICE = 404000  # ours; that it is a 404 is in Microsoft's list of the service's common errors
DISABLED = 403000  # ours, as the text: how the log tells of a disabled enrollment is not published
NO_OPERATION = 404203  # nrfconnect/sdk-nrf's tests quote it: "Operation not found."
CHALLENGE = "Authorization required, resend request using supplied key"
KEY_NAME = "registration"
_NONCE = 32
_ID = re.compile(r"[A-Za-z0-9\-._:]{0,127}[A-Za-z0-9\-]")  # the service's document on its terms
T = TypeVar("T")


@dataclass(frozen=True)
class DeviceCaller:
    """Who asks; ids as the device wrote them. `client_chain` is DER, leaf first; `protocol`: Https, Mqtt or MqttWs."""

    id_scope: str
    registration_id: str
    address: str
    protocol: str
    sas_token: str | None = field(default=None, repr=False)
    client_chain: tuple[bytes, ...] = ()
    tls_version: str = "1.2"
    sdk: str = ""
    api_version: str = ""

    @property
    def key(self) -> str:
        """The registration id as services keep it."""
        return self.registration_id.casefold()


@dataclass(frozen=True)
class DeskAnswer:
    """What the desk says: an HTTP status, a body, and after how many seconds to ask again."""

    status: int
    body: Json
    retry_after: int | None = None


@dataclass
class _Visit:
    """What one call leaves behind once the lock is given back."""

    service: ProvisioningState | None = None
    records: list[LogRecord] = field(default_factory=list)
    touched: list[tuple[HubState, str]] = field(default_factory=list)


class RegistrationDesk:
    """Registers devices. Thread-safe.

    A device is assigned when it registers; `assigning_polls` answers say `assigning` (that to the registration
    included) before it learns the result, each to be repeated after `poll_after` seconds.
    """

    def __init__(self, cloud: Cloud, store: LogStore, *, poll_after: int = 1, assigning_polls: int = 1) -> None:
        self.cloud = cloud
        self.store = store
        self.poll_after = poll_after
        self.assigning_polls = assigning_polls
        self._early: dict[str, int] = {}  # how many questions about an operation still come too early
        self._roots: dict[tuple[str, str], StorageKey] = {}  # storage root keys that the last challenges were made for

    # -- what devices ask ----------------------------------------------------------------------------------------------

    def admit(self, caller: DeviceCaller) -> DeskAnswer | None:
        """Return why a device is not even listened to, None for one that is; to be asked first, at CONNECT or per call.

        401 for an address, 404 for an id scope that no service has; over MQTT 401 also for no credential at all and
        for a token that anybody can see is none or has expired.
        """

        def answer(visit: _Visit) -> DeskAnswer | None:
            service = self._service(caller, visit)
            if not admitted(service, caller.address, "deviceApi"):
                refusal = unauthorized()
                if self.cloud.log_ip_rejections:
                    visit.records.append(self._attempt(caller, refusal))
                raise refusal
            if caller.protocol != HTTPS and not self._looks_right(caller):
                refusal = unauthorized()
                visit.records.append(self._attempt(caller, refusal))
                raise refusal
            return None

        return self._visit(answer)

    def register(self, caller: DeviceCaller, body: Json) -> DeskAnswer:
        """Begin a registration: 202 with the operation, or 401 with the challenge to a TPM.

        400 for a body that cannot be, 401 for a device that does not prove itself, 404 for an endorsement key without
        an enrollment.
        """

        def answer(visit: _Visit) -> DeskAnswer:
            began = time.monotonic()
            service = self._service(caller, visit)
            self._check_id(caller, body)
            individual = service.enrollments.get(caller.key)
            if body.get("tpm") is not None and (individual is None or individual.kind == TPM):
                root = self._tpm(service, caller, body["tpm"], individual)
                if caller.sas_token is None and individual is not None:
                    return self._challenge(service, caller, individual, root)
            proof = self._attest(service, caller, visit)
            visit.records.append(self._attempt(caller, began=began))
            found = self._registration(service, caller, proof)
            self._carry_out(service, caller, proof, found, visit)
            self._early[found.operation_id] = self.assigning_polls - 1
            return DeskAnswer(202, answers.begun(found), self.poll_after)

        return self._visit(answer)

    def operation(self, caller: DeviceCaller, operation_id: str) -> DeskAnswer:
        """Tell how a registration stands: 202 assigning, or 200 assigned, failed or disabled; 404 for another's."""

        def answer(visit: _Visit) -> DeskAnswer:
            service = self._service(caller, visit)
            self._attest(service, caller, visit)
            found = service.registrations.get(caller.key)
            if found is None or not operation_id or found.operation_id != operation_id:
                raise ProvisioningError(NO_OPERATION, "Operation not found.")
            early = self._early.get(operation_id, 0)
            if early > 0:
                self._early[operation_id] = early - 1
                return DeskAnswer(202, answers.under_way(found), self.poll_after)
            self._early.pop(operation_id, None)
            return DeskAnswer(200, answers.ended(found))

        return self._visit(answer)

    def lookup(self, caller: DeviceCaller) -> DeskAnswer:
        """Tell what became of the last registration: 200 with its state, 404 when there was none."""

        def answer(visit: _Visit) -> DeskAnswer:
            service = self._service(caller, visit)
            self._attest(service, caller, visit)
            found = service.registrations.get(caller.key)
            if found is None or not found.operation_id:
                raise ProvisioningError(ENROLLMENT_NOT_FOUND, "Registration not found.")
            return DeskAnswer(200, answers.state(found))

        return self._visit(answer)

    # -- around every call ---------------------------------------------------------------------------------------------

    def _visit(self, answer: Callable[[_Visit], T]) -> T | DeskAnswer:
        """Answer under the cloud's lock; then write the log and tell who listens."""
        visit = _Visit()
        try:
            with self.cloud.lock:
                given: T | DeskAnswer = answer(visit)
        except ProvisioningError as refusal:
            given = DeskAnswer(refusal.status, error_body(refusal.number, refusal.text, self.cloud.clock.wall()))
        if visit.service is not None:
            self.store.append_service(visit.service, visit.records)
        for hub, device_id in visit.touched:
            self.cloud.notify(hub, f"device:{device_id}")
        return given

    def _service(self, caller: DeviceCaller, visit: _Visit) -> ProvisioningState:
        service = self.cloud.provisioning_by_scope(caller.id_scope) if caller.id_scope else None
        if service is None:
            raise ProvisioningError(NO_SERVICE, "Not Found.")
        if not _ID.fullmatch(caller.registration_id):
            raise invalid("The registration id is not valid.")
        visit.service = service
        return service

    def _looks_right(self, caller: DeviceCaller) -> bool:
        """Say whether a device that connects over MQTT shows something that could be a credential."""
        if caller.sas_token is None:
            return bool(caller.client_chain)
        token = read_token(caller.sas_token)
        return token is not None and token.expires > self.cloud.clock.wall()

    def _attest(self, service: ProvisioningState, caller: DeviceCaller, visit: _Visit) -> Proof:
        now = self.cloud.clock.wall()
        try:
            return attest(service, caller.registration_id, caller.sas_token, caller.client_chain, now)
        except ProvisioningError as refusal:
            visit.records.append(self._attempt(caller, refusal))
            raise

    # -- registering ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _check_id(caller: DeviceCaller, body: Json) -> None:
        told = body.get("registrationId")
        if told is not None and (not isinstance(told, str) or told.casefold() != caller.key):
            raise invalid("The registration id of the body is not the one of the address.")

    def _registration(self, service: ProvisioningState, caller: DeviceCaller, proof: Proof) -> RegistrationRecord:
        """Return the device's registration, begun anew."""
        found = service.registrations.setdefault(caller.key, RegistrationRecord(caller.registration_id))
        self._early.pop(found.operation_id, None)
        now = timestamp(self.cloud.clock.story())
        found.group_id, found.attestation = proof.group_id, proof.enrollment.kind
        found.operation_id = answers.operation_id(service, caller.registration_id)
        found.created = found.created or now
        found.updated = now
        found.error_code, found.error_message = None, ""
        found.counter += 1
        return found

    def _carry_out(
        self,
        service: ProvisioningState,
        caller: DeviceCaller,
        proof: Proof,
        found: RegistrationRecord,
        visit: _Visit,
    ) -> None:
        """Bring a registration to its end: assigned, failed or disabled."""
        if not proof.enrollment.enabled:
            found.status = "disabled"
            visit.records.append(self._record(caller, REGISTRATION, Failure(403, DISABLED, "Enrollment is disabled.")))
            return
        try:
            given = assign(self.cloud, service, proof, found)
            tpm_key = self._wrapped_key(service, caller, proof, given)
        except AssignmentError as error:
            found.status, found.error_code, found.error_message = "failed", error.number, error.text
            failure = Failure(error.number // 1000, error.number, error.text, ours=True)
            visit.records.append(self._record(caller, REGISTRATION, failure))
            return
        found.status, found.substatus = "assigned", given.substatus
        found.assigned_hub, found.device_id = given.hub.host, given.device.device_id
        found.details = answers.details(proof, tpm_key)
        visit.touched += [(hub, given.device.device_id) for hub in given.touched]
        visit.records.append(self._record(caller, REGISTRATION))

    # -- TPM -----------------------------------------------------------------------------------------------------------

    def _tpm(
        self, service: ProvisioningState, caller: DeviceCaller, told: Any, individual: EnrollmentRecord | None
    ) -> StorageKey:
        """Check a TPM's keys against the enrollment and return its storage root key."""
        if individual is None:
            # the SDKs' end-to-end tests expect this number for an endorsement key that nobody enrolled
            raise ProvisioningError(ENROLLMENT_NOT_FOUND, "Enrollment not found.")
        keys = told if isinstance(told, dict) else {}
        if key_bytes(str(keys.get("endorsementKey") or "")) != _endorsement(individual):
            raise unauthorized()
        try:
            root = read_storage_key(key_bytes(str(keys.get("storageRootKey") or "")))
        except TpmError as error:
            raise invalid(f"storageRootKey: {error}") from None
        self._roots[service.arm_id, caller.key] = root
        return root

    def _challenge(
        self, service: ProvisioningState, caller: DeviceCaller, individual: EnrollmentRecord, root: StorageKey
    ) -> DeskAnswer:
        nonce = secrets.token_bytes(_NONCE)
        resource = f"{caller.id_scope}/registrations/{caller.registration_id}"
        try:
            blob = authentication_key(read_storage_key(_endorsement(individual)), root, nonce, resource)
        except TpmError as error:
            raise invalid(f"endorsementKey: {error}") from None
        found = service.registrations.setdefault(
            caller.key, RegistrationRecord(caller.registration_id, attestation=TPM)
        )
        found.nonce = nonce
        body = {"message": CHALLENGE, "authenticationKey": base64.b64encode(blob).decode(), "keyName": KEY_NAME}
        return DeskAnswer(401, body)

    def _wrapped_key(self, service: ProvisioningState, caller: DeviceCaller, proof: Proof, given: Assignment) -> str:
        """Return the hub identity's key wrapped for the device's TPM, in base64; empty for other attestations."""
        root = self._roots.get((service.arm_id, caller.key))
        if proof.enrollment.kind != TPM or root is None:
            return ""
        resource = f"{given.hub.host}/devices/{given.device.device_id}"
        key = key_bytes(given.device.primary_key)
        try:
            blob = authentication_key(read_storage_key(_endorsement(proof.enrollment)), root, key, resource)
        except TpmError as error:
            raise AssignmentError(400000, str(error)) from None
        return base64.b64encode(blob).decode()

    # -- log -----------------------------------------------------------------------------------------------------------

    def _attempt(
        self, caller: DeviceCaller, refusal: ProvisioningError | None = None, began: float | None = None
    ) -> LogRecord:
        failure = None if refusal is None else Failure(refusal.status, refusal.number, refusal.text)
        return self._record(caller, ATTESTATION, failure, began)

    def _record(
        self, caller: DeviceCaller, operation: str, failure: Failure | None = None, began: float | None = None
    ) -> LogRecord:
        return record(
            DEVICE,
            operation,
            self.cloud.clock.story(),
            subject=caller.registration_id,
            kind="Registration",
            protocol="Http" if caller.protocol == HTTPS else caller.protocol,
            address=caller.address,
            version=caller.api_version,
            failure=failure,
            duration_ms=None if began is None else round((time.monotonic() - began) * 1000),
        )


def _endorsement(enrollment: EnrollmentRecord) -> bytes:
    attestation = enrollment.body.get("attestation") or {}
    return key_bytes(str((attestation.get(TPM) or {}).get("endorsementKey") or ""))

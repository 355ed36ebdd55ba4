"""A provisioning service with its desk, in memory: enrollments put straight into its state, and devices that ask."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from console.localhub.cloud_factory import new_cloud, new_hub
from console.localhub.log_store import LogStore
from console.localhub.provisioning_desk import DeskAnswer, DeviceCaller, RegistrationDesk
from console.localhub.provisioning_state import EnrollmentRecord
from console.localhub.state import HubState, StoryClock, new_key
from tests.support.authorities import Holder

STORY = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
ADDRESS = "10.7.0.9"


def derived(group_key: str, registration_id: str) -> str:
    """Derive a device's key as the documentation's shell line does."""
    raw = hmac.new(base64.b64decode(group_key), registration_id.encode(), hashlib.sha256).digest()
    return base64.b64encode(raw).decode()


class Office:
    """A cloud with one hub and one provisioning service that is open to all addresses; `log` are the rows written."""

    def __init__(self, store: LogStore | None = None, **options: Any) -> None:
        self.cloud = new_cloud(StoryClock(STORY))
        self.hub: HubState = next(iter(self.cloud.hubs.values()))
        self.service = next(iter(self.cloud.provisioning.values()))
        self.service.resource["properties"]["ipFilterRules"] = []
        self.log: list[Any] = []
        self.desk = RegistrationDesk(self.cloud, store or self, **options)  # type: ignore[arg-type]

    def append_service(self, _service: Any, records: Any) -> None:
        """Keep the rows (the log store's part)."""
        self.log.extend(records)

    def second_hub(self, name: str = "contoso-second") -> HubState:
        """Make and link another hub."""
        hub = new_hub(self.cloud, name)
        policy = hub.policies["iothubowner"]
        self.service.links[hub.host] = (
            f"HostName={hub.host};SharedAccessKeyName=iothubowner;SharedAccessKey={policy.primary_key}"
        )
        self.service.resource["properties"]["iotHubs"].append({"name": hub.host, "applyAllocationPolicy": True})
        return hub

    # -- enrollments ---------------------------------------------------------------------------------------------------

    def by_key(self, registration_id: str = "press-1", **body: Any) -> EnrollmentRecord:
        """Enroll one device by two new keys."""
        record = self._record(registration_id.casefold(), {"type": "symmetricKey"}, body)
        record.primary_key, record.secondary_key = new_key(), new_key()
        self.service.enrollments[record.id] = record
        return record

    def by_group_key(self, group_id: str = "presses", **body: Any) -> EnrollmentRecord:
        """Enroll a group by two new keys."""
        record = self._record(group_id, {"type": "symmetricKey"}, body)
        record.primary_key, record.secondary_key = new_key(), new_key()
        self.service.groups[group_id] = record
        return record

    def by_certificate(self, registration_id: str, *certificates: Holder, **body: Any) -> EnrollmentRecord:
        """Enroll one device by one or two certificates of its own."""
        record = self._record(registration_id.casefold(), {"type": "x509", "x509": {}}, body)
        slots = zip(("client.primary", "client.secondary"), certificates, strict=False)
        record.certificate_ders = {slot: one.der for slot, one in slots}
        self.service.enrollments[record.id] = record
        return record

    def by_signer(self, group_id: str, signer: Holder, **body: Any) -> EnrollmentRecord:
        """Enroll a group by a CA certificate that is given with it."""
        record = self._record(group_id, {"type": "x509", "x509": {}}, body)
        record.certificate_ders = {"signing.primary": signer.der}
        self.service.groups[group_id] = record
        return record

    def by_reference(self, group_id: str, ca_name: str, **body: Any) -> EnrollmentRecord:
        """Enroll a group by the name of one of the service's CA certificates."""
        attestation = {"type": "x509", "x509": {"caReferences": {"primary": ca_name}}}
        record = self.service.groups[group_id] = self._record(group_id, attestation, body)
        return record

    def by_tpm(self, registration_id: str, endorsement_key: bytes, **body: Any) -> EnrollmentRecord:
        """Enroll one device by its TPM's endorsement key."""
        attestation = {"type": "tpm", "tpm": {"endorsementKey": base64.b64encode(endorsement_key).decode()}}
        record = self._record(registration_id.casefold(), attestation, body)
        self.service.enrollments[record.id] = record
        return record

    def ca(self, name: str, authority: Holder, *, verified: bool = True) -> None:
        """Add a CA certificate to the service."""
        self.service.certificates[name] = {"name": name, "properties": {"isVerified": verified}}
        self.service.certificate_ders[name] = authority.der

    @staticmethod
    def _record(record_id: str, attestation: dict[str, Any], body: dict[str, Any]) -> EnrollmentRecord:
        return EnrollmentRecord(record_id, {"attestation": attestation, **body})

    # -- devices -------------------------------------------------------------------------------------------------------

    def token(
        self, registration_id: str, key: str | bytes, *, scope: str = "", name: str = "registration", lifetime: int = 60
    ) -> str:
        """Sign a registration's token with a key (base64, or its bytes)."""
        raw = base64.b64decode(key) if isinstance(key, str) else key
        resource = quote(f"{scope or self.service.id_scope}/registrations/{registration_id}", safe="")
        expires = int(time.time()) + lifetime
        signature = base64.b64encode(hmac.new(raw, f"{resource}\n{expires}".encode(), hashlib.sha256).digest())
        return f"SharedAccessSignature sr={resource}&sig={quote(signature, safe='')}&se={expires}&skn={name}"

    def caller(self, registration_id: str = "press-1", key: str | None = None, **more: Any) -> DeviceCaller:
        """Return a device that asks; `key` signs its token, `chain` are the certificates it shows."""
        chain = tuple(one.der for one in more.pop("chain", ()))
        token = more.pop("token", None) or (self.token(registration_id, key) if key is not None else None)
        scope = more.pop("scope", self.service.id_scope)
        words = {"address": ADDRESS, "protocol": "Https", "api_version": "2021-06-01", **more}
        return DeviceCaller(scope, registration_id, sas_token=token, client_chain=chain, **words)

    def whole(self, caller: DeviceCaller, body: dict[str, Any] | None = None) -> DeskAnswer:
        """Let a device register and ask until it is told the end; a refusal is returned as it is."""
        refusal = self.desk.admit(caller)
        answer = refusal or self.desk.register(caller, body or {"registrationId": caller.registration_id})
        while answer.status == 202:
            answer = self.desk.operation(caller, answer.body["operationId"])
        return answer

"""The demo's provisioning service: groups, enrollments, registrations, and where they disagree with the hub."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable
from datetime import datetime, timedelta

from console.localhub.cloud_factory import DPS_NAME
from console.localhub.fleet_plan import Auth, PlannedDevice, Role
from console.localhub.load_enrollments import service_certificate
from console.localhub.provisioning_answers import certificate_info, operation_id
from console.localhub.provisioning_state import EnrollmentRecord, RegistrationRecord
from console.localhub.registry_call import timestamp
from console.localhub.scenario_fleet import Authorities, Client
from console.localhub.state import NEVER, Cloud, HubState, Json, ProvisioningState, new_key

CA_GROUP = "plants-2025"
INTERMEDIATE_GROUP = "lyon-line-2"
KEY_GROUP = "contractor-cameras"
SPARE = "brno-spare-0001"
"""Enrolled and never registered."""

GONE = "genoa-oven-9001"
"""Registered, and deleted from the hub since."""

MOST_REGISTRATIONS = 200
_EK_POLICY = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"  # of the TCG's RSA-2048 template


def provision(
    cloud: Cloud,
    hub: HubState,
    plan: list[PlannedDevice],
    clients: Iterable[Client],
    authorities: Authorities,
    seed: int,
) -> None:
    """Fill the demo's provisioning service; the same plan and seed give the same ids and times, keys are new each time.

    It disagrees with the hub: an enrollment is disabled while its device stays enabled there, registered devices were
    never seen or are gone, and a group of an intermediate CA leaves a broader one should it be deleted.
    """
    story = _Story(cloud, hub, authorities, random.Random(f"provisioning:{seed}"))  # noqa: S311 - a story, not a secret
    chains = {client.identity: client.chain for client in clients if client.chain}
    with cloud.lock, hub.lock:
        story.certificates()
        story.groups()
        story.individuals(plan, chains)
        story.registered(plan)


class _Story:
    def __init__(self, cloud: Cloud, hub: HubState, authorities: Authorities, rng: random.Random) -> None:
        self._service: ProvisioningState = cloud.provisioning[DPS_NAME]
        self._hub = hub
        self._authorities = authorities
        self._rng = rng
        self._start = cloud.clock.start

    def certificates(self) -> None:
        """Give the service the CAs that its groups stand on."""
        for name, authority in (("plants-2021", self._authorities.old), (CA_GROUP, self._authorities.new)):
            uploaded = self._start - timedelta(days=380)
            body = service_certificate(self._service, self._hub, name, authority.der, uploaded, verified=True)
            self._service.certificates[name] = body
            self._service.certificate_ders[name] = authority.der

    def groups(self) -> None:
        """Make a group for a CA, one for an intermediate below it, and one with a symmetric key."""
        twin = {"tags": {"from": CA_GROUP}, "properties": {"desired": {"telemetryInterval": 60}}}
        self._group(CA_GROUP, {"type": "x509", "x509": {"caReferences": {"primary": CA_GROUP}}}, initialTwin=twin)
        begin = self._start - timedelta(days=200)
        der = self._authorities.new.intermediate(INTERMEDIATE_GROUP, begin, self._start + timedelta(days=900))
        signing = {"signingCertificates": {"primary": {"info": certificate_info(der)}}}
        group = self._group(INTERMEDIATE_GROUP, {"type": "x509", "x509": signing})
        group.certificate_ders["signing.primary"] = der
        group = self._group(KEY_GROUP, {"type": "symmetricKey"})
        group.primary_key, group.secondary_key = new_key(), new_key()

    def individuals(self, plan: list[PlannedDevice], chains: dict[str, tuple[bytes, ...]]) -> None:
        """Enroll some of the fleet one by one: by thumbprint, by key, by TPM, a disabled one, and a spare part."""
        ordinary = [one for one in plan if one.role is Role.ORDINARY and one.plant != "lyon"]
        by_auth = {auth: [one for one in ordinary if one.auth is auth] for auth in (Auth.SHA256, Auth.SAS)}
        for one in by_auth[Auth.SHA256][:3]:
            der = chains[one.device_id][0]
            client = {"clientCertificates": {"primary": {"info": certificate_info(der)}}}
            record = self._individual(one.device_id, {"type": "x509", "x509": client})
            record.certificate_ders["client.primary"] = der
            self._register(one.device_id)
        for number, one in enumerate(by_auth[Auth.SAS][-4:]):
            attestation: Json = {"type": "symmetricKey"}
            if number == 0:
                attestation = {"type": "tpm", "tpm": {"endorsementKey": self._endorsement_key()}}
            record = self._individual(one.device_id, attestation, enabled=number != 3)
            if number:
                device = self._hub.devices[one.device_id]
                record.primary_key, record.secondary_key = device.primary_key, device.secondary_key
            self._register(one.device_id)
        for name in (SPARE, GONE):
            record = self._individual(name, {"type": "symmetricKey"})
            record.primary_key, record.secondary_key = new_key(), new_key()
        self._register(GONE)

    def registered(self, plan: list[PlannedDevice]) -> None:
        """Note who registered through the CA's group, first of all those that the hub never saw."""
        members = [one.device_id for one in plan if one.auth is Auth.CA and not one.old_ca]
        members.sort(key=lambda name: self._hub.devices[name].last_activity != NEVER)
        for name in members[:MOST_REGISTRATIONS]:
            self._register(name, CA_GROUP)

    def _register(self, device_id: str, group: str = "") -> None:
        moment = timestamp(self._moment())
        self._service.registrations[device_id.casefold()] = RegistrationRecord(
            device_id,
            group_id=group,
            status="assigned",
            substatus="initialAssignment",
            device_id=device_id,
            assigned_hub=self._hub.host,
            created=moment,
            updated=moment,
            operation_id=operation_id(self._service, device_id),
            attestation="x509" if group else self._service.enrollments[device_id.casefold()].kind,
            counter=1 + self._rng.randrange(1 << 24),
        )

    def _individual(self, device_id: str, attestation: Json, *, enabled: bool = True) -> EnrollmentRecord:
        body = {"registrationId": device_id, "deviceId": device_id, **self._common(attestation, enabled=enabled)}
        record = EnrollmentRecord(device_id.casefold(), body, counter=1 + self._rng.randrange(1 << 24))
        self._service.enrollments[record.id] = record
        return record

    def _group(self, name: str, attestation: Json, **more: Json) -> EnrollmentRecord:
        body = {"enrollmentGroupId": name, **self._common(attestation, enabled=True), **more}
        record = EnrollmentRecord(name, body, counter=1 + self._rng.randrange(1 << 24))
        self._service.groups[name] = record
        return record

    def _common(self, attestation: Json, *, enabled: bool) -> Json:
        moment = timestamp(self._moment())
        return {
            "attestation": attestation,
            "capabilities": {"iotEdge": False},
            "provisioningStatus": "enabled" if enabled else "disabled",
            "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": True},
            "allocationPolicy": "hashed",
            "iotHubs": [self._hub.host],
            "createdDateTimeUtc": moment,
            "lastUpdatedDateTimeUtc": moment,
        }

    def _moment(self) -> datetime:
        return self._start - timedelta(days=self._rng.randrange(30, 360), seconds=self._rng.randrange(86_400))

    def _endorsement_key(self) -> str:
        """Return the base64 of a TPM2B_PUBLIC by the TCG's RSA-2048 template; nobody has the private part."""
        modulus = (self._rng.getrandbits(2048) | 1 << 2047 | 1).to_bytes(256, "big")
        # RSA, SHA-256, attributes, policy, AES-128-CFB, no scheme, 2,048 bits, the usual exponent, the modulus
        area = (
            bytes.fromhex(f"0001000b000300b20020{_EK_POLICY}000600800043001008000000000001 00".replace(" ", ""))
            + modulus
        )
        return base64.b64encode(len(area).to_bytes(2, "big") + area).decode()

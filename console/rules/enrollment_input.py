"""What the provisioning service would refuse in a new enrollment, said before it is asked; the body that is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass

from console.model.certificate import CertificateInfo
from console.model.document import Json
from console.model.enrollment import (
    Attestation,
    CertificateSlot,
    EnrollmentKind,
    NewEnrollment,
    ProvisioningInstance,
    Reprovision,
)
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.certificate_one import only_certificate
from console.rules.certificate_text import base64_of
from console.rules.device_input import check_id
from console.rules.endorsement_key import endorsement_key
from console.rules.group_keys import key_bytes
from console.rules.keys import new_key

ID_LIMIT, CN_LIMIT = 128, 64
ALLOCATIONS = ("hashed", "geoLatency", "static")
_ID = re.compile(r"[A-Za-z0-9\-._:]*[A-Za-z0-9\-]")


@dataclass(frozen=True)
class Checked:
    """A new enrollment that the service should take: its body, with keys as `Secret`, and its certificates."""

    body: Json
    certificates: tuple[CertificateInfo, ...] = ()
    new_keys: bool = False
    lowered: bool = False  # the registration id was written in lower case
    told: tuple[str, ...] = ()  # what was made of an endorsement key


def check_registration_id(text: str, *, noun: str = "registration id", limit: int = ID_LIMIT) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless the service takes this as an id of an enrollment.

    ASCII letters, digits and `- . _ :`, at most 128, the last a letter, digit or dash; with X.509 at most 64, the limit
    of a common name (Azure's document "IoT Hub Device Provisioning Service terminology").
    """
    what = f"“{clean(text, limit=60)}” is no {noun}"
    if not text:
        raise _bad(f"A {noun} is missing", "it is empty", f"Give 1 to {limit} characters")
    if not _ID.fullmatch(text):
        raise _bad(what, "only ASCII letters, digits and - . _ : are allowed, the last a letter, a digit or a dash")
    if len(text) > limit:
        why = f"it has {len(text)} characters, {limit} are allowed" + (" with X.509" if limit == CN_LIMIT else "")
        raise _bad(what, why)


def checked(order: NewEnrollment, instance: ProvisioningInstance) -> Checked:
    """Return what is sent for a new enrollment. Raises ConsoleError BAD_INPUT (code "usage" and those of files)."""
    group = order.kind is EnrollmentKind.GROUP
    x509 = order.attestation is Attestation.X509
    noun = "group id" if group else "registration id"
    check_registration_id(order.id, noun=noun, limit=CN_LIMIT if x509 and not group else ID_LIMIT)
    _check_apart(order, group)
    name = order.id if group else order.id.casefold()
    body: Json = {"enrollmentGroupId" if group else "registrationId": name}
    if order.device_id:
        if group:
            raise _bad("A device id cannot be given", "a group takes each device's registration id for it")
        check_id(order.device_id)
        body["deviceId"] = order.device_id
    certificates = tuple(only_certificate(content, "The enrollment cannot be made") for content in order.certificates)
    told: tuple[str, ...] = ()
    if order.attestation is Attestation.TPM:
        found = endorsement_key(order.endorsement_key)
        body["attestation"], told = {"type": "tpm", "tpm": {"endorsementKey": found.packed}}, found.told
    else:
        body["attestation"] = _attestation(order, group, certificates)
    body["capabilities"] = {"iotEdge": order.edge}
    body["provisioningStatus"] = "enabled" if order.enabled else "disabled"
    body["reprovisionPolicy"] = {
        "updateHubAssignment": order.reprovision is not Reprovision.NEVER,
        "migrateDeviceData": order.reprovision is Reprovision.MIGRATE,
    }
    body.update(_assignment(order, instance))
    if order.tags:
        body["initialTwin"] = {"tags": dict(order.tags), "properties": {"desired": {}}}
    own_keys = order.attestation is Attestation.SYMMETRIC_KEY and order.keys is None
    return Checked(body, certificates, own_keys, name != order.id, told)


def _check_apart(order: NewEnrollment, group: bool) -> None:
    """Refuse what does not belong to the attestation."""
    what = "The enrollment cannot be made"
    one = order.attestation
    if one is Attestation.OTHER:
        raise _bad(what, "no attestation was chosen", "Choose symmetric-key, x509 or tpm")
    if one is Attestation.TPM and group:
        raise _bad(what, "a TPM is enrolled by itself: groups are by certificate or by key", "Make it individual")
    if (order.certificates or order.ca_names) and one is not Attestation.X509:
        raise _bad(what, "certificates belong to the attestation x509")
    if order.endorsement_key and one is not Attestation.TPM:
        raise _bad(what, "an endorsement key belongs to the attestation tpm")
    if order.keys is not None and one is not Attestation.SYMMETRIC_KEY:
        raise _bad(what, "keys belong to the attestation symmetric-key")
    if one is Attestation.X509:
        if bool(order.certificates) == bool(order.ca_names):
            why = "either certificates or names of CA certificates of the service are needed, not both"
            raise _bad(what, why)
        if len(order.certificates or order.ca_names) > 2:
            raise _bad(what, "it takes a primary and a secondary certificate, no more")


def _attestation(order: NewEnrollment, group: bool, certificates: tuple[CertificateInfo, ...]) -> Json:
    if order.attestation is Attestation.SYMMETRIC_KEY:
        keys = order.keys or (Secret(new_key()), Secret(new_key()))
        for key in keys:
            key_bytes(key, "The enrollment cannot be made")
        return {"type": "symmetricKey", "symmetricKey": {"primaryKey": keys[0], "secondaryKey": keys[1]}}
    slots = ("primary", "secondary")
    if order.ca_names:
        names = dict(zip(slots, order.ca_names, strict=False))
        return {"type": "x509", "x509": {CertificateSlot.CA.value: names}}
    if group:
        for one in certificates:
            if one.authority is not True:
                why = f"{clean(one.subject, limit=80)} is no CA certificate, and a group is the devices of a CA"
                raise _bad("The group cannot be made", why, "Give the certificate of the CA that signs the devices'")
    slot = CertificateSlot.SIGNING if group else CertificateSlot.CLIENT
    given = {name: {"certificate": base64_of(one.der)} for name, one in zip(slots, certificates, strict=False)}
    return {"type": "x509", "x509": {slot.value: given}}


def _assignment(order: NewEnrollment, instance: ProvisioningInstance) -> Json:
    what = "The enrollment cannot be made"
    found: Json = {}
    if order.allocation:
        chosen = next((one for one in ALLOCATIONS if one.casefold() == order.allocation.casefold()), None)
        if chosen is None:
            why = f"“{clean(order.allocation, limit=40)}” is no allocation policy that can be chosen here"
            raise _bad(what, why, f"Choose one of {', '.join(ALLOCATIONS)}; custom needs a function of yours")
        if chosen == "static" and len(order.hubs) != 1:
            raise _bad(what, "static allocation needs exactly one hub", "Name it: --iot-hub HOST")
        found["allocationPolicy"] = chosen
    linked = {hub.host.casefold(): hub.host for hub in instance.hubs}
    for host in order.hubs:
        if host.casefold() not in linked:
            names = ", ".join(linked.values()) or "none"
            raise _bad(
                what, f"{instance.name} does not link {clean(host, limit=80)}; it links: {names}", "Check the host"
            )
    if order.hubs:
        found["iotHubs"] = [linked[host.casefold()] for host in order.hubs]
    return found


def _bad(what: str, why: str, hint: str = "") -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")

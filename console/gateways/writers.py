"""The write ports on Azure: each sends one write, once, under its precondition. Made in `cli.main` for the gate."""

from __future__ import annotations

from console.gateways.arm import Arm
from console.gateways.documents import AUTHORIZATION, HUBS, NETWORK, PROVISIONING
from console.gateways.operations import watch
from console.gateways.provisioning import EnrollmentGateway
from console.gateways.registry import RegistryGateway
from console.gateways.resource_manager import HubGateway
from console.model.document import Json, Target, unwrapped
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel
from console.services.write_ports import Receipt


class HubWriter:
    """The hub without its shared access policies: left out of a PUT they stay as they are (so does `az iot hub`)."""

    def __init__(self, arm: Arm, hub: HubGateway) -> None:
        self._arm = arm
        self._hub = hub

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Replace the hub if it still has `etag`."""
        del target
        sent = unwrapped(body)
        sent.get("properties", {}).pop("authorizationPolicies", None)
        return self._send(sent, etag, cancel)

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Refuse: this console deletes no hub."""
        del target, etag, cancel
        raise _never("A hub is never deleted from here")

    def _send(self, sent: Json, etag: str, cancel: Cancel) -> Receipt:
        if not etag:
            raise _never("The hub was read without an ETag, so it cannot be written safely")
        answer, said = self._hub.put(sent, etag, cancel)
        return watch(self._arm, "The operation on the hub failed", answer, said, cancel)


class PoliciesWriter(HubWriter):
    """The hub with all its shared access policies and both keys of each: what is left out would be deleted."""

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Replace the hub and its policies if it still has `etag`."""
        del target
        whole = unwrapped(body)
        sent = {**whole["hub"], "properties": {**whole["hub"]["properties"]}}
        policies = whole["authorizationPolicies"]
        if not all(policy.get("primaryKey") and policy.get("secondaryKey") for policy in policies):
            raise _never("A policy without a key would be given a new one by the service")
        sent["properties"]["authorizationPolicies"] = policies
        return self._send(sent, etag, cancel)


class DeviceWriter:
    """Device identities of the registry: replaced whole, both keys sent again."""

    def __init__(self, registry: RegistryGateway | None) -> None:
        self._registry = registry

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Replace the identity if it still has `etag`; an empty one creates it, or fails where it is."""
        written = self._gateway.put_identity(target.id, unwrapped(body), etag, cancel)
        return Receipt(str(written.get("etag") or ""))

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Delete the identity if it still has `etag`."""
        self._gateway.delete_identity(target.id, etag, cancel)
        return Receipt()

    @property
    def _gateway(self) -> RegistryGateway:
        if self._registry is None:
            raise _never("The profile names no hub host")
        return self._registry


class ConnectionWriter:
    """Private endpoint connections of the hub: approve, reject, remove. The service knows no ETag for them."""

    def __init__(self, arm: Arm, hub: HubGateway) -> None:
        self._arm = arm
        self._hub = hub

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Set the connection's state; `etag` is not used."""
        del etag
        what = f"The private endpoint connection {target.name} could not be changed"
        state = (body.get("properties") or {}).get("privateLinkServiceConnectionState")
        sent = {"properties": {"privateLinkServiceConnectionState": state}}
        answer, said = self._arm.send(what, "PUT", self._path(target, cancel), HUBS, cancel, body=sent, role=_OWNER)
        return Receipt("", watch(self._arm, what, answer, said, cancel).pending)

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Remove the connection; `etag` is not used."""
        del etag
        what = f"The private endpoint connection {target.name} could not be removed"
        answer, said = self._arm.send(what, "DELETE", self._path(target, cancel), HUBS, cancel, role=_OWNER)
        return Receipt("", watch(self._arm, what, answer, said, cancel).pending)

    def _path(self, target: Target, cancel: Cancel) -> str:
        return f"{self._hub.arm_id(cancel)}/privateEndpointConnections/{target.name}"


class EndpointWriter:
    """Private endpoints (Microsoft.Network), by plain ARM."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Create the private endpoint."""
        del etag
        what = f"The private endpoint {target.name} could not be created"
        answer, said = self._arm.send(
            what, "PUT", target.id, NETWORK, cancel, body=unwrapped(body), role="Network Contributor (on its group)"
        )
        return Receipt("", watch(self._arm, what, answer, said, cancel).pending)

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Delete the private endpoint."""
        del etag
        what = f"The private endpoint {target.name} could not be deleted"
        role = "Network Contributor (on its group)"
        answer, said = self._arm.send(what, "DELETE", target.id, NETWORK, cancel, role=role)
        return Receipt("", watch(self._arm, what, answer, said, cancel).pending)


class ProvisioningWriter:
    """Instances of the Device Provisioning Service, replaced whole under their ETag."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Replace the instance if it still has `etag`; masked keys of its hubs are sent back as they came."""
        if not etag:
            raise _never("A provisioning service is never created from here")
        what = f"The provisioning service {target.name} could not be changed"
        answer, said = self._arm.send(
            what,
            "PUT",
            target.id,
            PROVISIONING,
            cancel,
            body=unwrapped(body),
            headers={"If-Match": etag},
            role="Contributor (on the provisioning service)",
        )
        return watch(self._arm, what, answer, said, cancel)

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Refuse: this console deletes no provisioning service."""
        del target, etag, cancel
        raise _never("A provisioning service is never deleted from here")


class CertificateWriter:
    """CA certificates of the hub: uploaded, replaced, deleted.

    "If-Match: do not specify for creating a brand new certificate; required to update an existing one" (REST reference
    of IoT Hub, Certificates_CreateOrUpdate): so a creation never replaces one that is there.
    """

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Upload the certificate; an empty `etag` creates it, or fails where it is."""
        properties = {name: value for name, value in body["properties"].items() if name not in _READ_ONLY}
        what = f"The certificate {target.name} could not be uploaded"
        return self._send(what, "PUT", target.id, etag, cancel, {"properties": properties})

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Delete the certificate if it still has `etag`."""
        self._send(f"The certificate {target.name} could not be deleted", "DELETE", target.id, _known(etag), cancel)
        return Receipt()

    def _send(self, what: str, method: str, path: str, etag: str, cancel: Cancel, body: Json | None = None) -> Receipt:
        headers = {"If-Match": etag} if etag else {}
        _, said = self._arm.send(what, method, path, HUBS, cancel, body=body, headers=headers, role=_OWNER)
        told = said if isinstance(said, dict) else {}
        properties = told.get("properties")
        code = properties.get("verificationCode") if isinstance(properties, dict) else None
        found = str(told.get("etag") or "")
        return Receipt(found, "", {"verificationCode": code, "etag": found} if isinstance(code, str) else {})


class CertificateCodeWriter(CertificateWriter):
    """Verification codes: made by the service, told in the answer alone; each makes the one before it void."""

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Ask for a code if the certificate still has `etag`; the receipt's answer holds it."""
        del body
        what = f"A verification code for {target.name} could not be had"
        return self._send(what, "POST", f"{target.id}/generateVerificationCode", _known(etag), cancel)

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Refuse: a code cannot be taken back."""
        del target, etag, cancel
        raise _never("A verification code is never deleted")


class CertificateProofWriter(CertificateWriter):
    """Proofs of possession."""

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Hand in the proof if the certificate still has `etag`; the service checks it and marks it verified."""
        what = f"The proof for {target.name} was not accepted"
        sent = {"certificate": body["proof"]}
        return self._send(what, "POST", f"{target.id}/verify", _known(etag), cancel, sent)

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Refuse: a proof cannot be taken back."""
        del target, etag, cancel
        raise _never("A proof of possession is never deleted")


class EnrollmentWriter:
    """Individual enrollments of a provisioning service, replaced whole under their ETag."""

    def __init__(self, enrollments: EnrollmentGateway) -> None:
        self._enrollments = enrollments

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Replace the enrollment if it still has `etag`; an empty one creates it, or fails where it is."""
        return Receipt(self._enrollments.put_enrollment(target, unwrapped(body), etag, cancel))

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Delete it if it still has `etag`."""
        if not etag:
            raise _never(f"{target.name} was read without an ETag, so it cannot be deleted safely")
        self._enrollments.delete_enrollment(target, etag, cancel)
        return Receipt()


class EnrollmentGroupWriter(EnrollmentWriter):
    """Enrollment groups of a provisioning service."""


class RegistrationWriter(EnrollmentWriter):
    """What a provisioning service remembers of registrations: forgotten, never written."""

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Refuse: a device makes its registration itself."""
        del target, body, etag, cancel
        raise _never("A registration is never written from here")


class RoleWriter:
    """Custom role definitions, by plain ARM. The service knows no ETag for them."""

    noun = "role"

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Create or replace the role; `etag` is not used."""
        del etag
        what = f"The {self.noun} could not be written"
        sent = {"properties": self._sent(body["properties"])}
        self._arm.send(what, "PUT", target.id, AUTHORIZATION, cancel, body=sent, role=_GRANTER)
        return Receipt()

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Delete the role; `etag` is not used."""
        del etag
        what = f"The {self.noun} could not be deleted"
        self._arm.send(what, "DELETE", target.id, AUTHORIZATION, cancel, role=_GRANTER)
        return Receipt()

    @staticmethod
    def _sent(properties: Json) -> Json:
        told = {"createdOn", "updatedOn", "createdBy", "updatedBy"}
        return {name: value for name, value in properties.items() if name not in told and value is not None}


class AssignmentWriter(RoleWriter):
    """Role assignments, by plain ARM. The service knows no ETag for them, and changes none that is there."""

    noun = "role assignment"

    @staticmethod
    def _sent(properties: Json) -> Json:
        names = ("roleDefinitionId", "principalId", "principalType", "description", "condition", "conditionVersion")
        return {name: properties[name] for name in names if properties.get(name)}


_GRANTER = "User Access Administrator (on the hub)"
_OWNER = "Contributor (on the hub)"
_READ_ONLY = frozenset({"subject", "expiry", "thumbprint", "created", "updated", "verificationCode"})


def _known(etag: str) -> str:
    if not etag:
        raise _never("The certificate was read without an ETag, so it cannot be written safely")
    return etag


def _never(what: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, "", "Read it again")

"""A resource as the JSON it is written as: whole, unknown properties kept, keys and connection strings as `Secret`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from console.model.secret import Secret

Json = dict[str, Any]

_SECRET_FIELDS = frozenset(
    {"primarykey", "secondarykey", "connectionstring", "sharedaccesskey", "accountkey", "accesskey", "sastoken"}
)


class TargetKind(StrEnum):
    """What a change is made to; each kind has one write port."""

    HUB = "hub"  # the ARM resource, without its shared access policies
    POLICIES = "policies"  # the ARM resource with its shared access policies and their keys
    DEVICE = "device"  # a device identity of the registry
    CONNECTION = "connection"  # a private endpoint connection of the hub
    ENDPOINT = "endpoint"  # a private endpoint (Microsoft.Network)
    PROVISIONING = "provisioning"  # a Device Provisioning Service instance
    CERTIFICATE = "certificate"  # a CA certificate of the hub: upload, replace, delete
    CERTIFICATE_CODE = "certificate_code"  # the same, asked for a verification code
    CERTIFICATE_PROOF = "certificate_proof"  # the same, given the proof that its key is held
    ENROLLMENT = "enrollment"  # an individual enrollment of a provisioning service
    ENROLLMENT_GROUP = "enrollment_group"  # an enrollment group of a provisioning service
    REGISTRATION = "registration"  # what a provisioning service remembers of a device's registration
    ROLE = "role"  # a custom role definition (Microsoft.Authorization)
    ASSIGNMENT = "assignment"  # a role assignment (Microsoft.Authorization)


_QUOTED = frozenset({TargetKind.ENROLLMENT, TargetKind.ENROLLMENT_GROUP, TargetKind.REGISTRATION})


@dataclass(frozen=True, slots=True)
class Target:
    """One resource. `id` is a resource id, a device id, or the name of a private endpoint connection.

    Of a role and of an assignment it is the whole resource id. Of a provisioning service: `ARM_ID/enrollments/ID`,
    `ARM_ID/enrollmentGroups/ID`, `ARM_ID/registrations/ID`, the last part quoted as in a URL.
    """

    kind: TargetKind
    id: str

    @property
    def name(self) -> str:
        """The last part of the id, for people."""
        if self.kind is TargetKind.DEVICE:
            return self.id
        last = self.id.rstrip("/").rpartition("/")[2]
        return unquote(last) if self.kind in _QUOTED else last


@dataclass(frozen=True)
class Document:
    """A resource as last read. `etag` is its precondition, empty where the service gives none (a small race remains).

    The body of POLICIES is `{"hub": <ARM body>, "authorizationPolicies": [<policy with keys>, ...]}`; every other body
    is what the service returned, an enrollment by symmetric key with its two keys. As planned, a CERTIFICATE_CODE has
    `properties.verificationCode`, a placeholder, and a CERTIFICATE_PROOF has `proof`, base64 of DER. Text is as the
    service sent it: `clean()` it before showing.
    """

    body: Json
    etag: str = ""


def wrapped(value: Any) -> Any:
    """Return JSON with the text of every key and connection string in a `Secret`; other values are copied."""
    if isinstance(value, dict):
        return {
            name: Secret(item) if _secret_field(name) and isinstance(item, str) and item else wrapped(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [wrapped(item) for item in value]
    return value


def unwrapped(value: Any) -> Any:
    """Return JSON ready to send: the opposite of `wrapped`. Never to be logged or stored."""
    if isinstance(value, dict):
        return {name: unwrapped(item) for name, item in value.items()}
    if isinstance(value, list):
        return [unwrapped(item) for item in value]
    return value.reveal() if isinstance(value, Secret) else value


def secrets_in(value: Any) -> Iterator[Secret]:
    """Yield every `Secret` of a body."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from secrets_in(item)


def _secret_field(name: str) -> bool:
    return name.casefold() in _SECRET_FIELDS

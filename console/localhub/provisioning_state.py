"""What a provisioning service remembers: individual enrollments, enrollment groups, and registrations of devices."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class EnrollmentRecord:
    """An individual enrollment or an enrollment group.

    `id` is the registration id (lower case) or the group's id. `body` is what a GET shows, without `etag` and
    `registrationState`, and without keys: those of a symmetric key attestation are in `primary_key` and
    `secondary_key`. `certificate_ders` are the attestation's certificates by slot: "client.primary",
    "client.secondary", "signing.primary", "signing.secondary".
    """

    id: str
    body: Json
    primary_key: str | None = field(default=None, repr=False)
    secondary_key: str | None = field(default=None, repr=False)
    certificate_ders: dict[str, bytes] = field(default_factory=dict)
    counter: int = 1

    @property
    def etag(self) -> str:
        """The ETag: the base64 of a counter between quotes' text, as the service's look like."""
        return base64.b64encode(f'"{self.counter:08x}-0000-0d00-0000-000000000000"'.encode()).decode()

    @property
    def kind(self) -> str:
        """The attestation's type: symmetricKey, x509 or tpm."""
        return str((self.body.get("attestation") or {}).get("type") or "")

    @property
    def enabled(self) -> bool:
        """Whether devices may register through it."""
        return str(self.body.get("provisioningStatus") or "enabled").casefold() == "enabled"


@dataclass(slots=True)
class RegistrationRecord:
    """What became of one device's registration. Times are ISO 8601 text; `status` is the service's word.

    `group_id` is empty for a device of an individual enrollment. `nonce` is the TPM identity key that was handed out
    wrapped last; its token is judged by it. `details` is what the device API adds to the state for the attestation
    (x509, symmetricKey, tpm); the service API shows none of it.
    """

    registration_id: str
    group_id: str = ""
    status: str = "unassigned"
    substatus: str = ""
    device_id: str = ""
    assigned_hub: str = ""
    created: str = ""
    updated: str = ""
    error_code: int | None = None
    error_message: str = ""
    operation_id: str = ""
    payload: Any = None
    attestation: str = ""
    details: Json = field(default_factory=dict)
    nonce: bytes | None = field(default=None, repr=False)
    counter: int = 1

    @property
    def etag(self) -> str:
        """The ETag, as the service's look like."""
        return base64.b64encode(f'"{self.counter:08x}-0000-0d00-0000-000000000000"'.encode()).decode()

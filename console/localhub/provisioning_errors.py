"""Refusals of a provisioning service: one body without envelope, and the code repeated in a header.

Numbers that are published (captures, end-to-end tests of the SDKs): 401002, 403000, 404201, 404202, 404204. Which of
the three 404 is an enrollment, a group and a registration is ours to guess, but for 404201 (the SDKs' tests); every
other refusal has its HTTP status followed by 000, as 403000 has. Texts are ours unless a capture shows them.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from console.localhub.state import Json

ENROLLMENT_NOT_FOUND = 404201
GROUP_NOT_FOUND = 404202
REGISTRATION_NOT_FOUND = 404204


class ProvisioningError(Exception):
    """A call that a provisioning service refuses: a six-digit number, whose first three are the status, and a text."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number
        self.text = text

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.number // 1000

    def body(self, now: datetime) -> Json:
        """Return the answer's body, with a tracking id of its own."""
        return error_body(self.number, self.text, now)


def error_body(number: int, text: str, now: datetime) -> Json:
    """Return a body of the service's kind: errorCode, trackingId, message, timestampUtc."""
    return {
        "errorCode": number,
        "trackingId": str(uuid.uuid4()),
        "message": text,
        "timestampUtc": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
    }


def unauthorized() -> ProvisioningError:
    """Return what a caller learns whose token or address is not let in: nothing but that."""
    return ProvisioningError(401002, "Unauthorized")


def forbidden() -> ProvisioningError:
    """Return what a known caller learns whose role or policy does not allow the call."""
    return ProvisioningError(403000, "Unauthorized")


def invalid(text: str) -> ProvisioningError:
    """Return the refusal of a body or argument."""
    return ProvisioningError(400000, text)


def not_found(number: int) -> ProvisioningError:
    """Return the 404 of one of the three kinds."""
    return ProvisioningError(number, "Not Found.")


def conflict(kind: str, name: str) -> ProvisioningError:
    """Return the refusal of creating what exists: a write without If-Match is a create (azure-iot-sdk-csharp#3076)."""
    return ProvisioningError(409000, f"The {kind} '{name}' already exists.")


def etag_mismatch() -> ProvisioningError:
    """Return the refusal of a stale If-Match."""
    return ProvisioningError(412000, "Precondition failed.")

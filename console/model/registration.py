"""A registration run as the device itself: what is asked for, its steps, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.model.enrollment import Attestation, Registration
from console.model.errors import ConsoleError
from console.model.secret import Secret


class StepState(StrEnum):
    """How a step stands."""

    DONE = "done"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True)
class Step:
    """One step of a registration; one with the same number takes the place of the former. All text is clean."""

    number: int
    title: str
    detail: str
    state: StepState
    at: datetime


@dataclass(frozen=True)
class RegistrationOrder:
    """A registration to run. What does not belong to `attestation` stays empty.

    Attributes:
        id_scope: which provisioning service (0ne…).
        registration_id: as the device writes it; empty with a TPM: the usual one, made from its endorsement key.
        attestation: how it proves itself.
        host: the device endpoint, `host` or `host:port`.
        key: an individual enrollment's, or the device's own, derived from a group's.
        group_key: an enrollment group's: the device's own is derived from it.
        certificate: path of a PEM file with the device's certificate, then those of the CAs above it.
        private_key: path of its key (PEM); empty: it is in the certificate's file.
        passphrase: of that key.
        payload: what the device tells a custom allocation; None for nothing.
        token_ttl: seconds; above 0 a TPM signs a token for the hub, too.
        keep_in_tpm: leave the hub's key in the TPM where Azure's device software looks for it; a former one goes.
    """

    id_scope: str
    registration_id: str
    attestation: Attestation
    host: str
    key: Secret | None = field(default=None, repr=False)
    group_key: Secret | None = field(default=None, repr=False)
    certificate: str = ""
    private_key: str = ""
    passphrase: Secret | None = field(default=None, repr=False)
    payload: Any = None
    token_ttl: int = 0
    keep_in_tpm: bool = False


@dataclass(frozen=True)
class ClientCertificate:
    """Paths of PEM files to show in the TLS handshake; an empty `private_key` is in the certificate's file."""

    certificate: str
    private_key: str = ""
    passphrase: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True)
class DeviceAnswer:
    """What the device API answered; all text is clean.

    Attributes:
        status: HTTP status.
        state: of the operation: assigning, assigned, failed, disabled; empty where the answer does not say.
        operation_id: as sent; for the next question.
        registration: its state, where the answer has it.
        wrapped_key: what a TPM is to open: in a challenge (401), or the hub's key of an assigned device.
        key_name: what a challenge's key is called in the token.
        code: the service's number of a refusal, 401002 or the like.
        message: its words.
        retry_after: seconds that the service wants us to wait.
        date: the service's own time.
        request_id: its tracking id.
    """

    status: int
    state: str = ""
    operation_id: str = ""
    registration: Registration | None = None
    wrapped_key: bytes = field(default=b"", repr=False)
    key_name: str = ""
    code: int | None = None
    message: str = ""
    retry_after: float | None = None
    date: datetime | None = None
    request_id: str = ""


@dataclass(frozen=True)
class RegistrationResult:
    """How a registration ended.

    Attributes:
        registration: what the service said of it last; its `status` is "assigned" when all went well.
        steps: all of them, in order.
        connection: how the device reaches its hub, a connection string without a key; empty unless assigned.
        problem: why it did not work, None when it did.
        token: for the hub, signed in the TPM; with its end.
    """

    registration: Registration
    steps: tuple[Step, ...]
    connection: str = ""
    problem: ConsoleError | None = None
    token: Secret | None = field(default=None, repr=False)
    token_expires: datetime | None = None

    @property
    def assigned(self) -> bool:
        """Whether the device has a hub and nothing went wrong."""
        return self.problem is None and self.registration.status == "assigned"

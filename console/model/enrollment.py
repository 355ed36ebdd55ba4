"""What a Device Provisioning Service holds: enrollments, groups, registrations; and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from console.model.ip_rule import ClassicRule
from console.model.secret import Secret


class Attestation(StrEnum):
    """How a device proves to the provisioning service who it is, in the service's own words."""

    SYMMETRIC_KEY = "symmetricKey"
    X509 = "x509"
    TPM = "tpm"
    OTHER = "none"  # a kind that this console does not know


class EnrollmentKind(StrEnum):
    """An enrollment of one device, or of all devices of a chain or a key."""

    INDIVIDUAL = "individual"
    GROUP = "group"


class CertificateSlot(StrEnum):
    """Which certificates an X.509 attestation names."""

    CLIENT = "clientCertificates"  # the device's own (individual)
    SIGNING = "signingCertificates"  # an intermediate or root, given with the enrollment (group)
    CA = "caReferences"  # CA certificates of the provisioning service, by name


class Reprovision(StrEnum):
    """What happens when a device registers again (the portal's three choices)."""

    MIGRATE = "migrate"  # updateHubAssignment true, migrateDeviceData true
    RESET = "reset"  # true, false
    NEVER = "never"  # false


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """A certificate as the service describes it. Thumbprints are hex in upper case; times aware UTC, None: not told."""

    subject: str
    issuer: str = ""
    sha1: str = ""
    sha256: str = ""
    serial: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of a device's last registration; `status` is assigned, assigning, failed, disabled or unassigned."""

    registration_id: str
    status: str = ""
    substatus: str = ""
    device_id: str = ""
    hub: str = ""
    created: datetime | None = None
    updated: datetime | None = None
    error_code: int | None = None
    error_message: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Enrollment:
    """An individual enrollment or an enrollment group, without keys. All text is clean.

    Attributes:
        kind: of one device, or a group.
        id: the registration id, or the group's id.
        attestation: how devices prove themselves.
        enabled: whether devices may register through it.
        device_id: the id that the device gets in the hub; empty where the service takes the registration id.
        certificates: (slot, "primary"|"secondary", certificate) of an X.509 attestation.
        ca_names: names of the provisioning service's CA certificates that the attestation refers to.
        endorsement_key: base64 of the TPM's public endorsement key.
        allocation: hashed, geoLatency, static, custom; empty: as the service does.
        hubs: hosts that devices may be assigned to; empty: all linked ones.
        registration: of an individual enrollment, where the service told it.
    """

    kind: EnrollmentKind
    id: str
    attestation: Attestation
    enabled: bool
    etag: str = ""
    device_id: str = ""
    edge: bool = False
    certificate_slot: CertificateSlot | None = None
    certificates: tuple[tuple[str, CertificateInfo], ...] = ()  # ("primary" | "secondary", certificate)
    ca_names: tuple[str, ...] = ()
    endorsement_key: str = ""
    allocation: str = ""
    hubs: tuple[str, ...] = ()
    reprovision: Reprovision = Reprovision.MIGRATE
    created: datetime | None = None
    updated: datetime | None = None
    registration: Registration | None = None


@dataclass(frozen=True, slots=True)
class ProvisioningPolicy:
    """A shared access policy of a provisioning service, without its keys."""

    name: str
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkedHub:
    """A hub that a provisioning service assigns devices to."""

    host: str
    location: str = ""
    weight: int | None = None
    applied: bool = True
    policy: str = ""  # of the link; empty where it does not sign with a key


@dataclass(frozen=True, slots=True)
class ProvisioningInstance:
    """A provisioning service whole, without keys. `device_host` is where devices register, `host` its service API."""

    name: str
    arm_id: str
    host: str
    device_host: str
    id_scope: str
    location: str = ""
    allocation: str = ""
    state: str = ""
    public_access: bool = True
    hubs: tuple[LinkedHub, ...] = ()
    filters: tuple[ClassicRule, ...] = ()


@dataclass(frozen=True, slots=True)
class ProvisioningReading:
    """One reading of a provisioning service; `partial` says why something is missing (right, limit), else empty."""

    at: datetime
    instance: ProvisioningInstance
    enrollments: tuple[Enrollment, ...] = ()
    groups: tuple[Enrollment, ...] = ()
    partial: str = ""


class CrossKind(StrEnum):
    """What the provisioning service and the hub disagree on."""

    DISABLED_HERE_ENABLED_THERE = "disabled-here-enabled-there"
    ENABLED_HERE_DISABLED_THERE = "enabled-here-disabled-there"
    NEVER_SEEN = "registered-never-seen"
    NOT_IN_HUB = "registered-not-in-hub"
    OTHER_AUTH = "attestation-differs"
    BROADER_GROUP = "broader-group"
    NEVER_REGISTERED = "enrolled-never-registered"


@dataclass(frozen=True, slots=True)
class CrossFinding:
    """One disagreement. `enrollment_id` names the enrollment or group, `device_id` the device in the hub."""

    kind: CrossKind
    enrollment_kind: EnrollmentKind
    enrollment_id: str
    device_id: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """The result of comparing with the hub. `unknown` are sentences on what could not be compared, and why."""

    at: datetime
    findings: tuple[CrossFinding, ...] = ()
    compared: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewEnrollment:
    """An enrollment to be made. What does not belong to `attestation` stays empty.

    Attributes:
        certificates: PEM or DER, primary and perhaps secondary: the device's own (individual), a CA's (group).
        ca_names: names of CA certificates of the provisioning service instead of certificates.
        endorsement_key: base64 of the TPM's public endorsement key (TPM2B_PUBLIC).
        keys: primary and secondary, base64; None: two new random ones.
    """

    kind: EnrollmentKind
    id: str
    attestation: Attestation
    device_id: str = ""
    enabled: bool = True
    edge: bool = False
    certificates: tuple[bytes, ...] = ()
    ca_names: tuple[str, ...] = ()
    endorsement_key: str = ""
    keys: tuple[Secret, Secret] | None = field(default=None, repr=False)
    allocation: str = ""
    hubs: tuple[str, ...] = ()
    reprovision: Reprovision = Reprovision.MIGRATE
    tags: dict[str, object] = field(default_factory=dict)
    reason: str = ""

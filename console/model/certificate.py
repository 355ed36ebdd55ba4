"""Certificates: what is asked for, what was issued, what a file holds, and what was found out about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from console.model.certificate_request import RequestInfo
from console.model.change import Severity
from console.model.device import AuthType
from console.model.trust_settings import TrustSettings


class KeyType(StrEnum):
    """Kinds of keys that IoT Hub accepts; the values are those of `--key-type`."""

    RSA_2048 = "rsa-2048"  # leaves only
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"


CA_KEY_TYPES = (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_3072, KeyType.RSA_4096)
LEAF_KEY_TYPES = (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048, KeyType.RSA_3072, KeyType.RSA_4096)

ROOT_LIFETIME = timedelta(days=3650)
INTERMEDIATE_LIFETIME = timedelta(days=1825)
LEAF_LIFETIME = timedelta(days=365)
BACKDATE = timedelta(minutes=10)
"""How much earlier than now a certificate becomes valid: device clocks may be behind (IoT Hub allows 5 minutes)."""
RENEW_AT = 0.66
"""From this part of its lifetime on a certificate needs renewal (as `step certificate needs-renewal`)."""


class CertificateKind(StrEnum):
    """What a certificate is for."""

    ROOT = "root CA"
    INTERMEDIATE = "intermediate CA"
    DEVICE = "device"
    MODULE = "module"
    SERVER = "server"
    PROOF = "proof of possession"
    OTHER = "other"

    @property
    def authority(self) -> bool:
        """Whether it signs others."""
        return self in (CertificateKind.ROOT, CertificateKind.INTERMEDIATE)


# --- what is asked for ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AuthorityOrder:
    """A CA to make. `path_length` None sets no limit; `permitted_names` are DNS names of name constraints."""

    name: str
    key_type: KeyType = KeyType.EC_P256
    lifetime: timedelta = ROOT_LIFETIME
    path_length: int | None = None
    permitted_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeafOrder:
    """A leaf to issue.

    Attributes:
        kind: DEVICE, MODULE, SERVER or PROOF.
        name: the common name: device id, `deviceId/moduleId`, first host name, verification code.
        hosts: DNS names and addresses of a SERVER leaf; empty means `name`.
        pkcs12: write a PKCS#12 file too.
    """

    kind: CertificateKind
    name: str
    key_type: KeyType = KeyType.EC_P256
    lifetime: timedelta = LEAF_LIFETIME
    hosts: tuple[str, ...] = ()
    pkcs12: bool = False

    @property
    def device_id(self) -> str:
        """The device it is for, empty when for none."""
        return self.name.partition("/")[0] if self.kind in (CertificateKind.DEVICE, CertificateKind.MODULE) else ""

    @property
    def module_id(self) -> str:
        """The module it is for, empty when for none."""
        return self.name.partition("/")[2] if self.kind is CertificateKind.MODULE else ""


# --- what was issued -----------------------------------------------------------------------------------------------


class RecordStatus(StrEnum):
    """Where an issued certificate stands in the index."""

    PENDING = "pending"  # its files are being written; a stop in between leaves it so until it is resumed
    ISSUED = "issued"
    REPLACED = "replaced"  # a newer one of the same name was issued to the same folder


@dataclass(frozen=True)
class CertificateRecord:
    """A certificate in the index of a CA store; times are UTC, digits upper-case hexadecimal."""

    serial: str
    kind: CertificateKind
    subject: str
    common_name: str
    issuer: str
    sha1: str
    sha256: str
    not_before: datetime
    not_after: datetime
    status: RecordStatus
    device_id: str = ""
    module_id: str = ""
    key_type: str = ""
    certificate_file: Path | None = None
    key_file: Path | None = None
    store: Path | None = None

    def needs_renewal(self, now: datetime) -> bool:
        """Whether it is past two thirds of its lifetime (or expired)."""
        return now >= self.not_before + (self.not_after - self.not_before) * RENEW_AT


@dataclass(frozen=True)
class Issued:
    """A certificate that was just made, and the files that hold it: (what it is, where)."""

    record: CertificateRecord
    files: tuple[tuple[str, Path], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AuthorityRecord:
    """A CA store: its certificate, whether its key is here and asks for a passphrase, and how much it has issued."""

    folder: Path
    record: CertificateRecord
    has_key: bool
    encrypted: bool
    issued: int


# --- what a file or a host holds -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class CertificateInfo:
    """One certificate, read. Text is clean; digits are upper-case hexadecimal; times are UTC.

    `authority` is basicConstraints' CA flag, None where the extension is missing. `der` is the certificate itself.
    `problems` are sentences on what of it could not be read; what they are about is empty, the times then are far away.
    `oddities` are sentences on what is unusual in it, though it could be read.
    `pointers` are the addresses where its revocation could be asked for. `settings` stood behind it in its file.
    """

    subject: str
    common_name: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    sha1: str
    sha256: str
    key: str  # "EC P-256", "RSA 2048", "Ed25519"
    key_bits: int
    signature_hash: str  # "SHA-256"; empty where the algorithm has none
    self_issued: bool
    authority: bool | None
    path_length: int | None = None
    key_usage: tuple[str, ...] = ()
    extended_usage: tuple[str, ...] = ()
    alternative_names: tuple[str, ...] = ()
    subject_key_id: str = ""
    authority_key_id: str = ""
    version: int = 3
    der: bytes = field(default=b"", repr=False)
    problems: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    settings: TrustSettings | None = None

    def needs_renewal(self, now: datetime) -> bool:
        """Whether it is past two thirds of its lifetime (or expired)."""
        return now >= self.not_before + (self.not_after - self.not_before) * RENEW_AT


@dataclass(frozen=True)
class Unread:
    """A part of a source that should be a certificate (or a request) and could not be read.

    Attributes:
        place: where it stands: "block 1 (CERTIFICATE)", "element 2", "certificate 3 of the PKCS#7".
        reason: why it could not be read, in our words.
        before: how many readable certificates stand before it in the source.
        der: its bytes, empty when they are not even base64.
        info: what could be read of it all the same, None for nothing.
        request: it should be a request, and no certificate stands there.
    """

    place: str
    reason: str
    before: int
    der: bytes = field(default=b"", repr=False)
    info: CertificateInfo | None = None
    request: bool = False

    def sentence(self) -> str:
        """Return what every judgement says of it."""
        return f"{self.place} cannot be read: {self.reason}"


@dataclass(frozen=True)
class Inspected:
    """What a file or a host holds, in the order found.

    Attributes:
        source: the file's name or `host:port`.
        forms: how it was written, in order: "PEM", "DER", "PKCS#7", "PKCS#12".
        private_keys: how many private keys are in it, encrypted ones included; they are never read further.
        notes: sentences on what else was in it; what could not be read is named here and stands in `unread`.
        tls: protocol and cipher of a host, empty for a file.
        unread: the parts that should be certificates or requests and could not be read, in order.
    """

    source: str
    forms: tuple[str, ...]
    certificates: tuple[CertificateInfo, ...] = ()
    requests: tuple[RequestInfo, ...] = ()
    private_keys: int = 0
    encrypted_keys: int = 0
    notes: tuple[str, ...] = ()
    tls: str = ""
    unread: tuple[Unread, ...] = ()

    @property
    def unread_certificates(self) -> tuple[Unread, ...]:
        """What should be certificates and could not be read, in order."""
        return tuple(one for one in self.unread if not one.request)

    @property
    def first_unread(self) -> Unread | None:
        """The first certificate of the source, when that cannot be read: nothing may be judged in its place."""
        return next((one for one in self.unread_certificates if one.before == 0), None)


# --- what was found out --------------------------------------------------------------------------------------------


class Purpose(StrEnum):
    """What a leaf is to be good for; the values are openssl's."""

    CLIENT = "sslclient"
    SERVER = "sslserver"
    ANY = "any"


class Fault(StrEnum):
    """Why a chain is not trusted; the values are openssl's names where it has one."""

    EXPIRED = "certificate has expired"
    NOT_YET_VALID = "certificate is not yet valid"
    NO_ISSUER = "unable to get issuer certificate"
    UNTRUSTED_ROOT = "self-signed certificate that is not trusted"
    BAD_SIGNATURE = "certificate signature failure"
    NOT_A_CA = "invalid CA certificate"
    PATH_LENGTH = "path length constraint exceeded"
    WRONG_PURPOSE = "unsuitable certificate purpose"
    KEY_USAGE = "key usage does not include certificate signing"
    NAME_CONSTRAINT = "permitted subtree violation"
    CRITICAL_EXTENSION = "unhandled critical extension"
    WEAK = "key or hash too weak"
    MALFORMED = "certificate breaks the rules of X.509"
    TOO_LONG = "certificate chain too long"
    UNVERIFIED_CA = "CA certificate is not verified at the hub"
    UNREADABLE = "certificate cannot be read"
    UNKNOWN_ALGORITHM = "not known"
    REJECTED = "certificate rejected"


@dataclass(frozen=True)
class ChainFault:
    """One reason: `depth` is the certificate's place in the chain (0: the leaf), `message` a sentence about it.

    `hint` is what to do about it. `unknown`: it could not be told, and nothing is said against the certificate.
    """

    fault: Fault
    depth: int
    message: str
    hint: str = ""
    unknown: bool = False


@dataclass(frozen=True)
class ChainVerdict:
    """What verifying a leaf gave: the chain that was built, leaf first, with the trusted root last when one was met.

    `notes` are sentences on what else was in the file; `unread` what there, or among the roots, could not be read.
    """

    chain: tuple[CertificateInfo, ...]
    faults: tuple[ChainFault, ...]
    trusted_by: str = ""  # "plants-2021 (at the hub)", "root.pem"
    purpose: Purpose = Purpose.CLIENT
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether it holds."""
        return not self.faults

    @property
    def unknown(self) -> bool:
        """Whether it is not known if it holds: nothing speaks against it but what could not be told."""
        return bool(self.faults) and all(one.unknown for one in self.faults)


@dataclass(frozen=True)
class LintFinding:
    """One thing that IoT Hub's rules, or good sense, have against a certificate. `unknown`: could not be evaluated."""

    id: str
    severity: Severity
    message: str
    hint: str = ""
    subject: str = ""
    unknown: bool = False


@dataclass(frozen=True)
class Registered:
    """How the registry has a device or module: what decides whether a certificate lets it in; no keys.

    `enabled` is the device's; `thumbprints` are (primary, secondary), upper-case digits, each possibly empty.
    """

    device_id: str
    module_id: str
    exists: bool
    enabled: bool = False
    status_reason: str = ""
    auth: AuthType = AuthType.UNKNOWN
    thumbprints: tuple[str, str] = ("", "")
    by_ca: bool = False

    @property
    def identity(self) -> str:
        """The device id, or `deviceId/moduleId`: what the common name must be."""
        return f"{self.device_id}/{self.module_id}" if self.module_id else self.device_id


class Answer(StrEnum):
    """Whether a certificate would let a device in."""

    YES = "would authenticate"
    NO = "would not authenticate"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Comparison:
    """A certificate held against what the registry has for a device: the answer, why, and (label, value) facts."""

    answer: Answer
    device_id: str
    why: str
    hint: str = ""
    facts: tuple[tuple[str, str], ...] = ()

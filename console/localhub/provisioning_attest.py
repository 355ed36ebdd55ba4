"""Which enrollment lets a device in: by key, by certificate, or by what its TPM could open.

Who is refused learns the code and text that published captures of the real service show:
* 401000 "Unauthorized": no enrollment, or no credential (MicrosoftDocs/azure-docs#43157, Azure/dps-keygen#7);
* 401002 "Unauthorized": another key (azure-iot-sdk-node#721), no enrollment for a certificate (a Microsoft training
  course, AZ-220, after its group was deleted);
* 401002 "Invalid certificate.": expired, of another name, or not up to a verified CA (AZ-220; azure-sdk-for-c);
* 401002 "CA certificate not found.": the chain was not sent (rwatjen/AzureIoTDPSCertificates#3).
Which of these texts belongs to which fault of a certificate is not written anywhere: the assignment is ours.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.localhub.provisioning_errors import ProvisioningError
from console.localhub.provisioning_state import EnrollmentRecord
from console.localhub.provisioning_token import RegistrationToken, derived_key, read_token
from console.localhub.registry_identity import Credentials
from console.localhub.state import ProvisioningState
from console.localhub.x509_facts import facts, is_issuer, signed_by, validity

MAX_DEPTH = 8
SYMMETRIC_KEY, X509, TPM = "symmetricKey", "x509", "tpm"


@dataclass(frozen=True)
class Proof:
    """A device that proved itself, and by which enrollment.

    `registration_id` is as the device wrote it. `credentials` are what its identity in a hub gets; a TPM's key is not
    among them, it is made there.
    """

    registration_id: str
    enrollment: EnrollmentRecord
    is_group: bool
    credentials: Credentials
    leaf: bytes | None = None  # DER
    signer: bytes | None = None  # DER of the group's certificate

    @property
    def group_id(self) -> str:
        """The enrollment group's id, empty for an individual enrollment."""
        return self.enrollment.id if self.is_group else ""


def unauthorized(number: int = 401002, text: str = "Unauthorized") -> ProvisioningError:
    """Return a refusal of a device that did not prove itself."""
    return ProvisioningError(number, text)


def attest(
    service: ProvisioningState, registration_id: str, token: str | None, chain: Sequence[bytes], now: datetime
) -> Proof:
    """Return the enrollment that a device's credential fits; hold the cloud's lock.

    An individual enrollment, even a disabled one, goes before every group; of groups, that of the nearest certificate
    (Microsoft's document on X.509 attestation). A disabled enrollment is returned: what follows is the caller's.

    Raises ProvisioningError: 401000, 401002.
    """
    individual = service.enrollments.get(registration_id.casefold())
    if token is not None:
        return _by_token(service, individual, registration_id, token, now)
    if chain:
        return _by_certificate(service, individual, registration_id, chain, now)
    raise unauthorized(401000)


# -- keys --------------------------------------------------------------------------------------------------------------


def _by_token(
    service: ProvisioningState, individual: EnrollmentRecord | None, registration_id: str, text: str, now: datetime
) -> Proof:
    token = read_token(text)
    if token is None or not token.is_for(service.id_scope, registration_id) or token.expires <= now:
        raise unauthorized()
    if individual is None:
        return _by_group_key(service, registration_id, token)
    if individual.kind == SYMMETRIC_KEY:
        keys = (individual.primary_key, individual.secondary_key)
        found = Proof(registration_id, individual, False, Credentials("sas", *keys))
    elif individual.kind == TPM:
        record = service.registrations.get(individual.id)
        nonce = record.nonce if record is not None else None
        keys = (base64.b64encode(nonce).decode() if nonce else None, None)
        found = Proof(registration_id, individual, False, Credentials("sas"))
    else:
        raise unauthorized()
    if not token.fits(keys):
        raise unauthorized()
    return found


def _by_group_key(service: ProvisioningState, registration_id: str, token: RegistrationToken) -> Proof:
    groups = [group for group in service.groups.values() if group.kind == SYMMETRIC_KEY]
    # The id is not case-sensitive but the derivation is: the spelling the device sent, or the documented lower case.
    for spelling in dict.fromkeys((registration_id, registration_id.casefold())):
        for group in groups:
            keys = (derived_key(group.primary_key, spelling), derived_key(group.secondary_key, spelling))
            if token.fits(keys):
                return Proof(registration_id, group, True, Credentials("sas", *keys))
    raise unauthorized(401002 if groups else 401000)


# -- certificates ------------------------------------------------------------------------------------------------------


def _by_certificate(
    service: ProvisioningState,
    individual: EnrollmentRecord | None,
    registration_id: str,
    chain: Sequence[bytes],
    now: datetime,
) -> Proof:
    leaf = facts(chain[0])
    if leaf is None or leaf.common_name.casefold() != registration_id.casefold() or not leaf.handshake:
        raise _invalid()
    if validity(leaf, now):
        raise _invalid()
    if individual is None:
        return _by_group_certificate(service, registration_id, chain, now)
    if individual.kind != X509:
        raise unauthorized()
    own = [individual.certificate_ders.get(f"client.{slot}") for slot in ("primary", "secondary")]
    if any(own):
        if chain[0] not in own:
            raise unauthorized()
        return Proof(registration_id, individual, False, _thumbprints(own), chain[0])
    path = _path(chain)
    if (found := _nearest(service, [individual], path)) is None:
        raise _not_found(path)
    _check_trust(service, path, *found[1:], now)
    return Proof(registration_id, individual, False, _thumbprints([chain[0]]), chain[0], found[2])


def _by_group_certificate(
    service: ProvisioningState, registration_id: str, chain: Sequence[bytes], now: datetime
) -> Proof:
    path = _path(chain)
    groups = [group for group in service.groups.values() if group.kind == X509]
    found = _nearest(service, groups, path)
    if found is None:
        raise _not_found(path)
    group, place, signer = found
    _check_trust(service, path, place, signer, now)
    return Proof(registration_id, group, True, _thumbprints([chain[0]]), chain[0], signer)


def _nearest(
    service: ProvisioningState, enrollments: Sequence[EnrollmentRecord], path: Sequence[bytes]
) -> tuple[EnrollmentRecord, int, bytes] | None:
    """Return the enrollment whose certificate comes first up the path, whom it signed there, and the certificate."""
    for place, der in enumerate(path):
        for enrollment in enrollments:
            for signer in _signers(service, enrollment):
                if signer != der and signed_by(der, signer):
                    return enrollment, place, signer
    return None


def _signers(service: ProvisioningState, enrollment: EnrollmentRecord) -> Iterator[bytes]:
    for slot in ("primary", "secondary"):
        if der := enrollment.certificate_ders.get(f"signing.{slot}"):
            yield der
    x509 = (enrollment.body.get("attestation") or {}).get(X509) or {}
    references = x509.get("caReferences") or {}
    wanted = {str(references.get(slot) or "").casefold() for slot in ("primary", "secondary")} - {""}
    yield from (der for name, der in service.certificate_ders.items() if name.casefold() in wanted)


def _path(chain: Sequence[bytes]) -> list[bytes]:
    """Return the leaf and, of what was sent with it, each certificate's issuer in turn."""
    path = [chain[0]]
    while len(path) < MAX_DEPTH:
        issuer = next((der for der in chain[1:] if der not in path and is_issuer(path[-1], der)), None)
        if issuer is None:
            break
        path.append(issuer)
    return path


def _check_trust(service: ProvisioningState, path: Sequence[bytes], place: int, signer: bytes, now: datetime) -> None:
    """Raise unless the chain goes on from the enrollment's certificate to one whose possession was proven.

    The device has to send what lies between (Microsoft's document on X.509 attestation).
    """
    verified = [
        der
        for name, der in service.certificate_ders.items()
        if ((service.certificates.get(name) or {}).get("properties") or {}).get("isVerified") is True
        and _valid(der, now)
    ]
    if not all(_valid(der, now) for der in path[: place + 1]):
        raise _invalid()
    for der in (signer, *path[place + 1 :]):
        if not _valid(der, now):
            break
        if any(der == root or signed_by(der, root) for root in verified):
            return
    raise _invalid()


def _valid(der: bytes, now: datetime) -> bool:
    found = facts(der)
    return found is not None and not validity(found, now)


def _not_found(path: Sequence[bytes]) -> ProvisioningError:
    whole = signed_by(path[-1], path[-1])
    return unauthorized() if whole else unauthorized(401002, "CA certificate not found.")


def _invalid() -> ProvisioningError:
    return unauthorized(401002, "Invalid certificate.")


def _thumbprints(certificates: Sequence[bytes | None]) -> Credentials:
    """Return a hub identity's credentials: the service registers thumbprints, also for a chain, and one of them twice.

    Sources: MicrosoftDocs/azure-docs#70976 and #108289, azure-iot-sdk-csharp#3360; Azure/iotedge#2951 (SHA-256, twice).
    """
    prints = [found.sha256 for der in certificates if der is not None and (found := facts(der)) is not None]
    return Credentials("selfSigned", None, None, prints[0], prints[-1])

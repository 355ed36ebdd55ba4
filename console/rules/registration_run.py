"""What a registration needs and what it sends; what the device's certificate shows."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.model.certificate import CertificateInfo, Inspected
from console.model.enrollment import Attestation
from console.model.errors import ConsoleError, ErrorKind
from console.model.registration import RegistrationOrder
from console.model.text import clean
from console.model.token import TokenOrder
from console.rules.certificate_unread import refused
from console.rules.enrollment_input import CN_LIMIT, ID_LIMIT, check_registration_id
from console.rules.group_keys import key_bytes
from console.rules.token_order import checked

WHAT = "No registration was begun"
_ANY_ID = "registration"
_LONGEST_TOKEN = 10 * 365 * 86400  # seconds


@dataclass(frozen=True)
class Card:
    """What a device shows in the TLS handshake: its certificate, and how many come with it.

    `complete`: the last one is self-signed, a root; the service needs all that lies between the device's and its own.
    """

    leaf: CertificateInfo
    sent: int
    complete: bool
    fault: str = ""  # "expired", "early", "name", or none that can be seen from here
    stale_above: str = ""  # a CA certificate that is not valid now
    unread: str = ""  # a sentence on one above it that cannot be read


def check_names(order: RegistrationOrder) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless registration id, ID scope and host are such."""
    x509 = order.attestation is Attestation.X509
    if order.registration_id or order.attestation is not Attestation.TPM:
        check_registration_id(order.registration_id, limit=CN_LIMIT if x509 else ID_LIMIT)
    try:
        checked(TokenOrder(order.id_scope, registration_id=order.registration_id or _ANY_ID))  # the ID scope's shape
    except ConsoleError as error:
        raise usage(error.why, error.hint) from None
    if not order.host.strip():
        raise usage(
            "it is not known where devices register", "Give --host, usually global.azure-devices-provisioning.net"
        )


def check(order: RegistrationOrder) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless an order can be run."""
    check_names(order)
    tpm = order.attestation is Attestation.TPM
    keys = [key for key in (order.key, order.group_key) if key is not None]
    match order.attestation:
        case Attestation.SYMMETRIC_KEY:
            if len(keys) != 1:
                raise usage("by symmetric key it takes a key: the device's own, or its group's", "Give one of them")
            key_bytes(keys[0], WHAT)
        case Attestation.X509 if not order.certificate:
            raise usage("by X.509 it takes the device's certificate", "Give its file, and that of its key")
        case Attestation.X509 | Attestation.TPM:
            pass
        case _:
            raise usage("no attestation was chosen", "Choose symmetric key, X.509 or TPM")
    if order.token_ttl < 0 or ((order.token_ttl or order.keep_in_tpm) and not tpm):
        raise usage("a token is signed, and a key kept, in a TPM alone", "Leave it out, or register by TPM")
    if order.token_ttl > _LONGEST_TOKEN:
        raise usage("a token may last ten years at most here", "Shorten it; an hour is usual")


def body(order: RegistrationOrder, registration_id: str, endorsement: str = "", root: str = "") -> dict[str, Any]:
    """Return what is sent; `endorsement` and `root` are a TPM's public keys in base64."""
    sent: dict[str, Any] = {"registrationId": registration_id}
    if endorsement:
        sent["tpm"] = {"endorsementKey": endorsement, "storageRootKey": root}
    if order.payload is not None:
        sent["payload"] = order.payload
    return sent


def usual_id(endorsement_key: str) -> str:
    """Return the registration id that Azure's device software makes of an endorsement key (base64 of TPM2B_PUBLIC).

    Base32 of its SHA-256, in lower case and without padding (azure-iot-sdk-c, prov_auth_client.c; a key with the id so
    made is in its issue 2286). Raises ConsoleError BAD_INPUT when it is not base64.
    """
    try:
        raw = binascii.a2b_base64(endorsement_key, strict_mode=True)
    except (binascii.Error, ValueError):
        raise usage("the endorsement key is not base64", "Copy it again") from None
    return base64.b32encode(hashlib.sha256(raw).digest()).decode("ascii").rstrip("=").lower()


def resource(order: RegistrationOrder, registration_id: str) -> str:
    """Return what a registration's token is for, not yet encoded."""
    return f"{order.id_scope.strip()}/registrations/{registration_id}"


def card_of(found: Inspected, registration_id: str, now: datetime) -> Card:
    """Return what a device shows that presents a file's certificates, in their order.

    Raises ConsoleError BAD_INPUT: code "usage" when the file has none, "unread" when one that cannot be read is first.
    """
    first = found.first_unread
    if first is not None or (not found.certificates and found.unread_certificates):
        raise refused(found, first or found.unread_certificates[0], WHAT)
    if not found.certificates:
        raise usage(f"there is no certificate in {clean(found.source)}", "Give the device's certificate")
    leaf = found.certificates[0]
    fault = ""
    if leaf.not_after < now:
        fault = "expired"
    elif leaf.not_before > now:
        fault = "early"
    elif leaf.common_name.casefold() != registration_id.casefold():
        fault = "name"
    top = found.certificates[-1]
    stale = next((one.subject for one in found.certificates[1:] if not one.not_before <= now <= one.not_after), "")
    lost = found.unread_certificates
    complete = top.subject == top.issuer and all(one.before < len(found.certificates) for one in lost)
    unread = lost[0].sentence() if lost else ""
    return Card(leaf, len(found.certificates) + len(lost), complete, fault, stale, unread)


def card_text(card: Card) -> str:
    """Return one line on what is shown."""
    leaf = card.leaf
    words = f"CN={leaf.common_name or '(none)'}, valid until {leaf.not_after:%Y-%m-%d %H:%M}Z"
    words += f", {card.sent} certificate{'s' if card.sent > 1 else ''} shown"
    seen = {
        "expired": "it has expired",
        "early": "it is not valid yet",
        "name": "its common name is not the registration id",
    }.get(card.fault)
    return f"{words}; {seen}" if seen else words


def usage(why: str, hint: str) -> ConsoleError:
    """Return the refusal of an order."""
    return ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, hint, code="usage")

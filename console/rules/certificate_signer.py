"""Whether what a CA signs would be trusted: checked before it signs, for chains that were not made here too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from console.model.clock import format_time
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules.certificate_keys import check_public_key

E = TypeVar("E", bound=x509.ExtensionType)
_PURPOSES = {ExtendedKeyUsageOID.CLIENT_AUTH: "clients", ExtendedKeyUsageOID.SERVER_AUTH: "servers"}


def check_signer(chain: Sequence[x509.Certificate], now: datetime, purpose: x509.ObjectIdentifier | None) -> None:
    """Raise ConsoleError unless peers would trust a leaf (None: a CA) below a chain (signer first, root last).

    Args:
        chain: the CAs.
        now: all of them must be valid now; CLOCK when one is not yet.
        purpose: the leaf's extended key usage; CAs that are limited to others are refused (as openssl does).
    """
    for below, one in enumerate(chain):
        named = f"the CA “{clean(_name(one))}”"
        first, last = one.not_valid_before_utc, one.not_valid_after_utc
        if now > last:
            raise _refused(f"{named} expired at {format_time(last)}, and nothing it signs is trusted", "Make a new CA")
        if now < first:
            why, hint = f"{named} is valid from {format_time(first)} on", "Check this machine's clock"
            raise ConsoleError(ErrorKind.CLOCK, "No certificate was made", why, hint)
        usage = _found(one, x509.KeyUsage)
        if usage is not None and not usage.key_cert_sign:
            raise _refused(f"{named} may not sign certificates (its key usage)")
        basic = _found(one, x509.BasicConstraints)
        if basic is not None and basic.path_length is not None and below > basic.path_length:
            raise _refused(f"the path length of {named} allows no more than {basic.path_length} CAs below it")
        extended = _found(one, x509.ExtendedKeyUsage)
        if extended is not None and purpose is not None and purpose not in extended:
            raise _refused(f"{named} vouches for other purposes than {_PURPOSES[purpose]} (its extended key usage)")
    check_public_key(chain[0].public_key(), "No certificate was made", "Choose a CA with RSA 2048 or more, or EC")


def _found(one: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return one.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(one: x509.Certificate) -> str:
    found = one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _refused(why: str, hint: str = "Choose another CA") -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, "No certificate was made", why, hint)

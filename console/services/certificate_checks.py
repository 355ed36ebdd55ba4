"""What is typed into a form about certificates, checked: one sentence on what is wrong, empty when nothing is."""

from __future__ import annotations

from collections.abc import Callable

from console.model.certificate import CertificateKind
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.rules.certificate_names import check_host, check_name
from console.rules.device_input import check_id
from console.rules.hub_certificate_name import check_name as check_hub_name

MOST_DAYS = 36_500


def name_problem(kind: CertificateKind, name: str) -> str:
    """Return what is wrong with the common name of a certificate."""
    return _problem(lambda text: check_name(kind, text), name)


def id_problem(device_id: str) -> str:
    """Return what is wrong with a device id."""
    return _problem(check_id, device_id)


def hosts_problem(text: str) -> str:
    """Return what is wrong with host names that stand one behind the other, parted by commas or blanks."""
    return next((problem for host in hosts_of(text) if (problem := _problem(check_host, host))), "")


def hosts_of(text: str) -> tuple[str, ...]:
    """Return the host names in a line of text."""
    return tuple(text.replace(",", " ").split())


def hub_name_problem(name: str) -> str:
    """Return what is wrong with the name of a CA certificate at the hub."""
    return _problem(check_hub_name, name)


def passphrase_problem(passphrase: str) -> str:
    """Return what is wrong with a passphrase for a new key."""
    from console.rules.certificate_keys import check_passphrase  # loads cryptography: not before one is typed

    return _problem(lambda text: check_passphrase(Secret(text)), passphrase)


def days_problem(text: str) -> str:
    """Return what is wrong with a lifetime in days."""
    if not text.isascii() or not text.isdigit():
        return "write a whole number of days"
    return "" if 1 <= int(text[:9]) <= MOST_DAYS and len(text) < 9 else f"between 1 and {MOST_DAYS:,} days"


def _problem(check: Callable[[str], object], text: str) -> str:
    try:
        check(text)
    except ConsoleError as error:
        return error.why or error.what
    return ""

"""The rules of the registry for what is typed into a form: one sentence on what is wrong, empty when nothing is."""

from __future__ import annotations

from collections.abc import Callable

from console.model.device_order import NewAuth, NewDevice
from console.model.errors import ConsoleError
from console.rules import device_input


def id_problem(text: str) -> str:
    """Return what is wrong with a device id."""
    return _problem(device_input.check_id, text)


def reason_problem(text: str) -> str:
    """Return what is wrong with a status reason."""
    return _problem(device_input.check_reason, text)


def thumbprint_problem(text: str) -> str:
    """Return what is wrong with a thumbprint."""
    return _problem(device_input.thumbprint, text)


def new_device_problem(device: NewDevice) -> str:
    """Return what is wrong with a new device's thumbprints."""
    if device.auth is NewAuth.THUMBPRINT:
        return thumbprint_problem(device.thumbprint)
    return "only a device with a certificate thumbprint has one: leave it empty" if device.thumbprint else ""


def _problem(check: Callable[[str], object], text: str) -> str:
    try:
        check(text)
    except ConsoleError as error:
        return error.why or error.what
    return ""

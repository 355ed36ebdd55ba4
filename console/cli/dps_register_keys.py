"""What a device that registers shows: its key, certificate or TPM, and where each comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.cli.context import ask_secret_apart
from console.cli.dps_options import file_content, words_from_stdin
from console.cli.sas_keys import read_input
from console.model.enrollment import Attestation, EnrollmentKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.home import home_path
from console.model.registration import RegistrationOrder
from console.model.secret import Secret

if TYPE_CHECKING:
    from console.cli.dps_register import Place

WHAT = "No registration was begun"
_KEY_WAYS = ("key_stdin", "group_key_stdin", "group", "read_key")


def attestation_of(options: dict[str, Any]) -> Attestation:
    """Return which attestation the options choose. Raises ConsoleError (code "usage") when they contradict."""
    ways = [name for name in (*_KEY_WAYS, "certificate", "tpm") if options[name]]
    if len(ways) > 1:
        listed = " and ".join(f"--{name.replace('_', '-')}" for name in ways)
        raise _usage(f"{listed} exclude each other", "Choose one way to prove who the device is")
    if not options["certificate"] and (options["private_key"] or options["passphrase_stdin"]):
        raise _usage("a private key belongs to a certificate", "Give --certificate, too")
    if not options["tpm"] and (options["token_ttl"] is not None or options["keep_in_tpm"]):
        raise _usage("--token-ttl and --keep-in-tpm belong to --tpm", "Leave them out, or give --tpm")
    if options["token_ttl"] is not None and options["token_ttl"] <= 0:
        raise _usage("a token that lasts no time is of no use", "Give --token-ttl seconds above 0; 3600 is usual")
    if options["payload"] == "-" and any(options[name] for name in options if name.endswith("_stdin")):
        raise _usage("standard input cannot be the payload and a secret", "Put the payload into a file")
    if not options["tpm"] and not options["registration_id"]:
        raise _usage("the registration id is missing", "Give --registration-id ID")
    if options["tpm"]:
        return Attestation.TPM
    return Attestation.X509 if options["certificate"] else Attestation.SYMMETRIC_KEY


def payload_of(options: dict[str, Any]) -> Any:
    """Return the payload, None where there is none. Raises ConsoleError (code "usage") when it is no JSON."""
    path = options["payload"]
    if not path:
        return None
    text = read_input("payload", "Give a file") if path == "-" else file_content(path).decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _usage("the payload is not JSON", "Check it with a JSON tool; the service takes JSON alone") from None


def credentials(order: RegistrationOrder, options: dict[str, Any], place: Place, reason: str) -> RegistrationOrder:
    """Return an order with the device's key or passphrase. Raises ConsoleError.

    A key that is read at the service is a privileged read, noted in the journal first.
    """
    from console.rules.registration_run import check_names

    check_names(order)
    if order.attestation is Attestation.TPM:
        return order
    if order.attestation is Attestation.X509:
        return replace(order, passphrase=_passphrase(options))
    if options["group_key_stdin"]:
        return replace(order, group_key=_stdin("group's key"))
    if options["key_stdin"]:
        return replace(order, key=_stdin("key"))
    name = order.registration_id
    if place.services is not None and place.instance is not None and (options["group"] or options["read_key"]):
        why = reason or f"to run the registration of {name}"
        dps = place.services.dps
        if options["group"]:
            return replace(order, key=dps.derive_key(place.instance, options["group"], name, why))
        keys = dps.reveal_keys(place.instance, EnrollmentKind.INDIVIDUAL, name.casefold(), why)
        return replace(order, key=keys[0])
    return replace(order, key=Secret(ask_secret_apart(f"Key of {name}", "Use --key-stdin").strip()))


def _stdin(noun: str) -> Secret:
    return Secret(words_from_stdin(noun, WHAT, 1)[0])


def _passphrase(options: dict[str, Any]) -> Secret | None:
    """Return the passphrase of the certificate's key, None where that asks for none."""
    if options["passphrase_stdin"]:
        return Secret(read_input("passphrase", "Leave --passphrase-stdin out to be asked for it without echo"))
    path = options["private_key"] or options["certificate"]
    try:
        with home_path(path).open("rb") as file:
            locked = b"ENCRYPTED" in file.read(1024 * 1024)
    except (OSError, ValueError):
        return None  # what is wrong with the file is told when it is used
    return Secret(ask_secret_apart(f"Passphrase of {path}", "Use --passphrase-stdin")) if locked else None


def _usage(why: str, hint: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, WHAT, why, hint, code="usage")

"""`hubwarden cert hub|upload|prove|register|delete`: the hub's CA certificates; what writes is a plan until `--yes`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings, ask_secret
from console.cli.output import Json, envelope, print_json, print_table, time_text
from console.model.change import Change, Outcome
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean

if TYPE_CHECKING:
    from datetime import datetime

    from console.model.hub import HubCertificate
    from console.services.bundle import Services

T = TypeVar("T")
_TRIES = 3
_NOT_ASKED = "Give the passphrase with --passphrase-stdin: there is no terminal to ask on"
_PASSPHRASE = click.option("--passphrase-stdin", is_flag=True, help="Read the passphrase from standard input.")


@click.command("hub")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.hub_certificates/1.")
@click.pass_obj
def hub(settings: Settings, as_json: bool) -> None:
    """The hub's CA certificates, and how many devices sign in by CA.

    Only a verified one lets devices in. To which of them a device's certificate leads the hub does not tell.
    """
    from console.services.ca_devices import by_ca

    services = settings.services()
    found = services.credentials.uploads.list()
    devices = by_ca(services.session)
    if as_json:
        unknown = [] if isinstance(devices, int) else [{"code": "devices-unknown", "message": devices, "hint": ""}]
        count = devices if isinstance(devices, int) else None
        items = [_certificate_json(one) for one in found]
        print_json(envelope("hub_certificates", services.clock(), items, warnings=unknown, devices_by_ca=count))
        return
    now = services.clock()
    header = ["NAME", "VERIFIED", "EXPIRES", "SUBJECT", "SHA-1 THUMBPRINT"]
    rows = [
        [one.name, "yes" if one.verified else "NO", _expiry(one, now), one.subject, one.thumbprint] for one in found
    ]
    if rows:
        print_table(header, rows)
        for one in found:
            if one.unread:
                text = (
                    f"The certificate of {one.name} cannot be read: {clean(one.unread)}; whom it lets in is not known"
                )
                click.echo(text)
    else:
        click.echo("The hub has no CA certificate")
    many = f"{devices:,}" if isinstance(devices, int) else f"not known ({clean(devices)})"
    click.echo(f"Devices that sign in by CA: {many}; to which CA each one's certificate leads the hub does not tell")


@click.command("upload")
@click.argument("file", metavar="FILE")
@click.option("--name", required=True, help="Its name at the hub: 1 to 64 letters, digits, - . or _.")
@click.option("--verified", is_flag=True, help="Take it as verified, without proof of possession.")
@change_options
@click.pass_obj
def upload(settings: Settings, file: str, name: str, verified: bool, options: ChangeOptions) -> int:
    """Upload a CA certificate (PEM or DER). A file that holds a private key is refused.

    It lets no device in before possession of its key is proved: hubwarden cert prove.
    """
    content = _content(file)
    services = settings.services()
    uploads = services.credentials.uploads
    change = uploads.plan_upload(name, content, verified=verified, reason=options.reason)
    return carry_out(services, [change], options)


@click.command("delete")
@click.argument("name")
@change_options
@click.pass_obj
def delete(settings: Settings, name: str, options: ChangeOptions) -> int:
    """Delete a CA certificate from the hub: devices whose certificate leads to it no longer get in."""
    services = settings.services()
    return carry_out(services, [services.credentials.uploads.plan_delete(name, options.reason)], options)


@click.command("register")
@click.argument("device_id", metavar="DEVICE")
@click.argument("file", metavar="FILE")
@_PASSPHRASE
@change_options
@click.pass_obj
def register(settings: Settings, device_id: str, file: str, passphrase_stdin: bool, options: ChangeOptions) -> int:
    """Register the SHA-256 thumbprint of a certificate in the second slot of a device.

    The device may use its old or its new certificate then. Nothing but the thumbprint is sent, whatever the file holds.
    Go on with: hubwarden devices set-thumbprint DEVICE --stage promote.
    """
    content = _content(file)
    services = settings.services()
    change = _opened(
        lambda secret: services.credentials.uploads.plan_register(
            device_id, content, options.reason, passphrase=secret
        ),
        f"Passphrase of {clean(file)}",
        from_stdin=passphrase_stdin,
    )
    return carry_out(services, [change], options)


@click.command("prove")
@click.argument("name")
@click.option("--ca", "authority", metavar="DIR", help="A CA of this machine whose key is here: all in one go.")
@click.option("--offline", is_flag=True, help="Ask for a code; print what to do where the CA's key is.")
@click.option("--code", "code_only", is_flag=True, help="Ask for a code, and no more.")
@click.option("--proof", "proof_file", metavar="FILE", help="Hand in what was signed with the CA's key.")
@_PASSPHRASE
@change_options
@click.pass_obj
def prove(
    settings: Settings,
    name: str,
    authority: str | None,
    offline: bool,
    code_only: bool,
    proof_file: str | None,
    passphrase_stdin: bool,
    options: ChangeOptions,
) -> int:
    """Prove to the hub that the key of an uploaded CA certificate is held: then it lets devices in.

    With the key here: --ca. With the key elsewhere: --offline, follow the steps there, then --proof FILE. The proof is
    a certificate whose common name is the hub's code, signed by the CA's key; no key is sent. With --offline or --code,
    --json is hubwarden.proof/1: the plan, the code and the steps.
    """
    ways = [authority is not None, offline, code_only, proof_file is not None]
    if sum(ways) != 1:
        raise _usage("It is not clear how to prove it", "give one of --ca, --offline, --code and --proof")
    if passphrase_stdin and authority is None:
        raise _usage("--passphrase-stdin has nothing to open", "only --ca has a key here")
    if proof_file is not None:
        content = _content(proof_file)
        services = settings.services()
        return carry_out(
            services, [services.credentials.uploads.plan_proof(name, content, "", options.reason)], options
        )
    services = settings.services()
    if authority is not None:
        return _prove_here(services, name, authority, passphrase_stdin, options)
    return _ask_for_code(services, name, offline, options)


def _prove_here(services: Services, name: str, authority: str, from_stdin: bool, options: ChangeOptions) -> int:
    """Ask for a code, sign it with the CA's key and hand it in; both are one consent."""
    uploads, pki = services.credentials.uploads, services.credentials.pki
    opened: list[Secret | None] = []

    def rehearse(secret: Secret | None) -> None:
        trial = "0" * 48  # before anything is written: does the key open, and is it the right one?
        uploads.rehearse(name, pki.proof(authority, trial, secret), trial)
        opened.append(secret)

    _opened(rehearse, f"Passphrase of the key of {clean(authority)}", from_stdin=from_stdin)
    first = uploads.plan_code(name, options.reason)
    following = f"the code is signed with the key in {clean(authority)} and handed in: then its devices get in"
    first = replace(first, effect=(*first.effect, ("then", following)))

    def hand_in(outcome: Outcome) -> Change:
        code = uploads.code_of(outcome)
        return uploads.plan_proof(name, pki.proof(authority, code, opened[-1]), code, options.reason)

    return carry_out(services, [first], options, then=hand_in)


def _ask_for_code(services: Services, name: str, offline: bool, options: ChangeOptions) -> int:
    uploads = services.credentials.uploads
    known = "" if options.yes else uploads.known_code(name)

    def code_in(outcomes: Sequence[Outcome]) -> str:
        return next((uploads.code_of(one) for one in outcomes if one.answer), known)

    def with_code(plan: Json, outcomes: Sequence[Outcome]) -> Json:
        code = code_in(outcomes)
        return {**plan, "schema": "hubwarden.proof/1", "code": code, "steps": _steps(services, name, code)}

    change = uploads.plan_code(name, options.reason)
    outcomes: list[Outcome] = []
    ended = carry_out(services, [change], options, document=with_code, outcomes=outcomes)
    if options.as_json:
        return ended
    if known:
        click.echo(f"\nThe code that was asked for before still counts: {known}")
    if offline and (code := code_in(outcomes)):
        click.echo("\n" + "\n".join(_steps(services, name, code)))
    return ended


def _steps(services: Services, name: str, code: str) -> list[str]:
    return list(services.credentials.uploads.offline_steps(name, code)) if code else []


def _opened(call: Callable[[Secret | None], T], question: str, *, from_stdin: bool) -> T:
    """Return what a call gives, asking for the passphrase that it turns out to need. Raises ConsoleError."""
    import sys

    if from_stdin:
        return call(Secret(sys.stdin.readline().rstrip("\r\n")))
    secret: Secret | None = None
    for attempt in range(_TRIES + 1):
        try:
            return call(secret)
        except ConsoleError as error:
            if error.code == "passphrase" and not sys.stdin.isatty():
                error.hint = _NOT_ASKED
            if error.code != "passphrase" or attempt == _TRIES or not sys.stdin.isatty():
                raise
            if secret is not None:
                click.echo(error.sentence(), err=True)
        secret = Secret(ask_secret(question))
    raise AssertionError("the loop returns or raises")


def _content(path: str) -> bytes:
    from console.services.private_files import read_file

    if not path:
        raise _usage("No file was read", "its name is empty")
    try:
        home = Path(path).expanduser()
    except RuntimeError:
        why = "there is no such user"
        raise ConsoleError(
            ErrorKind.NOT_FOUND, f"The file {clean(path)} cannot be read", why, "Check the path"
        ) from None
    return read_file(home)


def _certificate_json(one: HubCertificate) -> Json:
    return {
        "name": one.name,
        "subject": one.subject,
        "verified": one.verified,
        "expires": time_text(one.expires),
        "thumbprint": one.thumbprint,
        "sha256": hashlib.sha256(one.der).hexdigest().upper() if one.der else "",
        "unread": clean(one.unread),
    }


def _expiry(one: HubCertificate, now: datetime) -> str:
    if one.expires is None:
        return "not known"
    days = (one.expires - now).days
    return f"{one.expires:%Y-%m-%d} ({'EXPIRED' if one.expires < now else f'{days:,} days'})"


def _usage(what: str, why: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, "See --help", code="usage")

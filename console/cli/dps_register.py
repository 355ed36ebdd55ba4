"""`hubwarden dps register`: a registration run as the device itself, every step shown."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from console.cli.context import Settings
from console.cli.dps_options import service_option
from console.cli.durations import seconds
from console.model.enrollment import Attestation
from console.model.errors import ConsoleError, ErrorKind
from console.model.registration import RegistrationOrder, RegistrationResult, Step, StepState

if TYPE_CHECKING:
    from console.config import Profile
    from console.model.enrollment import ProvisioningInstance
    from console.services.bundle import Services
    from console.services.registration import Registering
    from console.services.registration_advice import Adviser

_MARKS = {StepState.DONE: "✓", StepState.FAILED: "✗", StepState.WAITING: "…"}
_WHAT = "No registration was begun"


@dataclass(frozen=True)
class Place:
    """Where to register, and who runs it; `services` and `instance` only where the profile was needed to find it."""

    registering: Registering
    id_scope: str
    host: str
    services: Services | None = None
    instance: ProvisioningInstance | None = None

    @property
    def adviser(self) -> Adviser | None:
        """Who can look at the service for why a registration was refused."""
        if self.services is None or self.instance is None:
            return None
        return self.services.dps.adviser(self.instance)


@click.command()
@click.option("--registration-id", default="", metavar="ID", help="As the device writes it; not needed with --tpm.")
@click.option("--key-stdin", is_flag=True, help="The device's own key is on standard input; else it is asked for.")
@click.option("--group-key-stdin", is_flag=True, help="The group's key is on standard input; the device's is derived.")
@click.option(
    "--group", default="", metavar="ID", help="Read this group's key at the service (privileged, journalled)."
)
@click.option("--read-key", is_flag=True, help="Read the enrollment's key at the service (privileged, journalled).")
@click.option("--certificate", default="", metavar="FILE", help="PEM: the device's certificate, then its CAs'.")
@click.option("--private-key", default="", metavar="FILE", help="PEM: its key, where it is in another file.")
@click.option("--passphrase-stdin", is_flag=True, help="The key's passphrase is on standard input; else asked for.")
@click.option("--tpm", is_flag=True, help="By this machine's TPM 2.0, /dev/tpmrm0; TPM2TOOLS_TCTI names another.")
@click.option(
    "--token-ttl",
    default=None,
    metavar="SECONDS",
    callback=seconds,
    help="--tpm: let the TPM sign a token for the hub, too, and print it.",
)
@click.option("--keep-in-tpm", is_flag=True, help="--tpm: leave the hub's key in it, at 0x81000100; a former one goes.")
@service_option
@click.option("--id-scope", default="", metavar="SCOPE", help="Of the provisioning service; no profile is needed then.")
@click.option("--host", default="", metavar="HOST", help="The device endpoint, where it is not the usual one.")
@click.option(
    "--ca-file", default="", metavar="FILE", help="Roots to trust instead of the profile's or the public ones."
)
@click.option("--proxy", default="", metavar="URL", help="http://… to go through, instead of the profile's.")
@click.option("--payload", default="", metavar="FILE", help="JSON that a custom allocation gets; - is standard input.")
@click.option("--reason", default="", help="Why a key is read, for the journal.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.registration_run/1; the token is in it.")
@click.pass_obj
def register(settings: Settings, /, as_json: bool, reason: str, **options: Any) -> int:
    """Register as a device would, over HTTPS, and show every step; exit 1 when it gets no hub.

    It proves that an enrollment works, and has the effects of any registration: the device's identity is made in a
    hub, or moved, as the enrollment says. It signs in as the device, so neither --write nor a role is needed; a profile
    marked readonly refuses it all the same.

    \b
    By symmetric key:  --key-stdin, --group-key-stdin, --group ID or --read-key; without any of them it asks.
    By X.509:          --certificate FILE [--private-key FILE]
    By TPM:            --tpm; the keys are opened and used in the TPM and never seen.

    The provisioning service is the one that links the profile's hub, or --service NAME. With --id-scope no profile is
    needed. Where a profile is used, the service is asked why a registration was refused: its own answer seldom tells.
    """
    from console.cli.dps_register_keys import attestation_of, credentials, payload_of
    from console.cli.sas_keys import refuse_keys

    refuse_keys([value for value in options.values() if isinstance(value, str)], instead="--key-stdin")
    how = attestation_of(options)
    payload = payload_of(options)
    place = _place(settings, options)
    order = RegistrationOrder(
        id_scope=place.id_scope,
        registration_id=options["registration_id"],
        attestation=how,
        host=place.host,
        certificate=options["certificate"],
        private_key=options["private_key"],
        payload=payload,
        token_ttl=options["token_ttl"] or 0,
        keep_in_tpm=options["keep_in_tpm"],
    )
    order = credentials(order, options, place, reason)
    told: set[int] = set()
    result = place.registering.run(
        order, (lambda _: None) if as_json else (lambda step: _tell(step, told)), adviser=place.adviser
    )
    notes = _noted(result)
    if as_json:
        from console.cli.dps_register_json import run_json
        from console.cli.output import print_json

        print_json(run_json(order, result, notes))
    else:
        _show(result, how, notes)
    if result.problem is not None and not as_json:
        click.echo(f"hubwarden: {result.problem.sentence()}", err=True)
    return 0 if result.assigned else 1


# --- where ----------------------------------------------------------------------------------------------------------


def _place(settings: Settings, options: dict[str, Any]) -> Place:
    """Return where to register: by the profile's services, or by ID scope and host alone."""
    id_scope, host = options["id_scope"].strip(), options["host"].strip().removeprefix("https://").rstrip("/")
    by_profile = bool(options["service"] or options["group"] or options["read_key"] or not id_scope)
    if not by_profile:
        profile = _profile(settings, needed=settings.profile is not None or not host)
        where = host or profile.dps_endpoint.removeprefix("https://")
        return Place(_registering(profile, options), id_scope, where)
    profile = settings.load_profile()
    _refuse_pinned(profile)
    services = settings.services()
    instance = services.dps.instance(options["service"])
    if id_scope and id_scope.casefold() != instance.id_scope.casefold():
        why = f"{instance.name} has the ID scope {instance.id_scope}, and another one was given"
        raise ConsoleError(ErrorKind.BAD_INPUT, _WHAT, why, "Give one of --service and --id-scope", code="usage")
    own = bool(host or options["ca_file"] or options["proxy"])
    registering = _registering(profile, options, moved=not host) if own else services.registering
    return Place(registering, instance.id_scope, host or instance.device_host, services, instance)


def _profile(settings: Settings, *, needed: bool) -> Profile:
    """Return the profile for trust, proxy and endpoint; without one those of the public cloud."""
    from console.config import Profile

    if not needed:
        return Profile()
    try:
        profile = settings.load_profile()
    except ConsoleError as error:
        if settings.profile is not None or error.kind is not ErrorKind.NOT_CONFIGURED:
            raise
        return Profile()  # nobody has set one up: the public cloud is meant
    _refuse_pinned(profile)
    return profile


def _refuse_pinned(profile: Profile) -> None:
    if profile.readonly:
        why = "the profile is marked readonly, and a registration makes or moves a device's identity in a hub"
        hint = "Use another profile, or none: --id-scope and --host"
        raise ConsoleError(ErrorKind.READ_ONLY, _WHAT, why, hint)


def _registering(profile: Profile, options: dict[str, Any], *, moved: bool = False) -> Registering:
    from console.cli.context import ask_secret
    from console.config_places import wrong_proxy
    from console.gateways.proxying import ProxyLogin
    from console.gateways.registration import RegistrarGateway
    from console.gateways.tpm import Tpm
    from console.services.registration import Registering

    ca_file, proxy = options["ca_file"] or profile.ca_file, options["proxy"] or profile.proxy
    if proxy and (why := wrong_proxy(proxy)):
        hint = "Write it like http://proxy.contoso.com:3128; a login at it comes by proxy_credential of a profile"
        why = f"--proxy: {why.replace('it must be a URL that begins', 'it must begin')}"
        raise ConsoleError(ErrorKind.BAD_INPUT, _WHAT, why, hint, code="usage")
    login = ProxyLogin.of(profile, ask_secret) if proxy == profile.proxy else ProxyLogin()
    endpoint = profile.endpoints.dps if moved else ""
    return Registering(RegistrarGateway(ca_file=ca_file, proxy=proxy, moved=endpoint, login=login), Tpm)


# --- telling --------------------------------------------------------------------------------------------------------


def _tell(step: Step, told: set[int]) -> None:
    """Print a step when it is done; on a terminal also, once, that it is waited for."""
    line = f"{_MARKS[step.state]} {step.number:>2}  {step.title}" + (f": {step.detail}" if step.detail else "")
    if step.state is not StepState.WAITING:
        click.echo(line)
    elif sys.stderr.isatty() and step.number not in told:
        told.add(step.number)
        click.echo(line, err=True)


def _show(result: RegistrationResult, how: Attestation, notes: list[str]) -> None:
    from console.cli.output import print_pairs, time_text

    for note in notes:
        click.echo(f"hubwarden: {note}", err=True)
    one = result.registration
    if not result.connection:
        return
    signs = {
        Attestation.SYMMETRIC_KEY: "the key that it registered with",
        Attestation.X509: "the certificate that it registered with",
        Attestation.TPM: "the key in the TPM",
    }
    click.echo()
    print_pairs(
        [("hub", one.hub), ("device", one.device_id), ("connects by", result.connection), ("and by", signs[how])]
    )
    if result.token is not None:
        print_pairs([("token until", time_text(result.token_expires))])
        click.echo(result.token.reveal())
        if sys.stdout.isatty():
            text = "this terminal keeps the token in its scrollback; --json into a file or a pipe keeps it out"
            click.echo(f"hubwarden: {text}", err=True)


def _noted(result: RegistrationResult) -> list[str]:
    """Write a token for the hub into the ledger of tokens; return why that was not possible."""
    if result.token is None or result.token_expires is None:
        return []
    from console.cli.sas_keys import offline_tokens
    from console.rules.sas import resource_uri

    tokens, trouble = offline_tokens()
    one = result.registration
    more = tokens.remember(result.token, resource_uri(one.hub, one.device_id), result.token_expires)
    return [text for text in (trouble, more) if text]

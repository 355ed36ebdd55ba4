"""`hubwarden sas`: shared access signatures, minted, explained, and those minted here."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from console.cli.context import Settings
from console.cli.durations import seconds
from console.cli.sas_keys import KeyOptions, minted
from console.model.errors import ConsoleError, ErrorKind
from console.model.token import MintedToken, TokenOrder

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def sas() -> None:
    """Shared access signatures: device, module, policy, dps, inspect, ledger.

    A token is made here, from a key; nobody is asked. The key comes from standard input (--key-stdin), by prompt (with
    --hub alone), or is read with the profile's credential (without both), which is noted in the journal first. It is
    never an argument: those stand in the process list and in the shell's history.
    """


def _no_key(_ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        from console.cli.sas_keys import key_as_argument

        raise key_as_argument(f"the option {param.opts[0]}")


def mint_options(command: F) -> F:
    """Add the options of every command that mints; the command gets them as `options`."""

    @functools.wraps(command)
    def wrapper(*args: Any, more: tuple[str, ...], **values: Any) -> Any:
        from console.cli.sas_keys import refuse_keys

        refuse_keys([*(str(value) for value in values.values() if isinstance(value, str)), *more], extra=bool(more))
        names = ("hub", "key_stdin", "ttl", "quiet", "as_json", "reason")
        options = KeyOptions(**{name: values.pop(name) for name in names})
        return command(*args, options=options, **values)

    decorated: Any = wrapper
    for option in (
        click.argument("more", nargs=-1, metavar=""),
        click.option("--key", "-k", expose_value=False, callback=_no_key, hidden=True),
        click.option("--connection-string", "--login", expose_value=False, callback=_no_key, hidden=True),
        click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.sas_token/1; the token is in it."),
        click.option("--reason", default="", help="Why a key is read, for the journal."),
        click.option("--quiet", is_flag=True, help="Print the token alone."),
        click.option(
            "--ttl",
            default="3600",
            metavar="SECONDS",
            callback=seconds,
            help="Lifetime: seconds (an hour by default), or 15m, 8h, 7d.",
        ),
        click.option("--key-stdin", is_flag=True, help="Read the key, or a connection string with it, from stdin."),
        click.option("--hub", default="", metavar="HOST", help="The hub's host name; no profile is needed then."),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


@sas.command("device")
@click.argument("device_id", metavar="ID")
@click.option(
    "--policy", default="", metavar="NAME", help="Sign with a policy's key (DeviceConnect), not the device's."
)
@mint_options
@click.pass_obj
def device(settings: Settings, device_id: str, policy: str, options: KeyOptions) -> None:
    """Mint a token for one device."""
    _show(
        minted(settings, TokenOrder(options.hub, device_id, policy=policy, ttl_seconds=options.ttl), options), options
    )


@sas.command("module")
@click.argument("device_id", metavar="DEVICE")
@click.argument("module_id", metavar="MODULE")
@click.option(
    "--policy", default="", metavar="NAME", help="Sign with a policy's key (DeviceConnect), not the module's."
)
@mint_options
@click.pass_obj
def module(settings: Settings, device_id: str, module_id: str, policy: str, options: KeyOptions) -> None:
    """Mint a token for one module of a device."""
    order = TokenOrder(options.hub, device_id, module_id, policy=policy, ttl_seconds=options.ttl)
    _show(minted(settings, order, options), options)


@sas.command("policy")
@click.argument("name")
@mint_options
@click.pass_obj
def policy_token(settings: Settings, name: str, options: KeyOptions) -> None:
    """Mint a token for the hub, signed by a shared access policy; what it opens are the policy's rights."""
    _show(minted(settings, TokenOrder(options.hub, policy=name, ttl_seconds=options.ttl), options), options)


@sas.command("dps")
@click.argument("registration_id", metavar="[REGISTRATION]", default="")
@click.option("--scope", default="", metavar="ID_SCOPE", help="The ID scope that the device registers in.")
@click.option("--policy", default="", metavar="NAME", help="A policy of the service, such as provisioningserviceowner.")
@click.option(
    "--service", default="", metavar="NAME", help="With --policy: which service's key to read; else the hub's own."
)
@mint_options
@click.pass_obj
def dps(settings: Settings, registration_id: str, scope: str, policy: str, service: str, options: KeyOptions) -> None:
    """Mint a token for the provisioning service.

    For a device that registers: its registration id with --scope, and the key of its individual enrollment or the one
    derived for it from a group's, from standard input or by prompt (no profile has it).

    For the service itself: --policy NAME. Its key is read with the profile's credential at the resource manager, which
    is noted in the journal first: of the service that links the profile's hub, or of --service NAME. Without a profile:
    --hub NAME.azure-devices-provisioning.net, and the key from standard input or by prompt.
    """
    if bool(registration_id) == bool(policy) or bool(registration_id) != bool(scope):
        why = "it takes REGISTRATION and --scope, or --policy and --hub"
        raise ConsoleError(ErrorKind.BAD_INPUT, "No token was made", why, "See --help", code="usage")
    if registration_id and options.hub:
        why = "a registration is signed for the ID scope, not for a host"
        raise ConsoleError(ErrorKind.BAD_INPUT, "No token was made", why, "Leave --hub out", code="usage")
    if service and (registration_id or options.hub or options.key_stdin):
        why = "--service says whose key is read with the profile; here the key is given"
        raise ConsoleError(ErrorKind.BAD_INPUT, "No token was made", why, "Leave --service out", code="usage")
    options = replace(options, service=service)
    order = TokenOrder(scope or options.hub, registration_id=registration_id, policy=policy, ttl_seconds=options.ttl)
    _show(minted(settings, order, options, provisioning=True), options)


def _show(token: MintedToken, options: KeyOptions) -> None:
    if options.as_json:
        from console.cli.sas_json import token_json

        click.echo(token_json(token, options.ttl))
        return
    click.echo(token.token.reveal())
    for text in token.warnings:
        click.echo(f"hubwarden: {text}", err=True)
    if options.quiet:
        return
    from console.cli.output import print_pairs
    from console.rules.sas_explain import local_time
    from console.rules.sas_reading import read
    from console.rules.sas_resource import opens

    parts = read(token.token.reveal()).parts
    click.echo()
    print_pairs(
        [
            ("resource", token.resource),
            ("opens", opens(parts) if parts else ""),
            ("policy", token.policy or "none: the device's own key"),
            ("expires", local_time(token.expires)),
            ("expires, UTC", f"{token.expires:%Y-%m-%d %H:%M:%S}Z"),
        ]
    )
    if sys.stdout.isatty():
        text = "this terminal keeps the token in its scrollback; --quiet into a file or a pipe keeps it out"
        click.echo(f"hubwarden: {text}", err=True)


@sas.command("inspect")
@click.argument("more", nargs=-1, metavar="")
@click.option("--wanted", default="", metavar="RESOURCE", help="A device id or a resource that it is to be good for.")
@click.option("--key-stdin", is_flag=True, help="The last line of stdin is a key, or a connection string with one.")
@click.option("--ask-key", is_flag=True, help="Ask for a key to hold the signature against.")
@click.option("--at-hub", is_flag=True, help="Read the keys at the hub (privileged, journalled) and its clock.")
@click.option("--reason", default="", help="With --at-hub: why, for the journal.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.sas_inspection/1.")
@click.pass_obj
def inspect(settings: Settings, /, more: tuple[str, ...], **options: Any) -> int:
    """Explain a token, an Authorization header, an MQTT password or a connection string; exit 1 when it will not do.

    It is read from standard input or asked for, never an argument. Said are resource, policy, expiry in local time and
    UTC, time left, and everything that is wrong with it; of several things the first of these decides: malformed, wrong
    key, wrong resource, expired, refused. Neither signature nor key is shown.
    """
    from console.cli.sas_inspect import run

    return run(settings, more, **options)


@sas.command("ledger")
@click.argument("more", nargs=-1, metavar="")
@click.option("--valid", is_flag=True, help="Only those that have not expired.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.sas_ledger/1.")
def ledger(more: tuple[str, ...], valid: bool, as_json: bool) -> None:
    """List the tokens minted here: what for, until when, by whom; newest first. The tokens themselves are not kept."""
    from console.cli.sas_inspect import show_ledger
    from console.cli.sas_keys import refuse_keys

    refuse_keys(more, extra=bool(more))
    show_ledger(valid, as_json)

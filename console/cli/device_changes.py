"""`hubwarden devices enable|disable|rotate-keys|set-thumbprint|create|delete`: plans, made with `--yes`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.output import print_json
from console.model.device_order import Act, DeviceOrder, KeyChoice, NewAuth, NewDevice, Stage
from console.model.errors import ConsoleError, ErrorKind

if TYPE_CHECKING:
    from console.services.bundle import Services

F = TypeVar("F", bound=Callable[..., Any])


def _chosen(command: F) -> F:
    """Add what every command over devices takes: ids, `-`, `--filter`, `--resume`; handed on as `chosen`."""

    @functools.wraps(command)
    def wrapper(*args: Any, ids: tuple[str, ...], filter_text: str, resume: str, **more: Any) -> Any:
        return command(*args, chosen=(ids, filter_text, resume), **more)

    decorated: Any = wrapper
    for option in (
        click.option("--resume", default="", metavar="BATCH-ID", help="Go on with a bulk command: leave out the done."),
        click.option("--filter", "filter_text", default="", help="All devices that fit, as in devices list."),
        click.argument("ids", nargs=-1, metavar="[ID ...]"),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


Chosen = tuple[tuple[str, ...], str, str]


@click.command("enable")
@click.option("--clear-reason", is_flag=True, help="Take the old reason out of the identity.")
@_chosen
@change_options
@click.pass_obj
def enable(settings: Settings, chosen: Chosen, options: ChangeOptions, clear_reason: bool) -> int:
    """Let devices connect again. "-" reads ids from standard input; --reason is written into the identity."""
    if clear_reason and options.reason:
        raise _usage("--clear-reason and --reason exclude each other")
    reason = "" if clear_reason else options.reason or None
    return _run(settings, DeviceOrder(Act.ENABLE, reason), chosen, options)


@click.command("disable")
@_chosen
@change_options
@click.pass_obj
def disable(settings: Settings, chosen: Chosen, options: ChangeOptions) -> int:
    """Refuse devices; keys, twins and modules are kept. --reason is written into the identity (128 characters)."""
    return _run(settings, DeviceOrder(Act.DISABLE, options.reason or None), chosen, options)


@click.command("rotate-keys")
@click.option("--key", type=click.Choice([choice.value for choice in KeyChoice]), required=True, help="Which of them.")
@_chosen
@change_options
@click.pass_obj
def rotate_keys(settings: Settings, chosen: Chosen, options: ChangeOptions, key: str) -> int:
    """Replace symmetric keys by new random ones, or exchange the two. No key is printed."""
    order = DeviceOrder(Act.ROTATE_KEYS, options.reason or None, keys=KeyChoice(key))
    return _run(settings, order, chosen, options)


@click.command("set-thumbprint")
@click.option("--thumbprint", default="", metavar="HEX", help="The new certificate's, 64 digits (SHA-256) or 40.")
@click.option(
    "--stage",
    type=click.Choice([stage.value for stage in Stage]),
    help="secondary (with --thumbprint), promote, retire; primary replaces at once. Default: the next one.",
)
@_chosen
@change_options
@click.pass_obj
def set_thumbprint(
    settings: Settings, chosen: Chosen, options: ChangeOptions, thumbprint: str, stage: str | None
) -> int:
    """Replace a certificate by its thumbprint in three stages in which the device is never cut.

    First the new thumbprint goes into the second slot; when the device has moved over it is promoted to be the primary
    one; then the old one is retired.
    """
    services = settings.services()
    step = Stage(stage) if stage else _next_stage(services, chosen, thumbprint)
    if thumbprint and step in {Stage.PROMOTE, Stage.RETIRE}:
        raise _usage(f"--stage {step} takes no --thumbprint: it works with those that are registered")
    order = DeviceOrder(Act.THUMBPRINT, options.reason or None, stage=step, thumbprint=thumbprint)
    return _run(settings, order, chosen, options, services)


@click.command("delete")
@_chosen
@change_options
@click.pass_obj
def delete(settings: Settings, chosen: Chosen, options: ChangeOptions) -> int:
    """Delete devices with their keys, twins and modules, each confirmed to be there first."""
    return _run(settings, DeviceOrder(Act.DELETE, options.reason or None), chosen, options)


@click.command("create")
@click.argument("device_id", metavar="ID")
@click.option("--auth", type=click.Choice([auth.value for auth in NewAuth]), default="sas", show_default=True)
@click.option("--thumbprint", default="", metavar="HEX", help="For x509-thumbprint: the certificate's.")
@click.option("--secondary-thumbprint", default="", metavar="HEX", help="For x509-thumbprint: of a spare certificate.")
@click.option("--edge", is_flag=True, help="An IoT Edge device.")
@change_options
@click.pass_obj
def create(
    settings: Settings,
    device_id: str,
    auth: str,
    thumbprint: str,
    secondary_thumbprint: str,
    edge: bool,
    options: ChangeOptions,
) -> int:
    """Create a device. Keys are random and are not printed."""
    services = settings.services()
    new = NewDevice(device_id, NewAuth(auth), thumbprint, secondary_thumbprint, edge, options.reason)
    return carry_out(services, [services.changes.devices.create(new)], options)


def _run(
    settings: Settings,
    order: DeviceOrder,
    chosen: Chosen,
    options: ChangeOptions,
    services: Services | None = None,
) -> int:
    """Plan an order for what was chosen, and carry it out when that was asked for."""
    from console.cli.device_bulk import bulk, selected

    services = services or settings.services()
    given, filter_text, resume = chosen
    services.changes.devices.checked(order)  # before anything is read
    ids, rows = selected(services, given, filter_text)
    if len(ids) != 1 or resume:
        return bulk(services, order, ids, rows, resume, options)
    try:
        change = services.changes.devices.plan(order, ids[0])
    except ConsoleError as error:
        if error.code != "nothing":
            raise
        if options.as_json:
            warning = {"code": "nothing", "message": error.sentence(), "hint": ""}
            none: dict[str, Any] = {"changes": [], "risks": [], "applied": False, "warnings": [warning]}
            print_json({"schema": "hubwarden.plan/1", **none})
        else:
            click.echo(error.sentence())
        return 0
    return carry_out(services, [change], options)


def _next_stage(services: Services, chosen: Chosen, thumbprint: str) -> Stage:
    """Return the stage that was meant: a new thumbprint begins, without one the rollover of one device goes on."""
    ids, filter_text, _ = chosen
    if thumbprint:
        return Stage.SECONDARY
    if len(ids) != 1 or ids == ("-",) or filter_text:
        raise _usage("For several devices, say which --stage")
    rollover = services.changes.devices.rollover(ids[0])
    if rollover.next is Stage.SECONDARY:
        raise _usage(f"{ids[0]} has {rollover.state}: give the new certificate's --thumbprint")
    click.echo(f"{ids[0]}: {rollover.state}. Next: {rollover.next}", err=True)
    return rollover.next


def _usage(what: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, code="usage")

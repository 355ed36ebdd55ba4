"""`hubwarden dps derive-key|keys`: keys of enrollments, into a file or a pipe; each reading is journalled."""

from __future__ import annotations

from datetime import datetime

import click

from console.cli.context import Settings
from console.cli.dps_options import (
    group_option,
    kind_of,
    opened,
    refuse_terminal,
    service_option,
    show_option,
    words_from_stdin,
)
from console.cli.output import envelope, print_json
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.rules.enrollment_input import check_registration_id


@click.command("derive-key")
@click.argument("registration_id")
@click.option("--group", default="", metavar="ID", help="The group; its primary key is read (privileged, journalled).")
@click.option("--group-key-stdin", is_flag=True, help="The group's key is on standard input: nothing is asked for.")
@click.option("--reason", default="", help="Why the key is read, for the journal.")
@service_option
@show_option
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.enrollment_keys/1.")
@click.pass_obj
def derive_key(
    settings: Settings,
    registration_id: str,
    group: str,
    group_key_stdin: bool,
    reason: str,
    service: str,
    show: bool,
    as_json: bool,
) -> None:
    """Print the key of one device of a symmetric-key group; with --group-key-stdin without any profile.

    The id counts as written: the device must register with the very same letters.
    """
    check_registration_id(registration_id)
    if bool(group) == group_key_stdin:
        what, why = "No key was derived", "the group's key is needed, from one place"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give --group ID or --group-key-stdin", code="usage")
    refuse_terminal(show)
    if group_key_stdin:
        from console.model.clock import system_clock
        from console.rules.group_keys import derive

        group_key = Secret(words_from_stdin("group's key", "No key was derived", 1)[0])
        key, now = derive(group_key, registration_id), system_clock()
    else:
        services, instance = opened(settings, service)
        key, now = services.dps.derive_key(instance, group, registration_id, reason), services.clock()
    if registration_id != registration_id.casefold():
        click.echo("the device must register with these very letters: another case makes another key", err=True)
    _print(now, [(registration_id, "derived", key)], as_json)


@click.command()
@click.argument("enrollment_id", metavar="ID")
@group_option
@click.option("--reason", default="", help="Why the keys are read, for the journal.")
@service_option
@show_option
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.enrollment_keys/1.")
@click.pass_obj
def keys(
    settings: Settings, enrollment_id: str, is_group: bool, reason: str, service: str, show: bool, as_json: bool
) -> None:
    """Print the primary and the secondary key of an enrollment by symmetric key, one in a line.

    Whoever has a key of a group can register as any device of it: --group prints the whole group's.
    """
    refuse_terminal(show)
    services, instance = opened(settings, service)
    primary, secondary = services.dps.reveal_keys(instance, kind_of(is_group), enrollment_id, reason)
    _print(services.clock(), [(enrollment_id, "primary", primary), (enrollment_id, "secondary", secondary)], as_json)


def _print(now: datetime, found: list[tuple[str, str, Secret]], as_json: bool) -> None:
    if as_json:
        items = [{"id": name, "slot": slot, "key": key.reveal()} for name, slot, key in found]
        print_json(envelope("enrollment_keys", now, items))
        return
    for _, _, key in found:
        click.echo(key.reveal())

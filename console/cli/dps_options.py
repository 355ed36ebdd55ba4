"""What the commands of `hubwarden dps` share: which service, which kind of enrollment, keys on standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli.context import Settings
from console.model.enrollment import EnrollmentKind, ProvisioningInstance
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

if TYPE_CHECKING:
    from console.services.bundle import Services

MOST_INPUT = 1024 * 1024

service_option = click.option(
    "--service", default="", metavar="NAME", help="The provisioning service; without it the one that links the hub."
)
group_option = click.option("--group", "is_group", is_flag=True, help="ID names an enrollment group.")
show_option = click.option("--show", is_flag=True, help="Print it even where standard output is a terminal.")


def opened(settings: Settings, service: str) -> tuple[Services, ProvisioningInstance]:
    """Return the services and the provisioning service that was chosen. Raises ConsoleError."""
    services = settings.services()
    return services, services.dps.instance(service)


def kind_of(is_group: bool) -> EnrollmentKind:
    """Return the kind that `--group` names."""
    return EnrollmentKind.GROUP if is_group else EnrollmentKind.INDIVIDUAL


def words_from_stdin(noun: str, what: str, most: int) -> list[str]:
    """Return the words on standard input, at least one and at most so many.

    Raises ConsoleError BAD_INPUT (code "usage"); what was read is never repeated.
    """
    data = sys.stdin.buffer.read(MOST_INPUT + 1)
    try:
        words = data.decode("utf-8-sig").split()
    except UnicodeDecodeError:
        words = []
    if not 1 <= len(words) <= most:
        number = "one word" if most == 1 else f"one to {most} words"
        why = f"standard input must hold the {noun}: {number}, and it holds {len(words) or 'none'}"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Pipe it in", code="usage")
    return words


def file_content(path: str) -> bytes:
    """Return what is in a file. Raises ConsoleError BAD_INPUT (code "usage")."""
    what = f"The file {clean(path, limit=120)} cannot be read"
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_INPUT + 1)
    except (OSError, ValueError) as error:
        why = clean(getattr(error, "strerror", None) or error).lower()
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Check the path", code="usage") from None
    if len(content) > MOST_INPUT:
        raise ConsoleError(ErrorKind.BAD_INPUT, what, f"it has more than {MOST_INPUT:,} bytes", code="usage")
    return content


def refuse_terminal(show: bool) -> None:
    """Raise ConsoleError (code "usage") when a key would be printed on a terminal and that was not asked for."""
    if sys.stdout.isatty() and not show:
        what, why = "Nothing was read", "standard output is a terminal, which would keep the key in its scrollback"
        hint = "Send it to a file or a pipe, or add --show"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")

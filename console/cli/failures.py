"""Where failures of a command become an exit code and one clean line on standard error."""

from __future__ import annotations

import os
from typing import Any

import click

from console.cli.interrupt import INTERRUPTED
from console.cli.streams import OutputFailed, shortened, silence
from console.model.errors import ConsoleError
from console.model.text import clean

FAILED, USAGE = 1, 2
_LONGEST = 2000


def exit_code(error: BaseException) -> int | None:
    """Tell a failure on standard error and return the exit code; None for what is no failure (an exit)."""
    if isinstance(error, click.ClickException):
        _usage(error)
        return USAGE
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, ConsoleError):
        _tell(error.sentence())
        return USAGE if error.code == "usage" else FAILED
    if isinstance(error, OutputFailed):
        silence()
        _tell(f"The output could not be written: {error.reason}.")
        return FAILED
    if not isinstance(error, Exception):
        return None
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        _tell(f"{_named(error.filename)} cannot be used: {error.strerror.lower()}. Check the path and its rights.")
        return FAILED
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        _tell("An argument or a name is not text in UTF-8. Write it in UTF-8.")
        return USAGE
    if isinstance(error, RecursionError):
        _tell("What was read cannot be understood: it is nested too deep. Is it the right file?")
        return FAILED
    from console.cli.defects import report

    _tell(report(error))
    return FAILED


def one_line(text: str) -> str:
    """Return a message as one line of a length that can be read; the middle of what is too long is left out."""
    text = shortened(clean(text))
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST * 3 // 4]} … {text[-(_LONGEST // 4) :]}"
    return text


def _tell(sentence: str) -> None:
    click.echo(f"hubwarden: {one_line(sentence)}", err=True)


def _named(filename: Any) -> str:
    return os.fsdecode(filename) if isinstance(filename, str | bytes) else f"Descriptor {filename}"


def _usage(error: click.ClickException) -> None:
    """Tell wrong usage as click does, but for what it repeats of the arguments: that is cleaned and shortened."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is not None:
        names = ctx.command.get_help_option_names(ctx)
        hint = f"Try '{ctx.command_path} {max(names, key=len)}' for help.\n" if names else ""
        click.echo(f"{ctx.get_usage()}\n{hint}", err=True)
    said = error.format_message()
    own = isinstance(error, click.MissingParameter)  # nothing of the arguments is in it; choices stand on lines
    click.echo(f"Error: {said if own else one_line(said)}", err=True)


class _Text(click.types.StringParamType):
    """Text, or the name of a file that is there: names need not be UTF-8."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = super().convert(value, param, ctx)
        if isinstance(text, str) and any("\ud800" <= char <= "\udfff" for char in text) and not os.path.lexists(text):
            self.fail(f"“{clean(text)}” is not text in UTF-8.", param, ctx)
        return text


_TEXT = _Text()


def requires_text(command: click.Command, *, whole: bool = True) -> click.Command:
    """Make a command, and with `whole` those below it, refuse arguments that are no text; return it."""
    for parameter in command.params:
        if type(parameter.type) is click.types.StringParamType:
            parameter.type = _TEXT
    if whole and isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                requires_text(found)
    return command

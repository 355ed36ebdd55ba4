"""Passphrases on the command line: by prompt, from standard input, or said to be none."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from console.cli.context import ask_secret
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_TRIES = 3
_LONGEST_LINE = 8192  # a passphrase is far shorter; what never ends is not read to its end


@dataclass
class Passphrases:
    """Where passphrases come from; from standard input the CA's is the first line, the new key's the second."""

    none: bool = False
    new_from_stdin: bool = False
    ca_from_stdin: bool = False
    _ca: list[Secret] = field(default_factory=list)

    @property
    def from_stdin(self) -> bool:
        """Whether standard input is taken."""
        return self.new_from_stdin or self.ca_from_stdin

    def new(self, key: str) -> Secret | None:
        """Return the passphrase for a new key, None when it is to have none.

        Raises ConsoleError (code "usage") when there is no terminal to ask on, or the two that were typed differ.
        """
        from console.rules.certificate_keys import check_passphrase

        if self.none:
            return None
        if self.new_from_stdin:
            if self.ca_from_stdin:
                self.of_ca()  # the first line
            return _line("the new key's passphrase")
        _need_terminal(f"a passphrase for {key} is needed", "--passphrase-stdin or --no-passphrase")
        typed = Secret(ask_secret(f"New passphrase for {key}"))
        check_passphrase(typed)  # before it is typed again
        if Secret(ask_secret("The same again")) != typed:
            what = "Nothing was made"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "the two passphrases differ", "Try again", code="usage")
        return typed

    def of_ca(self) -> Secret:
        """Return the passphrase of the CA's key."""
        if not self._ca:
            if self.ca_from_stdin:
                self._ca.append(_line("the CA's passphrase"))
            else:
                _need_terminal("the CA's key asks for its passphrase", "--ca-passphrase-stdin")
                return Secret(ask_secret("Passphrase of the CA's key"))
        return self._ca[0]


def passphrase_options(*, signs: bool = False, makes_key: bool = True) -> Callable[[F], F]:
    """Add the options of a command that makes a key, signs with a CA's key, or both; handed on as `passphrases`."""

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapper(
            *args: Any,
            no_passphrase: bool = False,
            passphrase_stdin: bool = False,
            ca_passphrase_stdin: bool = False,
            **more: Any,
        ) -> Any:
            if no_passphrase and passphrase_stdin:
                raise click.UsageError("--no-passphrase and --passphrase-stdin exclude each other")
            passphrases = Passphrases(no_passphrase, passphrase_stdin, ca_passphrase_stdin)
            return command(*args, passphrases=passphrases, **more)

        decorated: Any = wrapper
        if signs:
            help_text = "Read the CA key's passphrase from standard input"
            help_text += ": its first line, a new key's is the second." if makes_key else "."
            decorated = click.option("--ca-passphrase-stdin", is_flag=True, help=help_text)(decorated)
        if makes_key:
            text = "Read the new key's passphrase from standard input; else it is asked for."
            decorated = click.option("--passphrase-stdin", is_flag=True, help=text)(decorated)
            text = "Do not encrypt the new key: its file's rights are all that protects it."
            decorated = click.option("--no-passphrase", is_flag=True, help=text)(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def with_passphrase(passphrases: Passphrases, locked: bool, work: Callable[[Secret | None], T]) -> T:
    """Do something that needs a CA's key; a passphrase that was typed wrong is asked for again, three times in all."""
    if not locked:
        return work(None)
    for left in reversed(range(_TRIES)):
        try:
            return work(passphrases.of_ca())
        except ConsoleError as error:
            if error.code != "passphrase" or passphrases.ca_from_stdin or not left:
                raise
            click.echo(error.sentence(), err=True)
    raise AssertionError("it returned or raised before")


def _need_terminal(why: str, options: str) -> None:
    if not sys.stdin.isatty():
        what = "Nothing was made"
        hint = f"Use {options}"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, f"{why}, and there is no terminal to ask on", hint, code="usage")


def _line(what: str) -> Secret:
    try:
        text = sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    except UnicodeDecodeError:
        why, hint = f"{what} on standard input is no {sys.stdin.encoding} text", "Give it as one line"
        raise ConsoleError(ErrorKind.BAD_INPUT, "Nothing was made", why, hint, code="usage") from None
    if not text:
        why = f"{what} is missing on standard input"
        raise ConsoleError(ErrorKind.BAD_INPUT, "Nothing was made", why, "Give it as one line", code="usage")
    return Secret(text)

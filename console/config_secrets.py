"""Fetching a secret from where a profile says it is kept; it is never in the profile itself."""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from console.config_state import home_path
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.shell import command_line

Prompt = Callable[[str], str]
PROXY_QUESTION = "Password at the proxy"
SEAL_QUESTION = "Passphrase of the kept keys"


def read_secret(source: str, *, prompt: Prompt | None = None, question: str = "Secret: ") -> Secret:
    """Return the secret behind `env:NAME`, `file:PATH`, `keyring:NAME` or `prompt`.

    `prompt` asks a person the question without echo; None means nobody can be asked. A secret file that others may read
    is refused. Raises ConsoleError NOT_CONFIGURED where there is no secret, BAD_INPUT for a file open to others.
    """
    scheme, _, name = source.partition(":")
    if scheme == "env":
        value = os.environ.get(name, "")
        if not value:
            raise _missing(source, f"the environment variable {name} is not set", "Export it, then start again")
        return Secret(value)
    if scheme == "file":
        file = private_file(home_path(name))
        try:
            return Secret(file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise _missing(source, f"the file cannot be read ({type(error).__name__})", "Check the file") from None
    if scheme == "keyring":
        return _keyring(source, name)
    if source == "prompt":
        if prompt is None:
            raise _missing(source, "nobody can be asked here", "Use env:NAME or file:PATH for runs without a terminal")
        return Secret(prompt(question))
    raise _missing(
        source, "it does not say where the secret is kept", "Use env:NAME, file:PATH, keyring:NAME or prompt"
    )


def private_file(file: Path) -> Path:
    """Return the path of a file that only its owner may read.

    Raises ConsoleError NOT_CONFIGURED when it does not exist, BAD_INPUT when group or others have any right to it.
    """
    try:
        status = file.stat()
    except OSError as error:
        raise _missing(
            f"file:{file}", f"the file cannot be read ({error.__class__.__name__})", "Check the path"
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise _missing(f"file:{file}", "it is not a file", "Check the path")
    mode = stat.S_IMODE(status.st_mode)
    if os.name == "posix" and mode & 0o077:
        raise ConsoleError(
            ErrorKind.BAD_INPUT,
            f"The secret in {file} is not used",
            f"others may read or change the file (mode {mode:04o})",
            f"Run: {command_line('chmod', '600', operands=[str(file)])}",
        )
    return file


def _keyring(source: str, name: str) -> Secret:
    try:
        module = importlib.import_module("keyring")
    except ImportError:
        raise _missing(
            source, "the package keyring is not installed", "Install it, or use env:NAME or file:PATH"
        ) from None
    try:
        value = module.get_password("hubwarden", name)
    except Exception as error:  # each keyring back end fails in its own manner
        why = f"the keyring does not answer ({type(error).__name__})"
        raise _missing(source, why, "Unlock it, or use env:NAME or file:PATH") from None
    if not value:
        raise _missing(
            source,
            "the keyring has no such entry",
            f"Add it: {command_line('keyring', 'set', 'hubwarden', operands=[name])}",
        )
    return Secret(str(value))


def _missing(source: str, why: str, hint: str) -> ConsoleError:
    return ConsoleError(ErrorKind.NOT_CONFIGURED, f"The secret could not be read from {source}", why, hint)

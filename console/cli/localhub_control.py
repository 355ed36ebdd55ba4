"""Talking to a running local hub: its ready file, and calls of its control service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

READY_VARIABLE = "HUBWARDEN_READY_FILE"

ready_option = click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=READY_VARIABLE,
    required=True,
    help=f"The ready file of the running hub (or {READY_VARIABLE}).",
)


def call(ready_file: Path, method: str, path: str, body: Any = None) -> Any:
    """Return what the control service of a running hub answers, {} for nothing.

    Raises ConsoleError: not a ready file, no answer, or a refusal (code "usage", as the arguments caused it).
    """
    import ssl
    import urllib.error
    import urllib.request

    try:
        ready = json.loads(ready_file.read_text(encoding="utf-8"))
        context = ssl.create_default_context(cafile=ready["ca_file"])
        request = urllib.request.Request(  # noqa: S310 - an https address of our own
            ready["faults_endpoint"] + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {ready['faults_token']}", "Content-Type": "application/json"},
        )
    except RecursionError:
        raise usage(f"{clean(ready_file)} is not the ready file of a running hub", "it is nested too deep") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise usage(f"{clean(ready_file)} is not the ready file of a running hub", clean(error)) from None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=30) as answer:
            raw = answer.read()
    except urllib.error.HTTPError as error:
        raise _refusal(error.read()) from None
    except OSError as error:
        raise ConsoleError(
            ErrorKind.NETWORK, "The local hub does not answer", clean(error), "Is it still running?"
        ) from None
    return json.loads(raw) if raw else {}


def usage(what: str, why: str, hint: str = "") -> ConsoleError:
    """Return an error of wrong usage."""
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")


def missing_extra(package: str | None) -> ConsoleError:
    """Return the error of a package that the local hub needs and that is not installed."""
    return ConsoleError(
        ErrorKind.NOT_CONFIGURED,
        "The local hub cannot start",
        f"the package {package} is not installed",
        "It needs the extra “demo”: pip install 'hubwarden[demo]'",
    )


def _refusal(raw: bytes) -> ConsoleError:
    try:
        error = json.loads(raw)["error"]
        message, problems = clean(error["message"]), error.get("problems")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, problems = clean(raw[:200].decode("utf-8", "replace")), None
    if isinstance(problems, list) and problems:  # of a file: the command was right
        return ConsoleError(ErrorKind.BAD_INPUT, message.rstrip("."), "; ".join(clean(one) for one in problems))
    return usage("The local hub refused", message)

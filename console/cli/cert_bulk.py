"""Bulk issuing on the command line: progress, ctrl+c, and how it ended."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from console.cli.output import envelope, print_json, print_pairs
from console.model.bulk_issue import BulkIssued, BulkProgress
from console.model.certificate import LeafOrder
from console.model.clock import system_clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.services.ports import Cancel

if TYPE_CHECKING:
    from console.cli.cert_passphrases import Passphrases
    from console.services.issue_one import Renewal
    from console.services.pki import Pki

_SHOWN = 20
_MOST_NAMES = 16 * 1024 * 1024  # bytes, as of a file
_EVERY_SECONDS = 10.0
FAILED, INTERRUPTED = 1, 130


def one_order(template: LeafOrder, name: str) -> LeafOrder:
    """Return the order of one name: with a slash it is a module's."""
    from console.rules.certificate_names import kind_for

    return replace(template, kind=kind_for(template.kind, name), name=name)


def renewal_from(renew: bool) -> Renewal | None:
    """Return how to renew, None when that is not asked for; the kind of key stays unless one is given."""
    from click.core import ParameterSource

    from console.services.issue_one import Renewal

    given = click.get_current_context().get_parameter_source("key_type")
    return Renewal(key_type_kept=given in {None, ParameterSource.DEFAULT}) if renew else None


def names_from(source: Path, passphrases: Passphrases) -> Sequence[str]:
    """Return the names of a file, one a line; `-` is standard input."""
    from console.services.private_files import read_file

    if str(source) == "-":
        if passphrases.from_stdin:
            raise one_stdin("the names")
        data = sys.stdin.buffer.read(_MOST_NAMES + 1)
        if len(data) > _MOST_NAMES:
            what, why = "The names cannot be read", f"they are more than {_MOST_NAMES // 1024 // 1024} MiB"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give them in parts", code="usage")
    else:
        data = read_file(source)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        what, why = f"The names in {source} cannot be read", "it is no UTF-8 text"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give one device id a line", code="usage") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def one_stdin(what: str) -> ConsoleError:
    """Return the refusal to read two things from standard input."""
    why = f"{what} and a passphrase cannot both come from standard input"
    return ConsoleError(ErrorKind.BAD_INPUT, "Nothing was issued", why, "Use a file for one of them", code="usage")


def run_bulk(
    pki: Pki,
    names: Sequence[str],
    template: LeafOrder,
    ca: str,
    out: Path,
    ca_passphrase: Secret | None,
    passphrase: Secret | None,
    as_json: bool,
    renewal: Renewal | None = None,
) -> int:
    """Issue for many names; return the exit code: 0 all there, 1 some refused, 130 interrupted."""
    if passphrase is not None:
        text = "With a passphrase each key takes a tenth of a second or more, by design; all cores are used."
        click.echo(text, err=True)
    cancel = Cancel()
    progress = _Progress()
    with _interruptible(cancel):
        done = pki.issue_many(
            names, template, ca, out, ca_passphrase, passphrase, progress.show, cancel, renewal=renewal
        )
    progress.end()
    if as_json:
        print_json(_json(done))
    else:
        _print(done)
    if cancel.cancelled and done.left:
        click.echo("Stopped. What is done is whole and in the index; the same command goes on.", err=True)
        return INTERRUPTED
    return 0 if done.complete else FAILED


class _Progress:
    """One line that is written over on a terminal; else a line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = 0.0 if self._terminal else time.monotonic()
        self._wrote = False

    def show(self, progress: BulkProgress) -> None:
        now = time.monotonic()
        if now - self._last < (0.2 if self._terminal else _EVERY_SECONDS):
            return
        self._last = now
        text = f"{progress.done:,} of {progress.total:,} certificates, {progress.rate:,.0f}/s"
        if progress.left_seconds is not None:
            text += f", {_duration(progress.left_seconds)} left"
        click.echo(f"\r\x1b[K{text}" if self._terminal else text, err=True, nl=not self._terminal)
        self._wrote = self._terminal

    def end(self) -> None:
        if self._wrote:
            click.echo("\r\x1b[K", err=True, nl=False)


@contextmanager
def _interruptible(cancel: Cancel) -> Iterator[None]:
    """Let the first ctrl+c or SIGTERM stop between batches, and a second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        del number, frame
        if cancel.cancelled:
            raise KeyboardInterrupt
        cancel.cancel()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(done: BulkIssued) -> None:
    total = done.made + done.before + done.left + len(done.failed)
    pairs = [("issued", f"{done.made:,} of {total:,}" + (f", {done.rate:,.0f}/s" if done.made else ""))]
    if done.before:
        pairs.append(("there before", f"{done.before:,}"))
    if done.left:
        pairs.append(("left", f"{done.left:,}"))
    if done.failed:
        pairs.append(("refused", f"{len(done.failed):,}"))
    print_pairs([*pairs, ("folder", str(done.folder))])
    for note in done.notes:
        click.echo(f"note: {clean(note)}", err=True)
    for _, sentence in done.failed[:_SHOWN]:
        click.echo(clean(sentence), err=True)
    if len(done.failed) > _SHOWN:
        click.echo(f"and {len(done.failed) - _SHOWN:,} more; --json has them all", err=True)


def _json(done: BulkIssued) -> dict[str, Any]:
    return envelope(
        "certificates_bulk",
        system_clock(),
        [{"name": clean(name), "message": clean(sentence)} for name, sentence in done.failed],
        made=done.made,
        before=done.before,
        left=done.left,
        complete=done.complete,
        folder=clean(done.folder),
        rate=round(done.rate, 1),
        notes=[clean(note) for note in done.notes],
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"

"""`hubwarden payload`: symmetric payload encryption outside the hub's model, as streams of JSON lines."""

from __future__ import annotations

import functools
import signal
import stat
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from console.cli.durations import seconds
from console.model.errors import ConsoleError, ErrorKind
from console.model.home import home_path
from console.model.payload import METHOD, PayloadAction, PayloadLine, PayloadResult
from console.model.secret import Secret
from console.model.shell import command_line

if TYPE_CHECKING:
    from console.services.payload import Payload

F = TypeVar("F", bound=Callable[..., Any])
FAILED = 1


@dataclass(frozen=True)
class PayloadOptions:
    """What was said: where payloads come from and go to, keys, which member, and what a bad line does."""

    source: str
    out: str
    key_file: str
    field: str
    strict: bool
    replace: bool
    as_json: bool


@click.group()
def payload() -> None:
    """Symmetric payload encryption outside the hub's model: keygen, encrypt, decrypt, rotate (Fernet).

    IoT Hub neither knows of it nor keeps a key of it: devices and whoever reads their telemetry share keys among
    themselves. Lines go in and out one by one, so that captured telemetry can be piped through.
    """


def _refuse_keys(arguments: Iterable[str], *, extra: bool) -> None:
    from console.cli.sas_keys import refuse_keys

    refuse_keys(arguments, extra=extra, instead="--key-file")


def _no_key(_ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        from console.cli.sas_keys import key_as_argument

        raise key_as_argument(f"the option {param.opts[0]}", "--key-file")


def payload_options(command: F) -> F:
    """Add the options of every command that works on lines; the command gets them as `options`."""

    @functools.wraps(command)
    def wrapper(*args: Any, more: tuple[str, ...], **values: Any) -> Any:
        _refuse_keys([*(value for value in values.values() if isinstance(value, str)), *more], extra=bool(more))
        names = ("source", "out", "key_file", "field", "strict", "replace", "as_json")
        options = PayloadOptions(**{name: values.pop(name) for name in names})
        return command(*args, options=options, **values)

    decorated: Any = wrapper
    for option in (
        click.argument("more", nargs=-1, metavar=""),
        click.argument("source", default="-", metavar="[FILE]"),
        click.option("--key", "-k", expose_value=False, callback=_no_key, hidden=True),
        click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.payload_result/1; needs --out."),
        click.option("--replace", is_flag=True, help="--out may replace a file."),
        click.option("--strict", is_flag=True, help="Stop at the first bad line."),
        click.option(
            "--field", default="", metavar="PATH", help="Only this member of each JSON line: body.temperature."
        ),
        click.option("--key-file", default="", metavar="FILE", help="Keys, one a line, the newest first (mode 0600)."),
        click.option("--out", default="", metavar="FILE", help="Into a file (0600), whole or not at all."),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


@payload.command("keygen")
@click.argument("more", nargs=-1, metavar="")
@click.option("--out", default="", metavar="FILE", help="Into a new file (0600).")
@click.option("--show", is_flag=True, help="Print it even where standard output is a terminal.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.payload_key/1.")
def keygen(more: tuple[str, ...], out: str, show: bool, as_json: bool) -> None:
    """Make a key: into a file, a pipe, or on the terminal with --show (which keeps it in its scrollback).

    It is for symmetric payload encryption outside the hub's model: keep it where the keys of your devices are kept.
    """
    _refuse_keys([*more, out], extra=bool(more))
    if not out and sys.stdout.isatty() and not show:
        what, why = "No key was made", "standard output is a terminal, which would keep it in its scrollback"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Add --out FILE, or --show", code="usage")
    if out:
        from console.services.payload_target import usable_target
        from console.services.private_files import write_file

        target = usable_target(Path(out), instead="Choose another name: a key in it may be in use")
        key = _payload().new_key()
        write_file(target, key.reveal().encode("ascii") + b"\n")
    else:
        key = _payload().new_key()
    if as_json:
        from console.cli.output import envelope, print_json
        from console.model.clock import system_clock

        item = {"key": "" if out else key.reveal(), "file": out}
        print_json(envelope("payload_key", system_clock(), [item], method=METHOD))
    elif not out:
        click.echo(key.reveal())
    else:
        click.echo(f"A new key is in {out} (mode 0600)", err=True)


@payload.command("encrypt")
@payload_options
def encrypt(options: PayloadOptions) -> int:
    """Encrypt each line, or one member of each JSON line, with the newest key.

    A member's JSON text is what is encrypted, so that decrypt gives back the same value.
    """
    return _work(PayloadAction.ENCRYPT, options)


def _age(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    age = seconds(ctx, param, value)
    if age is not None and age <= 0:
        raise click.BadParameter("an age of 0 s or less lets nothing through.", param=param)
    return age


@payload.command("decrypt")
@click.option(
    "--ttl",
    callback=_age,
    metavar="SECONDS",
    help="Refuse what is older (seconds, or 15m, 8h, 7d), or over a minute from the future.",
)
@payload_options
def decrypt(options: PayloadOptions, ttl: int | None) -> int:
    """Decrypt each line, or one member of each JSON line; any of the keys may fit.

    What is no UTF-8 text comes out as base64:…, and so does text with line breaks that is not JSON. A bad line is told
    on standard error with its number and its reason (wrong key, truncated, altered, expired, not a token), is left out,
    and makes the exit code 1.
    """
    return _work(PayloadAction.DECRYPT, options, ttl)


@payload.command("rotate")
@payload_options
def rotate(options: PayloadOptions) -> int:
    """Encrypt anew with the newest key what any of the keys opens; when it was made stays in it.

    With --out nothing is written unless every line could be done, so that none is lost.
    """
    return _work(PayloadAction.ROTATE, options)


# --- inside --------------------------------------------------------------------------------------------------------


def _payload() -> Payload:
    from console.model.clock import system_clock
    from console.services.payload import Payload

    return Payload(system_clock)


def _work(action: PayloadAction, options: PayloadOptions, ttl: int | None = None) -> int:
    if options.as_json and not options.out:
        why = "standard output carries the payloads"
        raise ConsoleError(ErrorKind.BAD_INPUT, "--json needs --out", why, "Add --out FILE", code="usage")
    service = _payload()
    keys = _keys(service, options)
    _unwind_on_signals()
    if options.out and options.source != "-":
        result = service.run_file(
            action,
            Path(options.source),
            Path(options.out),
            keys,
            field=options.field,
            ttl=ttl,
            replace=options.replace,
            strict=options.strict,
        )
        return _report(result, options)
    if options.out:
        result = service.run_stream(
            action,
            sys.stdin.buffer,
            Path(options.out),
            keys,
            field=options.field,
            ttl=ttl,
            replace=options.replace,
            strict=options.strict,
        )
        return _report(result, options)
    return _pipe(service, action, keys, options, ttl)


def _unwind_on_signals() -> None:
    """Let the end of a terminal or of a job unwind as ctrl+c does, so that nothing decrypted is left half written."""

    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup's SIG_IGN stays
            signal.signal(number, stop)


def _pipe(
    service: Payload, action: PayloadAction, keys: tuple[Secret, ...], options: PayloadOptions, ttl: int | None
) -> int:
    from console.services.payload import read_lines
    from console.services.private_files import refused

    def piped(file: IO[bytes]) -> int:
        lines = service.run(action, read_lines(file), keys, field=options.field, ttl=ttl)
        return FAILED if _print(lines, options.strict) else 0

    if options.source == "-":
        return piped(sys.stdin.buffer)
    try:
        opened = Path(options.source).open("rb")  # noqa: SIM115 - what fails to open is told apart from what fails later
    except OSError as error:
        raise refused(f"The file {options.source} cannot be read", error) from None
    with opened:
        return piped(opened)


def _print(lines: Iterable[PayloadLine], strict: bool) -> int:
    """Write each line as soon as it is done; return how many failed."""
    from console.present.tokens import fault_text

    out = sys.stdout.buffer
    failed = 0
    live = sys.stdout.isatty()
    for line in lines:
        if line.output is not None:
            out.write((_shown(line.output) if live else line.output) + b"\n")
            out.flush()
            continue
        failed += 1
        click.echo(f"hubwarden: {fault_text(line)}", err=True)
        if strict:
            click.echo("hubwarden: stopped there, as --strict says", err=True)
            break
    out.flush()
    return failed


def _shown(data: bytes) -> bytes:
    """Return a payload for a terminal: a device may have put escape sequences into it."""
    from console.model.text import clean

    return clean(data.decode("utf-8", "backslashreplace")).encode("utf-8", "backslashreplace")


def _report(result: PayloadResult, options: PayloadOptions) -> int:
    if options.as_json:
        from console.cli.output import envelope, print_json
        from console.model.clock import system_clock

        print_json(envelope("payload_result", system_clock(), [result_json(result)], method=METHOD))
        return 0 if result.complete else FAILED
    from console.present.lines import plain
    from console.present.tokens import fault_text, payload_result_lines

    for line in result.faults:
        click.echo(f"hubwarden: {fault_text(line)}", err=True)
    for text in payload_result_lines(result, 100, faults=False):
        click.echo(plain(text).rstrip())
    return 0 if result.complete else FAILED


def result_json(result: PayloadResult) -> dict[str, Any]:
    """Return how a file went as an item of hubwarden.payload_result/1."""
    from console.model.text import clean

    return {
        "action": result.action.value,
        "done": result.done,
        "failed": result.failed,
        "written": result.target is not None,
        "target": clean(result.target) if result.target is not None else "",
        "message": clean(result.stopped),
        "faults": [
            {"line": one.number, "fault": one.fault.value, "message": clean(one.message)}
            for one in result.faults
            if one.fault is not None
        ],
    }


def _keys(service: Payload, options: PayloadOptions) -> tuple[Secret, ...]:
    if not options.key_file:
        from console.cli.context import ask_secret_apart

        return service.read_keys(ask_secret_apart("Key", "Give --key-file FILE").encode("utf-8", "surrogateescape"))
    from console.services.private_files import read_file

    return service.read_keys(read_file(_private(home_path(options.key_file)), limit=1024 * 1024))


def _private(file: Path) -> Path:
    """Return a file or pipe that only its owner may read: `--key-file <(vault read …)` puts no key on a disk."""
    from console.config_secrets import private_file

    try:
        mode = file.stat().st_mode
    except OSError:
        return private_file(file)  # which says what is wrong
    if not stat.S_ISFIFO(mode):
        return private_file(file)
    if mode & 0o077:
        why = f"others may read or write the pipe (mode {stat.S_IMODE(mode):04o})"
        run = command_line("chmod", "600", operands=[str(file)])
        raise ConsoleError(ErrorKind.BAD_INPUT, f"The key in {file} is not used", why, f"Run: {run}")
    return file

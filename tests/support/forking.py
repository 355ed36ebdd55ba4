"""Runs commands with real descriptors in forks of one process that has imported them: a call takes milliseconds.

with Forks({"HUBWARDEN_STATE_DIR": ...}) as forks:
    forks.call(["schema", "plan"], stdout="gone").code
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

ROOT = Path(__file__).parents[2]
SERVER = r"""
import importlib, io, json, os, pkgutil, sys, traceback
import console.cli
from console.cli.main import run
for module in pkgutil.iter_modules(console.cli.__path__, "console.cli."):
    importlib.import_module(module.name)
import azure.identity, azure.iot.hub, azure.mgmt.iothub, azure.monitor.query, console.gateways.remote

def stream(number, mode, **how):
    try:
        raw = io.FileIO(number, mode, closefd=False)
    except OSError:
        return None
    binary = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    return io.TextIOWrapper(binary, encoding="utf-8", **how)

def child(args, stdin, stdout):
    os.setsid()
    os.dup2(os.open("in", os.O_RDONLY), 0)
    for number, name in (1, "out"), (2, "err"):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    if stdin is None:
        os.close(0)
    if stdout == "full":
        os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
    elif stdout == "gone":
        reader, writer = os.pipe()
        os.dup2(writer, 1)
        os.closerange(3, 64)
    elif stdout == "closed":
        os.close(1)
    sys.stdin = sys.__stdin__ = stream(0, "r", errors="surrogateescape")
    sys.stdout = sys.__stdout__ = stream(1, "w")
    sys.stderr = sys.__stderr__ = stream(2, "w", errors="backslashreplace", line_buffering=True)
    os.closerange(3, 64)
    return run([os.fsdecode(bytes.fromhex(arg)) for arg in args])

answers = os.fdopen(os.dup(1), "w")
for line in os.fdopen(os.dup(0), "r"):
    request = json.loads(line)
    pid = os.fork()
    if not pid:
        code = 99
        try:
            code = child(**request)
            sys.stdout.flush()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 98
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps(code), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: bytes
    err: str


class Forks:
    """A server of forks with an environment; its folder is the commands' working folder."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._temporary = TemporaryDirectory(prefix="forks-")
        self.folder = Path(self._temporary.name)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **env}
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stdin.close()
        self._server.wait(60)
        self._server.stdout.close()
        self._temporary.cleanup()

    def call(self, args: Sequence[str], stdin: bytes | None = b"", stdout: str = "file") -> Result:
        """Run a command. `stdout` is file, full (a full disk), gone (a pipe without a reader) or closed."""
        (self.folder / "in").write_bytes(stdin or b"")
        hexed = [os.fsencode(arg).hex() for arg in args]
        request = {"args": hexed, "stdin": None if stdin is None else "file", "stdout": stdout}
        print(json.dumps(request), file=self._server.stdin, flush=True)
        code = json.loads(self._server.stdout.readline())
        out, err = ((self.folder / name).read_bytes() for name in ("out", "err"))
        return Result(code, out, err.decode())


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below one with its path."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))
    else:
        yield path, command


def line_of(command: click.Command, value: str, given: click.Parameter | None = None, other: str = "x") -> list[str]:
    """Return arguments in which `given` (or else every required parameter) is `value`, required others are `other`."""
    options, positional = [], []
    for parameter in command.params:
        if not (parameter.required or parameter is given) or getattr(parameter, "is_flag", False):
            continue
        text = value if given is None or parameter is given else other
        if isinstance(parameter.type, click.Choice) and parameter is not given:
            text = next(iter(parameter.type.choices))
        if isinstance(parameter, click.Option):
            options += [parameter.opts[-1], text]
        else:
            positional.append(text)
    return [*options, "--", *positional] if positional else options

"""Every command, with what nobody should give it, on streams that nobody should open: one sentence, never a defect."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support.depth import trials
from support.forking import Forks, Result, commands, line_of

from console.cli.main import cli
from console.model.text import clean

COMMANDS = {" ".join(path): command for path, command in commands(cli)}
LASTING = {"demo", "localhub serve", "localhub reset", "localhub faults add"}
CALLED = sorted(set(COMMANDS) - LASTING)
UNCLEAN = "a\x9b31m\u202eb\u3164\x07\nc"
VALUES = {
    "unclean": UNCLEAN, "not UTF-8": "x\udcff", "10 kB": "k" * 10_000, "long name": "p" * 300,
    "long path": f"/tmp/{'p' * 300}/x", "empty": "", "dash": "-", "folder": "/tmp", "no folder": "/proc/nowhere/x",
    "no home": "~nobody-of-that-name/x", "marks": "\u0301" * 50, "digits": "9" * 5000, "upwards": "../../..",
    "deep": "deep.json", "deep text": "[" * 90_000, "binary": "binary", "@deep": "@deep.json", "@binary": "@binary",
    "a file:": "file:deep.json", "a folder:": "file:/tmp", "a variable:": "env:NOT_SET",
}  # fmt: skip
INPUTS = {
    "binary": bytes(range(128, 256)) * 3, "deep": b"[" * 200_000, "deep objects": b'{"a":' * 200_000,
    "zeros": bytes(50), "a long line": b"k" * 300_000, "closed": None, "unclean": UNCLEAN.encode(),
}  # fmt: skip
PROFILE = """
[profiles.closed]
hub_name = "closed"
hub_host = "localhost:1"
arm_id = "/subscriptions/0/resourceGroups/g/providers/Microsoft.Devices/IotHubs/closed"
tenant_id = "t"
[profiles.closed.endpoints]
arm = "https://localhost:1"
authority = "https://localhost:1"
logs = "https://localhost:1"
[profiles.closed.credential]
kind = "client-secret"
client_id = "c"
secret_from = "env:NOT_SET"
"""


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "hubwarden").mkdir()
    (folder / "hubwarden" / "profiles.toml").write_text(PROFILE)
    env = {
        "HUBWARDEN_STATE_DIR": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder),
        "HUBWARDEN_READY_FILE": str(folder / "none.json"),
    }
    with Forks(env) as running:
        (running.folder / "deep.json").write_bytes(b"[" * 200_000 + b"]" * 200_000)
        (running.folder / "binary").write_bytes(bytes(range(256)))
        yield running


def judge(result: Result, said: str) -> None:
    told = f"{said}: {result.code} {result.err[-600:]}"
    assert result.code in (0, 1, 2), told
    for word in ("omething broke", "Traceback", "Exception ignored", "Warning:"):
        assert word not in result.err, told
        assert word.encode() not in result.out, told
    notes = re.sub(r"\r\x1b\[K", "", result.err)
    assert clean(notes, multiline=True) == notes, told
    assert max(map(len, notes.split("\n"))) < 2600, told
    if result.code == 2 and "Usage:" not in notes:
        assert notes.count("\n") == 1, told


def with_profile(name: str, *rest: str) -> list[str]:
    return ["--profile", "closed", *name.split(), *rest]


def check_values(forks: Forks, name: str, values: dict[str, str]) -> None:
    for what, value in values.items():
        judge(forks.call(with_profile(name, *line_of(COMMANDS[name], value))), f"{name} with {what}")


def check_streams(forks: Forks, name: str, kinds: tuple[str, ...]) -> None:
    line = with_profile(name, *line_of(COMMANDS[name], "x"))
    usual = forks.call(line)
    judge(usual, name)
    for kind in kinds if usual.out and usual.code == 0 else ():
        result = forks.call(line, stdout=kind)
        judge(result, f"{name} on {kind}")
        assert result.code == (0 if kind == "gone" else 1), f"{name} on {kind}: {result}"
        assert kind == "gone" or "The output could not be written" in result.err, f"{name} on {kind}: {result}"


def test_every_command_with_unclean_and_endless_arguments(forks: Forks) -> None:
    for number, name in enumerate(CALLED):
        chosen = list(VALUES)[:3][number % 3 :: 3]
        check_values(forks, name, {what: VALUES[what] for what in chosen})


@pytest.mark.parametrize("kind", ["gone", "full", "closed"])
@pytest.mark.parametrize("line", ["schema plan", "--help", "journal list", "profile list", "sas ledger --json"])
def test_what_prints_ends_quietly_or_says_that_it_could_not(forks: Forks, line: str, kind: str) -> None:
    assert forks.call(line.split()).code == 0
    result = forks.call(line.split(), stdout=kind)
    judge(result, f"{line} on {kind}")
    assert result.code == (0 if kind == "gone" else 1)
    assert result.err.startswith("hubwarden: The output could not be written: ") or kind == "gone"
    assert bool(result.err) == (kind != "gone")


def test_what_is_repeated_of_the_arguments_is_clean_and_short(forks: Forks) -> None:
    for args in (
        [UNCLEAN], ["devices", f"--{UNCLEAN}"], ["journal", "list", "--limit", UNCLEAN], ["schema", UNCLEAN],
        ["--theme", UNCLEAN], ["--my-ip", UNCLEAN, "devices", "list"],
        ["schema", "k" * 10_000], ["--my-ip", "k" * 10_000, "devices", "list"], ["schema", "plan", UNCLEAN],
    ):  # fmt: skip
        result = forks.call(["--profile", "closed", *args])
        judge(result, repr(args)[:80])
        assert result.code == 2
        assert "\\x9b31m" in result.err or "k…k" in result.err


def test_an_argument_that_is_no_text_is_wrong_usage_and_a_file_may_have_any_name(forks: Forks) -> None:
    result = forks.call(["--profile", "closed", "devices", "show", "x\udcff"])
    assert (result.code, "is not text in UTF-8" in result.err) == (2, True)
    Path(os.fsdecode(os.fsencode(forks.folder) + b"/caf\xe9")).write_bytes(b"no certificate")
    result = forks.call(["cert", "inspect", "caf\udce9"])
    judge(result, "cert inspect")
    assert "is not text in UTF-8" not in result.err


def test_standard_input_that_is_no_text_is_a_sentence(forks: Forks) -> None:
    for args in (
        ["cert", "ca", "--name", "x", "--out", "new", "--passphrase-stdin"],
        ["cert", "inspect", "binary", "--passphrase-stdin"],
        with_profile("devices disable", "-"),
        ["sas", "inspect"],
        ["payload", "decrypt", "--key-file", "binary", "-"],
    ):
        for what, data in INPUTS.items():
            result = forks.call(args, stdin=data)
            judge(result, f"{args} with {what}")
            assert what != "binary" or result.code == (1 if "payload" in args else 2), result


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLED)
def test_every_parameter_with_every_value(forks: Forks, name: str) -> None:
    command = COMMANDS[name]
    for parameter in command.params[: trials(test=1, deep=4, full=99)]:
        for what, value in VALUES.items():
            if getattr(parameter, "is_flag", False):
                continue
            line = with_profile(name, *line_of(command, value, parameter))
            judge(forks.call(line), f"{name} {parameter.opts[0]} {what}")
    for what, data in INPUTS.items():
        judge(forks.call(with_profile(name, *line_of(command, "-")), stdin=data), f"{name} - with {what}")
    check_streams(forks, name, ("gone", "full", "closed"))


def test_the_walk_reaches_every_command() -> None:
    assert len(CALLED) > 80
    assert all(isinstance(command, click.Command) for command in COMMANDS.values())

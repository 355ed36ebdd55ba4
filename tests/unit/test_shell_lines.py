"""Command lines for people to copy, against a real shell: it gives back the very arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.depth import trials

from console.model.shell import command_line, shell_word

SHELLS = [one for one in ("/bin/sh", "/bin/bash", "/bin/zsh", "/bin/busybox") if Path(one).exists()]
ID_CHARACTERS = "abzAZ09-:.+%_#*?!(),=@$';"  # what the registry takes in an id, and a semicolon
NASTY = [
    "",
    "press-7",
    "-x",
    "--yes",
    "a b",
    "$(touch owned)",
    "`id`",
    "it's",
    ";rm -rf x",
    "a\nb\n\n",
    "\x1b[31m",
    "‮abc",
    "~",
    "=ls",
    "{a,b}",
    "!!",
    "#",
    "*",
    "\\",
    "%s%n",
    '"',
    "ü",
    "\udcff",
    "a=b",
    "\t",
    "'\x01'",
    "[x]",
]


def given_back(shell: str, line: str) -> list[str]:
    """What a program gets for arguments when a shell runs the line: its words end in NUL."""
    run = [shell, "sh", "-c"] if shell.endswith("busybox") else [shell, "-c"]
    script = f"printf '%s\\0' {line}"
    done = subprocess.run([*run, script], capture_output=True, check=True, cwd="/", timeout=20)
    return [os.fsdecode(one) for one in done.stdout.split(b"\0")[:-1]]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gives_back_what_was_meant(shell: str) -> None:
    assert given_back(shell, command_line("x", *NASTY)) == ["x", *NASTY]


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no POSIX shell here")
@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.text(ID_CHARACTERS), st.text(st.characters(codec="utf-8", exclude_characters="\0")))))
def test_any_arguments_come_back(words: list[str]) -> None:
    assert given_back("/bin/sh", command_line("x", *words)) == ["x", *words]


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_many_arguments_come_back(shell: str) -> None:
    @settings(max_examples=trials(test=10, deep=300, full=5000), deadline=None, database=None)
    @given(st.lists(st.one_of(st.text(ID_CHARACTERS), st.text(st.characters(exclude_characters="\0", codec="utf-8")))))
    def check(words: list[str]) -> None:
        assert given_back(shell, command_line("x", *words)) == ["x", *words]

    check()


@given(st.text())
def test_a_line_can_be_shown_as_it_is(text: str) -> None:
    word = shell_word(text)
    body = word.rstrip("'\n") if text.endswith("\n") else word
    assert body.isprintable() or not text.isprintable()
    if text.isascii() and text.isalnum():
        assert word == text


def test_a_nul_is_spelled_out() -> None:
    assert given_back("/bin/sh", shell_word("a\0b")) == ["a\\x00b"]


@pytest.mark.parametrize("own", ["press-7", "-x", "--yes", "$(id)", "a;b", "--", "-"])
def test_a_value_is_never_taken_for_an_option(own: str) -> None:
    """The command line's own parser takes the line as it was meant."""
    seen: list[tuple[str, bool]] = []

    @click.command()
    @click.option("--yes", is_flag=True)
    @click.argument("name")
    def show(yes: bool, name: str) -> None:
        seen.append((name, yes))

    line = command_line("show", operands=[own])
    show.main(given_back("/bin/sh", line)[1:], standalone_mode=False)
    assert seen == [(own, False)]
    assert line == f"show {own}" or own != "press-7"

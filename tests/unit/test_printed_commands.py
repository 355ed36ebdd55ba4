"""Commands that screens, hints and errors print with a value in them: a shell takes the value for what it is."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import console
from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.enrollment import Attestation, Enrollment, EnrollmentKind, Registration
from console.rules.enrollment_cross import Material, findings
from console.rules.registration_advice import by_enrollment, by_groups, disabled
from console.rules.registration_failures import Case

SOURCES = Path(console.__file__).parent
COMMAND = re.compile(
    r"(hubwarden( --?[a-z-]+)*( [a-z-]+)+|\baz( [a-z-]+)+|chmod [\w+-]+|keyring set \w+|openssl [a-z0-9]+"
    r"|\b(policy|dps|cert|devices|journal|access|network|profile|sas) (rotate|swap|enable|disable|show|keys|prove|undo"
    r"|block|create|issue|reject|approve|connection-string|assign|unassign)"
    r"|--(service|profile|principal|scope|confirm-hub|resume|forget|name|group|device|hub|id))( --?[a-z-]+)* $"
)
OURS = {"risk.id", "risk", "hours", "verb", "'enrollments' if noun == 'enrollment' else 'groups'"}
"""Values that are words of our own."""
OURS_AT = {
    ("present/journal_table.py", "check.head"),
    ("services/gate.py", "entry.id"),
    ("services/undo.py", "one.id"),
}
"""Hexadecimal digits that the journal makes."""


def printed_with_a_value() -> Iterator[str]:
    """Every f-string in which a bare value follows the words of a command."""
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            for before, value in zip(node.values, node.values[1:], strict=False):
                if isinstance(before, ast.Constant) and isinstance(value, ast.FormattedValue):
                    text = ast.unparse(value.value)
                    safe = text.startswith(("command_line(", "shell_word(")) or text in OURS
                    safe = safe or (file.relative_to(SOURCES).as_posix(), text) in OURS_AT
                    if COMMAND.search(str(before.value)) and not safe:
                        yield f"{file.relative_to(SOURCES)}:{node.lineno}: …{str(before.value)[-50:]}{{{text}}}"


def test_no_command_is_printed_with_a_value_as_it_is() -> None:
    assert list(printed_with_a_value()) == []


def words_of(line: str) -> list[str]:
    done = subprocess.run(["/bin/sh", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True, timeout=20)
    return [one.decode() for one in done.stdout.split(b"\0")[:-1]]


NASTY = ["press-7", "a;$(id)'b", "-x", "--yes", "a!b*c", "(x)#,=@$"]
HUB = "h.azure-devices.net"
KEYS = Attestation.SYMMETRIC_KEY


def enrollment(own: str, enabled: bool, kind: EnrollmentKind = EnrollmentKind.INDIVIDUAL) -> Enrollment:
    registration = None if kind is EnrollmentKind.GROUP else Registration(own, "assigned", device_id=own, hub=HUB)
    return Enrollment(kind, own, KEYS, enabled, registration=registration)


def cross_checked(own: str, enabled: bool, status: DeviceStatus) -> list[str]:
    there = Device(own, status, AuthType.SAS, ConnectionState.DISCONNECTED, datetime(2026, 11, 23, tzinfo=UTC))
    material = Material(frozenset({HUB}), [enrollment(own, enabled)], devices={own: there})
    return [one.hint for one in findings(material)]


@pytest.mark.parametrize("own", NASTY)
def test_what_is_printed_about_an_id_names_this_very_id_to_a_shell(own: str) -> None:
    """The command of each hint begins at the program's name and ends with the hint, or before a bracket or comma."""
    off, case = enrollment(own, False), Case("0ne", own, KEYS)
    group = enrollment(own, False, EnrollmentKind.GROUP)
    hints = [
        *cross_checked(own, False, DeviceStatus.ENABLED),
        *cross_checked(own, True, DeviceStatus.DISABLED),
        by_enrollment(case, off).hint,
        by_enrollment(case, enrollment(own, True)).hint,
        by_groups(case, []).hint,
        by_groups(case, [group]).hint,
        disabled(case, None, [group]).hint,  # type: ignore[union-attr]
    ]
    assert len(hints) == 7
    for hint in hints:
        words = words_of(hint[hint.index("hubwarden ") :])
        assert words[0] == "hubwarden" and words[-1] == own
        assert ("--" in words) is own.startswith("-")

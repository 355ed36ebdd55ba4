"""A page of text: sections of labelled values, built for a width; the content of every detail view."""

from __future__ import annotations

from collections.abc import Iterable

from console.model.errors import ConsoleError, ErrorKind
from console.present.glyphs import ERROR_WORDS
from console.present.lines import Line, field

BLANK: Line = ()


def section(title: str, lines: Iterable[Line]) -> list[Line]:
    """Return a heading, its lines, and a blank line after them."""
    return [((f" {title}", "head"),), *lines, BLANK]


def fields(pairs: Iterable[tuple[str, str] | tuple[str, str, str]], width: int) -> list[Line]:
    """Return labelled values, (label, value) or (label, value, token); pairs with an empty value are left out."""
    lines: list[Line] = []
    for label, value, *token in pairs:
        if value:
            lines += field(label, value, width, style=token[0] if token else "")
    return lines


def error_lines(error: ConsoleError, width: int, *, retry: str = "r try again") -> list[Line]:
    """Return what happened, why and what to do next, one below the other."""
    support = " · ".join(
        part
        for part in (
            f"HTTP {error.status}" if error.status else "",
            error.code or "",
            f"request id {error.request_id}" if error.request_id else "",
        )
        if part
    )
    kind = ErrorKind.PERMISSION if "because" in dict(error.advice) else error.kind  # a 401 that is known to be no other
    lines: list[Line] = [((f" {ERROR_WORDS[kind]}", "bad"),), BLANK]
    lines += fields(
        (
            ("what", error.what),
            ("why", error.why),
            ("what to do", error.hint, "accent"),
            *error.advice,
            ("for support", support, "dim"),
        ),
        width,
    )
    lines += [BLANK, ((f"   {retry}", "key"),)]
    return lines


def state_lines(title: str, token: str, what: str, why: str, hint: str, width: int) -> list[Line]:
    """Return a state that is not an error: its name, what it means, why, what to do."""
    lines: list[Line] = [((f" {title}", token),), BLANK]
    lines += fields((("what", what), ("why", why), ("what to do", hint, "accent")), width)
    return lines

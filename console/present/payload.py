"""Payload encryption in words: what it is, what can be done, how far a file is, how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.model.payload import PayloadAction, PayloadResult
from console.model.text import clean
from console.present.lines import Line, fit, paragraph
from console.present.pages import BLANK, fields, section
from console.present.tokens import fault_lines, fault_words, payload_result_lines
from console.present.words import number, plural

WHAT = (
    "Symmetric payload encryption outside the hub's model: the hub neither knows nor checks these keys. Whoever has a "
    "key reads and forges every payload made with it."
)
DOING = {PayloadAction.ENCRYPT: "encrypting", PayloadAction.DECRYPT: "decrypting", PayloadAction.ROTATE: "rotating"}
DONE = {PayloadAction.ENCRYPT: "encrypted", PayloadAction.DECRYPT: "decrypted", PayloadAction.ROTATE: "rotated"}
SHORT_SECONDS = 0.1
_TITLE_WIDTH = 26


def choice_lines(
    items: Sequence[tuple[str, str, str]], last: str, progress: Line, width: int
) -> tuple[list[Line], list[str]]:
    """Return the page of the tab and, per line, the key of what it leads to.

    `items` are (key, title, note); `last` says how the last file went, `progress` how far the current one is.
    """
    lines: list[Line] = [BLANK, *paragraph(WHAT, width - 1, indent=3, style="dim"), BLANK]
    keys = [""] * len(lines)
    for key, title, note in items:
        lines.append(((f"   {fit(title, _TITLE_WIDTH)}", ""), (note, "dim")))
        keys.append(key)
    if last:
        lines += [BLANK, ((f"   {fit('Last result', _TITLE_WIDTH)}", ""), (last, "dim"))]
        keys += ["", "last"]
    if progress:
        lines += [BLANK, progress]
        keys += ["", ""]
    return lines, keys


def progress_line(what: PayloadAction, name: str, lines: int, seconds: float, stop: str) -> Line:
    """Return how far a file is, how fast it goes, and the key that stops it."""
    rate = f", {number(lines / seconds)} a second" if lines and seconds > 0 else ""
    done = plural(lines, "line") if lines else "reading"
    return (
        (f"   {DOING[what].upper()} ", "head"),
        (f"{clean(name, limit=30)}  ", ""),
        (f"{done}{rate}   ", "accent"),
        (stop, "key"),
        (" stops it", "dim"),
    )


def summary(result: PayloadResult) -> str:
    """Return how a file went in a few words."""
    if result.target is None:
        return f"nothing written, {plural(result.failed, 'line')} failed"
    failed = f", {number(result.failed)} failed" if result.failed else ""
    return f"{plural(result.done, 'line')} {DONE[result.action]}{failed}: {clean(result.target.name)}"


def result_head(result: PayloadResult, seconds: float, width: int) -> list[Line]:
    """Return how a file went: counts, failures by reason, where it was written."""
    lines = payload_result_lines(replace(result, faults=()), width)
    counted = fault_words(one.fault for one in result.faults if one.fault is not None)
    more = f" (of the first {number(len(result.faults))})" if result.failed > len(result.faults) else ""
    took = f"{seconds:.1f} s" if seconds >= SHORT_SECONDS else ""
    return lines + fields((("by reason", counted + more if counted else "", "warn"), ("took", took)), width)


def result_faults(result: PayloadResult, width: int) -> list[Line]:
    """Return the lines that failed, each with its number and why."""
    if not result.faults:
        return []
    return [BLANK, *section("LINES THAT FAILED", fault_lines(result.faults, result.failed, width))]

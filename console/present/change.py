"""A planned change in words: what becomes what, what follows, what is risked; and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from console.model.change import ABSENT, Change, Edit, Member, Outcome, Result, Risk, Severity, path_text
from console.model.journal import Fingerprint
from console.model.secret import Secret
from console.model.text import clean
from console.present.columns import usual_width
from console.present.lines import Line, Piece, fit, paragraph, text_width
from console.present.pages import BLANK, fields, section

_SEVERITY: dict[Severity, str] = {Severity.LOW: "dim", Severity.MEDIUM: "warn", Severity.HIGH: "bad"}
RESULT_WORDS: dict[Result, tuple[str, str]] = {
    Result.APPLIED: ("✓ APPLIED", "ok"),
    Result.NOT_APPLIED: ("✗ NOT DONE", "warn"),
    Result.CONFLICT: ("! CHANGED MEANWHILE", "warn"),
    Result.DIFFERS: ("! DIFFERS FROM THE PLAN", "bad"),
    Result.UNKNOWN: ("? OUTCOME UNKNOWN", "bad"),
}
"""Glyph and word for how a change ended, with the style token."""

_LABELS = {
    "filterName": "name",
    "ipMask": "range",
    "action": "action",
    "keyName": "policy",
    "privateLinkServiceConnectionState": "state",
}
_LONG = 72
_BLOB = 160
"""A text without blanks that is longer is a certificate, say: its beginning and length are shown."""


@dataclass(frozen=True)
class DiffRow:
    """One line of a diff: "+", "-" or "~", where, and the value (before and after for "~"); all text is clean."""

    sign: str
    place: str
    before: str = ""
    after: str = ""


def diff_rows(edits: Iterable[Edit]) -> list[DiffRow]:
    """Return the edits as rows, the members of one object on rows of their own."""
    rows: list[DiffRow] = []
    for edit in edits:
        place = clean(path_text(_short(edit.path)))
        if edit.before is ABSENT:
            rows += [DiffRow("+", where, after=value) for where, value in _flat(place, edit.path, edit.after)]
        elif edit.after is ABSENT:
            rows += [DiffRow("-", where, before=value) for where, value in _flat(place, edit.path, edit.before)]
        elif _is_large(edit.before) or _is_large(edit.after):
            rows += [DiffRow("-", where, before=value) for where, value in _flat(place, edit.path, edit.before)]
            rows += [DiffRow("+", where, after=value) for where, value in _flat(place, edit.path, edit.after)]
        else:
            rows.append(DiffRow("~", place, value_text(edit.before), value_text(edit.after)))
    return rows


def value_text(value: Any) -> str:
    """Return a value of a document for people; keys stay hidden."""
    if value is ABSENT:
        return "not set"
    if isinstance(value, Secret | Fingerprint):
        return str(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and len(value) > _BLOB and " " not in value:
        return clean(f"{value[: _BLOB // 4]}… ({len(value):,} characters)")
    if isinstance(value, dict | list):
        return clean(json.dumps(value, default=str, ensure_ascii=False))
    return clean(value)


def change_lines(change: Change, width: int) -> list[Line]:
    """Return the page of a plan: title, diff, effect, risks, notes."""
    lines: list[Line] = [((" CHANGE  ", "head"), (clean(change.title), "accent")), BLANK]
    lines += diff_lines(change.edits, width)
    lines.append(BLANK)
    if change.effect:
        label = min(usual_width(text_width(name) for name, _ in change.effect), width // 2) + 2
        lines += section("EFFECT", _labelled(change.effect, label, width))
    lines += risk_lines(change.risks, width)
    if change.notes:
        lines += section("NOTE", [line for note in change.notes for line in paragraph(clean(note), width, indent=3)])
    if change.reason:
        lines += section("REASON", paragraph(clean(change.reason), width, indent=3))
    return lines


def diff_lines(edits: Iterable[Edit], width: int) -> list[Line]:
    """Return the edits as coloured lines; "+", "-" and "~" say it without colour."""
    rows = diff_rows(edits)
    if not rows:
        return [(("   nothing changes", "dim"),)]
    longest = min(usual_width(text_width(row.place) for row in rows), max(width // 2, 20))
    lines: list[Line] = []
    for row in rows:
        token = {"+": "ok", "-": "bad"}.get(row.sign, "warn")
        head: list[Piece] = [(f"   {row.sign} ", token), (f"{fit(row.place, longest)}  ", token)]
        text = f"{row.before} → {row.after}" if row.sign == "~" else row.after or row.before
        room = width - longest - 8
        if text_width(text) > room or text_width(row.place) > longest:
            lines.append(((f"   {row.sign} ", token), (row.place, token)))
            lines += paragraph(text, width, indent=8, style=token)
        else:
            lines.append((*head, (text, token)))
    return lines


def risk_lines(risks: Iterable[Risk], width: int) -> list[Line]:
    """Return the risks, worst first, with the id by which a blocking one is accepted."""
    order = list(Severity)[::-1]
    found = sorted(risks, key=lambda risk: (not risk.blocking, order.index(risk.severity)))
    if not found:
        return section("RISKS", [(("   none found", "dim"),)])
    lines: list[Line] = []
    for risk in found:
        head = "BLOCKING" if risk.blocking else risk.severity.value
        parts = paragraph(f"{risk.message} ({risk.id})", width, indent=13)
        lines.append(((f"   {fit(head, 10)}", _SEVERITY[risk.severity]), *_unindented(parts[0], 13)))
        lines += parts[1:]
        if risk.hint:
            lines += paragraph(clean(risk.hint), width, indent=13, style="accent")
    return section("RISKS", lines)


def outcome_lines(outcome: Outcome, width: int) -> list[Line]:
    """Return how a change ended: the word, the sentence, and the places that are not as planned."""
    word, token = RESULT_WORDS[outcome.result]
    lines: list[Line] = [((f" {word}  ", token), (clean(outcome.change.title), "accent")), BLANK]
    lines += paragraph(clean(outcome.message), width, indent=3)
    lines.append(BLANK)
    if outcome.differences:
        lines += section("NOT AS PLANNED (plan → found)", diff_lines(outcome.differences, width))
    if outcome.error is not None and outcome.error.hint and outcome.error.hint not in outcome.message:
        lines += section("WHAT TO DO", paragraph(clean(outcome.error.hint), width, indent=3, style="accent"))
    if outcome.error is not None and outcome.error.advice:
        lines += section("WHO CAN HELP", fields(outcome.error.advice, width))
    lines.append(((f"   journal entry {outcome.change.id}", "dim"),))
    return lines


def _labelled(pairs: Iterable[tuple[str, str]], label: int, width: int) -> list[Line]:
    lines: list[Line] = []
    for name, text in pairs:
        parts = paragraph(clean(text), width, indent=3 + label)
        lines.append(((f"   {fit(clean(name), label)}", "dim"), *_unindented(parts[0], 3 + label)))
        lines += parts[1:]
    return lines


def _unindented(line: Line, indent: int) -> Line:
    text, style = line[0]
    return ((text[indent:], style), *line[1:])


def _short(path: tuple[str | Member, ...]) -> tuple[str | Member, ...]:
    """Leave out what every path of a hub begins with."""
    kept = tuple(step for step in path if step not in {"properties", "hub", "networkRuleSets"})
    return kept or path


def _flat(place: str, path: tuple[str | Member, ...], value: Any) -> list[tuple[str, str]]:
    """Return (place, text) of a value; an object or a list of objects gets a row for each member."""
    if isinstance(value, dict) and path and isinstance(path[-1], Member):
        kept = {name: item for name, item in value.items() if name != path[-1].field and item not in (None, "", [], {})}
        text = "  ".join(f"{_LABELS.get(name, name)} {value_text(item)}" for name, item in kept.items())
        return [(place, clean(text))]
    if isinstance(value, dict) and _is_large(value):
        rows: list[tuple[str, str]] = []
        for name, item in value.items():
            if item not in (None, {}, []):
                rows += _flat(f"{place}.{clean(name)}".lstrip("."), (*path, name), item)
        return rows or [(place, "{}")]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return [
            (
                f"{place}[{index}]",
                clean("  ".join(f"{_LABELS.get(n, n)} {value_text(v)}" for n, v in item.items() if v)),
            )
            for index, item in enumerate(value)
        ]
    return [(place or "(the whole)", value_text(value))]


def _is_large(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(item, dict) for item in value)
    return isinstance(value, dict) and len(value_text(value)) > _LONG // 2

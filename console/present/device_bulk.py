"""A bulk change of devices in words: what it is about to do, how far it is, how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from console.model.device_order import BulkItem, BulkPlan, BulkResult, ItemState
from console.model.shell import command_line
from console.model.text import clean
from console.present.change import risk_lines
from console.present.lines import Line, fit, paragraph
from console.present.pages import BLANK, section
from console.present.words import number

WORDS: dict[ItemState, tuple[str, str]] = {
    ItemState.APPLIED: ("✓ done", "ok"),
    ItemState.NOTHING: ("= so already", "dim"),
    ItemState.SKIPPED: ("- skipped", "warn"),
    ItemState.FAILED: ("✗ failed", "bad"),
    ItemState.UNKNOWN: ("? unknown", "bad"),
}
"""Glyph and word of each state, with the style token."""

_LABEL = 10


def bulk_lines(plan: BulkPlan, width: int) -> list[Line]:
    """Return the page of a plan: how many, which, risks, notes."""
    lines: list[Line] = [((" CHANGE  ", "head"), (clean(plan.title), "accent")), BLANK]
    effect: list[Line] = []
    for label, text in plan.effect:
        parts = paragraph(clean(text), width, indent=3 + _LABEL)
        first = parts[0][0][0][3 + _LABEL :]
        effect += [((f"   {fit(label, _LABEL)}", "dim"), (first, "")), *parts[1:]]
    lines += section("EFFECT", effect)
    lines += risk_lines(plan.risks, width)
    if plan.notes:
        lines += section("NOTE", [line for note in plan.notes for line in paragraph(clean(note), width, indent=3)])
    if plan.order.reason:
        lines += section("REASON", paragraph(clean(plan.order.reason), width, indent=3))
    lines.append(((f"   batch {plan.batch}", "dim"),))
    return lines


def progress_text(plan: BulkPlan, items: Sequence[BulkItem], wait: str = "") -> str:
    """Return how far a bulk change is: "12 of 5,000, 2 not done"."""
    failed = sum(not item.finished for item in items)
    text = f"{number(len(items))} of {number(len(plan.ids))}"
    if failed:
        text += f", {number(failed)} not done"
    return f"{text} · {wait}" if wait else text


def summary(result: BulkResult) -> str:
    """Return how it ended in one sentence."""
    counts = [(result.count(state), WORDS[state][0].partition(" ")[2]) for state in ItemState]
    parts = [f"{number(count)} {word}" for count, word in counts if count]
    if result.left:
        parts.append(f"{number(len(result.left))} not reached")
    if not parts:
        parts = ["nothing was left to do"]
    title = result.plan.title
    return f"{title[:1].upper()}{title[1:]}: {', '.join(parts)}."


def result_lines(result: BulkResult, width: int, again: str = "") -> list[Line]:
    """Return the page of a result: the sentence, what stopped it, each device that is not as it should be.

    `again` says how to go on, instead of the command line's way.
    """
    token = "ok" if result.complete else "warn"
    lines: list[Line] = [*paragraph(clean(summary(result)), width, indent=1, style=token), BLANK]
    if result.stopped is not None:
        lines += section("STOPPED", paragraph(clean(result.stopped.sentence()), width, indent=3, style="bad"))
    for state in (ItemState.UNKNOWN, ItemState.FAILED, ItemState.SKIPPED):
        found = [item for item in result.items if item.state is state]
        if found:
            rows = [line for item in found for line in paragraph(clean(item.message), width, indent=3)]
            lines += section(f"{WORDS[state][0].upper()}  {number(len(found))}", rows)
    if result.resumable:
        lines += section("TO GO ON", paragraph(again or resume_text(result), width, indent=3, style="accent"))
    return lines


def resume_text(result: BulkResult) -> str:
    """Return how to go on with what is left."""
    return f"Repeat the same command with {command_line('--resume', result.plan.batch)}: what is done is left out"

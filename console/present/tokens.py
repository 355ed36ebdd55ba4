"""What was found out about a token, the ledger, and how payloads went, as lines and rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from console.model.clock import format_time
from console.model.payload import METHOD, PayloadAction, PayloadFault, PayloadLine, PayloadResult
from console.model.text import clean
from console.model.token import Explanation, LedgerEntry, TokenFinding, Verdict
from console.present.lines import Line, paragraph
from console.present.pages import fields, section
from console.present.words import number, plural, span

VERDICT_WORDS: dict[Verdict, tuple[str, str]] = {
    Verdict.VALID: ("VALID", "ok"),
    Verdict.UNVERIFIED: ("NOT VERIFIED", "warn"),
    Verdict.REFUSED: ("REFUSED BY THE HUB", "bad"),
    Verdict.EXPIRED: ("EXPIRED", "bad"),
    Verdict.WRONG_RESOURCE: ("WRONG RESOURCE", "bad"),
    Verdict.WRONG_KEY: ("WRONG KEY", "bad"),
    Verdict.MALFORMED: ("MALFORMED", "bad"),
}
_DONE = {PayloadAction.ENCRYPT: "encrypted", PayloadAction.DECRYPT: "decrypted", PayloadAction.ROTATE: "rotated"}
_SHOWN_FAULTS = 20


def explanation_lines(told: Explanation, width: int) -> list[Line]:
    """Return what a pasted token or connection string is: the verdict, each finding with what to do, the facts."""
    lines: list[Line] = [verdict_line(told)]
    for finding in told.details:
        lines += _finding_lines(finding, width)
    lines.append(())
    return lines + section(clean(told.kind).upper(), fields(((label, value) for label, value in told.facts), width))


def verdict_line(told: Explanation) -> Line:
    """Return the verdict with its word, and what that means where it is no fault."""
    word, token = VERDICT_WORDS[told.verdict]
    if told.report is None and told.verdict is Verdict.UNVERIFIED:
        word, token = "WELL-FORMED", "ok"
    after = ""
    if told.verdict is Verdict.UNVERIFIED and told.report is not None:
        after = "  nothing is wrong with it that can be seen without its key"
    elif told.verdict is Verdict.VALID:
        after = "  form, signature, resource and time are right"
    return ((f" {word}", token), (after, "dim"))


def _finding_lines(finding: TokenFinding, width: int) -> list[Line]:
    bad = finding.verdict is not None
    mark, token = ("!", "bad") if bad else ("·", "warn")
    message, *more = paragraph(clean(finding.message), width, indent=3, style=token)
    lines: list[Line] = [((f" {mark} ", token), (message[0][0].lstrip(), token)), *more]
    return lines + (paragraph(clean(finding.hint), width, indent=5, style="accent") if finding.hint else [])


def ledger_rows(entries: Iterable[LedgerEntry], now: datetime, *, valid: bool = False) -> list[tuple[str, ...]]:
    """Return resource, policy, minted, expires, state, who, fingerprint of each token, as plain cells.

    `valid`: only those that have not expired.
    """
    return [
        (
            clean(entry.resource),
            clean(entry.policy) or "-",
            format_time(entry.minted),
            format_time(entry.expires),
            f"valid, {span(entry.expires - now)} left" if entry.valid(now) else "expired",
            clean(entry.who),
            clean(entry.fingerprint[:12]),
        )
        for entry in entries
        if entry.valid(now) or not valid
    ]


LEDGER_HEADER = ("RESOURCE", "POLICY", "MINTED", "EXPIRES", "STATE", "WHO", "FINGERPRINT")


def payload_result_lines(result: PayloadResult, width: int, *, faults: bool = True) -> list[Line]:
    """Return how a file went: how many lines, where they are, and with `faults` which failed and why."""
    word = _DONE[result.action]
    title, token = ("DONE", "ok") if result.complete else ("NOT ALL DONE", "warn")
    if result.target is None:
        title, token = "NOTHING WRITTEN", "bad"
    lines: list[Line] = [((f" {title}", token),)]
    pairs = (
        (word, plural(result.done, "line") if result.target is not None else ""),
        ("failed", plural(result.failed, "line") if result.failed else "", "bad"),
        ("written to", clean(result.target) if result.target is not None else ""),
        ("why", clean(result.stopped), "bad"),
        ("method", METHOD, "dim"),
    )
    lines += fields(pairs, width)
    if result.faults and faults:
        lines += [(), *section("LINES THAT FAILED", fault_lines(result.faults, result.failed, width))]
    return lines


def fault_lines(faults: Sequence[PayloadLine], failed: int, width: int) -> list[Line]:
    """Return the first lines that failed with their number and reason, and how many more there are."""
    lines: list[Line] = []
    for fault in faults[:_SHOWN_FAULTS]:
        lines += fields(((f"line {number(fault.number)}", clean(fault.message), "warn"),), width)
    if failed > _SHOWN_FAULTS:
        lines.append(((f"   and {plural(failed - _SHOWN_FAULTS, 'more line', 'more lines')}", "dim"),))
    return lines


def fault_text(line: PayloadLine) -> str:
    """Return why a line was not done: "line 3: truncated: …"."""
    assert line.fault is not None
    return f"line {line.number}: {clean(line.message)}"


def fault_words(faults: Iterable[PayloadFault]) -> str:
    """Return how many of each fault there were: "2 wrong key, 1 truncated"."""
    counts: dict[PayloadFault, int] = {}
    for fault in faults:
        counts[fault] = counts.get(fault, 0) + 1
    return ", ".join(f"{number(count)} {fault.value}" for fault, count in counts.items())

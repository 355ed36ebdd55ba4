"""The Overview as lines: what is wrong, right now; each line may lead somewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from console.model.connection import Cause, Confidence, FailureGroup, FailureReport, LogState
from console.model.device import FleetCounts
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading
from console.present.chart import spark
from console.present.devices import auth_summary, state_summary
from console.present.glyphs import ERROR_WORDS
from console.present.hub_words import certificates_line, change_line, exposure_line
from console.present.lines import Line, Piece, fit, fit_line, spread
from console.present.log_states import WORDS, lag_words
from console.present.words import before_words, change_words, number, short_moment, since_moment, window_words

T = TypeVar("T")
LABEL = 15
TOP_CAUSES = 5
LINES = 18  # of the board with a chart of one line, and some air
TALLEST = 8


@dataclass(frozen=True)
class BoardLine:
    """One line of the Overview. `key` names it through refreshes; `opens` is what enter leads to, empty for nothing.

    `opens` is "connections", "connections:CAUSE", "devices", "devices:FILTER", "exposure", "certificates" or "change".
    """

    line: Line
    key: str = ""
    opens: str = ""


def board(
    snapshot: OverviewSnapshot, now: datetime, width: int, height: int = 0, *, ascii_only: bool = False
) -> list[BoardLine]:
    """Return the lines of the Overview for a pane of `width` x `height` cells; spare height goes to the chart."""
    blank = BoardLine(())
    rows = max(min(height - LINES, TALLEST), 1)
    lines = [blank, *_failures(snapshot.failures, now, width, rows, ascii_only=ascii_only), blank]
    lines += _devices(snapshot.counts, now)
    lines += [
        _one("EXPOSURE", "exposure", snapshot.hub, now, lambda hub: exposure_line(hub.exposure)),
        _one(
            "CERTIFICATES", "certificates", snapshot.certificates, now, lambda entries: certificates_line(entries, now)
        ),
        _change(snapshot, now),
    ]
    return lines


def _label(text: str) -> Piece:
    return (f" {fit(text, LABEL)}", "head")


def _trouble(reading: Reading[T], now: datetime) -> Line:
    """Return why there is no figure, or that it is an old one (said before the figure, where it is never cut off)."""
    if reading.error is not None:
        if reading.as_of is not None:
            return ((f"STALE since {short_moment(reading.as_of, now)}  ", "warn"),)
        words = ERROR_WORDS[reading.error.kind]
        why = f": {reading.error.why or reading.error.what}"
        return ((words, "warn"), (why, "dim"))
    if not reading.asked:
        return (("reading …", "dim"),)
    return ()


def _one(
    label: str, key: str, reading: Reading[T], now: datetime, words: Callable[[T], Line], opens: str = ""
) -> BoardLine:
    if reading.value is None:
        return BoardLine((_label(label), *_trouble(reading, now)), key, f"error:{key}" if reading.error else "")
    return BoardLine((_label(label), *_trouble(reading, now), *words(reading.value)), key, opens or key)


def _change(snapshot: OverviewSnapshot, now: datetime) -> BoardLine:
    reading = snapshot.last_change
    if reading.as_of is None or reading.value is not None:
        return _one("LAST CHANGE", "change", reading, now, lambda entry: change_line(entry, now))
    return BoardLine((_label("LAST CHANGE"), *_trouble(reading, now), *change_line(None, now)), "change")


def _failures(
    reading: Reading[FailureReport], now: datetime, width: int, rows: int, *, ascii_only: bool
) -> list[BoardLine]:
    report = reading.value
    head: Piece = (" FAILED CONNECTIONS  ", "head")
    if report is None:
        return [BoardLine((head, *_trouble(reading, now)), "failures", "connections")]
    if report.state not in (LogState.READY, LogState.EMPTY):
        words = WORDS[report.state]
        why = report.error.why if report.state is LogState.NO_WORKSPACE and report.error else ""
        return [
            BoardLine((head, *_trouble(reading, now), (why or words.short, words.token)), "failures", "connections")
        ]
    window = window_words(report.end - report.start)
    last = "in the last hour" if window == "1 h" else f"in the last {window}"
    change = change_words(report.total, report.previous_total, before_words(report.end - report.start))
    count: Piece = (number(report.total), "bad") if report.total else ("none", "ok")
    left: Line = (head, *_trouble(reading, now), count, (f" {last}{', ' + change if change else ''}", ""))
    age = () if reading.error else (*lag_words(report), (" ", ""))  # of old figures only "STALE since" is true
    lines = [BoardLine(spread(left, age, width), "failures", "connections")]
    folded: Line = ((f"{number(report.folded)} folded ", "dim"),) if report.folded else ()
    graph = spark([bin_.total for bin_ in report.bins], max(width - 16, 20), rows, ascii_only=ascii_only)
    *above, lowest = [(("   ", ""), (bars, "spark")) for bars in graph]
    lines += [BoardLine(bars) for bars in above]
    lines.append(BoardLine(spread(lowest, folded, width)))
    if report.partial:
        lines.append(BoardLine(((f"   PARTIAL {report.partial}", "warn"),)))
    causes = sorted(
        (group for group in report.groups if group.cause is not Cause.RENEWAL), key=lambda group: -group.count
    )
    lines += [_cause(group, now, width) for group in causes[:TOP_CAUSES]]
    if (more := len(causes) - TOP_CAUSES) > 0:
        lines.append(BoardLine(((f"           and {more} more causes", "dim"),), "more", "connections"))
    return lines


def _cause(group: FailureGroup, now: datetime, width: int) -> BoardLine:
    likely: Piece = ("LIKELY", "warn") if group.confidence is Confidence.LIKELY else ("      ", "")
    line: Line = (
        ("   ", ""),
        likely,
        ("  ", ""),
        (fit(group.label, 22), ""),
        (f"{number(group.count):>7}", ""),
        (f"  since {fit(since_moment(group.first, now), 5)}  ", "dim"),
        (group.evidence or group.flag, "dim"),
    )
    return BoardLine(fit_line(line, width), f"cause:{group.key}", f"connections:{group.key}")


def _devices(reading: Reading[FleetCounts], now: datetime) -> list[BoardLine]:
    counts = reading.value
    if counts is None:
        return [_one("DEVICES", "devices", reading, now, lambda _counts: ())]
    total = fit(number(counts.total), 8)
    return [
        BoardLine(
            (_label("DEVICES"), *_trouble(reading, now), (total, ""), (auth_summary(counts), "")), "devices", "devices"
        ),
        BoardLine(((" " * (LABEL + 1 + len(total)), ""), (state_summary(counts), "dim"))),
    ]

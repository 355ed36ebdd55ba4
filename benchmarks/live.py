"""P10, P18: a chart that is drawn again, and a console that stands still while it refreshes."""

from __future__ import annotations

import statistics
import sys
import time

from benchmarks import peers, start
from benchmarks.rows import Found, Missing, Row
from benchmarks.terminal import Screen, keys_cost
from console.cli.demo import running_hub

REFRESHES = 30
IDLE_SECONDS = 20.0
LIVE_SECONDS = 5.0

_CHART = """
from textual.app import App
from console.ui.theme import THEMES
from console.ui.widgets.failure_chart import FailureChart
from benchmarks.live import report
class Chart(App):
    ascii_only = False
    BINDINGS = [("x", "again", "again")]
    def __init__(self):
        super().__init__()
        for own in THEMES:
            self.register_theme(own)
        self.theme = THEMES[0].name
    def compose(self):
        chart = FailureChart()
        chart.styles.height = "100%"
        yield chart
    def on_mount(self):
        self.call_after_refresh(self.action_again)
    def action_again(self):
        found = report()
        self.query_one(FailureChart).show(found, found.end)
Chart().run()
"""


def report() -> object:
    """Return a report of an hour with random bars: an incident with one cause, another one now and then."""
    import random
    from datetime import UTC, datetime, timedelta

    from console.model.connection import Cause, FailureBin, FailureReport, Grouping, LogState

    end = datetime.now(UTC).replace(second=0, microsecond=0)
    bins = tuple(
        FailureBin(
            end - timedelta(minutes=60 - minute),
            ((Cause.IP_RULES, random.randrange(1, 40)), *(((Cause.CLONED, 3),) if random.random() < 0.05 else ())),
        )
        for minute in range(60)
    )
    return FailureReport(
        state=LogState.READY,
        start=end - timedelta(hours=1),
        end=end,
        step=timedelta(minutes=1),
        grouping=Grouping.CAUSE,
        bins=bins,
        total=sum(one.total for one in bins),
    )


def measure() -> Found:
    """Return the rows."""
    return [*chart(), *idle()]


def chart() -> Found:
    """P10: CPU and bytes of one refresh, 80x24."""
    if not peers.has("textual_plotext"):
        return [Missing("P10", "a chart drawn again", "textual-plotext is not installed")]
    with Screen([sys.executable, "-c", _CHART]) as ours, Screen(peers.program(peers.PLOT)) as theirs:
        for screen in (ours, theirs):
            screen.settle(1.5)
        pairs = [(keys_cost(ours, b"x", REFRESHES), keys_cost(theirs, b"x", REFRESHES)) for _ in range(3)]
    mine, other = [a for a, _ in pairs], [b for _, b in pairs]
    sizes = [[statistics.median(two[1]) for two in side] for side in (mine, other)]
    return [
        Row("P10", "a chart drawn again, CPU", "ms", [a for a, _ in mine], "plotext", [a for a, _ in other], most=0.3),
        Row("P10", "a chart drawn again, bytes", "B", sizes[0], "plotext", sizes[1], most=0.3),
    ]


def idle() -> Found:
    """P18: Connections, read again every five seconds from a live hub."""
    with running_hub(devices=2000, seed=1, start=None, quiet=True) as (ready, _, state):
        command = [sys.executable, "-m", "console", "--profile", ready["profile"]]
        with Screen(command, {"HUBWARDEN_STATE_DIR": str(state)}) as screen:
            screen.until(b"contoso-plants")
            screen.settle(2.0)
            screen.press(b"3")
            screen.settle(2.0)
            for _ in range(3):  # twice as often, again and again, down to five seconds
                screen.press(b"+")
            screen.settle(1.0)
            busy, size = _watch(screen)
    found: Found = [
        Row("P18", f"idle on Connections, every {LIVE_SECONDS:.0f} s, CPU", "%", [busy], most_ours=2.0),
    ]
    if start.available("btop"):
        with Screen(["btop"]) as other:
            other.settle(2.0)
            _, theirs = _watch(other)
        found.append(Row("P18", "idle on Connections, to the terminal", "B/s", [size], "btop", [theirs], most=0.25))
    else:
        note = "btop is not installed; 3,654 B/s was measured for it at this size"
        found.append(Row("P18", "idle on Connections, to the terminal", "B/s", [size], most_ours=914.0, note=note))
    return found


def _watch(screen: Screen) -> tuple[float, float]:
    """Return per cent of a core and bytes a second while nobody touches it."""
    before, begin, size = screen.cpu(), time.perf_counter(), 0
    while time.perf_counter() - begin < IDLE_SECONDS:
        size += screen.settle(0.5)
    spent = time.perf_counter() - begin
    return (screen.cpu() - before) * 100 / spent, size / spent

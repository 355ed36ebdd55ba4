"""The peers: a virtual environment of their own, and small programs that show the same things by other means."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / "build" / "peers"

MINIMAL = """
from textual.app import App, ComposeResult
from textual.widgets import Static
class Minimal(App):
    def compose(self) -> ComposeResult:
        yield Static("contoso-plants")
Minimal().run()
"""

TABLE = """
import sys
from textual.app import App
from textual.widgets import DataTable, Footer, Header
ROWS = int(sys.argv[1])
class Table(App):
    def compose(self):
        yield Header()
        yield DataTable(cursor_type="row")
        yield Footer()
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("DEVICE", "STATUS", "AUTH", "STATE", "SEEN", "FAIL 1H", "EDGE")
        table.add_rows(
            (f"genoa-press-{n:07d}", "enabled", "SAS", "connected", "2 min", "0", "") for n in range(ROWS)
        )
        table.focus()
Table().run()
"""

FAST_TABLE = """
import sys
from textual.app import App
from textual.widgets import Footer, Header
from textual_fastdatatable import ArrowBackend, DataTable
ROWS = int(sys.argv[1])
class Table(App):
    def compose(self):
        yield Header()
        data = {"DEVICE": [f"genoa-press-{n:07d}" for n in range(ROWS)]}
        for name, value in (("STATUS", "enabled"), ("AUTH", "SAS"), ("STATE", "connected"), ("SEEN", "2 min")):
            data[name] = [value] * ROWS
        yield DataTable(backend=ArrowBackend.from_pydict(data), cursor_type="row")
        yield Footer()
    def on_mount(self):
        self.query_one(DataTable).focus()
Table().run()
"""

PLOT = """
import random
from textual.app import App
from textual_plotext import PlotextPlot
class Plot(App):
    BINDINGS = [("x", "again", "again")]
    def compose(self):
        yield PlotextPlot()
    def on_mount(self):
        self.action_again()
    def action_again(self):
        plot = self.query_one(PlotextPlot)
        plot.plt.clear_data()
        plot.plt.bar(list(range(60)), [random.randrange(90) for _ in range(60)])
        plot.refresh()
Plot().run()
"""


@lru_cache(maxsize=1)
def python() -> str:
    """Return the interpreter of the peers' environment, made at the first call; empty when it could not be made."""
    interpreter = HOME / "bin" / "python"
    listed = Path(__file__).with_name("peers.txt")
    mark = HOME / ".made"
    if not mark.exists() or mark.read_text() != listed.read_text():
        print("making the peers' environment ...", file=sys.stderr)
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(HOME)], capture_output=True, check=False)
        if made.returncode:
            return ""
        for line in listed.read_text().splitlines():
            if line and not line.startswith("#"):  # one by one: one that is not to be had leaves the others
                command = [str(interpreter), "-m", "pip", "install", "-q", "--disable-pip-version-check", line]
                subprocess.run(command, capture_output=True, check=False)
        mark.write_text(listed.read_text())
    return str(interpreter) if interpreter.exists() else ""


def has(module: str) -> bool:
    """Return whether the peers' environment has a module."""
    if not python():
        return False
    return subprocess.run([python(), "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def program(code: str, *arguments: str) -> list[str]:
    """Return the command that runs one of the programs above."""
    return [python(), "-c", code, *arguments]

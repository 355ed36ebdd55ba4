"""Run the measurements beside their peers, in one run, and print a table of ratios with their spread.

python -m benchmarks [--only P4,P5] [--write] [--strict]
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import fleets
from benchmarks.rows import Found, Missing, Row, show

GROUPS = {
    "start": ("P1", "P2", "P3"),
    "table": ("P4", "P8", "P9", "P19"),
    "store": ("P5", "P6", "P7"),
    "live": ("P10", "P18"),
    "crypto": ("P11", "P12", "P13", "P14", "P15"),
    "logs": ("P16",),
    "install": ("P17",),
    "devices_beside": ("hub",),
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Measure, print, and write the table where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--only", default="", help="P4,P5: these alone (their whole group is measured)")
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/RESULTS.md")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a bar does not hold")
    asked = parser.parse_args()
    wanted = {one.strip().upper() for one in asked.only.split(",") if one.strip()}
    os.environ["HUBWARDEN_STATE_DIR"] = str(fleets.folder() / "state")
    found: Found = []
    for group, ids in GROUPS.items():
        if wanted and not wanted & {one.upper() for one in ids}:
            continue
        print(f"{', '.join(ids)} ...", file=sys.stderr, flush=True)
        try:
            found += importlib.import_module(f"benchmarks.{group}").measure()
        except Exception as error:  # one that fails leaves the others
            traceback.print_exc()
            found.append(Missing(ids[0], group, f"failed: {type(error).__name__}: {error}"))
    found.sort(key=lambda one: (len(one.id), one.id) if one.id.startswith("P") else (9, one.id))
    text = table(found)
    print(text)
    if asked.write:
        RESULTS.write_text(text, encoding="utf-8")
    short = [one for one in found if isinstance(one, Row) and one.verdict.startswith("falls")]
    return 1 if asked.strict and short else 0


def table(found: Found) -> str:
    """Return the table as Markdown."""
    lines = [
        "# Measured",
        "",
        f"By `make bench` on {datetime.now(UTC):%Y-%m-%d}: {fleets.machine()}.",
        "",
        "Median (range). A ratio compares medians that were taken in turns in one run; a machine that others use, too,",
        "moves both. `-` in place of a bar: for orientation.",
        "",
        "| # | what | ours | against | theirs | ratio | bar | |",
        "|---|---|---:|---|---:|---:|---|---|",
    ]
    notes = []
    for one in found:
        if isinstance(one, Missing):
            lines.append(f"| {one.id} | {one.name} | | | | | | not measured: {one.why} |")
            continue
        ratio = "" if one.ratio is None else f"{one.ratio:.3f}x" if one.ratio < 0.1 else f"{one.ratio:.2f}x"
        theirs = f"{show(one.theirs)} {one.unit}" if one.theirs else ""
        ours = f"{show(one.ours)} {one.unit}"
        lines.append(
            f"| {one.id} | {one.name} | {ours} | {one.peer} | {theirs} | {ratio} | {one.bar or '-'} | {one.verdict} |"
        )
        if one.note:
            notes.append(f"- {one.id}, {one.name}: {one.note}.")
    return "\n".join([*lines, "", *notes, ""])


if __name__ == "__main__":
    sys.exit(main())

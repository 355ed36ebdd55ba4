"""Headless output: the JSON envelope and plain aligned tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import click

from console.model.clock import format_time
from console.model.errors import ConsoleError
from console.model.text import clean
from console.present.columns import usual_width
from console.present.lines import text_width

Json = dict[str, Any]


def envelope(
    noun: str,
    as_of: datetime,
    items: Sequence[Json],
    *,
    stale: bool = False,
    warnings: Sequence[Json] = (),
    **more: Any,
) -> Json:
    """Return the documented shape of every `--json` output; `more` are further top-level members."""
    return {
        "schema": f"hubwarden.{noun}/1",
        "as_of": format_time(as_of),
        "stale": stale,
        **more,
        "items": list(items),
        "warnings": list(warnings),
    }


def warning(error: ConsoleError) -> Json:
    """Return a failure as an entry of `warnings`."""
    return {"code": error.code or error.kind.value, "message": error.what, "hint": error.hint}


def time_text(value: datetime | None) -> str | None:
    """Return RFC 3339 text, None for never or unknown."""
    return None if value is None else format_time(value)


def print_json(document: Json) -> None:
    """Write a document to standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_json_items(document: Json, items: Iterable[Json]) -> None:
    """Write a document whose `items` come one by one: however many there are, only one is held."""
    head, tail = json.dumps({**document, "items": []}, indent=2, ensure_ascii=False).split('\n  "items": []')
    click.echo(f'{head}\n  "items": [', nl=False)
    first = True
    for item in items:
        text = json.dumps(item, indent=2, ensure_ascii=False).replace("\n", "\n    ")
        click.echo(f"{'' if first else ','}\n    {text}", nl=False)
        first = False
    click.echo(f"{']' if first else _LAST}{tail}")


_LAST = "\n  ]"


def print_rows(header: Sequence[str], rows: Iterable[Sequence[object]], block: int = 5000) -> None:
    """Write a table of any length: as `print_table` does while it is short; columns of a long one may widen later."""
    source = iter(rows)
    widths = [0] * len(header)
    table: list[list[str]] = [list(header)]
    while True:
        part = [[clean(cell) for cell in row] for row in islice(source, block)]
        table += part
        widths = [max(old, new) for old, new in zip(widths, _widths(table), strict=True)]
        click.echo("".join(f"{_aligned(row, widths)}\n" for row in table), nl=False)
        table = []
        if len(part) < block:
            return


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, right: frozenset[int] = frozenset()
) -> None:
    """Write an aligned table; `right` are the columns that align right. Cells are cleaned once more.

    A cell that is far longer than the others of its column stands out in its own row; it widens no other.
    """
    table = [list(header), *([clean(cell) for cell in row] for row in rows)]
    widths = _widths(table)
    for row in table:
        click.echo(_aligned(row, widths, right))


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Write names and values, aligned."""
    rows = [(clean(name), clean(value)) for name, value in pairs]
    width = usual_width(text_width(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{_padded(name, width)}  {value}".rstrip())


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of every column, in cells."""
    if not table:
        return []
    return [usual_width(text_width(row[column]) for row in table) for column in range(len(table[0]))]


def _aligned(row: Sequence[str], widths: Sequence[int], right: frozenset[int] = frozenset()) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(_padded(cell, width, column in right) for column, (cell, width) in enumerate(cells)).rstrip()


def _padded(text: str, width: int, right: bool = False) -> str:
    blank = " " * (width - text_width(text))
    return blank + text if right else text + blank

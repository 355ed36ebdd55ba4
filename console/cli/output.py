"""Headless output: the JSON envelope and plain aligned tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
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
_WIDEST = 130
"""Cells: a device id may have 128 characters."""


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


def json_text(document: Json, indent: int | None = 2, *, file: bool = False) -> str:
    """Return a document as JSON; for a terminal (unless for a file) without a character that it could obey or hide."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    if not file and sys.stdout.isatty() and clean(text, multiline=True) != text:
        text = json.dumps(document, indent=indent).replace("\x7f", "\\u007f")
    return text


def print_json(document: Json) -> None:
    """Write a document to standard output."""
    click.echo(json_text(document))


def print_json_items(document: Json, items: Iterable[Json]) -> None:
    """Write a document whose `items` come one by one: however many there are, only one is held."""
    head, tail = json_text({**document, "items": []}).split('\n  "items": []')
    click.echo(f'{head}\n  "items": [', nl=False)
    first = True
    for item in items:
        text = json_text(item).replace("\n", "\n    ")
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
        widths = _widened(widths, table)
        click.echo("".join(f"{line}\n" for line in _aligned(table, widths)), nl=False)
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
    for line in _aligned(table, _widened([0] * len(header), table), right):
        click.echo(line)


def _widened(widths: Sequence[int], table: Sequence[Sequence[str]]) -> list[int]:
    """Return the widths in cells that the columns of a table need, at least `widths`.

    A cell beyond `_WIDEST` moves what stands behind it in its own row, and no other row.
    """
    found = []
    for place, width in enumerate(widths):
        sizes = [len(row[place]) for row in table]
        if max(sizes, default=0) > width:  # rare in a long table, whose ASCII cells are as wide as they are long
            sizes = [text_width(row[place]) for row in table]
            width = max([width, *(size for size in sizes if size <= _WIDEST)])
        elif not all(row[place].isascii() for row in table):
            width = max([width, *(size for row in table if (size := text_width(row[place])) <= _WIDEST)])
        found.append(width)
    return found


def _aligned(
    table: Iterable[Sequence[str]], widths: Sequence[int], right: frozenset[int] = frozenset()
) -> Iterator[str]:
    for row in table:
        cells = [
            _padded(cell, width, column in right) for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _padded(cell: str, width: int, right: bool) -> str:
    if not cell.isascii():
        width += len(cell) - text_width(cell)
    return cell.rjust(width) if right else cell.ljust(width)


def print_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Write names and values, aligned."""
    rows = [(clean(name), clean(value)) for name, value in pairs]
    width = usual_width(text_width(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{_padded(name, width, False)}  {value}".rstrip())

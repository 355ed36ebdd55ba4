"""One very long value widens no row but its own: in tables of the command line, plans, menus and query results."""

from __future__ import annotations

import pytest

from console.cli.output import print_pairs, print_rows, print_table
from console.model.change import Edit
from console.present.change import diff_lines
from console.present.columns import usual_width
from console.present.connections import log_columns
from console.present.lines import plain, text_width

LONG = "v" * 10_000
HEADER = ("NAME", "VALUE", "N")


def rows(long_name: str = "", long_value: str = "") -> list[tuple[str, str, int]]:
    some = [(f"device-{number:04}", f"value {number}", number) for number in range(20)]
    some[7] = (long_name or some[7][0], long_value or some[7][1], 7)
    return some


@pytest.mark.parametrize("write", [print_table, print_rows, lambda head, found: print_rows(head, found, block=3)])
@pytest.mark.parametrize("long", [("", LONG), (LONG, ""), (LONG, LONG), ("", "界" * 5_000)])
def test_a_table_keeps_its_columns(write, long, capsys: pytest.CaptureFixture[str]) -> None:
    write(HEADER, rows(*long))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 21
    others = lines[:8] + lines[9:]
    assert max(map(text_width, others)) < 60
    assert {line.index("value") for line in others[1:]} == {13}
    assert (long[1] or long[0]) in lines[8]  # nothing of it is lost


def test_a_table_of_one_row_is_not_blown_up_by_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEADER, [("a", LONG, 1)], right=frozenset({2}))
    head, row = capsys.readouterr().out.splitlines()
    assert len(head) < 60
    assert row == f"a     {LONG}  1"


def test_columns_that_are_long_throughout_stay_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [f"/subscriptions/{number:036}/resourceGroups/{'g' * (40 + number)}" for number in range(9)]
    print_table(("SCOPE", "ROLE"), [(path, "Reader") for path in paths])
    _, *lines = capsys.readouterr().out.splitlines()
    assert len({line.index("Reader") for line in lines}) == 1


def test_wide_characters_count_as_two_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("NAME", "N"), [("界界", 1), ("abcd", 2)])
    assert capsys.readouterr().out.splitlines() == ["NAME  N", "界界  1", "abcd  2"]


def test_pairs_keep_their_column(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs([("name", "a"), (LONG, "b"), ("other", LONG), ("\x1b[31m", "c")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name      a"
    assert lines[3] == "\\x1b[31m  c"


def test_a_plan_and_a_query_keep_their_columns() -> None:
    edits = [Edit(("tags", "site"), "brno", "porto"), Edit(("tags", LONG), "x", "y")]
    lines = [plain(line) for line in diff_lines(edits, 100)]
    assert "tags.site  " in lines[0]
    assert lines[0].index("brno") < 30
    found = log_columns(("a", "b"), tuple((LONG if number == 3 else "short", number) for number in range(10)))
    assert [column.width for column in found] == [5, 1]


def test_the_usual_width() -> None:
    assert usual_width([]) == 0
    assert usual_width([10_000]) == 0
    assert usual_width([4, 10_000]) == 4
    assert usual_width([3, 40, 5]) == 40
    assert usual_width([130, 140, 135]) == 140

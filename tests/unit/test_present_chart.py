"""The failure chart without a terminal."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.model.connection import Cause, FailureBin
from console.present.chart import area, bar_rows, breakdown, legend, make_bars, nice_top, shape, spark, time_axis
from console.present.lines import line_width, plain

START = datetime(2026, 11, 23, 8, 42, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def bins(*counts: dict[Cause, int]) -> tuple[FailureBin, ...]:
    return tuple(FailureBin(START + index * MINUTE, tuple(pairs.items())) for index, pairs in enumerate(counts))


COUNTS = st.lists(
    st.dictionaries(st.sampled_from(list(Cause)), st.integers(1, 5000), max_size=5), min_size=1, max_size=200
)


@given(COUNTS, st.integers(1, 120))
def test_summing_bins_to_bars_loses_nothing(counts: list[dict[Cause, int]], room: int) -> None:
    made = make_bars(bins(*counts), MINUTE, room)
    assert 1 <= len(made) <= room
    assert sum(bar.total for bar in made) == sum(bin_.total for bin_ in bins(*counts))
    assert sum(bar.folded for bar in made) == sum(pairs.get(Cause.RENEWAL, 0) for pairs in counts)
    assert made[0].start == START and made[-1].end == START + len(counts) * MINUTE


@given(COUNTS, st.integers(20, 120), st.integers(4, 20))
def test_every_line_has_one_cell_per_bar_and_failures_are_visible(
    counts: list[dict[Cause, int]], width: int, height: int
) -> None:
    made = make_bars(bins(*counts), MINUTE, width - 8)
    area_ = shape(made, width, height)
    rows = bar_rows(made, area_)
    assert len(rows) == area_.rows and all(len(row) == len(made) for row in rows)
    for index, bar in enumerate(made):
        column = [row[index][0] for row in rows]
        assert (column[-1] != " ") == (bar.total > 0)


def test_height_follows_the_value() -> None:
    made = make_bars(bins({Cause.IP_RULES: 16}, {Cause.IP_RULES: 8}, {}), MINUTE, 10)
    rows = bar_rows(made, shape(made, 30, 6))
    assert [[glyph for glyph, _ in row] for row in rows] == [
        ["█", " ", " "],
        ["█", " ", " "],
        ["█", "█", " "],
        ["█", "█", " "],
    ]


def test_causes_are_stacked_in_the_order_of_the_catalogue() -> None:
    made = make_bars(bins({Cause.CLONED: 8, Cause.IP_RULES: 8}), MINUTE, 10)
    rows = bar_rows(made, shape(made, 30, 4))
    assert rows[1][0] == ("█", "cause.ip_rules")
    assert rows[0][0] == ("█", "cause.cloned")


def test_two_causes_in_one_cell_share_it() -> None:
    made = make_bars(bins({Cause.CLONED: 4, Cause.IP_RULES: 4}), MINUTE, 10)
    rows = bar_rows(made, shape(made, 30, 3))
    assert rows[0][0] == ("▄", "cause.ip_rules/cause.cloned")


def test_without_block_characters_the_cause_is_a_letter_of_its_own() -> None:
    made = make_bars(bins({Cause.CLONED: 8, Cause.IP_RULES: 8}), MINUTE, 10)
    glyphs = {row[0][0] for row in bar_rows(made, shape(made, 30, 4), ascii_only=True)}
    assert len(glyphs) == 2 and all(glyph.isascii() for glyph in glyphs)


@given(st.integers(0, 10**7))
def test_the_axis_ends_at_a_round_even_number(value: int) -> None:
    top = nice_top(value)
    assert top >= max(value, 2) and top % 2 == 0
    assert value <= 2 or top <= value * 2


def test_the_time_axis_names_first_and_last_time() -> None:
    made = make_bars(bins(*[{Cause.OTHER: 1}] * 60), MINUTE, 72)
    axis, times = time_axis(made, shape(made, 80, 6), 80, START)
    assert len(axis) == len(times) == 80
    assert times.split()[0] == "08:42" and times.split()[-1] == "09:42"
    assert axis.count("┬") == len(times.split()) - 1


def test_a_week_shows_days() -> None:
    step = timedelta(hours=4)
    week = tuple(FailureBin(START + index * step, ()) for index in range(42))
    _, times = time_axis(make_bars(week, step, 70), shape((), 80, 6), 80, START + 42 * step)
    assert "11-23 08:42" in times


@given(COUNTS, st.integers(30, 100))
def test_the_legend_fits_and_names_the_largest_cause(counts: list[dict[Cause, int]], width: int) -> None:
    made = make_bars(bins(*counts), MINUTE, 60)
    line = legend(made, width)
    sums = {cause: sum(pairs.get(cause, 0) for pairs in counts) for cause in Cause if cause is not Cause.RENEWAL}
    if any(sums.values()):
        largest = max(sums, key=lambda cause: sums[cause]).value
        named = largest if width >= 50 else largest[:6]
        assert named in plain(line) or len(set(sums.values())) < len(sums)
    assert line_width(line) <= width


def test_a_narrow_legend_cuts_the_name_and_keeps_the_count_of_the_others() -> None:
    made = make_bars(bins({Cause.FILTERED: 1000, Cause.IP_RULES: 1, Cause.CLONED: 1}), MINUTE, 60)
    assert plain(legend(made, 30)) == "■ DPS: cut o… 1,000   +2 more"


def test_a_bar_tells_its_time_sum_and_causes_in_words() -> None:
    made = make_bars(bins({Cause.IP_RULES: 20, Cause.RENEWAL: 3}), MINUTE, 10)
    words = plain(breakdown(made[0], 78))
    assert "08:42–08:43" in words and "20" in words and "cut off by IP rules" in words and "folded 3" in words


def test_a_sparkline_shows_small_values_and_sums_neighbours() -> None:
    assert spark([0, 1, 1000], 3) == ["▁▁█"]
    assert spark([0, 1, 1000], 7) == ["▁▁▁▁██"]
    assert len(spark(list(range(100)), 30)[0]) <= 30
    assert spark([0, 0], 3) == ["▁▁"]
    assert spark([], 5) == [""]
    assert spark([0, 8, 16], 3, 2) == ["  █", "▁██"]


def test_the_area_reaches_from_the_least_to_the_greatest() -> None:
    rows = area([0.0, 100.0], 2, 2)
    assert rows == [" █", "▁█"]

"""Widths, cutting and joining of styled lines."""

from hypothesis import given
from hypothesis import strategies as st

from console.present.lines import cut, field, fit, fit_line, line_width, plain, spread, text_width, wrap

TEXT = st.text(alphabet=st.sampled_from("ab Zé漢字e\u0301…·▁"), max_size=60)


@given(TEXT, st.integers(0, 40))
def test_cut_never_exceeds_the_width(text: str, width: int) -> None:
    assert text_width(cut(text, width)) <= width


@given(TEXT, st.integers(1, 40), st.sampled_from(["left", "right"]))
def test_fit_is_exact(text: str, width: int, align: str) -> None:
    assert text_width(fit(text, width, align)) == width


@given(st.lists(st.tuples(TEXT, st.sampled_from(["", "dim", "on.badge"])), max_size=5), st.integers(1, 60))
def test_a_fitted_line_is_exactly_as_wide(line: list[tuple[str, str]], width: int) -> None:
    assert line_width(fit_line(tuple(line), width)) == width


def test_text_that_fits_is_kept_and_longer_text_ends_in_an_ellipsis() -> None:
    assert cut("genoa", 5) == "genoa"
    assert cut("genoa-press", 6) == "genoa…"


def test_blanks_join_the_piece_before_them_unless_it_has_a_background() -> None:
    assert fit_line((("a", "dim"), ("  ", ""), ("b", "")), 6) == (("a  ", "dim"), ("b  ", ""))
    assert fit_line((("a", "on.badge"), ("  ", "")), 3) == (("a", "on.badge"), ("  ", ""))


def test_spread_keeps_the_right_part_and_cuts_the_left() -> None:
    line = spread((("a long left part", ""),), (("right", "dim"),), 14)
    assert plain(line) == "a long…  right"


@given(st.text(alphabet="ab cd\n", max_size=200), st.integers(8, 40))
def test_wrapped_text_keeps_every_word(text: str, width: int) -> None:
    wrapped = wrap(text, width)
    assert all(text_width(line) <= width for line in wrapped)
    assert "".join("".join(wrapped).split()) == "".join(text.split())


def test_a_long_value_continues_under_itself() -> None:
    lines = [plain(line) for line in field("why", "one two " * 9, 62, indent=1, label_width=9)]
    assert lines[0].startswith(" why") and len(lines) == 2
    assert lines[1].startswith(" " * 10 + "one") or lines[1].startswith(" " * 10 + "two")

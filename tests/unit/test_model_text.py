"""clean() leaves nothing that a terminal, a bidi algorithm or a log could obey, and nothing that smears a row."""

import re
import shutil
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.text import MARKS, clean, takes_no_cell

HOSTILE = "[/]\x1b]52;c;AAAA\x07"


def test_the_hostile_device_id_is_spelled_out():
    assert clean(HOSTILE) == "[/]\\x1b]52;c;AAAA\\x07"


def test_ordinary_text_is_untouched():
    for text in ("genoa-press-0417", "Zürich", "プレス", "a b", "é", "👍"):
        assert clean(text) == text


def test_lines_stay_only_where_wanted():
    assert clean("a\nb\tc") == "a\\x0ab\\x09c"
    assert clean("a\nb\tc\x1b", multiline=True) == "a\nb\tc\\x1b"


def test_bidi_and_invisible_characters_are_spelled_out():
    assert clean("abc\u202ecba\u200b\ufeff") == "abc\\u202ecba\\u200b\\ufeff"
    assert clean("\U000e0041") == "\\U000e0041"


def test_nothing_and_other_types():
    assert clean(None) == ""
    assert clean(7) == "7"


def test_limit_ends_in_an_ellipsis():
    assert clean("abcdef", limit=4) == "abc…"
    assert clean("abcd", limit=4) == "abcd"


@given(st.text(alphabet=st.characters(), max_size=60))
def test_no_control_bidi_or_surrogate_survives(text):
    result = clean(text)
    result.encode()
    for char in result:
        assert unicodedata.category(char) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.bidirectional(char) not in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert clean(result) == result


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=60))
def test_multiline_keeps_exactly_line_feeds_and_tabs(text):
    result = clean(text, multiline=True)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", result)
    assert result.count("\n") == text.count("\n")


# the rule of UAX #44 in perl's own copy of the database
IGNORABLE = r"""for (0..0xd7ff, 0xe000..0x10ffff) { print "$_\n" if chr =~ /\p{Default_Ignorable_Code_Point}/ }"""


@pytest.mark.skipif(not shutil.which("perl"), reason="perl knows the property")
def test_every_ignorable_character_is_spelled_out():
    ignorable = subprocess.run(["perl", "-e", IGNORABLE], capture_output=True, text=True, check=True).stdout.split()
    assert len(ignorable) > 4000
    for point in map(int, ignorable):
        assert clean(f"a{chr(point)}b").isascii(), f"{point:x}"


@pytest.mark.parametrize("char", "\u3164\uffa0\u034f\u180b\u180f\u17b4\u115f\u1160\ufe00\U000e0100\U0001d173\U000e0041")
def test_what_no_terminal_agrees_on_is_spelled_out_wherever_it_stands(char):
    for text in (char, f"a{char}", f"{char}b", f"東{char}京", f"a\u0301{char}\u0301"):
        assert char not in clean(text)
        assert f"{ord(char):x}" in clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "Zu\u0308rich", "Vie\u0323\u0302t Nam", "ที่กดหมายเลขสี่", "בְּרֵאשִׁית", "اَلْمَكْبَس", "मुद्रणालय संख्या", "நிலையம்",
        "ཧཱུྃ", "한국 기계", "\u1112\u1161\u11ab", "ハ\u309a", "☎ Köln", "👍", "a\u00a0b", "x²", "1\u20e3",
    ],
)  # fmt: skip
def test_what_people_write_stays(text):
    assert clean(text) == text


def test_an_emoji_loses_its_selector_and_nothing_else():
    assert clean("❤\ufe0f ok 1\ufe0f\u20e3") == "❤ ok 1\u20e3"
    assert clean("a\ufe0f") == "a\\ufe0f"


def test_a_storm_of_marks_ends_after_a_few():
    for mark in "\u0301\u0489\u20dd\u0e49\u1161":
        result = clean("a" + mark * 2000 + "b")
        assert result.startswith("a" + mark * MARKS + "\\u")
        assert result.count(mark) == MARKS


def test_a_mark_without_a_letter_sits_on_nothing_else():
    assert clean("\u0301a") == "\\u0301a"
    assert clean("a\x1b\u0301") == "a\\x1b\\u0301"
    assert clean("a\n\u0301", multiline=True) == "a\n\\u0301"


def test_what_is_not_assigned_is_spelled_out():
    assert clean("a\u0378\uffff") == "a\\u0378\\uffff"


@given(
    st.text(
        alphabet=st.sampled_from("a \u0301\u0e34\u1161\u034f\u3164\ufe0f\u200d❤東👍\U0001f3fd\x1b\n\u0378\u0600"),
        max_size=40,
    )
)
def test_no_more_marks_than_a_few_wherever_they_come_from(text):
    for multiline in (False, True):
        result = clean(text, multiline=multiline)
        assert clean(result, multiline=multiline) == result
        kinds = "".join("m" if takes_no_cell(char) else "." for char in result)
        assert "m" * (MARKS + 1) not in kinds
        assert not kinds.startswith("m")

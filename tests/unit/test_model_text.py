"""clean() leaves nothing that a terminal, a bidi algorithm or a log could obey."""

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from console.model.text import clean

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

"""What we take for an id, a reason, a thumbprint is what the registry takes: held against the local hub's own check."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.localhub import registry_identity
from console.localhub.registry_errors import RegistryError
from console.model.errors import ConsoleError, ErrorKind
from console.rules.device_input import ID_MARKS, check_id, check_reason, thumbprint

_MOSTLY_RIGHT = st.text(alphabet=f"abcXYZ019{ID_MARKS}", max_size=140)
_ANY = st.text(max_size=140)


def registry_takes(body: dict[str, object]) -> bool:
    try:
        registry_identity.device_spec(body)
    except RegistryError:
        return False
    return True


def refused(call: object, *arguments: str) -> ConsoleError | None:
    try:
        call(*arguments)  # type: ignore[operator]
    except ConsoleError as error:
        assert (error.kind, error.code) == (ErrorKind.BAD_INPUT, "usage")
        return error
    return None


@given(st.one_of(_MOSTLY_RIGHT, _ANY))
@example("")
@example("a" * 128)
@example("a" * 129)
@example("press\n")
@example("prüfstand")
@example(".")
@example("..")
def test_ids_are_those_of_the_registry(device_id: str) -> None:
    try:
        registry_identity.check_id(device_id)
    except RegistryError:
        theirs = False
    else:
        theirs = device_id not in {".", ".."}  # which cannot be addressed
    assert (refused(check_id, device_id) is None) == theirs


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=140))
@example("x" * 128)
@example("x" * 129)
def test_reasons_are_those_of_the_registry(reason: str) -> None:
    assert (refused(check_reason, reason) is None) == registry_takes({"statusReason": reason})


@given(
    st.one_of(
        st.text(alphabet="0123456789abcdefABCDEF", max_size=70),
        st.text(alphabet="0123456789abcdefABCDEF", min_size=40, max_size=40),
        st.text(alphabet="0123456789abcdefABCDEF", min_size=64, max_size=64),
        st.text(max_size=70),
    )
)
def test_what_a_thumbprint_becomes_is_taken_by_the_registry(text: str) -> None:
    try:
        digits, notice = thumbprint(text)
    except ConsoleError as error:
        assert error.code == "usage"
        plain = {"authentication": {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": text}}}
        assert not text or not registry_takes(plain), "what the registry takes as it is must not be refused"
        return
    assert registry_takes({"authentication": {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": digits}}})
    assert re.sub(r"[\s:-]", "", text).endswith(digits)
    assert bool(notice) == (digits != text)


@pytest.mark.parametrize("separator", [":", "-", " "])
def test_separators_are_taken_out_of_a_thumbprint_with_a_notice(separator: str) -> None:
    digits, notice = thumbprint(separator.join(["aB"] * 32))
    assert digits == "aB" * 32
    assert "separators" in notice


def test_what_openssl_prints_can_be_pasted() -> None:
    assert thumbprint("sha256 Fingerprint=" + ":".join(["0F"] * 32) + "\n")[0] == "0F" * 32


@pytest.mark.parametrize(
    ("call", "text", "said"),
    [
        (check_id, "press/1", ["character 6", "“/”", "U+002F"]),
        (check_id, "press 1", ["a blank"]),
        (check_id, "press\x1b", ["character 6 is U+001B"]),
        (check_id, "prеss", ["U+0435"]),  # a Cyrillic e
        (check_id, "p" * 130, ["130", "128"]),
        (check_reason, "r" * 129, ["129", "128"]),
        (check_reason, "r\udcff", ["character 2", "U+DCFF"]),
        (thumbprint, "AB" * 31, ["62", "40", "64"]),
        (thumbprint, "AG" * 32, ["character 2", "“G”"]),
    ],
)
def test_the_culprit_is_named(call: object, text: str, said: list[str]) -> None:
    error = refused(call, text)
    assert error is not None
    for part in said:
        assert part in error.sentence()
    assert "\x1b" not in error.sentence()

"""What of pasted text may never be shown: signatures, keys and passwords, wherever and however they stand in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise
from urllib.parse import unquote

HIDDEN = "••••"
SHORTEST = 6
"""Characters in a row that are enough to know a piece of a secret by."""

_EQUALS = r"(?:=(?:3D)?|:|＝|：|%(?:25)*3D|\\{1,4}u003d|\\{1,4}x3d|&(?:#61|#x3d|equals);)"
_QUOTED = r"[\s\\\"'“”‘’`]*"
_FEW = r"[\s\\\"'“”‘’`]{0,6}"
_SECRETS = (
    r"sig(?:nature)?|SharedAccessKey(?!Name)|AccountKey|primaryKey|secondaryKey|symmetricKey|device_?key|"
    r"passw(?:or)?d|pwd"
)
_OTHERS = (
    r"sr|se|skn|HostName|SharedAccessKeyName|SharedAccessSignature|DeviceId|ModuleId|GatewayHostName|x509|Endpoint|"
    r"EntityPath|EndpointSuffix"
)
_LABEL = re.compile(
    rf"(?:{_SECRETS}){_QUOTED}(?:{_EQUALS}|(?<=[\s\"'\\])(?=[A-Za-z0-9+/]{{16}})){_QUOTED}", re.IGNORECASE
)
_ESCAPE = r"%(?:25)*[0-9A-F]{2}|\\{1,4}u[0-9A-F]{4}|\\{1,4}x[0-9A-F]{2}|\\[0-7]{2,3}|=[0-9A-F]{2}"
_NEXT = re.compile(
    rf"(?:{_ESCAPE}|[^A-Za-z0-9]|(?<==))(?:(?:{_OTHERS}){_QUOTED}{_EQUALS}|SharedAccessSignature\s)", re.IGNORECASE
)
_HOLDS_MORE = re.compile(r"\W*(?:SharedAccessSignature|HostName|sr=|https?://)", re.IGNORECASE)
_SYMBOL = re.compile(rf"{_ESCAPE}|[A-Za-z0-9+/_-]", re.IGNORECASE)
_LONGEST = 400  # characters after a label: an HMAC-SHA512 has 88, each may be escaped
_MARGIN = 100  # characters: a label so near to the end of a secret may begin another
_MANY = 400  # labels: a log of so many tokens is longer than what is looked at
_WHOLE = 43  # symbols of a signature or a key of 32 bytes without its padding
_CLOSED = re.compile(r"[\"'`<>{}\[\]]")
_NO_SYMBOL = re.compile(r"[^A-Za-z0-9+/_=%\\-]")
_SIGNS = re.compile(r"[^a-z0-9+/_-]")
_PADDED = re.compile(r"[A-Za-z0-9+/_-]{21,}={1,2}")  # base64 of 16 bytes or more, with its end
_PADDED_IN_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9%])(?:[A-Za-z0-9_-]|%(?:25)*2[BF]){21,90}%(?:25)*3D(?:%(?:25)*3D)?(?![A-Za-z0-9])", re.IGNORECASE
)
_ESCAPED_POINT = re.compile(r"(?:%u|\\{1,4}u\{?|\\{1,4}U0000)([0-9A-F]{2,4})\}?", re.IGNORECASE)
_BROKEN_LINE = re.compile(
    rf"(?:(?:=|\\)?\r?\n[>\s]{{0,40}}+|(?<=[A-Za-z0-9+/%])[\"'][\"'\s+\\]{{0,20}}[\"'])"
    rf"(?!(?:{_SECRETS}|{_OTHERS}){_FEW}{_EQUALS})(?=[A-Za-z0-9+/%])",
    re.IGNORECASE,
)
_NAMED_OTHERWISE = re.compile(
    rf"(?<![A-Za-z0-9])(?!(?:{_OTHERS}|\w{{0,24}}(?:id|device|thumbprint|name)){_FEW}{_EQUALS})\w{{1,24}}"
    rf"{_FEW}{_EQUALS}{_FEW}((?:[A-Za-z0-9+/_-]|%(?:25)*(?:2B|2F|3D)){{20,}})",
    re.IGNORECASE,
)
_HEXADECIMAL = re.compile(r"[0-9A-F]{32,}", re.IGNORECASE)
_RUN = re.compile(r"(?:[A-Za-z0-9+/_]|%(?:25)*(?:2B|2F|3D)){32,}", re.IGNORECASE)
_USER = re.compile(
    r"(?:(?<=//)|(?<=\s)|^)[^/@\s:]{1,200}:[^/@\s]{0,200}@(?=[\w-]+[.:])|(?<=//)[^/@\s]{1,200}@"
    r"|(?:(?<=%2F%2F)|^)[^%\s/]{1,200}%3A.{0,200}?%40(?=[\w-]+[.:])",
    re.IGNORECASE,
)


class Redaction:
    """The secrets of a text in all the forms in which it was looked at; `covered` takes them out of what is shown."""

    def __init__(self, texts: Iterable[str]) -> None:
        pieces: set[str] = set()
        for text in dict.fromkeys(form for given in texts for form in (given, _typed(given))):
            for secret in (*_labelled(text), *_unnamed(text)):
                for form in _forms(secret):
                    grams = (form[at : at + SHORTEST] for at in range(max(len(form) - SHORTEST + 1, 0)))
                    pieces.update(gram for gram in grams if len(_SIGNS.sub("", gram)) >= SHORTEST - 2)
        self._pieces = pieces

    def covered(self, text: str) -> str:
        """Return a text in which each piece of a secret, and whatever looks like a key, is four dots."""
        text = _PADDED.sub(HIDDEN, text) if "=" in text else text
        text = _PADDED_IN_ADDRESS.sub(_random_hidden, text) if "%" in text else text
        text = _USER.sub(f"{HIDDEN}@", text) if "@" in text or "%40" in text else text
        text = _RUN.sub(lambda found: HIDDEN if looks_random(found[0]) else found[0], text)
        if not self._pieces:
            return text
        low = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
        marks = [False] * len(text)
        for at in range(len(low) - SHORTEST + 1):
            if low[at : at + SHORTEST] in self._pieces:
                marks[at : at + SHORTEST] = [True] * SHORTEST
        if not any(marks):
            return text
        shown = "".join("\x00" if hidden else char for char, hidden in zip(text, marks, strict=True))
        return re.sub("\x00+", HIDDEN, shown)

    def holds(self, text: str) -> bool:
        """Return whether a text holds a piece of a secret."""
        return self.covered(text) != text


def _random_hidden(found: re.Match[str]) -> str:
    return HIDDEN if looks_random(found[0].partition("%3")[0], 0.3) else found[0]


def looks_random(text: str, least: float = 0.45) -> bool:
    """Return whether a run of letters and digits is a key by its looks: upper, lower and digits in no order.

    `least`: the part of its neighbours that have to be of different kinds; chance makes it 0.62.
    """
    text = unquote(unquote(text))
    kinds = [1 if char.isdigit() else 2 if char.islower() else 3 if char.isupper() else 0 for char in text]
    if not {1, 2, 3} <= set(kinds):
        return False
    changes = sum(one != other for one, other in pairwise(kinds))
    return changes > least * len(text)


def _labelled(text: str) -> Iterator[str]:
    """Yield what follows each label of a secret, up to the next part or to as much as a secret has."""
    ends = [found.start() for found in _NEXT.finditer(text)]
    place = covered = 0
    for count, label in enumerate(_LABEL.finditer(text)):
        start = label.end()
        if count == _MANY:
            yield text[start:]  # nothing but labels: all of it is hidden, rather than each looked at
            return
        if start + _MARGIN <= covered:
            continue  # it stands in the middle of what the one before has
        while place < len(ends) and ends[place] < start:
            place += 1
        end = min(ends[place] if place < len(ends) else len(text), start + _LONGEST)
        value = text[start:end]
        if value and not _HOLDS_MORE.match(value):
            secret = _of_one(value)
            covered = start + len(secret)
            yield secret


def _typed(text: str) -> str:
    """Return a text as it was typed: no signs that are not seen, no look-alikes, no escaped points, no broken lines."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if not text.isprintable():
        text = "".join(one for one in text if one in "\r\n\t" or unicodedata.category(one) not in _UNSEEN)
    text = _ESCAPED_POINT.sub(lambda found: chr(int(found[1], 16)), text)
    return _BROKEN_LINE.sub("", text)


_UNSEEN = {"Cc", "Cf", "Mn", "Me"}


def _unnamed(text: str) -> Iterator[str]:
    """Yield values that look like signatures or keys after a name that no part has: it slipped."""
    for found in _NAMED_OTHERWISE.finditer(text):
        if _HEXADECIMAL.match(found[1]) or looks_random(found[1], 0.3):
            yield found[1]


def _of_one(value: str) -> str:
    """Return the beginning of a text that is the secret: up to a quotation's end, or to what cannot be in one."""
    symbols = [found.end() for found in _SYMBOL.finditer(value)]
    end = _NO_SYMBOL.search(value, symbols[_WHOLE - 1]) if len(symbols) >= _WHOLE else _CLOSED.search(value, 1)
    return value[: end.start()] if end else value


def _forms(secret: str) -> set[str]:
    """Return a secret as it stands, without white space, and decoded from addresses once and twice, in lower case."""
    forms = {secret, re.sub(r"\s+", "", secret), re.sub(r"[\s\\\"'+=]+", "", secret), secret.replace(" ", "+")}
    for _ in range(2):
        forms |= {unquote(form) for form in forms}
    return {form.lower() for form in forms}

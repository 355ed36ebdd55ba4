"""What of pasted text may be shown: the host, ids, policy and expiry that were understood, and nothing else of it.

A label of a secret can be written in more ways than anybody lists. So the other way round: whatever stands in a text to
be shown and in the pasted one too is four dots, unless it is a value of a known kind, which has a strict form.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise
from urllib.parse import unquote

from console.rules.redaction import HIDDEN, looks_random
from console.rules.wrapping import unwrapped

RUN = 6
"""Letters and digits in a row, whatever signs stand between, that are known as pasted."""

_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:SharedAccessSignature|SharedAccessKeyName|SharedAccessKey|HostName|GatewayHostName|DeviceId|"
    r"ModuleId|Authorization|api-version|devices|modules|registrations|enrollmentGroups|enrollments|messages|events|"
    r"twins|servicebound|configurations|statistics|digitaltwins|methods|commands|streams|hubwarden|"
    r"azure-devices(?:-provisioning)?\.net|azure-devices\.(?:cn|us)|[A-Za-z-]*x509|expiry|signature|"
    r"device|module|policy|registration|resource|placeholder|service|signed|"
    r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?Z?)?|\d\d:\d\d:\d\d)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_PROSE = re.compile(r"(?<![^\s“(])[A-Za-z]?[a-z]{1,13}(?![^\s”),.:;])")
_SPELLED_OUT = re.compile(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}")
_BREAK = re.compile(r"[=\\]?\r?\n[\s>]*|\s+")
_ID = re.compile(r"[A-Za-z0-9._:#*!~@$'()+%?,;=-]{1,128}")
_SEPARATOR = re.compile(r"[,;=](?=(?:[^A-Za-z0-9]*[A-Za-z0-9]){16})")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,8}\.?(?::\d{1,5})?")
_LABEL = re.compile(r"sig|key|passw|pwd", re.IGNORECASE)
_SURE = re.compile(
    r"shared\W{0,3}access|(?:account|primary|secondary|symmetric|device)_?key|(?:sig|signature|passwo?r?d|pwd)\W{0,6}[=:]",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[^A-Za-z0-9+/%=_-]+")
_SECRET = re.compile(r"[A-Za-z0-9+/%=_-]{30,}")
_STRETCH = re.compile(r"[A-Za-z0-9+/%]{30,}")
_PLACEHOLDER = re.compile(r"[<{\[$]{1,3}[A-Za-z _-]{1,30}[>}\]]{1,3}")
_EXPIRY = re.compile(r"\d{1,24}")
_LONGEST = 1000  # characters of a value that are looked at: host and two ids have 500 at most
_SHORTEST = 4  # what has less needs no leave: a run of letters and digits has more


def understood(value: str) -> Iterator[str]:
    """Yield the host and ids of a resource, or an id alone, up to where it goes on as no host and no id does.

    Escapes hide what follows them, so that it is judged decoded; each is yielded as it is written as well.
    """
    value = value[:_LONGEST]
    safe = set(_parts(_decoded(value)))
    yield from safe
    for form in dict.fromkeys((value, unquote(value))):
        for part in form.split("/"):
            if "%" in part and safe.issuperset(_decoded(part).split("/")):
                yield part


def understood_whole(value: str) -> bool:
    """Return whether all of a resource, or of a policy's name, is host and ids by their form."""
    return len(value) <= _LONGEST and set(understood(value)) >= {part for part in value.split("/") if part}


def _parts(value: str) -> Iterator[str]:
    text = _before_secret(re.sub(r"^\w+://", "", value.strip()))
    for place, segment in enumerate(text.split("/")):
        if _PLACEHOLDER.fullmatch(segment):
            yield segment
            continue
        found = (_HOST if place == 0 and "/" in text else _ID).match(segment)
        part = _SEPARATOR.split(found[0], maxsplit=1)[0] if found else ""
        part = "" if any(map(_like_key, _STRETCH.findall(part))) else part
        if part:
            yield part
        if part != segment:
            break


def _decoded(text: str) -> str:
    for _ in range(4):
        text = unquote(text)
    return text


def _before_secret(text: str) -> str:
    """Return a value up to the label of a secret that slipped into it."""
    sure = _SURE.search(text)
    text = text[: sure.start()] if sure else text
    for label in _LABEL.finditer(text):
        secret = _SECRET.match(_SIGNS.sub("", text[label.end() :].partition("/modules/")[0]))
        if secret and sum(secret[0].count(sign) for sign in "-_") * 10 <= len(secret[0]) and not secret[0].isalpha():
            return text[: label.start()]
    return text


def _like_key(run: str) -> bool:
    """Return whether a run of signs is base64 by its looks, in its own or in one case; hexadecimal is an id as well."""
    if re.fullmatch(r"[0-9A-Fa-f]+", run):
        return False
    changes = sum(one.isdigit() != other.isdigit() for one, other in pairwise(run))
    return looks_random(run) or changes > 0.12 * len(run)


class Showing:
    """A pasted text in all its forms, and what of it may be shown."""

    def __init__(self, texts: Iterable[str], values: Iterable[str], expiry: str = "") -> None:
        forms = dict.fromkeys(form for text in texts for form in _forms(text))
        self._squeezed = tuple(dict.fromkeys(_letters(form)[0] for form in forms))
        self._words = {word for form in forms for word in _PROSE.findall(form)}
        leave = {part for value in values for part in understood(value)}
        if _EXPIRY.fullmatch(expiry):
            leave.add(expiry)
        spelled = "|".join(re.escape(one) for one in sorted(leave, key=len, reverse=True) if len(one) >= _SHORTEST)
        self._leave = (
            re.compile(rf"(?:(?<![A-Za-z0-9])|(?<=%2F))(?:{spelled})(?![A-Za-z0-9])", re.IGNORECASE)
            if spelled
            else None
        )

    def covered(self, text: str, *, sentence: bool = False) -> str:
        """Return a text in which all that was pasted and not understood is four dots.

        `sentence`: its words are ours, and those that stand in the pasted text as words may stay.
        """
        apart = [*_KNOWN.finditer(text), *(self._leave.finditer(text) if self._leave else ())]
        if sentence:
            apart += [word for word in _PROSE.finditer(text) if len(word[0]) < RUN or word[0] in self._words]
        letters, places = _letters(text, [found.span() for found in apart])
        marks = bytearray(len(text))
        known: dict[str, bool] = {}
        for at in range(len(letters) - RUN + 1):
            gram = letters[at : at + RUN]
            if gram not in known:
                known[gram] = "\x00" not in gram and any(gram in form for form in self._squeezed)
            if known[gram]:
                start, end = places[at], places[at + RUN - 1] + 1
                marks[start:end] = b"\x01" * (end - start)
        if not any(marks):
            return text
        shown = "".join("\x00" if hidden else char for char, hidden in zip(text, marks, strict=True))
        return re.sub(rf"(?:{HIDDEN}|\x00)+", HIDDEN, shown)


def _forms(text: str) -> Iterator[str]:
    """Yield a text as it is, without its breaks, and both with what is escaped in them undone."""
    for one in (text, _BREAK.sub("", text)):
        plain = unwrapped(one).text
        for form in (one, plain, _BREAK.sub("", plain)):
            yield form
            yield html.unescape(unquote(form))
            yield unquote(unquote(form))


def _letters(text: str, apart: Iterable[tuple[int, int]] = ()) -> tuple[str, list[int]]:
    """Return the ASCII letters and digits of a text in lower case, and where each stands; a zero is where it is cut."""
    cut = bytearray(len(text))
    for start, end in apart:
        cut[start:end] = b"\x01" * (end - start)
    for found in _SPELLED_OUT.finditer(text):
        cut[found.start() : found.end()] = b"\x02" * (found.end() - found.start())
    letters: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        if cut[place] == 2:
            continue
        if cut[place] or char in HIDDEN:
            if letters[-1:] != ["\x00"]:
                letters.append("\x00")
                places.append(place)
            continue
        plain = char if char.isascii() else unicodedata.normalize("NFKC", char)
        for one in plain.lower():
            if one.isascii() and one.isalnum():
                letters.append(one)
                places.append(place)
    return "".join(letters), places

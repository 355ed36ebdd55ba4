"""Undoing what programs wrap around a token or connection string: escapes, encodings, pieces; each is named."""

from __future__ import annotations

import base64
import binascii
import html
import quopri
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

from console.model.token import TokenFinding, Verdict

_ROUNDS = 8
_NAMES = r"(?:sr|sig|se|skn)"
_PARTS = rf"(?:{_NAMES}|HostName|SharedAccessKeyName|SharedAccessKey|DeviceId|ModuleId|GatewayHostName)"
_BEGINS = re.compile(r"SharedAccessSignature|HostName\s*=|SharedAccessKey|\bsig=", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")
_ENTITY = re.compile(
    r"&(?:amp;|quot;|apos;|lt;|gt;|equals;|sol;|plus;|percnt;|num;|semi;|colon;|comma;|commat;|lowbar;|nbsp;|period;|"
    rf"quest;|#0*[0-9]{{1,7}};|#[xX]0*[0-9A-Fa-f]{{1,6}};|amp(?={_NAMES}=))"
)
_BACKSLASH = re.compile(
    r"\\(?:u\{?(?P<u>[0-9A-Fa-f]{4})\}?|x(?P<x>[0-9A-Fa-f]{2})|(?P<o>[0-7]{3}|46(?=s)|75(?=\w))|(?P<c>26(?=\s?s))|"
    r"(?P<t>[nrt])|(?P<s>[^\w\s]))"
)
_CARET = re.compile(r"\^(?=[&|=;%<>\"])|`(?=[&$\"'])")
_ESCAPED_SIGN = re.compile(
    rf"(?<!SharedAccessSignature)%(?:25)*(?:26|3B|7C|2C|20|09|0A|0D)(?={_NAMES}(?:=|%(?:25)*3D))", re.IGNORECASE
)
_ESCAPED_NAME = re.compile(rf"{_PARTS}%(?:25)*3D", re.IGNORECASE)
_PLAIN_NAME = re.compile(rf"{_PARTS}\s*(?:[\"']\s*)?[=:]", re.IGNORECASE)
_PRINTABLE = re.compile(rf"{_PARTS}=(?=3D)", re.IGNORECASE)
_NAMED = re.compile(rf"{_PARTS}=", re.IGNORECASE)
_PREFIX = r"[LuU@$rfb]{0,2}"
_PIECES = re.compile(
    rf"([\"'])(?:[ \t]*\r?\n\s*(?:[+.&]\s*)?|[ \t]*[+.&\\_][+.&\\_\s]*|[ \t]+(?={_PREFIX}\1(?:{_PARTS}|[&;])))"
    rf"{_PREFIX}\1"
    r"(?!https?://)(?![^\"'\n]{0,80}[\"']\s*:)",
    re.IGNORECASE,
)
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_QUOTED_LINE = re.compile(r"^(?:>[ \t]?)+")
_FULL_WIDTH = re.compile("[\uff01-\uff5e\u3000]")
_WIDE = {**{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}, 0x3000: 0x20}
_WRITERS = {
    "\\u": "as PowerShell's ConvertTo-Json and System.Text.Json do",
    "\\x": "as JavaScript and Python escape it",
    "&": "as HTML and XML do",
    "^": "as the Windows command line needs it",
    "`": "as PowerShell needs it",
    "%": "as in the query of an address",
}
_STRING = re.compile(r"[\"'>]\s*(?:authorization\s*:\s*)?(?=SharedAccessSignature)", re.IGNORECASE)
_SHELL = re.compile(
    r"^\s*(?:export\s|set\s|setx\s|\$env:|ENV\s|\w+=[\"']|curl\s|mosquitto)", re.IGNORECASE | re.MULTILINE
)

Step = Callable[[str], tuple[str, TokenFinding | None]]


@dataclass(frozen=True)
class Unwrapped:
    """A text without its wrappings, what they were, and every form on the way (none of it to be shown)."""

    text: str = field(repr=False)
    findings: tuple[TokenFinding, ...] = ()
    forms: tuple[str, ...] = field(default=(), repr=False)


def unwrapped(text: str) -> Unwrapped:
    """Return a pasted text as plain text, from whatever was made of it; never raises."""
    forms = [text]
    findings: dict[str, TokenFinding] = {}
    literal = _is_literal(text)
    for _ in range(_ROUNDS):
        before = forms[-1]
        for step in _STEPS:
            after, finding = step(forms[-1])
            if after != forms[-1]:
                forms.append(after)
                if finding is not None:
                    findings.setdefault(finding.id, _within(finding, literal=literal))
        if forms[-1] == before:
            break
    return Unwrapped(forms[-1], tuple(findings.values()), tuple(forms))


def every_form(text: str) -> tuple[str, ...]:
    """Return all forms of a text on the way to its plain one, and those of what stands in it in base64."""
    forms = dict.fromkeys(unwrapped(text).forms)
    for form in tuple(forms):
        for run in _BASE64.finditer(form):
            if (plain := _decoded(run[0])) and plain not in forms:
                forms.update(dict.fromkeys(unwrapped(plain).forms))
    return tuple(forms)


def _is_literal(text: str) -> bool:
    """Return whether a token stands in a string of JSON, XML or a program, where escapes are right."""
    return bool(_STRING.search(text.replace("\\", ""))) and not _SHELL.search(text)


def _within(finding: TokenFinding, *, literal: bool) -> TokenFinding:
    """Return a finding as it counts where it stands: an escape inside a literal is no fault of the token."""
    if literal and finding.id in {"separator-escaped", "escaped"}:
        hint = "That is right inside JSON, XML or a program's text; the token itself has the plain sign"
        return TokenFinding(finding.id, finding.message, hint)
    return finding


# --- the steps ------------------------------------------------------------------------------------------------------


def _sixteen_bits(text: str) -> tuple[str, TokenFinding | None]:
    if text[:1] in {"\ufeff", "\ufffe"}:
        return text.lstrip("\ufeff\ufffe"), None
    if "\x00" not in text:
        return text, None
    message = "it is UTF-16 text: a zero byte stands with every character"
    if text.count("\x00") <= len(text) // 4:
        return text.replace("\x00", ""), None
    found = TokenFinding("utf-16", message, "Write it as UTF-8; PowerShell: Out-File -Encoding utf8")
    return text.replace("\x00", ""), found


def _coloured(text: str) -> tuple[str, TokenFinding | None]:
    if "\x1b[" not in text:
        return text, None
    note = TokenFinding("coloured", "signs that colour a terminal stand in it, which are left out here")
    return _COLOURS.sub("", text), note


def _quoted_lines(text: str) -> tuple[str, TokenFinding | None]:
    lines = text.strip().splitlines()
    if len(lines) < 2 or not all(line.startswith(">") for line in lines[1:]):
        return text, None
    note = TokenFinding("quoted-lines", "its lines begin with “>”, as mail quotes them")
    return "\n".join(_QUOTED_LINE.sub("", line) for line in lines), note


def _full_width(text: str) -> tuple[str, TokenFinding | None]:
    wide = _FULL_WIDTH.search(text)
    if wide is None:
        return text, None
    message = f"“{wide[0]}” (U+{ord(wide[0]):04X}) in it is a full-width sign, as East Asian input methods write it"
    return text.translate(_WIDE), _wrong("full-width", message, "Write it in plain ASCII")


def _in_base64(text: str) -> tuple[str, TokenFinding | None]:
    if _BEGINS.search(text) or _ESCAPED_NAME.search(text):
        return text, None
    for run in _BASE64.finditer(text if " " in text else re.sub(r"\s+", "", text)):
        plain = _decoded(run[0])
        if plain and _BEGINS.search(plain):
            note = TokenFinding("base64-whole", "all of it is written in base64, as Kubernetes keeps secrets")
            return plain, note
    return text, None


def _decoded(run: str) -> str:
    body = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4))
        return raw.decode("utf-16-le" if b"\x00" in raw else "utf-8").lstrip("\ufeff")
    except (binascii.Error, ValueError):
        return ""


def _quoted_printable(text: str) -> tuple[str, TokenFinding | None]:
    marks = len(_PRINTABLE.findall(text))
    if marks < 2 or marks < len(_NAMED.findall(text)) or not text.isascii():
        return text, None
    plain = quopri.decodestring(text.encode()).decode("utf-8", "replace")
    return plain, _wrong("quoted-printable", "its “=” are written =3D, as mail does (quoted-printable)", "Write =")


def _percent_doubled(text: str) -> tuple[str, TokenFinding | None]:
    if not re.search(r"%%[0-9A-Fa-f]{2}", text):
        return text, None
    note = TokenFinding("percent-doubled", "its % are written twice, as in a batch file", "Outside of one write one %")
    return re.sub(r"%%(?=[0-9A-Fa-f]{2})", "%", text), note


def _backslashes(text: str) -> tuple[str, TokenFinding | None]:
    if "\\" not in text:
        return text, None
    single = re.sub(r"\\{2,}", r"\\", text)  # however often it was escaped
    plain = _BACKSLASH.sub(_unescaped, re.sub(r"\\\r?\n[ \t]*", "", single))
    return plain, _sign(single, _BACKSLASH, _unescaped)


def _unescaped(found: re.Match[str]) -> str:
    number = found["u"] or found["x"] or found["c"]
    if number or found["o"]:
        char = chr(int(number, 16) if number else int(found["o"], 8))
        return char if char.isprintable() or char in "\r\n\t" else found[0]
    if found["t"]:
        return "\n" if found["t"] in "nr" else "\t"
    return found["s"]


def _entities(text: str) -> tuple[str, TokenFinding | None]:
    return _ENTITY.sub(_entity, text), _sign(text, _ENTITY, _entity)


def _entity(found: re.Match[str]) -> str:
    return html.unescape(found[0]).replace("\xa0", " ")


def _carets(text: str) -> tuple[str, TokenFinding | None]:
    if not _BEGINS.search(text) or not _CARET.search(text):
        return text, None
    signed = re.search(r"[\^`]&", text)
    found = _escape(signed[0], signed[0][0]) if signed else None
    return _CARET.sub("", text), found


def _percents(text: str) -> tuple[str, TokenFinding | None]:
    if not _PLAIN_NAME.search(text) and _ESCAPED_NAME.search(text):
        return unquote(_blank_first(text)), _wrong(
            "token-encoded", "the whole of it is URL-encoded once more", "Only its values are"
        )
    signed = _ESCAPED_SIGN.search(text)
    if signed is None:
        return text, None
    plain = _ESCAPED_SIGN.sub(lambda found: _fully(found[0]), text)
    plain = re.sub(rf"(?<=[&;|,\s])({_NAMES})%(?:25)*3D", r"\1=", plain, flags=re.IGNORECASE)
    return plain, _escape(signed[0], "%") if _fully(signed[0]) == "&" else None


def _blank_first(text: str) -> str:
    return re.sub(r"(?<=SharedAccessSignature)\+", " ", text, count=1, flags=re.IGNORECASE)


def _fully(text: str) -> str:
    while (plain := unquote(text)) != text:
        text = plain
    return text


def _pieces(text: str) -> tuple[str, TokenFinding | None]:
    if not _BEGINS.search(text) or not (pieces := _PIECES.findall(text)):
        return text, None
    message = f"it stands in {len(pieces) + 1} pieces of a program's text, which are put together here"
    return _PIECES.sub("", text), TokenFinding("in-pieces", message)


_STEPS: tuple[Step, ...] = (
    _sixteen_bits,
    _coloured,
    _quoted_lines,
    _full_width,
    _in_base64,
    _quoted_printable,
    _pieces,
    _backslashes,
    _entities,
    _carets,
    _percent_doubled,
    _percents,
)


# --- what is said of them -------------------------------------------------------------------------------------------


def _sign(text: str, pattern: re.Pattern[str], plain: Callable[[re.Match[str]], str]) -> TokenFinding | None:
    """Return how the signs between the parts are escaped; that others are is a note."""
    for found in pattern.finditer(text):
        if plain(found) == "&" and re.match(rf"\s*{_NAMES}\b", text[found.end() :], re.IGNORECASE):
            kind = "&" if found[0].startswith("&") else found[0].lstrip("\\")[:1]
            return _escape(found[0].replace("\\\\", "\\"), kind if kind == "&" else f"\\{kind}")
    if not pattern.search(text):
        return None
    return TokenFinding("escaped", "signs in it are escaped, as inside JSON, XML or a program's text")


def _escape(spelled: str, kind: str) -> TokenFinding:
    writer = f", {_WRITERS[kind]}" if kind in _WRITERS else ""
    message = f"its & are written {spelled}{writer}"
    return _wrong("separator-escaped", message, "Send the plain &: the service takes nothing else")


def outside(text: str) -> int:
    """Return how many characters stand around something, not counting the signs that close and separate."""
    return len(text.strip()) if re.search(r"\w", text) else 0


def characters(count: int) -> str:
    """Return a number of characters in words."""
    return f"{count} character" if count == 1 else f"{count:,} characters"


def _wrong(id_: str, message: str, hint: str) -> TokenFinding:
    return TokenFinding(id_, message, hint, Verdict.MALFORMED)

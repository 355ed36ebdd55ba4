"""Where a token ends in the text around it, and the signs between its parts: others than & and = are named."""

from __future__ import annotations

import re

from console.model.text import clean
from console.model.token import TokenFinding, Verdict
from console.rules.wrapping import characters, outside

_NAMES = r"(?:sr|sig|se|skn)"
_MARK = re.compile(rf"(?<![A-Za-z0-9])({_NAMES})(\s*(?:[\"']\s*)?[=:]\s*[\"']?)", re.IGNORECASE)
_NEXT_LINE = re.compile(
    rf"\r?\n[ \t]*(?:\r?\n|export\s|set\s|#|//|[}}\])<\-]|HostName=|"
    rf"(?!{_NAMES}\s*(?:[\"']\s*)?[:=])(?:[A-Za-z][\w.-]*:\s|[A-Z_][A-Z0-9_]{{2,}}=(?=[^&\s])))"
)
_SIGNS = re.compile(r"(?:(?<![^A-Za-z0-9%=+/&])[^A-Za-z0-9%=+/&]+|[/+])$")
_TAIL = re.compile(r"(?<![\s\"`}\]>])[\s\"`}\]>]+$")
_TAIL_OF_DIGITS = re.compile(r"(?<![^A-Za-z0-9%=+/_-])[^A-Za-z0-9%=+/_-]+$")
_AFTER = re.compile(rf"(?:(?<=[?&])|^){_NAMES}=[^\s&]+(?:&{_NAMES}=[^\s&]+){{2,3}}(?=\s+[^\s\d&])", re.IGNORECASE)
_WORDS = {" ": "a blank", "\t": "a tab", "\n": "a line break", "": "nothing at all"}


def one_line(body: str, findings: list[TokenFinding]) -> str:
    """Return what follows a scheme without the lines and words after the token, which are a finding."""
    end = len(body)
    if (line := _NEXT_LINE.search(body)) is not None:
        end = line.start()
    if (element := re.search(r"[<>]", body)) is not None:
        end = min(end, element.start())
    if (whole := _AFTER.match(body.lstrip())) is not None and _complete(whole[0]):
        end = min(end, len(body) - len(body.lstrip()) + whole.end())
    if rest := outside(body[end:]):
        message = f"{characters(rest)} after the token are left out here"
        findings.append(TokenFinding("text-after", message, "Send the token alone"))
    return body[:end]


def _complete(text: str) -> bool:
    names = {part.partition("=")[0].casefold() for part in text.split("&")}
    return {"sr", "sig", "se"} <= names


def separated(body: str, findings: list[TokenFinding]) -> str:
    """Return a token's parts with & and = between them; other signs in their place are findings."""
    marks = list(_MARK.finditer(body))
    if not marks:
        return body
    lead = body[: marks[0].start()]
    parts = ["" if not re.search(r"[A-Za-z0-9&=]", lead) else lead]
    others: dict[str, None] = {}
    equals: dict[str, None] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        if mark[2] != "=":
            equals[mark[2]] = None
        value = body[mark.end() : following.start() if following else len(body)]
        if following is None:
            pattern = _TAIL if mark[1].casefold() in {"sr", "skn"} else _TAIL_OF_DIGITS
            parts.append(f"{mark[1]}={pattern.sub('', value)}")
            break
        signs = _SIGNS.search(value)
        if "&" in value:
            parts.append(f"{mark[1]}={value}")
            continue
        sign = signs[0] if signs else ""
        others[sign] = None
        parts.append(f"{mark[1]}={value.removesuffix(sign)}&")
    findings += _named(others, equals)
    return "".join(parts)


def _named(others: dict[str, None], equals: dict[str, None]) -> list[TokenFinding]:
    found = []
    if others:
        signs = " and ".join(dict.fromkeys(map(_word, others)))
        message = f"between its parts stands {signs} instead of “&”"
        found.append(_wrong("separator", message, "Write & between the parts, nothing else"))
    blanks = [sign for sign in equals if sign.strip() == "="]
    if blanks:
        found.append(_wrong("equals-blank", "blanks stand around “=”", "Write NAME=VALUE without them"))
    if len(blanks) < len(equals):
        signs = " and ".join(f"“{clean(sign.strip())}”" for sign in equals if sign not in blanks)
        found.append(_wrong("equals", f"after a name stands {signs} instead of “=”", "Write NAME=VALUE"))
    return found


def _word(sign: str) -> str:
    bare = sign.strip()
    if not bare:
        return _WORDS.get(sign.replace("\r\n", "\n")[:1], "white space")
    return f"“{clean(bare, limit=12)}”"


def _wrong(id_: str, message: str, hint: str) -> TokenFinding:
    return TokenFinding(id_, message, hint, Verdict.MALFORMED)

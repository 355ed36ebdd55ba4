"""Reading a pasted token as far as it can be read: every departure from its form is a finding that says where."""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

from console.model.text import clean
from console.model.token import SasParts, TokenFinding, Verdict
from console.rules.sas import SCHEME
from console.rules.sas_separators import one_line, separated
from console.rules.wrapping import characters, outside, unwrapped

SIGNATURE_BYTES = 32  # HMAC-SHA256
LAST_SECOND = 253402300799  # 9999-12-31T23:59:59Z
_NAMES = ("sr", "sig", "se", "skn")
_REQUIRED = ("sr", "sig", "se")
_SCHEME = re.compile(rf"{SCHEME}(?!\s*(?:[\"']\s*)?[=:]\s*(?:[\"']\s*)?{SCHEME})", re.IGNORECASE)
_ANOTHER = re.compile(rf"{SCHEME}(?:\s|\+|%20)+sr", re.IGNORECASE)
_QUERY = re.compile(r"(?:^|(?<=[^A-Za-z0-9]))(?:sr|sig|se|skn)\s*(?:[\"']\s*)?[=:]", re.IGNORECASE)
_SIGNATURE = re.compile(r"(?:^|(?<=[^A-Za-z0-9]))sig\s*(?:[\"']\s*)?[=:]", re.IGNORECASE)
_HEADER = re.compile(r"authorization[\"']?\s*[:=]\s*[\"']?$", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:pass(?:word|wd)?[\"']?\s*[:=]|-P|--pw)\s*[\"']?$", re.IGNORECASE)
_BLANK = re.compile(r"\s")
_QUOTES = "\"'`“”‘’"
_WORD = re.compile(r"[A-Za-z][A-Za-z_ -]{0,24}")
_KNOWN = ("sharedaccesskey", "sharedaccesskeyname", "sharedaccesssignature", "hostname", "gatewayhostname", "deviceid")
_SHORT = 7  # a word of that length is no piece of a secret that helps anybody
_HEX = re.compile(r"%[0-9A-Fa-f]{2}")
MOMENT = re.compile(r"[0-9TZeE.,:+%/ -]{1,40}")
_UNIT_DIGITS = {13: ("milliseconds", 1_000), 16: ("microseconds", 1_000_000), 19: ("nanoseconds", 1_000_000_000)}


@dataclass(frozen=True)
class ReadToken:
    """A token as read: `parts` as repaired (None when they cannot be told), `kind` how it was pasted, findings.

    `values` are the parameters as they stand in it; `sent` is the repaired token, the form the ledger knows. Nothing of
    it is safe to be shown before `Redaction` has looked at it.
    """

    kind: str
    parts: SasParts | None
    findings: tuple[TokenFinding, ...]
    values: dict[str, str] = field(repr=False)
    sent: str = field(default="", repr=False)


def shown_name(text: str) -> str:
    """Return a name that was typed, in quotation marks; of what may be a piece of a key or signature its length."""
    known = len(text) <= _SHORT or difflib.get_close_matches(text.casefold(), _KNOWN, 1, cutoff=0.8)
    return f"“{clean(text)}”" if known and _WORD.fullmatch(text) else f"what has {len(text)} characters"


def looks_like_one(text: str) -> bool:
    """Return whether text, without its wrappings, is meant as a token."""
    return bool(_SCHEME.search(text)) or (bool(_SIGNATURE.search(text)) and len(_QUERY.findall(text)) > 1)


def read(text: str) -> ReadToken:
    """Return a token, an `Authorization` header with one or an MQTT password, read. Never raises."""
    plain = unwrapped(text)
    findings = list(plain.findings)
    kind, body = _unwrapped(plain.text, findings)
    body = _joined(separated(body, findings), findings)
    values = _parameters(body, findings)
    missing = [name for name in _REQUIRED if not values.get(name)]
    if missing and values:
        names = " and ".join(f"“{name}”" for name in missing)
        findings.append(_malformed("parameter-missing", f"it lacks {names}", "Copy the whole token"))
    if not values:
        findings.append(_malformed("no-token", "there is no token in it", f"One begins with “{SCHEME} sr=”"))
    signature = _signature(values.get("sig", ""), findings) if values.get("sig") else b""
    expires = _expiry(values.get("se", ""), findings) if values.get("se") else None
    if values.get("skn") == "":
        message = "“skn” is empty, as the C SDK sends it with a device's own key: it counts as none"
        findings.append(TokenFinding("skn-empty", message, "It can be left out"))
    if missing or not values:
        return ReadToken(kind, None, tuple(findings), values)
    parts = SasParts(
        signed_resource=values["sr"],
        resource=unquote(values["sr"]),
        signature=signature,
        expiry_text=values["se"],
        expires=expires or datetime.fromtimestamp(0, UTC),
        policy=unquote(values.get("skn", "")),
    )
    return ReadToken(kind, parts if expires else None, tuple(findings), values, f"{SCHEME} {body}")


def _unwrapped(text: str, findings: list[TokenFinding]) -> tuple[str, str]:
    """Return how the token was pasted, and what follows the scheme."""
    body = text.strip().strip("\ufeff\x00")
    kind = "SAS token"
    if not _SCHEME.search(body) and "%20sr%3D" in body:
        body = unquote(body)
    elif re.search(rf"{SCHEME}(?:%20|\+)sr(?:%3D|=)", body, re.IGNORECASE):
        body = unquote(body) if re.search(r"sr%3D", body, re.IGNORECASE) else body
        body = re.sub(rf"({SCHEME})(?:%20|\+)", r"\1 ", body, count=1, flags=re.IGNORECASE)
        findings.append(_malformed("token-encoded", "the whole token is URL-encoded once more", "Only its values are"))
    found = _SCHEME.search(body)
    if found is None:
        if _SIGNATURE.search(body) and (first := _QUERY.search(body)) is not None:
            findings.append(_malformed("scheme-missing", f"it does not begin with “{SCHEME} ”", "Put it in front"))
            start = body.rfind("?", 0, first.start()) + 1 or (0 if "&" in body[: first.start()] else first.start())
            return kind, one_line(body[start:], findings).strip(_QUOTES)
        if body.startswith("eyJ"):
            message = "it is an access token of Entra (a JWT), not a shared access signature"
            findings.append(_malformed("not-sas", message, "Send it as “Bearer …”"))
        return kind, ""
    before, body = body[: found.start()], _first_of(body[found.end() :], findings)
    body = one_line(_up_to_quote(before, body, findings), findings)
    if _HEADER.search(before):
        kind = "Authorization header"
    elif _PASSWORD.search(before):
        kind = "MQTT password"
    elif re.search(r"bearer\s+$", before, re.IGNORECASE):
        findings.append(_malformed("scheme-bearer", f"“Bearer” stands before “{SCHEME}”", "Leave it out"))
    elif outside(before):
        message = f"{characters(len(before.strip()))} before “{SCHEME}” are left out here"
        findings.append(TokenFinding("text-before", message, "Send the token alone"))
    quoted = bool(before) and before[-1] in _QUOTES
    unquoted = body.rstrip(" ,;").rstrip(_QUOTES)
    if unquoted != body.rstrip(" ,;"):
        quoted, body = True, unquoted
    if quoted:
        findings.append(TokenFinding("quoted", "quotation marks stand around it", "They do not belong to the token"))
    if found[0] != SCHEME:
        findings.append(TokenFinding("scheme-case", f"“{clean(found[0])}” is spelled “{SCHEME}”", "Spell it so"))
    if body[:1] not in {" ", ""}:
        shown = clean(body[0])
        message = f"after “{SCHEME}” stands “{shown}” instead of one blank"
        findings.append(_malformed("scheme-separator", message, "Write one blank"))
        body = body[1:] if not body[0].isalnum() else body
    return kind, body.strip()


def _first_of(body: str, findings: list[TokenFinding]) -> str:
    """Return what belongs to the first of several tokens."""
    others = list(_ANOTHER.finditer(body))
    if not others:
        return body
    message = f"{len(others) + 1} tokens stand in it; this is the first"
    findings.append(TokenFinding("several", message, "Give the others on their own"))
    return body[: others[0].start()]


def _up_to_quote(before: str, body: str, findings: list[TokenFinding]) -> str:
    """Return what follows the scheme up to the end of the quotation that it stands in: of a command, of JSON."""
    mark = next((one for one in "'\"`" if before.count(one) % 2), "")
    end = body.find(mark) if mark else -1
    if end < 0:
        return body
    if rest := outside(body[end + 1 :]):
        message = f"{characters(rest)} after the token are left out here"
        findings.append(TokenFinding("text-after", message, "Send the token alone"))
    return body[: end + 1]


def _joined(body: str, findings: list[TokenFinding]) -> str:
    """Return the parameters without white space and invisible characters, which are findings."""
    start = len(SCHEME) + 2  # positions count from the beginning of the token
    blank = _BLANK.search(body)
    if blank is not None:
        what = {" ": "a blank", "\n": "a line break", "\r": "a line break", "\t": "a tab"}.get(blank[0], "white space")
        count = len(_BLANK.findall(body))
        more = f" and {count - 1} more" if count > 1 else ""
        message = f"{what} stands inside at character {start + blank.start()}{more}"
        hint = "Was it broken by the width of a terminal? It is taken out here; the service does not do that"
        sig = re.search(r"sig=([^&]*)", body)
        if sig is not None and " " in sig[1] and "\n" not in body:
            message += ", in the signature"
            hint = "A “+” of the signature was decoded to a blank: encode it as %2B"
            body = body[: sig.start(1)] + sig[1].replace(" ", "+") + body[sig.end(1) :]
        findings.append(_malformed("whitespace-inside", message, hint))
        body = _BLANK.sub("", body)
    for place, char in enumerate(body):
        if not char.isascii() or not char.isprintable():
            message = f"a character that is no part of a token stands at {start + place} (U+{ord(char):04X})"
            findings.append(_malformed("foreign-character", message, "Copy it from a plain text"))
            body = "".join(one for one in body if one.isascii() and one.isprintable())
            break
    return body


def _parameters(body: str, findings: list[TokenFinding]) -> dict[str, str]:
    values: dict[str, str] = {}
    position = len(SCHEME) + 2
    for part in body.split("&") if body else []:
        name, equals, value = part.partition("=")
        at = f"at character {position}"
        position += len(part) + 1
        if not part:
            findings.append(_malformed("parameter-empty", f"an “&” with nothing after it stands before {at[3:]}"))
            continue
        if not equals:
            message = f"{shown_name(part)} {at} has no “=”"
            findings.append(_malformed("parameter-form", message, "Each part reads NAME=VALUE"))
            continue
        known = name.casefold()
        if known in _NAMES and known != name:
            findings.append(_malformed("parameter-case", f"“{clean(name)}” {at} is spelled “{known}”", "Spell it so"))
        elif known not in _NAMES:
            hint = "“sv” and its like are of storage accounts" if known in {"sv", "sp", "srt", "ss"} else ""
            findings.append(TokenFinding("parameter-unknown", f"{shown_name(name)} {at} is no part of it", hint))
            continue
        if known in values:
            findings.append(_malformed("parameter-twice", f"“{known}” {at} stands in it twice", "Take one out"))
            continue
        values[known] = value
    return values


def _signature(text: str, findings: list[TokenFinding]) -> bytes:
    decoded = unquote(text)
    if _HEX.search(decoded):
        message = "the signature is URL-encoded twice (“%25” stands in it)"
        findings.append(_malformed("signature-double-encoded", message, "Encode it once"))
        decoded = unquote(decoded)
    if "+" in text:
        message = "the “+” in the signature is not encoded: whoever reads it as a form makes a blank of it"
        findings.append(TokenFinding("signature-plus", message, "Encode it as %2B"))
    if re.fullmatch(r"[0-9A-Fa-f]{64}", decoded):
        findings.append(_malformed("signature-hex", "the signature is hexadecimal", "It is base64 of the 32 bytes"))
        return bytes.fromhex(decoded)
    if "-" in decoded or "_" in decoded:
        message = "the signature is written in the base64 of web addresses (“-” and “_”)"
        findings.append(_malformed("signature-base64url", message, "Use plain base64: “+” and “/”, then encode these"))
        decoded = decoded.translate(str.maketrans("-_", "+/"))
    for place, char in enumerate(decoded, 1):
        if not re.fullmatch(r"[A-Za-z0-9+/=]", char):
            message = f"character {place} of the signature is “{clean(char)}”, which base64 does not have"
            findings.append(_malformed("signature-base64", message, "Copy the token again"))
            return b""
    raw = _decoded(decoded)
    if len(raw) == SIGNATURE_BYTES:
        if len(decoded) % 4:
            message = "the “=” at the end of the signature is missing"
            findings.append(_malformed("signature-padding", message, "Put it back, as %3D"))
        elif not _strict(decoded):
            message = "the signature is no proper base64: something stands after its end"
            findings.append(_malformed("signature-base64", message, "Copy the token again"))
        return raw
    if len(raw) < SIGNATURE_BYTES:
        message = f"the signature is cut: {len(raw)} bytes of {SIGNATURE_BYTES} are there"
        findings.append(_malformed("signature-truncated", message, "Copy the token again, or mint a new one"))
        return raw
    if re.fullmatch(rb"[0-9A-Fa-f]{64}", raw):
        message = "the signature is base64 of hexadecimal text"
        findings.append(_malformed("signature-hex", message, "Base64 the 32 bytes of the HMAC themselves"))
        return bytes.fromhex(raw.decode())
    message = f"the signature has {len(raw)} bytes; an HMAC-SHA256 has {SIGNATURE_BYTES}"
    findings.append(_malformed("signature-length", message, "Sign with HMAC-SHA256"))
    return raw


def _strict(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _decoded(text: str) -> bytes:
    """Return the whole bytes that base64 text holds, padded or cut as needed."""
    text = text.partition("=")[0]
    text = text[: len(text) - 1] if len(text) % 4 == 1 else text
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _expiry(text: str, findings: list[TokenFinding]) -> datetime | None:
    """Return the moment a token ends: what was meant, where it can be told."""
    if text.isascii() and text.isdigit() and len(text) <= 24:
        seconds = int(text)
        if seconds <= LAST_SECOND:
            return datetime.fromtimestamp(seconds, UTC)
        unit, factor = _UNIT_DIGITS.get(len(text), ("", 0))
        if unit:
            message = f"the expiry “se={text}” is in {unit}; the service reads seconds"
            findings.append(_malformed(f"expiry-in-{unit}", message, f"Divide it by {factor:,}"))
            return datetime.fromtimestamp(min(seconds // factor, LAST_SECOND), UTC)
    findings.append(_no_seconds(text))
    try:
        found = float(text)
        return datetime.fromtimestamp(found, UTC) if 0 <= found <= LAST_SECOND else None
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(unquote(text))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _no_seconds(text: str) -> TokenFinding:
    """Return why an expiry is none: it is a date, a fraction, or something else."""
    plain = unquote(text)
    shown = f"“se={clean(text, limit=32)}”" if MOMENT.fullmatch(text) else f"of {len(text)} characters"
    none = f"the expiry {shown} is no whole number of seconds since 1970"
    if re.search(r"\d{4}-\d\d|\d\d[./]\d\d[./]\d{2}|\d{8}T", plain):
        hint = "A date is written as seconds: date -d 2026-12-01T12:00Z +%s"
        return _malformed("expiry-form", f"{none}: it is a date", hint)
    if re.fullmatch(r"[0-9]+[.,][0-9]*(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+", plain):
        return _malformed(
            "expiry-form", f"{none}: it has a fraction or an exponent", "Round it: int(time.time()) + 3600"
        )
    return _malformed("expiry-form", none)


def _malformed(id_: str, message: str, hint: str = "") -> TokenFinding:
    return TokenFinding(id_, message, hint, Verdict.MALFORMED)

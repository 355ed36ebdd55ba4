"""Recomputing a signature, and the ways in which it usually goes wrong, to tell which one it was."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus, unquote

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.model.token import SasParts, TokenFinding, Verdict
from console.rules.sas import LONGEST_KEY, SHORTEST_KEY, USUAL_KEYS, decode_key

_ESCAPES = re.compile(r"%[0-9a-fA-F]{2}")


@dataclass(frozen=True)
class Trial:
    """What one key says of a signature: it fits, or it is the right key and `mistakes` tell what went wrong."""

    fits: bool
    mistakes: tuple[TokenFinding, ...] = ()

    @property
    def right_key(self) -> bool:
        """Whether the signature was made with this key, well or badly."""
        return self.fits or bool(self.mistakes)


def tried(parts: SasParts, key: Secret) -> Trial:
    """Hold a signature against a key, as it should be made and in the ways it is often made instead."""
    if not parts.signature:
        return Trial(False)
    try:
        raw = decode_key(key)
    except ConsoleError:
        raw = b""
    proper = f"{parts.signed_resource}\n{parts.expiry_text}".encode("utf-8", "replace")
    if raw and hmac.compare_digest(hmac.digest(raw, proper, "sha256"), parts.signature):
        return Trial(True)
    for key_mistake, key_bytes in _keys(key, raw):
        for mistake, message in _messages(parts):
            found = tuple(one for one in (key_mistake, mistake) if one is not None)
            made = hmac.digest(key_bytes, message, "sha256")
            if found and hmac.compare_digest(made, parts.signature):
                return Trial(False, found)
            if len(parts.signature) >= 6 and len(parts.signature) < len(made) and made.startswith(parts.signature):
                cut = _mistake("signature-truncated-right", "what is there of the signature fits the key", "")
                return Trial(False, (cut, *found))
        for name in ("sha1", "sha512", "sha384", "md5"):
            if hmac.compare_digest(hmac.digest(key_bytes, proper, name), parts.signature):
                hash_mistake = _mistake("signature-hash", f"it was made with HMAC-{name.upper()}", "Use HMAC-SHA256")
                return Trial(False, tuple(one for one in (key_mistake, hash_mistake) if one is not None))
    return Trial(False)


def key_text(key: Secret) -> tuple[str, bool]:
    """Return what can be told of a key without showing it, and whether it is one: its form and length."""
    text = key.reveal()
    if not text.strip():
        return "it is empty", False
    try:
        raw = binascii.a2b_base64(text.strip(), strict_mode=True)
    except (binascii.Error, ValueError):
        if re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", text.strip()) and ("-" in text or "_" in text):
            return "it is written in the base64 of web addresses; IoT Hub's keys are plain base64", False
        if re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", text.strip()):
            return f"it is base64 that was cut: {len(text.strip())} characters", False
        return "it is not base64", False
    length = f"base64, {len(raw)} bytes"
    if not SHORTEST_KEY <= len(raw) <= LONGEST_KEY:
        return f"{length}; IoT Hub's keys have {SHORTEST_KEY} to {LONGEST_KEY}", False
    return (length if len(raw) in USUAL_KEYS else f"{length}; those that Azure makes have 32 or 64: was it cut?"), True


def _keys(key: Secret, raw: bytes) -> Iterator[tuple[TokenFinding | None, bytes]]:
    text = key.reveal().strip()
    if raw:
        yield None, raw
    hint = "Decode the key from base64 first: the HMAC takes its bytes"
    undecoded = _mistake("key-not-decoded", "the signature was made with the text of the key, not with its bytes", hint)
    yield undecoded, text.encode("utf-8", "replace")
    yield undecoded, text.encode("utf-8", "replace") + b"\n"
    try:
        other = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return
    if other and other != raw:
        yield _mistake("key-base64url", "the key is written in the base64 of web addresses", "Use plain base64"), other


def _messages(parts: SasParts) -> Iterator[tuple[TokenFinding | None, bytes]]:
    sent, expiry = parts.signed_resource, parts.expiry_text
    seen: set[str] = set()
    for mistake, text in _texts(parts, sent, unquote(sent), expiry):
        if text not in seen:
            seen.add(text)
            yield mistake, text.encode("utf-8", "replace")


def _texts(parts: SasParts, sent: str, plain: str, expiry: str) -> Iterator[tuple[TokenFinding | None, str]]:
    yield None, f"{sent}\n{expiry}"
    hint = "Sign the resource exactly as it stands in the token: encoded"
    over = "the signature was made over"
    yield _mistake("signature-over-decoded", f"{over} the decoded resource", hint), f"{plain}\n{expiry}"
    encoded = _mistake(
        "signature-over-encoded",
        f"{over} the encoded resource (%2F for “/”), and it is sent unencoded",
        "Send sr as it was signed: encoded. Or sign it as it is sent",
    )
    if "/" in sent:
        for text in (quote_plus(plain), quote(plain, safe=""), _spelled(quote_plus(plain), str.lower)):
            yield encoded, f"{text}\n{expiry}"
    for spelled, word in ((_spelled(sent, str.upper), "%2F"), (_spelled(sent, str.lower), "%2f")):
        case = f"{over} the resource with “{word}”, and it was sent with the other spelling"
        yield _mistake("signature-hex-case", case, "Send the spelling that was signed"), f"{spelled}\n{expiry}"
    lower = _mistake("signature-over-lower-case", f"{over} the resource in lower case", hint)
    for text in (
        sent.lower(),
        quote_plus(plain.lower()),
        plain.lower(),
        _spelled(quote_plus(plain.lower()), str.lower),
    ):
        yield lower, f"{text}\n{expiry}"
    for text in (quote(plain, safe="/"), quote(plain, safe="/%"), quote_plus(plain), quote(plain, safe="")):
        yield _mistake("signature-over-other-encoding", f"{over} another encoding of it", hint), f"{text}\n{expiry}"
    yield (
        _mistake("signature-over-double-encoded", f"{over} the twice encoded resource", hint),
        f"{quote_plus(sent)}\n{expiry}",
    )
    twice = _mistake("signature-over-decoded", f"{over} the resource decoded twice", hint)
    yield twice, f"{unquote(plain)}\n{expiry}"
    bare = re.sub(r"^\w+://", "", plain)
    host, slash, path = bare.partition("/")
    for text in (f"https://{bare}", bare, host.partition(":")[0] + slash + path):
        other = _mistake("signature-over-other-host", f"{over} another form of the host (https://, port)", hint)
        yield other, f"{quote_plus(text)}\n{expiry}"
        yield other, f"{text}\n{expiry}"
    order = _mistake(
        "signature-order", f"{over} the expiry first and then the resource", "Sign RESOURCE, line feed, EXPIRY"
    )
    for text in (sent, plain):
        yield order, f"{expiry}\n{text}"
        yield order, f"{expiry}{text}"
    feed = _mistake("signature-line-feed", f"{over} resource and expiry without the one line feed between", "Use \\n")
    for text in (sent, plain):
        for end in (
            f"{text}{expiry}",
            f"{text}\r\n{expiry}",
            f"{text}\\n{expiry}",
            f"{text}\n{expiry}\n",
            f"{text} {expiry}",
        ):
            yield feed, end
    yield (
        _mistake("signature-with-policy", f"{over} the policy's name too", "Sign RESOURCE, line feed, EXPIRY alone"),
        f"{sent}\n{expiry}\n{parts.policy}",
    )
    if expiry.isascii() and expiry.isdigit() and len(expiry) < 20:
        unit = _mistake("signature-expiry-unit", f"{over} another unit of the expiry", "Sign the expiry that is sent")
        yield unit, f"{sent}\n{int(expiry) * 1000}"
        yield unit, f"{sent}\n{int(expiry) // 1000}"


def _spelled(text: str, change: Callable[[str], str]) -> str:
    return _ESCAPES.sub(lambda match: change(match[0]), text)


def _mistake(id_: str, message: str, hint: str) -> TokenFinding:
    return TokenFinding(id_, message, hint, Verdict.MALFORMED)

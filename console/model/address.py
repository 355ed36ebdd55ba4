"""Addresses: shown without the user name and password that they may carry, told apart, and checked."""

from __future__ import annotations

import re

_WORD = r"[^\s\"'<>“”]*"
_NAME = r"[A-Za-z][A-Za-z0-9+.-]{0,31}"
_MARK = rf"(?:https?|socks\w*|ftp):[/\\]+|{_NAME}:[/\\]{{2,}}"
_SCHEME = rf"(?i)(?P<start>(?<![A-Za-z0-9+.-])(?:{_MARK})|(?<![:\w/\\])//)(?P<rest>{_WORD})"
_ESCAPED = rf"(?i)(?P<start>{_NAME}%3A%2F%2F){_WORD}(?:%40|@)"
"""Patterns as text: most runs need none of them, and the first frame waits for this module."""
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_MOST = 253
_DEFAULT_PORTS = {"https": 443, "http": 80}


def without_userinfo(text: str) -> str:
    """Return text in which no address shows a user name or password; most of what a user meets goes through here."""
    if "@" not in text and "%40" not in text:
        return text
    return re.sub(_SCHEME, _bare, re.sub(_ESCAPED, r"\g<start>", text))


def _bare(match: re.Match[str]) -> str:
    rest = match["rest"]
    place = re.split(r"[/\\?#]", rest, maxsplit=1)[0]
    if not re.search("[@:]|%40|%3a", place, re.IGNORECASE):
        return match[0]  # a host by itself: an @ further on is part of a path
    end = max((found.end() for found in re.finditer("@|%40", rest)), default=0)
    return match["start"] + rest[end:]  # a password may hold a slash, and "user:12" look like a port: take no chance


def shown_address(value: str) -> str:
    """Return an address, also one without a scheme or in percent-encoding, without what stands before its last @."""
    from urllib.parse import unquote

    for text in (value, unquote(value), unquote(unquote(value))):
        if "@" in text:
            scheme, mark, rest = text.partition("://")
            return (scheme + mark if mark and re.fullmatch(_NAME, scheme) else "") + (
                rest if mark else text
            ).rpartition("@")[2]
    return value


def has_userinfo(value: str) -> bool:
    """Return whether an address carries a user name or password, in whatever writing."""
    from urllib.parse import unquote

    return "@" in unquote(unquote(value))


def is_host(text: str) -> bool:
    """Return whether text is a host in ASCII: a name of letters, digits, `-`, `_` and dots, or an IPv4 address."""
    return len(text) <= _MOST and all(re.fullmatch(_LABEL, label) for label in text.split("."))


def is_place(text: str) -> bool:
    """Return whether text is `HOST` or `HOST:PORT` and nothing else; an IPv6 address stands in brackets."""
    from ipaddress import AddressValueError, IPv6Address

    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    elif not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return False
    if host.startswith("[") and host.endswith("]"):
        try:
            return bool(IPv6Address(host[1:-1])) and "%" not in host
        except AddressValueError:
            return False
    return is_host(host)


def is_service_url(text: str) -> bool:
    """Return whether text is `https://HOST[:PORT]`, a closing slash allowed, and nothing else."""
    return text.startswith("https://") and is_place(text.removeprefix("https://").removesuffix("/"))


def place_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a URL; empty texts and 0 for what is none."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0
    return parts.scheme, (parts.hostname or "").rstrip("."), port


def same_place(url: str, other: str) -> bool:
    """Return whether two URLs lead to the same host, by one scheme and port, without tricks in the first."""
    from urllib.parse import urlsplit

    if re.search(r"[\x00-\x20\x7f\\]", url) or not url.isascii():
        return False
    found = place_of(url)
    return bool(found[1]) and found == place_of(other) and "@" not in urlsplit(url).netloc


def led_to(base: str, location: str) -> str:
    """Return where a header `Location` of an answer from `base` leads: no user name, password or query shown."""
    from urllib.parse import urljoin, urlsplit

    if not location.strip():
        return "a place that it does not name"
    try:
        parts = urlsplit(urljoin(base, location.strip()))
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "a place that is no address"
    if not host:
        return "a place that is no address"
    host = f"[{host}]" if ":" in host else host
    return without_userinfo(f"{parts.scheme}://{host}{port}{parts.path if parts.path != '/' else ''}")

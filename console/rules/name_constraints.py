"""Whether a certificate's names stay within the name constraints of a CA above it (RFC 5280 §4.2.1.10)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from console.rules.certificate_facts import Facts, guarded
from console.rules.x509_names import COMMON_NAME, EMAIL, canonical, general_name, values

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)+")
_MOST = 1 << 20  # names times constraints; OpenSSL's own limit


def violation(one: Facts, above: Facts, *, leaf: bool) -> str:
    """Return what of a certificate's names a CA above it does not permit, as part of a sentence; empty for nothing.

    A leaf without DNS names has its common names checked too, where they look like host names.
    """
    rules = above.value(x509.NameConstraints)
    if rules is None:
        return ""
    names = _names_of(one)
    if leaf and not any(isinstance(name, x509.DNSName) for name in one.names or ()):
        names += _hosts_of(one)
    permitted, excluded = list(rules.permitted_subtrees or ()), list(rules.excluded_subtrees or ())
    if len(names) * (len(permitted) + len(excluded)) > _MOST:
        return "has more names than can be held against the constraints"
    for name in names:
        why = _judge(name, permitted, excluded)
        if why:
            return why
    return ""


def _names_of(one: Facts) -> list[Any]:
    names: list[Any] = []
    if one.subject:
        names.append(_Subject(one.subject, one.info.subject))
        for value in values(one.parts.subject, EMAIL):
            name = guarded(lambda value=value: x509.RFC822Name(value), None, [], "")  # type: ignore[misc]
            names.append(name if name is not None else _Unreadable(value))
    return names + list(one.names or ())


class _Subject:
    """A certificate's subject: so that names which count as equal are the same bytes, and for people."""

    def __init__(self, canonical: bytes, text: str) -> None:
        self.value = canonical
        self.text = text


class _Unreadable:
    """A name of a form that cannot be compared."""

    def __init__(self, value: str) -> None:
        self.value = value


def _hosts_of(one: Facts) -> list[Any]:
    found = [value.rstrip("\0") for value in values(one.parts.subject, COMMON_NAME)]
    return [x509.DNSName(value) for value in found if _HOST.fullmatch(value)]


def _judge(name: Any, permitted: Iterable[Any], excluded: Iterable[Any]) -> str:
    if isinstance(name, _Unreadable):
        return "has an address in its subject that cannot be compared"
    words = f"DN:{name.text}" if isinstance(name, _Subject) else general_name(name)
    kind = x509.DirectoryName if isinstance(name, _Subject) else type(name)
    mine = [rule for rule in permitted if type(rule) is kind]
    banned = [rule for rule in excluded if type(rule) is kind]
    if not isinstance(
        name,
        _Subject
        | x509.DirectoryName
        | x509.DNSName
        | x509.RFC822Name
        | x509.UniformResourceIdentifier
        | x509.IPAddress,
    ):
        return f"has the name {words}, of a form that cannot be held against the constraints" if mine or banned else ""
    if mine and not any(_within(name, rule) for rule in mine):
        return f"has the name {words}, which is not permitted"
    if any(_within(name, rule) for rule in banned):
        return f"has the name {words}, which is excluded"
    return ""


def _within(name: Any, rule: Any) -> bool:
    if isinstance(name, _Subject):
        return name.value.startswith(_canonical(rule))
    if isinstance(name, x509.DirectoryName):
        return _canonical(name).startswith(_canonical(rule))
    if isinstance(name, x509.IPAddress):
        return guarded(lambda: name.value in rule.value, False, [], "")
    value, base = name.value.lower(), rule.value.lower()
    if isinstance(name, x509.DNSName):
        return bool(
            not base or value == base or (value.endswith(base) and (base[0] == "." or value[-len(base) - 1] == "."))
        )
    if isinstance(name, x509.RFC822Name):
        return _mail_within(name.value, rule.value)
    host = guarded(lambda: urlsplit(value).hostname or "", "", [], "")
    return bool(host) and (host.endswith(base) and len(host) > len(base) if base.startswith(".") else host == base)


def _mail_within(value: str, base: str) -> bool:
    local, _, host = value.rpartition("@")
    wanted_local, mark, wanted_host = base.rpartition("@")
    if not mark and base.startswith("."):
        return value.lower().endswith(base.lower()) and len(value) > len(base)
    if wanted_local and local != wanted_local:
        return False
    return host.lower() == wanted_host.lower()


def _canonical(name: Any) -> bytes:
    return canonical(guarded(lambda: name.value.public_bytes(), b"", [], ""))

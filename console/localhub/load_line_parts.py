"""The members of a line of an export job: those in another spelling, and what the local hub drops of their parts."""

from __future__ import annotations

from collections.abc import Iterator

from console.localhub.state import Json

_TOP = (
    *("id", "deviceId", "moduleId", "status", "statusReason", "importMode", "authentication", "capabilities", "tags"),
    *("properties", "managedBy", "deviceScope", "parentScopes", "eTag", "twinETag"),
)
_KEYS, _PRINTS = ("primaryKey", "secondaryKey"), ("primaryThumbprint", "secondaryThumbprint")
_PARTS: dict[str, tuple[str, ...]] = {
    "authentication": ("type", "symmetricKey", "x509Thumbprint"),
    "capabilities": ("iotEdge",),
    "symmetricKey": _KEYS,
    "x509Thumbprint": _PRINTS,
}
_SIGNS_IN = {
    "sas": ("x509Thumbprint",),
    "selfsigned": ("symmetricKey",),
    "certificateauthority": ("symmetricKey", "x509Thumbprint"),
}
_BOTH_SPELT = {"etag"}  # jobs write eTag, queries etag


def miswritten(line: Json) -> str:
    """Return which member is spelt in another case, where it would mean nothing; empty when none is."""
    for place, members, known in _objects(line):
        for name in members:
            right = next((one for one in known if one.casefold() == name.casefold()), name)
            if name != right and name.casefold() not in _BOTH_SPELT:
                return f"{place}{name} means nothing: it is spelt {right}"
    return ""


def dropped(line: Json) -> list[str]:
    """Return what of a line's credentials and capabilities the local hub does not keep, as notes."""
    found = []
    for place, members, known in _objects(line):
        if place:
            found += [f"{place}{name}: the local hub holds none" for name in members if _given(members, name, known)]
    mechanism = line.get("authentication")
    if isinstance(mechanism, dict):
        word = _kind(mechanism)
        for name in _SIGNS_IN.get(word, ()):
            held = mechanism.get(name)
            if isinstance(held, dict) and any(held.values()):
                found.append(f"authentication.{name}, for the device does not sign in by it (type {word})")
    return found


def has_credentials(line: Json) -> bool:
    """Return whether a line says how its device signs in."""
    mechanism = line.get("authentication")
    if not isinstance(mechanism, dict):
        return False
    if _kind(mechanism) in {"selfsigned", "certificateauthority"}:
        return True
    keys = mechanism.get("symmetricKey")
    return isinstance(keys, dict) and any(keys.values())


def _kind(mechanism: Json) -> str:
    """Return how an identity signs in, in lower case; without a type thumbprints say it, as to the registry."""
    prints = mechanism.get("x509Thumbprint")
    given = isinstance(prints, dict) and any(prints.get(name) for name in _PRINTS)
    return str(mechanism.get("type") or ("selfsigned" if given else "sas")).casefold()


def _objects(line: Json) -> Iterator[tuple[str, Json, tuple[str, ...]]]:
    """Yield the objects of a line whose members are known, each with its place and these."""
    yield "", line, _TOP
    for name in ("authentication", "capabilities"):
        part = line.get(name)
        if isinstance(part, dict):
            yield f"{name}.", part, _PARTS[name]
            for below in ("symmetricKey", "x509Thumbprint"):
                if isinstance(inner := part.get(below), dict):
                    yield f"{name}.{below}.", inner, _PARTS[below]


def _given(members: Json, name: str, known: tuple[str, ...]) -> bool:
    return name not in known and members[name] not in (None, "", [], {}, False)

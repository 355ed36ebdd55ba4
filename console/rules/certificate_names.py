"""Names in certificates: what may stand in a common name, and the file names made from it."""

from __future__ import annotations

import ipaddress
import re

from console.model.certificate import CertificateKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules.device_input import check_id

COMMON_NAME_LIMIT = 64
"""RFC 5280, ub-common-name: `openssl req` and `cryptography` refuse longer ones, though a device id may have 128."""

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=@+-")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_HOST_LIMIT = 253


def check_name(kind: CertificateKind, name: str) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless a certificate of this kind may have this common name."""
    if kind is CertificateKind.DEVICE:
        check_id(name)
    elif kind is CertificateKind.MODULE:
        _check_module(name)
    elif kind is CertificateKind.SERVER:
        check_host(name)
        return
    elif not name or clean(name) != name or name != name.strip():
        what = f"“{clean(name, limit=60)}” cannot be the common name of a certificate" if name else "A name is missing"
        why = "it is empty" if not name else "it has blanks at an end, or control or invisible characters"
        raise _bad(what, why, f"Give 1 to {COMMON_NAME_LIMIT} visible characters")
    length = len(name.encode("utf-8", "surrogatepass"))
    if length > COMMON_NAME_LIMIT:
        what = f"No certificate can be made for “{clean(name, limit=60)}”"
        why = f"the name has {length} bytes, and the common name of a certificate takes {COMMON_NAME_LIMIT} (RFC 5280)"
        hint = "Give it a shorter name"
        if kind in {CertificateKind.DEVICE, CertificateKind.MODULE}:
            hint = "Use a device id that fits, or a thumbprint registration: it does not look at the common name"
        raise _bad(what, why, hint)


def _check_module(name: str) -> None:
    device, slash, module = name.partition("/")
    if not slash:
        what, why = f"“{clean(name, limit=60)}” names no module", "there is no / in it"
        raise _bad(what, why, "Write it as deviceId/moduleId")
    check_id(device)
    try:
        check_id(module)
    except ConsoleError as error:
        error.what = error.what.replace("device id", "module id")
        raise


def check_host(name: str) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless this is a host name, `*.` before one, or an IP address."""
    found = address(name)
    if found is not None:
        if getattr(found, "scope_id", None):
            what, why = (
                f"“{clean(name, limit=60)}” cannot stand in a certificate",
                "its zone is known to this host alone",
            )
            raise _bad(what, why, f"Write it without: {str(found).partition('%')[0]}")
        return
    bare = name.removeprefix("*.")
    if not bare or len(bare) > _HOST_LIMIT or not all(_LABEL.fullmatch(label) for label in bare.split(".")):
        what = f"“{clean(name, limit=60)}” is no host name"
        raise _bad(what, "", "Write it like gateway.example.org, *.example.org or 10.0.0.4")


def check_permitted(name: str) -> None:
    """Raise ConsoleError BAD_INPUT (code "usage") unless CAs can be limited to this DNS name and those below it."""
    bare = name.removeprefix(".")
    if name.startswith("*") or address(bare) is not None:
        what = f"“{clean(name, limit=60)}” cannot be permitted"
        why = "names below are meant without a star" if name.startswith("*") else "it is an address, no DNS name"
        raise _bad(what, why, "Write it like example.org")
    check_host(bare)


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return text as an IP address, None when it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def permitted(host: str, names: tuple[str, ...]) -> bool:
    """Return whether DNS name constraints allow a host: the name itself or one below it (RFC 5280, 4.2.1.10)."""
    folded = host.lower().removeprefix("*.").rstrip(".")
    return any(
        folded == allowed or folded.endswith(f".{allowed}") for allowed in (n.lower().lstrip(".") for n in names)
    )


def kind_of(name: str) -> CertificateKind:
    """Return what a name given for a device stands for: a device, or with a slash a module (device ids have none)."""
    return CertificateKind.MODULE if "/" in name else CertificateKind.DEVICE


def kind_for(kind: CertificateKind, name: str) -> CertificateKind:
    """Return the kind of one of many: where devices are asked for, a name with a slash is a module."""
    return kind_of(name) if kind in {CertificateKind.DEVICE, CertificateKind.MODULE} else kind


def file_stem(name: str) -> str:
    """Return a common name as the beginning of file names: safe in a folder and a shell, and `name_of` gives it back.

    Letters, digits and . _ = @ + - stay; other bytes become %XX, and so does a leading dot or dash (hidden files,
    options). Case stays, so names that differ by case only need a file system that tells them apart.
    """
    parts = [letter if letter in _PLAIN else _escaped(letter) for letter in name]
    if parts and parts[0] in {".", "-"}:
        parts[0] = _escaped(parts[0])
    return "".join(parts)


def name_of(stem: str) -> str:
    """Return the common name that `file_stem` made this of."""
    from urllib.parse import unquote

    return unquote(stem, errors="strict")


def _escaped(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))


def _bad(what: str, why: str, hint: str = "") -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")

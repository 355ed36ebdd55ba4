"""The certificates and requests of pyca/cryptography's test vectors, and what openssl says of them."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from support.chains import NOW, OPENSSL

_BLOCK = re.compile(
    rb"-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE|(?:NEW )?CERTIFICATE REQUEST)-----(.*?)-----END", re.S
)
_BATCH = 120


@dataclass(frozen=True)
class Member:
    """One certificate or request of the corpus, and the file that it is from."""

    name: str
    der: bytes
    request: bool


@cache
def corpus() -> tuple[Member, ...]:
    """Return the members, each once."""
    import cryptography_vectors

    root = Path(cryptography_vectors.__file__).parent
    found: dict[bytes, Member] = {}
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.suffix in (".py", ".pyc", ".txt", ".json"):
            continue
        data = path.read_bytes()
        name = str(path.relative_to(root))
        for number, (label, der) in enumerate(_members(path, data)):
            found.setdefault(der, Member(f"{name}#{number}", der, b"REQUEST" in label))
    return tuple(found.values())


def _members(path: Path, data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for match in _BLOCK.finditer(data):
        lines = [line for line in match[2].split(b"\n") if b":" not in line]
        try:
            yield match[1], base64.b64decode(b"".join(b"".join(lines).split()), validate=True)
        except ValueError:
            continue
    if data[:1] == b"\x30" and path.parts[-2] in ("x509", "custom", "requests", "certs", "san", "ed25519", "ed448"):
        kind = b"REQUEST" if path.parts[-2] == "requests" else b"CERTIFICATE"
        yield kind, data


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def openssl_text(der: bytes, *, request: bool = False) -> str | None:
    """Return what `openssl x509 -text` says, with times in ISO 8601; None where it does not take the bytes."""
    assert OPENSSL is not None
    names = ["-nameopt", "utf8,sname,sep_comma_plus"]
    what = ["req"] if request else ["x509", "-dateopt", "iso_8601", "-serial", "-dates", "-issuer"]
    command = [OPENSSL, *what, "-inform", "DER", "-noout", "-text", "-subject", *names]
    done = subprocess.run(command, input=der, capture_output=True, timeout=60)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def openssl_verdicts(
    folder: Path, leaves: Iterable[Member], others: Iterable[Member], roots: Iterable[Member], *more: str
) -> dict[str, bool]:
    """Return whether `openssl verify` trusts each leaf, by name; some of them in one process."""
    assert OPENSSL is not None
    (folder / "others.pem").write_bytes(b"".join(pem(one.der) for one in others) or b"\n")
    (folder / "roots.pem").write_bytes(b"".join(pem(one.der) for one in roots))
    files: dict[str, str] = {}
    for number, one in enumerate(leaves):
        (folder / f"{number}.pem").write_bytes(pem(one.der))
        files[f"{number}.pem"] = one.name
    trusted: dict[str, bool] = {}
    names = list(files)
    for start in range(0, len(names), _BATCH):
        command = [OPENSSL, "verify", "-trusted", "roots.pem", "-purpose", "sslclient", *more]
        command += ["-untrusted", "others.pem"] if (folder / "others.pem").stat().st_size > 1 else []
        part = names[start : start + _BATCH]
        done = subprocess.run([*command, *part], cwd=folder, capture_output=True, text=True, timeout=300)
        good = set(re.findall(r"^(\d+\.pem): OK$", done.stdout, re.M))
        trusted |= {files[one]: one in good for one in part}
    return trusted


def at(moment: datetime = NOW) -> tuple[str, str]:
    return ("-attime", str(int(moment.timestamp())))


def openssl_requests(members: Iterable[Member]) -> dict[str, bool | None]:
    """Return whether `openssl req -verify` says that each is signed by its own key; None where it cannot load it."""
    assert OPENSSL is not None
    found: dict[str, bool | None] = {}
    for one in members:
        command = [OPENSSL, "req", "-inform", "DER", "-noout", "-verify"]
        done = subprocess.run(command, input=one.der, capture_output=True, text=False, timeout=60)
        told = done.stderr + done.stdout
        found[one.name] = True if b"verify OK" in told else None if b"nable to load" in told else False
    return found

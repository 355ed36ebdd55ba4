"""A worker process of bulk issuing: reads names from standard input, writes what it made to standard output.

The first line holds the order with the CA's key; later ones hold names, and folders that can go. It ends with its
parent, however that ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from typing import Any

from console.model.certificate import CertificateKind, KeyType, LeafOrder
from console.model.secret import Secret
from console.rules.certificate_keys import private_der, private_from_der
from console.rules.certificates import DER, Authority
from console.services.issue_files import LeafFiles

_PARENT_DEATH = 1  # PR_SET_PDEATHSIG (prctl(2), Linux)


def order_line(issuer: Authority, template: LeafOrder, now: datetime, folder: str, passphrase: Secret | None) -> bytes:
    """Return the first line for a worker; it holds the CA's key, so it goes through a pipe and nowhere else."""
    order = {
        "parent": os.getpid(),
        "key": b64encode(private_der(issuer.key)).decode(),
        "chain": [b64encode(one.public_bytes(DER)).decode() for one in issuer.chain],
        "kind": template.kind.value,
        "key_type": template.key_type.value,
        "lifetime": template.lifetime.total_seconds(),
        "pkcs12": template.pkcs12,
        "now": now.isoformat(),
        "folder": folder,
        "passphrase": passphrase.reveal() if passphrase is not None else None,
    }
    return json.dumps(order).encode() + b"\n"


def files_from(order: dict[str, Any]) -> LeafFiles:
    """Return what makes the leaves of an order."""
    from cryptography import x509

    chain = tuple(x509.load_der_x509_certificate(b64decode(one)) for one in order["chain"])
    template = LeafOrder(
        CertificateKind(order["kind"]),
        "",
        KeyType(order["key_type"]),
        timedelta(seconds=order["lifetime"]),
        pkcs12=order["pkcs12"],
    )
    passphrase = None if order["passphrase"] is None else Secret(order["passphrase"])
    now = datetime.fromisoformat(order["now"])
    return LeafFiles(
        Authority(private_from_der(b64decode(order["key"])), chain), template, now, order["folder"], passphrase
    )


def main() -> None:
    """Work until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    source, target = sys.stdin.buffer, sys.stdout.buffer
    first = source.readline()
    if not first:
        return
    order = json.loads(first)
    _end_with(order["parent"])
    files = files_from(order)
    for number, line in enumerate(source):
        files.enter(f"{os.getpid()}-{number}")
        names, done = json.loads(line)
        files.clear(done)
        made, refused = files.make_all(names)
        rows = [(one.name, one.serial, one.sha1, one.sha256, one.parts, one.notes, one.place) for one in made]
        target.write(json.dumps([rows, refused]).encode() + b"\n")
        target.flush()


def _end_with(parent: int) -> None:
    """Have the system end this process with its parent; elsewhere the end of standard input does, a little later."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before that was asked for
            os._exit(1)


if __name__ == "__main__":
    main()

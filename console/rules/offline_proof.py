"""Proof of possession where the CA's key is out of reach: the shell's lines for the machine that holds it."""

from __future__ import annotations

import hashlib

from console.model.errors import ConsoleError, ErrorKind
from console.model.shell import command_line
from console.rules.hub_certificate_name import check_name
from console.rules.verification_code import usable


def steps(name: str, code: str) -> tuple[str, ...]:
    """Return what to do on the machine that holds the CA's key, as lines of a shell (comments begin with #).

    They work with openssl 1.1.1 and 3 for RSA and EC keys; for an encrypted key openssl asks itself. The serial number
    is made of the code: no serial file of the CA is read or written. Raises ConsoleError BAD_ANSWER when the code
    could not stand in a line of a shell, BAD_INPUT for a name that no certificate has.
    """
    check_name(name)
    if not usable(code):
        why = "it holds other characters than letters and digits, or none"
        raise ConsoleError(ErrorKind.BAD_ANSWER, "This is no verification code", why, "Ask for another", code="no-code")
    serial = f"0x1{hashlib.sha256(code.encode()).hexdigest()[:30]}"
    words = ("hubwarden", "--write", "cert", "prove", "--proof", "proof.cert.pem", "--yes")
    hand_in = command_line(*words, operands=[name])
    return (
        f"# On the machine that holds the key of {name}; its own file names go in the places of ca.cert.pem and",
        "# ca.key.pem. The CA's key stays where it is.",
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out proof.key.pem",
        f'openssl req -new -sha256 -key proof.key.pem -subj "/CN={code}" -out proof.csr.pem',
        "openssl x509 -req -sha256 -days 1 -in proof.csr.pem -CA ca.cert.pem -CAkey ca.key.pem "
        f"-set_serial {serial} -out proof.cert.pem",
        "rm -f proof.key.pem proof.csr.pem",
        "# Bring proof.cert.pem back within a day (no key is in it), and hand it in:",
        f"# {hand_in}",
    )

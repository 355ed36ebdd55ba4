"""Netscape's certificate type, which OpenSSL still minds, judged as `openssl verify` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from support.chain_faults import both, check_agreement
from support.chain_house import House
from support.chains import needs_openssl

pytestmark = needs_openssl
H = House()
ROOT = H.ca("Root")
NETSCAPE = x509.ObjectIdentifier("2.16.840.1.113730.1.1")


@pytest.mark.parametrize("purpose", ["sslclient", "sslserver", "any"])
@pytest.mark.parametrize("bits", ["03020780", "03020640", "030206c0", "03020204", "030100", "0500", "03"])
@pytest.mark.parametrize("where", ["leaf", "issuer"])
def test_netscapes_certificate_type_is_minded_as_openssl_minds_it(
    tmp_path: Path, purpose: str, bits: str, where: str
) -> None:
    kind = [(x509.UnrecognizedExtension(NETSCAPE, bytes.fromhex(bits)), False)]
    issuer = H.ca("Issuing", ROOT, 2, more=kind if where == "issuer" else ())
    leaf = H.leaf(issuer, purposes=None, more=kind if where == "leaf" else ())
    verdict, theirs = both(tmp_path, leaf, [issuer], [ROOT], purpose)
    if theirs.numbers == {20}:  # openssl takes what it cannot read for no issuer; we say what it is
        theirs = replace(theirs, errors=())
    check_agreement(verdict, theirs)

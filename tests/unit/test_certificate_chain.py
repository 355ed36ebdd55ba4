"""Every way in which a chain can be broken, and what is right: verdict and reason are those of `openssl verify`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from support.chain_faults import both, check_agreement
from support.chain_house import House, Made
from support.chains import (
    ANY,
    CLIENT,
    DAY,
    KEY_KINDS,
    NOW,
    SERVER,
    needs_openssl,
    usage,
)

from console.model.certificate import Fault

pytestmark = needs_openssl
T = Fault
MATRIX: dict[str, tuple[Callable[[House], Made], set[Fault]]] = {
    "proper": (lambda h: h.chain(), set()),
    "no extendedKeyUsage at all": (lambda h: h.chain(leaf={"purposes": None}), set()),
    "both purposes": (lambda h: h.chain(leaf={"purposes": [SERVER, CLIENT]}), set()),
    "expired leaf": (lambda h: h.chain(leaf={"not_after": NOW - DAY}), {T.EXPIRED}),
    "expired issuer": (lambda h: h.chain(issuer={"not_after": NOW - DAY}), {T.EXPIRED}),
    "expired root": (lambda h: h.chain(root={"not_after": NOW - DAY}), {T.EXPIRED}),
    "not yet valid leaf": (lambda h: h.chain(leaf={"not_before": NOW + DAY}), {T.NOT_YET_VALID}),
    "not yet valid issuer": (lambda h: h.chain(issuer={"not_before": NOW + DAY}), {T.NOT_YET_VALID}),
    "altered content": (lambda h: h.altered(), {T.BAD_SIGNATURE}),
    "altered signature": (lambda h: h.altered(signature=True), {T.BAD_SIGNATURE}),
    "issuer with another key": (lambda h: h.another_issuer(), {T.NO_ISSUER}),
    "the same, without key identifier": (lambda h: h.another_issuer(aki=None), {T.BAD_SIGNATURE, T.MALFORMED}),
    "issuer is no CA": (
        lambda h: h.chain(issuer={"basic": x509.BasicConstraints(ca=False, path_length=None)}),
        {T.NOT_A_CA, T.MALFORMED},
    ),
    "issuer without basicConstraints": (lambda h: h.chain(issuer={"basic": None}), {T.NOT_A_CA, T.MALFORMED}),
    "issuer without basicConstraints and keyUsage": (
        lambda h: h.chain(issuer={"basic": None, "key_usage": None}),
        {T.NOT_A_CA},
    ),
    "issuer without keyCertSign": (lambda h: h.chain(issuer={"key_usage": usage("crl_sign")}), {T.KEY_USAGE}),
    "issuer without keyUsage": (lambda h: h.chain(issuer={"key_usage": None}), {T.MALFORMED}),
    "issuer with basicConstraints not critical": (lambda h: h.chain(issuer={"basic_critical": False}), {T.MALFORMED}),
    "issuer for servers only": (lambda h: h.chain(issuer={"purposes": [SERVER]}), {T.WRONG_PURPOSE}),
    "issuer for clients": (lambda h: h.chain(issuer={"purposes": [CLIENT]}), set()),
    "issuer without subjectKeyIdentifier": (lambda h: h.chain(issuer={"ski": None}), {T.MALFORMED}),
    "leaf for servers only": (lambda h: h.chain(leaf={"purposes": [SERVER]}), {T.WRONG_PURPOSE}),
    "leaf for anything, in the way nobody takes": (lambda h: h.chain(leaf={"purposes": [ANY]}), {T.WRONG_PURPOSE}),
    "leaf that may not sign": (lambda h: h.chain(leaf={"key_usage": usage("key_encipherment")}), {T.WRONG_PURPOSE}),
    "leaf with key agreement": (lambda h: h.chain(leaf={"key_usage": usage("key_agreement")}), set()),
    "leaf without authorityKeyIdentifier": (lambda h: h.chain(leaf={"aki": None}), {T.MALFORMED}),
    "leaf with keyCertSign": (
        lambda h: h.chain(leaf={"key_usage": usage("digital_signature", "key_cert_sign")}),
        {T.MALFORMED},
    ),
    "leaf with keyCertSign, no basicConstraints": (
        lambda h: h.chain(leaf={"basic": None, "key_usage": usage("digital_signature", "key_cert_sign")}),
        {T.NOT_A_CA, T.MALFORMED},
    ),
    "leaf without basicConstraints": (lambda h: h.chain(leaf={"basic": None}), set()),
    "unknown critical extension": (
        lambda h: h.chain(
            leaf={"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0"), True)]}
        ),
        {T.CRITICAL_EXTENSION},
    ),
    "unknown extension": (
        lambda h: h.chain(
            leaf={"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\5\0"), False)]}
        ),
        set(),
    ),
    "empty subject": (lambda h: h.chain(leaf={"subject": ""}), {T.MALFORMED}),
    "empty subject, other name": (
        lambda h: h.chain(leaf={"subject": "", "names": [x509.DNSName("press-1")], "names_critical": True}),
        set(),
    ),
}


@pytest.mark.parametrize("deep", [True, False], ids=["intermediate", "root only"])
@pytest.mark.parametrize("kind", KEY_KINDS)
@pytest.mark.parametrize("case", MATRIX)
def test_verdict_and_reason_are_those_of_openssl(tmp_path: Path, case: str, kind: str, deep: bool) -> None:
    build, expected = MATRIX[case]
    leaf, others, roots = build(House(kind, deep))
    verdict, theirs = both(tmp_path, leaf, others, roots)
    check_agreement(verdict, theirs)
    assert {one.fault for one in verdict.faults} == expected
    for one in verdict.faults:
        info = verdict.chain[one.depth]
        assert info.subject in one.message or info.serial[:16] in one.message
        assert one.hint

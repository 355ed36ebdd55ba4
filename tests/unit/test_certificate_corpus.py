"""pyca/cryptography's test vectors: fields as `openssl x509 -text` has them, verdicts as `openssl verify` gives."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.chains import NOW, needs_openssl
from support.corpus import Member, corpus, openssl_requests, openssl_text, openssl_verdicts

from console.model.certificate import CertificateInfo, Fault, Purpose
from console.model.errors import ConsoleError
from console.model.text import clean
from console.rules.certificate_chain import Anchor, verify_leaf
from console.rules.certificate_facts import Facts, anyhow, facts
from console.rules.certificate_reading import read
from console.rules.request_facts import request_info

pytest.importorskip(
    "cryptography_vectors", reason="cryptography_vectors is not here: the corpus (pip install -e '.[dev]')"
)
pytestmark = [needs_openssl, pytest.mark.slow]

_LESS_STRICT = {
    "DSAParametersInheritedCACert.crt": "a DSA key without parameters: IoT Hub takes no DSA, the library neither",
    "ValidDSAParameterInheritanceTest5EE.crt": "as its CA",
    "badasn1time.pem": "its time has a control character in it; openssl loads it, and refuses to verify it",
    "dsa_null_alg_params.pem": "NULL beside a DSA algorithm, which must have no parameters",
    "ecdsa_null_alg.pem": "NULL beside an ECDSA algorithm, which must have no parameters",
    "invalid_version.pem": "version 8",
    "ed25519-rfc8410.pem": "writes out critical FALSE",
}
"""What openssl loads and we show with a reason, but do not judge."""
_NOT_KNOWN = {
    "nc_invalid_ip4_netmask.der": "its name constraints hold a mask that is none",
    "nc_invalid_ip_netmask.pem": "its name constraints hold a mask that is none",
    "nc_ip_invalid_length.pem": "its name constraints hold an address of a wrong length",
}
"""What openssl trusts as its own root (it looks at name constraints only below), and we say is not known."""
_TIMES = (Fault.EXPIRED, Fault.NOT_YET_VALID)  # the corpus is old: openssl is told to leave times out too
_USAGES = {
    "Digital Signature": "digitalSignature",
    "Non Repudiation": "nonRepudiation",
    "Key Encipherment": "keyEncipherment",
    "Data Encipherment": "dataEncipherment",
    "Key Agreement": "keyAgreement",
    "Certificate Sign": "keyCertSign",
    "CRL Sign": "cRLSign",
    "Encipher Only": "encipherOnly",
    "Decipher Only": "decipherOnly",
}
_PURPOSES = {
    "TLS Web Server Authentication": "serverAuth",
    "TLS Web Client Authentication": "clientAuth",
    "Code Signing": "codeSigning",
    "E-mail Protection": "emailProtection",
    "Time Stamping": "timeStamping",
    "OCSP Signing": "OCSPSigning",
    "Any Extended Key Usage": "anyExtendedKeyUsage",
    "IPSec End System": "ipsecEndSystem",
    "IPSec Tunnel": "ipsecTunnel",
    "IPSec User": "ipsecUser",
    "Microsoft Commercial Code Signing": "msCodeCom",
    "Microsoft Smartcard Login": "msSmartcardLogin",
    "Microsoft Server Gated Crypto": "msSGC",
    "Netscape Server Gated Crypto": "nsSGC",
}


def certificates() -> list[Member]:
    return [one for one in corpus() if not one.request]


@pytest.fixture(scope="module")
def texts() -> dict[str, str | None]:
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda one: openssl_text(one.der), certificates())
        return {one.name: text for one, text in zip(certificates(), found, strict=True)}


def short(name: str) -> str:
    return name.rpartition("/")[2].partition("#")[0]


def test_what_openssl_loads_is_read_or_shown_with_a_reason(texts: dict[str, str | None]) -> None:
    assert len(texts) > 500
    refused = set()
    for one in certificates():
        try:
            facts(one.der)
        except ValueError as error:
            info, why = anyhow(one.der)
            assert why and str(error) == why, one.name
            assert "ParseError" not in why and "cryptography" not in why, (one.name, why)
            if texts[one.name] is not None:
                assert info is not None, one.name
                refused.add(short(one.name))
        else:
            assert texts[one.name] is not None, f"{one.name} is read, and openssl does not load it"
    assert refused == set(_LESS_STRICT)


def test_every_field_is_as_openssl_has_it(texts: dict[str, str | None]) -> None:
    differences = []
    compared = 0
    for one in certificates():
        text, info = texts[one.name], anyhow(one.der)[0]
        if text is None or info is None:
            continue
        compared += 1
        theirs = fields_of(text)
        ours = ours_of(info)
        differences += [(short(one.name), key, ours[key], theirs[key]) for key in theirs if ours[key] != theirs[key]]
    unexplained = [one for one in differences if one[:2] not in _EXPLAINED]
    assert not unexplained, unexplained[:10]
    assert compared > 500


_EXPLAINED = {
    ("empty-eku.pem", "purposes"): "an empty list of purposes, of which openssl shows the first one",
    ("scottishpower-bitstring-dn.pem", "subject"): "a part of its subject is bits: we show them as digits",
}


def fields_of(text: str) -> dict[str, object]:
    """Return the fields that `openssl x509 -text` tells."""
    lines = dict(re.findall(r"^(subject|issuer|serial|notBefore|notAfter)=(.*)$", text, re.M))
    return {
        "subject": folded(lines["subject"]),
        "issuer": folded(lines["issuer"]),
        "serial": int(lines["serial"], 16),
        "not_before": moment(lines["notBefore"]),
        "not_after": moment(lines["notAfter"]),
        "bits": bits_of(text),
        "usage": listed(text, "X509v3 Key Usage", _USAGES),
        "purposes": listed(text, "X509v3 Extended Key Usage", _PURPOSES),
        "names": names_of(text),
        "authority": authority_of(text),
    }


def ours_of(info: CertificateInfo) -> dict[str, object]:
    return {
        "subject": folded(info.subject),
        "issuer": folded(info.issuer),
        "serial": int(info.serial, 16),
        "not_before": info.not_before if info.not_before.year > 1 else None,
        "not_after": info.not_after if info.not_after.year > 1 else None,
        "bits": info.key_bits,
        "usage": set(info.key_usage),
        "purposes": set(info.extended_usage),
        "names": {one for one in info.alternative_names if one.startswith(("DNS:", "IP:", "email:", "URI:"))},
        "authority": (info.authority, info.path_length),
    }


def folded(name: str) -> str:
    return clean(name, limit=512).replace(", ", ",").casefold()


def moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        return None  # "Bad time value"


def bits_of(text: str) -> int:
    found = re.search(r"Public-Key: \((\d+) bit", text)
    if found:
        return int(found[1])
    return 256 if "ED25519 Public-Key" in text else 456 if "ED448 Public-Key" in text else 0


def _value(text: str, name: str) -> list[str]:
    found = re.search(rf"^ {{12}}{re.escape(name)}: ?(?:critical)?\s*\n {{16}}(.*)$", text, re.M)
    return [one.strip() for one in found[1].split(",")] if found else []


def listed(text: str, name: str, words: dict[str, str]) -> set[str]:
    return {words.get(one, one) for one in _value(text, name) if one}


def names_of(text: str) -> set[str]:
    kinds = {"DNS": "DNS", "IP Address": "IP", "email": "email", "URI": "URI"}
    found = set()
    for one in _value(text, "X509v3 Subject Alternative Name"):
        kind, _, value = one.partition(":")
        if kind in kinds:
            found.add(f"{kinds[kind]}:{address(value) if kind == 'IP Address' else value}")
    return found


def address(text: str) -> str:
    import ipaddress

    return str(ipaddress.ip_address(text.lower()))


def authority_of(text: str) -> tuple[bool | None, int | None]:
    value = ",".join(_value(text, "X509v3 Basic Constraints"))
    if not value:
        return None, None
    length = re.search(r"pathlen:(\d+)", value)
    return "CA:TRUE" in value, int(length[1]) if length else None


# --- verdicts --------------------------------------------------------------------------------------------------------


def verdict(one: Member, others: list[bytes], roots: list[Member], *, strict: bool) -> bool | None:
    """Return what we say of a leaf, times left out; None for "not known"."""
    anchors = [Anchor(root.der, "roots") for root in roots]
    try:
        faults = verify_leaf(one.der, others, anchors, NOW, Purpose.CLIENT, strict=strict).faults
    except ValueError:
        return None
    left = [fault for fault in faults if fault.fault not in _TIMES]
    if left and all(fault.unknown for fault in left):
        return None
    return not left


def options(strict: bool) -> list[str]:
    return ["-no_check_time", *(["-x509_strict"] if strict else [])]


@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
def test_nist_paths_end_as_openssl_has_them(tmp_path: Path, texts: dict[str, str | None], strict: bool) -> None:
    """NIST's PKITS: some 400 certificates, each judged as a leaf below the one root, all others at hand."""
    paths = [one for one in certificates() if "PKITS" in one.name and texts[one.name] is not None]
    roots = [one for one in paths if "TrustAnchorRoot" in one.name]
    others = [one for one in paths if one not in roots]
    theirs = openssl_verdicts(tmp_path, paths, others, roots, *options(strict))
    ders = [one.der for one in others]
    ours = {one.name: verdict(one, ders, roots, strict=strict) for one in paths}
    assert [name for name in theirs if (ours[name] is True) != theirs[name]] == []
    assert sum(theirs.values()) > 150 and len(theirs) > 390
    assert sum(one is None for one in ours.values()) <= 2  # the DSA keys that inherit parameters


def test_each_by_itself_and_below_what_bears_its_issuers_name(tmp_path: Path, texts: dict[str, str | None]) -> None:
    rest = [one for one in certificates() if "PKITS" not in one.name and texts[one.name] is not None]
    known = {one.name: Facts(one.der, tolerant=True) for one in rest}
    pairs = [(one, one) for one in rest]
    for one in rest:
        named = [root for root in rest if known[root.name].subject == known[one.name].issuer and root is not one]
        pairs += [(one, root) for root in named if not known[one.name].self_issued]
    trials = [(one, root, strict) for one, root in pairs for strict in (False, True)]

    def ask(number: int) -> bool:
        one, root, strict = trials[number]
        folder = tmp_path / str(number)
        folder.mkdir()
        return openssl_verdicts(folder, [one], [], [root], *options(strict))[one.name]

    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(ask, range(len(trials))))
    wrong, seen = [], Counter[tuple[bool, bool | None]]()
    for (one, root, strict), trusted in zip(trials, theirs, strict=True):
        mine = verdict(one, [], [root], strict=strict)
        seen[trusted, mine] += 1
        explained = mine is None and short(one.name) in (*_LESS_STRICT, *_NOT_KNOWN)
        if (mine is True) != trusted and not explained:
            wrong.append((one.name, root.name, strict, trusted, mine))
    assert wrong == []
    assert seen[True, True] > 100 and seen[False, False] > 100


# --- requests and the rest -------------------------------------------------------------------------------------------


def test_requests_prove_what_openssl_says_they_prove() -> None:
    requests = [one for one in corpus() if one.request]
    assert len(requests) > 12
    verified = openssl_requests(requests)
    for one in requests:
        try:
            info = request_info(one.der)
        except ValueError as error:
            assert "ParseError" not in str(error)
            assert verified[one.name] is not True, (one.name, error)
            continue
        if info.not_known:
            continue
        assert info.proven == (verified[one.name] is True), (one.name, info, verified[one.name])


def test_no_file_of_the_corpus_says_a_word_of_the_library() -> None:
    import cryptography_vectors

    root = Path(cryptography_vectors.__file__).parent
    files = [path for path in root.rglob("*") if path.is_file() and path.suffix in (".der", ".pem", ".p7b", ".p12")]
    assert len(files) > 300
    for path in files:
        try:
            held = read(path.read_bytes(), "a file")
            words = [*held.notes, *(one.reason for one in held.unread)]
            words += [text for one in held.certificates for text in (*one.problems, *one.oddities)]
        except ConsoleError as error:
            words = [error.sentence()]
        for text in words:
            assert not re.search(r"ParseError|asn1|cryptography|Exception|OpenSSL error", text), (
                path,
                text,
            )

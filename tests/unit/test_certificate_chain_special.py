"""Chains of unusual shapes: depth, loops, names, several issuers, partial chains; judged as `openssl verify` does."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from support.chain_faults import both, check_agreement, ours
from support.chain_house import House, Made
from support.chains import (
    ANY,
    CLIENT,
    DAY,
    NOW,
    SERVER,
    Node,
    key,
    make,
    name,
    needs_openssl,
    openssl_verify,
    sha1,
    usage,
    version_1,
)

from console.model.certificate import Fault

pytestmark = needs_openssl
T = Fault
H = House()
ROOT = H.ca("Root")
MIDDLE = H.ca("Issuing", ROOT, 2)
LEAF = H.leaf(MIDDLE)
ZERO = H.ca("Root", path_length=0)
NAMED = {
    word: H.ca("Issuing", ROOT, 2, more=[(x509.NameConstraints(permitted, excluded), True)])
    for word, permitted, excluded in (
        ("contoso", [x509.DNSName("contoso.com")], None),
        ("no fabrikam", None, [x509.DNSName("fabrikam.com")]),
        ("mail", [x509.RFC822Name("contoso.com")], None),
        ("net", [x509.IPAddress(ipaddress.ip_network("10.0.0.0/8"))], None),
        ("uri", [x509.UniformResourceIdentifier(".contoso.com")], None),
        ("directory", [x509.DirectoryName(name("", organization_name="Contoso"))], None),
    )
}


def _deep(count: int) -> Made:
    """A chain of so many intermediate CAs."""
    made = [H.ca("Root")]
    for level in range(count):
        made.append(make(f"CA {level}", made[-1], ca=True, number=100 + level))
    return H.leaf(made[-1]), made[1:], made[:1]


SPECIAL: dict[str, tuple[Callable[[], Made], set[Fault]]] = {
    "no issuer in the file": (lambda: (LEAF, [], [ROOT]), {T.NO_ISSUER}),
    "nothing trusted": (lambda: (LEAF, [MIDDLE], []), {T.NO_ISSUER}),
    "the root is in the file, not trusted": (
        lambda: (LEAF, [MIDDLE, ROOT], [H.ca("Another", number=9)]),
        {T.UNTRUSTED_ROOT},
    ),
    "an imitation of the root": (lambda: (H.leaf(H.ca("Root", number=9)), [H.ca("Root", number=9)], [ROOT]), None),
    "self-signed leaf": (lambda: (make("press-1"), [], [ROOT]), {T.UNTRUSTED_ROOT}),
    "self-signed leaf that is trusted": (lambda: (one := make("press-1", number=8), [], [one]), set()),
    "a twin of it is trusted": (
        lambda: (make("press-1", number=8), [], [make("press-1", number=8)]),
        {T.UNTRUSTED_ROOT},
    ),
    "only the intermediate is trusted": (lambda: (LEAF, [], [MIDDLE]), {T.NO_ISSUER}),
    "the intermediate is trusted, the root is in the file": (lambda: (LEAF, [ROOT], [MIDDLE]), {T.NO_ISSUER}),
    "another certificate of the same root key is trusted": (
        lambda: (LEAF, [MIDDLE, ROOT], [H.ca("Root", not_after=NOW + 900 * DAY)]),
        set(),
    ),
    "that one, and the old one has expired": (
        lambda: (LEAF, [H.ca("Root", not_after=NOW - DAY), MIDDLE], [H.ca("Root", not_after=NOW + 900 * DAY)]),
        set(),
    ),
    "path length": (
        lambda: (H.leaf(low := H.ca("Low", mid := H.ca("Issuing", ZERO, 2), 3)), [mid, low], [ZERO]),
        {T.PATH_LENGTH},
    ),
    "path length, one below": (
        lambda: (H.leaf(mid := H.ca("Issuing", ZERO, 2)), [mid], [ZERO]),
        {T.PATH_LENGTH},
    ),
    "path length, none below": (lambda: (H.leaf(ZERO), [], [ZERO]), set()),
    "path length, self-issued ones do not count": (
        lambda: (H.leaf(again := H.ca("Root", ZERO, 5)), [again], [ZERO]),
        set(),
    ),
    "path length of the issuer": (
        lambda: (H.leaf(low := H.ca("Low", mid := H.ca("Issuing", ROOT, 2, path_length=0), 3)), [low, mid], [ROOT]),
        {T.PATH_LENGTH},
    ),
    "path length of no CA": (
        lambda: (
            version_1(LEAF, MIDDLE.key),
            [MIDDLE],
            [ROOT],
        ),
        set(),
    ),
    "root of version 1": (
        lambda: (H.leaf(old := version_1(ROOT, ROOT.key)), [], [old]),
        {T.NOT_A_CA, T.MALFORMED},
    ),
    "intermediate of version 1": (
        lambda: (H.leaf(old := version_1(MIDDLE, ROOT.key)), [old], [ROOT]),
        {T.NOT_A_CA, T.MALFORMED},
    ),
    "version 1 with extensions": (
        lambda: (version_1(LEAF, MIDDLE.key, extensions=True), [MIDDLE], [ROOT]),
        {T.MALFORMED},
    ),
    "signed with SHA-1": (lambda: (sha1(LEAF, MIDDLE.key), [MIDDLE], [ROOT]), set()),
    "leaf is a CA without purpose for signing": (
        lambda: (H.ca("press-1", MIDDLE, 7), [MIDDLE], [ROOT]),
        {T.WRONG_PURPOSE},
    ),
    "Ed25519": (lambda: (make("press-1", top := make("R", ca=True, kind="ed25519")), [], [top]), set()),
    "RSA 1024": (lambda: (make("press-1", MIDDLE, kind="rsa-1024"), [MIDDLE], [ROOT]), set()),
    "a curve that few take": (lambda: (make("press-1", MIDDLE, kind="secp256k1"), [MIDDLE], [ROOT]), set()),
    "RSA leaf of an EC CA": (lambda: (make("press-1", MIDDLE, kind="rsa-2048"), [MIDDLE], [ROOT]), set()),
    "names count as equal": (
        lambda: (
            make("press-1", loud := make(name("ISSUING   CA"), ROOT, ca=True, number=2), issuer=name(" Issuing ca")),
            [loud],
            [ROOT],
        ),
        set(),
    ),
    "names differ": (
        lambda: (make("press-1", MIDDLE, issuer=name("Issuing 2")), [MIDDLE], [ROOT]),
        {T.NO_ISSUER},
    ),
    "in any order, with strangers": (
        lambda: (LEAF, [H.ca("X", number=20), ROOT, make("other"), MIDDLE], [H.ca("Y", number=21), ROOT]),
        set(),
    ),
    "two issuers of one name, by key identifier": (
        lambda: (LEAF, [H.ca("Issuing", ROOT, 30), MIDDLE, H.ca("Issuing", ROOT, 31)], [ROOT]),
        set(),
    ),
    "an expired and a valid issuer of one key": (
        lambda: (LEAF, [H.ca("Issuing", ROOT, 2, not_after=NOW - DAY), MIDDLE], [ROOT]),
        set(),
    ),
    "issuer and serial in the key identifier": (
        lambda: (
            make(
                "press-1",
                MIDDLE,
                aki=x509.AuthorityKeyIdentifier(
                    x509.SubjectKeyIdentifier.from_public_key(MIDDLE.key.public_key()).digest,
                    [x509.DirectoryName(name("Root"))],
                    MIDDLE.certificate.serial_number,
                ),
            ),
            [MIDDLE],
            [ROOT],
        ),
        set(),
    ),
    "another serial in the key identifier": (
        lambda: (
            make(
                "press-1",
                MIDDLE,
                aki=x509.AuthorityKeyIdentifier(
                    x509.SubjectKeyIdentifier.from_public_key(MIDDLE.key.public_key()).digest,
                    [x509.DirectoryName(name("Root"))],
                    12345,
                ),
            ),
            [MIDDLE],
            [ROOT],
        ),
        {T.NO_ISSUER},
    ),
    "a loop of two": (
        lambda: (
            H.leaf(a := make("A", Node(H.ca("B", number=41).certificate, key("ec-p256", 41)), ca=True, number=40)),
            [a, make("B", a, ca=True, number=41)],
            [ROOT],
        ),
        {T.NO_ISSUER},
    ),
    "permitted name": (lambda: (H.leaf(NAMED["contoso"], "press-1.contoso.com"), [NAMED["contoso"]], [ROOT]), set()),
    "common name outside": (
        lambda: (H.leaf(NAMED["contoso"], "press-1.fabrikam.com"), [NAMED["contoso"]], [ROOT]),
        {T.NAME_CONSTRAINT},
    ),
    "common name that is no host": (lambda: (H.leaf(NAMED["contoso"], "press-1"), [NAMED["contoso"]], [ROOT]), set()),
    "other name outside": (
        lambda: (H.leaf(NAMED["contoso"], names=[x509.DNSName("fabrikam.com")]), [NAMED["contoso"]], [ROOT]),
        {T.NAME_CONSTRAINT},
    ),
    "other name that only ends alike": (
        lambda: (H.leaf(NAMED["contoso"], names=[x509.DNSName("notcontoso.com")]), [NAMED["contoso"]], [ROOT]),
        {T.NAME_CONSTRAINT},
    ),
    "excluded name": (
        lambda: (H.leaf(NAMED["no fabrikam"], names=[x509.DNSName("a.Fabrikam.com")]), [NAMED["no fabrikam"]], [ROOT]),
        {T.NAME_CONSTRAINT},
    ),
    "mail inside": (
        lambda: (H.leaf(NAMED["mail"], names=[x509.RFC822Name("a@contoso.com")]), [NAMED["mail"]], [ROOT]),
        set(),
    ),
    "mail outside": (
        lambda: (H.leaf(NAMED["mail"], names=[x509.RFC822Name("a@x.contoso.com")]), [NAMED["mail"]], [ROOT]),
        {T.NAME_CONSTRAINT},
    ),
    "address inside": (
        lambda: (H.leaf(NAMED["net"], names=[_address("10.2.3.4")]), [NAMED["net"]], [ROOT]),
        set(),
    ),
    "address outside": (
        lambda: (H.leaf(NAMED["net"], names=[_address("11.2.3.4")]), [NAMED["net"]], [ROOT]),
        {T.NAME_CONSTRAINT},
    ),
    "URI inside": (
        lambda: (
            H.leaf(NAMED["uri"], names=[x509.UniformResourceIdentifier("https://a.contoso.com/x")]),
            [NAMED["uri"]],
            [ROOT],
        ),
        set(),
    ),
    "URI outside": (
        lambda: (
            H.leaf(NAMED["uri"], names=[x509.UniformResourceIdentifier("https://contoso.com:1/x")]),
            [NAMED["uri"]],
            [ROOT],
        ),
        {T.NAME_CONSTRAINT},
    ),
    "subject inside the directory": (
        lambda: (
            make(x509.Name([*name("", organization_name="CONTOSO"), *name("press-1")]), NAMED["directory"]),
            [NAMED["directory"]],
            [ROOT],
        ),
        set(),
    ),
    "subject outside the directory": (
        lambda: (H.leaf(NAMED["directory"]), [NAMED["directory"]], [ROOT]),
        {T.NAME_CONSTRAINT},
    ),
    "as deep as openssl goes": (lambda: _deep(100), set()),
    "deeper": (lambda: _deep(101), {T.TOO_LONG}),
}


def _address(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


@pytest.mark.parametrize("case", SPECIAL)
def test_special_cases_are_judged_as_openssl_does(tmp_path: Path, case: str) -> None:
    build, expected = SPECIAL[case]
    leaf, others, roots = build()
    verdict, theirs = both(tmp_path, leaf, others, roots)
    check_agreement(verdict, theirs)
    if expected is not None:
        assert {one.fault for one in verdict.faults} == expected


@pytest.mark.parametrize("purpose", ["sslclient", "sslserver", "any"])
@pytest.mark.parametrize("purposes", [None, [CLIENT], [SERVER], [ANY], [SERVER, CLIENT]])
@pytest.mark.parametrize("words", [None, ("digital_signature",), ("key_encipherment",), ("data_encipherment",)])
def test_purposes_are_those_of_openssl(tmp_path: Path, purpose: str, purposes, words) -> None:
    leaf = H.leaf(MIDDLE, purposes=purposes, key_usage=usage(*words) if words else None)
    check_agreement(*both(tmp_path, leaf, [MIDDLE], [ROOT], purpose))


@pytest.mark.parametrize("case", ["intermediate", "leaf itself", "root", "above", "none", "expired"])
def test_a_ca_at_the_hub_ends_a_chain_as_openssl_partial_chain(tmp_path: Path, case: str) -> None:
    anchors = {
        "intermediate": [MIDDLE],
        "leaf itself": [LEAF],
        "root": [ROOT],
        "above": [ROOT, MIDDLE],
        "none": [H.ca("Another", number=9)],
        "expired": [H.ca("Issuing", ROOT, 2, not_after=NOW - DAY)],
    }[case]
    for others in ([], [MIDDLE], [MIDDLE, ROOT]):
        check_agreement(*both(tmp_path, LEAF, others, anchors, partial=True))


def test_another_issuer_of_the_same_name_is_tried_where_openssl_gives_up(tmp_path: Path) -> None:
    """Without key identifiers openssl takes the first issuer of the name, and fails; the chain itself it accepts."""
    wrong, right = H.ca("Issuing", ROOT, 30, ski=None), H.ca("Issuing", ROOT, 2)
    leaf = H.leaf(right)
    verdict, theirs = both(tmp_path, leaf, [wrong, right], [ROOT])
    assert not theirs.trusted
    assert verdict.trusted
    assert [one.der for one in verdict.chain] == [leaf.der, right.der, ROOT.der]
    assert openssl_verify(tmp_path, leaf, [right], [ROOT]).trusted


def test_a_cross_signed_ca_is_followed_to_whatever_root_is_trusted(tmp_path: Path) -> None:
    old, new = H.ca("Old root", number=50), H.ca("New root", number=51)
    crossed = [make("Issuing", by, ca=True, number=2) for by in (old, new)]
    leaf = H.leaf(crossed[0])
    for roots, top in (([old], "CN=Old root"), ([new], "CN=New root"), ([old, new], "CN=Old root")):
        verdict = ours(leaf, crossed, roots)
        assert verdict.trusted
        assert verdict.chain[-1].subject == top
        assert openssl_verify(tmp_path, leaf, [Node(*_held(verdict.chain[1].der))], roots).trusted
    assert not ours(leaf, crossed, []).trusted


def _held(der: bytes) -> tuple[x509.Certificate, object]:
    return x509.load_der_x509_certificate(der), None


def test_a_crowd_of_issuers_of_one_name_is_judged_in_time() -> None:
    """Hostile bundles: each of many CAs may be the issuer of each other; the search gives up instead of exploding."""
    crowd = [make("Same", ca=True, number=200 + n, ski=None, aki=None, issuer=name("Same")) for n in range(40)]
    leaf = make("press-1", crowd[0], aki=None)
    verdict = ours(leaf, crowd, [ROOT])
    assert not verdict.trusted


def test_all_reasons_are_told_not_only_the_first() -> None:
    leaf = H.leaf(MIDDLE, not_after=NOW - DAY, purposes=[SERVER], aki=None)
    faults = {one.fault for one in ours(leaf, [MIDDLE], [ROOT]).faults}
    assert faults == {T.EXPIRED, T.WRONG_PURPOSE, T.MALFORMED}


def test_a_curve_that_is_spelled_out_is_refused_in_a_chain(tmp_path: Path) -> None:
    command = [
        "openssl",
        "ecparam",
        "-name",
        "prime256v1",
        "-genkey",
        "-noout",
        "-param_enc",
        "explicit",
        "-out",
        "k.pem",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    extensions = ["-addext", "keyUsage=critical,keyCertSign", "-days", "9000", "-subj", "/CN=Root", "-out", "c.pem"]
    command = ["openssl", "req", "-x509", "-new", "-key", "k.pem", *extensions]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    root = Node(
        x509.load_pem_x509_certificate((tmp_path / "c.pem").read_bytes()),
        serialization.load_pem_private_key((tmp_path / "k.pem").read_bytes(), None),
    )
    start = root.certificate.not_valid_before_utc
    leaf = make("press-1", root, number=7, not_before=start, not_after=start + 9000 * DAY)
    theirs = openssl_verify(tmp_path, leaf, [], [root], now=start + DAY)
    if theirs.numbers != {94}:
        pytest.skip("this openssl has no complaint about it")
    faults = ours(leaf, [], [root]).faults
    assert T.MALFORMED in {one.fault for one in faults if one.depth == 1}


@pytest.mark.parametrize("right", [True, False])
def test_signatures_of_rsa_pss_are_checked(tmp_path: Path, right: bool) -> None:
    root = make("Root", ca=True, kind="rsa-2048", number=1)
    signer = root.key if right else key("rsa-2048", 2)
    proper = make("press-1", root, number=7).certificate
    builder = x509.CertificateBuilder().subject_name(proper.subject).issuer_name(proper.issuer)
    builder = builder.public_key(proper.public_key()).serial_number(77)
    builder = builder.not_valid_before(proper.not_valid_before_utc).not_valid_after(proper.not_valid_after_utc)
    for extension in proper.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    leaf = Node(builder.sign(signer, hashes.SHA256(), rsa_padding=pss), None)
    verdict, theirs = both(tmp_path, leaf, [], [root])
    check_agreement(verdict, theirs)
    assert verdict.trusted == right

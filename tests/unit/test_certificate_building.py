"""Certificates by their rules: profiles, serials, validity, path lengths, keys and names."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from support.built import NOW, ROOT, authority, extension, leaf

from console.model.certificate import (
    BACKDATE,
    CA_KEY_TYPES,
    LEAF_KEY_TYPES,
    AuthorityOrder,
    CertificateKind,
    KeyType,
    LeafOrder,
)
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.rules.certificate_keys import (
    ITERATIONS,
    check_passphrase,
    key_type_from,
    private_from_pem,
    private_pem,
    spki,
)
from console.rules.certificate_names import check_name, file_stem, name_of, permitted
from console.rules.certificates import Authority, LeafMaker, build_authority, common_name, remaining_length
from console.rules.device_input import ID_MARKS

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
IDS = st.text(alphabet=LETTERS + ID_MARKS, min_size=1, max_size=64).filter(lambda name: name not in {".", ".."})
MODULES = st.tuples(IDS, IDS).map("/".join).filter(lambda name: len(name) <= 64)


# --- profiles ------------------------------------------------------------------------------------------------------


def test_a_root_is_a_root() -> None:
    one = authority("Ünïcode Root", path_length=1, permitted_names=("example.org",)).certificate
    basic = extension(one, x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 1)
    usage = extension(one, x509.KeyUsage)
    assert usage.critical
    assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (True, True, False)
    own = extension(one, x509.SubjectKeyIdentifier).value.digest
    assert extension(one, x509.AuthorityKeyIdentifier).value.key_identifier == own
    names = extension(one, x509.NameConstraints)
    assert names.critical
    assert list(names.value.permitted_subtrees) == [x509.DNSName("example.org")]
    assert one.subject == one.issuer
    assert one.not_valid_before_utc == NOW.replace(microsecond=0) - BACKDATE
    assert one.not_valid_after_utc == NOW.replace(microsecond=0) + timedelta(days=3650)
    one.verify_directly_issued_by(one)


@pytest.mark.parametrize("key_type", [KeyType.EC_P256, KeyType.RSA_2048])
def test_a_device_is_a_client_and_nothing_else(key_type: KeyType) -> None:
    built = leaf(ROOT, key_type=key_type)
    one = built.certificate
    basic = extension(one, x509.BasicConstraints)
    assert (basic.critical, basic.value.ca) == (True, False)
    usage = extension(one, x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature) == (True, True)
    assert usage.value.key_encipherment is (key_type is KeyType.RSA_2048)
    assert not usage.value.key_cert_sign
    assert list(extension(one, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    root_id = extension(ROOT.certificate, x509.SubjectKeyIdentifier).value.digest
    assert extension(one, x509.AuthorityKeyIdentifier).value.key_identifier == root_id
    assert len(one.extensions) == 5
    assert one.issuer.public_bytes() == ROOT.certificate.subject.public_bytes()
    one.verify_directly_issued_by(ROOT.certificate)
    assert built.key is not None
    assert spki(built.key) == spki(one.public_key())


def test_a_server_has_its_names_and_addresses() -> None:
    one = leaf(ROOT, "gw.example.org", CertificateKind.SERVER, hosts=("gw.example.org", "*.lab", "10.0.0.4", "::1"))
    names = extension(one.certificate, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gw.example.org", "*.lab"]
    assert [str(found) for found in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.4", "::1"]
    assert list(extension(one.certificate, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_a_server_name_longer_than_a_common_name_stands_in_the_names_alone() -> None:
    long = "a" * 60 + ".example.org"
    one = leaf(ROOT, long, CertificateKind.SERVER).certificate
    assert not list(one.subject)
    assert extension(one, x509.SubjectAlternativeName).critical


@pytest.mark.parametrize(("key_type", "wanted"), [(KeyType.EC_P256, hashes.SHA256), (KeyType.EC_P384, hashes.SHA384)])
def test_the_hash_fits_the_signing_key(key_type: KeyType, wanted: type) -> None:
    root = authority(key_type=key_type)
    assert isinstance(leaf(root).certificate.signature_hash_algorithm, wanted)


def test_serials_are_random_positive_and_fit() -> None:
    maker = LeafMaker(ROOT, LeafOrder(CertificateKind.DEVICE, ""), NOW)
    serials = [maker.make("d").certificate.serial_number for _ in range(300)]
    assert len(set(serials)) == 300
    assert all(0 < serial < 1 << 128 for serial in serials)
    assert any(serial > 1 << 120 for serial in serials)


def test_the_common_name_is_utf8() -> None:
    assert common_name("abc").public_bytes().endswith(b"\x0c\x03abc")


# --- time ----------------------------------------------------------------------------------------------------------


def test_a_leaf_never_outlives_its_ca_and_says_so() -> None:
    root = authority(lifetime=timedelta(days=30))
    maker = LeafMaker(root, LeafOrder(CertificateKind.DEVICE, "", lifetime=timedelta(days=365)), NOW)
    assert maker.not_after == root.certificate.not_valid_after_utc
    assert any("ends with its CA" in note for note in maker.make("d").notes)
    assert maker.not_before == root.certificate.not_valid_before_utc


def test_a_leaf_is_not_older_than_its_ca() -> None:
    later = NOW + timedelta(minutes=3)
    maker = LeafMaker(ROOT, LeafOrder(CertificateKind.DEVICE, ""), later - BACKDATE)
    assert maker.not_before == ROOT.certificate.not_valid_before_utc


@pytest.mark.parametrize(
    ("now", "words"),
    [(NOW + timedelta(days=4000), "expired at"), (NOW - timedelta(days=1), "clock")],
)
def test_a_ca_out_of_its_time_signs_nothing(now: datetime, words: str) -> None:
    with pytest.raises(ConsoleError, match=words):
        LeafMaker(ROOT, LeafOrder(CertificateKind.DEVICE, ""), now)


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=-1), timedelta(days=999_999_999)])
def test_a_lifetime_must_be_one(lifetime: timedelta) -> None:
    with pytest.raises(ConsoleError) as caught:
        LeafMaker(ROOT, LeafOrder(CertificateKind.DEVICE, "", lifetime=lifetime), NOW)
    assert caught.value.code == "usage"


# --- chains --------------------------------------------------------------------------------------------------------


def test_the_path_length_is_kept_all_the_way_down() -> None:
    root = authority(path_length=1)
    middle = authority("Middle", root)
    assert remaining_length(middle.chain) == 0
    assert extension(middle.certificate, x509.BasicConstraints).value.path_length == 0
    with pytest.raises(ConsoleError, match="allows no CA below"):
        authority("Lower", middle)
    with pytest.raises(ConsoleError, match="leaves a path length of 0"):
        authority("Middle", root, path_length=3)


def test_a_limit_far_above_counts_too() -> None:
    root = authority(path_length=2)
    built = build_authority(AuthorityOrder("One", path_length=1), root, NOW)
    assert built.key is not None
    one = Authority(built.key, (built.certificate, *root.chain))
    two = authority("Two", one)
    assert remaining_length(two.chain) == 0


def test_an_intermediate_is_not_called_as_its_issuer() -> None:
    with pytest.raises(ConsoleError, match="as well"):
        authority("Root", ROOT)


def test_name_constraints_bind_servers_and_warn_of_devices() -> None:
    root = authority(permitted_names=(".example.org",))
    middle = authority("Middle", root)
    leaf(middle, "a.example.org", CertificateKind.SERVER)
    with pytest.raises(ConsoleError, match="may only vouch for"):
        leaf(middle, "a.example.com", CertificateKind.SERVER)
    assert not leaf(middle, "device001").notes
    assert "openssl" in leaf(middle, "device.with.dots").notes[0]


@pytest.mark.parametrize(
    ("host", "names", "wanted"),
    [
        ("a.b", ("b",), True),
        ("b", ("b",), True),
        ("xb", ("b",), False),
        ("A.B", ("b",), True),
        ("*.b", ("b",), True),
        ("b", ("a.b",), False),
    ],
)
def test_permitted_names(host: str, names: tuple[str, ...], wanted: bool) -> None:
    assert permitted(host, names) is wanted


# --- keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allowed", [CA_KEY_TYPES, LEAF_KEY_TYPES])
@pytest.mark.parametrize("text", ["ed25519", "Ed448"])
def test_ed25519_is_refused_with_the_reason(text: str, allowed: tuple[KeyType, ...]) -> None:
    with pytest.raises(ConsoleError, match=r"TLS 1\.2 cipher suites") as caught:
        key_type_from(text, allowed)
    assert caught.value.code == "usage"


def test_a_ca_wants_a_long_key() -> None:
    with pytest.raises(ConsoleError, match="longer key"):
        key_type_from("rsa-2048", CA_KEY_TYPES)
    with pytest.raises(ConsoleError):
        authority(key_type=KeyType.RSA_2048)
    assert key_type_from("RSA-2048", LEAF_KEY_TYPES) is KeyType.RSA_2048


def test_an_encrypted_key_is_costly_to_guess_and_opens_with_its_passphrase() -> None:
    word = Secret("pässword with blanks")
    pem = private_pem(ROOT.key, word)
    assert b"ENCRYPTED" in pem
    assert ITERATIONS.to_bytes(3, "big") in serialization_der(pem)
    assert ITERATIONS >= 600_000
    assert spki(private_from_pem(pem, word, "k")) == spki(ROOT.key)
    assert spki(serialization.load_pem_private_key(pem, word.reveal().encode())) == spki(ROOT.key)
    for wrong in (None, Secret("other"), Secret("")):
        with pytest.raises(ConsoleError) as caught:
            private_from_pem(pem, wrong, "k")
        assert caught.value.code == "passphrase"
        assert "other" not in str(caught.value)


def serialization_der(pem: bytes) -> bytes:
    from base64 import b64decode

    return b64decode(b"".join(pem.splitlines()[1:-1]))


@given(st.binary(max_size=400))
def test_key_files_of_any_content_give_a_sentence(data: bytes) -> None:
    for word in (None, Secret("word")):
        for text in (
            data,
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + data + b"\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ):
            with pytest.raises(ConsoleError):
                private_from_pem(text, word, "k")


@pytest.mark.parametrize("text", ["", "abc", "abcd\nefg", "x" * 1025, "abc\ud800d"])
def test_a_passphrase_must_work_elsewhere_too(text: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        check_passphrase(Secret(text))
    assert caught.value.code == "usage"


# --- names ---------------------------------------------------------------------------------------------------------


@given(st.one_of(IDS, MODULES), st.one_of(IDS, MODULES))
def test_file_names_are_safe_and_reversible(name: str, other: str) -> None:
    stem = file_stem(name)
    assert name_of(stem) == name
    assert Path(stem).name == stem
    assert not stem.startswith((".", "-"))
    assert len(f"{stem}.chain.pem".encode()) <= 255
    assert (file_stem(other) == stem) is (other == name)
    assert not set(stem) & set(" /\\:*?\"'<>|;$#&!()`~")


@given(IDS)
def test_every_device_id_gets_a_certificate_of_its_name(name: str) -> None:
    one = leaf(ROOT, name).certificate
    parsed = x509.load_der_x509_certificate(one.public_bytes(serialization.Encoding.DER))
    assert [found.value for found in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [name]


def test_ids_that_differ_by_case_only_have_files_of_their_own() -> None:
    assert file_stem("Press") != file_stem("press")


def test_a_name_beyond_64_characters_is_refused_because_x509_refuses_it() -> None:
    with warnings.catch_warnings(), pytest.raises(ValueError, match="64"):
        warnings.simplefilter("ignore")
        x509.NameAttribute(NameOID.COMMON_NAME, "d" * 65)
    check_name(CertificateKind.DEVICE, "d" * 64)
    for kind, name in ((CertificateKind.DEVICE, "d" * 65), (CertificateKind.MODULE, "d" * 60 + "/modul")):
        with pytest.raises(ConsoleError, match=r"takes 64 \(RFC 5280\).*thumbprint") as caught:
            check_name(kind, name)
        assert caught.value.code == "usage"
    with pytest.raises(ConsoleError, match="66 bytes"):
        check_name(CertificateKind.ROOT, "é" * 33)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (CertificateKind.DEVICE, ""),
        (CertificateKind.DEVICE, "a b"),
        (CertificateKind.DEVICE, "d/m"),
        (CertificateKind.DEVICE, "é"),
        (CertificateKind.DEVICE, ".."),
        (CertificateKind.MODULE, "d"),
        (CertificateKind.MODULE, "d/"),
        (CertificateKind.MODULE, "/m"),
        (CertificateKind.MODULE, "d/m/n"),
        (CertificateKind.SERVER, "a..b"),
        (CertificateKind.SERVER, "a b"),
        (CertificateKind.SERVER, "https://a"),
        (CertificateKind.SERVER, "é.org"),
        (CertificateKind.SERVER, "fe80::1%eth0"),
        (CertificateKind.ROOT, ""),
        (CertificateKind.ROOT, " Root"),
        (CertificateKind.ROOT, "Ro\x1bot"),
        (CertificateKind.ROOT, "Ro\u202eot"),
        (CertificateKind.PROOF, "\n"),
    ],
)
def test_names_that_are_refused(kind: CertificateKind, name: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        check_name(kind, name)
    assert caught.value.code == "usage"
    assert caught.value.sentence().isprintable()


# --- requests ------------------------------------------------------------------------------------------------------

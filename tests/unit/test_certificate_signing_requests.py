"""Requests: made, read, and signed only for what they prove."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from support.built import NOW, ROOT, extension

from console.model.certificate import (
    CertificateKind,
    LeafOrder,
)
from console.model.errors import ConsoleError
from console.rules.certificate_keys import (
    private_pem,
    spki,
)
from console.rules.certificate_requests import agreed_name, build_request, read_request
from console.rules.certificates import LeafMaker, common_name


def pem_of(request: x509.CertificateSigningRequest) -> bytes:
    return request.public_bytes(serialization.Encoding.PEM)


def request_by(key: object, name: x509.Name | None = None, *extensions: x509.ExtensionType) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(common_name("d1") if name is None else name)
    for one in extensions:
        builder = builder.add_extension(one, critical=False)
    plain = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return pem_of(builder.sign(key, None if plain else hashes.SHA256()))  # type: ignore[arg-type]


def test_a_request_is_made_and_read() -> None:
    request, key = build_request(LeafOrder(CertificateKind.MODULE, "d/m"))
    for data in (pem_of(request), request.public_bytes(serialization.Encoding.DER)):
        read = read_request(data)
        assert read.common_name == "d/m"
        assert spki(read.public_key) == spki(key)
        assert not read.left_out


def test_what_else_a_request_asks_for_is_named_and_left_out() -> None:
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "d1"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Evil")]
    )
    data = request_by(ec.generate_private_key(ec.SECP256R1()), name, x509.BasicConstraints(ca=True, path_length=None))
    request = read_request(data)
    assert request.left_out == ("O of its subject", "the extension basicConstraints")
    built = LeafMaker(ROOT, LeafOrder(CertificateKind.DEVICE, ""), NOW).sign("d1", request.public_key)
    assert not extension(built.certificate, x509.BasicConstraints).value.ca
    assert built.certificate.subject == common_name("d1")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (rsa.generate_private_key(65537, 1024), "1,024 bits"),
        (ec.generate_private_key(ec.SECP521R1()), "secp521r1"),
        (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        (ed25519.Ed25519PrivateKey.generate(), r"TLS 1\.2"),
        (ed448.Ed448PrivateKey.generate(), r"TLS 1\.2"),
        (dsa.generate_private_key(2048), "neither RSA"),
    ],
)
def test_keys_that_no_device_can_connect_with_are_refused(key: object, words: str) -> None:
    with pytest.raises(ConsoleError, match=words):
        read_request(request_by(key))


def test_a_request_must_be_signed_by_its_own_key() -> None:
    request, _ = build_request(LeafOrder(CertificateKind.DEVICE, "d1"))
    der = bytearray(request.public_bytes(serialization.Encoding.DER))
    der[der.index(b"d1")] ^= 1
    with pytest.raises(ConsoleError, match="not signed by its own key"):
        read_request(bytes(der))


def test_a_private_key_in_the_same_file_is_refused() -> None:
    request, key = build_request(LeafOrder(CertificateKind.DEVICE, "d1"))
    with pytest.raises(ConsoleError, match="given it away"):
        read_request(private_pem(key, None) + pem_of(request))


def test_the_name_is_the_one_that_was_wanted() -> None:
    request = read_request(request_by(ec.generate_private_key(ec.SECP256R1())))
    assert agreed_name(request, "") == "d1"
    assert agreed_name(request, "d1") == "d1"
    with pytest.raises(ConsoleError, match="asks for “d1”"):
        agreed_name(request, "d2")
    nameless = read_request(request_by(ec.generate_private_key(ec.SECP256R1()), x509.Name([])))
    assert agreed_name(nameless, "d2") == "d2"
    with pytest.raises(ConsoleError, match="no common name"):
        agreed_name(nameless, "")


@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
def test_requests_of_any_content_give_a_sentence(data: bytes, place: int, value: int) -> None:
    der = bytearray(_REQUEST)
    der[place % len(der)] = value
    for text in (data, b"-----BEGIN CERTIFICATE REQUEST-----\n" + data, bytes(der)):
        try:
            read_request(text)
        except ConsoleError as error:
            assert error.sentence().isprintable()


_REQUEST = build_request(LeafOrder(CertificateKind.DEVICE, "d1"))[0].public_bytes(serialization.Encoding.DER)

"""CAs that were made elsewhere: what peers would not trust below them is not signed, as openssl sees it too."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from console.model.certificate import AuthorityOrder, CertificateKind, LeafOrder
from console.model.errors import ConsoleError
from console.rules.certificate_requests import read_request
from console.rules.certificates import Authority, LeafMaker, build_authority, common_name

NOW = datetime.now(UTC).replace(microsecond=0)
PEM = serialization.Encoding.PEM
SIGNS = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
TALKS = x509.KeyUsage(True, False, False, False, False, False, False, False, False)


def foreign(
    name: str,
    issuer: Authority | None = None,
    *more: x509.ExtensionType,
    length: int | None = None,
    days: int = 300,
    usage: x509.KeyUsage = SIGNS,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
) -> Authority:
    key = key or ec.generate_private_key(ec.SECP256R1())
    above = issuer.certificate.subject if issuer else common_name(name)
    builder = x509.CertificateBuilder(above, common_name(name), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=days))
    signer = issuer.key if issuer else key
    extensions = (
        x509.BasicConstraints(True, length),
        usage,
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
        *more,
    )
    for one in extensions:
        builder = builder.add_extension(one, critical=isinstance(one, x509.BasicConstraints | x509.KeyUsage))
    return Authority(key, (builder.sign(signer, hashes.SHA256()), *(issuer.chain if issuer else ())))


def verdict(tmp_path: Path, leaf: x509.Certificate, chain: tuple[x509.Certificate, ...], purpose: str) -> bool:
    (tmp_path / "leaf.pem").write_bytes(leaf.public_bytes(PEM))
    (tmp_path / "root.pem").write_bytes(chain[-1].public_bytes(PEM))
    (tmp_path / "between.pem").write_bytes(b"".join(one.public_bytes(PEM) for one in chain[:-1]) or b"\n")
    command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "root.pem"]
    command += ["-untrusted", "between.pem"] if len(chain) > 1 else []
    return subprocess.run([*command, "leaf.pem"], cwd=tmp_path, capture_output=True, check=False).returncode == 0


def raw_leaf(issuer: Authority, purpose: x509.ObjectIdentifier) -> x509.Certificate:
    """Return what would have been signed without the check."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    builder = x509.CertificateBuilder(
        issuer.certificate.subject, common_name("d"), key, 7, NOW, NOW + timedelta(days=1)
    )
    for one in (
        x509.ExtendedKeyUsage([purpose]),
        x509.SubjectKeyIdentifier.from_public_key(key),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
    ):
        builder = builder.add_extension(one, critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


ROOT = foreign("Root")
CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
CASES = {
    "good": (foreign("Sub", ROOT), CLIENT, ""),
    "good, for both": (foreign("Sub", ROOT, x509.ExtendedKeyUsage([CLIENT, SERVER])), CLIENT, ""),
    "good, a root of no length": (foreign("Only", length=0), CLIENT, ""),
    "path length": (foreign("Sub", foreign("Tight", length=0)), CLIENT, "path length of the CA “Tight”"),
    "key usage": (foreign("Sub", ROOT, usage=TALKS), CLIENT, "may not sign certificates"),
    "key usage of the root": (foreign("Sub", foreign("Mute", usage=TALKS)), CLIENT, "“Mute” may not sign"),
    "for servers only": (foreign("Sub", ROOT, x509.ExtendedKeyUsage([SERVER])), CLIENT, "other purposes than clients"),
    "for clients only": (foreign("Sub", ROOT, x509.ExtendedKeyUsage([CLIENT])), SERVER, "other purposes than servers"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_openssl_refuses_is_not_signed(tmp_path: Path, case: str) -> None:
    issuer, purpose, words = CASES[case]
    kind, name = (CertificateKind.DEVICE, "d") if purpose == CLIENT else (CertificateKind.SERVER, "d.example")
    asked = "sslclient" if purpose == CLIENT else "sslserver"
    template = LeafOrder(kind, "")
    if words:
        assert not verdict(tmp_path, raw_leaf(issuer, purpose), issuer.chain, asked)
        with pytest.raises(ConsoleError, match=words):
            LeafMaker(issuer, template, NOW)
    else:
        assert verdict(tmp_path, LeafMaker(issuer, template, NOW).make(name).certificate, issuer.chain, asked)


def test_a_ca_below_an_expired_root_signs_nothing() -> None:
    issuer = foreign("Sub", foreign("Short", days=30))
    with pytest.raises(ConsoleError, match="“Short” expired"):
        LeafMaker(issuer, LeafOrder(CertificateKind.DEVICE, ""), NOW + timedelta(days=31))
    with pytest.raises(ConsoleError, match="“Short” expired"):
        build_authority(AuthorityOrder("Lower"), issuer, NOW + timedelta(days=31))


def test_nothing_outlives_any_ca_above() -> None:
    issuer = foreign("Sub", foreign("Short", days=30))
    maker = LeafMaker(issuer, LeafOrder(CertificateKind.DEVICE, ""), NOW)
    assert maker.not_after == issuer.chain[-1].not_valid_after_utc
    lower = build_authority(AuthorityOrder("Lower"), issuer, NOW)
    assert lower.certificate.not_valid_after_utc == issuer.chain[-1].not_valid_after_utc


@pytest.mark.parametrize(
    ("key", "words"),
    [(ec.generate_private_key(ec.SECP256K1()), "secp256k1"), (rsa.generate_private_key(65537, 1024), "too weak")],
)
def test_a_ca_with_a_key_that_no_hub_takes_signs_nothing(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, words: str
) -> None:
    with pytest.raises(ConsoleError, match=words) as caught:
        LeafMaker(foreign("Odd", key=key), LeafOrder(CertificateKind.DEVICE, ""), NOW)
    assert "request" not in str(caught.value)


def test_the_cas_own_key_gets_no_leaf() -> None:
    maker = LeafMaker(ROOT, LeafOrder(CertificateKind.DEVICE, ""), NOW)
    with pytest.raises(ConsoleError, match="the CA's own"):
        maker.sign("device001", ROOT.key.public_key())


@pytest.mark.parametrize("name", ["*.example.org", "10.0.0.4", "::1", "", ".", "..a"])
def test_what_would_limit_a_ca_to_nothing_is_refused(name: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        build_authority(AuthorityOrder("Root", permitted_names=(name,)), None, NOW)
    assert caught.value.code == "usage"


def test_a_file_with_something_else_is_called_what_it_is() -> None:
    certificate = foreign("Plant CA").certificate.public_bytes(PEM)
    with pytest.raises(ConsoleError, match="holds no signing request, but: CERTIFICATE") as told:
        read_request(certificate)
    assert "too early" not in told.value.sentence()
    with pytest.raises(ConsoleError, match="but: a damaged block"):
        read_request(b"-----BEGIN")


def test_two_requests_in_one_file_are_not_guessed_at() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    one = x509.CertificateSigningRequestBuilder(common_name("a")).sign(key, hashes.SHA256()).public_bytes(PEM)
    assert read_request(one).common_name == "a"
    with pytest.raises(ConsoleError, match="several"):
        read_request(one + one.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"))


@pytest.mark.parametrize(("digest", "words"), [("sha1", "SHA-1"), ("md5", "MD5")])
def test_a_request_signed_with_a_broken_hash_is_told_so(tmp_path: Path, digest: str, words: str) -> None:
    command = [
        "openssl",
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "k",
        f"-{digest}",
        "-subj",
        "/CN=d",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    with pytest.raises(ConsoleError, match=f"signed with {words}"):
        read_request(done.stdout)

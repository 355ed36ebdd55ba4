"""Reading certificates: every form by its content, what is said of strange ones, what is refused in one sentence."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from support.chains import inside, make, name, needs_openssl, parts_of, signed_again, tlv, version_1

from console.model.certificate import Inspected
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.rules import der as asn1
from console.rules.certificate_reading import MAX_BYTES, read

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
ROOT = make("Root", ca=True, number=1)
MIDDLE = make("Issuing", ROOT, ca=True, number=2, path_length=0)
LEAF = make(
    name("press-1", organization_name="Contoso"), MIDDLE, number=3, names=[x509.DNSName("press-1")], serial=0xABCDEF
)
CHAIN = [LEAF, MIDDLE, ROOT]
SUBJECTS = ["CN=press-1, O=Contoso", "CN=Issuing", "CN=Root"]


def subjects(data: bytes, passphrase: str | None = None) -> list[str]:
    held = read(data, "file", Secret(passphrase) if passphrase is not None else None)
    return [one.subject for one in held.certificates]


def refusal(data: bytes, passphrase: str | None = None) -> ConsoleError:
    with pytest.raises(ConsoleError) as caught:
        read(data, "file", Secret(passphrase) if passphrase is not None else None)
    return caught.value


def test_a_certificate_says_what_openssl_says_of_it() -> None:
    info = read(LEAF.der, "leaf").certificates[0]
    assert (info.subject, info.common_name, info.issuer) == (SUBJECTS[0], "press-1", "CN=Issuing")
    assert (info.serial, info.key, info.key_bits, info.signature_hash) == ("ABCDEF", "EC P-256", 256, "SHA-256")
    assert info.not_before == LEAF.certificate.not_valid_before_utc
    assert info.sha256 == LEAF.certificate.fingerprint(hashes.SHA256()).hex().upper()
    assert info.sha1 == LEAF.certificate.fingerprint(hashes.SHA1()).hex().upper()
    assert (info.authority, info.path_length, info.self_issued, info.version) == (False, None, False, 3)
    assert (info.key_usage, info.extended_usage) == (("digitalSignature",), ("clientAuth",))
    assert info.alternative_names == ("DNS:press-1",)
    middle = read(MIDDLE.der, "ca").certificates[0]
    assert info.authority_key_id == middle.subject_key_id != ""
    assert (middle.authority, middle.path_length) == (True, 0)
    assert info.der == LEAF.der
    assert info.problems == ()


@pytest.mark.parametrize("kind", ["rsa-2048", "ec-p384", "ec-p521", "ed25519", "secp256k1"])
def test_keys_are_named(kind: str) -> None:
    words = {"rsa-2048": "RSA 2048", "ec-p384": "EC P-384", "ec-p521": "EC P-521", "ed25519": "Ed25519"}
    assert read(make("x", kind=kind).der, "x").certificates[0].key == words.get(kind, "EC secp256k1")


FORMS = {
    "DER": lambda: LEAF.der,
    "PEM": lambda: LEAF.pem,
    "PEM with CRLF": lambda: LEAF.pem.replace(b"\n", b"\r\n"),
    "PEM with a byte order mark": lambda: b"\xef\xbb\xbf" + LEAF.pem,
    "PEM in UTF-16, as PowerShell writes": lambda: LEAF.pem.decode().encode("utf-16"),
    "PEM in UTF-16 without a byte order mark": lambda: LEAF.pem.decode().encode("utf-16-le"),
    "PEM in UTF-16 of the other order, after words": lambda: ("words\n" + LEAF.pem.decode()).encode("utf-16-be"),
    "PEM after the words of openssl x509 -text": lambda: b"Certificate:\n    Data:\n" + LEAF.pem + b"\ntrailing\n",
    "PEM on one line": lambda: LEAF.pem.replace(b"\n", b"").replace(b"CERTIFICATE-----M", b"CERTIFICATE-----\nM"),
    "PEM in a JSON string": lambda: json.dumps({"properties": {"certificate": LEAF.pem.decode()}}).encode(),
    "PEM with openssl's trust settings": lambda: _trusted(LEAF.der),
    "PEM of the old label": lambda: LEAF.pem.replace(b" CERTIFICATE-", b" X509 CERTIFICATE-"),
    "base64": lambda: base64.b64encode(LEAF.der),
    "base64 in lines": lambda: base64.encodebytes(LEAF.der),
    "base64 in quotes, as az gives it": lambda: b'"' + base64.b64encode(LEAF.der) + b'"\n',
    "base64 of PEM, as ARM gives it": lambda: base64.b64encode(LEAF.pem),
    "base64 for addresses": lambda: base64.urlsafe_b64encode(LEAF.der).rstrip(b"="),
}


def _trusted(der: bytes) -> bytes:
    body = base64.encodebytes(der + bytes.fromhex("300c300a06082b06010505070302"))
    return b"-----BEGIN TRUSTED CERTIFICATE-----\n" + body + b"-----END TRUSTED CERTIFICATE-----\n"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_one_certificate_is_told_by_its_content(form: str) -> None:
    held = read(FORMS[form](), "some.txt")
    assert [one.der for one in held.certificates] == [LEAF.der]


def test_bundles_keep_their_order() -> None:
    for order in (CHAIN, CHAIN[::-1], [MIDDLE, LEAF, ROOT]):
        wanted = [one.certificate.subject.rfc4514_string() for one in order]
        for data in (b"".join(one.pem for one in order), b"".join(one.der for one in order)):
            found = read(data, "bundle").certificates
            assert [x509.load_der_x509_certificate(one.der).subject.rfc4514_string() for one in found] == wanted


@pytest.mark.parametrize("encoding", [DER, PEM], ids=["DER", "PEM"])
def test_pkcs7_is_opened(encoding: serialization.Encoding) -> None:
    data = pkcs7.serialize_certificates([one.certificate for one in CHAIN], encoding)
    held = read(data, "chain.p7b")
    assert {one.subject for one in held.certificates} == set(SUBJECTS)
    assert "PKCS#7" in held.forms


def p12(passphrase: bytes | None, rounds: int = 10) -> bytes:
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        builder = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds)
        how = builder.hmac_hash(hashes.SHA256()).build(passphrase)
    others = [one.certificate for one in CHAIN[1:]]
    return pkcs12.serialize_key_and_certificates(b"press-1", LEAF.key, LEAF.certificate, others, how)


def test_pkcs12_is_opened_with_the_passphrase_and_its_key_counted() -> None:
    held = read(p12(b"correct horse"), "press-1.p12", Secret("correct horse"))
    assert sorted(one.subject for one in held.certificates) == sorted(SUBJECTS)
    assert held.certificates[0].subject == SUBJECTS[0]
    assert (held.private_keys, held.encrypted_keys, held.forms) == (1, 1, ("PKCS#12",))


def test_pkcs12_without_a_passphrase_opens_by_itself() -> None:
    assert subjects(p12(None))[0] == SUBJECTS[0]
    assert subjects(p12(None), "whatever")[0] == SUBJECTS[0]


@pytest.mark.parametrize("given", [None, "", "wrong"])
def test_a_missing_or_wrong_passphrase_has_its_own_code(given: str | None) -> None:
    error = refusal(p12(b"correct horse"), given)
    assert error.code == "passphrase"
    assert ("wrong" in error.why) == (given == "wrong")


@pytest.mark.parametrize("where", ["keys", "MAC"])
def test_pkcs12_that_asks_for_endless_work_is_refused_at_once(where: str) -> None:
    data = p12(b"correct horse", rounds=65537)
    assert not asn1.hard_work(data)
    if where == "keys":
        data = data.replace(b"\x02\x03\x01\x00\x01", b"\x02\x03\x7f\xff\xff")
    else:
        assert data.endswith(b"\x02\x02\x08\x00")  # 2048 rounds: the last number in the file
        parts = parts_of(inside(data))
        mac = tlv(0x30, b"".join(parts_of(inside(parts[2]))[:-1]) + b"\x02\x04\x7f\xff\xff\xff")
        data = tlv(0x30, parts[0] + parts[1] + mac)
    assert asn1.hard_work(data)
    assert "work" in refusal(data, "correct horse").why


@needs_openssl
@pytest.mark.parametrize("options", [[], ["-legacy"], ["-keypbe", "NONE", "-certpbe", "NONE"]])
def test_pkcs12_of_openssl_is_opened(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "all.pem").write_bytes(LEAF.key_pem + LEAF.pem + MIDDLE.pem)
    command = [
        "openssl",
        "pkcs12",
        "-export",
        "-in",
        "all.pem",
        "-out",
        "x.p12",
        "-passout",
        "pass:tea for 2",
        *options,
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=20)
    if done.returncode and "-legacy" in options:
        pytest.skip("this openssl has no legacy algorithms")
    held = read((tmp_path / "x.p12").read_bytes(), "x.p12", Secret("tea for 2"))
    assert len(held.certificates) == 2
    assert held.private_keys == 1


def request(**more: object) -> x509.CertificateSigningRequest:
    builder = x509.CertificateSigningRequestBuilder().subject_name(name("press-9"))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("press-9.local")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(LEAF.key, hashes.SHA256())


@pytest.mark.parametrize("encoding", [DER, PEM], ids=["DER", "PEM"])
def test_requests_are_read_and_their_signature_checked(encoding: serialization.Encoding) -> None:
    found = read(request().public_bytes(encoding), "r").requests[0]
    assert (found.common_name, found.key, found.proven) == ("press-9", "EC P-256", True)
    assert set(found.asks_for) == {"DNS:press-9.local", "to be a CA"}


def test_a_request_signed_by_another_key_is_not_proven() -> None:
    data = bytearray(request().public_bytes(DER))
    data[-1] ^= 1
    assert not read(bytes(data), "r").requests[0].proven


def test_private_keys_are_counted_and_never_shown() -> None:
    locked = LEAF.key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )
    old = LEAF.key.private_bytes(
        PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.BestAvailableEncryption(b"secret")
    )
    plain = LEAF.key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    held = read(LEAF.key_pem + locked + old + plain + LEAF.pem, "all.pem")
    assert (held.private_keys, held.encrypted_keys, len(held.certificates)) == (4, 2, 1)
    body = b"".join(LEAF.key_pem.splitlines()[1:-1]).decode()
    assert body[:40] not in repr(held)
    for raw in (LEAF.key_pem, locked):
        der = base64.b64decode(b"".join(raw.splitlines()[1:-1]))
        held = read(der, "key.der")
        assert (held.private_keys, held.certificates) == (1, ())


def test_members_that_cannot_be_read_are_told_in_order() -> None:
    broken = LEAF.pem.replace(b"MII", b"MIJ", 1)
    junk = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
    cut = LEAF.pem[:200]
    public = LEAF.key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    held = read(ROOT.pem + broken + junk + public + cut, "bundle.pem")
    assert [one.subject for one in held.certificates] == ["CN=Root"]
    assert [(one.place, one.reason) for one in held.unread] == [
        ("block 2 (CERTIFICATE)", "it is damaged or cut off (it ends too early)"),
        ("block 3 (CERTIFICATE)", "it is not base64"),
        ("block 5 (CERTIFICATE)", "it has no end line"),
    ]
    assert {one.before for one in held.unread} == {1}
    assert len(held.notes) == 4
    assert "block 4 (PUBLIC KEY) is a public key" in held.notes
    assert all(one.sentence() in held.notes for one in held.unread)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hello there, this is some text", "text without a certificate"),
        (b'{"a": 1}', "JSON"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\xfe\xed\xfe\xed\0\0", "Java key store"),
        (b"ssh-ed25519 AAAA", "SSH key"),
        (b"HostName=x;SharedAccessKey=y", "connection string"),
        (b"SharedAccessSignature sr=x&sig=y", "token"),
        (b"<html>", "web page"),
        (bytes(range(256)), "unknown kind"),
        (LEAF.der[:100], "cut off"),
        (LEAF.pem[:100], "no end line"),
        (base64.b64encode(b"something that is no certificate"), "base64 of something else"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # never bytes that differ from run to run
)
def test_a_file_without_any_is_refused_with_what_it_seems_to_be(data: bytes, words: str) -> None:
    error = refusal(data)
    assert words in error.why
    assert error.code == ("unread" if words in ("cut off", "no end line") else "no-certificate")


def test_a_huge_file_is_refused() -> None:
    assert "larger" in refusal(b"\0" * (MAX_BYTES + 1)).why


def test_a_file_of_markers_alone_is_read_in_no_time() -> None:
    assert refusal(b"-----BEGIN CERTIFICATE-----\n" * 100_000).code == "unread"


# --- strange certificates ------------------------------------------------------------------------------------------


def strange(change) -> Inspected:
    return read(signed_again(LEAF, MIDDLE.key, change).der, "strange")


def test_a_negative_serial_number_is_told() -> None:
    held = strange(lambda parts: [parts[0], b"\x02\x01\xfb", *parts[2:]])
    assert held.certificates[0].serial == "-5"
    assert "serial number" in held.certificates[0].problems[0]


def test_no_warning_of_the_library_reaches_the_terminal(tmp_path: Path) -> None:
    odd = signed_again(LEAF, MIDDLE.key, lambda parts: [parts[0], b"\x02\x01\xfb", *parts[2:]])
    (tmp_path / "odd.pem").write_bytes(odd.pem)
    command = [sys.executable, "-m", "console", "cert", "inspect", str(tmp_path / "odd.pem")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
    assert done.stderr == ""
    assert "serial number is not a positive number" in " ".join(done.stdout.split())


def test_one_bad_extension_spares_the_others() -> None:
    def change(parts: list[bytes]) -> list[bytes]:
        return [*parts[:-1], parts[-1].replace(b"\x30\x09\x82\x07press-1", b"\x30\x09\x82\x07pre\xff\xff-1")]

    info = strange(change).certificates[0]
    assert info.problems
    assert info.extended_usage == ("clientAuth",)
    assert info.key_usage == ("digitalSignature",)
    assert info.alternative_names == ()


def test_an_extension_that_is_there_twice_is_told() -> None:
    def change(parts: list[bytes]) -> list[bytes]:
        inner = asn1.read(parts[-1])
        listed = asn1.read(parts[-1], inner.body)
        first = asn1.children(parts[-1], listed)[0].whole(parts[-1])
        return [*parts[:-1], tlv(0xA3, tlv(0x30, listed.content(parts[-1]) + first))]

    assert "twice" in strange(change).certificates[0].problems[0]


def test_a_key_that_is_no_point_of_its_curve_is_told() -> None:
    def change(parts: list[bytes]) -> list[bytes]:
        return [part[:-4] + b"\1\2\3\4" if number == 6 else part for number, part in enumerate(parts)]

    info = strange(change).certificates[0]
    assert info.key.startswith("not readable")
    assert "public key" in info.problems[0]


def test_version_1_and_far_dates_are_read() -> None:
    old = version_1(ROOT, ROOT.key)
    assert read(old.der, "v1").certificates[0].version == 1
    forever = make("x", not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert read(forever.der, "x").certificates[0].not_after.year == 9999


def test_hostile_names_are_shown_harmlessly() -> None:
    evil = make(name("press\x1b[31m\u202e1"), names=[x509.DNSName("a\x07b")])
    info = read(evil.der, "evil\x1b").certificates[0]
    for text in (info.subject, info.common_name, info.issuer, *info.alternative_names):
        assert text.isprintable()


def test_the_roots_of_this_machine_are_all_read() -> None:
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if not bundle.exists():
        pytest.skip("no bundle of roots here")
    data = bundle.read_bytes()
    held = read(data, "roots")
    assert len(held.certificates) == data.count(b"BEGIN CERTIFICATE")
    assert not held.notes


@needs_openssl
def test_what_openssl_makes_is_read(tmp_path: Path) -> None:
    assert shutil.which("openssl")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem"]
    subprocess.run(
        [*command, "-subj", "/CN=press-1/O=Contoso", "-days", "3"], cwd=tmp_path, check=True, capture_output=True
    )
    for arguments, file in (
        (["x509", "-in", "c.pem", "-text"], "text.pem"),
        (["x509", "-in", "c.pem", "-trustout", "-addtrust", "clientAuth"], "trusted.pem"),
        (["crl2pkcs7", "-nocrl", "-certfile", "c.pem"], "c.p7b"),
    ):
        subprocess.run(["openssl", *arguments, "-out", file], cwd=tmp_path, check=True, capture_output=True)
        assert subjects((tmp_path / file).read_bytes()) == ["CN=press-1, O=Contoso"], file
    assert read((tmp_path / "k.pem").read_bytes(), "k").private_keys == 1

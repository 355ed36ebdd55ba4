"""Whatever bytes come: reading, verifying, linting, comparing and showing them ends in a result or a `ConsoleError`.

HUBWARDEN_FUZZ_EXAMPLES or the depth sets how many examples each parser gets (`make fuzz` runs many).
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.chains import NOW, SERVER, Node, make, name, sha1, usage, version_1
from support.depth import fuzz_examples

from console.model.certificate import Registered
from console.model.device import AuthType
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.present.certificates import comparison_lines, inspected_lines, lint_lines, tree_lines
from console.present.lines import plain
from console.rules.certificate_chain import Anchor, verify
from console.rules.certificate_compare import compare
from console.rules.certificate_lint import Lint
from console.rules.certificate_reading import read
from console.rules.certificate_unread import UNORDERED

EXAMPLES = fuzz_examples()
PASSPHRASE = Secret("long enough")
many = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)
ROOT = make("Root", ca=True, number=401)
MIDDLE = make(
    name("Issuing", organization_name="Contoso"),
    ROOT,
    ca=True,
    number=402,
    path_length=0,
    more=[
        (x509.NameConstraints([x509.DNSName("contoso.com"), x509.RFC822Name(".contoso.com")], None), True),
        (x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), ["https://x"])]), False),
    ],
)
LEAF = make(
    "press-1",
    MIDDLE,
    number=403,
    names=[x509.DNSName("press-1.contoso.com"), x509.UniformResourceIdentifier("https://contoso.com")],
    more=[
        (
            x509.CRLDistributionPoints(
                [x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl")], None, None, None)]
            ),
            False,
        ),
        (
            x509.AuthorityInformationAccess(
                [
                    x509.AccessDescription(
                        x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp")
                    )
                ]
            ),
            False,
        ),
    ],
)
RSA = make("press-2", ROOT, kind="rsa-2048", purposes=[SERVER])
CHAIN = (LEAF, MIDDLE, ROOT)
ANCHORS = [Anchor(ROOT.der, "root"), Anchor(MIDDLE.der, "middle (at the hub)", complete=True, verified=False)]


@cache
def corpus(form: str) -> tuple[bytes, ...]:
    """Return proper files of a form."""
    certificates = [one.certificate for one in CHAIN]
    nodes: list[Node] = [*CHAIN, RSA, version_1(ROOT, ROOT.key), sha1(LEAF, MIDDLE.key), make("ed", kind="ed25519")]
    der, pem = serialization.Encoding.DER, serialization.Encoding.PEM
    if form == "DER":
        return (*(one.der for one in nodes), b"".join(one.der for one in CHAIN))
    if form == "PEM":
        bundle = b"".join(one.pem for one in CHAIN)
        return (
            bundle,
            b"\xef\xbb\xbfsubject=CN = x\r\n" + bundle.replace(b"\n", b"\r\n") + LEAF.key_pem,
            bundle.decode().encode("utf-16"),
            b'{"certificate": "' + LEAF.pem.replace(b"\n", b"\\n") + b'"}',
            LEAF.pem.replace(b"BEGIN CERT", b"BEGIN TRUSTED CERT").replace(b"END CERT", b"END TRUSTED CERT"),
        )
    if form == "PKCS#7":
        return tuple(pkcs7.serialize_certificates(certificates, one) for one in (der, pem))
    if form == "PKCS#12":
        return tuple(
            pkcs12.serialize_key_and_certificates(b"press-1", LEAF.key, LEAF.certificate, certificates[1:], how)
            for how in (
                serialization.NoEncryption(),
                serialization.PrivateFormat.PKCS12.encryption_builder()
                .kdf_rounds(1)
                .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
                .hmac_hash(hashes.SHA1())
                .build(PASSPHRASE.reveal().encode()),
            )
        )
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name("press-1", organization_name="Contoso"))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("press-1")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage("digital_signature"), critical=True)
        .sign(LEAF.key, hashes.SHA256())
    )
    return (request.public_bytes(der), request.public_bytes(pem))


def mutated(data: bytes, dice: random.Random, others: tuple[bytes, ...]) -> bytes:
    """Return bytes with a few wounds: bits flipped, cut off, pieces doubled, taken from elsewhere, lengths changed."""
    found = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        if not found:
            break
        at = dice.randrange(len(found))
        match dice.randrange(7):
            case 0:
                found[at] ^= 1 << dice.randrange(8)
            case 1:
                found[at] = dice.choice((0, 1, 0x30, 0x31, 0x7F, 0x80, 0x82, 0x84, 0xFF, dice.randrange(256)))
            case 2:
                del found[at:]
            case 3:
                del found[at : at + dice.randint(1, 40)]
            case 4:
                found[at:at] = found[dice.randrange(len(found)) :][: dice.randint(1, 60)]
            case 5:
                other = dice.choice(others)
                found[at:] = other[dice.randrange(len(other)) :]
            case 6:  # the byte after a tag is a length
                tags = [
                    i for i, byte in enumerate(found[:-1]) if byte in (0x02, 0x03, 0x04, 0x06, 0x0C, 0x13, 0x17, 0x30)
                ]
                if tags:
                    place = dice.choice(tags) + 1
                    found[place] = (found[place] + dice.choice((-2, -1, 1, 2, 64, 128))) % 256
    return bytes(found)


def exercise(data: bytes) -> bool:
    """Do with some bytes all that the console does; return whether anything was found in them."""
    try:
        held = read(data, "some\x1bfile", PASSPHRASE)
    except ConsoleError as error:
        assert error.sentence().isprintable()
        return False
    shown = inspected_lines(held, NOW, 80)
    first = held.first_unread
    if held.certificates:
        try:
            shown += tree_lines(verify(held, ANCHORS, NOW), NOW, 60)
            assert first is None or UNORDERED & set(held.forms), "another was judged in the place of the first"
        except ConsoleError as error:
            assert error.code == "unread" and error.sentence().isprintable()
            assert held.unread_certificates
            return True
        for auth in (AuthType.CA, AuthType.THUMBPRINT_SHA256):
            registered = Registered("press-1", "", True, True, "", auth, ("00", ""), by_ca=auth is AuthType.CA)
            shown += comparison_lines(compare(held, registered, ANCHORS, NOW), 80)
    for upload in (False, True):
        findings = Lint(held, NOW, device_id="press-1", anchors=ANCHORS, registered=("0" * 40,), for_upload=upload)
        shown += lint_lines(findings.findings(), 80)
    for line in shown:
        assert plain(line).isprintable()
    return True


@pytest.mark.parametrize("form", ["DER", "PEM", "PKCS#7", "PKCS#12", "CSR"])
def test_the_corpus_itself_is_read(form: str) -> None:
    for data in corpus(form):
        assert exercise(data)


@many
@given(data=st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    exercise(data)


@many
@given(data=st.binary(max_size=200), label=st.sampled_from(["CERTIFICATE", "PKCS7", "CERTIFICATE REQUEST", "X"]))
def test_any_bytes_in_armour(data: bytes, label: str) -> None:
    exercise(f"-----BEGIN {label}-----\n{base64.encodebytes(data).decode()}-----END {label}-----\n".encode())


BEGIN, END = b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n"


@many
@given(seed=st.integers(0, 2**48))
def test_no_certificate_is_skipped(seed: int) -> None:
    """Each block is a certificate that was read, or one that could not be, in order."""
    dice = random.Random(seed)
    nodes = [dice.choice((LEAF, MIDDLE, ROOT, RSA)) for _ in range(dice.randint(1, 4))]
    ders = [mutated(one.der, dice, (ROOT.der,)) if dice.random() < 0.5 else one.der for one in nodes]
    text = b"".join(BEGIN + base64.encodebytes(one) + END for one in ders)
    try:
        held = read(text, "some file")
    except ConsoleError as error:
        assert error.code == "unread"
        return
    lost = {one.place: one for one in held.unread}
    readable = list(held.certificates)
    for number, der in enumerate(ders, start=1):
        one = lost.get(f"block {number} (CERTIFICATE)")
        if one is None:
            assert der.startswith(readable.pop(0).der)
        else:
            assert one.before == len(held.certificates) - len(readable)
    assert not readable


@many
@given(seed=st.integers(0, 2**48))
def test_no_block_is_skipped_whose_lines_are_damaged(seed: int) -> None:
    dice = random.Random(seed)
    lines = b"".join(one.pem for one in CHAIN).splitlines(keepends=True)
    at = dice.randrange(len(lines))
    damaged = mutated(lines[at], dice, (BEGIN, END)) if dice.random() < 0.7 else b""
    text = b"".join([*lines[:at], damaged, *lines[at + 1 :]])
    held = read(text, "some file")
    assert len(held.certificates) + len(held.unread) >= len(CHAIN), text


def _fuzz(form: str) -> Callable[[int], None]:
    @many
    @given(seed=st.integers(0, 2**48))
    def run(seed: int) -> None:
        dice = random.Random(seed)
        files = corpus(form)
        exercise(mutated(dice.choice(files), dice, files + corpus("DER")))

    return run


test_mutated_der = _fuzz("DER")
test_mutated_pem = _fuzz("PEM")
test_mutated_pkcs7 = _fuzz("PKCS#7")
test_mutated_pkcs12 = _fuzz("PKCS#12")
test_mutated_requests = _fuzz("CSR")

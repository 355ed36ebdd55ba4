"""Endorsement keys in every form that tools write, against keys that a TPM made and tpm2-tools wrote."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from support.authorities import authority
from support.tpm import SoftwareTpm, needs_software_tpm

from console.gateways.tpm_commands import ENDORSEMENT_TEMPLATE
from console.model.errors import ConsoleError
from console.rules.endorsement_key import endorsement_key


@pytest.fixture(scope="module")
def tpm() -> Iterator[SoftwareTpm]:
    with SoftwareTpm() as one:
        yield one


def text_of(raw: bytes) -> str:
    """Return bytes as a file's reader hands them on: text as it is, else base64."""
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode()


def spread(text: str, width: int = 60) -> str:
    return "\n".join(text[at:end] for at, end in pairwise([*range(0, len(text), width), len(text)]))


def forms(raw: bytes) -> list[str]:
    """What people make of a binary file before they hand it on."""
    b64, hexed = base64.b64encode(raw).decode(), raw.hex()
    colons = ":".join(hexed[at : at + 2] for at in range(0, len(hexed), 2))
    return [
        *(b64, spread(b64) + "\r\n", b64.replace("+", "-").replace("/", "_")),
        *(hexed, hexed.upper(), "0x" + hexed, spread(hexed), colons),
        base64.b64encode(b64.encode("utf-16")).decode(),  # base64 in a file of PowerShell
    ]


@needs_software_tpm
@pytest.mark.parametrize("kind", ["rsa", "ecc"])
def test_what_tpm2_tools_write_becomes_the_service_s_form(tpm: SoftwareTpm, kind: str) -> None:
    tpm.run("tpm2_createek", "-c", "ek.ctx", "-G", kind, "-u", "ek.pub")
    tpm.flush()
    want = base64.b64encode(tpm.file("ek.pub")).decode()
    assert endorsement_key(text_of(tpm.file("ek.pub"))).told == ()
    for form in ("tss", "tpmt", "pem", "der"):
        tpm.run("tpm2_readpublic", "-c", "ek.ctx", "-f", form, "-o", "ek.out")
        tpm.flush()
        raw = tpm.file("ek.out")
        for text in [text_of(raw), *forms(raw)]:
            found = endorsement_key(text)
            assert found.packed == want, (form, text[:40])
            assert bool(found.told) is (form != "tss")


@needs_software_tpm
def test_other_keys_of_a_tpm_are_told_apart(tpm: SoftwareTpm) -> None:
    tpm.run("tpm2_createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
    tpm.flush()
    tpm.run("tpm2_createak", "-C", "ek.ctx", "-c", "ak.ctx", "-u", "ak.pub", "-r", "ak.priv")
    tpm.flush()
    with pytest.raises(ConsoleError) as caught:
        endorsement_key(text_of(tpm.file("ak.pub")))
    assert "key for signing" in caught.value.why
    with pytest.raises(ConsoleError):
        endorsement_key(text_of(tpm.file("ak.priv")))
    found = endorsement_key(base64.b64encode(tpm.storage_root_key()).decode())
    assert "no policy" in found.told[0]
    printed = tpm.run("tpm2_readpublic", "-c", "0x81000001").decode()
    with pytest.raises(ConsoleError) as caught:
        endorsement_key(printed)
    assert "prints for people" in caught.value.why


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def test_a_public_key_takes_the_standard_template() -> None:
    key = rsa_key()
    area = ENDORSEMENT_TEMPLATE[:-256] + key.public_key().public_numbers().n.to_bytes(256)
    want = base64.b64encode(len(area).to_bytes(2) + area).decode()
    public = key.public_key()
    for encoding, form in (
        (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        (Encoding.PEM, PublicFormat.PKCS1),
        (Encoding.DER, PublicFormat.PKCS1),
    ):
        raw = public.public_bytes(encoding, form)
        for text in [text_of(raw), *forms(raw)]:
            found = endorsement_key(text)
            assert found.packed == want and "template L-1" in found.told[0]
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert endorsement_key("".join(pem.split())).packed == want  # as a line of a form holds it
    assert endorsement_key(" ".join(pem.split())).packed == want


def test_the_certificate_of_an_endorsement_key_holds_it() -> None:
    found = endorsement_key(authority("EK CA").pem.decode())
    assert "the certificate's key by TCG's template" in found.told[0]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: "", "it is empty"),
        (lambda: "???", "neither PEM nor base64 nor hex"),
        (lambda: base64.b64encode(bytes(40)).decode(), "no public area"),
        (lambda: base64.b64encode(b"\0\x06\0\x08" + bytes(4)).decode(), "neither an RSA nor an ECC key"),
        (lambda: base64.b64encode(b"\0\x06\0\x01" + bytes(4)).decode(), "its size is right, but"),
        (
            lambda: rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "it is a private key",
        ),
        (
            lambda: (
                ec.generate_private_key(ec.SECP384R1())
                .public_key()
                .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
                .decode()
            ),
            "whose template is not known",
        ),
        (lambda: (authority("A").pem + authority("B").pem).decode(), "it holds 2 PEM blocks"),
        (lambda: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no public key that can be read"),
    ],
)
def test_what_is_no_endorsement_key_is_called_what_it_is(make: object, why: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        endorsement_key(make())  # type: ignore[operator]
    assert why in caught.value.why and caught.value.code == "usage"
    assert "PRIVATE" not in caught.value.sentence()


@given(st.binary(max_size=64) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_break_the_reading(raw: bytes) -> None:
    for text in (base64.b64encode(raw).decode(), raw.hex(), raw.decode("latin-1")):
        try:
            assert endorsement_key(text).packed
        except ConsoleError as error:
            assert error.code == "usage"


@given(st.integers(0, 315), st.integers(1, 255))
def test_a_changed_byte_is_still_this_key_or_none(at: int, change: int) -> None:
    area = ENDORSEMENT_TEMPLATE[:-256] + b"\xc3" * 256
    raw = bytearray(len(area).to_bytes(2) + area)
    raw[at] ^= change
    try:
        found = endorsement_key(base64.b64encode(raw).decode())
    except ConsoleError:
        return
    assert base64.b64decode(found.packed) == bytes(raw)

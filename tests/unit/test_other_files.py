"""Files that hold no certificate are called what they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.chains import OPENSSL, needs_openssl

from console.model.errors import ConsoleError
from console.rules.certificate_reading import read

pytestmark = needs_openssl

MADE = {
    "DH parameters": ["dhparam", "-outform", "DER", "-out", "it", "512"],
    "DSA parameters": ["dsaparam", "-outform", "DER", "-out", "it", "1024"],
    "the parameters of the curve secp384r1": ["ecparam", "-name", "secp384r1", "-outform", "DER", "-out", "it"],
    "the parameters of a curve that is spelled out": [
        *("ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-outform", "DER", "-out", "it")
    ],
    "a public key": ["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "it"],
    "a list of numbers: a signature": ["dgst", "-sha256", "-sign", "key.pem", "-out", "it", "key.pem"],
    "a request for a timestamp": ["ts", "-query", "-data", "key.pem", "-out", "it"],
    "an OCSP request": ["ocsp", "-issuer", "cert.pem", "-cert", "cert.pem", "-reqout", "it"],
    "a revocation list": [
        *("ca", "-config", "ca.cnf", "-gencrl", "-keyfile", "key.pem", "-cert", "cert.pem", "-out", "it")
    ],
    "it is encrypted": ["cms", "-encrypt", "-in", "key.pem", "-outform", "DER", "-out", "it", "cert.pem"],
    "the inner part of a certificate": ["asn1parse", "-in", "cert.pem", "-strparse", "4", "-noout", "-out", "it"],
}
CONFIG = "[ca]\ndefault_ca=c\n[c]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=3\n"


def openssl(folder: Path, *words: str) -> None:
    assert OPENSSL is not None
    subprocess.run([OPENSSL, *words], cwd=folder, capture_output=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("made")
    for name, text in (("ca.cnf", CONFIG), ("index", ""), ("number", "01\n")):
        (made / name).write_text(text)
    openssl(made, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem")
    openssl(made, "req", "-x509", "-new", "-key", "key.pem", "-subj", "/CN=Root", "-out", "cert.pem")
    return made


@pytest.mark.parametrize("words", MADE)
def test_it_is_called_by_its_name(folder: Path, words: str) -> None:
    openssl(folder, *MADE[words])
    data = (folder / "it").read_bytes()
    with pytest.raises(ConsoleError) as refused:
        read(data, "a file")
    assert words in refused.value.why
    for wrong in ("PKCS#12", "private key", "damaged"):
        assert wrong not in refused.value.why


@pytest.mark.parametrize("words", ["DH parameters", "DSA parameters", "the parameters of the curve secp384r1"])
def test_so_it_is_in_armour(folder: Path, words: str) -> None:
    command = [word for word in MADE[words] if word not in ("-outform", "DER")]
    openssl(folder, *command)
    with pytest.raises(ConsoleError, match=words):
        read((folder / "it").read_bytes(), "a file")


TYPED = {
    '{"kty": "EC", "crv": "P-256"}': "JWK",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ": "an SSH key",
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n": "PGP",
    "-----BEGIN PGP MESSAGE-----\n\nmDMEZ\n=abcd\n-----END PGP MESSAGE-----\n": "PGP",
}


@pytest.mark.parametrize("text", TYPED)
def test_texts_of_other_kinds(text: str) -> None:
    with pytest.raises(ConsoleError, match=TYPED[text]):
        read(text.encode(), "a file")

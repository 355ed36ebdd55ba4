"""A certificate whose lines were lost, or written with other signs, is told too: none is taken in its place."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from support.chains import make
from support.unreadable import armour

from console.model.errors import ConsoleError
from console.rules.certificate_chain import judged_leaf
from console.rules.certificate_reading import read
from console.rules.pem import begins_certificate

ROOT = make("Root", ca=True, number=1)
MIDDLE = make("Issuing", ROOT, ca=True, number=2)
LEAF = make("press-1", MIDDLE, number=3)
TEXT = LEAF.pem.decode()
BODY = "".join(TEXT.splitlines()[1:-1])

LOST = {
    "no lines": "\n".join(TEXT.splitlines()[1:-1]) + "\n",
    "one long line": BODY + "\n",
    "a tag": f"<cert>{BODY}</cert>\n",
    "JSON beside": f'{{"cert": "{BODY}", "chain": "',
    "without dashes": TEXT.replace("-----", ""),
    "hyphens": TEXT.replace("-----", "\u2010" * 5),
    "minus signs": TEXT.replace("-----", "\u2212" * 5),
    "full-width": TEXT.replace("-----", "\uff0d" * 5),
    "a hidden blank": TEXT.replace("-----", "----\u200b-"),
    "equals signs": TEXT.replace("-----", "====="),
    "stars": TEXT.replace("-----", "*****"),
    "blanks between": TEXT.replace("-----", "- - - - - "),
    "percent": TEXT.replace("-----", "%2D" * 5).replace("\n", "%0A"),
    "JSON's signs": TEXT.replace("-----", "\\u002d" * 5).replace("\n", "\\n"),
    "HTML's signs": TEXT.replace("-----", "&#45;" * 5),
    "quoted": TEXT.replace("-----", "\\-" * 5),
    "PKCS#7": base64.b64encode(pkcs7.serialize_certificates([LEAF.certificate], serialization.Encoding.DER)).decode(),
}
DER = LEAF.der
HEX = DER.hex()
LOST |= {
    "without its beginning": "\n".join(TEXT.splitlines()[2:-1]) + "\n",
    "a hex dump": "\n".join(HEX[at : at + 64] for at in range(0, len(HEX), 64)) + "\n",
    "hex with colons": ":".join(HEX[at : at + 2] for at in range(0, len(HEX), 2)).upper() + "\n",
    "an array of C": ", ".join(f"0x{byte:02x}" for byte in DER) + "\n",
    "xxd": "".join(
        f"{at:08x}: {' '.join(DER[at : at + 16].hex()[i : i + 4] for i in range(0, 32, 4))}  ................\n"
        for at in range(0, len(DER), 16)
    ),
}


@pytest.mark.parametrize("way", LOST)
def test_a_certificate_without_its_lines_is_no_gap(way: str) -> None:
    for text, before in ((LOST[way] + MIDDLE.pem.decode(), 0), (MIDDLE.pem.decode() + LOST[way], 1)):
        held = read(text.encode(), "chain.pem")
        assert [one.subject for one in held.certificates] == ["CN=Issuing"]
        assert [one.before for one in held.unread] == [before]
        with pytest.raises(ConsoleError) as caught:
            judged_leaf(held, "it was not verified")
        assert caught.value.code == "unread"


def test_a_certificate_that_is_labelled_a_key_is_told() -> None:
    for label in ("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY"):
        held = read(armour(LEAF.der, label) + MIDDLE.pem, "chain.pem")
        (one,) = held.unread
        assert one.before == 0
        assert "it holds a certificate" in one.reason


def test_other_base64_outside_of_blocks_is_text() -> None:
    key = "".join(LEAF.key_pem.decode().splitlines()[1:-1])
    public = LEAF.certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for text in (key, base64.b64encode(public).decode(), "MIME-Version: 1.0", "MIIB" * 30, "MI" * 40):
        held = read(text.encode() + b"\n" + LEAF.pem + text.encode(), "bundle.pem")
        assert (len(held.certificates), held.unread) == (1, ())


def test_the_first_bytes_tell_a_certificate() -> None:
    assert begins_certificate(LEAF.der[:15])
    assert begins_certificate(bytes.fromhex("3081f03081a3a003020102"))
    assert begins_certificate(bytes.fromhex("3081f03081a3020900112233"))  # version 1 begins with its serial number
    assert not begins_certificate(bytes.fromhex("3082010a3081a302010030"))  # a request
    assert not begins_certificate(bytes.fromhex("3059301306072a8648ce3d"))  # a public key
    for size in range(12):
        assert isinstance(begins_certificate(LEAF.der[:size]), bool)

"""The CA certificates of the hub come as base64 of DER, as base64 of PEM or as PEM; anything else is no certificate."""

from __future__ import annotations

import base64

import pytest
from support.chains import make

from console.gateways.mapping import certificate_from

ROOT = make("Root", ca=True, number=1)


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(ROOT.der).decode(),
        base64.encodebytes(ROOT.der).decode(),
        base64.b64encode(ROOT.pem).decode(),
        ROOT.pem.decode(),
        ROOT.pem.decode().replace("\n", "\r\n"),
    ],
    ids=["base64", "base64 in lines", "base64 of PEM", "PEM", "PEM with CRLF"],
)
def test_every_form_gives_the_certificate(text: str) -> None:
    assert certificate_from({"name": "plants", "properties": {"certificate": text}}).der == ROOT.der


@pytest.mark.parametrize(
    "text", [None, "", 5, "hello", "ÄÖÜ", base64.b64encode(b"hello").decode(), "-----BEGIN X-----", []]
)
def test_anything_else_gives_none(text: object) -> None:
    found = certificate_from({"name": "plants", "properties": {"certificate": text, "isVerified": True}})
    assert found.der == b""
    assert found.verified


@pytest.mark.parametrize("word", ["false", "true", 1, "no", None])
def test_what_is_not_plainly_verified_is_not(word: object) -> None:
    assert not certificate_from({"name": "plants", "properties": {"isVerified": word}}).verified

"""CA certificates: upload, proof of possession with real signatures, ETags, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.iothub.models import CertificateDescription, CertificateProperties, CertificateVerificationDescription
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from support.arm import EXAMPLES, ArmBench, arm, misfits, needs_examples  # noqa: F401

START = datetime(2025, 1, 1, tzinfo=UTC)


def make(cn: str, key: Any, issuer: x509.Certificate | None = None, issuer_key: Any = None) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Contoso"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, cn),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    return builder.sign(issuer_key or key, hashes.SHA256())


KEY = ec.generate_private_key(ec.SECP256R1())
CA = make("Plant CA", KEY)


def text(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def upload(arm: ArmBench, name: str, certificate: str | None = None, verified: bool | None = None, **kw: Any) -> Any:
    properties = CertificateProperties(certificate=certificate or text(CA), is_verified=verified)
    description = CertificateDescription(properties=properties)
    return arm.client().certificates.create_or_update(arm.group, arm.name, name, description, **kw)


def test_an_upload_is_read_back(arm: ArmBench):
    seen: list[str] = []
    arm.runner.cloud.listeners.append(lambda _hub, what: seen.append(what))
    created = upload(arm, "plant-ca")
    arm.runner.cloud.listeners.clear()
    assert seen == ["certificates"]
    assert created.properties.is_verified is False
    assert created.properties.subject == "CN=Plant CA, O=Contoso"
    assert created.properties.thumbprint == hashlib.sha1(CA.public_bytes(Encoding.DER)).hexdigest().upper()
    assert created.properties.expiry == START + timedelta(days=3650)
    certificates = arm.client().certificates
    assert certificates.get(arm.group, arm.name, "PLANT-CA").etag == created.etag
    assert "plant-ca" in [one.name for one in certificates.list_by_iot_hub(arm.group, arm.name).value]
    assert arm.runner.hub.certificate_ders["plant-ca"] == CA.public_bytes(Encoding.DER)
    certificates.delete(arm.group, arm.name, "plant-ca", created.etag)
    with pytest.raises(ResourceNotFoundError) as caught:
        certificates.get(arm.group, arm.name, "plant-ca")
    assert json.loads(caught.value.response.text())["code"] == 404008
    certificates.delete(arm.group, arm.name, "plant-ca", "*")  # 204
    assert "plant-ca" not in arm.runner.hub.certificate_ders


def test_pem_and_its_base64_are_taken_too(arm: ArmBench):
    pem = CA.public_bytes(Encoding.PEM)
    for number, form in enumerate((pem.decode(), base64.b64encode(pem).decode())):
        body = {"properties": {"certificate": form}}
        status, _, answer = arm.raw("PUT", f"{arm.hub_path}/certificates/pem-{number}", body)
        assert (status, answer["properties"]["certificate"]) == (201, text(CA))


@pytest.mark.parametrize("wrong", ["", "bm90IGEgY2VydGlmaWNhdGU=", "###", None])
def test_what_is_no_certificate_is_refused(arm: ArmBench, wrong: str | None):
    status, _, body = arm.raw("PUT", f"{arm.hub_path}/certificates/bad", {"properties": {"certificate": wrong}})
    assert status == 400
    assert body["httpStatusCode"] == "BadRequest"


def test_possession_is_proved_by_a_signature_over_the_code(arm: ArmBench):
    certificates = arm.client().certificates
    etag = upload(arm, "proved").etag

    def verify(proof: x509.Certificate, etag: str) -> Any:
        body = CertificateVerificationDescription(certificate=text(proof))
        return certificates.verify(arm.group, arm.name, "proved", etag, body)

    with pytest.raises(HttpResponseError):  # no code yet
        verify(make("x", KEY, CA, KEY), etag)
    nonce = certificates.generate_verification_code(arm.group, arm.name, "proved", etag)
    code = nonce.properties.verification_code
    assert len(code) == 48
    assert nonce.etag != etag
    stranger = ec.generate_private_key(ec.SECP256R1())
    for proof in (make("wrong name", stranger, CA, KEY), make(code, stranger), make(code, stranger, CA, stranger)):
        with pytest.raises(HttpResponseError) as caught:
            verify(proof, nonce.etag)
        assert caught.value.status_code == 400
    assert certificates.get(arm.group, arm.name, "proved").properties.is_verified is False
    with pytest.raises(HttpResponseError) as caught:
        verify(make(code, stranger, CA, KEY), etag)  # the old etag
    assert caught.value.status_code == 412
    proved = verify(make(code, stranger, CA, KEY), nonce.etag)
    assert proved.properties.is_verified is True
    assert certificates.get(arm.group, arm.name, "proved").properties.is_verified is True
    with pytest.raises(HttpResponseError):  # a code is good once
        verify(make(code, stranger, CA, KEY), proved.etag)


def test_the_checkbox_verifies_without_proof_and_updates_need_the_etag(arm: ArmBench):
    first = upload(arm, "ticked", verified=True)
    assert first.properties.is_verified is True
    with pytest.raises(HttpResponseError) as caught:
        upload(arm, "ticked")
    assert caught.value.status_code == 412
    second = upload(arm, "ticked", if_match=first.etag)
    assert second.properties.is_verified is False
    assert second.properties.created == first.properties.created


def test_a_hub_takes_25(arm: ArmBench):
    hub = arm.runner.hub
    before = dict(hub.certificates)
    hub.certificates.update({f"filler-{n}": next(iter(before.values())) for n in range(25 - len(before))})
    status, _, _ = arm.raw("PUT", f"{arm.hub_path}/certificates/one-more", {"properties": {"certificate": text(CA)}})
    hub.certificates.clear()
    hub.certificates.update(before)
    assert status == 400


@needs_examples
def test_answers_have_the_keys_of_the_examples_and_models(arm: ArmBench):
    body = {"properties": {"certificate": text(CA), "isVerified": False}}
    _, _, created = arm.raw("PUT", f"{arm.hub_path}/certificates/shape", body)
    assert misfits("CertificateDescription", created) == []
    _, _, listed = arm.raw("GET", f"{arm.hub_path}/certificates")
    assert misfits("CertificateListDescription", listed) == []
    example = json.loads((EXAMPLES / "arm/iothub_listcertificates.json").read_text())["responses"]["200"]["body"]
    assert set(listed["value"][0]) == set(example["value"][0])
    assert set(listed["value"][0]["properties"]) == set(example["value"][0]["properties"])
    headers = {"If-Match": created["etag"]}
    _, _, nonce = arm.raw("POST", f"{arm.hub_path}/certificates/shape/generateVerificationCode", headers=headers)
    assert misfits("CertificateWithNonceDescription", nonce) == []
    proof = {"certificate": text(make(nonce["properties"]["verificationCode"], KEY, CA, KEY))}
    headers = {"If-Match": nonce["etag"]}
    _, _, verified = arm.raw("POST", f"{arm.hub_path}/certificates/shape/verify", proof, headers=headers)
    example = json.loads((EXAMPLES / "arm/iothub_certverify.json").read_text())["responses"]["200"]["body"]
    assert set(example) <= set(verified)
    assert set(example["properties"]) <= set(verified["properties"])
    assert "verificationCode" not in verified["properties"]

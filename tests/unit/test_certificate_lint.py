"""IoT Hub's rules for certificates: each by a certificate that breaks it, and none for one that is right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from support.chains import DAY, NOW, SERVER, Node, make, sha1, tampered, usage, version_1

from console.model.certificate import Inspected, LintFinding
from console.model.change import Severity
from console.rules.certificate_chain import Anchor
from console.rules.certificate_lint import Lint, failed
from console.rules.certificate_reading import read

ROOT = make("Root", ca=True, number=1, not_after=NOW + 3000 * DAY)
MIDDLE = make("Issuing", ROOT, ca=True, number=2, not_after=NOW + 1000 * DAY)
HUB = (Anchor(ROOT.der, "plants (at the hub)", complete=True),)
UNVERIFIED = (Anchor(ROOT.der, "plants (at the hub)", complete=True, verified=False),)
OTHER = (Anchor(make("Other", ca=True, number=9).der, "other (at the hub)", complete=True),)
HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW


def leaf(by: Node | None = MIDDLE, **options: Any) -> Node:
    options = {"not_before": NOW - DAY, "number": 3, **options}
    return make(options.pop("subject", "press-1"), by, **options)


def held(*nodes: Node, keys: bytes = b"") -> Inspected:
    return read(keys + b"".join(one.pem for one in nodes), "file")


def findings(
    *nodes: Node, keys: bytes = b"", device: str = "press-1", anchors=HUB, **options: Any
) -> list[LintFinding]:
    return list(Lint(held(*nodes, keys=keys), NOW, device_id=device, anchors=anchors, **options).findings())


def ids(found: list[LintFinding]) -> list[tuple[str, Severity]]:
    return [(one.id, one.severity) for one in found]


def test_a_right_certificate_has_nothing_against_it() -> None:
    assert findings(leaf(), MIDDLE, ROOT) == []
    assert findings(leaf(), MIDDLE) == []  # up to a CA at the hub is enough
    assert findings(leaf(subject="press-1/camera"), MIDDLE, device="press-1/camera") == []


@pytest.mark.parametrize(
    ("options", "wanted", "severity"),
    [
        ({"subject": "press-2"}, "common-name", HIGH),
        ({"subject": "Press-1"}, "common-name", HIGH),
        ({"subject": ""}, "no-common-name", HIGH),
        ({"ca": True}, "leaf-is-ca", HIGH),
        ({"basic": None}, "basic-constraints", LOW),
        ({"purposes": [SERVER]}, "no-client-auth", HIGH),
        ({"key_usage": usage("key_encipherment")}, "key-usage", MEDIUM),
        ({"not_after": NOW - timedelta(hours=1)}, "expired", HIGH),
        ({"not_before": NOW + DAY}, "not-yet-valid", HIGH),
        ({"not_before": NOW - 200 * DAY, "not_after": NOW + 90 * DAY}, "needs-renewal", MEDIUM),
        ({"not_after": NOW + 900 * DAY}, "long-lifetime", MEDIUM),
        ({"not_after": NOW + 1200 * DAY}, "outlives-issuer", MEDIUM),
        ({"kind": "rsa-1024"}, "weak-key", HIGH),
        ({"kind": "ed25519"}, "key-type", HIGH),
        ({"kind": "secp256k1"}, "curve", MEDIUM),
        ({"kind": "ec-p521"}, "curve", MEDIUM),
    ],
)
def test_each_rule_for_a_leaf_is_told(options: dict[str, Any], wanted: str, severity: Severity) -> None:
    found = findings(leaf(**options), MIDDLE, ROOT)
    assert (wanted, severity) in ids(found)
    one = next(one for one in found if one.id == wanted)
    assert one.message
    assert one.hint
    assert failed(found) == any(one.severity is not LOW for one in found)


def test_more_than_one_common_name_is_told() -> None:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, one) for one in ("press-1", "press-2")]
    found = findings(leaf(subject=x509.Name(parts)), MIDDLE, ROOT)
    assert ids(found) == [("common-names", HIGH)]


def test_renewal_begins_at_two_thirds_of_the_lifetime() -> None:
    for days, told in ((65, False), (67, True)):
        made = leaf(not_before=NOW - days * DAY, not_after=NOW + (100 - days) * DAY)
        assert any(one.id == "needs-renewal" for one in findings(made, MIDDLE)) == told


@pytest.mark.parametrize(
    ("kind", "told"), [("rsa-2048", False), ("rsa-3072", False), ("ec-p256", False), ("ec-p384", False)]
)
def test_good_keys_are_not_complained_of(kind: str, told: bool) -> None:
    assert bool(findings(leaf(kind=kind), MIDDLE)) == told


def test_sha1_signatures_are_told() -> None:
    assert ("weak-signature", HIGH) in ids(findings(sha1(leaf(), MIDDLE.key), MIDDLE))
    old = sha1(ROOT, ROOT.key)
    assert ("weak-signature", LOW) in ids(findings(leaf(MIDDLE), MIDDLE, old))


def test_self_signed_is_for_thumbprints() -> None:
    own = leaf(None)
    assert ("self-signed", MEDIUM) in ids(findings(own, anchors=None))
    assert "leaf-is-ca" not in dict(ids(findings(leaf(None, ca=True))))


def test_registered_thumbprints_are_looked_at() -> None:
    own = leaf(None)
    info = held(own).certificates[0]
    short = findings(own, registered=(info.sha1,))
    assert ("sha1-thumbprint", MEDIUM) in ids(short)
    assert not any(one.id.startswith("ca-") for one in short)  # it signs in by thumbprint: no CA is needed
    assert ids(findings(own, registered=(info.sha256,))) == [("self-signed", MEDIUM)]


def test_a_thumbprint_that_is_not_registered_is_told() -> None:
    assert ids(findings(leaf(None), registered=("AB" * 32, ""))) == [("thumbprint", HIGH), ("self-signed", MEDIUM)]


def test_what_the_hub_was_not_asked_is_unknown_and_no_failure() -> None:
    found = findings(leaf(), MIDDLE, ROOT, anchors=None)
    assert [(one.id, one.unknown) for one in found] == [("ca-at-hub", True)]
    assert not failed(found)
    found = findings(leaf(), MIDDLE, device="")
    assert [(one.id, one.unknown, one.severity) for one in found] == [("common-name", True, LOW)]


def test_the_ca_must_be_at_the_hub_and_verified() -> None:
    assert ids(findings(leaf(), MIDDLE, ROOT, anchors=OTHER)) == [("ca-not-at-hub", HIGH)]
    found = findings(leaf(), MIDDLE, ROOT, anchors=UNVERIFIED)
    assert ids(found) == [("ca-unverified", HIGH)]
    assert "plants" in found[0].message


def test_the_file_must_hold_the_chain_in_order() -> None:
    assert ("chain-incomplete", MEDIUM) in ids(findings(leaf(), anchors=None))
    assert ("chain-incomplete", MEDIUM) in ids(findings(leaf()))
    assert ("order", MEDIUM) in ids(findings(ROOT, MIDDLE, leaf()))
    assert ("order", LOW) in ids(findings(leaf(), ROOT, MIDDLE))
    assert ("strangers", LOW) in ids(findings(leaf(), MIDDLE, make("X", ca=True, number=40)))


def test_a_broken_chain_is_told() -> None:
    assert ("chain", HIGH) in ids(findings(tampered(leaf()), MIDDLE, ROOT))
    assert ("not-a-ca", HIGH) in ids(findings(leaf(fake := leaf(subject="fake", number=5), number=6), fake, MIDDLE))


def test_revocation_pointers_are_never_followed() -> None:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.contoso.com/x")], None, None, None)
    found = findings(leaf(more=[(x509.CRLDistributionPoints([point]), False)]), MIDDLE)
    assert ids(found) == [("revocation", LOW)]
    assert "crl.contoso.com" in found[0].message


def test_version_1_is_told() -> None:
    assert ("version", MEDIUM) in ids(findings(version_1(leaf(), MIDDLE.key), MIDDLE))


# --- upload -------------------------------------------------------------------------------------------------------


def upload(*nodes: Node, keys: bytes = b"") -> list[LintFinding]:
    return findings(*nodes, keys=keys, device="", anchors=None, for_upload=True)


def test_a_ca_alone_may_be_uploaded() -> None:
    assert upload(ROOT) == []


def test_a_private_key_in_an_upload_is_refused() -> None:
    assert ids(upload(ROOT, keys=ROOT.key_pem)) == [("private-key-in-upload", HIGH)]
    data = pkcs12.serialize_key_and_certificates(b"", ROOT.key, ROOT.certificate, None, serialization.NoEncryption())
    found = list(Lint(read(data, "x"), NOW, for_upload=True).findings())
    assert ("private-key-in-upload", HIGH) in ids(found)
    found = list(Lint(read(ROOT.key_pem, "x"), NOW, for_upload=True).findings())
    assert ids(found) == [("private-key-in-upload", HIGH)]


def test_a_leaf_or_a_bundle_is_no_upload() -> None:
    assert ("not-a-ca", HIGH) in ids(upload(leaf()))
    assert ("several-certificates", HIGH) in ids(upload(MIDDLE, ROOT))
    assert ("expired", HIGH) in ids(upload(make("Root", ca=True, not_after=NOW - DAY)))


def test_an_open_key_beside_a_device_certificate_is_only_remarked() -> None:
    found = findings(leaf(), MIDDLE, keys=ROOT.key_pem)
    assert ids(found) == [("private-key-open", LOW)]
    assert not failed(found)


def test_a_file_without_a_certificate_is_not_waved_through() -> None:
    found = list(Lint(read(ROOT.key_pem, "x"), NOW).findings())
    assert ("no-certificate", HIGH) in ids(found)
    request = x509.CertificateSigningRequestBuilder().subject_name(ROOT.certificate.subject)
    pem = request.sign(ROOT.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    found = list(Lint(read(pem, "x"), NOW).findings())
    assert ids(found) == [("no-certificate", HIGH)]
    assert "signing request" in found[0].message


def test_the_worst_comes_first() -> None:
    found = findings(leaf(subject="x", basic=None, not_after=NOW + 900 * DAY), MIDDLE)
    assert [one.severity for one in found] == [HIGH, MEDIUM, LOW]

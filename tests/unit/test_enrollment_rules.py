"""What the rules say of enrollments: ids, keys, endorsement keys, bodies, broader groups, and the hub beside them."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.authorities import authority, make

from console.gateways.enrollment_mapping import enrollment_from, time_from
from console.model.device import AuthType, ConnectionState, Device, DeviceStatus
from console.model.enrollment import (
    Attestation,
    CertificateInfo,
    CertificateSlot,
    CrossKind,
    Enrollment,
    EnrollmentKind,
    LinkedHub,
    NewEnrollment,
    ProvisioningInstance,
    Registration,
    Reprovision,
)
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.rules.enrollment_body import steady_enrollment
from console.rules.enrollment_cross import Material, device_ids, findings
from console.rules.enrollment_groups import CaName, authorities, broader
from console.rules.enrollment_input import check_registration_id, checked
from console.rules.enrollment_risks import Around, of_creation, of_deletion
from console.rules.group_keys import derive

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[2] / "../shared/reference/examples/dps"
GROUP_KEY = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
"""The key of the example in Azure's documents on symmetric-key groups, with its registration id and result below."""
HUB = "plants.azure-devices.net"
SERVICE = ProvisioningInstance("dps", "/x/dps", "h", "d", "0ne", hubs=(LinkedHub(HUB),))


def test_a_key_is_derived_as_documented() -> None:
    derived = derive(Secret(GROUP_KEY), "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6")
    assert derived.reveal() == "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc="


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_key_is_derived_as_openssl_does() -> None:
    key, name = base64.b64encode(bytes(range(64))).decode(), "press-07:b_1"
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{bytes(range(64)).hex()}", "-binary"]
    said = subprocess.run(command, input=name.encode(), capture_output=True, check=True).stdout
    assert derive(Secret(key), name).reveal() == base64.b64encode(said).decode()


@pytest.mark.parametrize(
    "key", ["no base64", base64.b64encode(b"short").decode(), base64.b64encode(b"x" * 65).decode()]
)
def test_what_is_no_key_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        derive(Secret(key), "press")
    assert key not in caught.value.sentence()


@given(st.text(max_size=140))
def test_ids_are_taken_or_refused_in_one_sentence(text: str) -> None:
    letters = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:")
    fits = bool(text) and len(text) <= 128 and set(text) <= letters and text[-1] not in "._:"
    try:
        check_registration_id(text)
    except ConsoleError as error:
        assert not fits
        assert error.code == "usage"
    else:
        assert fits


def test_the_same_certificate_twice_is_told() -> None:
    der = authority("Plants CA").der
    for pair in ({"certificates": (der, der)}, {"ca_names": ("plants", "Plants")}):
        order = individual(attestation=Attestation.X509, kind=EnrollmentKind.GROUP, **pair)
        found = checked(order, SERVICE)
        assert "same-certificate" in [risk.id for risk in of_creation(order, found.certificates, NOW)]


def individual(**more: object) -> NewEnrollment:
    return replace(NewEnrollment(EnrollmentKind.INDIVIDUAL, "press-1", Attestation.SYMMETRIC_KEY), **more)  # type: ignore[arg-type]


def test_a_body_for_each_attestation() -> None:
    keyed = checked(
        individual(device_id="Press-1", edge=True, reprovision=Reprovision.RESET, hubs=(HUB.upper(),)), SERVICE
    )
    assert keyed.new_keys
    assert {**keyed.body, "attestation": 0} == {
        "registrationId": "press-1",
        "deviceId": "Press-1",
        "attestation": 0,
        "capabilities": {"iotEdge": True},
        "provisioningStatus": "enabled",
        "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": False},
        "iotHubs": [HUB],
    }
    pair = keyed.body["attestation"]["symmetricKey"]
    assert isinstance(pair["primaryKey"], Secret)
    assert pair["primaryKey"] != pair["secondaryKey"]
    leaf, ca = make("press-1"), authority("Plant CA")
    own = checked(individual(attestation=Attestation.X509, certificates=(leaf.pem,)), SERVICE)
    sent = own.body["attestation"]["x509"]["clientCertificates"]["primary"]["certificate"]
    assert base64.b64decode(sent) == own.certificates[0].der
    group = individual(kind=EnrollmentKind.GROUP, id="Plants", attestation=Attestation.X509, certificates=(ca.pem,))
    assert "signingCertificates" in checked(group, SERVICE).body["attestation"]["x509"]
    named = checked(individual(attestation=Attestation.X509, ca_names=("root",)), SERVICE)
    assert named.body["attestation"]["x509"] == {"caReferences": {"primary": "root"}}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": EnrollmentKind.GROUP, "attestation": Attestation.TPM}, "TPM"),
        ({"attestation": Attestation.X509}, "certificates or names"),
        ({"ca_names": ("root",)}, "belong to the attestation x509"),
        ({"endorsement_key": "x"}, "belongs to the attestation tpm"),
        ({"hubs": ("other.azure-devices.net",)}, "does not link"),
        ({"allocation": "static"}, "exactly one hub"),
        ({"allocation": "custom"}, "no allocation policy"),
        ({"kind": EnrollmentKind.GROUP, "device_id": "a"}, "registration id for it"),
        ({"attestation": Attestation.X509, "ca_names": ("a",), "id": "x" * 65}, "64 are allowed"),
        ({"keys": (Secret("AA=="), Secret("AA=="))}, "16 to 64"),
    ],
)
def test_what_the_service_would_refuse_is_refused_before(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        checked(individual(**wrong), SERVICE)
    assert why in caught.value.sentence()
    assert caught.value.code == "usage"


def test_a_group_by_a_leaf_is_refused_and_a_key_never_leaves() -> None:
    leaf = make("press-1")
    group = individual(kind=EnrollmentKind.GROUP, attestation=Attestation.X509, certificates=(leaf.pem,))
    with pytest.raises(ConsoleError, match="no CA certificate"):
        checked(group, SERVICE)


def test_risks_of_a_certificate_that_is_not_the_device_s() -> None:
    order = individual(attestation=Attestation.X509, certificates=(make("press-2").pem,))
    risks = of_creation(order, checked(order, SERVICE).certificates, datetime(2999, 1, 1, tzinfo=UTC))
    assert {risk.id for risk in risks if risk.blocking} == {"common-name", "expired"}


def test_a_body_is_the_same_however_its_certificates_are_told() -> None:
    order = individual(attestation=Attestation.X509, certificates=(make("press-1").pem,))
    found = checked(order, SERVICE)
    info = {"sha256Thumbprint": found.certificates[0].sha256.lower(), "subjectName": "CN=press-1"}
    told = {**found.body, "registrationId": "PRESS-1", "etag": "e", "createdDateTimeUtc": "t"}
    slots = {"primary": {"certificate": None, "info": info}, "secondary": None}
    told["attestation"] = {"type": "x509", "tpm": None, "x509": {"clientCertificates": slots, "caReferences": None}}
    assert steady_enrollment(told) == steady_enrollment(found.body)
    info["sha256Thumbprint"] = "00"
    assert steady_enrollment(told) != steady_enrollment(found.body)


def test_the_public_example_is_read() -> None:
    file = EXAMPLES / "IndividualEnrollment_Get_MaximumSet_Gen.json"
    if not file.is_file():
        pytest.skip("the public examples are not here")
    body = json.loads(file.read_text())["responses"]["200"]["body"]
    one = enrollment_from(body, EnrollmentKind.INDIVIDUAL)
    assert (one.id, one.device_id, one.edge, one.enabled) == (
        "qslkonoocsfhkhmiteqmguyr",
        "pwchybovrcpjrajqlyvl",
        True,
        True,
    )
    assert one.registration is not None
    assert one.registration.error_code == 26
    assert one.certificates[0][1].not_after is not None


NAMES = "attestation x509 clientCertificates primary info iotHubs registrationState errorCode createdDateTimeUtc"
MEMBERS = st.sampled_from(NAMES.split())
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(), lambda one: st.lists(one) | st.dictionaries(MEMBERS, one)
)


@given(ANY_JSON)
def test_no_answer_breaks_the_reading(body: object) -> None:
    if isinstance(body, dict):
        enrollment_from(body, EnrollmentKind.INDIVIDUAL)


@pytest.mark.parametrize(
    "text", ["2022-08-31T22:02:50.5163352Z", "2022-08-31T22:02:50.516335+00:00", "2022-08-31T22:02:50.516335"]
)
def test_times_of_seven_digits(text: str) -> None:
    assert time_from(text) == datetime(2022, 8, 31, 22, 2, 50, 516335, tzinfo=UTC)
    assert time_from("0001-01-01T00:00:00+23:00") is None


def by_ca(name: str, subject: str, issuer: str, **more: object) -> Enrollment:
    info = CertificateInfo(subject, issuer)
    one = Enrollment(EnrollmentKind.GROUP, name, Attestation.X509, True, certificates=(("primary", info),))
    return replace(one, certificate_slot=CertificateSlot.SIGNING, **more)  # type: ignore[arg-type]


ROOT = by_ca("all", "CN=Root, O=Contoso", "CN=Root, O=Contoso")
PLANT = by_ca("lyon", "CN=Lyon", "CN=Plants")
PLANTS_CA = {"plants": CaName("CN=Plants", "O=Contoso,CN=Root")}


def test_a_broader_group_is_found_through_the_service_s_own_cas() -> None:
    groups = [ROOT, PLANT]
    assert broader(authorities(PLANT, PLANTS_CA), groups, PLANTS_CA, but="lyon") == (ROOT,)
    assert broader(authorities(PLANT, {}), groups, {}, but="lyon") == ()
    assert broader(authorities(PLANT, PLANTS_CA), [replace(ROOT, enabled=False), PLANT], PLANTS_CA, but="lyon") == ()
    assert broader(authorities(ROOT, PLANTS_CA), groups, PLANTS_CA, but="all") == ()


def test_a_deletion_that_opens_another_door_must_be_accepted() -> None:
    assert [risk.id for risk in of_deletion(PLANT, Around(broader=(ROOT,))) if risk.blocking] == ["broader-group"]
    blocked = Enrollment(EnrollmentKind.INDIVIDUAL, "press-1", Attestation.SYMMETRIC_KEY, False)
    assert [risk.id for risk in of_deletion(blocked, Around(shadowed=(ROOT,))) if risk.blocking] == ["block-lifted"]
    assert not [risk for risk in of_deletion(PLANT, Around()) if risk.blocking]


def device(name: str, **more: object) -> Device:
    one = Device(name, DeviceStatus.ENABLED, AuthType.SAS, ConnectionState.DISCONNECTED, NOW)
    return replace(one, **more)  # type: ignore[arg-type]


def assigned(name: str, **more: object) -> Registration:
    return replace(Registration(name, "assigned", device_id=name, hub=HUB), **more)  # type: ignore[arg-type]


def one_of(name: str, enabled: bool = True, registration: Registration | None = None) -> Enrollment:
    return Enrollment(EnrollmentKind.INDIVIDUAL, name, Attestation.SYMMETRIC_KEY, enabled, registration=registration)


OFF = device("a", status=DeviceStatus.DISABLED)


@pytest.mark.parametrize(
    ("enrollment", "there", "expected"),
    [
        (one_of("a", registration=assigned("a")), device("a"), []),
        (one_of("a", False, assigned("a")), device("a"), [CrossKind.DISABLED_HERE_ENABLED_THERE]),
        (one_of("a", False), device("a"), [CrossKind.DISABLED_HERE_ENABLED_THERE]),
        (one_of("a", False), None, []),
        (one_of("a", registration=assigned("a")), OFF, [CrossKind.ENABLED_HERE_DISABLED_THERE]),
        (one_of("a", registration=assigned("a")), device("a", last_activity=None), [CrossKind.NEVER_SEEN]),
        (one_of("a", registration=assigned("a")), None, [CrossKind.NOT_IN_HUB]),
        (one_of("a", registration=assigned("a")), device("a", auth=AuthType.CA), [CrossKind.OTHER_AUTH]),
        (one_of("a", registration=Registration("a", "unassigned")), None, [CrossKind.NEVER_REGISTERED]),
        (one_of("a", registration=Registration("a", "failed", error_code=401002)), None, []),
        (one_of("a", registration=assigned("a", hub="other")), None, []),
    ],
)  # fmt: skip
def test_disagreements_of_individual_enrollments(
    enrollment: Enrollment, there: Device | None, expected: list[CrossKind]
) -> None:
    material = Material(frozenset({HUB}), [enrollment], devices={"a": there} if there else {})
    assert [one.kind for one in findings(material)] == expected


def test_disagreements_of_groups() -> None:
    off = replace(PLANT, enabled=False)
    registrations = {"lyon": [assigned("a"), assigned("b"), assigned("c", hub="elsewhere.azure-devices.net")]}
    material = Material(frozenset({HUB}), [one_of("b", False)], [ROOT, off], registrations, cas=PLANTS_CA)
    assert sorted(device_ids(material)) == ["a", "b"]
    there = {name: device(name, auth=AuthType.CA) for name in "ab"}
    found = [(one.kind, one.enrollment_id, one.device_id) for one in findings(replace(material, devices=there))]
    assert found == [
        (CrossKind.DISABLED_HERE_ENABLED_THERE, "b", "b"),
        (CrossKind.DISABLED_HERE_ENABLED_THERE, "lyon", "a"),
        (CrossKind.BROADER_GROUP, "lyon", ""),
    ]

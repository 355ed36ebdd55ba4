"""Who is let in by which enrollment: keys, derived keys, certificates, chains, and what goes before what."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.localhub.provisioning_token import derived_key, read_token
from console.localhub.state import new_key
from tests.support.authorities import DAY, authority, make
from tests.support.enrolled import Office, derived

# The documentation's own example of a group key, a registration id and the key that its shell line prints.
GROUP_KEY = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw=="
DEVICE_KEY = "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc="


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture(scope="module")
def tree():
    """A root, two lines of intermediates under it, and a device at the end."""
    root = authority("Root")
    first = root.issue("First", ca=True)
    second = first.issue("Second", ca=True)
    return root, first, second, second.issue("press-1")


def outcome(answer):
    """Return the status word of a registration's end, or number and text of a refusal."""
    if answer.status == 200:
        return answer.body["status"]
    return answer.body["errorCode"], answer.body["message"]


UNKNOWN, WRONG = (401000, "Unauthorized"), (401002, "Unauthorized")
INVALID, NOT_SENT = (401002, "Invalid certificate."), (401002, "CA certificate not found.")


# -- keys --------------------------------------------------------------------------------------------------------------


def test_either_key_of_an_individual_enrollment_is_let_in_and_no_other(office):
    record = office.by_key()
    for key in (record.primary_key, record.secondary_key):
        assert outcome(office.whole(office.caller(key=key))) == "assigned"
    assert outcome(office.whole(office.caller(key=new_key()))) == WRONG


@pytest.mark.parametrize(
    "case", ["another scope", "another device", "another key name", "expired", "no token", "garbage"]
)
def test_a_token_that_is_not_for_this_registration_is_refused(office, case):
    key = office.by_key().primary_key
    office.by_key("press-2")
    tokens = {
        "another scope": office.token("press-1", key, scope="0ne00FFFFFF"),
        "another device": office.token("press-2", key),
        "another key name": office.token("press-1", key, name="iothubowner"),
        "expired": office.token("press-1", key, lifetime=-1),
        "garbage": "SharedAccessSignature sr=x",
    }
    answer = office.whole(office.caller(token=tokens.get(case)))
    assert outcome(answer) == (UNKNOWN if case == "no token" else WRONG)
    assert not office.hub.devices


def test_the_documented_derived_key_comes_out():
    assert derived_key(GROUP_KEY, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6") == DEVICE_KEY


@given(st.binary(min_size=1, max_size=64), st.text("abcxyz019-._:", min_size=1, max_size=60))
def test_a_derived_key_is_the_hmac_of_the_registration_id(key, registration_id):
    group = base64.b64encode(key).decode()
    assert derived_key(group, registration_id) == derived(group, registration_id)


def test_a_device_of_a_group_is_known_by_its_derived_key_and_the_hub_gets_the_same(office):
    office.by_group_key("other")
    group = office.by_group_key()
    answer = office.whole(office.caller("press-7", derived(group.secondary_key, "press-7")))
    assert outcome(answer) == "assigned"
    assert answer.body["registrationState"]["symmetricKey"] == {"enrollmentGroupId": "presses"}
    device = office.hub.devices["press-7"]
    assert (device.primary_key, device.secondary_key) == (
        derived(group.primary_key, "press-7"),
        derived(group.secondary_key, "press-7"),
    )
    # the group's key itself, or that of another id, is nobody's
    assert outcome(office.whole(office.caller("press-7", group.primary_key))) == WRONG
    assert outcome(office.whole(office.caller("press-8", derived(group.primary_key, "press-7")))) == WRONG


def test_without_any_enrollment_the_refusal_has_the_other_number(office):
    assert outcome(office.whole(office.caller(key=new_key()))) == UNKNOWN


def test_a_disabled_individual_enrollment_goes_before_the_group_that_would_let_the_device_in(office):
    group = office.by_group_key()
    key = derived(group.primary_key, "press-1")
    blocked = office.by_key(provisioningStatus="disabled")
    assert outcome(office.whole(office.caller(key=key))) == WRONG  # its group key is not the enrollment's
    blocked.primary_key = key
    answer = office.whole(office.caller(key=key))
    assert outcome(answer) == "disabled"
    assert answer.body["registrationState"]["status"] == "disabled"
    assert not office.hub.devices
    del office.service.enrollments["press-1"]
    assert outcome(office.whole(office.caller(key=key))) == "assigned"


@given(st.text(max_size=80), st.sampled_from(["", "SharedAccessSignature ", "sharedaccesssignature sr=a&se="]))
def test_no_text_is_too_strange_for_the_reader_of_tokens(text, before):
    token = read_token(before + text)
    assert token is None or not token.fits([new_key()])


# -- certificates ------------------------------------------------------------------------------------------------------


def test_a_certificate_of_its_own_lets_a_device_in_by_either_slot(office):
    old, new, stranger = make("press-1"), make("press-1"), make("press-1")
    office.by_certificate("press-1", old, new)
    for one in (old, new):
        assert outcome(office.whole(office.caller(chain=[one]))) == "assigned"
    device = office.hub.devices["press-1"]
    assert (device.auth, device.primary_thumbprint, device.secondary_thumbprint) == (
        "selfSigned",
        old.sha256,
        new.sha256,
    )
    assert outcome(office.whole(office.caller(chain=[stranger]))) == WRONG


def test_an_expired_certificate_or_one_of_another_name_is_invalid(office):
    expired = make("press-1", start=-DAY * 9, end=-timedelta(seconds=5))
    office.by_certificate("press-1", expired)
    assert outcome(office.whole(office.caller(chain=[expired]))) == INVALID
    other = make("press-2")
    office.by_certificate("press-1", other)
    assert outcome(office.whole(office.caller(chain=[other]))) == INVALID


def test_the_name_of_a_certificate_is_compared_without_case(office):
    one = make("PRESS-1")
    office.by_certificate("press-1", one)
    assert outcome(office.whole(office.caller("Press-1", chain=[one]))) == "assigned"


def test_a_chain_lets_a_device_in_by_its_group_and_the_hub_registers_the_thumbprint_twice(office, tree):
    root, first, second, device = tree
    office.ca("root", root)
    office.by_signer("second-line", second)
    answer = office.whole(office.caller(chain=[device, second, first]))
    assert outcome(answer) == "assigned"
    x509 = answer.body["registrationState"]["x509"]
    assert x509["enrollmentGroupId"] == "second-line"
    assert x509["certificateInfo"]["subjectName"] == "CN=press-1"
    assert x509["signingCertificateInfo"]["sha256Thumbprint"] == second.sha256
    identity = office.hub.devices["press-1"]
    assert identity.auth == "selfSigned"
    assert identity.primary_thumbprint == identity.secondary_thumbprint == device.sha256


def test_what_lies_between_group_and_verified_ca_must_be_sent(office, tree):
    root, first, second, device = tree
    office.ca("root", root)
    office.by_signer("second-line", second)
    assert outcome(office.whole(office.caller(chain=[device, second]))) == INVALID
    assert outcome(office.whole(office.caller(chain=[device, first]))) == INVALID
    assert outcome(office.whole(office.caller(chain=[device, first, second]))) == "assigned"  # in any order


def test_a_ca_that_was_not_verified_lets_nobody_in(office, tree):
    root, first, second, device = tree
    office.ca("root", root, verified=False)
    office.by_reference("all", "ROOT")
    chain = [device, second, first, root]
    assert outcome(office.whole(office.caller(chain=chain))) == INVALID
    office.ca("root", root)
    assert outcome(office.whole(office.caller(chain=chain))) == "assigned"
    assert outcome(office.whole(office.caller(chain=[device]))) == NOT_SENT


def test_the_nearest_group_decides_even_when_it_is_disabled_and_deleting_it_leaves_the_broader_one(office, tree):
    root, first, second, device = tree
    office.ca("root", root)
    office.by_reference("all", "root")
    office.by_signer("first-line", first, provisioningStatus="disabled")
    chain = [device, second, first]
    assert outcome(office.whole(office.caller(chain=chain))) == "disabled"
    assert office.service.registrations["press-1"].group_id == "first-line"
    office.by_signer("second-line", second)
    assert outcome(office.whole(office.caller(chain=chain))) == "assigned"
    assert office.service.registrations["press-1"].group_id == "second-line"
    del office.service.groups["first-line"], office.service.groups["second-line"]
    assert outcome(office.whole(office.caller(chain=chain))) == "assigned"
    assert office.service.registrations["press-1"].group_id == "all"


def test_an_intermediate_that_expired_spoils_the_chain(office):
    root = authority("Root")
    line = root.issue("Line", ca=True, start=-DAY * 9, end=-timedelta(seconds=5))
    device = line.issue("press-1")
    office.ca("root", root)
    office.by_reference("all", "root")
    assert outcome(office.whole(office.caller(chain=[device, line]))) == INVALID


def test_a_forged_chain_is_nobodys(office, tree):
    root, first, second, _ = tree
    office.ca("root", root)
    office.by_reference("all", "root")
    forged = authority("Second").issue("press-1")  # of the right name, by another key
    assert outcome(office.whole(office.caller(chain=[forged, second, first]))) == NOT_SENT
    leaf = second.issue("press-9")  # not a CA, so it can vouch for nobody
    under_leaf = leaf.issue("press-1")
    assert outcome(office.whole(office.caller(chain=[under_leaf, leaf, second, first]))) == NOT_SENT


def test_certificate_and_key_do_not_stand_in_for_each_other(office):
    record = office.by_key()
    assert outcome(office.whole(office.caller(chain=[make("press-1")]))) == WRONG
    office.by_certificate("press-1", make("press-1"))
    assert outcome(office.whole(office.caller(key=record.primary_key))) == WRONG


def test_one_device_may_be_enrolled_by_its_ca(office, tree):
    root, first, second, device = tree
    office.ca("root", root)
    office.by_reference("press-1", "root")
    office.service.enrollments["press-1"] = office.service.groups.pop("press-1")
    assert outcome(office.whole(office.caller(chain=[device, second, first]))) == "assigned"
    assert office.service.registrations["press-1"].group_id == ""
    assert outcome(office.whole(office.caller(chain=[device]))) == NOT_SENT

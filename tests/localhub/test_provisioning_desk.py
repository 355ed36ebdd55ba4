"""From the first call to the identity in a hub: operations, allocation, reprovisioning, challenges of TPMs, the log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from console.localhub.log_store import LogStore
from console.localhub.state import AccessPolicy, new_key
from tests.localhub.test_provisioning_tpm import opened, signed
from tests.support.enrolled import STORY, Office, derived
from tests.support.tpm import SoftwareTpm, needs_software_tpm


@pytest.fixture
def office() -> Office:
    return Office()


# -- operations --------------------------------------------------------------------------------------------------------


def test_a_registration_goes_as_in_the_published_transcript(office):
    key = office.by_key("my-symkey-device").primary_key
    caller = office.caller("my-symkey-device", key)
    begun = office.desk.register(caller, {"registrationId": "my-symkey-device"})
    assert (begun.status, begun.retry_after) == (202, 1)
    assert begun.body.keys() == {"operationId", "status"}
    assert begun.body["status"] == "assigning"
    assert re.fullmatch(r"5\.[0-9a-f]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", begun.body["operationId"])
    ended = office.desk.operation(caller, begun.body["operationId"])
    assert ended.status == 200
    state = ended.body["registrationState"]
    assert ended.body == {"operationId": begun.body["operationId"], "status": "assigned", "registrationState": state}
    assert state.keys() == {
        *("registrationId", "createdDateTimeUtc", "assignedHub", "deviceId", "status", "substatus"),
        *("lastUpdatedDateTimeUtc", "etag"),
    }
    assert (state["assignedHub"], state["deviceId"]) == (office.hub.host, "my-symkey-device")
    assert state["substatus"] == "initialAssignment"
    assert state["createdDateTimeUtc"].startswith(STORY.strftime("%Y-%m-%dT%H:%M"))
    assert office.desk.lookup(caller).body == state
    device = office.hub.devices["my-symkey-device"]
    assert (device.auth, device.primary_key) == ("sas", key)


def test_as_many_answers_say_assigning_as_were_asked_for():
    office = Office(assigning_polls=3, poll_after=2)
    caller = office.caller(key=office.by_key().primary_key)
    operation = office.desk.register(caller, {}).body["operationId"]
    early = [office.desk.operation(caller, operation) for _ in range(2)]
    assert [(one.status, one.retry_after, one.body["status"]) for one in early] == [(202, 2, "assigning")] * 2
    assert office.desk.operation(caller, operation).body["status"] == "assigned"
    assert office.desk.operation(caller, operation).body["status"] == "assigned"


def test_an_operation_is_its_devices_alone_and_only_the_last_one_counts(office):
    caller = office.caller(key=office.by_key().primary_key)
    first = office.desk.register(caller, {}).body["operationId"]
    second = office.desk.register(caller, {}).body["operationId"]
    other = office.caller("press-2", office.by_key("press-2").primary_key)
    for asked in (office.desk.operation(caller, first), office.desk.operation(other, second)):
        assert (asked.status, asked.body["errorCode"], asked.body["message"]) == (404, 404203, "Operation not found.")
    assert office.desk.operation(office.caller(key=new_key()), second).status == 401
    assert office.desk.operation(caller, second).status == 200
    assert office.desk.lookup(other).status == 404


def test_what_cannot_be_is_refused(office):
    key = office.by_key().primary_key
    answer = office.desk.register(office.caller(key=key), {"registrationId": "press-2"})
    assert (answer.status, answer.body["errorCode"]) == (400, 400000)
    assert office.desk.register(office.caller(key=key), {"registrationId": "PRESS-1"}).status == 202
    for strange in ("press 1", "press-1.", "", "p" * 129, "press/1", "\udc80"):
        assert office.desk.admit(office.caller(strange)).status == 400
    stranger = office.caller(key=key, scope="0ne00FFFFFF")
    for refused in (office.desk.admit(stranger), office.desk.register(stranger, {})):
        assert refused.status == 404
    assert not office.log[0].signature


def test_an_address_that_the_filters_reject_is_refused_without_saying_why(office):
    caller = office.caller(key=office.by_key().primary_key)
    rule = {"filterName": "no", "action": "Reject", "ipMask": "10.7.0.0/16", "target": "deviceApi"}
    office.service.resource["properties"]["ipFilterRules"] = [rule]
    refusal = office.desk.admit(caller)
    assert (refusal.status, refusal.body["message"]) == (401, "Unauthorized")
    assert (office.log[-1].signature, office.log[-1].caller) == ("401", "10.7.0.XXX")
    rule["target"] = "serviceApi"
    assert office.desk.admit(caller) is None


def test_over_mqtt_the_connection_is_taken_and_the_registration_refused(office):
    office.by_key()
    caller = office.caller(key=new_key(), protocol="Mqtt")
    assert office.desk.admit(caller) is None
    assert office.desk.register(caller, {}).body["errorCode"] == 401002
    for token in (None, "no token", office.token("press-1", new_key(), lifetime=-1)):
        assert office.desk.admit(office.caller(token=token, protocol="Mqtt")).status == 401


def test_many_devices_register_at_once_and_each_becomes_itself(office):
    group = office.by_group_key()
    names = [f"press-{n}" for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(office.whole, office.caller(name, derived(group.primary_key, name))) for name in names]
    assert [job.result().body["registrationState"]["deviceId"] for job in jobs] == names
    assert set(names) == set(office.hub.devices)


# -- the identity ------------------------------------------------------------------------------------------------------


def test_the_identity_is_as_the_enrollment_describes_it_and_listeners_hear_of_it(office):
    heard = []
    office.cloud.listeners.append(lambda hub, what: heard.append((hub.name, what)))
    record = office.by_key(
        deviceId="hall-3-press",
        capabilities={"iotEdge": True},
        initialTwin={"tags": {"hall": 3}, "properties": {"desired": {"speed": 5, "$version": 9}}},
    )
    office.whole(office.caller(key=record.primary_key))
    device = office.hub.devices["hall-3-press"]
    assert (device.tags, device.desired, device.edge, device.desired_version) == ({"hall": 3}, {"speed": 5}, True, 1)
    assert set(device.modules) == {"$edgeAgent", "$edgeHub"}
    assert heard == [(office.hub.name, "device:hall-3-press")]


def test_registering_again_renews_the_credentials_and_leaves_the_twin(office):
    record = office.by_key(initialTwin={"tags": {"hall": 3}})
    office.whole(office.caller(key=record.primary_key))
    device = office.hub.devices["press-1"]
    device.tags, device.reported, device.status = {"hall": 4}, {"speed": 1}, "disabled"
    record.primary_key = new_key()
    answer = office.whole(office.caller(key=record.primary_key))
    assert answer.body["registrationState"]["substatus"] == "reprovisionedToInitialAssignment"
    assert office.hub.devices["press-1"] is device
    assert (device.primary_key, device.tags, device.reported) == (record.primary_key, {"hall": 4}, {"speed": 1})
    assert device.status == "disabled"  # what was disabled in the hub is not let in again by the back door


def test_a_policy_of_resetting_starts_the_twin_again(office):
    record = office.by_key(
        initialTwin={"tags": {"hall": 3}}, reprovisionPolicy={"updateHubAssignment": True, "migrateDeviceData": False}
    )
    office.whole(office.caller(key=record.primary_key))
    device = office.hub.devices["press-1"]
    device.tags, device.reported = {"hall": 4}, {"speed": 1}
    answer = office.whole(office.caller(key=record.primary_key))
    assert answer.body["registrationState"]["substatus"] == "deviceDataReset"
    assert (device.tags, device.reported, device.desired_version) == ({"hall": 3}, {}, 2)


@pytest.mark.parametrize(
    ("policy", "substatus", "tags"),
    [
        (None, "deviceDataMigrated", {"hall": 4}),
        ({"updateHubAssignment": True, "migrateDeviceData": False}, "deviceDataReset", {"hall": 3}),
        ({"updateHubAssignment": False, "migrateDeviceData": False}, "reprovisionedToInitialAssignment", {"hall": 4}),
    ],
)
def test_a_device_whose_enrollment_names_another_hub_moves_as_the_policy_says(office, policy, substatus, tags):
    second = office.second_hub()
    record = office.by_key(iotHubs=[office.hub.host], initialTwin={"tags": {"hall": 3}}, reprovisionPolicy=policy)
    office.whole(office.caller(key=record.primary_key))
    office.hub.devices["press-1"].tags = {"hall": 4}
    record.body["iotHubs"] = [second.host]
    state = office.whole(office.caller(key=record.primary_key)).body["registrationState"]
    stays = policy is not None and not policy["updateHubAssignment"]
    here, there = (office.hub, second) if stays else (second, office.hub)
    assert (state["assignedHub"], state["substatus"]) == (here.host, substatus)
    assert here.devices["press-1"].tags == tags
    assert "press-1" not in there.devices


# -- allocation --------------------------------------------------------------------------------------------------------


def hubs_of(office, group, count=60):
    found = {}
    for name in (f"press-{n}" for n in range(count)):
        answer = office.whole(office.caller(name, derived(group.primary_key, name)))
        found.setdefault(answer.body["registrationState"]["assignedHub"], []).append(name)
    return found


@pytest.mark.parametrize("policy", ["hashed", "geoLatency", None])
def test_devices_are_spread_over_the_linked_hubs_and_each_stays_where_it_was(office, policy):
    second = office.second_hub()
    group = office.by_group_key(allocationPolicy=policy)
    found = hubs_of(office, group)
    assert set(found) == {office.hub.host, second.host}
    assert min(map(len, found.values())) > 10
    assert hubs_of(office, group) == found


def test_weights_count_and_a_hub_that_is_left_out_of_allocation_gets_none(office):
    second = office.second_hub()
    link = office.service.resource["properties"]["iotHubs"][1]
    link["allocationWeight"] = 9
    group = office.by_group_key()
    found = hubs_of(office, group)
    assert len(found[second.host]) > 3 * len(found[office.hub.host])
    link["applyAllocationPolicy"] = False
    assert set(hubs_of(office, group)) == {office.hub.host}


def test_static_takes_the_first_of_the_hubs_that_are_named(office):
    second = office.second_hub()
    hosts = ["gone.azure-devices.net", second.host.upper(), office.hub.host]
    group = office.by_group_key(allocationPolicy="static", iotHubs=hosts)
    assert set(hubs_of(office, group, 5)) == {second.host}
    key = office.by_key("lathe-1", iotHubHostName=second.host).primary_key  # the older way to name one
    office.whole(office.caller("lathe-1", key))
    assert "lathe-1" in second.devices


def failed(office, key):
    answer = office.whole(office.caller(key=key))
    assert (answer.status, answer.body["status"]) == (200, "failed")
    state = answer.body["registrationState"]
    assert "assignedHub" not in state
    return state["errorCode"], state["errorMessage"]


def test_a_custom_allocation_fails_and_says_that_no_webhook_is_called(office):
    key = office.by_key(allocationPolicy="custom").primary_key
    code, text = failed(office, key)
    assert code == 400207
    assert "webhook" in text


def test_without_a_hub_to_choose_from_the_registration_fails(office):
    key = office.by_key(iotHubs=["gone.azure-devices.net"]).primary_key
    assert failed(office, key)[1] == "No linked IoT hub can take the device."


@pytest.mark.parametrize("fault", ["key rolled", "policy deleted", "right taken away", "local keys off"])
def test_a_link_that_no_longer_opens_the_hub_fails_with_the_hubs_words(office, fault):
    key = office.by_key().primary_key
    policy = office.hub.policies["iothubowner"]
    if fault == "key rolled":
        policy.primary_key = new_key()
    elif fault == "policy deleted":
        del office.hub.policies["iothubowner"]
    elif fault == "right taken away":
        office.hub.policies["iothubowner"] = AccessPolicy(
            policy.name, ("RegistryRead", "ServiceConnect"), policy.primary_key, policy.secondary_key
        )
    else:
        office.hub.resource["properties"]["disableLocalAuth"] = True
    code, text = failed(office, key)
    assert code == 401002
    assert json.loads(text)["Message"] == "ErrorCode:IotHubUnauthorizedAccess;Unauthorized"
    assert not office.hub.devices
    assert (office.log[-1].operation, office.log[-1].code) == ("RegistrationAttempt", "Failure")


# -- TPM ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tpm():
    with SoftwareTpm() as one:
        one.keys = one.endorsement_key(), one.storage_root_key()
        yield one


def told(tpm, endorsement_key=None):
    endorsement, root = tpm.keys
    keys = {"endorsementKey": endorsement_key or endorsement, "storageRootKey": root}
    return {"registrationId": "press-1", "tpm": {name: base64.b64encode(key).decode() for name, key in keys.items()}}


def tpm_token(office, tpm):
    """Let the TPM sign a registration's token with the key it opened last."""
    unsigned = office.token("press-1", b"x")
    resource, expires = (re.search(f"{name}=([^&]+)", unsigned)[1] for name in ("sr", "se"))
    signature = base64.b64encode(signed(tpm, f"{resource}\n{expires}".encode())).decode().replace("+", "%2B")
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expires}&skn=registration"


@needs_software_tpm
def test_a_tpm_opens_the_challenge_signs_and_gets_its_hub_key(office, tpm):
    office.by_tpm("press-1", tpm.keys[0])
    challenge = office.desk.register(office.caller(), told(tpm))
    assert challenge.status == 401
    assert challenge.body.keys() == {"message", "authenticationKey", "keyName"}
    assert challenge.body["keyName"] == "registration"
    assert office.service.registrations["press-1"].status == "unassigned"
    opened(tpm, base64.b64decode(challenge.body["authenticationKey"]))
    caller = office.caller(token=tpm_token(office, tpm))
    operation = office.desk.register(caller, told(tpm)).body["operationId"]
    state = office.desk.operation(caller, operation).body["registrationState"]
    assert state["status"] == "assigned"
    opened(tpm, base64.b64decode(state["tpm"]["authenticationKey"]))
    hub_key = base64.b64decode(office.hub.devices["press-1"].primary_key)
    assert signed(tpm, b"message") == hmac.new(hub_key, b"message", hashlib.sha256).digest()


@needs_software_tpm
def test_a_tpm_that_registers_again_keeps_its_hub_key_and_the_older_challenge_is_void(office, tpm):
    office.by_tpm("press-1", tpm.keys[0])
    keys = []
    for _ in range(2):
        opened(tpm, base64.b64decode(office.desk.register(office.caller(), told(tpm)).body["authenticationKey"]))
        caller = office.caller(token=tpm_token(office, tpm))
        assert office.desk.register(caller, told(tpm)).status == 202
        keys.append(office.hub.devices["press-1"].primary_key)
    assert keys[0] == keys[1]
    office.desk.register(office.caller(), told(tpm))
    assert office.desk.register(caller, told(tpm)).status == 401


@needs_software_tpm
def test_an_endorsement_key_that_is_not_the_enrolled_one_gets_no_challenge(office, tpm):
    unknown = office.desk.register(office.caller(), told(tpm))
    assert (unknown.status, unknown.body["errorCode"]) == (404, 404201)
    office.by_tpm("press-1", tpm.keys[1])
    other = office.desk.register(office.caller(), told(tpm))
    assert (other.status, other.body["errorCode"]) == (401, 401002)
    assert "authenticationKey" not in other.body
    office.by_tpm("press-1", tpm.keys[0])
    spoiled = told(tpm)
    spoiled["tpm"]["storageRootKey"] = "AAAA"
    assert office.desk.register(office.caller(), spoiled).status == 400
    for strange in ({"tpm": 1}, {"tpm": {"endorsementKey": 3}}, {"tpm": []}):
        assert office.desk.register(office.caller(), strange).status == 401


# -- log ---------------------------------------------------------------------------------------------------------------


def test_the_log_has_the_documented_rows_where_the_services_setting_sends_them():
    office = Office()
    store = LogStore(office.cloud)
    office.desk.store = store
    key = office.by_key().primary_key
    office.whole(office.caller(key=key))
    office.whole(office.caller(key=new_key(), protocol="Mqtt", api_version="2019-03-31"))
    answer = store.query(
        'AzureDiagnostics | where ResourceType == "PROVISIONINGSERVICES" | project OperationName, Category, Level, '
        "ResultType, ResultSignature, ResultDescription, CallerIPAddress, OperationVersion, Resource, properties_s "
        "| order by OperationName asc, ResultType asc"
    )
    client, success, assigned = answer.rows
    assert success[:-1] == [
        *("AttestationAttempt", "DeviceOperations", "Information", "Success", "", "", "10.7.0.XXX", "June2021"),
        "CONTOSO-DPS",
    ]
    assert json.loads(success[-1]) == {"id": "press-1", "type": "Registration", "protocol": "Http"}
    assert client[2:8] == ["Error", "ClientError", "401", "401002: Unauthorized", "10.7.0.XXX", "March2019"]
    assert json.loads(client[-1])["protocol"] == "Mqtt"
    assert assigned[0] == "RegistrationAttempt"
    office.service.diagnostic_settings.clear()
    office.whole(office.caller(key=key))
    assert store.count() == 3

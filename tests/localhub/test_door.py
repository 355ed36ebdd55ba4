"""The door decides by the hub's own rules: each rule by example, and the log row that the decision leaves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from console.localhub.arm_certificates import put_certificate
from console.localhub.cloud_factory import new_cloud
from console.localhub.door import Attempt, Door
from console.localhub.fleet_credentials import FleetAuthority, device_token, self_signed, thumbprint
from console.localhub.state import DeviceRecord, ModuleRecord, StoryClock, new_key

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
DAY = timedelta(days=1)
INSIDE = "127.0.0.5"
OUTSIDE = "10.99.0.1"


class House:
    """A hub with a door whose records are kept in a list."""

    def __init__(self) -> None:
        self.cloud = new_cloud(StoryClock(NOW))
        self.hub = next(iter(self.cloud.hubs.values()))
        self.records = []
        self.door = Door(self.cloud, self.hub, lambda _hub, records: self.records.extend(records))

    def register(self, device_id="press-1", **fields):
        record = DeviceRecord(device_id, "1", **fields)
        self.hub.devices[device_id] = record
        return record

    def knock(self, device_id="press-1", *, address=INSIDE, time=NOW, **credential):
        return self.door.attempt(Attempt(time, device_id, address, sdk="test-sdk", **credential))

    def token(self, key, device_id="press-1", expires=NOW + timedelta(hours=1)):
        return device_token(self.hub.host, device_id, key, expires)

    def last(self):
        record = self.records[-1]
        return record, json.loads(record.properties)


@pytest.fixture
def house() -> House:
    return House()


def test_the_right_key_is_let_in_and_logged_without_a_code(house):
    key = new_key()
    house.register(primary_key=new_key(), secondary_key=key)
    verdict = house.knock(sas_token=house.token(key))
    assert verdict.admitted
    record, properties = house.last()
    assert (record.operation, record.level, record.code, record.description) == ("deviceConnect", "Information", "", "")
    assert properties["maskedIpAddress"] == "127.0.0.XXX"
    assert properties["sdkVersion"] == "test-sdk"
    assert properties["statusCode"] is None
    assert json.loads(properties["authType"]) == {
        "scope": "device",
        "type": "sas",
        "issuer": "iothub",
        "acceptingIpFilterRule": None,
    }
    device = house.hub.devices["press-1"]
    assert device.connection_state == "Connected"
    assert device.last_activity.startswith("2026-11-23T09:42:00")


@pytest.mark.parametrize("case", ["wrong key", "expired", "other device", "nothing", "not a token"])
def test_a_token_that_does_not_fit_is_401003(house, case):
    key = new_key()
    house.register(primary_key=key, secondary_key=new_key())
    house.register("press-2", primary_key=new_key(), secondary_key=new_key())
    tokens = {
        "wrong key": house.token(new_key()),
        "expired": house.token(key, expires=NOW - timedelta(seconds=1)),
        "other device": house.token(house.hub.devices["press-2"].primary_key, "press-2"),
        "nothing": None,
        "not a token": "Bearer x",
    }
    verdict = house.knock(sas_token=tokens[case])
    assert (verdict.code, verdict.name) == ("401003", "IoTHubUnauthorized")
    record, properties = house.last()
    assert (record.level, record.code, properties["statusCode"]) == ("Error", "401003", "401")
    assert not house.door.sessions


def test_a_new_key_counts_at_once(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    old = record.primary_key
    assert house.knock(sas_token=house.token(old)).admitted
    record.primary_key = new_key()
    assert house.knock(sas_token=house.token(old)).code == "401003"


def test_a_policy_key_needs_the_right_to_connect_and_local_auth(house):
    house.register(primary_key=new_key(), secondary_key=new_key())

    def with_policy(name):
        token = house.token(house.hub.policies[name].primary_key) + f"&skn={name}"
        return house.knock(sas_token=token)

    assert with_policy("device").admitted
    assert with_policy("service").code == "401003"
    house.hub.resource["properties"]["disableLocalAuth"] = True
    assert with_policy("device").code == "401003"


def test_device_sas_can_be_switched_off(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    house.hub.resource["properties"]["disableDeviceSAS"] = True
    assert house.knock(sas_token=house.token(record.primary_key)).code == "401003"


def test_an_unknown_device_is_named(house):
    verdict = house.knock("nobody", sas_token=house.token(new_key(), "nobody"))
    assert verdict.code == "401003"
    assert verdict.message == "IotHub 'contoso-plants' does not contain the specified device 'nobody'"


def test_a_disabled_device_is_403012_whatever_it_holds(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key(), status="disabled")
    assert house.knock(sas_token=house.token(record.primary_key)).code == "403012"


def test_the_address_is_judged_first_and_its_rule_is_not_named(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    verdict = house.knock(address=OUTSIDE, sas_token=house.token(record.primary_key))
    wrong_key = house.knock(sas_token=house.token(new_key()))
    assert (verdict.code, verdict.message) == ("401003", wrong_key.message)
    assert "IP" not in verdict.message
    assert house.records[0].code == "401003"


def test_address_rejections_can_be_kept_out_of_the_log(house):
    house.cloud.log_ip_rejections = False
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    assert house.knock(address=OUTSIDE, sas_token=house.token(record.primary_key)).code == "401003"
    assert house.records == []
    house.knock(sas_token=house.token(new_key()))
    assert len(house.records) == 1


@pytest.mark.parametrize(("sha1", "slot"), [(True, "primary"), (False, "secondary")])
def test_a_thumbprint_fits_in_either_slot_hash_and_case(house, sha1, slot):
    der = self_signed("anything", NOW - DAY, NOW + DAY)
    house.register(auth="selfSigned", **{f"{slot}_thumbprint": thumbprint(der, sha1=sha1).lower()})
    assert house.knock(client_chain=(der,)).admitted
    assert json.loads(house.last()[1]["authType"])["type"] == "x509Certificate"


def test_another_certificate_is_a_thumbprint_mismatch(house):
    ours, theirs = (self_signed("press-1", NOW - DAY, NOW + DAY) for _ in range(2))
    house.register(auth="selfSigned", primary_thumbprint=thumbprint(ours))
    verdict = house.knock(client_chain=(theirs,))
    assert verdict.code == "401003"
    assert verdict.message == (
        f"Thumbprint does not match configuration: SHA1Hash={thumbprint(theirs, sha1=True)}, "
        f"SHA2Hash={thumbprint(theirs)}; Configuration: PrimaryThumbprint={thumbprint(ours)}, SecondaryThumbprint="
    )


def test_a_self_signed_device_without_thumbprint_never_gets_in(house):
    house.register(auth="selfSigned")
    assert house.knock(client_chain=(self_signed("press-1", NOW - DAY, NOW + DAY),)).code == "401003"
    assert house.knock().code == "401003"


@pytest.fixture
def authority(house) -> FleetAuthority:
    made = FleetAuthority("plants", NOW - 900 * DAY, NOW + 900 * DAY)
    put_certificate(house.hub, "plants", made.der, NOW, verified=True)
    return made


def test_a_chain_to_a_verified_ca_is_let_in(house, authority):
    house.register(auth="certificateAuthority")
    assert house.knock(client_chain=(authority.issue("press-1", NOW - DAY, NOW + DAY),)).admitted


def test_the_common_name_must_be_the_device_id(house, authority):
    house.register(auth="certificateAuthority")
    assert house.knock(client_chain=(authority.issue("press-2", NOW - DAY, NOW + DAY),)).code == "401003"


def test_a_ca_that_is_not_verified_does_not_count_and_verifying_it_does(house):
    made = FleetAuthority("contractor", NOW - DAY, NOW + 900 * DAY)
    body = put_certificate(house.hub, "contractor", made.der, NOW, verified=False)
    house.register(auth="certificateAuthority")
    chain = (made.issue("press-1", NOW - DAY, NOW + DAY),)
    assert house.knock(client_chain=chain).code == "401003"
    body["properties"]["isVerified"] = True
    assert house.knock(client_chain=chain).admitted


def test_a_forged_issuer_name_does_not_count(house, authority):
    forged = FleetAuthority("plants", NOW - DAY, NOW + DAY)
    house.register(auth="certificateAuthority")
    chain = (forged.issue("press-1", NOW - DAY, NOW + DAY), forged.der)
    assert house.knock(client_chain=chain).code == "401003"


@pytest.mark.parametrize(
    ("before", "after", "words"), [(-9, -1, "not valid after 2026-11-22"), (1, 9, "not valid before 2026-11-24")]
)
def test_validity_is_judged_at_the_time_of_the_attempt(house, authority, before, after, words):
    house.register(auth="certificateAuthority")
    chain = (authority.issue("press-1", NOW + before * DAY, NOW + after * DAY),)
    verdict = house.knock(client_chain=chain)
    assert verdict.code == "401003"
    assert words in verdict.message
    assert house.knock(client_chain=chain, time=NOW + (before + after) / 2 * DAY).admitted


def test_an_expired_ca_takes_its_devices_with_it(house):
    made = FleetAuthority("plants-2019", NOW - 900 * DAY, NOW - DAY)
    put_certificate(house.hub, "plants-2019", made.der, NOW, verified=True)
    house.register(auth="certificateAuthority")
    verdict = house.knock(client_chain=(made.issue("press-1", NOW - 9 * DAY, NOW + DAY),))
    assert "'plants-2019' has expired: not valid after" in verdict.message


def test_a_second_connection_closes_the_first(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    token = house.token(record.primary_key)
    told = []
    house.door.attempt(Attempt(NOW, "press-1", "127.0.1.9", sas_token=token), on_close=told.append)
    assert house.knock(sas_token=token, time=NOW + timedelta(seconds=20)).admitted
    closed, opened = house.records[-2:]
    assert (closed.operation, closed.code, closed.description) == (
        "deviceDisconnect",
        "400027",
        "ConnectionForcefullyClosedOnNewConnection",
    )
    assert json.loads(closed.properties)["maskedIpAddress"] == "127.0.1.XXX"
    assert json.loads(opened.properties)["maskedIpAddress"] == "127.0.0.XXX"
    assert told == ["400027"]
    assert len(house.door.sessions) == 1


def test_a_module_has_a_connection_and_a_key_of_its_own(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    key = new_key()
    record.modules["mod"] = ModuleRecord("press-1", "1", "sas", key, new_key(), module_id="mod")
    house.knock(sas_token=house.token(record.primary_key))
    token = device_token(house.hub.host, "press-1/modules/mod", key, NOW + DAY)
    verdict = house.door.attempt(Attempt(NOW, "press-1", INSIDE, sas_token=token, module_id="mod"))
    assert verdict.admitted
    assert set(house.door.sessions) == {"press-1", "press-1/mod"}
    house.door.sample(NOW)
    assert house.hub.metric_history["connectedDeviceCount"] == [(NOW, 1.0)]
    refused = house.token(record.primary_key)
    assert house.door.attempt(Attempt(NOW, "press-1", INSIDE, sas_token=refused, module_id="mod")).code == "401003"


def test_leaving_with_and_without_a_goodbye(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    token = house.token(record.primary_key)
    house.knock(sas_token=token)
    assert house.door.close("press-1", NOW, clean=True)
    assert (house.last()[0].level, house.last()[0].code) == ("Information", "")
    house.knock(sas_token=token)
    assert house.door.close("press-1", NOW, clean=False)
    record, properties = house.last()
    assert (record.level, record.code, record.description) == ("Error", "404104", "DeviceConnectionClosedRemotely")
    assert properties["errorMessage"].endswith("https://aka.ms/iothub404104")
    assert (properties["statusCode"], properties["authType"]) == ("404", None)
    assert "sdkVersion" not in properties
    assert not house.door.close("press-1", NOW, clean=True)


def test_a_token_that_runs_out_leaves_the_two_rows_of_a_renewal(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    house.knock(sas_token=house.token(record.primary_key))
    assert not house.door.expire("press-1", NOW + timedelta(minutes=69))
    assert house.door.expire("press-1", NOW + timedelta(minutes=70))
    assert [row.code for row in house.records] == ["", "401003", "404104"]
    assert {row.operation for row in house.records[1:]} == {"deviceDisconnect"}


def test_a_connection_is_no_longer_welcome_once_a_rule_or_the_device_goes(house):
    record = house.register(primary_key=new_key(), secondary_key=new_key())
    house.knock(sas_token=house.token(record.primary_key))
    assert house.door.welcome("press-1")
    record.status = "disabled"
    assert not house.door.welcome("press-1")
    record.status = "enabled"
    house.hub.resource["properties"]["networkRuleSets"]["ipRules"] = []
    house.hub.network_changed += 1
    assert not house.door.welcome("press-1")

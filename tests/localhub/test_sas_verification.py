"""The hub's own reading of shared access signatures, against tokens of azure-iot-hub and tokens made by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, quote_plus

import pytest

from console.localhub.auth import AuthFailure, verify_sas
from console.localhub.state import AccessPolicy, DeviceRecord, HubState, ModuleRecord, new_key

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
HOST = "contoso-plants.azure-devices.net"


@pytest.fixture
def hub() -> HubState:
    hub = HubState("contoso-plants", "/x", HOST, {})
    hub.policies["iothubowner"] = AccessPolicy("iothubowner", ("RegistryRead",), new_key(), new_key())
    press = DeviceRecord("press-17", "1", primary_key=new_key(), secondary_key=new_key())
    press.modules["vision"] = ModuleRecord("press-17", "2", primary_key=new_key(), module_id="vision")
    hub.devices["press-17"] = press
    hub.devices["cert-1"] = DeviceRecord("cert-1", "3", auth="selfSigned", primary_key=new_key())
    hub.devices["a/b c"] = DeviceRecord("a/b c", "4", primary_key=new_key())
    return hub


def token(resource, key, *, minutes=60, name=None, encoded=None, order="sr sig se skn"):
    sr = encoded or quote_plus(resource)
    se = str(int((NOW + timedelta(minutes=minutes)).timestamp()))
    digest = hmac.new(base64.b64decode(key), f"{sr}\n{se}".encode(), hashlib.sha256).digest()
    parts = {"sr": sr, "sig": quote(base64.b64encode(digest)), "se": se, "skn": name}
    text = "&".join(f"{part}={parts[part]}" for part in order.split() if parts[part])
    return f"SharedAccessSignature {text}"


def refused(hub, header, candidates=()):
    with pytest.raises(AuthFailure) as caught:
        verify_sas(hub, header, candidates, NOW)
    return caught.value.reason


def test_the_sdk_s_own_token(hub):
    from azure.iot.hub.sastoken import SasToken

    policy = hub.policies["iothubowner"]
    for _ in range(30):  # some signatures hold "/" and "+", which the SDK leaves or encodes
        text = str(SasToken("localhost:41234", new_key(), policy.name))
        assert refused(hub, text) == "signature"
        text = str(SasToken("localhost:41234", policy.primary_key, policy.name))
        assert verify_sas(hub, text, (), datetime.now(UTC)).policy is policy


@pytest.mark.parametrize("slot", ["primary_key", "secondary_key"])
@pytest.mark.parametrize("host", [HOST, HOST.upper(), "localhost", "localhost:8443", "127.0.0.1:8443"])
def test_either_key_and_either_name(hub, slot, host):
    policy = hub.policies["iothubowner"]
    claims = verify_sas(hub, token(host, getattr(policy, slot), name="iothubowner"), (), NOW)
    assert (claims.policy, claims.device_id) == (policy, None)
    assert claims.expires == NOW + timedelta(minutes=60)


def test_policy_names_have_no_case_and_parameters_no_order(hub):
    key = hub.policies["iothubowner"].primary_key
    for order in ("skn se sig sr", "se sr skn sig"):
        assert verify_sas(hub, token(HOST, key, name="IoTHubOwner", order=order), (), NOW).policy


def test_an_id_that_is_encoded_twice_is_the_devices(hub):
    hub.devices["n@m.et#st"] = odd = DeviceRecord("n@m.et#st", "5", primary_key=new_key())
    header = token("", odd.primary_key, encoded=f"{HOST}%2Fdevices%2Fn%2540m.et%2523st")
    claims = verify_sas(hub, header, (), NOW)
    assert claims.device_id == "n@m.et#st"
    assert claims.covers("/devices/n@m.et#st")
    assert claims.covers("/devices/n@m.et#st/messages/events")
    assert not claims.covers("/devices/n@m.et#st2")
    assert not claims.covers("/devices")
    thrice = token("", odd.primary_key, encoded=f"{HOST}%2Fdevices%2Fn%252540m.et%252523st")
    assert refused(hub, thrice) == "unknown-device"


def test_lower_case_encoding_is_signed_as_sent(hub):
    key = hub.policies["iothubowner"].primary_key
    header = token("", key, name="iothubowner", encoded=f"{HOST}%2fdevices%2fpress-17")
    claims = verify_sas(hub, header, (), NOW)
    assert claims.covers("/devices/press-17")
    assert claims.covers("/devices/press-17/modules/vision")
    assert not claims.covers("/devices/press-170")
    assert not claims.covers("/devices")
    # the same resource, encoded otherwise than signed
    assert refused(hub, header.replace("%2f", "%2F")) == "signature"


def test_device_and_module_keys(hub):
    press = hub.devices["press-17"]
    for key in (press.primary_key, press.secondary_key):
        claims = verify_sas(hub, token(f"{HOST}/devices/press-17", key), (), NOW)
        assert (claims.policy, claims.device_id, claims.module_id) == (None, "press-17", None)
    module = press.modules["vision"]
    resource = f"{HOST}/devices/press-17/modules/vision"
    assert verify_sas(hub, token(resource, module.primary_key), (), NOW).module_id == "vision"
    assert refused(hub, token(resource, press.primary_key)) == "signature"
    assert refused(hub, token(f"{HOST}/devices/press-17", module.primary_key)) == "signature"


def test_device_ids_that_are_encoded_twice(hub):
    odd = hub.devices["a/b c"]
    resource = f"{HOST}/devices/{quote('a/b c', safe='')}"
    assert verify_sas(hub, token(resource, odd.primary_key), (), NOW).device_id == "a/b c"


def test_what_is_refused_and_why(hub):
    key = hub.policies["iothubowner"].primary_key
    press = hub.devices["press-17"].primary_key
    good = token(HOST, key, name="iothubowner")
    assert refused(hub, None) == "missing"
    assert refused(hub, "  ") == "missing"
    assert refused(hub, "Bearer abc") == "malformed"
    assert refused(hub, "SharedAccessSignature nonsense") == "malformed"
    assert refused(hub, good + "&se=99999999999") == "malformed"
    assert refused(hub, token(HOST, key, name="iothubowner", order="sr sig skn")) == "malformed"
    assert refused(hub, token(HOST, key, name="iothubowner").replace("&se=", "&se=x")) == "malformed"
    assert refused(hub, token(HOST, key)) == "malformed"  # neither policy nor device
    assert refused(hub, token(HOST, key, name="who")) == "unknown-policy"
    assert refused(hub, token(HOST, new_key(), name="iothubowner")) == "signature"
    assert refused(hub, token(HOST, key, name="iothubowner", minutes=0)) == "expired"
    assert refused(hub, token("other.azure-devices.net", key, name="iothubowner")) == "audience"
    assert refused(hub, token(f"{HOST}.evil.example", key, name="iothubowner")) == "audience"
    assert refused(hub, token(f"{HOST}/devices/nobody", press)) == "unknown-device"
    assert refused(hub, token(f"{HOST}/devices/cert-1", hub.devices["cert-1"].primary_key)) == "unknown-device"


def test_an_empty_key_signs_nothing(hub):
    hub.devices["press-17"].primary_key = None
    hub.devices["press-17"].secondary_key = ""
    assert refused(hub, token(f"{HOST}/devices/press-17", "")) == "signature"

"""What Azure's own tools write of a hub, loaded: in force over real sockets, and what is not held is named."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from support.authorities import authority
from support.hub import HubRunner
from support.loading import hub, load, server
from support.mqtt import Bare, connect_packet
from support.registry import PlainClient, operator, policy_sas, sas

from console.localhub.load_file import BadFile, parse

KEY = base64.b64encode(b"k" * 32).decode()
__all__ = ["hub", "load", "server"]  # fixtures
CA = authority("Plants CA").pem.decode()
PRINT = "AB" * 32
ELSEWHERE = "127.0.9.9"


def rule(action: str, mask: str, name: str = "r") -> dict[str, str]:
    return {"filterName": name, "action": action, "ipMask": mask}


def exported(**properties: Any) -> dict[str, Any]:
    resource = {"type": "Microsoft.Devices/IotHubs", "apiVersion": "2023-06-30", "name": "h", "properties": properties}
    return {"arm": {"$schema": "x", "contentVersion": "1.0.0.0", "resources": [resource]}}


def status(hub: HubRunner, address: str = "127.0.0.1", credential: str | None = None) -> int:
    client = PlainClient(hub, credential, address=address) if credential else operator(hub, address=address)
    return client("GET", "/statistics/devices").status_code


# --- the hub's own settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["state export", "template", "resource", "load file"])
def test_what_shuts_people_out_is_in_force(hub: HubRunner, load: Any, form: str) -> None:
    properties = {"ipFilterRules": [rule("Reject", ELSEWHERE)], "disableLocalAuth": True, "minTlsVersion": "1.2"}
    whole = exported(**properties)
    document = {
        "state export": whole,
        "template": whole["arm"],
        "resource": {**whole["arm"]["resources"][0], "resourcegroup": "g", "subscriptionid": "s"},
        "load file": {"hub": properties},
    }[form]
    before = policy_sas(hub)
    assert status(hub, credential=before) == 200
    code, out, err = load(document)
    assert (code, err) == (0, "")
    for told in (f"ipFilterRules (classic, in this order): Reject {ELSEWHERE}", "disableLocalAuth: true",
                 "minTlsVersion: 1.2", "the hub's rule set gave way"):  # fmt: skip
        assert told in out
    assert (status(hub), status(hub, ELSEWHERE), status(hub, credential=before)) == (200, 401, 401)


def test_the_first_classic_rule_that_matches_decides(hub: HubRunner, load: Any) -> None:
    ordered = [rule("Accept", "127.0.0.1", "a"), rule("Reject", "127.0.0.0/8", "b")]
    assert load(exported(ipFilterRules=ordered))[0] == 0
    assert (status(hub), status(hub, ELSEWHERE)) == (200, 401)
    assert load(exported(ipFilterRules=ordered[::-1]))[0] == 0
    assert (status(hub), status(hub, ELSEWHERE)) == (401, 401)
    assert load(exported(ipFilterRules=[]))[0] == 0
    assert status(hub, ELSEWHERE) == 200


def test_public_access_is_shut_for_everybody(hub: HubRunner, load: Any) -> None:
    code, told, _ = load(exported(publicNetworkAccess="Disabled", ipFilterRules=None), "--json")
    assert (code, told["settings"]) == (0, ["publicNetworkAccess: Disabled"])
    assert status(hub) == 401
    assert load(exported(publicNetworkAccess="Enabled"))[0] == 0 and status(hub) == 200


def test_a_rule_set_decides_over_classic_rules(hub: HubRunner, load: Any) -> None:
    only = {
        "defaultAction": "Deny",
        "applyToBuiltInEventHubEndpoint": True,
        "ipRules": [{"filterName": "one", "action": "Allow", "ipMask": "127.0.0.1"}],
    }
    code, out, _ = load(exported(networkRuleSets=only, ipFilterRules=[rule("Reject", "127.0.0.1")]))
    assert code == 0 and "IP rules: 1, in place" in out and "networkRuleSets decides alone" in out
    assert (status(hub), status(hub, ELSEWHERE)) == (200, 401)


def signed_in(hub: HubRunner, *own: str) -> bool:
    """Whether a device or module gets in over MQTT with a signature of its key."""
    token = sas(hub.hub.host, None, KEY, resource="/devices/" + "/modules/".join(own))
    with Bare(hub) as client:
        client.send(connect_packet("/".join(own), f"{hub.hub.host}/{'/'.join(own)}/?api-version=2021-04-12", token))
        answer = client.packet()
    assert answer is not None and answer[0] == 0x20
    return answer[1] == b"\0\0"


@pytest.mark.parametrize(
    ("flag", "left"),
    [
        ("disableDeviceSAS", (False, True)),
        ("disableModuleSAS", (True, False)),
        ("publicNetworkAccess", (False, False)),
        ("minTlsVersion", (True, True)),
    ],
)
def test_devices_and_modules_lose_their_signatures(
    hub: HubRunner, load: Any, flag: str, left: tuple[bool, bool]
) -> None:
    proof = {"authentication": {"type": "sas", "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY}}}
    value = {"publicNetworkAccess": "Disabled", "minTlsVersion": "1.2"}.get(flag, True)
    document = exported(**{flag: value})
    document["devices"] = {"d": {"identity": proof, "modules": {"m": {"identity": proof}}}}
    assert load({"devices": document["devices"]})[0] == 0
    assert (signed_in(hub, "d"), signed_in(hub, "d", "m")) == (True, True)
    code, out, _ = load(document)
    assert code == 0 and flag in out
    assert (signed_in(hub, "d"), signed_in(hub, "d", "m")) == left


def test_policies_of_an_export_are_taken_and_missing_keys_told(hub: HubRunner, load: Any) -> None:
    policies = [
        {"keyName": "ci", "rights": "RegistryRead, ServiceConnect", "primaryKey": KEY, "secondaryKey": KEY},
        {"keyName": "bare", "rights": "ServiceConnect"},
    ]
    code, out, _ = load(exported(authorizationPolicies=policies))
    assert code == 0 and "2 made" in out and "keys of the policies bare are not in the file" in out
    assert hub.hub.policies["ci"].primary_key == KEY
    assert status(hub, credential=policy_sas(hub, "ci")) == 200


def test_everything_else_of_an_export_is_named(load: Any) -> None:
    document = exported(
        eventHubEndpoints={"events": {"partitionCount": 4}},
        cloudToDevice={"maxDeliveryCount": 10},
        features="None",
        state="Active",
        restrictOutboundNetworkAccess=True,
        allowedFqdnList=["x.example"],
        routing={
            "endpoints": {"eventHubs": [{"name": "alerts"}], "storageContainers": []},
            "routes": [{"name": "hot"}],
            "enrichments": [{"key": "site"}],
            "fallbackRoute": {"name": "$fallback"},
        },
    )
    (resource,) = document["arm"]["resources"]
    resource.update(sku={"name": "S1"}, tags={"a": "b"}, identity={"type": "SystemAssigned"}, location="westeurope")
    document["arm"]["parameters"] = {"hubName": {"type": "string"}}
    document["arm"]["resources"] += [
        {"type": "Microsoft.Devices/IotHubs/eventhubEndpoints/ConsumerGroups", "name": "h/events/readers"},
        {"type": "Microsoft.Network/privateEndpoints", "name": "pe"},
    ]
    document["configurations"] = {"admConfigurations": {"blue": {}}, "edgeDeployments": {"line": {}}}
    document["devices"] = {
        "d": {
            "identity": {"status": "enabled", "modelId": "dtmi:x;1", "etag": "x", "lastActivityTime": "x"},
            "twin": {"properties": {"desired": {}}},
            "parent": "e",
        }
    }
    code, out, err = load(document)
    assert (code, err) == (0, "")
    for told in (
        "2 configurations and deployments (blue, line)",
        "1 parents of devices",
        "modelId of 1 identities",
        "keys of 1 devices are not in the file",
        "1 routing endpoints of eventHubs (alerts)",
        "1 routes (hot)",
        "1 enrichments (site)",
        "fallbackRoute",
        "eventHubEndpoints, cloudToDevice, features, restrictOutboundNetworkAccess, allowedFqdnList",
        "sku, tags, identity",
        "parameters (hubName)",
        "consumergroups (readers)",
        "privateendpoints (pe)",
    ):
        assert told in out, told
    assert "state" not in out.partition("left out")[2].replace("the local hub", "").split(" of the hub")[0]


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"ipFilterRules": [rule("Deny", "10.0.0.0/8")]}, "hub.ipFilterRules"),
        ({"ipFilterRules": [rule("Reject", "10.0.0.0/99")]}, "10.0.0.0/99"),
        ({"ipFilterRules": "[parameters('rules')]"}, "hub.ipFilterRules"),
        ({"publicNetworkAccess": "Off"}, "must be Enabled or Disabled"),
        ({"disableLocalAuth": "true"}, "hub.disableLocalAuth: it must be true or false"),
        ({"minTlsVersion": 1.2}, "hub.minTlsVersion"),
    ],
)
def test_a_setting_that_says_nothing_sure_stops_the_whole(
    hub: HubRunner, load: Any, properties: dict[str, Any], told: str
) -> None:
    before = json.dumps(hub.hub.resource)
    code, out, err = load({**exported(**properties), "devices": {"d": {"identity": {}}}})
    assert code == 1 and told in err and out == ""
    assert json.dumps(hub.hub.resource) == before and not hub.hub.devices


def test_an_older_tls_is_held_and_told_as_not_in_force(hub: HubRunner, load: Any) -> None:
    code, out, _ = load(exported(minTlsVersion="1.0"))
    assert code == 0 and "takes TLS 1.2 and later" in out


# --- what is said in short, or twice --------------------------------------------------------------------------------


def test_a_word_for_a_device_means_what_it_says(hub: HubRunner, load: Any) -> None:
    document = {"devices": {"p": "disabled", "q": "enabled", "r": None}, "enrollments": {"e": "disabled"}}
    assert load(document)[0] == 0
    assert {name: one.status for name, one in hub.hub.devices.items()} == {
        "p": "disabled",
        "q": "enabled",
        "r": "enabled",
    }
    (service,) = hub.cloud.provisioning.values()
    assert service.enrollments["e"].enabled is False


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"p": "disabled"}, "there is no 'p' here"),
        ({"devices": {"p": "off"}}, "devices.p: 'off' says nothing of it"),
        ({"devices": {"p": False}}, "devices.p: False says nothing"),
        ({"devices": {"p": ["disabled"]}}, "devices.p: a list says nothing"),
        ({"devices": {"p": KEY}}, "devices.p"),
        ({"devices": {"p": {"deviceId": "q"}}}, "devices.p: its deviceId is another, 'q'"),
        ({"devices": {"p": {"modules": {"m": "disabled"}}}}, "modules.m: 'disabled' says nothing"),
        ({"devices": {"p": {"auth": "sas", "primaryThumbprint": PRINT}}}, "with auth sas there is no primaryThumb"),
        ({"devices": {"p": {"auth": "selfSigned", "primaryKey": KEY}}}, "with auth selfSigned there is no primaryKey"),
        ({"devices": {"p": {"primaryKey": KEY, "primaryThumbprint": PRINT}}}, "keys and certificates"),
        ({"devices": {"p": {"authentication": {"type": "sas"}, "primaryKey": KEY}}}, "not both"),
        ({"devices": {"p": {"edge": True, "capabilities": {}}}}, "give edge or capabilities"),
        ({"devices": {"p": {"modules": {"m": {"status": "disabled"}}}}}, "there is no 'status' here"),
        ({"devices": {"p": {"identity": {"Status": "disabled"}}}}, "there is no 'Status' here"),
        ({"devices": {"p": {"identity": {}, "twin": {"Tags": {"a": 1}}}}}, "there is no 'Tags' here"),
        (
            {"devices": {"p": {"identity": {}, "modules": {"m": {"identity": {"Authentication": {"type": "sas"}}}}}}},
            "there is no 'Authentication' here",
        ),
        ({"enrollments": {"e": {"primaryKey": KEY, "certificate": "x"}}}, "one of primaryKey and certificate"),
        ({"enrollments": {"e": "off"}}, "enrollments.e"),
        ({"enrollments": {"e": {"secondaryCertificate": CA}}}, "secondaryCertificate without a certificate"),
        ({"enrollments": {"e": {"certificate": CA, "secondaryCertificate": CA}}}, "its certificate again"),
        ({"enrollments": {"e": {"certificate": CA + CA}}}, "certificate: it holds 2 certificates"),
        ({"enrollmentGroups": {"e": {"certificate": CA + CA}}}, "certificate: it holds 2 certificates"),
        ({"devices": {"p": {"certificate": CA + CA}}}, "it holds 2 certificates"),
        ({"certificates": {"c": CA + CA}}, "it holds 2 certificates"),
        ({"certificates": {"c": 3}}, "certificates.c"),
        ('{"devices": {"p": {"status": "disabled"}, "p": {}}}', "the name 'p' is there twice"),
        ("devices:\n  p: {status: disabled}\n  p: {}\n", "the name 'p' is there twice, line 3"),
    ],
)
def test_what_would_be_dropped_is_refused_by_name(hub: HubRunner, load: Any, document: Any, told: str) -> None:
    code, out, err = load(document)
    assert code == 1 and out == "" and told in err, err
    assert not hub.hub.devices


def test_credentials_of_an_export_that_mean_nothing_are_named(load: Any) -> None:
    mechanism = {"type": "sas", "SymmetricKey": {"primaryKey": KEY}}
    one = {"identity": {"authentication": mechanism}, "modules": {"m": {"identity": {"authentication": mechanism}}}}
    code, out, _ = load({"devices": {"p": one}})
    assert code == 0
    for told in ("p: authentication.SymmetricKey", "p/m: authentication.SymmetricKey", "the keys of 1 devices"):
        assert told in out


@pytest.mark.parametrize(
    "raw",
    [b"[" * 200_000, b'{"devices":' * 200_000, b'{"a":[' + b"[" * 200_000, b"- " * 200_000, b"a: " + b"[" * 200_000],
)
def test_what_is_nested_too_deep_is_one_sentence(raw: bytes) -> None:
    with pytest.raises(BadFile) as caught:
        parse(raw)
    assert "nested too deep" in str(caught.value) and len(str(caught.value)) < 200


def test_a_json_file_whose_rows_look_like_lines_is_still_one_document() -> None:
    assert parse(b'{"devices": [\n{"id": "a"},\n{"id": "b"}\n]}')["devices"] == [{"id": "a"}, {"id": "b"}]


def test_a_hub_that_starts_with_an_export_says_the_same(tmp_path: Path) -> None:
    document = exported(PublicNetworkAccess="Disabled", routing={"routes": [{"name": "hot"}]})
    (tmp_path / "export.json").write_text(json.dumps(document))
    with HubRunner.subprocess("--load", str(tmp_path / "export.json"), scenario="empty", devices=1) as process:
        code, said = process.stop()
    assert code == 0
    assert "publicNetworkAccess: Disabled\nleft out: 1 routes (hot)" in said


def test_a_file_with_nothing_in_it_says_so(load: Any) -> None:
    assert load({"arm": {"resources": []}})[::2] == (0, "Nothing was in it")

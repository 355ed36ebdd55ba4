"""The lines of export and import jobs, loaded: each does what its import mode says, or nothing is loaded."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from support.hub import HubRunner
from support.loading import hub, load, server
from support.registry import operator

__all__ = ["hub", "load", "server"]  # fixtures
KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()
PRINT = "AB" * 32


def line(own: str, **more: Any) -> dict[str, Any]:
    return {
        "id": own,
        "eTag": "MQ==",
        "status": "enabled",
        "statusReason": "",
        "authentication": None,
        "tags": {},
        "twinETag": "AAAAAAAAAAE=",
        "properties": {"desired": {}, "reported": {}},
        "capabilities": {"iotEdge": False},
        **more,
    }


def text_of(*rows: Any, end: str = "\n") -> str:
    return end.join(one if isinstance(one, str) else json.dumps(one) for one in rows) + end


KEYS = {"symmetricKey": {"primaryKey": KEY, "secondaryKey": OTHER}, "x509Thumbprint": None}
ROWS = [
    line(
        "sas",
        status="disabled",
        statusReason="lost",
        authentication={**KEYS, "type": "sas"},
        tags={"site": "lyon"},
        properties={
            "desired": {"interval": 5, "$metadata": {"x": 1}, "$version": 7},
            "reported": {"on": True, "$version": 3},
        },
    ),
    line("thumb", authentication={"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": PRINT}}),
    line("ca", authentication={"type": "certificateAuthority", "symmetricKey": None, "x509Thumbprint": None}),
    line("edge", capabilities={"iotEdge": True}, deviceScope="ms-azure-iot-edge://edge-1"),
    line("edge", moduleId="$edgeAgent", properties={"desired": {"modulesContent": 1}, "reported": {"up": True}}),
    line("edge", moduleId="filter", authentication={**KEYS, "type": "sas"}, managedBy="iotEdge"),
]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_lines_of_an_export_job_are_loaded(hub: HubRunner, load: Any, end: str, encoding: str) -> None:
    code, told, err = load(text_of(*ROWS, end=end).encode(encoding), "--json")
    assert (code, err) == (0, "")
    made = {one["part"]: one["made"] for one in told["items"]}
    assert (made["devices"], made["modules"]) == (4, 1)
    devices = hub.hub.devices
    sas = devices["sas"]
    assert (sas.status, sas.status_reason, sas.primary_key, sas.secondary_key) == ("disabled", "lost", KEY, OTHER)
    assert (sas.tags, sas.desired, sas.reported) == ({"site": "lyon"}, {"interval": 5}, {"on": True})
    assert (devices["thumb"].auth, devices["thumb"].primary_thumbprint) == ("selfSigned", PRINT)
    assert devices["ca"].auth == "certificateAuthority" and devices["edge"].edge
    agent, filters = devices["edge"].modules["$edgeAgent"], devices["edge"].modules["filter"]
    assert (agent.desired, agent.reported) == ({"modulesContent": 1}, {"up": True})
    assert (filters.primary_key, filters.managed_by) == (KEY, "iotEdge")
    assert told["left_out"] == ["the keys of 1 devices are not in the file: new ones were made"]


def test_one_line_alone_is_a_file_of_lines_too(hub: HubRunner, load: Any) -> None:
    code, out, _ = load(json.dumps(line("alone", authentication={**KEYS})))
    assert code == 0 and "devices: 1 made" in out and hub.hub.devices["alone"].primary_key == KEY


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('{"id": "b", "status": ', "line 4 is no JSON"),
        ("garbage", "line 4 is no JSON"),
        ("[1]", "line 4 is no JSON object"),
        ('{"id": "b", "id": "c"}', "line 4 is no JSON: the name 'id' is there twice"),
        ("[" * 200_000, "line 4 is no JSON: it is nested too deep"),
        ({"status": "enabled"}, "line 4: it has no id"),
        (line("b c"), "line 4 (b c): The device identifier is not valid"),
        (line("a"), "line 4 (a): it is named more than once"),
        (line("b", status="off"), "line 4 (b): Device status 'off'"),
        (line("b", importMode="upsert"), "line 4 (b): its importMode 'upsert' is none"),
        (line("b", importMode="update"), "line 4 (b): there is no such device"),
        (line("b", importMode="delete"), "line 4 (b): there is no such device"),
        (line("old", importMode="create"), "line 4 (old): it is there already"),
        (line("old", importMode="updateIfMatchETag"), "line 4 (old): its eTag is not the device's"),
        (line("nobody", moduleId="m"), "line 4 (nobody/m): there is no such device"),
        (line("a", moduleId="$edgeHub"), "line 4 (a/$edgeHub): $edgeHub is on edge devices alone"),
        (line("b", authentication={"symmetricKey": {"primaryKey": "x"}}), "line 4 (b): Invalid device key"),
    ],
)
def test_a_broken_line_is_named_by_its_number_and_nothing_is_loaded(
    hub: HubRunner, load: Any, row: Any, told: str
) -> None:
    load({"devices": {"old": {"primaryKey": KEY}}})
    code, out, err = load(text_of(line("a"), "", line("z"), row, line("y")))
    assert code == 1 and out == "" and told in err, err
    assert set(hub.hub.devices) == {"old"}


def test_import_modes_do_what_they_say(hub: HubRunner, load: Any) -> None:
    load({"devices": {one: {"primaryKey": KEY, "tags": {"a": 1}} for one in ("upd", "gone", "twin", "match", "both")}})
    etag = hub.hub.devices["match"].etag
    code, told, err = load(
        text_of(
            {"id": "upd", "importMode": "update", "status": "disabled", "authentication": {**KEYS}},
            {"id": "gone", "importMode": "delete"},
            {"id": "twin", "importMode": "updateTwin", "tags": {"b": 2}, "properties": {"desired": {"x": 1}}},
            {"id": "match", "importMode": "updateIfMatchETag", "eTag": etag, "statusReason": "new"},
            {"id": "new", "importMode": "create", "tags": {"t": 1}},
            {"id": "both", "importMode": "createOrUpdate"},
        ),
        "--json",
    )
    assert (code, err) == (0, "")
    devices = hub.hub.devices
    counts = {one["part"]: (one["made"], one["replaced"], one["removed"]) for one in told["items"]}
    assert (counts["devices"], counts["twins"]) == ((1, 3, 1), (0, 1, 0))
    assert "gone" not in devices and (devices["upd"].status, devices["upd"].tags) == ("disabled", {"a": 1})
    assert (devices["twin"].tags, devices["twin"].desired) == ({"a": 1, "b": 2}, {"x": 1})
    assert devices["twin"].primary_key == KEY and devices["match"].status_reason == "new"
    rows = operator(hub)("POST", "/devices/query", {"query": "SELECT deviceId FROM devices"}).json()
    assert "new" in {one["deviceId"] for one in rows}


def test_what_lines_hold_and_the_hub_does_not_is_named(load: Any) -> None:
    rows = [line("a", modelId="dtmi:x;1", parentScopes=["x"]), line("a", moduleId="m", status="disabled")]
    code, out, _ = load(text_of(*rows))
    assert code == 0
    for told in ("modelId of 1 lines", "1 parents of devices", "line 2 (a/m): the status disabled"):
        assert told in out


def test_an_edge_device_stays_one_and_that_is_told(hub: HubRunner, load: Any) -> None:
    assert load(text_of(line("gw", capabilities={"iotEdge": True}), line("b")))[0] == 0
    code, out, _ = load(text_of(line("gw"), line("b")))
    assert code == 0 and "gw stays an edge device" in out and hub.hub.devices["gw"].edge

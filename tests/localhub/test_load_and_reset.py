"""Loading into a running hub, all or nothing, and going back to its start, by command and by control service."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.authorities import authority
from support.hub import HubRunner, request

from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.localhub.load_file import BadFile, parse, read_file

jsonschema = pytest.importorskip("jsonschema")
KEY = base64.b64encode(b"k" * 32).decode()
YAML = f"""
devices:
  press-1: {{primaryKey: {KEY}, tags: {{site: lyon, since: 2026-01-01}}, desired: {{interval: 5}}}}
  press-2:
    auth: certificateAuthority
    edge: true
    modules:
      - {{moduleId: filter, primaryKey: {KEY}}}
policies:
  - {{name: ci, rights: [RegistryRead, ServiceConnect], primaryKey: {KEY}}}
certificates:
  - {{name: plants, file: plants.pem}}
provisioningCertificates:
  - {{name: plants, file: plants.pem}}
enrollments:
  Press-3: {{primaryKey: {KEY}, status: disabled, deviceId: press-3}}
  press-4: {{certificateFile: plants.pem}}
enrollmentGroups:
  by-ca: {{ca: plants, initialTwin: {{tags: {{site: lyon}}}}}}
  by-key: {{}}
networkRules:
  defaultAction: Deny
  rules: {{all-of-this-machine: 127.0.0.0/8}}
"""
# as azext_iot/iothub/providers/state.py writes it
EXPORT = {
    "configurations": {"admConfigurations": {"blue": {"id": "blue"}}, "edgeDeployments": {}},
    "devices": {
        "sas-1": {
            "identity": {
                "status": "disabled",
                "statusReason": "lost",
                "capabilities": {"iotEdge": False},
                "authentication": {
                    "type": "sas",
                    "x509Thumbprint": {"primaryThumbprint": None, "secondaryThumbprint": None},
                    "symmetricKey": {"primaryKey": KEY, "secondaryKey": KEY},
                },
                "deviceScope": "x",
                "modelId": "",
            },
            "twin": {"properties": {"desired": {"interval": 9}}, "tags": {"site": "graz"}},
            "modules": {
                "reader": {
                    "identity": {"authentication": {"type": "sas", "symmetricKey": None}, "managedBy": ""},
                    "twin": {"properties": {"desired": {"on": True}}},
                }
            },
        },
        "thumb-1": {
            "identity": {
                "status": "enabled",
                "authentication": {"type": "selfSigned", "x509Thumbprint": {"PrimaryThumbprint": "AB" * 20}},
            },
            "twin": {"properties": {"desired": {}}},
            "parent": "sas-1",
        },
    },
}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as runner:
        yield runner


@pytest.fixture
def command(hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `hubwarden localhub ...` on the hub; return exit code, stdout (parsed for --json) and stderr."""
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps(hub.ready))
    monkeypatch.setenv("HUBWARDEN_READY_FILE", str(ready))

    def call(*arguments: str) -> tuple[int, Any, str]:
        code = run(["localhub", *arguments])
        out, err = capsys.readouterr()
        if "--json" not in arguments or code:
            return code, out, err
        document = json.loads(out)
        jsonschema.validate(document, SCHEMAS[document["schema"].removeprefix("hubwarden.").removesuffix("/1")])
        return code, document, err

    return call


def test_a_yaml_file_is_loaded_and_a_reset_takes_it_back(hub: HubRunner, command: Any, tmp_path: Path) -> None:
    state = hub.hub
    before = json.dumps(state.resource), dict(state.policies)
    plants = authority("Plants CA")
    (tmp_path / "plants.pem").write_bytes(plants.pem)
    (tmp_path / "content.yaml").write_text(YAML)
    code, told, err = command("load", str(tmp_path / "content.yaml"), "--json")
    assert (code, err) == (0, "")
    made = {item["part"]: item["made"] for item in told["items"]}
    assert (made["devices"], made["modules"], made["policies"], made["certificates"]) == (2, 1, 1, 1)
    press = state.devices["press-1"]
    assert (press.primary_key, press.tags, press.desired) == (
        KEY,
        {"site": "lyon", "since": "2026-01-01"},
        {"interval": 5},
    )
    edge = state.devices["press-2"]
    assert edge.edge and set(edge.modules) == {"$edgeAgent", "$edgeHub", "filter"}
    assert state.certificate_ders["plants"] == plants.der and state.policies["ci"].primary_key == KEY
    assert [rule["filterName"] for rule in state.resource["properties"]["networkRuleSets"]["ipRules"]] == [
        "all-of-this-machine"
    ]
    service = next(iter(hub.cloud.provisioning.values()))
    assert (made["enrollments"], made["enrollmentGroups"], made["provisioningCertificates"]) == (2, 2, 1)
    assert (service.enrollments["press-3"].primary_key, service.enrollments["press-3"].enabled) == (KEY, False)
    assert service.enrollments["press-4"].certificate_ders == {"client.primary": plants.der}
    assert [one.kind for one in service.groups.values()] == ["x509", "symmetricKey"]
    assert service.certificate_ders == {"plants": plants.der}
    assert "2 made" not in command("load", str(tmp_path / "content.yaml"))[1]  # the second time they are replaced
    hub.faults.add("throttle", endpoint="arm")

    code, told, _ = command("reset", "--json")
    assert (code, told["items"][0]["faults_removed"]) == (0, 1)
    assert (json.dumps(state.resource), state.policies) == before
    assert not state.devices and not state.certificates and not hub.faults.all()
    assert not service.enrollments and not service.groups and not service.certificates
    assert not hub.server.requests.since(0) and hub.server.world.store.count() == 0


def test_a_state_export_of_az(hub: HubRunner, command: Any, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(json.dumps(EXPORT))
    code, told, err = command("load", str(tmp_path / "export.json"), "--json")
    assert (code, err) == (0, "")
    one = hub.hub.devices["sas-1"]
    assert (one.status, one.status_reason, one.secondary_key, one.tags) == ("disabled", "lost", KEY, {"site": "graz"})
    assert one.modules["reader"].desired == {"on": True} and one.desired == {"interval": 9}
    assert hub.hub.devices["thumb-1"].primary_thumbprint == "AB" * 20
    assert ["1 configurations" in told["left_out"][0], "1 parents" in told["left_out"][1]] == [True, True]
    hub.server.reset()


def test_one_wrong_word_and_nothing_is_loaded(hub: HubRunner, command: Any, tmp_path: Path) -> None:
    wrong = {
        "devices": [
            {"deviceId": "good"},
            {"deviceId": "a b"},
            {"deviceId": "c", "primryKey": KEY},
            {"deviceId": "d", "auth": "magic"},
            {"deviceId": "good", "modules": {"m": {"primaryKey": "short"}}},
        ],
        "polices": [],
        "networkRules": {"rules": {"far": "10.0.0.0/99"}},
        "certificates": [{"name": "x", "certificate": "nonsense"}],
        "enrollments": {"e": {"endorsementKey": "AAAA"}, "f": {"primaryKey": KEY, "stauts": "disabled"}},
        "enrollmentGroups": {"g": {"ca": "not-there"}, "h": {}},
    }
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    code, out, err = command("load", str(tmp_path / "wrong.json"))
    assert (code, out) == (1, "")
    for place in ("devices[1] (a b)", "did you mean 'primaryKey'", "'magic'", "did you mean 'policies'", "10.0.0.0/99",
                  "certificates[0] (x)", "Invalid device key", "enrollments[0] (e)", "did you mean 'status'",
                  "'not-there' was not found"):  # fmt: skip
        assert place in err
    assert not hub.hub.devices and not hub.hub.certificates
    assert not next(iter(hub.cloud.provisioning.values())).groups


def test_what_is_no_load_file(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
    )
    for raw, why in [
        (bomb.encode(), "more than"),
        (b"a: &a [*a]", "nested too deep"),
        (b"[1]", "no object"),
        (b"a: !!python/object/apply:os.system [ls]", "neither JSON nor YAML"),
        (b"{", "neither JSON nor YAML"),
        (b"1: 2", "no text"),
        (b"\xff\xfe\x00", "line 1 is no text"),
        (b"a: .nan", "not finite"),
        (b"b: !!binary aGVsbG8=", "kind that JSON has not"),
    ]:
        with pytest.raises(BadFile, match=why):
            parse(raw)
    (tmp_path / "f.yaml").write_text("certificates: [{name: a, file: not-there.pem}]")
    with pytest.raises(BadFile, match=r"not-there\.pem"):
        read_file(tmp_path / "f.yaml")


def test_the_control_service_wants_its_token_and_json(hub: HubRunner) -> None:
    ready = hub.ready

    def post(path: str, body: Any, token: str) -> tuple[int, Any]:
        answer = request(
            ready["faults_endpoint"] + path, ca_file=ready["ca_file"], method="POST", body=body, token=token
        )
        return answer[0], answer[2]

    for path in ("/load", "/reset", "/c2d"):
        assert post(path, {}, "wrong")[0] == 401
    for path, body in (("/load", b"["), ("/load", []), ("/c2d", {}), ("/c2d", {"deviceId": "a", "body": 3})):
        assert post(path, body, ready["faults_token"])[0] == 400

"""Plans of device changes on identities with members that this version has never heard of: nothing of them is lost."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.change import Consent, Result
from console.model.device_order import Act, DeviceOrder, KeyChoice, Stage
from console.model.document import Document, Json, Target, TargetKind, unwrapped, wrapped
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import Identity as Who
from console.rules.planning import change_of
from console.services.device_assessment import device_risks
from console.services.device_changes import DeviceChanges
from console.services.device_identity import Identity, target_of
from console.services.device_plans import planned
from console.services.gate import WriteGate
from console.services.journal import Journal
from console.services.ports import CallMeter, Cancel
from console.services.session import Session
from console.services.write_ports import Receipt, WritePorts

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
ORDERS = [
    DeviceOrder(Act.DISABLE, "stolen"),
    DeviceOrder(Act.ENABLE),
    *(DeviceOrder(Act.ROTATE_KEYS, keys=choice) for choice in KeyChoice),
    DeviceOrder(Act.THUMBPRINT, thumbprint="ef" * 32),
    DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE),
    DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE),
    DeviceOrder(Act.THUMBPRINT, stage=Stage.PRIMARY, thumbprint="ef" * 32),
]
_NAMED: dict[Act, set[tuple[str, ...]]] = {
    Act.DISABLE: {("status",), ("statusReason",)},
    Act.ENABLE: {("status",), ("statusReason",)},
    Act.ROTATE_KEYS: {("authentication", "symmetricKey", name) for name in ("primaryKey", "secondaryKey")},
    Act.THUMBPRINT: {
        ("authentication", "x509Thumbprint", name) for name in ("primaryThumbprint", "secondaryThumbprint")
    },
}


def body_for(order: DeviceOrder, extra: Json | None = None) -> Json:
    """Return an identity that an order fits, as the service writes it, with members from the future."""
    by_print = order.act is Act.THUMBPRINT
    body: Json = {
        "deviceId": "press-1",
        "generationId": "637",
        "etag": "MQ==",
        "status": "disabled" if order.act is Act.ENABLE else "enabled",
        "statusReason": "leased",
        "connectionState": "Connected",
        "lastActivityTime": "2026-11-23T09:00:00Z",
        "authentication": {
            "type": "selfSigned" if by_print else "sas",
            "symmetricKey": {"primaryKey": None if by_print else "QUFB", "secondaryKey": None if by_print else "QkJC"},
            "x509Thumbprint": {
                "primaryThumbprint": "AB" * 32 if by_print else None,
                "secondaryThumbprint": "CD" * 32 if by_print else None,
                "tertiaryThumbprint": "who knows",
            },
            "futureProof": {"level": 3},
        },
        "capabilities": {"iotEdge": True, "warpDrive": [1, None, "x"]},
        "deviceScope": "ms-azure-iot-edge://press-1-637",
        "parentScopes": ["ms-azure-iot-edge://gateway"],
    }
    return body | (extra or {})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if isinstance(value, dict):
        found = {path: {}} if not value else {}
        for name, item in value.items():
            found |= leaves(item, (*path, name))
        return found
    return {path: value}


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind)
@given(extra=st.dictionaries(st.text(min_size=1, max_size=8).map(lambda name: f"x-{name}"), _JSON, max_size=4))
def test_nothing_but_what_the_order_names_changes(order: DeviceOrder, extra: Json) -> None:
    body = body_for(order, extra)
    before = deepcopy(body)
    change = planned(order, Identity("press-1", Document(wrapped(body), "MQ==")), NOW)
    after = leaves(unwrapped(change.after))
    was = leaves(before)
    moved = {path for path in was.keys() | after.keys() if was.get(path, "absent") != after.get(path, "absent")}
    assert moved
    assert moved <= _NAMED[order.act]
    assert body == before, "the reading itself is left alone"


@pytest.mark.parametrize("order", [*ORDERS, DeviceOrder(Act.DELETE)], ids=lambda order: order.kind)
def test_what_is_known_of_the_device_is_told(order: DeviceOrder) -> None:
    change = planned(order, Identity("press-1", Document(wrapped(body_for(order)), "MQ==")), NOW)
    told = dict(change.effect)
    assert "connected" in told["device"]
    assert "42 min ago" in told["device"]
    assert "signs in" in told


class Cellar:
    """Reads and writes identities in memory, whatever members they have; notes what was sent."""

    def __init__(self, body: Json) -> None:
        self.body: Json | None = body
        self.sent: list[Json] = []

    def read(self, target: Target, cancel: Cancel | None = None) -> Document | None:
        return None if self.body is None else Document(wrapped(deepcopy(self.body)), str(self.body["etag"]))

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        assert self.body is not None
        if etag != self.body["etag"]:
            raise ConsoleError(ErrorKind.CONFLICT, "no", "its ETag moved")
        self.sent.append(unwrapped(body))
        self.body = deepcopy(unwrapped(body)) | {"etag": "Mg=="}
        return Receipt("Mg==")

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        self.body = None
        return Receipt()


class Somebody:
    def whoami(self, cancel: Cancel | None = None) -> Who:
        return Who("test", "ops@contoso.example")


def of_cellar(cellar: Cellar, folder: Path) -> tuple[DeviceChanges, WriteGate]:
    session = Session(
        hub_name="contoso-plants",
        hub_host="h",
        hub_reader=None,
        registry=None,
        logs_factory=None,
        identity=Somebody(),
        meter=CallMeter(),
        clock=lambda: NOW,
    )
    session.arm()
    journal = Journal(folder)
    ports: Any = WritePorts(*[cellar] * len(TargetKind))  # type: ignore[list-item]
    gate = WriteGate(session, cellar, ports, journal)
    return DeviceChanges(session, cellar, gate, journal), gate


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind)
def test_unknown_members_survive_the_whole_way_to_the_wire(order: DeviceOrder, tmp_path: Path) -> None:
    cellar = Cellar(body_for(order))
    devices, gate = of_cellar(cellar, tmp_path)
    outcome = gate.apply(
        devices.plan(order, "press-1"),
        Consent(frozenset({"both-keys", "secondary-replaced"} | {"not-moved", "thumbprint-primary"})),
    )
    assert outcome.result is Result.APPLIED, outcome.message
    (sent,) = cellar.sent
    assert sent["capabilities"] == {"iotEdge": True, "warpDrive": [1, None, "x"]}
    assert sent["authentication"]["futureProof"] == {"level": 3}
    assert sent["authentication"]["x509Thumbprint"]["tertiaryThumbprint"] == "who knows"
    assert sent["parentScopes"] == ["ms-azure-iot-edge://gateway"]


def test_a_service_that_drops_a_member_is_found_out(tmp_path: Path) -> None:
    class Forgetful(Cellar):
        def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
            receipt = super().put(target, body, etag, cancel)
            assert self.body is not None
            del self.body["parentScopes"]
            return receipt

    cellar = Forgetful(body_for(ORDERS[0]))
    devices, gate = of_cellar(cellar, tmp_path)
    outcome = gate.apply(devices.plan(ORDERS[0], "press-1"), Consent())
    assert outcome.result is Result.DIFFERS
    assert "parentScopes" in outcome.message


def undone(before: Json, after: Json | None) -> set[str]:
    target = target_of("press-1")
    change = change_of(
        "undo", "undo", target, Document(wrapped(before), "MQ=="), None if after is None else wrapped(after)
    )
    return {risk.id for risk in device_risks(change)}


def with_keys(primary: str, secondary: str, **more: Any) -> Json:
    body = body_for(ORDERS[0])
    body["authentication"]["symmetricKey"] = {"primaryKey": primary, "secondaryKey": secondary}
    return body | more


def with_prints(primary: str | None, secondary: str | None) -> Json:
    body = body_for(DeviceOrder(Act.THUMBPRINT))
    body["authentication"]["x509Thumbprint"] = {"primaryThumbprint": primary, "secondaryThumbprint": secondary}
    return body


def test_an_undo_has_the_risks_of_what_it_does_itself() -> None:
    base = with_keys("QUFB", "QkJC")
    assert undone(base, None) == {"twin-lost", "keys-lost", "cut"}
    assert undone(base, with_keys("QkJC", "QUFB")) == set(), "a swap cuts nobody"
    assert undone(base, with_keys("Q0ND", "QkJC")) == {"key-in-use"}
    assert undone(base, with_keys("Q0ND", "RERE")) == {"both-keys"}
    assert undone(base, with_keys("QUFB", "QkJC", status="disabled")) == {"cut"}
    assert undone(with_keys("QUFB", "QkJC", status="disabled"), base) == set()
    one, two, three = "AB" * 32, "CD" * 32, "EF" * 32
    assert undone(with_prints(one, two), with_prints(two, one.lower())) == set()
    assert undone(with_prints(one, two), with_prints(one, None)) == {"thumbprint-goes"}
    assert undone(with_prints(one, None), with_prints(three, None)) == {"thumbprint-primary"}
    assert undone(with_prints(one, None), with_prints(one, two)) == set()

"""Undo on the local hub: what the change touched goes back, what others did stays, what is lost is said."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from support.hub import HubRunner, request
from support.writes import writable

from console.model.change import Change, Consent, Result
from console.model.document import Json, Target, TargetKind
from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.rules.keys import new_key
from console.rules.planning import change_of, copied
from console.services.bundle import Services


@pytest.fixture
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1) as runner:
        with runner.hub.lock:
            runner.hub.resource["properties"]["networkRuleSets"] = {
                "defaultAction": "Deny",
                "applyToBuiltInEventHubEndpoint": False,
                "ipRules": [
                    {"filterName": "jump-box", "action": "Allow", "ipMask": "127.0.0.0/8"},
                    {"filterName": "genoa", "action": "Allow", "ipMask": "10.31.8.0/22"},
                ],
            }
            runner.hub.resource["properties"]["futureProperty"] = {"unknown": ["to", "every", {"model": None}]}
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Services:
    return writable(hub, tmp_path)


def of(hub: HubRunner, kind: TargetKind, name: str = "") -> Target:
    return Target(kind, name or hub.ready["hub_arm_id"])


def plan(services: Services, target: Target, edit: Any, kind: str = "test") -> Change:
    """Return a change: `edit` changes the body in place, or returns None for a deletion, or a body to create."""
    document = services.changes.reader.read(target)
    body = copied(document) if document is not None else {}
    after = edit(body)
    return change_of(kind, f"{kind} of {target.name}", target, document, None if after == "delete" else body)


def make(services: Services, change: Change, *accepted: str) -> None:
    outcome = services.changes.gate.apply(change, Consent(frozenset(accepted)))
    assert outcome.result is Result.APPLIED, outcome.message


def undo(services: Services, *accepted: str, entry: str | None = None) -> Change:
    change = services.changes.undo.plan(entry)
    make(services, change, *accepted)
    return change


def everything(hub: HubRunner) -> Json:
    """Return what GET and listKeys give, less ETag and system data."""
    base = f"{hub.ready['arm_endpoint']}{hub.ready['hub_arm_id']}"
    options: dict[str, Any] = {"ca_file": hub.ready["ca_file"], "token": hub.token()}
    _, _, body = request(f"{base}?api-version=2023-06-30", **options)
    _, _, keys = request(f"{base}/listkeys?api-version=2023-06-30", method="POST", **options)
    body.pop("etag")
    body.pop("systemData")
    return {"hub": body, "keys": keys["value"]}


def rule_set(body: Json) -> list[Json]:
    rules: list[Json] = body["properties"]["networkRuleSets"]["ipRules"]
    return rules


def remove_genoa(body: Json) -> None:
    del rule_set(body)[1]


def test_everything_is_as_it_was_unknown_properties_too(hub: HubRunner, services: Services) -> None:
    before = everything(hub)

    def edit(body: Json) -> None:
        del rule_set(body)[0]
        rule_set(body).append({"filterName": "lyon", "action": "Allow", "ipMask": "10.20.0.0/16"})
        body["properties"]["publicNetworkAccess"] = "Disabled"
        body["properties"]["comments"] = "kept by nobody"

    make(services, plan(services, of(hub, TargetKind.HUB), edit))
    assert everything(hub) != before
    change = undo(services)
    assert everything(hub) == before
    assert change.undoes


def test_what_somebody_else_wrote_in_between_stays(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    make(services, plan(services, of(hub, TargetKind.HUB), remove_genoa))
    other = writable(hub, tmp_path / "ana")

    def edit(body: Json) -> None:
        rule_set(body).append({"filterName": "ana", "action": "Allow", "ipMask": "10.9.0.0/16"})
        body["tags"] = {"by": "ana"}

    make(other, plan(other, of(hub, TargetKind.HUB), edit))
    undo(services)
    found = everything(hub)["hub"]
    assert [rule["filterName"] for rule in rule_set(found)] == ["jump-box", "genoa", "ana"]
    assert found["tags"] == {"by": "ana"}


def test_the_same_place_changed_by_somebody_else_stays_and_is_told(
    hub: HubRunner, services: Services, tmp_path: Path
) -> None:
    def widen(body: Json) -> None:
        rule_set(body)[1]["ipMask"] = "10.31.0.0/16"
        body["properties"]["comments"] = "kept by nobody"

    make(services, plan(services, of(hub, TargetKind.HUB), widen))
    other = writable(hub, tmp_path / "ana")

    def narrow(body: Json) -> None:
        rule_set(body)[1]["ipMask"] = "10.31.8.8/32"

    make(other, plan(other, of(hub, TargetKind.HUB), narrow))
    change = undo(services, "changed-since")
    assert [(risk.id, risk.blocking) for risk in change.risks if risk.id == "changed-since"] == [
        ("changed-since", True)
    ]
    found = everything(hub)["hub"]
    assert rule_set(found)[1]["ipMask"] == "10.31.8.8/32"
    assert "comments" not in found["properties"]


def test_an_undo_is_not_undone_by_the_next_undo_but_by_its_id(hub: HubRunner, services: Services) -> None:
    before = everything(hub)
    make(services, plan(services, of(hub, TargetKind.HUB), remove_genoa))
    after = everything(hub)
    undo(services)
    assert everything(hub) == before
    with pytest.raises(ConsoleError, match="nothing to undo"):
        services.changes.undo.plan()
    undo(services, entry=services.changes.journal.entries()[0].id)
    assert everything(hub) == after


def test_several_changes_go_back_in_one_plan(hub: HubRunner, services: Services) -> None:
    before = everything(hub)
    make(services, plan(services, of(hub, TargetKind.HUB), remove_genoa))

    def comment(body: Json) -> None:
        body["properties"]["comments"] = "kept by nobody"

    make(services, plan(services, of(hub, TargetKind.HUB), comment))
    make(services, plan(services, of(hub, TargetKind.POLICIES), create_policy))
    plans = services.changes.undo.plan_last(3)
    assert len(plans) == 1
    make(services, plans[0])
    assert everything(hub) == before
    assert services.changes.undo.candidates() == []


KEYS = (new_key(), new_key())


def create_policy(body: Json) -> None:
    body["authorizationPolicies"].append(
        {"keyName": "ops", "primaryKey": Secret(KEYS[0]), "secondaryKey": Secret(KEYS[1]), "rights": "ServiceConnect"}
    )


def delete_service(body: Json) -> None:
    body["authorizationPolicies"] = [
        policy for policy in body["authorizationPolicies"] if policy["keyName"] != "service"
    ]


def test_a_deleted_policy_comes_back_with_its_keys_while_the_console_is_open(
    hub: HubRunner, services: Services
) -> None:
    before = everything(hub)
    make(services, plan(services, of(hub, TargetKind.POLICIES), delete_service))
    assert everything(hub) != before
    undo(services)
    assert everything(hub) == before


def test_a_console_opened_later_says_exactly_what_cannot_come_back(
    hub: HubRunner, services: Services, tmp_path: Path
) -> None:
    before = everything(hub)
    make(services, plan(services, of(hub, TargetKind.POLICIES), delete_service))
    later = writable(hub, tmp_path)
    change = later.changes.undo.plan()
    lost = [risk for risk in change.risks if risk.id == "keys-lost"]
    assert len(lost) == 2
    assert all(risk.blocking and "NEW key" in risk.message and "service" in risk.message for risk in lost)
    make(later, change, "keys-lost")
    found = everything(hub)
    assert found["hub"] == before["hub"]
    for old, new in zip(before["keys"], found["keys"], strict=True):
        if old["keyName"] == "service":
            assert (new["rights"], new["keyName"]) == (old["rights"], "service")
            assert new["primaryKey"] != old["primaryKey"]
        else:
            assert new == old


def test_a_rotated_key_that_is_lost_stays_rotated_and_is_told(
    hub: HubRunner, services: Services, tmp_path: Path
) -> None:
    def rotate(body: Json) -> None:
        body["authorizationPolicies"][0]["secondaryKey"] = Secret(new_key())

    make(services, plan(services, of(hub, TargetKind.POLICIES), rotate))
    with pytest.raises(ConsoleError, match="old key was destroyed"):
        writable(hub, tmp_path).changes.undo.plan()


def test_sealed_keys_come_back_in_another_console_with_the_passphrase(
    hub: HubRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAL_TEST", "correct horse battery staple")
    services = writable(hub, tmp_path, seal_from="env:SEAL_TEST")
    before = everything(hub)
    make(services, plan(services, of(hub, TargetKind.POLICIES), delete_service))
    keys = [key for policy in before["keys"] for key in (policy["primaryKey"], policy["secondaryKey"])]
    raw = b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    assert not [key for key in keys if key.encode() in raw]
    monkeypatch.setenv("SEAL_TEST", "another one")
    with pytest.raises(ConsoleError, match="passphrase is another"):
        writable(hub, tmp_path, seal_from="env:SEAL_TEST").changes.undo.plan()
    monkeypatch.setenv("SEAL_TEST", "correct horse battery staple")
    later = writable(hub, tmp_path, seal_from="env:SEAL_TEST")
    undo(later)
    assert everything(hub) == before


def new_device(body: Json) -> None:
    body.update(
        {
            "status": "enabled",
            "authentication": {
                "type": "sas",
                "symmetricKey": {"primaryKey": Secret(KEYS[0]), "secondaryKey": Secret(KEYS[1])},
            },
        }
    )


def test_a_created_device_is_deleted_and_a_deleted_one_made_again(hub: HubRunner, services: Services) -> None:
    target = of(hub, TargetKind.DEVICE, "press-1")
    make(services, plan(services, target, new_device))
    undo(services, "twin-lost")
    assert "press-1" not in hub.hub.devices
    make(services, plan(services, target, new_device))
    make(services, plan(services, target, lambda _body: "delete"))
    assert "press-1" not in hub.hub.devices
    change = undo(services)
    assert [risk.id for risk in change.risks] == ["not-restored"]
    assert (hub.hub.devices["press-1"].primary_key, hub.hub.devices["press-1"].secondary_key) == KEYS


def test_deleting_what_somebody_changed_since_must_be_accepted(hub: HubRunner, services: Services) -> None:
    target = of(hub, TargetKind.DEVICE, "press-1")
    make(services, plan(services, target, new_device))
    created = services.changes.journal.entries()[0].id

    def disable(body: Json) -> None:
        body["status"] = "disabled"

    make(services, plan(services, target, disable))
    change = services.changes.undo.plan(created)
    assert "changed-since" in {risk.id for risk in change.blocking}


def test_what_was_never_made_cannot_be_undone(hub: HubRunner, services: Services) -> None:
    hub.faults.add("server-error", endpoint="arm", method="PUT", count=1)
    services.changes.gate.apply(plan(services, of(hub, TargetKind.HUB), remove_genoa), Consent())
    with pytest.raises(ConsoleError, match="never made"):
        services.changes.undo.plan(services.changes.journal.entries()[0].id)


def test_an_undo_of_another_hub_is_refused(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    make(services, plan(services, of(hub, TargetKind.HUB), remove_genoa))
    entry = services.changes.journal.entries()[0].id
    other = writable(hub, tmp_path)
    other.session.hub_name = "other-hub"
    with pytest.raises(ConsoleError, match="belongs to the hub contoso-plants"):
        other.changes.undo.plan(entry)


def test_an_undo_is_only_a_plan(hub: HubRunner, services: Services) -> None:
    make(services, plan(services, of(hub, TargetKind.HUB), remove_genoa))
    now = deepcopy(everything(hub))
    services.changes.undo.plan()
    assert everything(hub) == now


def test_an_undo_that_would_lock_us_out_must_be_accepted(hub: HubRunner, tmp_path: Path) -> None:
    services = writable(hub, tmp_path, my_ip="10.77.0.1")

    def let_me_in(body: Json) -> None:
        rule_set(body).append({"filterName": "me", "action": "Allow", "ipMask": "10.77.0.1"})

    make(services, plan(services, of(hub, TargetKind.HUB), let_me_in))
    change = services.changes.undo.plan()
    assert "own-lock-out" in {risk.id for risk in change.blocking}
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(change, Consent())
    assert caught.value.code == "risk"


def test_an_undo_that_takes_a_policy_away_says_whom_it_cuts_off(hub: HubRunner, services: Services) -> None:
    make(services, plan(services, of(hub, TargetKind.POLICIES), create_policy))
    change = services.changes.undo.plan()
    assert "keys-lost" in {risk.id for risk in change.risks}
    assert any("ops" in risk.message for risk in change.risks)


def test_an_undo_that_refuses_local_auth_again_is_checked_before(hub: HubRunner, services: Services) -> None:
    with hub.hub.lock:
        hub.hub.resource["properties"]["disableLocalAuth"] = True

    def accept(body: Json) -> None:
        body["properties"]["disableLocalAuth"] = False

    make(services, plan(services, of(hub, TargetKind.HUB), accept))
    change = services.changes.undo.plan()
    assert "dps-links" in {risk.id for risk in change.blocking}


def test_after_an_undo_was_undone_its_change_is_the_next_to_undo(hub: HubRunner, services: Services) -> None:
    def add(name: str) -> Any:
        return lambda body: rule_set(body).append({"filterName": name, "action": "Allow", "ipMask": "10.1.0.0/16"})

    make(services, plan(services, of(hub, TargetKind.HUB), add("aa")))
    make(services, plan(services, of(hub, TargetKind.HUB), add("cc")))
    undo(services)
    undo(services, entry=services.changes.journal.entries()[0].id)
    names = [rule["filterName"] for rule in rule_set(everything(hub)["hub"])]
    assert names[-2:] == ["aa", "cc"]
    undo(services)
    assert [rule["filterName"] for rule in rule_set(everything(hub)["hub"])][-1] == "aa"


def test_half_of_an_exchange_of_keys_is_not_undone(hub: HubRunner, services: Services) -> None:
    def swap(body: Json) -> None:
        policy = body["authorizationPolicies"][3]
        policy["primaryKey"], policy["secondaryKey"] = policy["secondaryKey"], policy["primaryKey"]

    def rotate(body: Json) -> None:
        body["authorizationPolicies"][3]["secondaryKey"] = Secret(new_key())

    make(services, plan(services, of(hub, TargetKind.POLICIES), swap))
    swapped = services.changes.journal.entries()[0].id
    make(services, plan(services, of(hub, TargetKind.POLICIES), rotate))
    now = everything(hub)
    with pytest.raises(ConsoleError, match="stay as they are"):
        services.changes.undo.plan(swapped)
    assert everything(hub) == now


def test_an_undo_by_a_journal_that_is_not_whole_must_be_accepted(hub: HubRunner, services: Services) -> None:
    import sqlite3

    make(services, plan(services, of(hub, TargetKind.HUB), remove_genoa))
    with sqlite3.connect(services.changes.journal.path) as connection:
        connection.execute("DROP TRIGGER rows_stay")
        connection.execute("UPDATE rows SET body = replace(body, '10.31.8.0/22', '0.0.0.0/0') WHERE seq = 1")
    connection.close()
    assert "journal-broken" in {risk.id for risk in services.changes.undo.plan().blocking}


def test_one_that_cannot_be_undone_does_not_hold_up_the_others(
    hub: HubRunner, services: Services, tmp_path: Path
) -> None:
    for name in ("press-1", "press-2"):
        make(services, plan(services, of(hub, TargetKind.DEVICE, name), new_device))

    def disable(body: Json) -> None:
        body["status"] = "disabled"

    def enable(body: Json) -> None:
        body["status"] = "enabled"

    for name in ("press-1", "press-2"):
        make(services, plan(services, of(hub, TargetKind.DEVICE, name), disable))
    other = writable(hub, tmp_path / "ana")
    make(other, plan(other, of(hub, TargetKind.DEVICE, "press-2"), enable))
    (change,) = services.changes.undo.plan_last(2)
    assert change.target.id == "press-1"
    assert any("press-2" in note for note in change.notes)

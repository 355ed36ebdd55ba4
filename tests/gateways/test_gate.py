"""The write gate on the local hub: whatever goes wrong, the hub is as before or as planned, and we say which."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.hub import HubRunner, request
from support.waiting import until
from support.writes import later, writable

from console.model.change import Change, Consent, Result, Risk, Severity
from console.model.document import Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState
from console.rules.planning import change_of, copied, with_risks
from console.services.bundle import Services

HUB_PATH = r"/IotHubs/contoso-plants$"
POLL_PATH = "operationResults"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1) as runner:
        yield runner


@pytest.fixture
def services(hub: HubRunner, tmp_path: Path) -> Iterator[Services]:
    with hub.hub.lock:
        hub.hub.resource["properties"]["networkRuleSets"] = {
            "defaultAction": "Deny",
            "applyToBuiltInEventHubEndpoint": False,
            "ipRules": [{"filterName": "jump-box", "action": "Allow", "ipMask": "127.0.0.0/8"}],
        }
        hub.hub.resource["properties"]["futureProperty"] = {"nested": [1, {"x": None}]}
        hub.hub.resource["tags"] = {}
        hub.hub.network_changed += 1
    yield writable(hub, tmp_path, budget=1.0)
    hub.faults.clear()


def target(hub: HubRunner) -> Target:
    return Target(TargetKind.HUB, hub.ready["hub_arm_id"])


def add_rule(services: Services, hub: HubRunner, name: str = "lyon", mask: str = "10.20.0.0/16") -> Change:
    document = services.changes.reader.read(target(hub))
    assert document is not None
    after = copied(document)
    after["properties"]["networkRuleSets"]["ipRules"].append({"filterName": name, "action": "Allow", "ipMask": mask})
    return change_of("network.rules", f"network rules of {hub.hub.name}", target(hub), document, after)


def rules(hub: HubRunner) -> list[str]:
    with hub.hub.lock:
        return [rule["filterName"] for rule in hub.hub.resource["properties"]["networkRuleSets"]["ipRules"]]


def steady(hub: HubRunner) -> dict[str, Any]:
    with hub.hub.lock:
        body = deepcopy(hub.hub.resource)
    body.pop("etag")
    return body


def test_a_change_is_made_read_back_and_recorded(hub: HubRunner, services: Services) -> None:
    policies = deepcopy(hub.hub.policies)
    before = steady(hub)
    outcome = services.changes.gate.apply(add_rule(services, hub), Consent())
    assert (outcome.result, outcome.differences) == (Result.APPLIED, ())
    after = steady(hub)
    assert after["properties"]["networkRuleSets"]["ipRules"].pop()["filterName"] == "lyon"
    assert after == before
    assert hub.hub.policies == policies
    entry = services.changes.journal.entries()[0]
    assert (entry.state, entry.id) == (EntryState.APPLIED, outcome.change.id)
    assert services.changes.journal.verify().whole


def test_it_needs_no_keys(hub: HubRunner, services: Services) -> None:
    seen = len(hub.cloud.activity)
    services.changes.gate.apply(add_rule(services, hub), Consent())
    made = [event.operation.casefold() for event in hub.cloud.activity[seen:]]
    assert made
    assert not [operation for operation in made if "listkeys" in operation]


@pytest.mark.parametrize(
    ("fault", "details", "result", "made"),
    [
        ("server-error", {"method": "PUT", "path": HUB_PATH, "when": "before"}, Result.NOT_APPLIED, False),
        ("server-error", {"method": "PUT", "path": HUB_PATH, "when": "after"}, Result.APPLIED, True),
        ("server-error", {"method": "PUT", "path": HUB_PATH, "status": 503}, Result.NOT_APPLIED, False),
        ("drop", {"method": "PUT", "path": HUB_PATH, "when": "before"}, Result.UNKNOWN, False),
        ("server-error", {"method": "PUT", "path": HUB_PATH, "status": 502}, Result.UNKNOWN, False),
        ("server-error", {"method": "PUT", "path": HUB_PATH, "status": 504}, Result.UNKNOWN, False),
        ("server-error", {"method": "PUT", "path": HUB_PATH, "status": 504, "when": "after"}, Result.APPLIED, True),
        ("drop", {"method": "PUT", "path": HUB_PATH, "when": "after"}, Result.APPLIED, True),
        ("html", {"method": "PUT", "path": HUB_PATH}, Result.NOT_APPLIED, False),
        ("throttle", {"method": "PUT", "path": HUB_PATH}, Result.APPLIED, True),
        ("throttle", {"method": "PUT", "path": HUB_PATH, "retry_after": 1}, Result.APPLIED, True),
        ("lro-fail", {}, Result.NOT_APPLIED, False),
        ("lro-late", {"seconds": 1}, Result.APPLIED, True),
        ("drop", {"path": POLL_PATH, "count": 2}, Result.APPLIED, True),
        ("server-error", {"path": POLL_PATH, "count": 2}, Result.APPLIED, True),
        ("server-error", {"path": POLL_PATH, "count": 50}, Result.APPLIED, True),
        ("html", {"path": POLL_PATH, "count": 1}, Result.APPLIED, True),
    ],
)
def test_trouble_leaves_the_hub_as_before_or_as_planned(
    hub: HubRunner, services: Services, fault: str, details: dict[str, Any], result: Result, made: bool
) -> None:
    change = add_rule(services, hub)
    hub.faults.add(fault, endpoint="arm", **{"count": 1, **details})
    outcome = services.changes.gate.apply(change, Consent())
    hub.faults.clear()
    assert ("lyon" in rules(hub)) is made
    assert outcome.result is result, outcome.message
    assert services.changes.journal.entries()[0].state.value == result.value
    unknown = result is Result.UNKNOWN
    assert ("OUTCOME UNKNOWN" if unknown else "done" if made else "NOT done") in outcome.message
    assert len(services.changes.journal.unfinished()) == unknown


def test_an_operation_without_end_is_unknown_and_settled_by_reading(hub: HubRunner, services: Services) -> None:
    change = add_rule(services, hub)
    hub.faults.add("lro-stuck", endpoint="arm", count=1)
    services = writable_again(services, 0.2)
    outcome = services.changes.gate.apply(change, Consent())
    assert outcome.result is Result.UNKNOWN
    assert "has not ended" in outcome.message
    (entry,) = services.changes.journal.unfinished()
    assert services.changes.undo.settle(entry).state is EntryState.UNKNOWN, "it may still arrive"
    assert services.changes.journal.unfinished() == [entry]
    assert later(services).changes.undo.settle(entry).state is EntryState.NOT_APPLIED
    assert services.changes.journal.unfinished() == []


def writable_again(services: Services, budget: float) -> Services:
    """Return the services with less patience: the reader and ports share one transport."""
    wiring = services.changes.reader.read.__self__._arm.transport  # type: ignore[attr-defined]
    wiring._budget = budget
    return services


def test_an_operation_that_ends_late_is_settled_as_planned(hub: HubRunner, services: Services) -> None:
    change = add_rule(services, hub)
    hub.faults.add("lro-late", endpoint="arm", count=1, seconds=4)
    services = writable_again(services, 0.1)
    outcome = services.changes.gate.apply(change, Consent())
    assert outcome.result is Result.UNKNOWN
    until(lambda: "lyon" in rules(hub), "the late write")
    (entry,) = services.changes.journal.unfinished()
    assert services.changes.undo.settle(entry).state is EntryState.APPLIED


def colleague_writes(hub: HubRunner, **tags: str) -> None:
    url = f"{hub.ready['arm_endpoint']}{hub.ready['hub_arm_id']}?api-version=2023-06-30"
    _, _, body = request(url, ca_file=hub.ready["ca_file"], token=hub.token())
    body["tags"] = tags
    status, _, _ = request(
        url,
        ca_file=hub.ready["ca_file"],
        token=hub.token(),
        method="PUT",
        headers={"If-Match": body["etag"]},
        body=body,
    )
    assert status in {200, 201}


def test_a_change_planned_before_somebody_elses_is_refused_and_nothing_is_lost(
    hub: HubRunner, services: Services
) -> None:
    change = add_rule(services, hub)
    colleague_writes(hub, by="ana")
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(change, Consent())
    assert caught.value.kind is ErrorKind.CONFLICT
    assert rules(hub) == ["jump-box"]
    assert hub.hub.resource["tags"] == {"by": "ana"}
    outcome = services.changes.gate.apply(add_rule(services, hub), Consent())
    assert outcome.applied
    assert hub.hub.resource["tags"] == {"by": "ana"}


def test_somebody_who_writes_between_our_reading_and_our_write_wins(
    hub: HubRunner, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = add_rule(services, hub)
    journal = services.changes.journal
    intend = journal.intend

    def late(*arguments: Any, **named: Any) -> None:
        intend(*arguments, **named)
        colleague_writes(hub, by="ana")  # after the gate compared, before it writes

    monkeypatch.setattr(journal, "intend", late)
    outcome = services.changes.gate.apply(change, Consent())
    assert outcome.result is Result.CONFLICT
    assert rules(hub) == ["jump-box"]
    assert hub.hub.resource["tags"] == {"by": "ana"}


def test_somebody_who_writes_right_after_us_is_told_apart_from_damage(hub: HubRunner, services: Services) -> None:
    change = add_rule(services, hub)
    hub.faults.add("meanwhile", endpoint="arm", count=1)
    outcome = services.changes.gate.apply(change, Consent())
    assert outcome.result is Result.APPLIED, outcome.message
    assert "tags" in outcome.message
    assert hub.hub.resource["tags"] == {"colleague": "1"}


def test_two_consoles_at_once_never_overwrite_each_other(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    other = writable(hub, tmp_path / "other")
    mine, theirs = add_rule(services, hub, "mine"), add_rule(other, hub, "theirs", "10.21.0.0/16")
    assert services.changes.gate.apply(mine, Consent()).applied
    with pytest.raises(ConsoleError, match="somebody changed it"):
        other.changes.gate.apply(theirs, Consent())
    assert other.changes.gate.apply(add_rule(other, hub, "theirs", "10.21.0.0/16"), Consent()).applied
    assert rules(hub) == ["jump-box", "mine", "theirs"]


def test_without_a_journal_no_write_is_made(
    hub: HubRunner, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = add_rule(services, hub)
    store = services.changes.journal._store

    def full(*_arguments: Any) -> int:
        raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The journal cannot be used", "disk full", code="journal")

    monkeypatch.setattr(store, "append", full)
    before = steady(hub)
    with pytest.raises(ConsoleError, match="disk full"):
        services.changes.gate.apply(change, Consent())
    assert steady(hub) == before


def test_an_outcome_that_cannot_be_noted_is_told(
    hub: HubRunner, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = add_rule(services, hub)

    def full(*_arguments: Any, **_named: Any) -> None:
        raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The journal cannot be used", "disk full", code="journal")

    monkeypatch.setattr(services.changes.journal, "conclude", full)
    outcome = services.changes.gate.apply(change, Consent())
    assert outcome.applied
    assert not outcome.recorded
    assert "disk full" in outcome.message


def test_a_write_that_cannot_be_read_back_is_unknown(
    hub: HubRunner, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = add_rule(services, hub)
    monkeypatch.setattr("console.services.gate.READ_BACK_WAIT", 0.01)
    services = writable_again(services, 0.05)
    conclude = services.changes.journal.intend

    def then_blind(*arguments: Any, **named: Any) -> None:
        conclude(*arguments, **named)
        hub.faults.add("drop", endpoint="arm", method="GET", path=HUB_PATH)

    monkeypatch.setattr(services.changes.journal, "intend", then_blind)
    outcome = services.changes.gate.apply(change, Consent())
    hub.faults.clear()
    assert outcome.result is Result.UNKNOWN
    assert "could not be read back" in outcome.message


def test_read_only_is_refused_by_the_gate(hub: HubRunner, services: Services) -> None:
    services.session.disarm()
    before = steady(hub)
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(add_rule(services, hub), Consent())
    assert caught.value.kind is ErrorKind.READ_ONLY
    assert steady(hub) == before
    assert services.changes.journal.entries() == []


def test_a_profile_may_forbid_changes_for_good(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    pinned = writable(hub, tmp_path / "pinned", armed=False, readonly=True)
    with pytest.raises(ConsoleError, match="readonly = true"):
        pinned.session.arm()
    with pytest.raises(ConsoleError, match="readonly = true"):
        pinned.changes.gate.apply(add_rule(pinned, hub), Consent())


def test_a_protected_hub_asks_for_its_name_with_every_change(
    hub: HubRunner, services: Services, tmp_path: Path
) -> None:
    kept = writable(hub, tmp_path / "kept", protected=True)
    change = add_rule(kept, hub)
    for name in ("", "contoso", "other"):
        with pytest.raises(ConsoleError) as caught:
            kept.changes.gate.apply(change, Consent(hub_name=name))
        assert caught.value.code == "confirm-hub"
    assert kept.changes.gate.apply(change, Consent(hub_name="contoso-plants")).applied


def test_a_blocking_risk_must_be_accepted_by_its_id(hub: HubRunner, services: Services) -> None:
    risk = Risk("own-lock-out", Severity.HIGH, "you would be locked out", blocking=True)
    change = with_risks(add_rule(services, hub), [risk, Risk("wide-rule", Severity.LOW, "it is wide")])
    for accepted in ((), ("wide-rule",), ("own",)):
        with pytest.raises(ConsoleError) as caught:
            services.changes.gate.apply(change, Consent(frozenset(accepted)))
        assert caught.value.code == "risk"
        assert "own-lock-out" in caught.value.sentence()
    assert services.changes.gate.apply(change, Consent(frozenset({"own-lock-out"}))).applied
    assert services.changes.journal.entries()[0].accepted == ("own-lock-out",)


def test_nothing_to_change_is_not_written(hub: HubRunner, services: Services) -> None:
    document = services.changes.reader.read(target(hub))
    assert document is not None
    change = change_of("network.rules", "network rules", target(hub), document, copied(document))
    with pytest.raises(ConsoleError, match="nothing to change"):
        services.changes.gate.apply(change, Consent())


def test_a_hub_read_without_an_etag_is_never_written(hub: HubRunner, services: Services) -> None:
    change = add_rule(services, hub)
    assert change.before is not None
    blind = replace(change, before=replace(change.before, etag=""))
    with pytest.raises(ConsoleError):
        services.changes.gate.apply(blind, Consent())
    assert rules(hub) == ["jump-box"]

"""Shared access policies against the local hub: read when asked for, changed without touching any other key."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from support.console import by_connection_string, profile_of
from support.hub import HubRunner
from support.policies import (  # noqa: F401
    hub,
    keys,
    listed,
    make,
    others,
    policies,
    risks,
    runner,
    services,
)
from support.writes import writable

from console.cli.compose import services_for
from console.cli.main import write_ports
from console.model.change import Change, Consent
from console.model.errors import ConsoleError, ErrorKind
from console.model.policy import AuthScope, Right, Slot, Stage
from console.present.change import change_lines
from console.present.lines import plain
from console.rules.keys import new_key
from console.services.bundle import Services
from console.services.policies import PoliciesService

# --- reading -----------------------------------------------------------------------------------------------------


def test_keys_are_listed_only_when_asked_for_and_the_journal_knows_it_first(hub: HubRunner, services: Services) -> None:
    overview = services.changes.policies.overview()
    assert listed(hub) == 0
    assert services.changes.journal.entries() == []
    assert overview.local_auth.hub is True
    assert overview.links.instances() == ("contoso-dps",)
    assert overview.last_read is None
    services.changes.policies.read_keys(reason="incident 7")
    assert listed(hub) == 1
    (entry,) = services.changes.journal.entries()
    assert (entry.kind, entry.state.value, entry.reason) == ("policy.keys", "read", "incident 7")
    assert services.changes.policies.overview().last_read == entry.time


def test_without_a_journal_no_key_is_read(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(exist_ok=True)
    (tmp_path / "state" / "journal.db").mkdir()
    for read in (
        services.changes.policies.read_keys,
        lambda: services.changes.policies.connection_string("press"),
        lambda: services.changes.policies.plan_delete("press"),
    ):
        with pytest.raises(ConsoleError) as caught:
            read()
        assert caught.value.code == "journal"
    assert listed(hub) == 0


def test_a_reading_tells_rights_slots_and_users_and_holds_no_key(hub: HubRunner, policies: PoliciesService) -> None:
    with hub.hub.lock:
        hub.hub.policies["press"].secondary_key = hub.hub.policies["press"].primary_key
    reading = policies.read_keys()
    owner, linked, press = reading.policies
    assert owner.built_in
    assert not press.built_in
    assert press.equal
    assert not owner.equal
    assert linked.used_by == ("contoso-dps",)
    assert press.used_by == ()
    assert linked.rights == (Right.REGISTRY_READ, Right.REGISTRY_WRITE, Right.SERVICE_CONNECT)
    for _, primary, secondary in keys(hub).values():
        assert primary not in repr(reading)
        assert secondary not in repr(reading)


def test_an_engineer_without_listkeys_is_told_the_permission(hub: HubRunner, tmp_path: Path) -> None:
    services = writable(hub, tmp_path, credential=profile_of(hub.ready, tmp_path, "reader").credential)
    with pytest.raises(ConsoleError) as caught:
        services.changes.policies.read_keys()
    assert caught.value.kind is ErrorKind.PERMISSION
    assert "Microsoft.Devices/IotHubs/listkeys/action" in caught.value.sentence()
    assert services.changes.policies.overview().local_auth.hub is True


def test_a_connection_string_profile_says_what_to_add(hub: HubRunner, tmp_path: Path) -> None:
    profile = by_connection_string(hub.ready, tmp_path, _owner_string(hub))
    services = services_for(profile, state_dir=tmp_path / "state", write_ports=write_ports, retry_budget=0.0)
    mine = services.changes.policies
    for act in (
        mine.overview,
        mine.read_keys,
        lambda: mine.plan_create("x", "RegistryRead"),
        lambda: mine.connection_string("press"),
        lambda: mine.plan_local_auth(AuthScope.HUB, False),
    ):
        with pytest.raises(ConsoleError) as caught:
            act()
        assert caught.value.kind is ErrorKind.NOT_CONFIGURED
        assert "connection string" in caught.value.sentence()
    assert services.changes.journal.entries() == []


def _owner_string(hub: HubRunner) -> str:
    key = keys(hub)["iothubowner"][1]
    return f"HostName={hub.ready['hub_host']};SharedAccessKeyName=iothubowner;SharedAccessKey={key}"


def test_a_connection_string_is_the_policys_own(hub: HubRunner, services: Services) -> None:
    for slot, index in ((Slot.PRIMARY, 1), (Slot.SECONDARY, 2)):
        text = services.changes.policies.connection_string("PRESS", slot).reveal()
        host = f"{hub.hub.name}.azure-devices.net"
        assert text == f"HostName={host};SharedAccessKeyName=press;SharedAccessKey={keys(hub)['press'][index]}"
    assert [entry.kind for entry in services.changes.journal.entries()] == ["policy.connection-string"] * 2
    with pytest.raises(ConsoleError, match="There is no policy nobody"):
        services.changes.policies.connection_string("nobody")


# --- rules before sending ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rights", "code"),
    [
        ("bad name", "RegistryRead", "usage"),
        ("good", "", "usage"),
        ("good", "RegistryRead,Everything", "usage"),
        ("PRESS", "RegistryRead", "taken"),
    ],
)
def test_what_the_service_would_refuse_is_not_sent(
    hub: HubRunner, policies: PoliciesService, name: str, rights: str, code: str
) -> None:
    with pytest.raises(ConsoleError) as caught:
        policies.plan_create(name, rights)
    assert (caught.value.kind, caught.value.code) == (ErrorKind.BAD_INPUT, code)
    assert listed(hub) == (1 if code == "taken" else 0)


# --- changes -----------------------------------------------------------------------------------------------------


def test_create_change_rotate_swap_and_delete_touch_nothing_else(hub: HubRunner, services: Services) -> None:
    policies = services.changes.policies
    before, properties = keys(hub), dict(hub.hub.resource["properties"])
    make(services, policies.plan_create("deviceManager", "RegistryWrite,RegistryRead"))
    rights, primary, secondary = keys(hub)["deviceManager"]
    assert rights == "RegistryRead, RegistryWrite"
    assert len({primary, secondary}) == 2
    make(services, policies.plan_rights("devicemanager", "ServiceConnect"))
    assert keys(hub)["deviceManager"] == ("ServiceConnect", primary, secondary)
    make(services, policies.plan_swap("deviceManager"))
    assert keys(hub)["deviceManager"] == ("ServiceConnect", secondary, primary)
    make(services, policies.plan_rotate("deviceManager"))
    _, first, second = keys(hub)["deviceManager"]
    assert first == secondary
    assert second not in {primary, secondary}
    assert others(hub, "deviceManager") == before
    make(services, policies.plan_delete("deviceManager"))
    assert keys(hub) == before
    assert hub.hub.resource["properties"] == properties


def test_a_rotation_survives_leaving_and_is_seen_by_another_console(
    hub: HubRunner, services: Services, tmp_path: Path
) -> None:
    make(services, services.changes.policies.plan_rotate("press"))
    other = writable(hub, tmp_path)
    listings = listed(hub)
    state = other.changes.policies.rotation_state("Press")
    assert (state.stage, state.next_slot) == (Stage.SECONDARY_NEW, Slot.PRIMARY)
    assert ("press", Stage.SECONDARY_NEW) in [(n, s.stage) for n, s in other.changes.policies.overview().rotations]
    assert listed(hub) == listings  # it took no key to know
    change = other.changes.policies.plan_rotate("press")
    assert change.edits[0].path[-1] == "primaryKey"
    assert risks(change) == {"clients-moved": False}
    make(other, change)
    view = other.changes.policies.read_keys().find("press")
    assert view is not None
    assert view.rotation.stage is Stage.COMPLETE
    assert view.primary_since is not None
    assert view.secondary_since is not None
    assert view.primary_since >= view.secondary_since


def test_a_key_that_was_replaced_elsewhere_is_told(hub: HubRunner, services: Services) -> None:
    make(services, services.changes.policies.plan_rotate("press"))
    with hub.hub.lock:
        hub.hub.policies["press"].secondary_key = new_key()
    view = services.changes.policies.read_keys().find("press")
    assert view is not None
    assert "elsewhere" in view.rotation.note
    assert view.secondary_since is None


def test_a_link_must_be_accepted_before_its_policy_goes(hub: HubRunner, services: Services) -> None:
    policies = services.changes.policies
    assert risks(policies.plan_delete("linked")) == {"keys-lost": False, "dps-link": True}
    assert risks(policies.plan_rotate("linked", Slot.PRIMARY)) == {"rotate-order": True, "dps-link": True}
    assert risks(policies.plan_rotate("linked")) == {"key-replaced": False, "dps-link": False}
    change = policies.plan_delete("linked")
    with pytest.raises(ConsoleError, match="--accept dps-link"):
        services.changes.gate.apply(change, Consent())
    assert "linked" in keys(hub)
    make(services, change, "dps-link")
    assert "linked" not in keys(hub)


def test_links_that_cannot_be_listed_are_unknown_and_not_none(hub: HubRunner, services: Services) -> None:
    hub.faults.add("server-error", endpoint="arm", path="provisioningServices")
    overview = services.changes.policies.overview()
    assert overview.links.links is None
    assert overview.links.problem
    assert risks(services.changes.policies.plan_delete("press"))["dps-unknown"] is True
    assert risks(services.changes.policies.plan_local_auth(AuthScope.HUB, False))["dps-unknown"] is True


def test_somebody_elses_change_in_between_is_a_conflict(hub: HubRunner, services: Services) -> None:
    change = services.changes.policies.plan_rights("press", "DeviceConnect")
    make(services, services.changes.policies.plan_create("colleague", "RegistryRead"))
    before = keys(hub)
    with pytest.raises(ConsoleError) as caught:
        services.changes.gate.apply(change, Consent())
    assert caught.value.kind is ErrorKind.CONFLICT
    assert keys(hub) == before
    make(services, services.changes.policies.plan_rights("press", "DeviceConnect"))
    assert keys(hub)["press"][0] == "DeviceConnect"


def test_read_only_refuses_and_writes_nothing(hub: HubRunner, tmp_path: Path) -> None:
    services = writable(hub, tmp_path, armed=False)
    before = keys(hub)
    for plan in (
        services.changes.policies.plan_create("x", "RegistryRead"),
        services.changes.policies.plan_swap("press"),
        services.changes.policies.plan_local_auth(AuthScope.MODULES, False),
    ):
        with pytest.raises(ConsoleError) as caught:
            services.changes.gate.apply(plan, Consent(frozenset(risks(plan))))
        assert caught.value.kind is ErrorKind.READ_ONLY
    assert keys(hub) == before


def test_undo_brings_a_rotated_key_back_while_the_console_is_open(hub: HubRunner, services: Services) -> None:
    before = keys(hub)
    make(services, services.changes.policies.plan_rotate("press"))
    assert keys(hub) != before
    change = services.changes.undo.plan()
    make(services, change, *(risk.id for risk in change.risks))
    assert keys(hub) == before
    assert services.changes.policies.rotation_state("press").stage is Stage.NONE


def test_undo_of_an_exchange_needs_no_kept_key(hub: HubRunner, services: Services, tmp_path: Path) -> None:
    before = keys(hub)
    make(services, services.changes.policies.plan_swap("press"))
    other = writable(hub, tmp_path)  # another console: its memory holds no key
    change = other.changes.undo.plan()
    assert "keys-lost" not in risks(change)
    make(other, change, *risks(change))
    assert keys(hub) == before


# --- keys stay where they belong ---------------------------------------------------------------------------------


def test_no_key_reaches_the_journal_a_log_a_plan_or_an_error(
    hub: HubRunner, services: Services, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    policies, told = services.changes.policies, []
    seen = {key for _, *pair in keys(hub).values() for key in pair}

    def act(change: Change, *accepted: str) -> None:
        make(services, change, *accepted)
        told.append("\n".join(plain(line) for line in change_lines(change, 100)) + repr(change))
        seen.update(key for _, *pair in keys(hub).values() for key in pair)

    act(policies.plan_create("deviceManager", "RegistryRead"))
    act(policies.plan_rotate("deviceManager"))
    act(policies.plan_swap("deviceManager"))
    policies.connection_string("deviceManager")
    act(policies.plan_delete("deviceManager"))
    hub.faults.add("server-error", endpoint="arm", path="IotHubs/[^/]+$", method="PUT", count=1)
    failed = services.changes.gate.apply(policies.plan_rotate("press"), Consent())
    told += [failed.message, str(failed.error), repr(failed)]
    with pytest.raises(ConsoleError) as caught:
        policies.plan_create("press", "RegistryRead")
    told.append(f"{caught.value!r} {caught.value}")
    told.append(caplog.text)
    stored = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    assert b"deviceManager" in stored  # it is what we looked at
    assert len(seen) >= 9
    for key in seen:
        assert key.encode() not in stored
        assert key not in "".join(told)


def test_a_hostile_name_of_a_provisioning_service_is_spelled_out(hub: HubRunner, services: Services) -> None:
    with hub.cloud.lock:
        hub.cloud.provisioning["contoso-dps"].resource["name"] = "dps\x1b]0;owned\x07"
    reading = services.changes.policies.read_keys()
    assert "\x1b" not in "".join(name for one in reading.policies for name in one.used_by or ())
    change = services.changes.policies.plan_delete("linked")
    assert "\x1b" not in "".join(risk.message for risk in change.risks)

"""Keys and thumbprints of one device on the local hub: who holds which is let in, and who is cut."""

from __future__ import annotations

import pytest
from support.device_changes import (  # noqa: F401
    SHA1,
    SHA256,
    blocking,
    clients,
    devices,
    hub,
    make,
    refused,
    rich,
    risks,
    services,
)
from support.devices import Clients, identity, register, settled
from support.hub import HubRunner

from console.model.change import Consent
from console.model.device_order import Act, DeviceOrder, KeyChoice, Stage
from console.services.bundle import Services
from console.services.device_changes import DeviceChanges
from console.services.device_rollover import RolloverState

# --- keys ---------------------------------------------------------------------------------------------------------


def test_rotating_one_key_cuts_only_who_holds_it(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    rich(hub)
    record = hub.hub.devices["press-1"]
    primary, secondary, before = record.primary_key, record.secondary_key, settled(identity(hub, "press-1"))
    change = devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.SECONDARY), "press-1")
    assert blocking(change) == set()
    assert "key-in-use" in risks(change)
    make(services, change)
    assert record.primary_key == primary
    assert record.secondary_key != secondary
    assert clients.by_key("press-1", primary) == ""
    assert clients.by_key("press-1", secondary) == "401003"
    assert clients.by_key("press-1", record.secondary_key) == ""
    after = settled(identity(hub, "press-1"))
    for volatile in ("authentication", "lastActivityTime", "connectionStateUpdatedTime"):
        before.pop(volatile), after.pop(volatile)
    assert after == before


def test_swapping_keeps_both_keys_and_both_keys_is_blocking(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    record = register(hub, "press-1")
    primary, secondary = record.primary_key, record.secondary_key
    make(services, devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.SWAP), "press-1"))
    assert (record.primary_key, record.secondary_key) == (secondary, primary)
    assert clients.by_key("press-1", primary) == clients.by_key("press-1", secondary) == ""

    change = devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.BOTH), "press-1")
    assert blocking(change) == {"both-keys"}
    error = refused(services.changes.gate.apply, change, Consent())
    assert error.code == "risk"
    assert record.primary_key == secondary, "nothing was changed"
    make(services, change, "both-keys")
    assert clients.by_key("press-1", primary) == clients.by_key("press-1", secondary) == "401003"
    assert clients.by_key("press-1", record.primary_key) == ""


@pytest.mark.parametrize(("auth", "word"), [("certificateAuthority", "X.509 CA"), ("selfSigned", "thumbprint")])
def test_only_devices_with_keys_have_keys_to_rotate(
    hub: HubRunner, devices: DeviceChanges, auth: str, word: str
) -> None:
    register(hub, "press-1", auth=auth, primary_thumbprint=SHA256 if auth == "selfSigned" else None)
    error = refused(devices.plan, DeviceOrder(Act.ROTATE_KEYS), "press-1")
    assert error.code == "auth-type"
    assert word in error.why


def test_no_key_stands_in_a_plan_or_in_the_journal(hub: HubRunner, services: Services, devices: DeviceChanges) -> None:
    from console.cli.changes import plan_json
    from console.present.change import change_lines
    from console.present.lines import plain

    record = register(hub, "press-1")
    old = {record.primary_key, record.secondary_key}
    change = devices.plan(DeviceOrder(Act.ROTATE_KEYS, keys=KeyChoice.BOTH), "press-1")
    outcome = make(services, change, "both-keys")
    shown = str(plan_json([change], [outcome], applied=True)) + "".join(map(plain, change_lines(change, 100)))
    stored = b"".join(file.read_bytes() for file in services.changes.journal.path.parent.iterdir() if file.is_file())
    for key in (*old, record.primary_key, record.secondary_key):
        assert key
        assert key not in shown
        assert key not in repr(change)
        assert key.encode() not in stored


# --- thumbprints --------------------------------------------------------------------------------------------------


def test_a_thumbprint_is_replaced_without_cutting_the_device(
    hub: HubRunner, services: Services, devices: DeviceChanges, clients: Clients
) -> None:
    (old, old_print), (new, new_print) = clients.certificate("press-1"), clients.certificate("press-1")
    record = register(hub, "press-1", auth="selfSigned", primary_thumbprint=old_print)
    assert clients.by_certificate("press-1", old) == ""
    assert devices.rollover("press-1").state is RolloverState.IDLE

    spelled = ":".join(new_print.lower()[i : i + 2] for i in range(0, 64, 2))
    change = devices.plan(DeviceOrder(Act.THUMBPRINT, thumbprint=spelled), "press-1")
    assert any("separators" in note for note in change.notes)
    make(services, change)
    assert (record.primary_thumbprint, record.secondary_thumbprint) == (old_print, new_print.lower())
    assert clients.by_certificate("press-1", old) == clients.by_certificate("press-1", new) == ""
    rollover = devices.rollover("press-1")
    assert (rollover.state, rollover.next) == (RolloverState.ADDED, Stage.PROMOTE)
    assert blocking(devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), "press-1")) == {"new-thumbprint-goes"}

    make(services, devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE), "press-1"))
    assert (record.primary_thumbprint, record.secondary_thumbprint) == (new_print.lower(), old_print)
    assert clients.by_certificate("press-1", old) == clients.by_certificate("press-1", new) == ""
    rollover = devices.rollover("press-1")
    assert (rollover.state, rollover.next, rollover.seen_since) == (RolloverState.PROMOTED, Stage.RETIRE, True)
    assert refused(devices.plan, DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE), "press-1").code == "nothing"

    change = devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), "press-1")
    assert blocking(change) == set(), "it has connected since"
    make(services, change)
    assert (record.primary_thumbprint, record.secondary_thumbprint) == (new_print.lower(), None)
    assert clients.by_certificate("press-1", new) == ""
    assert clients.by_certificate("press-1", old) == "401003"
    assert devices.rollover("press-1").state is RolloverState.IDLE


def test_retiring_before_the_device_moved_must_be_accepted(
    hub: HubRunner, services: Services, devices: DeviceChanges
) -> None:
    register(hub, "press-1", auth="selfSigned", primary_thumbprint=SHA256)
    make(services, devices.plan(DeviceOrder(Act.THUMBPRINT, thumbprint="ef" * 32), "press-1"))
    make(services, devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE), "press-1"))
    change = devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), "press-1")
    assert blocking(change) == {"not-moved"}


def test_a_second_thumbprint_that_nobody_here_knows_is_not_thrown_away_lightly(
    hub: HubRunner, devices: DeviceChanges
) -> None:
    register(hub, "press-1", auth="selfSigned", primary_thumbprint=SHA256, secondary_thumbprint="12" * 32)
    assert devices.rollover("press-1").state is RolloverState.UNCLEAR
    assert blocking(devices.plan(DeviceOrder(Act.THUMBPRINT, thumbprint="ef" * 32), "press-1")) == {
        "secondary-replaced"
    }
    assert blocking(devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.RETIRE), "press-1")) == {"not-moved"}


def test_replacing_the_primary_thumbprint_at_once_is_blocking_and_sha1_is_warned_about(
    hub: HubRunner, services: Services, devices: DeviceChanges
) -> None:
    register(hub, "press-1", auth="selfSigned", primary_thumbprint=SHA256)
    change = devices.plan(DeviceOrder(Act.THUMBPRINT, stage=Stage.PRIMARY, thumbprint=SHA1), "press-1")
    assert blocking(change) == {"thumbprint-primary"}
    assert "sha1" in risks(change)
    assert refused(services.changes.gate.apply, change, Consent()).code == "risk"
    same = DeviceOrder(Act.THUMBPRINT, stage=Stage.PRIMARY, thumbprint=SHA256.upper())
    assert refused(devices.plan, same, "press-1").code == "nothing"
    register(hub, "press-2", auth="selfSigned")
    first = DeviceOrder(Act.THUMBPRINT, stage=Stage.PRIMARY, thumbprint=SHA256)
    assert blocking(devices.plan(first, "press-2")) == set(), "there was none: nobody is cut"
    assert refused(devices.plan, DeviceOrder(Act.THUMBPRINT, stage=Stage.PROMOTE), "press-1").code == "no-secondary"
    register(hub, "press-3")
    assert refused(devices.plan, first, "press-3").code == "auth-type"

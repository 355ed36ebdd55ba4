"""What the console needs, by feature: with exactly that it works on the local hub, and without each it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.access import granted, services_as
from support.hub import HubRunner

from console.localhub import rbac as hub_side
from console.localhub.cloud_factory import add_principal, give
from console.localhub.rbac import role_definition
from console.localhub.state import DeviceRecord, new_key
from console.model.change import Consent
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import IpRule
from console.model.network import NetworkEdit
from console.model.role import Permissions, RoleDefinition
from console.rules.rbac_templates import FEATURES, TEMPLATES
from console.services.access_help import advice
from console.services.bundle import Services

H = "Microsoft.Devices/IotHubs"
READS = {one.id: one for one in FEATURES if not one.writes}


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=0, throttle=False) as runner:
        runner.hub.devices["d"] = DeviceRecord("d", "1", primary_key=new_key(), secondary_key=new_key())
        yield runner


def uses(services: Services) -> dict[str, Callable[[], object]]:
    """What each feature that reads asks for, by the service that the pane uses."""
    session, now = services.session, services.clock()

    def network() -> None:
        services.changes.network.read()
        services.changes.network_reader.connections()  # type: ignore[union-attr]
        services.changes.network_reader.private_endpoints()  # type: ignore[union-attr]
        services.changes.network_reader.provisioning_services()  # type: ignore[union-attr]

    def provisioning() -> None:
        instance = services.dps.instances()[0]
        reading = services.dps.read(instance)
        if reading.partial:
            raise ConsoleError(ErrorKind.PERMISSION, "x", reading.partial)
        services.dps._reader.authorities(instance)
        services.dps._reader.registration(instance, "nobody")

    def access() -> None:
        facts = services.access.facts()
        if facts.denials_error is not None:
            raise facts.denials_error

    def logs() -> None:
        session.hub_reader.diagnostic_settings()
        session.hub_reader.workspace_id(next(iter(workspaces())))
        session.logs().query("print x = 1", now - timedelta(hours=1), now)

    def workspaces() -> list[str]:
        return [one.workspace_arm_id for one in session.hub_reader.diagnostic_settings()]

    return {
        "hub": lambda: (session.hub_reader.hub(), session.hub_reader.certificates()),
        "logs": logs,
        "metrics": lambda: session.hub_reader.metrics(
            ["connectedDeviceCount"], now - timedelta(hours=1), now, timedelta(minutes=5)
        ),
        "activity": lambda: session.hub_reader.activity(now - timedelta(hours=1)),
        "devices": lambda: (
            session.registry.query("SELECT * FROM devices"),
            session.registry.device("d"),
        ),
        "access": access,
        "network": network,
        "provisioning": provisioning,
    }


@pytest.mark.parametrize("feature", READS)
def test_a_feature_works_with_exactly_what_it_names(hub: HubRunner, tmp_path: Path, feature: str) -> None:
    uses(services_as(hub, tmp_path, granted(hub, f"exact-{feature}", READS[feature])))[feature]()


OPERATIONS = [
    (one.id, operation)
    for one in READS.values()
    for operation in (*one.actions, *one.data_actions, *(name for name, _ in one.elsewhere))
]


@pytest.mark.parametrize(("feature", "operation"), OPERATIONS, ids=[f"{f}-{o.split('/', 1)[1]}" for f, o in OPERATIONS])
def test_it_fails_without_each_of_them(hub: HubRunner, tmp_path: Path, feature: str, operation: str) -> None:
    name = f"less-{feature}-{operation}".replace("/", "-")
    services = services_as(hub, tmp_path, granted(hub, name, READS[feature], without=operation))
    try:
        uses(services)[feature]()
    except ConsoleError as error:
        assert error.kind in {ErrorKind.PERMISSION, ErrorKind.AUTHENTICATION, ErrorKind.NOT_FOUND}, error
        if error.operation:
            assert error.operation.casefold() == operation.casefold()
    except IndexError:
        assert operation.endswith("provisioningServices/read")  # a list without it is empty
    else:
        # lists of a subscription leave out what we may not read instead of refusing
        assert feature == "network" and "provisioningServices" in operation


def test_the_templates_do_what_they_are_for(hub: HubRunner, tmp_path: Path) -> None:
    """The read-only responder sees the hub and its devices and changes nothing; the network responder opens a range."""
    made: dict[str, Services] = {}
    for one in TEMPLATES[:3]:
        block: Permissions = one.permissions
        guid = f"template-{one.id}"
        hub.cloud.role_definitions[guid] = role_definition(
            guid, guid, "", custom=True, actions=block.actions, data_actions=block.data_actions
        )
        who = add_principal(hub.cloud, one.id)
        give(hub.cloud, who.object_id, guid, hub.hub.arm_id)
        made[one.id] = services_as(hub, tmp_path, who)
    reader, network = made["read-only-responder"], made["network-responder"]
    for feature in ("hub", "metrics", "activity", "devices", "access"):
        uses(reader)[feature]()
    for services, works in ((reader, False), (network, True)):
        plan = services.changes.network.plan(NetworkEdit(add=(IpRule("lyon", "10.20.0.0/16"),)))
        outcome = services.changes.gate.apply(plan, Consent(frozenset(risk.id for risk in plan.blocking)))
        assert outcome.applied is works, outcome.message


# --- which role is missing -----------------------------------------------------------------------------------------


def test_the_plain_401_of_the_data_plane_is_explained(hub: HubRunner, tmp_path: Path) -> None:
    one = add_principal(hub.cloud, "contributor-only")
    give(hub.cloud, one.object_id, hub_side.CONTRIBUTOR, hub.hub.arm_id)
    services = services_as(hub, tmp_path, one)
    with pytest.raises(ConsoleError) as caught:
        services.session.registry.query("SELECT * FROM devices")
    error = caught.value
    assert (error.operation, error.data, error.status) == (f"{H}/twins/read", True, 401)
    told = dict(advice(services.access, error))
    assert told["missing role"] == f"IoT Hub Data Reader on the hub contoso-plants; it grants {H}/twins/read"
    assert "(User Access Administrator)" in told["who gives it"]
    assert one.object_id in told["for them"]


def test_a_refused_address_is_not_called_a_missing_role(hub: HubRunner, tmp_path: Path) -> None:
    services = services_as(hub, tmp_path)
    error = ConsoleError(ErrorKind.AUTHENTICATION, "x", status=401, operation=f"{H}/twins/read", data=True)
    ((label, text),) = advice(services.access, error)
    assert label == "your roles" and "an IP rule" in text


def test_somebody_without_any_role_hears_whom_to_ask(hub: HubRunner, tmp_path: Path) -> None:
    services = services_as(hub, tmp_path, "nobody")
    with pytest.raises(ConsoleError) as caught:
        services.session.hub_reader.hub()
    error = caught.value
    assert (error.operation, error.scope) == (f"{H}/read", hub.hub.arm_id)
    assert "it needs Microsoft.Devices/IotHubs/read on the hub contoso-plants" in error.why
    told = dict(advice(services.access, error))
    assert told["missing role"].startswith("Reader on the hub contoso-plants")
    assert "who has these roles could not be read" in told["who gives it"]


def test_other_trouble_gets_no_advice(hub: HubRunner, tmp_path: Path) -> None:
    services = services_as(hub, tmp_path)
    assert advice(services.access, ConsoleError(ErrorKind.NETWORK, "x", operation=f"{H}/read")) == ()
    assert advice(services.access, ConsoleError(ErrorKind.PERMISSION, "x")) == ()
    assert isinstance(services.access.own_role(), RoleDefinition)

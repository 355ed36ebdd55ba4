"""What the console needs to change something, by feature: with exactly that it is done, without each it is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from support.access import granted, services_as
from support.authorities import authority
from support.hub import HubRunner
from support.provisioning import register

from console.localhub.cloud_factory import principal_named
from console.model.change import Change, Consent, Outcome
from console.model.device_order import Act, DeviceOrder, NewDevice
from console.model.enrollment import Attestation, EnrollmentKind, NewEnrollment
from console.model.errors import ConsoleError, ErrorKind
from console.model.granting import narrowest
from console.model.ip_rule import IpRule
from console.model.network import NetworkEdit
from console.model.operations import Plane
from console.model.role import Feature, Permissions, RoleDefinition
from console.rules.rbac_templates import FEATURES
from console.services.bundle import Services

H = "Microsoft.Devices/IotHubs"
CHANGES = {one.id: one for one in FEATURES if one.writes}
CA = authority()
NUMBERS = count(1)


@pytest.fixture(scope="module")
def hub() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=0, throttle=False) as runner:
        yield runner


def made(services: Services, change: Change) -> Outcome:
    """Make a change, or raise why it was not made."""
    outcome = services.changes.gate.apply(change, Consent(frozenset(risk.id for risk in change.risks)))
    if outcome.error is not None:
        raise outcome.error
    assert outcome.applied, outcome.message
    return outcome


def network(services: Services, hub: HubRunner, name: str) -> None:
    plans = services.changes.network
    made(services, plans.plan(NetworkEdit(add=(IpRule(name, f"10.{next(NUMBERS) % 250}.0.0/16"),))))
    with hub.hub.lock:
        hub.hub.private_endpoint_connections.append(
            {
                "name": name,
                "type": "Microsoft.Devices/IotHubs/PrivateEndpointConnections",
                "id": f"{hub.hub.arm_id}/PrivateEndpointConnections/{name}",
                "properties": {
                    "privateEndpoint": {"id": f"/subscriptions/x/privateEndpoints/{name}"},
                    "privateLinkServiceConnectionState": {
                        "status": "Pending",
                        "description": "",
                        "actionsRequired": "",
                    },
                },
            }
        )
    made(services, plans.endpoints.approve(name))
    made(services, plans.endpoints.remove(name))


def policies(services: Services, hub: HubRunner, name: str) -> None:
    made(services, services.changes.policies.plan_create(name, ("RegistryRead",)))
    made(services, services.changes.policies.plan_rotate(name))


def devices(services: Services, hub: HubRunner, name: str) -> None:
    plans = services.changes.devices
    made(services, plans.create(NewDevice(name)))
    made(services, plans.plan(DeviceOrder(Act.DISABLE, "a test"), name))
    made(services, plans.plan(DeviceOrder(Act.DELETE), name))


def certificates(services: Services, hub: HubRunner, name: str) -> None:
    uploads = services.credentials.uploads
    made(services, uploads.plan_upload(name, CA.pem))
    code = uploads.code_of(made(services, uploads.plan_code(name)))
    made(services, uploads.plan_proof(name, CA.issue(code).pem, code))
    made(services, uploads.plan_delete(name))


def enrollments(services: Services, hub: HubRunner, name: str) -> None:
    dps = services.dps
    found = dps.instances()
    if not found:
        raise ConsoleError(ErrorKind.NOT_FOUND, "there is none")
    (instance,) = found
    for kind in EnrollmentKind:
        made(services, dps.plan_create(instance, NewEnrollment(kind, name, Attestation.SYMMETRIC_KEY)))
    dps.reveal_keys(instance, EnrollmentKind.INDIVIDUAL, name)
    try:
        dps.plan_create(instance, by_ca_of_the_service(f"{name}-ca"))
    except ConsoleError as error:
        if error.kind is not ErrorKind.BAD_INPUT:  # the service was asked for its CA certificates, and has none
            raise
    register(hub, name)
    made(services, dps.plan_delete_registration(instance, name))
    for kind in EnrollmentKind:
        made(services, dps.plan_delete(instance, kind, name))


def by_ca_of_the_service(name: str) -> NewEnrollment:
    return NewEnrollment(EnrollmentKind.GROUP, name, Attestation.X509, ca_names=("plants",))


def access(services: Services, hub: HubRunner, name: str) -> None:
    plans = services.access
    block = Permissions(actions=(f"{H}/read",))
    made(services, plans.plan_role(RoleDefinition("", name, "", True, (block,))))
    somebody = principal_named(hub.cloud, "nobody").object_id
    made(services, plans.plan_assign(name, somebody, "ServicePrincipal"))
    role = plans.role(name)
    (held,) = [one for one in plans.facts().assignments if one.role == role.guid]
    made(services, plans.plan_unassign(held.name))
    made(services, plans.plan_delete_role(name))


USES: dict[str, Callable[[Services, HubRunner, str], None]] = {
    "change-network": network,
    "change-policies": policies,
    "change-devices": devices,
    "change-certificates": certificates,
    "change-enrollments": enrollments,
    "change-access": access,
}


def operations(feature: Feature) -> tuple[str, ...]:
    return (*feature.actions, *feature.data_actions, *(name for name, _ in feature.elsewhere))


def test_every_feature_that_changes_something_is_tried() -> None:
    assert USES.keys() == CHANGES.keys()


@pytest.mark.parametrize("feature", CHANGES)
def test_it_is_done_with_exactly_what_the_feature_names(hub: HubRunner, tmp_path: Path, feature: str) -> None:
    one = granted(hub, f"exact-{feature}", CHANGES[feature])
    USES[feature](services_as(hub, tmp_path, one), hub, f"exact-{feature}")


SPARED = {
    ("change-devices", f"{H}/twins/read"),  # then the plan says that it could not count what a deletion takes along
    ("change-certificates", f"{H}/read"),  # for a profile that names the hub alone, which has to be found
    ("change-access", "Microsoft.Authorization/denyAssignments/read"),  # then it is said that they are not known
}
"""What things go without, told less."""

LESS = [(one.id, operation) for one in CHANGES.values() for operation in operations(one)]
IDS = [f"{feature}-{operation.split('/', 1)[1]}" for feature, operation in LESS]


@pytest.mark.parametrize(("feature", "operation"), LESS, ids=IDS)
def test_it_is_refused_without_one_of_them_and_that_one_is_named(
    hub: HubRunner, tmp_path: Path, feature: str, operation: str
) -> None:
    one = granted(hub, f"less-{feature}-{operation}".replace("/", "-"), CHANGES[feature], without=operation)
    services, name = services_as(hub, tmp_path, one), f"less-{next(NUMBERS)}"
    if (feature, operation) in SPARED:
        USES[feature](services, hub, name)
        return
    with pytest.raises(ConsoleError) as caught:
        USES[feature](services, hub, name)
    error = caught.value
    assert error.kind in {ErrorKind.PERMISSION, ErrorKind.AUTHENTICATION}
    assert error.operation.casefold() == operation.casefold()
    plane = Plane.DATA if error.data else Plane.CONTROL
    assert any(f"role {name}" in error.why for name in narrowest(operation, plane)), error

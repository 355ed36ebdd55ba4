"""What giving a role risks: ways to more roles, ways to keys."""

from __future__ import annotations

import pytest
from support.fake_access import GROUP, HUB, SUBSCRIPTION, role

from console.rules.rbac_risks import of_assignment

AUTHORIZATION = "Microsoft.Authorization"
H, D = "Microsoft.Devices/IotHubs", "Microsoft.Devices/provisioningServices"


@pytest.mark.parametrize(
    "action",
    [
        "roleAssignments/write",
        "roleAssignmentScheduleRequests/write",
        "roleEligibilityScheduleRequests/write",
        "elevateAccess/Action",
        "roleDefinitions/write",
        "*",
        "*/write",
    ],
)
def test_every_way_to_more_roles_must_be_accepted(action: str) -> None:
    given = role("c", "C", custom=True, actions=[f"{AUTHORIZATION}/{action}"])
    found = {risk.id: risk for risk in of_assignment(given, HUB, HUB)}
    assert found["can-give-roles"].blocking


def test_reading_and_taking_roles_is_not_giving_them() -> None:
    actions = [f"{AUTHORIZATION}/*/read", f"{AUTHORIZATION}/roleAssignments/delete"]
    found = {risk.id for risk in of_assignment(role("c", "C", custom=True, actions=actions), HUB, HUB)}
    assert "can-give-roles" not in found
    # what is excepted is not granted: Contributor
    contributor = role(
        "c", "C", actions=["*"], not_actions=[f"{AUTHORIZATION}/*/Write", f"{AUTHORIZATION}/elevateAccess/*"]
    )
    assert "can-give-roles" not in {risk.id for risk in of_assignment(contributor, HUB, HUB)}


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (f"{H}/listkeys/action", "list the hub's keys"),
        (f"{H}/iotHubKeys/listkeys/action", "list the hub's keys"),
        (f"{H}/exportDevices/Action", "export every device"),
        (f"{D}/listkeys/action", "the provisioning service's keys"),
        (f"{D}/keys/*", "the provisioning service's keys"),
    ],
)
def test_every_way_to_keys_is_told_once(action: str, words: str) -> None:
    found = [
        one for one in of_assignment(role("c", "C", custom=True, actions=[action]), HUB, HUB) if one.id == "listkeys"
    ]
    assert len(found) == 1 and words in found[0].message


def test_only_what_holds_more_than_one_resource_is_wide() -> None:
    reader = role("r", "Reader", actions=["*/read"])

    def wide(scope: str) -> bool:
        return "wide-scope" in {risk.id for risk in of_assignment(reader, scope, HUB)}

    assert not wide(HUB) and not wide(f"{HUB}/certificates/c")
    assert not wide(f"{GROUP}/providers/Microsoft.Devices/provisioningServices/dps")
    above = ("/", SUBSCRIPTION, GROUP, "/providers/Microsoft.Management/managementGroups/corp")
    assert all(wide(scope) for scope in (*above, f"{SUBSCRIPTION}/resourceGroups/other"))

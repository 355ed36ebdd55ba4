"""Which profile another hub is opened with: the user's own one for it counts, with its protection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.cli.other_hub import profile_for
from console.config import Credential, Endpoints, Profile, save_profile
from console.model.hubs import HubEntry, Reach

PRESENT = Profile(
    name="lab",
    hub_name="contoso-lab",
    tenant_id="t",
    ca_file=__file__,
    workspace_id="w",
    protected=True,
    my_ip="10.1.2.3",
)
ENTRY = HubEntry(
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/contoso-prod",
    "contoso-prod", "contoso-prod.azure-devices.net", "westeurope", "g", "s", "S2", 1,
    "Active", Reach.OPEN, 0, 0, True, True,
)  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "profiles.toml"
    save_profile(PRESENT, path)
    return str(path)


def test_the_present_profile_leads_there_and_keeps_what_protects(file: str) -> None:
    found = profile_for(ENTRY, PRESENT, file)
    assert (found.hub_name, found.arm_id, found.hub_host) == (ENTRY.name, ENTRY.arm_id, ENTRY.host)
    assert (found.tenant_id, found.ca_file, found.protected, found.my_ip) == ("t", __file__, True, "10.1.2.3")
    assert (found.workspace_id, found.name) == ("", "")


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_profile_that_was_made_for_the_hub_counts(file: str, by: str) -> None:
    own = Profile(
        name="prod",
        hub_name="contoso-prod" if by == "name" else "another-name",
        arm_id="" if by == "name" else ENTRY.arm_id.upper(),
        readonly=True,
        credential=Credential("managed-identity"),
    )
    save_profile(own, file)
    assert profile_for(ENTRY, PRESENT, file) == own
    save_profile(replace(own, arm_id="/of/another/hub/of/this/name"), file)
    assert profile_for(ENTRY, PRESENT, file).name == ""


def test_going_home_is_the_profile_one_came_with_and_a_broken_file_is_no_reason_to_stay(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("profiles = 3")
    home = replace(ENTRY, name="Contoso-Lab", arm_id="/lab")
    assert profile_for(home, PRESENT, str(broken)) is PRESENT
    assert profile_for(ENTRY, PRESENT, str(broken)).hub_name == "contoso-prod"


def test_endpoints_of_one_hub_do_not_lead_to_another() -> None:
    moved = replace(PRESENT, endpoints=Endpoints(arm="https://arm:1", hub="https://hub:2"))
    assert profile_for(ENTRY, moved, None).endpoints == Endpoints(arm="https://arm:1")
    by_proxy = replace(moved, proxy_elsewhere="http://127.0.0.1:3128")
    found = profile_for(ENTRY, by_proxy, None)
    assert (found.endpoints, found.proxy) == (Endpoints(), "http://127.0.0.1:3128")

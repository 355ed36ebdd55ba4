"""People with roles on a local hub, and services that act as one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.console import impatient, private_file, profile_of
from support.hub import HubRunner

from console.cli.main import write_ports
from console.config import Credential, Profile
from console.localhub.cloud_factory import add_principal, give, principal_named
from console.localhub.rbac import role_definition
from console.localhub.state import Principal
from console.model.operations import Plane, planes_of
from console.model.role import Feature
from console.services.bundle import Services


def person(hub: HubRunner, name: str, *roles: tuple[str, str]) -> Principal:
    """Return a new principal with some (role GUID, scope) roles."""
    one = add_principal(hub.cloud, name)
    for role, scope in roles:
        give(hub.cloud, one.object_id, role, scope)
    return one


def custom_role(hub: HubRunner, guid: str, **lists: Any) -> str:
    """Put a custom role into the cloud without asking, and return its GUID; `lists` as `role_definition` takes them."""
    scope = f"/subscriptions/{hub.cloud.subscription_id}"
    hub.cloud.role_definitions[guid] = role_definition(guid, f"role {guid}", "", custom=True, scopes=[scope], **lists)
    return guid


def profile_as(hub: HubRunner, folder: Path, one: Principal) -> Profile:
    """Return a profile that signs in as a principal."""
    secret = private_file(folder / f"{one.name}.secret", one.secret)
    return profile_of(hub.ready, folder, credential=Credential("client-secret", f"file:{secret}", one.client_id))


def services_as(hub: HubRunner, folder: Path, one: Principal | str = "operator", *, armed: bool = True) -> Services:
    """Return services as a principal, with ways to write and a journal of their own."""
    principal = principal_named(hub.cloud, one) if isinstance(one, str) else one
    state = folder / f"state-{principal.name}"
    made = impatient(profile_as(hub, folder, principal), state_dir=state, write_ports=write_ports)
    if armed:
        made.session.arm()
    return made


def granted(hub: HubRunner, name: str, feature: Feature, without: str = "") -> Principal:
    """Give a new principal exactly what a feature needs, where it needs it; return it."""
    one = add_principal(hub.cloud, name)
    places = {
        "": hub.hub.arm_id,
        "workspace": next(iter(hub.cloud.workspaces.values())).arm_id,
        "dps": next(iter(hub.cloud.provisioning.values())).arm_id,
        "group": f"/subscriptions/{hub.cloud.subscription_id}/resourceGroups/{hub.cloud.resource_group}",
        "subscription": f"/subscriptions/{hub.cloud.subscription_id}",
    }
    needs = [(name, "") for name in (*feature.actions, *feature.data_actions)] + list(feature.elsewhere)
    for number, (operation, where) in enumerate(needs):
        if operation == without:
            continue
        data = Plane.DATA in planes_of(operation) and operation not in feature.actions
        guid = f"{name}-{number}"
        lists = {"data_actions" if data else "actions": [operation]}
        hub.cloud.role_definitions[guid] = role_definition(guid, guid, "", custom=True, **lists)
        give(hub.cloud, one.object_id, guid, places[where])
    return one

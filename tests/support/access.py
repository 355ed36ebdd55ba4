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

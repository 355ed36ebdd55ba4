"""Profiles and services on a running local hub, for tests of gateways and services."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from console.cli.compose import services_for
from console.config import Credential, Endpoints, Profile
from console.services.bundle import Services


def profile_of(ready: dict[str, Any], folder: Path, principal: str = "operator", **changes: Any) -> Profile:
    """Return a profile of one of the hub's principals; its secret goes into a private file of `folder`."""
    who = ready["principals"][principal]
    secret = private_file(folder / f"{principal}.secret", who["client_secret"])
    profile = Profile(
        name="test",
        hub_name=ready["hub_name"],
        arm_id=ready["hub_arm_id"],
        hub_host=f"{ready['hub_name']}.azure-devices.net",
        workspace_id=ready["workspace_id"],
        tenant_id=ready["tenant_id"],
        ca_file=ready["ca_file"],
        endpoints=Endpoints(
            arm=ready["arm_endpoint"],
            logs=ready["logs_endpoint"],
            authority=ready["authority"],
            hub=f"https://{ready['hub_host']}",
            dps=f"https://{ready['dps_host']}" if ready.get("dps_host") else "",
        ),
        credential=Credential("client-secret", f"file:{secret}", who["client_id"]),
    )
    return replace(profile, **changes)


def by_connection_string(ready: dict[str, Any], folder: Path, text: str | None = None) -> Profile:
    """Return a profile that has the hub's connection string (or another one) and nothing else."""
    secret = private_file(folder / "hub.secret", text or ready["hub_connection_string"])
    return Profile(name="key", ca_file=ready["ca_file"], credential=Credential("connection-string", f"file:{secret}"))


def private_file(file: Path, text: str) -> Path:
    """Write a file that only its owner can read."""
    file.write_text(text)
    file.chmod(0o600)
    return file


def impatient(profile: Profile, **options: Any) -> Services:
    """Return services that do not repeat a failed reading."""
    return services_for(profile, retry_budget=0.0, **options)

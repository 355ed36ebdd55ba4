"""What the local hub tells whoever started it: the ready file (0600, with secrets), the line (none), a profile."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_SECRET = ("hub_connection_string", "client_secret", "dps_connection_string", "faults_token", "principals")


@dataclass(frozen=True)
class ReadyInfo:
    """Addresses, names and credentials of a running local hub; None for a part that does not exist.

    `principals` has client_id, client_secret and object_id by name (operator, reader, nobody); `client_id` and
    `client_secret` are the operator's. Every HTTPS endpoint is `https://localhost:PORT`.
    """

    hub_host: str
    hub_connection_string: str = field(repr=False)
    arm_endpoint: str
    logs_endpoint: str
    workspace_id: str | None
    authority: str
    tenant_id: str
    client_id: str
    client_secret: str = field(repr=False)
    proxy: str
    ca_file: str
    subscription_id: str
    resource_group: str
    hub_name: str
    hub_arm_id: str
    profile: str
    faults_endpoint: str
    faults_token: str = field(repr=False)
    principals: dict[str, dict[str, str]] = field(repr=False)
    story_start: str
    story_now: str
    pid: int = field(default_factory=os.getpid)
    dps_host: str | None = None
    id_scope: str | None = None
    dps_connection_string: str | None = field(default=None, repr=False)
    mqtt_host: str | None = None
    mqtt_port: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything, secrets too: for the ready file."""
        return asdict(self)

    def line(self) -> str:
        """Return one line of JSON with null in place of every secret."""
        return json.dumps({key: None if key in _SECRET else value for key, value in self.to_json().items()})


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read (0600), in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_own(path: Path, info: ReadyInfo) -> None:
    """Remove a ready file, unless another hub has written its own there since."""
    try:
        owner = json.loads(path.read_text(encoding="utf-8"))["faults_token"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if owner == info.faults_token:
        path.unlink(missing_ok=True)


def profile_text(info: ReadyInfo, secret_file: Path) -> str:
    """Return the TOML of a profile that opens the console on this local hub as the operator."""
    hub = {
        "hub_name": info.hub_name,
        "arm_id": info.hub_arm_id,
        "hub_host": f"{info.hub_name}.azure-devices.net",
        "workspace_id": info.workspace_id or "",
        "tenant_id": info.tenant_id,
        "ca_file": info.ca_file,
        "proxy_elsewhere": info.proxy,  # to the other hubs of this cloud, by Azure's names
        "my_ip": "127.0.0.1",  # the console is on this machine, and comes to the hub from there
    }
    endpoints = {
        "arm": info.arm_endpoint,
        "logs": info.logs_endpoint,
        "authority": info.authority,
        "hub": f"https://{info.hub_host}",
        "dps": f"https://{info.dps_host}" if info.dps_host else "",
    }
    credential = {"kind": "client-secret", "client_id": info.client_id, "secret_from": f"file:{secret_file}"}
    parts = [("profiles.demo", hub), ("profiles.demo.endpoints", endpoints), ("profiles.demo.credential", credential)]
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items() if value)
        for name, table in parts
    )

"""Unmodified azure-iot-device clients and the real `hubwarden` command on one local hub.

A client gets the hub's real host name; all that is added are the way (a proxy) and the trust root.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import azure.iot.device as sync_api
import azure.iot.device.aio as aio_api
import pytest
from azure.iot.device import X509, ProxyOptions
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from support.authorities import Holder
from support.hub import HubRunner, request

from console.cli.main import run
from console.localhub.state import DeviceRecord, HubState, ProvisioningState

APIS: dict[str, Any] = {"sync": sync_api, "asyncio": aio_api}
PROVISIONING_HOST = "global.azure-devices-provisioning.net"
Maker = Callable[[Any], Any]
"""Makes a client of one of the two APIs."""


@dataclass
class Site:
    """A local hub, a folder for files, and the profile that the command uses."""

    hub: HubRunner
    folder: Path

    @property
    def state(self) -> HubState:
        return self.hub.hub

    @property
    def host(self) -> str:
        return self.state.host

    @property
    def reach(self) -> dict[str, Any]:
        """What an application adds to its client to reach a local hub."""
        port = int(self.hub.ready["proxy"].rpartition(":")[2])
        ca_file = Path(self.hub.ready["ca_file"])
        return {
            "proxy_options": ProxyOptions("HTTP", "127.0.0.1", port),
            "server_verification_cert": ca_file.read_text(),
        }

    # --- the command --------------------------------------------------------------------------------------------

    def command(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Run `hubwarden` with the hub's profile, armed; return exit code and what it printed."""
        out, err = io.StringIO(), io.StringIO()
        given = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
        with patch.object(sys, "stdin", given), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(["--profile", self.hub.ready["profile"], "--write", *arguments])
        return code, out.getvalue(), err.getvalue()

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must succeed; return what it printed."""
        code, out, err = self.command(*arguments, stdin=stdin)
        assert code == 0, f"{arguments}: {out}{err}"
        return out

    def json(self, *arguments: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.run(*arguments, "--json"))
        return document

    def change(self, *arguments: str) -> None:
        """Make a change with all that speaks against it accepted."""
        risks = self.json(*arguments)["risks"]
        accepted = [word for risk in risks if risk["blocking"] for word in ("--accept", risk["id"])]
        self.run(*arguments, *accepted, "--yes")

    # --- devices ------------------------------------------------------------------------------------------------

    def create(self, device: str, *options: str) -> DeviceRecord:
        """Create a device with the command; return the hub's record, for its keys."""
        self.change("devices", "create", device, *options)
        return self.state.devices[device]

    def by_key(self, api: Any, device: str, key: str | None, module: str = "") -> Any:
        """Return a client with a connection string."""
        kind = api.IoTHubModuleClient if module else api.IoTHubDeviceClient
        part = f"ModuleId={module};" if module else ""
        text = f"HostName={self.host};DeviceId={device};{part}SharedAccessKey={key}"
        return kind.create_from_connection_string(text, **self.reach)

    def by_certificate(self, api: Any, device: str, files: Files, module: str = "") -> Any:
        """Return a client with a certificate."""
        kind = api.IoTHubModuleClient if module else api.IoTHubDeviceClient
        who: dict[str, str] = {"device_id": device, **({"module_id": module} if module else {})}
        return kind.create_from_x509_certificate(files.for_sdk, self.host, **who, **self.reach)

    # --- provisioning -------------------------------------------------------------------------------------------

    @property
    def service(self) -> ProvisioningState:
        return next(iter(self.hub.cloud.provisioning.values()))

    def provisioned_by_key(self, api: Any, registration_id: str, key: str) -> Any:
        """Return a provisioning client with a key."""
        return api.ProvisioningDeviceClient.create_from_symmetric_key(
            PROVISIONING_HOST, registration_id, self.service.id_scope, key, **self.reach
        )

    def provisioned_by_certificate(self, api: Any, registration_id: str, files: Files) -> Any:
        """Return a provisioning client with a certificate."""
        return api.ProvisioningDeviceClient.create_from_x509_certificate(
            PROVISIONING_HOST, registration_id, self.service.id_scope, files.for_sdk, **self.reach
        )

    def trust(self, name: str, ca: Path, *, verified: bool = True) -> None:
        """Upload a CA certificate to the provisioning service, at the resource manager."""
        pem = (ca / "ca.cert.pem").read_text()
        path = f"{self.service.arm_id}/certificates/{name}?api-version=2022-12-12"
        status, _, answer = request(
            self.hub.ready["arm_endpoint"] + path,
            ca_file=self.hub.ready["ca_file"],
            method="PUT",
            token=self.hub.token(),
            body={"properties": {"certificate": pem, "isVerified": verified}},
        )
        assert status in (200, 201), answer

    # --- certificates -------------------------------------------------------------------------------------------

    def mint(self, name: str, ca: Path | None = None, *options: str) -> Files:
        """Issue a certificate with the command, below a CA's folder."""
        out = self.folder / "issued"
        where = ("--ca", str(ca or self.folder / "plant-ca"), "--out", str(out), "--no-passphrase")
        self.run("cert", "issue", name, *where, *options)
        return Files(*(out / f"{name.replace('/', '%2F')}.{part}.pem" for part in ("cert", "chain", "key")))

    def files(self, name: str, holder: Holder, *above: Holder) -> Files:
        """Write a certificate that no command would make (expired, …) with its key."""
        folder = self.folder / "odd"
        folder.mkdir(exist_ok=True)
        files = Files(*(folder / f"{name}.{part}.pem" for part in ("cert", "chain", "key")))
        files.certificate.write_bytes(holder.pem)
        files.chain.write_bytes(b"".join(one.pem for one in (holder, *above)))
        files.key.write_bytes(holder.key_bytes())
        return files

    def issuer(self, ca: Path) -> Holder:
        """Return a CA that the command made, to sign what the command would not."""
        certificate = x509.load_pem_x509_certificate((ca / "ca.cert.pem").read_bytes())
        return Holder(certificate, load_pem_private_key((ca / "ca.key.pem").read_bytes(), None))

    # --- what is told -------------------------------------------------------------------------------------------

    def records(self, device: str) -> list[dict[str, Any]]:
        """Return the log records of a device that connects or registers, oldest first; `properties` is parsed."""
        world = self.hub.server.world
        assert world is not None
        answer = world.store.query(
            'AzureDiagnostics | where Category in ("Connections", "DeviceOperations") | sort by TimeGenerated asc'
        )
        rows = [dict(zip([name for name, _ in answer.columns], row, strict=True)) for row in answer.rows]
        for row in rows:
            row["properties"] = json.loads(row["properties_s"] or "{}")
        return [row for row in rows if device in (row["properties"].get("deviceId"), row["properties"].get("id"))]


@dataclass(frozen=True)
class Files:
    """A certificate alone, with its chain, and its key."""

    certificate: Path
    chain: Path
    key: Path

    @property
    def sha256(self) -> str:
        """The certificate's thumbprint."""
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).fingerprint(SHA256()).hex().upper()

    @property
    def for_sdk(self) -> X509:
        """What the SDK takes: the chain, as it goes into the TLS handshake."""
        return X509(str(self.chain), str(self.key))


@contextlib.contextmanager
def site(folder: Path, **options: Any) -> Iterator[Site]:
    """Run an empty local hub, and give the command a state folder of its own."""
    with pytest.MonkeyPatch.context() as patched, HubRunner(scenario="empty", throttle=False, **options) as hub:
        patched.setenv("HUBWARDEN_STATE_DIR", str(folder / "state"))
        yield Site(hub, folder)


def register(make: Maker, api_name: str) -> Any:
    """Let a provisioning client register; return its result. Raises what the client raises."""
    client = make(APIS[api_name])
    if api_name == "sync":
        return client.register()

    async def ask() -> Any:
        return await client.register()

    return asyncio.run(ask())


def deliver(make: Maker, api_name: str, message: Any = "ready") -> None:
    """Connect a client, send a message, and say goodbye. Raises what the client raises."""
    talk(make, api_name, lambda client: client.send_message(message))


def talk(make: Maker, api_name: str, use: Callable[[Any], Any]) -> None:
    """Connect a client, use it (`use` may return what asyncio awaits), and shut it down whatever happens."""
    if api_name == "sync":
        client = make(sync_api)
        try:
            client.connect()
            use(client)
        finally:
            client.shutdown()
        return

    async def all_of_it() -> None:
        client = make(aio_api)
        try:
            await client.connect()
            result = use(client)
            if inspect.isawaitable(result):
                await result
        finally:
            await client.shutdown()

    asyncio.run(all_of_it())

"""Starts and stops the whole local hub: one event loop in a thread of its own, each service on a loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from console.localhub import parts
from console.localhub.control import make_controls
from console.localhub.control_app import Controls
from console.localhub.control_app import make_app as control_app
from console.localhub.door import GRACE
from console.localhub.faults import ENDPOINTS, Faults
from console.localhub.front import ConnInfo, TlsServer, UpperFactory, server_context
from console.localhub.http_server import AsgiApp, HttpEndpoint
from console.localhub.middleware import RequestLog, ServiceShell
from console.localhub.mqtt import Acceptor, MqttConnection
from console.localhub.own_folder import OwnFolder, drop_ready_file
from console.localhub.pki import LocalAuthority
from console.localhub.proxy import ConnectProxy, Hangup
from console.localhub.ready import ReadyInfo, profile_text, remove_own, write_private
from console.localhub.scenario_live import Live
from console.localhub.state import Cloud, Json, StoryClock
from console.localhub.throttle import BURST_MINUTES
from console.localhub.websocket import HttpOrWebSocket

LOOPBACK = "127.0.0.1"
SERVICES = ("hub", "arm", "logs", "token", "control", "proxy", "mqtt", "dps")  # the order of ports after --port
PROVISIONING_HOST = "global.azure-devices-provisioning.net"
MQTT_PORT = 8883  # of a real hub, behind the proxy
REAL_HOSTS = {
    "management.azure.com": "arm",
    PROVISIONING_HOST: "dps",
    "login.microsoftonline.com": "token",
    "api.loganalytics.io": "logs",
    "api.loganalytics.azure.com": "logs",
}
START_SECONDS = 120.0
STOP_SECONDS = 1.0
SAMPLE_SECONDS = 60.0


@dataclass(frozen=True)
class LocalHubOptions:
    """How to run a local hub. `port` 0 takes free ports; else the services take `port` and the next ones (SERVICES)."""

    port: int = 0
    devices: int = 2000
    seed: int = 1
    start: datetime | None = None
    state_dir: Path | None = None
    scenario: str = "incident"
    ready_file: Path | None = None
    log_ip_rejections: bool = True
    history_hours: int = 24
    hubs: int = 1  # the story's one, and others to choose from
    quiet_devices: int = 0  # further ones that only stand in the registry
    throttle: bool = True  # the service's limits on registry and query calls
    throttle_scale: float = 1.0  # so many times as fast goes the clock of the throttle
    throttle_burst: float = BURST_MINUTES  # so many minutes' worth may come at once
    token_grace: timedelta = GRACE  # how long an MQTT connection outlives its token
    real_devices: bool = True  # a handful of the scenario's devices are real MQTT clients
    load: Json | None = None  # a document as of `load_file.read_file`, loaded before anybody comes


class LocalHub:
    """A running local hub. `start()` returns when every service answers; `stop()` leaves nothing behind.

    `cloud` and `faults` may be changed by tests of the same process, under `cloud.lock` and the hubs' locks.
    """

    def __init__(self, options: LocalHubOptions | None = None) -> None:
        self.options = options or LocalHubOptions()
        self.clock = StoryClock(self.options.start)
        self.faults = Faults(self.clock)
        self.requests = RequestLog()
        self.cloud: Cloud = parts.new_cloud(self.clock, self.options)
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="hubwarden-localhub", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._tls: set[TlsServer] = set()
        self._waiting: set[asyncio.Transport] = set()  # clients of the proxy that have not said where to
        self._endpoints: dict[str, HttpEndpoint] = {}
        self._gate: Acceptor | None = None
        self._clients: set[MqttConnection] = set()
        self._pool = ThreadPoolExecutor(4, "hubwarden-mqtt")  # decisions that wait for locks
        self._ports: dict[str, int] = {}
        self._folder: OwnFolder | None = None
        self._guard = threading.Lock()  # no file is written once the end has begun
        self._stopping = False
        self._live: Live | None = None
        self.world: parts.World | None = None  # the log store and the simulated fleet, once started
        self.controls: Controls | None = None  # what the control service works on, once started
        self.info: ReadyInfo | None = None

    def start(self) -> ReadyInfo:
        """Build the world, open the ports, write the files, and return the addresses.

        Raises OSError when a port is taken or a file cannot be written.
        """
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def prepare(self) -> None:
        """Make the folder for its files; `start` does so itself where it was not done before.

        A ready file that an earlier hub left behind goes: nobody shall take it for this one's.
        """
        if self._folder is None:
            self._folder = OwnFolder(self.options.state_dir)
            if self.options.ready_file is not None:
                drop_ready_file(self.options.ready_file)

    def reset(self) -> Json:
        """Go back to what was served at the start (the control service's `reset`). Raises NotKept."""
        assert self.controls is not None, "start() comes first"
        return asyncio.run_coroutine_threadsafe(self._await_reset(self.controls), self._loop).result(START_SECONDS)

    def stop(self) -> None:
        """Close everything and remove the temporary folder and the ready file; may be called twice."""
        with self._guard:
            self._stopping = True
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(STOP_SECONDS)
        if not self._thread.is_alive() and not self._loop.is_closed():
            self._loop.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self.info is not None and self.options.ready_file is not None:
            remove_own(self.options.ready_file, self.info)
        if self._folder is not None:
            self._folder.release()
            if self.options.state_dir is None:
                shutil.rmtree(self._folder.path, ignore_errors=True)
        self.info = None

    # --- inside -------------------------------------------------------------------------------------------------

    def _start(self) -> ReadyInfo:
        self.prepare()
        world = self.world = parts.build(self.cloud, self.faults, self.options)
        token = secrets.token_urlsafe(24)
        apps = parts.applications(self.cloud, self.faults, world, self.options)
        self._gate = parts.mqtt_gate(self.cloud, world, self.faults)
        authority = LocalAuthority()
        self._context = server_context(authority.server_identity(hub.host for hub in self.cloud.hubs.values()))
        write_private(self._files / "ca.pem", authority.pem().decode())
        self._thread.start()
        self.controls = make_controls(self.cloud, world, self.faults, self.requests, self._disconnect)
        control = control_app(self.controls, token)
        asyncio.run_coroutine_threadsafe(self._open(apps, control), self._loop).result(START_SECONDS)
        port = self._ports["mqtt"] if self.options.real_devices else None
        self._live = parts.start_live(self.cloud, world, port, authority.pem().decode())
        with self._guard:
            if self._stopping:
                raise RuntimeError("it was stopped while it started")
            self.info = self._describe(token)
            self._write_files(self.info)
        return self.info

    @property
    def _files(self) -> Path:
        assert self._folder is not None, "prepare() comes first"
        return self._folder.path

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        # one main task, not run_forever: Starlette's worker threads live as long as it, else as long as one request
        self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        sampling = self._loop.create_task(self._sample())
        await self._ended.wait()
        sampling.cancel()
        await self._close()

    async def _sample(self) -> None:
        """Write the platform's metrics of the hubs on which no scenario plays, every minute."""
        assert self.world is not None, "the world is built before the loop runs"
        while True:
            with contextlib.suppress(RuntimeError):  # the pool has ended
                await self._loop.run_in_executor(self._pool, self.world.doors.sample)
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _open(self, apps: dict[str, AsgiApp], control: AsgiApp) -> None:
        for name, app in apps.items():
            shell = ServiceShell(app, name, self.clock, self.faults, self.requests)
            self._endpoints[name] = HttpEndpoint(shell)
        self._endpoints["control"] = HttpEndpoint(control)
        for offset, name in enumerate(SERVICES):
            port = self.options.port + offset if self.options.port else 0
            server = await self._loop.create_server(self._acceptor(name), LOOPBACK, port, backlog=512)
            self._servers.append(server)
            self._ports[name] = server.sockets[0].getsockname()[1]

    def _acceptor(self, name: str) -> Any:
        if name == "proxy":
            return lambda: ConnectProxy(self._resolve, self._waiting)
        return lambda: self._tls_server(name)

    def _tls_server(self, name: str, *, via_proxy: bool = False) -> asyncio.Protocol:
        if name in ENDPOINTS and self.faults.take("tls-close", name):  # not the control service
            return Hangup()
        return TlsServer(self._context, self._upper(name), self._tls, via_proxy=via_proxy)

    def _upper(self, name: str) -> UpperFactory:
        if name == "mqtt":
            return self._mqtt
        http = self._endpoints[name]
        return (lambda info: HttpOrWebSocket(info, http, self._mqtt)) if name in ("hub", "dps") else http

    def _mqtt(self, info: ConnInfo, protocol: str = "Mqtt") -> MqttConnection:
        assert self._gate is not None, "the world is built before a port is open"
        assert self.world is not None
        if (plant := self.world.plant_addresses.get(info.peer[0])) is not None:
            info = replace(info, peer=(plant, info.peer[1]))
        return MqttConnection(info, self._gate, self._pool, self._clients, protocol)

    def _resolve(self, host: str, port: int) -> asyncio.Protocol | None:
        if host in {"localhost", LOOPBACK}:
            name = next((n for n, p in self._ports.items() if p == port and n != "proxy"), None)
        else:
            with self.cloud.lock:
                name = self._service_of(host)
            if port == MQTT_PORT:
                name = "mqtt" if name == "hub" or host == PROVISIONING_HOST else None
        if name is None:
            return None
        return self._tls_server(name, via_proxy=True)

    def _service_of(self, host: str) -> str | None:
        """Return which service answers for a real host name."""
        if host in REAL_HOSTS:
            return REAL_HOSTS[host]
        if self.cloud.hub_by_host(host) is not None:
            return "hub"
        return "dps" if self.cloud.provisioning_by_host(host) is not None else None

    async def _await_reset(self, controls: Controls) -> Json:
        return await controls.reset()

    async def _disconnect(self) -> None:
        """End the connections of all MQTT clients; returns when the hub has forgotten them, or soon after."""
        clients = list(self._clients)
        for one in clients:
            one.kick()
        if tasks := [one.task for one in clients if one.task is not None]:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        mqtt = [client.task for client in self._clients if client.task is not None]
        for one in list(self._clients):
            one.abort()
        for connection in list(self._tls):
            connection.abort()
        for client in list(self._waiting):
            client.abort()
        await asyncio.sleep(0)  # connection_lost of what was aborted
        tasks = [*mqtt, *(task for endpoint in self._endpoints.values() for task in endpoint.state.tasks)]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS / 2)  # a query in a worker thread cannot be cancelled

    def _describe(self, faults_token: str) -> ReadyInfo:
        cloud = self.cloud
        hub = next(iter(cloud.hubs.values()))
        host = f"localhost:{self._ports['hub']}"
        policy = hub.policies["iothubowner"]
        by_name = {principal.name: principal for principal in cloud.principals.values()}
        operator = by_name["operator"]
        service = next(iter(cloud.provisioning.values()))
        owner = next(iter(service.policies.values()))
        return ReadyInfo(
            hub_host=host,
            hub_connection_string=(
                f"HostName={host};SharedAccessKeyName={policy.name};SharedAccessKey={policy.primary_key}"
            ),
            arm_endpoint=self._url("arm"),
            logs_endpoint=self._url("logs"),
            workspace_id=next(iter(cloud.workspaces), None),
            authority=self._url("token"),
            tenant_id=cloud.tenant_id,
            client_id=operator.client_id,
            client_secret=operator.secret,
            proxy=f"http://{LOOPBACK}:{self._ports['proxy']}",
            ca_file=str(self._files / "ca.pem"),
            subscription_id=cloud.subscription_id,
            resource_group=cloud.resource_group,
            hub_name=hub.name,
            hub_arm_id=hub.arm_id,
            profile=str(self._files / "profile.toml"),
            dps_host=f"localhost:{self._ports['dps']}",
            id_scope=service.id_scope,
            dps_connection_string=(
                f"HostName=localhost:{self._ports['dps']};SharedAccessKeyName={owner.name};SharedAccessKey={owner.primary_key}"
            ),
            mqtt_host="localhost",
            mqtt_port=self._ports["mqtt"],
            faults_endpoint=self._url("control"),
            faults_token=faults_token,
            story_start=self.clock.start.isoformat(),
            story_now=self.clock.story().isoformat(),
            principals={
                name: {"client_id": one.client_id, "client_secret": one.secret, "object_id": one.object_id}
                for name, one in by_name.items()
            },
        )

    def _url(self, name: str) -> str:
        return f"https://localhost:{self._ports[name]}"

    def _write_files(self, info: ReadyInfo) -> None:
        secret_file = self._files / "client-secret"
        write_private(secret_file, info.client_secret)
        write_private(self._files / "profile.toml", profile_text(info, secret_file))
        if self.options.ready_file is not None:
            write_private(self.options.ready_file, json.dumps(info.to_json(), indent=2) + "\n")


def serve(options: LocalHubOptions, *, parent: int | None = None) -> int:
    """Run a local hub until SIGTERM or SIGINT and return the exit code; print the ready line on stdout.

    With `parent`, the id of the process that started it, it also ends when that one is gone. Raises OSError when a
    port or file cannot be had.
    """
    # a SimpleQueue, for its put() may interrupt its own get(), as a signal handler does
    news: SimpleQueue[ReadyInfo | BaseException | None] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as after nohup
            signal.signal(number, lambda *_: news.put(None))
    hub = LocalHub(options)
    hub.prepare()

    def build() -> None:
        try:
            news.put(hub.start())
        except BaseException as error:
            news.put(error)

    # on a thread, so that a signal need not wait until a large fleet is built
    threading.Thread(target=build, name="hubwarden-build", daemon=True).start()
    try:
        while True:
            try:
                told = news.get(timeout=1.0)
            except Empty:
                if parent is not None and os.getppid() != parent:
                    break
                continue
            if told is None:
                break
            if isinstance(told, BaseException):
                raise told
            sys.stdout.write(told.line() + "\n")
            sys.stdout.flush()
            sys.stderr.write(hub.world.loaded if hub.world is not None else "")
    finally:
        hub.stop()
    if threading.active_count() > 1:
        sys.stdout.flush()
        os._exit(0)  # a query or a fleet under way in another thread must not hold up the end
    return 0

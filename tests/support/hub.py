"""Runs a local hub for tests: in a thread of this process (fast, its state at hand) or as a process of its own.

with HubRunner(devices=300) as hub:
    hub.ready["arm_endpoint"], hub.cloud, hub.faults
with HubRunner.subprocess(devices=300) as hub:
    hub.ready["profile"], hub.process
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from console.localhub.auth import issue_token
from console.localhub.faults import Faults
from console.localhub.server import LocalHub, LocalHubOptions
from console.localhub.state import Cloud, HubState

ROOT = Path(__file__).parents[2]


class HubRunner:
    """A hub in this process: `ready` as in the ready file; `cloud`, `faults` and `server` are the live objects.

    Its scenario has no real MQTT clients unless asked for: tests play the story faster than those can come.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("real_devices", False)
        self.server = LocalHub(LocalHubOptions(**options))
        self.ready: dict[str, Any] = {}

    @staticmethod
    def subprocess(*arguments: str, **options: Any) -> HubProcess:
        """Return a runner of `python -m console localhub serve` with these options (devices, seed, scenario, ...)."""
        return HubProcess(*arguments, **options)

    @property
    def cloud(self) -> Cloud:
        return self.server.cloud

    @property
    def faults(self) -> Faults:
        return self.server.faults

    @property
    def hub(self) -> HubState:
        """The first hub, contoso-plants."""
        return next(iter(self.cloud.hubs.values()))

    def token(self, principal: str = "operator", audience: str = "https://management.azure.com", lifetime: int = 3599):
        """Return a bearer token of a principal (operator, reader, nobody), made without the token service."""
        one = next(p for p in self.cloud.principals.values() if p.name == principal)
        return issue_token(self.cloud, one, audience, lifetime)

    def ssl_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ready["ca_file"])

    def __enter__(self) -> HubRunner:
        self.ready = self.server.start().to_json()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None):
        self.server.stop()


class HubProcess:
    """A hub as a process: `ready` as in the ready file, `line` as printed on stdout, `process` the Popen."""

    def __init__(self, *arguments: str, **options: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hub-process-")
        self.ready_file = Path(self._folder.name) / "ready.json"
        self._errors = Path(self._folder.name) / "stderr"  # a file: a pipe that nobody reads would fill up
        self.command = [sys.executable, "-m", "console", "localhub", "serve", "--ready-file", str(self.ready_file)]
        for name, value in options.items():
            self.command += [f"--{name.replace('_', '-')}", str(value)]
        self.command += arguments
        self.ready: dict[str, Any] = {}
        self.line: dict[str, Any] = {}
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> HubProcess:
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, env=dict(os.environ)
            )
        line = self.process.stdout.readline()  # comes after the ready file is written
        if not line:
            self.process.communicate(timeout=20)
            raise AssertionError(f"the local hub did not start:\n{self._errors.read_text()}")
        self.line = json.loads(line)
        self.ready = json.loads(self.ready_file.read_text())
        return self

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal, wait for the end, and return the exit code and what was written to stderr."""
        self.process.send_signal(number)
        self.process.communicate(timeout=20)
        return self.process.returncode, self._errors.read_text()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None):
        if self.process is not None and self.process.poll() is None:
            self.stop()
        self._folder.cleanup()


def request(
    url: str,
    *,
    ca_file: str,
    method: str = "GET",
    token: str | None = None,
    headers: dict[str, str] | None = None,
    body: Any = None,
) -> tuple[int, dict[str, str], Any]:
    """Make one plain HTTPS request; return status, headers (lower-case names) and the body, parsed when it is JSON."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    call = urllib.request.Request(url, data=data, method=method, headers=dict(headers or {}))
    if isinstance(body, dict | list):
        call.add_header("Content-Type", "application/json")
    if token:
        call.add_header("Authorization", token if " " in token else f"Bearer {token}")
    context = ssl.create_default_context(cafile=ca_file)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        answer = opener.open(call, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        raw = answer.read()
        names = {name.lower(): value for name, value in answer.headers.items()}
    is_json = names.get("content-type", "").startswith("application/json") and raw
    return answer.status, names, json.loads(raw) if is_json else raw

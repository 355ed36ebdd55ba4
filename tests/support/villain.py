"""A server that answers as no service should: HTTP or HTTPS over real sockets, one request per connection.

with Villain(lambda request: answer(302, location="https://other.example/")) as one:
    wiring(one, tmp_path).arm.get(...)
    one.heard
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography.hazmat.primitives import serialization
from support.console import private_file

from console.cli.wiring import Wiring
from console.config import Credential, Endpoints, Profile
from console.localhub.pki import LocalAuthority
from console.services.ports import CallMeter

TENANT = "11111111-2222-3333-4444-555555555555"
WORKSPACE = "99999999-2222-3333-4444-555555555555"
GROUP = f"/subscriptions/{TENANT}/resourceGroups/rg/providers/Microsoft.Devices"
HUB = f"{GROUP}/IotHubs/plants"
DPS = f"{GROUP}/provisioningServices/dps"
Reply = Callable[["Request"], "bytes | Iterable[bytes]"]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def answer(status: int = 200, body: Any = b"", **headers: str) -> bytes:
    """Return a whole answer; a body that is no bytes is written as JSON, `_` in names of headers is a hyphen."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Text", f"Content-Length: {len(raw)}", "Connection: close"]
    if not isinstance(body, bytes):
        lines.append("Content-Type: application/json")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + raw


@cache
def authority() -> tuple[str, ssl.SSLContext]:
    """Return a file of roots, and the context of a server that they vouch for (localhost)."""
    folder = Path(tempfile.mkdtemp(prefix="villain-"))
    one = LocalAuthority()
    (folder / "ca.pem").write_bytes(one.pem())
    identity = one.server_identity()
    key = identity.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(identity.certificate.public_bytes(serialization.Encoding.PEM) + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return str(folder / "ca.pem"), context


@dataclass
class Villain:
    """Listens on loopback. `reply` makes the answer; with `tokens` it is a token service as well, an honest one."""

    reply: Reply
    tls: bool = True
    tokens: bool = True
    heard: list[Request] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Villain:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None):
        self._over.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    def wait(self) -> None:
        """Wait until the villain's time is over; for answers that never end."""
        self._over.wait(120)

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            connection.settimeout(60)
            stream = authority()[1].wrap_socket(connection, server_side=True) if self.tls else connection
            with stream:
                request = _read(stream)
                found = self._token(request) if self.tokens else None
                if found is None:
                    self.heard.append(request)
                    found = self.reply(request)
                for part in [found] if isinstance(found, bytes) else found:
                    if self._over.is_set():
                        return
                    stream.sendall(part)

    def _token(self, request: Request) -> bytes | None:
        if "openid-configuration" in request.path:
            base = f"{self.url}/{TENANT}"
            body = {"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token", "issuer": base}
            return answer(200, body)
        if request.path == f"/{TENANT}/token":
            return answer(200, {"access_token": "t.t.t", "expires_in": 3600, "token_type": "Bearer"})
        return None


def _read(stream: Any) -> Request:
    raw = b""
    while b"\r\n\r\n" not in raw:
        part = stream.recv(65536)
        if not part:
            raise ValueError("closed")
        raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.casefold(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += stream.recv(65536)
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body)


def profile_at(url: str, folder: Path, **changes: Any) -> Profile:
    """Return a profile whose every service is at one URL, signed in with a client secret."""
    secret = private_file(folder / "client.secret", "the-client-secret")
    values: dict[str, Any] = {
        "name": "test",
        "hub_name": "plants",
        "arm_id": HUB,
        "hub_host": "plants.azure-devices.net",
        "workspace_id": WORKSPACE,
        "tenant_id": TENANT,
        "ca_file": authority()[0],
        "endpoints": Endpoints(arm=url, logs=url, authority=url, hub=url, dps=url),
        "credential": Credential("client-secret", f"file:{secret}", "an-application"),
    }
    return Profile(**{**values, **changes})


def wiring(profile: Profile, budget: float = 0.0) -> Wiring:
    """Return the gateways of a profile, without repeats where the budget is none."""
    return Wiring(profile, CallMeter(), None, budget)

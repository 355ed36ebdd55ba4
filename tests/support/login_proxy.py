"""A CONNECT proxy that wants a user name and a password, over real sockets; it leads every name to loopback.

with LoginProxy("me", "pass") as proxy:
    proxy.url, proxy.through
"""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import threading
from dataclasses import dataclass, field
from types import TracebackType


@dataclass
class LoginProxy:
    """`through` are the hosts that were led to, `logins` what was given, `refused` how many were turned away."""

    user: str
    password: str
    through: list[str] = field(default_factory=list)
    logins: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    refused: int = 0

    def __enter__(self) -> LoginProxy:
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(1)
                if not part:
                    return
                head += part
            first, *lines = head.decode("latin-1").split("\r\n")
            self.asked.append(first)
            headers = {name.casefold(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            given = headers.get("proxy-authorization", "")
            self.logins.add(given)
            wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            if given != f"Basic {wanted}" or not first.startswith("CONNECT "):
                self.refused += 1
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            place = first.split(" ")[1]
            self.through.append(place)
            with socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(client, server)


def _relay(one: socket.socket, other: socket.socket) -> None:
    while True:
        for ready in select.select([one, other], [], [])[0]:
            part = ready.recv(65536)
            if not part:
                return
            (other if ready is one else one).sendall(part)

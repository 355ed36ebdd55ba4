"""The CONNECT proxy: real host names on any port, the client's own address, nothing beyond."""

from __future__ import annotations

import json
import socket
import ssl
from urllib.parse import urlsplit

import pytest
import requests
from support.hub import HubRunner


@pytest.fixture(scope="module")
def hub():
    """A hub whose data plane answers with who asked: the application is what is not under test here."""
    from console.localhub import parts
    from console.localhub.http_server import connection_of

    async def echo(scope, receive, send):
        info = connection_of(scope)
        seen = {"client": scope["client"][0], "proxy": info.via_proxy, "name": info.server_name}
        body = json.dumps(seen).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    runner = HubRunner(devices=1, scenario="empty")
    real = parts.applications
    parts.applications = lambda *args: {**real(*args), "hub": echo}
    try:
        with runner:
            yield runner
    finally:
        parts.applications = real


def session(hub, source=None, proxy=True):
    from requests.adapters import HTTPAdapter

    class FromAddress(HTTPAdapter):
        def init_poolmanager(self, *args, **kwargs):
            super().init_poolmanager(*args, source_address=(source, 0), **kwargs)

        def proxy_manager_for(self, proxy, **kwargs):
            return super().proxy_manager_for(proxy, source_address=(source, 0), **kwargs)

    made = requests.Session()
    made.trust_env = False
    made.verify = hub.ready["ca_file"]
    if source:
        made.mount("https://", FromAddress())
    if proxy:
        made.proxies = {"https": hub.ready["proxy"]}
    return made


def test_the_callers_address_is_kept_directly_and_through_the_proxy(hub):
    headers = {"X-Forwarded-For": "8.8.8.8", "Forwarded": "for=8.8.8.8"}
    direct = session(hub, "127.0.9.9", proxy=False).get(f"https://{hub.ready['hub_host']}/x", headers=headers).json()
    assert direct == {"client": "127.0.9.9", "proxy": False, "name": "localhost"}
    name = "contoso-plants.azure-devices.net"
    through = session(hub, "127.0.9.9").get(f"https://{name}/x", headers=headers).json()
    assert through == {"client": "127.0.9.9", "proxy": True, "name": name}


@pytest.mark.parametrize("port", [443, 8443])
def test_a_real_name_answers_on_any_port(hub, port):
    assert session(hub).get(f"https://Contoso-Plants.azure-devices.net:{port}/x").json()["proxy"] is True


def test_local_endpoints_are_reachable_through_it_too(hub):
    assert session(hub).get(f"https://{hub.ready['hub_host']}/x").json()["proxy"] is True
    answer = session(hub).get(
        f"{hub.ready['authority']}/{hub.ready['tenant_id']}/v2.0/.well-known/openid-configuration"
    )
    assert answer.json()["token_endpoint"].startswith(hub.ready["authority"])


@pytest.mark.parametrize(
    "host", ["example.com", "other-hub.azure-devices.net", "contoso-plants.azure-devices.net.evil.example", "localhost"]
)
def test_unknown_hosts_are_refused(hub, host):
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        session(hub).get(f"https://{host}/")


def speak(hub, text: bytes) -> bytes:
    address = urlsplit(hub.ready["proxy"])
    with socket.create_connection((address.hostname, address.port), timeout=10) as sock:
        sock.sendall(text)
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n", b"405"),
        (b"CONNECT nowhere HTTP/1.1\r\n\r\n", b"400"),
        (b"CONNECT a:99999999 HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01nonsense\r\n\r\n", b"400"),
        (b"CONNECT x:1 HTTP/1.1\r\n" + b"A: b\r\n" * 3000, b"431"),
    ],
)
def test_other_requests_are_refused_in_words(hub, text, status):
    assert speak(hub, text).split()[1] == status


def test_the_handshake_may_come_in_the_same_packet(hub):
    """Clients need not wait for the 200."""
    address = urlsplit(hub.ready["proxy"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = hub.ssl_context().wrap_bio(incoming, outgoing, server_hostname="contoso-plants.azure-devices.net")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    with socket.create_connection((address.hostname, address.port), timeout=10) as sock:
        sock.sendall(b"CONNECT contoso-plants.azure-devices.net:443 HTTP/1.1\r\n\r\n" + outgoing.read())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += sock.recv(65536)
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert b" 200 " in head
        incoming.write(rest)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(sock.recv(65536))
    assert tls.version() == "TLSv1.3"


def test_it_listens_on_loopback_only(hub):
    servers = hub.server._servers
    assert {sock.getsockname()[0] for server in servers for sock in server.sockets} == {"127.0.0.1"}

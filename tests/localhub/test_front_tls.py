"""The TLS front alone, driven by Python's own ssl and by openssl over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from console.localhub.front import ConnInfo, TlsServer, server_context
from console.localhub.http_server import HttpEndpoint, connection_of
from console.localhub.pki import LocalAuthority


@dataclass
class Front:
    port: int
    ca_file: Path
    seen: list[ConnInfo] = field(default_factory=list)
    blocked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)


async def _app(scope, receive, send):
    """Answers /big with 5 MB, anything else with the hash of the body and who asked."""
    info = connection_of(scope)
    digest, length = hashlib.sha256(), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        digest.update(message["body"])
        length += len(message["body"])
        if not message["more_body"]:
            break
    if scope["path"] == "/big":
        body = b"x" * 5_000_000
    else:
        body = f"{length} {digest.hexdigest()} {scope['client'][0]} {info.server_name}".encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for start in range(0, len(body), 65536):
        await send({"type": "http.response.body", "body": body[start : start + 65536], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.fixture(scope="module")
def front(tmp_path_factory) -> Iterator[Front]:
    authority = LocalAuthority()
    context = server_context(authority.server_identity())
    ca_file = tmp_path_factory.mktemp("front") / "ca.pem"
    ca_file.write_bytes(authority.pem())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    result = Front(0, ca_file)

    async def app(scope, receive, send):
        if scope["path"] == "/block":
            result.blocked.set()
            result.go_on.wait(10)
        await _app(scope, receive, send)

    endpoint = HttpEndpoint(app)

    def upper(info: ConnInfo) -> asyncio.Protocol:
        result.seen.append(info)
        return endpoint(info)

    async def start() -> asyncio.Server:
        return await loop.create_server(lambda: TlsServer(context, upper, handshake_seconds=1.0), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    result.port = server.sockets[0].getsockname()[1]
    yield result
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def connect(front: Front, name: str = "localhost", source: str = "127.0.0.1", **options: object) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(front.ca_file))
    for key, value in options.items():
        if key == "chain":
            context.load_cert_chain(*value)
        else:
            setattr(context, key, value)
    raw = socket.create_connection(("127.0.0.1", front.port), timeout=10, source_address=(source, 0))
    return context.wrap_socket(raw, server_hostname=name)


def get(sock: ssl.SSLSocket, path: str = "/", body: bytes = b"", more: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    sock.sendall(head.encode() + body)
    return read_answer(sock)


def read_answer(sock: ssl.SSLSocket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    pieces, have = [rest], len(rest)
    while have < length:
        piece = sock.recv(65536)
        assert piece, "the answer was cut short"
        pieces.append(piece)
        have += len(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_serves_both_tls_versions_and_tells_the_application_who_asks(front, version):
    with connect(front, "management.azure.com", "127.7.7.7", maximum_version=version, minimum_version=version) as sock:
        answer = get(sock, body=b"hello")
    assert answer.split()[0] == b"5"
    assert answer.split()[2:] == [b"127.7.7.7", b"management.azure.com"]
    assert front.seen[-1].tls_version == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]
    assert front.seen[-1].client_chain == ()


def test_old_tls_is_refused(front):
    old = {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1}
    with pytest.raises(ssl.SSLError), connect(front, **old):
        pass


def test_alpn_settles_on_http_1_1(front):
    context = ssl.create_default_context(cafile=str(front.ca_file))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", front.port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as sock,
    ):
        assert sock.selected_alpn_protocol() == "http/1.1"


def test_a_name_that_is_not_in_the_certificate_is_not_trusted(front):
    with pytest.raises(ssl.SSLCertVerificationError), connect(front, "example.com"):
        pass


def test_big_bodies_both_ways_on_one_connection(front):
    body = bytes(range(256)) * 16_000
    with connect(front) as sock:
        for _ in range(2):
            assert get(sock, body=body).split()[:2] == [b"4096000", hashlib.sha256(body).hexdigest().encode()]
            assert len(get(sock, "/big")) == 5_000_000


def test_a_slow_reader_gets_everything(front):
    with connect(front) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131072)
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        with connect(front) as other:  # the first one is stuck in back pressure and must not hold up the second
            assert get(other).split()[0] == b"0"
        assert len(read_answer(sock)) == 5_000_000


def test_a_request_is_answered_though_the_client_ended_its_side(front):
    with connect(front) as sock:
        sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        raw = socket.socket(fileno=socket.dup(sock.fileno()))
        with raw:
            raw.shutdown(socket.SHUT_WR)
            assert len(read_answer(sock)) == 5_000_000


def test_pipelined_and_chunked_requests(front):
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with connect(front) as sock:
        sock.sendall(chunked * 20)
        answers = b""
        while answers.count(b" 127.0.0.1 localhost") < 20:
            piece = sock.recv(65536)
            assert piece
            answers += piece
    assert answers.count(b"3 " + hashlib.sha256(b"abc").hexdigest().encode()) == 20


def test_a_client_that_waits_for_100_continue(front):
    with connect(front) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 100")
        sock.sendall(b"ok")
        assert read_answer(sock).split()[0] == b"2"


def test_close_is_announced(front):
    with connect(front) as sock:
        get(sock, more="Connection: close\r\n")
        assert sock.recv(10) == b""  # close_notify; a bare end of the stream raises SSLEOFError


def test_a_peer_that_left_before_the_answer_is_no_error(front, caplog):
    with connect(front, maximum_version=ssl.TLSVersion.TLSv1_2) as sock:  # no unread tickets: a FIN, not a reset
        sock.sendall(b"GET /block HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert front.blocked.wait(10)  # the server's loop stands still, so it learns of the end by its own answer
    front.go_on.set()
    with connect(front) as sock:
        get(sock)
    assert caplog.records == []


def test_an_early_answer_is_not_lost_while_the_client_still_sends(front):
    with connect(front) as sock:
        sock.sendall(b"BROKEN\r\n\r\n" + b"y" * 300_000)
        with contextlib.suppress(OSError):
            sock.sendall(b"y" * 300_000)
        assert sock.recv(65536).startswith(b"HTTP/1.1 400")


def test_stalled_and_nonsense_clients_do_not_hold_up_others(front):
    stalled = socket.create_connection(("127.0.0.1", front.port), timeout=10)
    nonsense = socket.create_connection(("127.0.0.1", front.port), timeout=10)
    nonsense.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with stalled, nonsense, connect(front) as sock:
        assert get(sock).split()[0] == b"0"
        while nonsense.recv(100):  # the alert, then the end
            pass
        with contextlib.suppress(ConnectionResetError):
            assert stalled.recv(1) == b""  # the handshake time is over


def self_signed(folder: Path) -> tuple[Path, Path, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "press-17")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 7)
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now - timedelta(days=1))  # expired: the front lets it in, the hub decides
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "device.pem", folder / "device.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file, certificate.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_any_client_certificate_is_accepted_and_handed_on(front, tmp_path, version):
    cert_file, key_file, der = self_signed(tmp_path)
    options = {"maximum_version": version, "minimum_version": version, "chain": (cert_file, key_file)}
    with connect(front, **options) as sock:
        assert get(sock).split()[0] == b"0"
    assert front.seen[-1].client_chain == (der,)


def test_the_whole_chain_is_handed_on_leaf_first(front, tmp_path):
    cert_file, key_file, der = self_signed(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    issuer_file, _, issuer_der = self_signed(other)
    cert_file.write_bytes(cert_file.read_bytes() + issuer_file.read_bytes())
    with connect(front, chain=(cert_file, key_file)) as sock:
        get(sock)
    assert front.seen[-1].client_chain == (der, issuer_der)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program")
def test_openssl_verifies_the_server_strictly(front, tmp_path):
    cert_file, key_file, der = self_signed(tmp_path)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}", "-CAfile", str(front.ca_file)]
    command += ["-x509_strict", "-verify_return_error", "-verify_hostname", "contoso-plants.azure-devices.net"]
    command += ["-cert", str(cert_file), "-key", str(key_file), "-quiet", "-no_ign_eof"]
    request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    done = subprocess.run([*command, "-ign_eof"], input=request, capture_output=True, timeout=20, check=False)
    assert b"200 OK" in done.stdout, done.stderr.decode()
    assert front.seen[-1].client_chain == (der,)

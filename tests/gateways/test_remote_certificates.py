"""Certificates of hosts: of `openssl s_server` in several moods, of the local hub, by proxy; and every failure."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from support.chains import NOW, SERVER, make, needs_openssl
from support.hub import HubRunner
from support.waiting import until

from console.gateways import remote
from console.gateways.remote import RemoteGateway
from console.model.certificate import Purpose
from console.model.errors import ConsoleError, ErrorKind
from console.services.inspector import Inspector
from console.services.ports import Cancel

ROOT = make("Root", ca=True, number=1)
MIDDLE = make("Issuing", ROOT, ca=True, number=2)
HOST = make("localhost", MIDDLE, number=3, purposes=[SERVER])
OTHER = make("other.local", MIDDLE, number=5, purposes=[SERVER])
SENT = (HOST.der, MIDDLE.der, ROOT.der)


def free_port(family: socket.AddressFamily = socket.AF_INET) -> int:
    with socket.socket(family) as one:
        one.bind(("::1" if family is socket.AF_INET6 else "127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def s_server(folder: Path, *options: str, ipv6: bool = False) -> Iterator[int]:
    for file, content in (
        ("leaf.pem", HOST.pem),
        ("chain.pem", MIDDLE.pem + ROOT.pem),
        ("key.pem", HOST.key_pem),
        ("leaf2.pem", OTHER.pem),
        ("key2.pem", OTHER.key_pem),
    ):
        (folder / file).write_bytes(content)
    port = free_port(socket.AF_INET6 if ipv6 else socket.AF_INET)
    command = ["openssl", "s_server", "-accept", f"[::1]:{port}" if ipv6 else f"127.0.0.1:{port}", "-quiet"]
    command += ["-cert", "leaf.pem", "-cert_chain", "chain.pem", "-key", "key.pem", *options]
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: listens(port, ipv6), "openssl s_server")
        yield port
    finally:
        process.kill()
        process.wait()


def listens(port: int, ipv6: bool = False) -> bool:
    try:
        socket.create_connection(("::1" if ipv6 else "127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@needs_openssl
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "TLSv1.3 TLS_"),
        (("-tls1_3",), "TLSv1.3 TLS_"),
        (("-tls1_2",), "TLSv1.2 ECDHE"),
        (("-tls1_2", "-verify", "1"), "TLSv1.2"),  # asks for a certificate of ours, and takes none
        (("-tls1_3", "-Verify", "1"), "TLSv1.3"),
        (("-tls1_2", "-Verify", "1"), "the host then broke off"),  # asks for one, and insists
    ],
)
def test_the_chain_is_told_as_sent(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    with s_server(tmp_path, *options) as port:
        chain, tls = RemoteGateway().certificates("127.0.0.1", port)
    assert chain == SENT
    assert words in tls


@needs_openssl
def test_the_server_name_chooses_the_certificate(tmp_path: Path) -> None:
    options = ("-servername", "other.local", "-cert2", "leaf2.pem", "-key2", "key2.pem")
    with s_server(tmp_path, *options) as port:
        gateway = RemoteGateway()
        assert gateway.certificates("127.0.0.1", port, "other.local")[0][0] == OTHER.der
        assert gateway.certificates("127.0.0.1", port)[0][0] == HOST.der


@needs_openssl
def test_a_host_that_does_not_know_the_name_is_told_so(tmp_path: Path) -> None:
    options = ("-servername", "other.local", "-servername_fatal", "-cert2", "leaf2.pem", "-key2", "key2.pem")
    with s_server(tmp_path, *options) as port, pytest.raises(ConsoleError) as caught:
        RemoteGateway().certificates("localhost", port, "no-such.local")
    assert "unrecognized name" in caught.value.why
    assert "no-such.local" in caught.value.hint


@needs_openssl
def test_ipv6_literals_are_understood(tmp_path: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        free_port(socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with s_server(tmp_path, ipv6=True) as port:
        held = Inspector(None, None, RemoteGateway(), lambda: None).inspect(f"[::1]:{port}")
    assert tuple(one.der for one in held.certificates) == SENT


def test_each_way_to_the_chain_is_taken_public_first() -> None:
    """Python 3.13 has a public call, 3.11 and 3.12 the one beneath it; without either there is the leaf."""
    import ssl

    pem = ssl.DER_cert_to_PEM_cert(HOST.der)
    beneath = SimpleNamespace(get_unverified_chain=lambda: [SimpleNamespace(public_bytes=lambda: pem)])
    public = SimpleNamespace(get_unverified_chain=lambda: [HOST.der, MIDDLE.der], _sslobj=beneath)
    private = SimpleNamespace(_sslobj=beneath)
    neither = SimpleNamespace(_sslobj=None, getpeercert=lambda binary_form: OTHER.der if binary_form else None)
    assert remote._chain(public) == (HOST.der, MIDDLE.der)  # type: ignore[arg-type]
    assert remote._chain(private) == (HOST.der,)  # type: ignore[arg-type]
    assert remote._chain(neither) == (OTHER.der,)  # type: ignore[arg-type]


# --- the local hub -------------------------------------------------------------------------------------------------


def test_the_local_hub_shows_its_certificate(local_hub: HubRunner) -> None:
    port = int(local_hub.ready["arm_endpoint"].rpartition(":")[2])
    held = Inspector(None, None, RemoteGateway(), lambda: None).inspect(f"localhost:{port}")
    assert held.certificates[0].common_name == "localhost"
    assert held.tls.startswith("TLSv1.")


@needs_openssl
@pytest.mark.parametrize(
    ("names", "asked", "told"),
    [
        ([x509.DNSName("localhost")], "", False),
        ([x509.DNSName("other.local")], "", True),
        ([], "", True),
        ([x509.DNSName("*.plant.local")], "press.plant.local", False),
        ([x509.DNSName("*.plant.local")], "a.press.plant.local", True),
        ([x509.DNSName("*.plant.local")], "plant.local", True),
    ],
)
def test_a_certificate_for_another_name_is_told(
    tmp_path: Path, names: list[x509.GeneralName], asked: str, told: bool
) -> None:
    (tmp_path / "root.pem").write_bytes(ROOT.pem)
    server = make("localhost", MIDDLE, number=7, purposes=[SERVER], names=names)
    (tmp_path / "named.pem").write_bytes(server.pem + server.key_pem)
    with s_server(tmp_path, "-cert", "named.pem", "-key", "named.pem") as port:
        verdict = Inspector(None, None, RemoteGateway(), lambda: NOW).verify(
            f"localhost:{port}", roots=[str(tmp_path / "root.pem")], purpose=Purpose.SERVER, server_name=asked
        )
    assert verdict.trusted
    assert ["not made out to" in note for note in verdict.notes] == [True] * told


def test_hosts_are_reached_through_the_profiles_proxy(local_hub: HubRunner) -> None:
    gateway = RemoteGateway(local_hub.ready["proxy"])
    chain, tls = gateway.certificates(local_hub.hub.host, 443)
    assert chain
    assert tls.startswith("TLSv1.")
    with pytest.raises(ConsoleError) as caught:
        gateway.certificates("example.com", 443)
    assert caught.value.kind is ErrorKind.NETWORK
    assert "403" in caught.value.why


def test_the_proxy_is_told_name_and_password() -> None:
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with a_host(talk) as port, pytest.raises(ConsoleError) as caught:
        RemoteGateway(f"http://me:s%40crt@127.0.0.1:{port}").certificates("::1", 8883)
    assert heard[0].startswith(b"CONNECT [::1]:8883 HTTP/1.1\r\nHost: [::1]:8883\r\n")
    assert b"Proxy-Authorization: Basic bWU6c0BjcnQ=\r\n" in heard[0]
    assert "407" in caught.value.why
    assert "s@crt" not in caught.value.sentence()


# --- failures ------------------------------------------------------------------------------------------------------


@contextmanager
def a_host(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A host that accepts connections and does something else than TLS with them."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
    thread.join(5)


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (lambda connection: connection.close(), "closed the connection"),
        (lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20), "does not speak TLS"),
        (lambda connection: connection.sendall(b"220 mail.example ESMTP\r\n"), "does not speak TLS"),
        (lambda connection: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28"), "handshake failure"),
    ],
    ids=["closes", "http", "mail", "alert"],
)
def test_hosts_that_do_something_else_are_told_in_a_sentence(talk: Callable[..., None], words: str) -> None:
    with a_host(talk) as port, pytest.raises(ConsoleError) as caught:
        RemoteGateway().certificates("127.0.0.1", port)
    assert caught.value.kind is ErrorKind.TLS
    assert words in caught.value.why


def test_a_host_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "HANDSHAKE_SECONDS", 0.3)
    done = threading.Event()
    with a_host(lambda _connection: done.wait(10) and None) as port, pytest.raises(ConsoleError) as caught:
        try:
            RemoteGateway().certificates("127.0.0.1", port)
        finally:
            done.set()
    assert caught.value.kind is ErrorKind.TIMEOUT


def test_a_waiting_user_can_stop_it() -> None:
    cancel, done = Cancel(), threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.recv(1)  # the handshake has begun
        cancel.cancel()
        done.wait(10)

    with a_host(talk) as port, pytest.raises(ConsoleError) as caught:
        try:
            RemoteGateway().certificates("127.0.0.1", port, cancel=cancel)
        finally:
            done.set()
    assert caught.value.kind is ErrorKind.CANCELLED


def test_what_cannot_be_reached_or_asked_for_is_told() -> None:
    for host, port, name, kind in (
        ("127.0.0.1", free_port(), "", ErrorKind.NETWORK),
        ("a" * 80 + ".invalid", 443, "", ErrorKind.BAD_INPUT),
        ("no-such-host.invalid", 443, "", ErrorKind.NETWORK),
    ):
        with pytest.raises(ConsoleError) as caught:
            RemoteGateway().certificates(host, port, name)
        assert caught.value.kind is kind


@pytest.mark.parametrize("name", ["a" * 300, ".leading.dot", "nul\0", "a..b"])
def test_a_name_that_cannot_be_asked_for_is_refused_before_anything_is_opened(name: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        RemoteGateway().certificates("127.0.0.1", 1, name)
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert caught.value.sentence().isprintable()

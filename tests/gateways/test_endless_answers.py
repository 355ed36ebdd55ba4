"""Answers that never end, or are larger than any: each is given up in its own sentence, in bounded time and memory."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.readings import OWN_BODY, READINGS
from support.villain import DPS, HUB, Request, Villain, answer, authority, profile_at, wiring

from console.gateways import sockets
from console.gateways.probe import Probe
from console.model.errors import ConsoleError, ErrorKind
from console.services.paging import Pages
from console.services.ports import Cancel

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def drip(start: bytes, byte: bytes) -> Callable[[Request], Iterator[bytes]]:
    def reply(request: Request) -> Iterator[bytes]:
        yield start
        while True:
            yield byte
            threading.Event().wait(0.05)

    return reply


def endless(start: bytes, part: bytes) -> Callable[[Request], Iterator[bytes]]:
    def reply(request: Request) -> Iterator[bytes]:
        yield start
        while True:
            yield part

    return reply


def given_up(reading: str, reply: Any, folder: Path) -> ConsoleError:
    with Villain(reply, tokens=reading != "token service") as one, pytest.raises(ConsoleError) as caught:
        READINGS[reading](wiring(profile_at(one.url, folder)))
    assert caught.value.why and caught.value.hint and "\n" not in caught.value.sentence()
    return caught.value


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "EXCHANGE_SECONDS", 0.6)
    monkeypatch.setattr("console.gateways.probe.ANSWER_SECONDS", 0.6)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 20",
        b"",
    ],
    ids=["length", "chunked", "until it closes", "headers", "status line", "nothing"],
)
def test_an_answer_that_drips_ends_at_its_deadline(reading: str, start: bytes, tmp_path: Path, hurried: None) -> None:
    if reading == "probe" and b"\r\n\r\n" in start:
        return  # what it wants to know stands in the headers
    error = given_up(reading, drip(start, b"1"), tmp_path)
    assert error.kind is ErrorKind.TIMEOUT and "did not end its answer within 0.6 s" in error.why


@pytest.mark.parametrize("reading", READINGS)
def test_headers_without_end_are_told_as_such(reading: str, tmp_path: Path) -> None:
    for part in (b"X-More: 1\r\n", b"x" * 65536):
        error = given_up(reading, endless(b"HTTP/1.1 200 OK\r\nX: 1\r\n", part), tmp_path)
        assert error.kind is ErrorKind.BAD_ANSWER and "more headers than an answer has" in error.why


@pytest.mark.parametrize("reading", READINGS)
def test_answers_that_only_say_go_on_end(reading: str, tmp_path: Path, hurried: None) -> None:
    error = given_up(reading, endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), tmp_path)
    assert error.kind is ErrorKind.TIMEOUT and "did not end its answer" in error.why


@pytest.mark.parametrize("reading", [name for name in READINGS if name not in OWN_BODY])
@pytest.mark.parametrize("how", ["plain", "chunked", "gzip", "deflate", "many members"])
def test_an_answer_beyond_the_limit_is_not_read_on(
    reading: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "LARGEST_ANSWER", 1024 * 1024)
    bomb = b" " * 50_000_000
    replies = {
        "plain": answer(200, b" " * 1_100_000),
        "gzip": answer(200, gzip.compress(bomb, 1), Content_Encoding="gzip"),
        "deflate": answer(200, zlib.compress(bomb, 1), Content_Encoding="deflate"),
        "many members": answer(200, gzip.compress(b" " * 9000) * 200, Content_Encoding="GZIP"),
    }
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    reply = endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk)
    error = given_up(reading, reply if how == "chunked" else lambda _: replies[how], tmp_path)
    assert error.kind is ErrorKind.BAD_ANSWER and "more than 1 MiB, which was not read on" in error.why


@pytest.mark.parametrize(
    ("raw", "encoding", "words"),
    [
        (b"\x1f\x8bnonsense", "gzip", "cannot be unpacked"),
        (gzip.compress(b"{}" * 999, mtime=0)[:-9], "gzip", "cannot be unpacked"),
        (b"{}", "br", "packed its answer as br, which was not asked for"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "gzip, gzip", "packed its answer as gzip, gzip"),
        (b"\xff" * 20, "deflate", "cannot be unpacked"),
    ],
    ids=["nonsense", "cut off", "brotli", "twice", "no deflate"],
)
def test_packing_that_is_none_is_told(raw: bytes, encoding: str, words: str, tmp_path: Path) -> None:
    for reading in ("arm", "registry", "logs"):
        error = given_up(reading, lambda _: answer(200, raw, Content_Encoding=encoding), tmp_path)
        assert words in error.why


@pytest.mark.parametrize("packed", [zlib.compress, gzip.compress, lambda raw: zlib.compress(raw)[2:-4]])
def test_what_is_packed_as_asked_is_read(packed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    body = {"name": "plants", "text": "é" * 200_000}
    encoding = "gzip" if packed is gzip.compress else "deflate"

    def reply(request: Request) -> bytes:
        assert request.headers["accept-encoding"] == "gzip, deflate"
        return answer(200, packed(json.dumps(body).encode()), Content_Encoding=encoding)

    with Villain(reply) as one:
        assert wiring(profile_at(one.url, tmp_path)).arm.get("It failed", HUB, {}, Cancel()) == body


def test_lists_without_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.services.paging.MOST_PAGES", 7)
    asked = 0

    def reply(request: Request) -> bytes:
        nonlocal asked
        asked += 1
        following = f"{one.url}/page" + ("" if "itself" in request.path or asked > 3 else f"/{asked}")
        return answer(200, {"value": [1], "nextLink": f"{one.url}/itself" if "itself" in request.path else following})

    with Villain(reply) as one:
        arm = wiring(profile_at(one.url, tmp_path)).arm
        for path in ("/itself", "/page/0"):
            with pytest.raises(ConsoleError, match="the resource manager leads to a page that was read already"):
                list(arm.pages("The list could not be read", path, {}, Cancel()))


def test_a_list_has_a_most_of_pages_and_a_longest_time() -> None:
    pages = Pages("It failed", "the service", most=5)
    with pytest.raises(ConsoleError, match="more than 5 pages"):
        for number in range(9):
            pages.follow(str(number))
    times = iter([0.0, 100.0, 301.0])
    pages = Pages("It failed", "the service", now=lambda: next(times))
    pages.follow("a")
    with pytest.raises(ConsoleError, match="did not end its list within 300 s") as caught:
        pages.follow("b")
    assert caught.value.kind is ErrorKind.TIMEOUT


@pytest.mark.parametrize("url", ["/devices/query", "/enrollments/query"])
def test_continuations_of_queries_end_too(url: str, tmp_path: Path) -> None:
    from console.model.enrollment import ProvisioningInstance

    def reply(request: Request) -> bytes:
        if request.path.startswith(DPS):
            return answer(200, {"name": "dps", "properties": {"serviceOperationsHostName": "dps.azure.example"}})
        return answer(200, [], x_ms_continuation="again")

    with Villain(reply) as one:
        wired = wiring(profile_at(one.url, tmp_path))
        instance = ProvisioningInstance(
            arm_id=DPS, name="dps", host="dps.azure.example", device_host="global.example", id_scope="0ne1"
        )
        with pytest.raises(ConsoleError, match="read already, so its list never ends"):
            if url.startswith("/enrollments"):
                list(wired.enrollments.enrollments(instance))
            else:
                from console.cli.compose import services_for

                services_for(profile_at(one.url, tmp_path), retry_budget=0.0).fleet._group("status", str, Cancel())


BOMB = """
import sys
from console.gateways import sockets
from console.cli.wiring import Wiring
from console.config import pick_profile
from console.model.errors import ConsoleError
from console.services.ports import CallMeter, Cancel
try:
    Wiring(pick_profile(sys.argv[1]), CallMeter(), None, 0.0).arm.get("It failed", "/x", {}, Cancel())
except ConsoleError as error:
    print(error.why)
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
def test_three_gigabytes_in_three_megabytes_stay_out_of_memory(tmp_path: Path) -> None:
    from console.config import save_profile

    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    million = bytes(1_000_000)
    bomb = b"".join(packer.compress(million) for _ in range(300)) + packer.flush(zlib.Z_FULL_FLUSH)

    def reply(request: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:  # the same 300 MB again and again
            yield b"%x\r\n%b\r\n" % (len(bomb), bomb)

    with Villain(reply) as one:
        file = tmp_path / "profiles.toml"
        save_profile(profile_at(one.url, tmp_path), file)
        ran = subprocess.run([sys.executable, "-c", BOMB, str(file)], capture_output=True, text=True, timeout=120)
    why, megabytes = ran.stdout.splitlines()
    assert "more than 64 MiB, which was not read on" in why
    assert int(megabytes) < 350


def test_a_silent_resolver_does_not_hold_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    over = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: over.wait(60) and [])
    monkeypatch.setattr(sockets, "NAME_SECONDS", 0.2)
    monkeypatch.setattr("console.gateways.probe.TIMEOUT_SECONDS", 0.2)
    try:
        with pytest.raises(ConsoleError) as caught:
            wiring(profile_at("https://silent.example", tmp_path)).sign_in.whoami()
        assert caught.value.kind is ErrorKind.TIMEOUT
        with pytest.raises(ConsoleError, match=re.escape("DNS did not answer within")):
            Probe("https://silent.example").resolve()
    finally:
        over.set()


def test_localhost_is_both_loopbacks_whatever_the_resolver_knows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import socket

    def only_v6(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))]

    monkeypatch.setattr("socket.getaddrinfo", only_v6)
    with Villain(lambda _: answer(200, {"name": "plants"})) as one:
        assert wiring(profile_at(one.url, tmp_path)).arm.get("It failed", HUB, {}, Cancel()) == {"name": "plants"}
        assert Probe(one.url, ca_file=authority()[0]).connect().endswith("answers")
        assert "certificate by" in Probe(one.url, ca_file=authority()[0]).handshake()

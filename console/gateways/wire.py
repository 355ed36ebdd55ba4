"""One HTTP session for every client: no redirect, no environment, no cookie, and answers that end and fit in memory."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from console.gateways import sockets
from console.gateways.sockets import Deadline, WireError, answers_by
from console.model.address import led_to, place_of, same_place
from console.model.errors import ErrorKind
from console.model.text import clean

_CHUNK = 65536
_now = threading.local()
"""`_now.deadline` is that of the exchange which this thread is in."""


class _Timed:
    """What our connections have in common: they connect, and answer, until the deadline of the exchange."""

    host: str
    port: int
    timeout: Any
    sock: Any
    response_class: Any
    _dns_host: str

    def _new_conn(self) -> Any:
        limit = self.timeout if isinstance(self.timeout, int | float) else 5.0
        self.response_class = answers_by(_now.deadline)
        try:
            sock = sockets.connect(self._dns_host, self.port, min(limit, _now.deadline.left()))
        except OSError as error:
            raise _connecting(self, error) from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(min(limit, _now.deadline.left()))  # for TLS and the proxy
        return sock

    def getresponse(self) -> Any:
        self.response_class = answers_by(_now.deadline)
        return super().getresponse()  # type: ignore[misc]


def _connecting(connection: Any, error: OSError) -> HTTPError:
    if isinstance(error, socket.gaierror):
        return NameResolutionError(connection.host, connection, error)
    if isinstance(error, TimeoutError):
        return ConnectTimeoutError(connection, f"Connection to {connection.host} timed out")
    return NewConnectionError(connection, f"Failed to establish a new connection: {error}")


class _Plain(_Timed, HTTPConnection):
    pass


class _Secure(_Timed, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class Adapter(HTTPAdapter):
    """Sends for requests, and with it for azure-core, msal and msrest.

    Args:
        login: gives the headers that the proxy wants; asked when the proxy is first used.
        places: the services (URLs) that may be asked; empty for any. A token goes nowhere else, whoever names a place.
    """

    def __init__(self, login: Callable[[], Mapping[str, str]] | None = None, places: Iterable[str] = ()) -> None:
        self._login = login
        self._places = tuple(places)
        super().__init__(max_retries=Retry(total=False, redirect=False, raise_on_status=False))

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make the pools with connections of ours."""
        super().init_poolmanager(*arguments, **options)
        _ours(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools behind a proxy, with connections of ours."""
        manager = super().proxy_manager_for(proxy, **options)
        _ours(manager)
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Return the login at the proxy; addresses hold none."""
        del proxy
        return dict(self._login()) if self._login is not None else {}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request and return its answer, read to the end. Raises WireError beside what requests raises."""
        del stream
        url = str(request.url)
        scheme, host, port = place_of(url)
        host = f"[{host}]" if ":" in host else host
        named = host if port in {80, 443} else f"{host}:{port}"
        if self._places and not any(same_place(url, place) for place in self._places):
            hint = "Check the endpoints in the profile"
            why = f"was named as the place to ask ({scheme}), which is not the service of the profile: not asked"
            raise WireError(ErrorKind.BAD_ANSWER, clean(named, limit=200), why, hint)
        request.headers["Accept-Encoding"] = "gzip, deflate"
        _now.deadline = Deadline(clean(named, limit=200))
        response = super().send(request, True, timeout, verify, cert, proxies)
        try:
            if 300 <= response.status_code < 400 and response.status_code != 304:
                raise _redirected(named, url, response)
            response._content = _body(response, named)
            response._content_consumed = True
        except BaseException:
            response.raw.close()
            raise
        response.headers.pop("Content-Encoding", None)
        return response


def session(login: Callable[[], Mapping[str, str]] | None = None, places: Iterable[str] = ()) -> requests.Session:
    """Return a session whose every request goes through an adapter of ours; see `Adapter`."""
    made = requests.Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = Adapter(login, places)
    for scheme in ("https://", "http://"):
        made.mount(scheme, adapter)
    return made


def _ours(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


def _redirected(named: str, url: str, response: requests.Response) -> WireError:
    place = clean(led_to(url, response.headers.get("Location", "")), limit=200)
    why = f"answered with a redirect to {place}, which is not followed"
    hint = "Check the address in the profile; a proxy or sign-in portal may stand in between"
    return WireError(ErrorKind.BAD_ANSWER, named, why, hint)


def _body(response: requests.Response, named: str) -> bytes:
    encoding = (response.headers.get("Content-Encoding") or "").strip().casefold()
    if encoding in {"", "identity"}:
        return _joined(_received(response, named), named)
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        why = f"packed its answer as {clean(encoding, limit=40)}, which was not asked for"
        raise WireError(ErrorKind.BAD_ANSWER, named, why, "Check the host in the profile")
    return _joined(_unpacked(_received(response, named), encoding, named), named)


def _joined(parts: Iterator[bytes], named: str) -> bytes:
    whole = bytearray()
    for part in parts:
        whole += part
        if len(whole) > sockets.LARGEST_ANSWER:
            raise sockets.too_large(named)
    return bytes(whole)


def _received(response: requests.Response, named: str) -> Iterator[bytes]:
    """Yield what comes, as it comes. Raises what requests raises, and WireError beyond the limit."""
    total = 0
    while True:
        try:
            part = response.raw.read(_CHUNK, decode_content=False)
        except ProtocolError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from error
        except ReadTimeoutError as error:
            raise requests.exceptions.ReadTimeout(error) from error
        except HTTPError as error:
            raise requests.exceptions.ConnectionError(error) from error
        if not part:
            return
        total += len(part)
        if total > sockets.LARGEST_ANSWER:
            raise sockets.too_large(named)
        yield part


def _unpacked(parts: Iterator[bytes], encoding: str, named: str) -> Iterator[bytes]:
    """Yield the content of gzip or deflate in pieces: no piece is larger than a chunk, however well it was packed."""
    unpack: Any = None
    try:
        for part in parts:
            rest = part
            while rest:
                if unpack is None:
                    unpack = _unpacker(encoding, rest)
                piece = unpack.decompress(rest, _CHUNK)
                yield piece
                rest = unpack.unconsumed_tail
                if unpack.eof:
                    rest, unpack = (unpack.unused_data, None) if encoding != "deflate" else (b"", unpack)
                elif not piece and not rest:
                    break
        if unpack is not None:
            while piece := unpack.decompress(unpack.unconsumed_tail, _CHUNK):
                yield piece
            if not unpack.eof:
                raise zlib.error("cut short")
    except zlib.error:
        why = "packed its answer so that it cannot be unpacked"
        raise WireError(ErrorKind.BAD_ANSWER, named, why, "Try again; a proxy in between may have cut it") from None


def _unpacker(encoding: str, start: bytes) -> Any:
    if encoding != "deflate":
        return zlib.decompressobj(31)
    zlib_header = len(start) > 1 and start[0] & 0x0F == 8 and (start[0] * 256 + start[1]) % 31 == 0
    return zlib.decompressobj(15 if zlib_header else -15)

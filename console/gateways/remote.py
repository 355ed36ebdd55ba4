"""Hosts that speak TLS: the certificates that they present, as sent."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from console.gateways.proxying import ProxyLogin
from console.gateways.sockets import connect
from console.model.address import shown_address
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel

CONNECT_SECONDS = 5.0
HANDSHAKE_SECONDS = 10.0
_SLICE = 0.1
_LONGEST_ANSWER = 16384


class RemoteGateway:
    """Asks hosts for their certificates, through the profile's proxy (`http://host:port`) if any.

    Nothing is verified and nothing is sent beyond the handshake. No certificate of ours is offered.
    """

    def __init__(self, proxy: str = "", login: ProxyLogin | None = None) -> None:
        self._proxy = proxy
        self._login = login or ProxyLogin()

    def certificates(
        self, host: str, port: int, server_name: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> tuple[tuple[bytes, ...], str]:
        """Return the certificates of a host (DER, as sent) and its protocol and cipher.

        `server_name` is the name to ask for (SNI); empty means the host. A host that wants a certificate of the client
        and breaks the handshake off is told of in the second text. Raises ConsoleError: NETWORK, TIMEOUT, TLS.
        """
        cancel.check()
        place = f"[{host}]:{port}" if ":" in host else f"{clean(shown_address(host))}:{port}"
        _check_name(server_name or host, f"{place} was not asked")
        connection = self._connect(host, port, place, cancel)
        try:
            return _present(connection, server_name or host, place, cancel)
        finally:
            connection.close()

    def _connect(self, host: str, port: int, place: str, cancel: Cancel) -> socket.socket:
        what = f"{place} could not be asked"
        if not self._proxy:
            return _open(host, port, what, "Check the name, the port, and firewalls in between")
        parts = urlsplit(self._proxy)
        hint = "Check proxy in the profile"
        headers = self._login.at(self._proxy)
        connection = _open(parts.hostname or "", parts.port or 80, f"{what}: the proxy does not answer", hint)
        try:
            _tunnel(connection, host, port, headers, what)
            cancel.check()
        except BaseException:
            connection.close()
            raise
        return connection


def _check_name(name: str, what: str) -> None:
    """Raise ConsoleError BAD_INPUT for a name that TLS cannot ask for: Python would leave the connection open."""
    try:
        if 0 < len(name.encode("idna")) < 254 and "\0" not in name and not name.startswith("."):
            return
    except UnicodeError:
        pass
    why = f"“{clean(shown_address(name), limit=80)}” is not the name of a host"
    raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Check the name")


def _open(host: str, port: int, what: str, hint: str) -> socket.socket:
    try:
        return connect(host, port, CONNECT_SECONDS)
    except TimeoutError:
        why = f"no connection within {CONNECT_SECONDS:.0f} s"
        raise ConsoleError(ErrorKind.TIMEOUT, what, why, hint) from None
    except (OSError, ValueError) as error:
        why = clean(getattr(error, "strerror", None) or error, limit=160)
        raise ConsoleError(ErrorKind.NETWORK, what, why, hint) from None


def _tunnel(connection: socket.socket, host: str, port: int, headers: Mapping[str, str], what: str) -> None:
    """Ask an HTTP proxy for a way to the host. Raises ConsoleError NETWORK."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    hint = "The proxy of the profile must let this host and port through"
    end = time.monotonic() + HANDSHAKE_SECONDS
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace"))
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = connection.recv(1)  # one at a time: what follows the blank line is the host's
            if time.monotonic() > end:
                why = f"the proxy did not end its answer within {HANDSHAKE_SECONDS:.0f} s"
                raise ConsoleError(ErrorKind.TIMEOUT, what, why, hint)
            if not part or len(answer) > _LONGEST_ANSWER:
                raise ConsoleError(ErrorKind.NETWORK, what, "the proxy broke the connection off", hint)
            answer += part
    except OSError as error:
        raise ConsoleError(ErrorKind.NETWORK, what, f"the proxy failed: {clean(error, limit=120)}", hint) from None
    status = answer.partition(b"\r\n")[0].decode("latin-1")
    if status.split(" ")[1:2] == ["407"]:
        why = f"the proxy {'refuses the user name or the' if headers else 'wants a user name and'} password (407)"
        raise ConsoleError(ErrorKind.NETWORK, what, why, "Check proxy_credential in the profile")
    if status.split(" ")[1:2] != ["200"]:
        raise ConsoleError(ErrorKind.NETWORK, what, f"the proxy refused it: {clean(status, limit=120)}", hint)


def _present(connection: socket.socket, server_name: str, place: str, cancel: Cancel) -> tuple[tuple[bytes, ...], str]:
    what = f"{place} presented no certificate"
    connection.setblocking(False)
    try:
        tls = _context().wrap_socket(connection, server_hostname=server_name, do_handshake_on_connect=False)
    except (ValueError, TypeError, OSError) as error:
        why = clean(getattr(error, "strerror", None) or error, limit=120)
        raise ConsoleError(ErrorKind.TLS, what, why, "Check the port and the server name") from None
    broken = ""
    try:
        _shake_hands(tls, cancel, what)
    except OSError as error:  # what the host had presented by then is here all the same
        broken = _why(error)
    try:
        chain = _chain(tls)
        cipher = tls.cipher()
        version = tls.version() or "TLS"
    finally:
        tls.close()
    if not chain:
        hint = "Check that the port speaks TLS from the first byte (no STARTTLS)"
        if "unrecognized name" in broken:
            hint = f"It knows no “{clean(server_name, limit=80)}”: name one that it knows (--server-name)"
        raise ConsoleError(ErrorKind.TLS, what, broken or "the handshake gave none", hint)
    words = f"{version} {cipher[0]}" if cipher else version
    return chain, f"{words} (the host then broke off: {broken})" if broken else words


def _context() -> ssl.SSLContext:
    """Return a context that takes whatever a host speaks: we look at it, we do not trust it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    return context


def _shake_hands(tls: ssl.SSLSocket, cancel: Cancel, what: str) -> None:
    deadline = time.monotonic() + HANDSHAKE_SECONDS
    while True:
        cancel.check()
        if time.monotonic() > deadline:
            why = f"no TLS handshake within {HANDSHAKE_SECONDS:.0f} s"
            raise ConsoleError(ErrorKind.TIMEOUT, what, why, "Check that the port speaks TLS from the first byte")
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            select.select([tls], [], [], _SLICE)
        except ssl.SSLWantWriteError:
            select.select([], [tls], [], _SLICE)
        else:
            return


def _chain(tls: ssl.SSLSocket) -> tuple[bytes, ...]:
    """Return the chain as sent: by the public call of Python 3.13, else by the one beneath it, else the leaf alone."""
    public: Any = getattr(tls, "get_unverified_chain", None)
    try:
        if public is not None:
            return tuple(bytes(one) for one in public() or ())
        private: Any = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
        if private is not None:
            return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in private() or ())
        leaf = tls.getpeercert(binary_form=True)
    except (OSError, ValueError, AttributeError):
        return ()
    return (leaf,) if leaf else ()


def _why(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    text = str(reason).replace("_", " ").lower() if reason else clean(error.strerror or error, limit=120)
    if "wrong version number" in text or "packet length" in text or "http request" in text:
        return "the port does not speak TLS"
    if isinstance(error, ssl.SSLEOFError | ConnectionResetError | BrokenPipeError):
        return "the host closed the connection"
    return clean(text, limit=120)

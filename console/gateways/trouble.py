"""Connection trouble told apart: name, route, time-out, TLS. Works on the exceptions of every SDK in use."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

from console.gateways.answers import Target
from console.model.address import without_userinfo
from console.model.errors import UNANSWERED, ConsoleError, ErrorKind
from console.model.text import clean

_NAME_SIGNS = (
    "NameResolutionError",
    "Failed to resolve",
    "getaddrinfo failed",
    "Name or service not known",
    "nodename",
)
_TIMEOUT_SIGNS = ("timed out", "Timeout", "TimeoutError")
_LIMIT = 200


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all it wraps: causes, contexts, `inner_exception`, `reason`, exceptions in its args."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (
            one.__cause__,
            one.__context__,
            *(getattr(one, n, None) for n in ("inner_exception", "reason", "error")),
        )
        todo += [item for item in (*inner, *one.args) if isinstance(item, BaseException)]


def connection_trouble(error: BaseException, what: str, target: Target) -> ConsoleError | None:
    """Return the failure when the request never got an HTTP answer; None when this is no connection trouble."""
    links = list(chain(error))
    text = " | ".join(f"{type(one).__name__}: {one}" for one in links)
    if "UNEXPECTED_EOF" in text or "EOF occurred in violation" in text:
        return ConsoleError(
            ErrorKind.NETWORK, what, f"{target.host} closed the connection", "Try again", code=UNANSWERED
        )
    if any(isinstance(one, ssl.SSLError) for one in links) or "SSLError" in text or "CERTIFICATE_VERIFY_FAILED" in text:
        return _tls(what, target, text)
    if "ProxyError" in text or "Tunnel connection failed" in text:
        return _proxy(what, target, text)
    if any(isinstance(one, socket.gaierror) for one in links) or any(sign in text for sign in _NAME_SIGNS):
        why = f"the name {target.host} does not resolve"
        hint = "Check the network and DNS of this machine" + (
            ", and the hub's name in the profile: a hub that does not exist has no name" if target.is_hub else ""
        )
        return ConsoleError(ErrorKind.NETWORK, what, why, _with_proxy_hint(hint, target))
    if any(isinstance(one, TimeoutError) for one in links) or any(sign in text for sign in _TIMEOUT_SIGNS):
        hint = "Try again; if it stays, a firewall may drop the traffic"
        return ConsoleError(
            ErrorKind.TIMEOUT, what, f"{target.host} did not answer in time", _with_proxy_hint(hint, target)
        )
    if any(isinstance(one, ConnectionRefusedError) for one in links) or "Connection refused" in text:
        hint = "Check the address and port in the profile, and that the service runs"
        return ConsoleError(ErrorKind.NETWORK, what, f"{target.host} refused the connection", hint)
    if "Network is unreachable" in text or "No route to host" in text:
        why = f"this machine has no route to {target.host}"
        return ConsoleError(ErrorKind.NETWORK, what, why, _with_proxy_hint("Check the network and the VPN", target))
    if any(isinstance(one, ConnectionError) for one in links) or any(
        sign in text
        for sign in ("RemoteDisconnected", "Connection aborted", "ConnectionError", "ProtocolError", "IncompleteRead")
    ):
        return ConsoleError(
            ErrorKind.NETWORK, what, f"{target.host} closed the connection", "Try again", code=UNANSWERED
        )
    return None


def _tls(what: str, target: Target, text: str) -> ConsoleError:
    host = target.host
    if "Hostname mismatch" in text or "doesn't match" in text or "not valid for" in text:
        why = f"the certificate that {host} shows is made out to another name"
        hint = "Check the host in the profile; a proxy that inspects TLS can cause it too"
    elif "certificate has expired" in text or "not yet valid" in text:
        why = f"the certificate that {host} shows is not valid at this machine's time"
        hint = "Check this machine's clock first, then the certificate of the service or of a proxy that inspects TLS"
    elif "CERTIFICATE_VERIFY_FAILED" in text or "self-signed" in text or "unable to get local issuer" in text:
        root = f'the roots in "{target.ca_file}"' if target.ca_file else "the public roots that this program brings"
        why = f"the certificate that {host} shows does not lead to {root}"
        hint = (
            "If a proxy that inspects TLS stands in between, or this is a local hub, set ca_file in the profile to its "
            "root certificate (PEM)"
        )
    else:
        why = f"the TLS handshake with {host} failed ({_brief(text)})"
        hint = "Check the host and port in the profile, and whether something on the way breaks TLS"
    return ConsoleError(ErrorKind.TLS, what, why, hint)


def _proxy(what: str, target: Target, text: str) -> ConsoleError:
    proxy = f"the proxy {without_userinfo(target.proxy)}".rstrip()
    if "407" in text:
        why, hint = (
            f"{proxy} wants a user name and password",
            "Set user and secret_from in proxy_credential of the profile",
        )
        if target.proxy_login:
            why, hint = f"{proxy} refuses the user name or the password", "Check proxy_credential in the profile"
    elif "Tunnel connection failed" in text:
        why, hint = f"{proxy} does not let us through to {target.host}", "Ask for this host to be allowed on the proxy"
    else:
        why, hint = f"{proxy} could not be reached", "Check proxy in the profile"
    return ConsoleError(ErrorKind.NETWORK, what, why, hint)


def _with_proxy_hint(hint: str, target: Target) -> str:
    if not target.proxy and (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
        return hint + ". HTTPS_PROXY is set but not used here: set proxy in the profile"
    return hint


def _brief(text: str) -> str:
    start = max(text.find("SSLError"), 0)
    return clean(text[start:], limit=_LIMIT)

"""The device API of provisioning services over HTTPS: asked as a device asks, without an SDK and without a role.

Calls and bodies are those of Microsoft's device SDKs (api-version 2021-06-01): PUT …/register, GET …/operations/ID.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import ssl
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from console.config_state import home_path
from console.gateways.answers import Answer, Target
from console.gateways.enrollment_mapping import registration_from
from console.gateways.proxying import ProxyLogin
from console.gateways.shapes import answers_of
from console.gateways.sockets import Deadline, WireError, answers_by, https
from console.gateways.trouble import chain, connection_trouble
from console.model.address import is_place, led_to, shown_address, without_userinfo
from console.model.errors import ConsoleError, ErrorKind
from console.model.registration import ClientCertificate, DeviceAnswer
from console.model.secret import Secret
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel

API_VERSION = "2021-06-01"
SECONDS = 20.0
_LONGEST = 1024 * 1024
_WHAT = "The provisioning service could not be reached"
_CARD = "The device's certificate cannot be shown"


class RegistrarGateway:
    """Connects to device APIs, through the profile's proxy and trusting the profile's roots, else the public ones.

    `moved` is the profile's `endpoints.dps`, a URL: every host is asked for there.
    """

    def __init__(self, *, ca_file: str = "", proxy: str = "", moved: str = "", login: ProxyLogin | None = None) -> None:
        self._ca_file = ca_file
        self._proxy = proxy
        self._login = login or ProxyLogin()
        self._moved = moved.removeprefix("https://").rstrip("/")

    def reach(
        self, host: str, certificate: ClientCertificate | None = None, cancel: Cancel = NEVER_CANCELLED
    ) -> DeviceLink:
        """Connect to `host[:port]`, with a client certificate where one is given.

        Raises ConsoleError: BAD_INPUT (the certificate's files), NETWORK, TIMEOUT, TLS.
        """
        context = _context(self._ca_file)
        if certificate is not None:
            _load(context, certificate)
        cancel.check()
        moved = self._moved if self._moved != host else ""
        host = self._moved or host
        known = self._login.known
        target = Target(
            "the provisioning service",
            host,
            ca_file=self._ca_file,
            proxy=without_userinfo(self._proxy),
            proxy_login=known,
        )
        link = DeviceLink(host, context, target, self._proxy, self._login)
        link.connect(f"; reached at {clean(moved, limit=80)}, as the profile says" if moved else "")
        return link


@answers_of("the provisioning service")
class DeviceLink:
    """One device's way to its provisioning service; each call has a connection of its own, the first uses `connect`'s.

    A TPM may take a minute between two calls: no service keeps a connection that long.
    """

    def __init__(self, host: str, context: ssl.SSLContext, target: Target, proxy: str, login: ProxyLogin) -> None:
        parts = urlsplit(f"https://{host}")
        try:
            self._host, self._port = parts.hostname or "", parts.port or 443
        except ValueError:
            self._host, self._port = "", 0
        if not self._port or not is_place(host.removesuffix("/")):
            why = f"“{clean(shown_address(host), limit=80)}” is no host name"
            hint = "Write it like global.azure-devices-provisioning.net"
            raise ConsoleError(ErrorKind.BAD_INPUT, _WHAT, why, hint, code="usage")
        self._context = context
        self._target = target
        self._proxy = proxy
        self._login = login
        self._ready: http.client.HTTPSConnection | None = None
        self._tls = ""

    @property
    def tls(self) -> str:
        """Protocol version and cipher of the connection, and who vouches for the service."""
        return self._tls

    def connect(self, remark: str = "") -> None:
        """Open a connection for the next call; `remark` ends what is told of it. Raises ConsoleError."""
        connection = self._new()
        try:
            connection.connect()
        except (OSError, http.client.HTTPException, ValueError, WireError) as error:
            connection.close()
            raise self._trouble(_WHAT, error) from error
        self._ready = connection
        self._tls = _described(connection.sock) + remark

    def register(
        self, id_scope: str, registration_id: str, body: Mapping[str, Any], token: Secret | None, cancel: Cancel
    ) -> DeviceAnswer:
        """Ask for a registration, once; an answer that says no is returned, too. Raises ConsoleError."""
        path = f"{_path(id_scope, registration_id)}/register"
        return self._call("PUT", path, json.dumps(dict(body)).encode(), token, cancel)

    def operation(
        self, id_scope: str, registration_id: str, operation_id: str, token: Secret | None, cancel: Cancel
    ) -> DeviceAnswer:
        """Ask how a registration stands. Raises ConsoleError."""
        path = f"{_path(id_scope, registration_id)}/operations/{quote(operation_id, safe='')}"
        return self._call("GET", path, None, token, cancel)

    def close(self) -> None:
        """End the connection."""
        ready, self._ready = self._ready, None
        if ready is not None:
            ready.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _new(self) -> http.client.HTTPSConnection:
        if not self._proxy:
            return https(self._host, self._port, SECONDS, self._context)
        proxy = urlsplit(self._proxy)
        connection = https(proxy.hostname or "", proxy.port or 80, SECONDS, self._context)
        connection.set_tunnel(self._host, self._port, self._login())
        return connection

    def _call(self, method: str, path: str, body: bytes | None, token: Secret | None, cancel: Cancel) -> DeviceAnswer:
        cancel.check()
        connection, self._ready = self._ready or self._new(), None
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "hubwarden",
            "Connection": "close",
        }
        if token is not None:
            headers["Authorization"] = token.reveal()
        what = "The provisioning service did not answer"
        place = f"{self._host}:{self._port}"
        connection.response_class = answers_by(Deadline(place))
        try:
            connection.request(method, f"{path}?api-version={API_VERSION}", body, headers)
            response = connection.getresponse()
            raw = response.read(_LONGEST + 1)
        except (OSError, http.client.HTTPException, ValueError, WireError) as error:
            raise self._trouble(what, error) from error
        finally:
            connection.close()
        if 300 <= response.status < 400:
            led = led_to(f"https://{place}", response.getheader("Location") or "")
            why = f"{place} answered with a redirect to {clean(led, limit=200)}, which is not followed"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check the host", status=response.status)
        if len(raw) > _LONGEST:
            why = f"{place} sends an answer of more than {_LONGEST // 1024} KiB, which was not read on"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check the host")
        names = {name.casefold(): value for name, value in response.getheaders()}
        return self._read(Answer(response.status, names, raw[:_LONGEST].decode("utf-8", "replace")))

    def _read(self, answer: Answer) -> DeviceAnswer:
        try:
            body: Any = json.loads(answer.text)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            if answer.status >= 429:  # a gateway on the way may say so in words of its own
                return DeviceAnswer(answer.status, retry_after=answer.retry_after, date=_date(answer))
            where = f"{self._host}:{self._port} answered {answer.status}"
            why = f"{where} with {'a web page' if answer.html else 'something else than JSON'}"
            hint = "Check the host: it must be the device endpoint of a provisioning service, and no proxy in its place"
            raise ConsoleError(ErrorKind.BAD_ANSWER, "This is no provisioning service", why, hint)
        state = body.get("registrationState")
        state = state if isinstance(state, dict) else {}
        tpm = state.get("tpm")
        wrapped = body.get("authenticationKey") or (tpm.get("authenticationKey") if isinstance(tpm, dict) else None)
        code = body.get("errorCode")
        return DeviceAnswer(
            status=answer.status,
            state=clean(body.get("status") or state.get("status"), limit=40),
            operation_id=str(body.get("operationId") or "")[:512],
            registration=registration_from(state) if state else None,
            wrapped_key=_bytes(wrapped),
            key_name=clean(body.get("keyName"), limit=64),
            code=code if isinstance(code, int) and not isinstance(code, bool) else None,
            message=clean(body.get("message"), limit=300),
            retry_after=answer.retry_after,
            date=_date(answer),
            request_id=clean(body.get("trackingId") or answer.request_id, limit=80),
        )

    def _trouble(self, what: str, error: Exception) -> ConsoleError:
        if isinstance(error, WireError):
            return ConsoleError(error.kind, what, f"{error.host} {error.why}", error.hint)
        text = " ".join(str(one) for one in chain(error)).casefold()
        if "alert" in text and ("certificate" in text or "unknown ca" in text):
            why = f"{self._host} refused the device's certificate in the TLS handshake"
            hint = "Check that the chain is whole and that its keys are RSA, or ECC on a NIST curve"
            return ConsoleError(ErrorKind.TLS, what, why, hint)
        told = connection_trouble(error, what, self._target)
        why = f"{type(error).__name__}: {clean(error, limit=160)}"
        return told or ConsoleError(ErrorKind.NETWORK, what, why, "Try again")


def _context(ca_file: str) -> ssl.SSLContext:
    """Return a context that trusts the given roots, else those that this program brings."""
    if not ca_file:
        import certifi

        return ssl.create_default_context(cafile=certifi.where())
    try:
        return ssl.create_default_context(cafile=str(home_path(ca_file)))
    except (OSError, ValueError) as error:
        why = clean(getattr(error, "strerror", None) or error, limit=160)
        what = f"The roots in {clean(ca_file)} cannot be used"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give a PEM file of CA certificates", code="usage") from None


def _load(context: ssl.SSLContext, card: ClientCertificate) -> None:
    """Put a client certificate and its key into a context. Raises ConsoleError BAD_INPUT."""
    passphrase = card.passphrase.reveal() if card.passphrase is not None else ""
    asked = []

    def password() -> str:
        asked.append(True)
        return passphrase or "\0"  # without one OpenSSL would ask on the terminal

    try:
        key = str(home_path(card.private_key)) if card.private_key else None
        context.load_cert_chain(str(home_path(card.certificate)), key, password)
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(error, card, bool(asked)) from None


def _unusable(error: Exception, card: ClientCertificate, asked: bool) -> ConsoleError:
    text = str(error)
    key = card.private_key or card.certificate
    if not isinstance(error, ssl.SSLError) and isinstance(error, OSError):
        reason = (error.strerror or type(error).__name__).casefold()
        why, hint = f"a file of it cannot be read: {reason}", "Check the paths and their rights"
    elif "KEY_VALUES_MISMATCH" in text or "MISMATCH" in text:
        why = f"the key in {key} is not the one of the certificate in {card.certificate}"
        hint = "Give the certificate's own key; the device's certificate must come first in its file"
    elif any(weak in text for weak in ("MD_TOO_WEAK", "KEY_TOO_SMALL")):
        part = "signed with too weak a hash" if "MD_TOO_WEAK" in text else "for too small a key"
        why = f"a certificate in {card.certificate} is {part}: TLS on this machine does not show it"
        hint = "Issue it anew with RSA 2048 or more, or EC P-256, and SHA-256"
    elif asked:
        given = card.passphrase is not None and card.passphrase.reveal()
        why = f"the key in {key} is encrypted, and " + (
            "the passphrase is wrong" if given else "no passphrase is given"
        )
        return ConsoleError(ErrorKind.BAD_INPUT, _CARD, clean(why), "Give the passphrase of the key", code="passphrase")
    else:
        why = f"no certificate and key in PEM form were found in {card.certificate}"
        why += f" and {card.private_key}" if card.private_key else ""
        hint = "Give PEM files: the certificate with --certificate, its key with --private-key"
    return ConsoleError(ErrorKind.BAD_INPUT, _CARD, clean(why), hint, code="usage")


def _described(sock: Any) -> str:
    if not isinstance(sock, ssl.SSLSocket):
        return ""
    cipher = sock.cipher()
    names: Any = (sock.getpeercert() or {}).get("issuer", ())
    issuer = {str(pair[0]): str(pair[1]) for part in names for pair in part}
    who = clean(issuer.get("commonName", "an unnamed CA"), limit=80)
    return f"{sock.version()} {cipher[0] if cipher else ''}, certificate by {who}"


def _path(id_scope: str, registration_id: str) -> str:
    return f"/{quote(id_scope, safe='')}/registrations/{quote(registration_id, safe='')}"


def _date(answer: Answer) -> datetime | None:
    found = answer.date
    return found if found is not None and found.tzinfo is not None else None


def _bytes(text: Any) -> bytes:
    """Return what is in base64; nothing for anything else: a wrapped key that is cut is told when it is opened."""
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""

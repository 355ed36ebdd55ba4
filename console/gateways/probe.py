"""Plain network probes of an endpoint: name, connection, TLS trust, clock. No SDK, nothing is sent but a GET of `/`."""

from __future__ import annotations

import http.client
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from console.config_state import home_path
from console.gateways import sockets
from console.gateways.proxying import ProxyLogin
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

TIMEOUT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
MOST_DRIFT_SECONDS = 300  # beyond it IoT Hub refuses tokens (error 401003 in the service's reference)


class Probe:
    """Probes of one endpoint (`https://host[:port]`), through the profile's proxy and with its trust root."""

    def __init__(self, url: str, *, ca_file: str = "", proxy: str = "", login: ProxyLogin | None = None) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or url
        self.port = parts.port or 443
        self._ca_file = ca_file
        self._proxy = urlsplit(proxy) if proxy else None
        self._login = login or ProxyLogin()

    def resolve(self) -> str:
        """Return the addresses of the host's name.

        Raises ConsoleError: NETWORK when it has none.
        """
        try:
            found = sockets.resolve(self.host, self.port, TIMEOUT_SECONDS)
        except TimeoutError:
            raise self._error(
                ErrorKind.TIMEOUT,
                f"{self.host} has no address",
                f"this machine's DNS did not answer within {TIMEOUT_SECONDS:.0f} s",
                "Check this machine's DNS servers and the network to them",
            ) from None
        except (OSError, UnicodeError) as error:  # UnicodeError: no host can have such a name
            raise self._error(
                ErrorKind.NETWORK,
                f"{clean(self.host, limit=100)} has no address",
                "no host can have this name" if isinstance(error, UnicodeError) else clean(error.strerror or error),
                "Check the name, this machine's DNS, and private DNS zones if the hub has private endpoints",
            ) from None
        return ", ".join(sorted({str(entry[4][0]) for entry in found})[:4])

    def connect(self) -> str:
        """Return how the port answered.

        Raises ConsoleError: NETWORK or TIMEOUT.
        """
        host, port = (self._proxy.hostname or "", self._proxy.port or 80) if self._proxy else (self.host, self.port)
        try:
            sockets.connect(host, port, TIMEOUT_SECONDS).close()
        except TimeoutError:
            raise self._error(
                ErrorKind.TIMEOUT,
                f"{host}:{port} does not answer",
                f"no connection within {TIMEOUT_SECONDS:.0f} s",
                "Check firewalls between here and there, or set proxy in the profile",
            ) from None
        except OSError as error:
            raise self._error(
                ErrorKind.NETWORK,
                f"{host}:{port} cannot be reached",
                clean(error.strerror or error),
                "Check firewalls between here and there, or set proxy in the profile",
            ) from None
        return f"proxy {host}:{port} answers" if self._proxy else f"{host}:{port} answers"

    def handshake(self) -> str:
        """Return the TLS version and whose certificate was shown.

        Raises ConsoleError: TLS when it is not trusted, NETWORK when the connection breaks.
        """
        connection = self._open()
        try:
            sock = connection.sock
            assert isinstance(sock, ssl.SSLSocket)
            names: Any = (sock.getpeercert() or {}).get("issuer", ())
            issuer = {str(pair[0]): str(pair[1]) for part in names for pair in part}
            return f"{sock.version()}, certificate by {clean(issuer.get('commonName', 'an unnamed CA'))}"
        finally:
            connection.close()

    def drift(self) -> str:
        """Return how far this machine's clock is from the endpoint's.

        Raises ConsoleError: CLOCK when it is more than five minutes.
        """
        connection = self._open()
        connection.response_class = sockets.answers_by(sockets.Deadline(self.host, ANSWER_SECONDS))
        try:
            connection.request("GET", "/", headers={"Accept": "*/*"})
            date = connection.getresponse().getheader("Date")
        except sockets.WireError as error:
            raise self._error(
                error.kind, f"{self.host} does not tell its time", f"it {error.why}", error.hint
            ) from None
        except TimeoutError:
            why = f"it took the connection, and did not answer within {TIMEOUT_SECONDS:.0f} s"
            hint = "Try again; if it stays, look at Azure's service health"
            raise self._error(ErrorKind.TIMEOUT, f"{self.host} does not tell its time", why, hint) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._error(ErrorKind.NETWORK, f"{self.host} broke the connection", clean(error), "") from None
        finally:
            connection.close()
        try:
            theirs = parsedate_to_datetime(date or "").astimezone(UTC)
        except ValueError:
            return "the endpoint does not tell its time"
        seconds = (datetime.now(UTC) - theirs).total_seconds()
        if abs(seconds) > MOST_DRIFT_SECONDS:
            direction = "ahead" if seconds > 0 else "behind"
            raise self._error(
                ErrorKind.CLOCK,
                "This machine's clock is off",
                f"it is {abs(seconds) / 60:.0f} min {direction} of {self.host}",
                "Set it (timedatectl set-ntp true): tokens are refused beyond 5 minutes",
            )
        return f"{abs(seconds):.0f} s apart"

    def _open(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(home_path(self._ca_file)) if self._ca_file else None)
        if self._proxy:
            headers = self._login()
            host, port = self._proxy.hostname or "", self._proxy.port or 80
            connection = sockets.https(host, port, TIMEOUT_SECONDS, context)
            connection.set_tunnel(self.host, self.port, headers)
        else:
            connection = sockets.https(self.host, self.port, TIMEOUT_SECONDS, context)
        try:
            connection.connect()
        except sockets.WireError as error:
            what = f"No TLS connection to {self.host}:{self.port}"
            raise self._error(error.kind, what, f"{error.host} {error.why}", error.hint) from None
        except ssl.SSLCertVerificationError as error:
            raise self._error(
                ErrorKind.TLS,
                f"{self.host} is not trusted",
                clean(error.verify_message),
                "If a proxy here inspects TLS, set ca_file in the profile to its root certificate",
            ) from None
        except OSError as error:
            if "Tunnel connection failed: 407" in str(error):
                what = f"The proxy lets nobody through to {self.host} without a login"
                why = "it refuses the user name or the password" if self._login.known else "the profile has none"
                raise self._error(ErrorKind.NETWORK, what, why, "Check proxy_credential in the profile") from None
            raise self._error(
                ErrorKind.TLS if isinstance(error, ssl.SSLError) else ErrorKind.NETWORK,
                f"No TLS connection to {self.host}:{self.port}",
                clean(error.strerror or error),
                "Check that the port speaks HTTPS and that nothing in between breaks TLS",
            ) from None
        return connection

    @staticmethod
    def _error(kind: ErrorKind, what: str, why: str, hint: str) -> ConsoleError:
        return ConsoleError(kind, what, why, hint)

"""One HTTPS request without an SDK and without a proxy: for services on this machine."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from console.gateways.sockets import LARGEST_ANSWER, Deadline, WireError, answers_by, https, too_large
from console.model.address import is_place, led_to
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

SECONDS = 30.0


def exchange(
    what: str, method: str, url: str, context: ssl.SSLContext, headers: Mapping[str, str], body: bytes | None
) -> tuple[int, bytes]:
    """Return status and body of an answer; a redirect is none.

    Raises ConsoleError, which begins with `what`: NETWORK, TIMEOUT, BAD_ANSWER.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not is_place(parts.netloc):
        raise ConsoleError(ErrorKind.BAD_INPUT, what, f"{clean(url, limit=200)} is no https address", "Check the file")
    connection = https(parts.hostname or "", parts.port or 443, SECONDS, context)
    connection.response_class = answers_by(Deadline(parts.netloc))
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, dict(headers))
        response = connection.getresponse()
        if 300 <= response.status < 400:
            led = clean(led_to(url, response.getheader("Location") or ""), limit=200)
            why = f"{parts.netloc} answered with a redirect to {led}, which is not followed"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Is the ready file that of a running hub?")
        raw = response.read(LARGEST_ANSWER + 1)
        if len(raw) > LARGEST_ANSWER:
            raise too_large(parts.netloc)
        return response.status, raw
    except WireError as error:
        raise ConsoleError(error.kind, what, f"{error.host} {error.why}", "Is it still running?") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ConsoleError(ErrorKind.NETWORK, what, clean(error), "Is it still running?") from None
    finally:
        connection.close()

"""Failures as a user meets them: what happened, why, what to do next."""

from __future__ import annotations

from enum import StrEnum

from console.model.address import without_userinfo


class ErrorKind(StrEnum):
    """What sort of trouble it is; a pane shows each in its own way."""

    NETWORK = "network"  # no route, refused, DNS, connection dropped
    TIMEOUT = "timeout"
    TLS = "tls"  # certificate not trusted, wrong name, handshake refused
    AUTHENTICATION = "authentication"  # no token, wrong or expired secret, token refused
    PERMISSION = "permission"  # signed in, but the role or right is missing
    CLOCK = "clock"  # this machine's clock and the service's differ
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"  # somebody else changed it first
    THROTTLED = "throttled"
    SERVICE = "service"  # the service failed (5xx)
    BAD_ANSWER = "bad-answer"  # not what this service answers: a proxy page, broken JSON
    BAD_INPUT = "bad-input"
    BAD_QUERY = "bad-query"  # the service could not read or run a query
    NOT_CONFIGURED = "not-configured"  # the profile lacks something, or the resource has no such setting
    READ_ONLY = "read-only"
    CANCELLED = "cancelled"
    DEFECT = "defect"  # our own mistake


UNANSWERED = "unanswered"
"""The code of a failure after which nobody can say whether the request was taken: it was sent, and no answer came."""


class ConsoleError(Exception):
    """A failure told in one sentence each: what happened, why, what to do next.

    Attributes:
        kind: the sort of trouble.
        what: what happened ("The device list could not be read").
        why: the cause, as far as it is known.
        hint: what to do next.
        status: HTTP status, where there was one.
        code: the service's own error code or name, as text.
        request_id: the service's tracking id, for a support case.
        operation: what was refused, as roles name it ("Microsoft.Devices/IotHubs/write"); empty when it is not known.
        scope: the resource id that it was refused on; empty for the hub.
        data: whether it is an operation of the data plane.
        advice: (label, sentence) pairs that were found out later: which role is missing, who can give it.
    """

    def __init__(
        self,
        kind: ErrorKind,
        what: str,
        why: str = "",
        hint: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        operation: str = "",
        scope: str = "",
        data: bool = False,
    ) -> None:
        super().__init__(without_userinfo(what))
        self.kind = kind
        self.what = without_userinfo(what)  # here, as the last place that every failure passes
        self.why = without_userinfo(why)
        self.hint = without_userinfo(hint)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.operation = operation
        self.scope = scope
        self.data = data
        self.advice: tuple[tuple[str, str], ...] = ()

    def sentence(self) -> str:
        """Return the whole message on one line: what: why; what to do next."""
        text = self.what.rstrip(".")
        if self.why:
            text += f": {self.why.rstrip('.')}"
        text += _stop(text)
        if self.hint:
            hint = self.hint.rstrip(".")
            text += f" {hint}{_stop(hint)}"
        return text

    def __str__(self) -> str:
        return self.sentence()


def _stop(text: str) -> str:
    """Return the full stop that a sentence still needs."""
    return "" if text.endswith(("?", "!")) else "."

"""Trouble on purpose: a registry of faults and the ASGI middleware that makes each service show them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from console.localhub.state import StoryClock

ENDPOINTS = ("arm", "hub", "logs", "token", "dps", "mqtt")
# Kinds the middleware acts on, and what each does.
ANSWERS = {
    "throttle": "429 with the service's own body; retry_after sends that header",
    "server-error": "status (500 when not given) before or after the work was done",
    "latency": "answers `seconds` later",
    "drop": "drops the connection before or after the work was done",
    "html": "200 with a web page, as a captive portal or proxy gives",
    "tls-close": "closes a new connection before the TLS handshake",
}
# Kinds of the MQTT side; latency, drop and tls-close work there, too, and `method` is the packet's name.
MQTT_ANSWERS = {
    "connack": "MQTT: refuses a CONNECT with return code `code` (3, server unavailable, when not given)",
    "no-puback": "MQTT: takes a message and sends no receipt",
}
# Kinds the services look up themselves.
FLAGS = {
    "lro-fail": "long-running operations end as Failed",
    "lro-stuck": "long-running operations never end",
    "lro-late": "a write takes effect only when its long-running operation ends, after `seconds` when given",
    "meanwhile": "right after a write of a hub somebody else changes it (a tag, and with it the ETag)",
    "stale-index": "the query index does not see new writes",
    "frozen-logs": "the log gets no new rows",
    "empty-logs": "the log is there and has no rows",
    "no-table": "the workspace has no AzureDiagnostics table",
    "partial-result": "a log query returns part of its rows with an error",
    "no-diagnostic-setting": "the hub's logs go nowhere",
    "clock-skew": "the services' clock is off by `seconds`",
    "expired-secret": "the token service finds every client secret expired",
    "assigning-forever": "registrations at the provisioning service stay at `assigning`",
    "assignment-fails": "registrations at the provisioning service end as `failed`",
}
_ALSO_MQTT = ("latency", "drop", "tls-close")
KINDS = {**ANSWERS, **MQTT_ANSWERS, **FLAGS}
MAX_SECONDS = 100_000_000  # three years, of latency or skew


class BadFault(ValueError):  # noqa: N818 - reads as what it is
    """A fault was described wrongly; the text says how."""


@dataclass
class Fault:
    """One fault. `count` is how many requests it still meets, None for all until it is removed."""

    id: str
    kind: str
    endpoint: str = "*"
    count: int | None = None
    path: str | None = None  # a regular expression, searched in the path, without case
    method: str | None = None
    status: int = 500
    code: int = 3  # of a CONNACK
    when: str = "before"
    retry_after: int | None = None
    seconds: float = 0.0
    hits: int = 0

    def fits(self, kind: str, endpoint: str | None, path: str | None, method: str | None) -> bool:
        """Whether this fault is meant for such a request; None stands for "any"."""
        return (
            self.kind == kind
            and (endpoint is None or self.endpoint in {"*", endpoint})
            and (path is None or self.path is None or re.search(self.path, path, re.IGNORECASE) is not None)
            and (method is None or self.method is None or self.method.upper() == method)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fault for the control API."""
        return dict(vars(self))


class Faults:
    """Every fault in force; thread-safe. `clock-skew` acts on the cloud's clock as soon as it is added."""

    def __init__(self, clock: StoryClock | None = None) -> None:
        self._clock = clock
        self._lock = Lock()
        self._faults: dict[str, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, kind: str, **details: Any) -> Fault:
        """Put a fault in force and return it. Raises BadFault for an unknown kind, endpoint, option or value."""
        if kind not in KINDS:
            raise BadFault(f"There is no fault {kind!r}. Kinds: {', '.join(KINDS)}")
        with self._lock:
            fault = _checked(Fault(f"f{next(self._ids)}", kind), details)
            self._faults[fault.id] = fault
            self._set_clock()
        return fault

    def all(self) -> list[Fault]:
        """Return the faults in force, oldest first."""
        with self._lock:
            return list(self._faults.values())

    def remove(self, fault_id: str) -> bool:
        """Remove one fault; False when there is none of that id."""
        with self._lock:
            found = self._faults.pop(fault_id, None) is not None
            self._set_clock()
        return found

    def clear(self) -> int:
        """Remove all faults and return how many there were."""
        with self._lock:
            number = len(self._faults)
            self._faults.clear()
            self._set_clock()
        return number

    def take(
        self, kind: str, endpoint: str | None = None, path: str | None = None, method: str | None = None
    ) -> Fault | None:
        """Return the first fault meant for such a request and use it up by one; None when there is none."""
        with self._lock:
            for fault in self._faults.values():
                if fault.fits(kind, endpoint, path, method):
                    fault.hits += 1
                    if fault.count is not None:
                        fault.count -= 1
                        if fault.count <= 0:
                            del self._faults[fault.id]
                    return fault
        return None

    def on(self, kind: str) -> bool:
        """Whether a fault of that kind is in force; uses nothing up."""
        with self._lock:
            return any(fault.kind == kind for fault in self._faults.values())

    def _set_clock(self) -> None:
        if self._clock is not None:
            self._clock.skew_seconds = sum(f.seconds for f in self._faults.values() if f.kind == "clock-skew")


def _checked(fault: Fault, details: Mapping[str, Any]) -> Fault:
    types: dict[str, tuple[type, ...]] = {
        "endpoint": (str,),
        "count": (int,),
        "path": (str,),
        "method": (str,),
        "status": (int,),
        "code": (int,),
        "when": (str,),
        "retry_after": (int,),
        "seconds": (int, float),
    }
    for name, value in details.items():
        if name not in types:
            raise BadFault(f"A fault has no {name!r}. It may have: {', '.join(types)}")
        if value is None:
            continue
        if not isinstance(value, types[name]) or isinstance(value, bool):
            raise BadFault(f"{name} must be {' or '.join(t.__name__ for t in types[name])}")
        setattr(fault, name, value)
    if fault.endpoint not in {"*", *ENDPOINTS}:
        raise BadFault(f"There is no endpoint {fault.endpoint!r}. Endpoints: {', '.join(ENDPOINTS)}")
    if fault.when not in {"before", "after"}:
        raise BadFault("when must be before or after")
    if fault.count is not None and fault.count < 1:
        raise BadFault("count must be 1 or more")
    if fault.endpoint == "mqtt" and fault.kind in ANSWERS and fault.kind not in _ALSO_MQTT:
        raise BadFault(f"there is no {fault.kind} over MQTT; there is {', '.join((*_ALSO_MQTT, *MQTT_ANSWERS))}")
    if fault.endpoint not in {"*", "mqtt"} and fault.kind in MQTT_ANSWERS:
        raise BadFault(f"{fault.kind} is of the endpoint mqtt")
    if not 1 <= fault.code <= 5:
        raise BadFault("code must be 1 to 5")
    if not 400 <= fault.status <= 599:
        raise BadFault("status must be 400 to 599")
    if not -MAX_SECONDS <= fault.seconds <= MAX_SECONDS:  # not a number neither
        raise BadFault(f"seconds must be between -{MAX_SECONDS} and {MAX_SECONDS}")
    try:
        re.compile(fault.path or "")
    except re.error as error:
        raise BadFault(f"path is not a regular expression: {error}") from None
    return fault

"""POST /devices/query: the index that lags behind the registry, paging, and continuation tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from console.localhub.device_table import DeviceTable
from console.localhub.query_parser import QuerySyntaxError
from console.localhub.query_plan import Plan, plan_for
from console.localhub.query_quiet import Quiet, quiet_page, quiet_records
from console.localhub.registry_call import Answer, Call
from console.localhub.registry_errors import argument_invalid
from console.localhub.state import DeviceRecord, HubState, Json, ModuleRecord

DEFAULT_PAGE = 100
MAXIMUM_PAGE = 1000
# The real index shows writes after one to two seconds, and goes on showing some deleted devices (observed: 25 minutes).
LAG_SECONDS = 1.0
GHOST_SECONDS = 2.0


class QueryIndex:
    """What queries see of the registry: writes appear `lag` seconds late, deleted devices stay as ghosts for a while.

    `stale()` says whether the index stands still (a fault): then nothing new appears and no ghost goes. The caller
    holds the hub's lock in every method. `now` gives seconds, the same ones that `hub.ghosts` holds.
    """

    def __init__(
        self,
        stale: Callable[[], bool] = lambda: False,
        lag: float = LAG_SECONDS,
        ghost: float = GHOST_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._stale = stale
        self._lag = lag
        self._ghost = ghost
        self._now = now
        self._key = secrets.token_bytes(32)
        # per hub: device id -> (what the index still shows, None for nothing; until when)
        self._behind: dict[str, dict[str, tuple[DeviceRecord | None, float]]] = {}

    def device_changes(self, hub: HubState, device_id: str, before: DeviceRecord | None) -> None:
        """Note a write: until the lag is over, queries see `before` (a copy; None for a device that is new)."""
        behind = self._behind.setdefault(hub.arm_id, {})
        if device_id in hub.ghosts:
            before = hub.ghosts.pop(device_id)[0]
        known = behind.get(device_id)
        if known is None or self._over(known[1]):
            behind[device_id] = (before, self._now() + self._lag)

    def device_goes(self, hub: HubState, record: DeviceRecord) -> None:
        """Note a delete: the index goes on showing what it showed."""
        known = self._behind.get(hub.arm_id, {}).pop(record.device_id, None)
        shown = record if known is None or self._over(known[1]) else known[0]
        if shown is not None:
            hub.ghosts[record.device_id] = (shown, self._now() + self._ghost)

    def records(self, hub: HubState, source: str) -> Sequence[DeviceRecord]:
        """Return what a query over a collection runs on, in a stable order."""
        if source == "devices.jobs":
            return []
        devices = self._devices(hub)  # a quiet fleet has no modules
        if source == "devices.modules":
            return list(chain.from_iterable(device.modules.values() for device in devices))
        return devices

    def quiet(self, hub: HubState) -> tuple[DeviceTable, dict[int, DeviceRecord | None]] | None:
        """Return the table whose quiet devices `records` leaves out, and what the index shows of some of them."""
        table = hub.devices
        if not isinstance(table, DeviceTable) or not table.quiet.count:
            return None
        instead = dict(table.touched)
        for device_id, (record, _) in self._behind.get(hub.arm_id, {}).items():
            if (number := table.quiet.number(device_id)) is not None:
                instead[number] = record
        for device_id in hub.ghosts:
            if (number := table.quiet.number(device_id)) is not None:
                instead[number] = None  # ghosts are among the records
        return table, instead

    def seal(self, payload: Json) -> str:
        """Return a continuation token for a place in an answer."""
        text = json.dumps(payload, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(text) + text).decode()

    def unseal(self, token: str) -> Json:
        """Return what `seal` was given. Raises ValueError for a token that this index did not make."""
        try:
            raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise ValueError("not base64") from error
        text = raw[32:]
        if not hmac.compare_digest(raw[:32], self._mac(text)):
            raise ValueError("not of this index")
        payload: Json = json.loads(text)
        return payload

    def _mac(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, "sha256")

    def _over(self, until: float) -> bool:
        return until <= self._now() and not self._stale()

    def _devices(self, hub: HubState) -> list[DeviceRecord]:
        behind = self._behind.get(hub.arm_id)
        if behind:
            for device_id in [name for name, (_, until) in behind.items() if self._over(until)]:
                del behind[device_id]
        for device_id in [name for name, (_, until) in hub.ghosts.items() if self._over(until)]:
            del hub.ghosts[device_id]
        own = hub.devices.own() if isinstance(hub.devices, DeviceTable) else hub.devices.values()
        if not behind and not hub.ghosts:
            return list(own)
        shown = []
        for record in own:
            seen = behind[record.device_id][0] if behind and record.device_id in behind else record
            if seen is not None:
                shown.append(seen)
        shown.extend(ghost for name, (ghost, _) in hub.ghosts.items() if name not in hub.devices)
        return shown


def run_query(call: Call) -> Answer:
    """Answer a query: a page of rows, x-ms-item-type, and x-ms-continuation when there is more.

    Raises 400 `ArgumentInvalid;BadRequest`, without any detail, for a query that cannot be read (observed), and for a
    continuation token that is not of this query.
    """
    text = call.json_object().get("query")
    if not isinstance(text, str):
        raise argument_invalid("BadRequest")
    try:
        plan = plan_for(text)
    except QuerySyntaxError:
        raise argument_invalid("BadRequest") from None
    size = _page_size(call.headers.get("x-ms-max-item-count", ""))
    start = _place(call, text)
    with call.hub.lock:
        inside = "quiet" in start  # what comes before the quiet devices was given already
        records = [] if inside else call.index.records(call.hub, plan.source)
        quiet = call.index.quiet(call.hub) if plan.source == "devices" else None
        if plan.grouped:
            rows, place = _grouped_page(plan, records, quiet, start, size)
        else:
            rows, place = ([], None) if inside else _page(plan, records, start, size)
        # the records may change once the lock is released
        parts = [json.dumps(row, separators=(",", ":")).encode() for row in rows]
        if quiet is not None and place is None and not plan.grouped:
            place = quiet_page(plan, *quiet, start, size, parts)
        body = b"[" + b",".join(parts) + b"]"
    headers = {"x-ms-item-type": plan.kind}
    if place is not None:
        headers["x-ms-continuation"] = call.index.seal({"query": _fingerprint(call, text), **place})
    return Answer(body=body, headers=headers)


def _page(
    plan: Plan, records: Sequence[DeviceRecord], start: Json, size: int
) -> tuple[list[Json], dict[str, Any] | None]:
    given = start["given"]
    if plan.top is not None:
        size = min(size, plan.top - given)
    rows: list[Json] = []
    position = _resume(records, start)
    while position < len(records):
        record = records[position]
        if plan.matches is None or plan.matches(record):
            if len(rows) >= size:
                break
            rows.append(plan.row(record))
        position += 1
    given += len(rows)
    if position >= len(records) or (plan.top is not None and given >= plan.top):
        return rows, None
    return rows, {"position": position, "after": _name(records[position - 1]) if position else "", "given": given}


def _grouped_page(
    plan: Plan, records: Sequence[DeviceRecord], quiet: Quiet | None, start: Json, size: int
) -> tuple[list[Json], dict[str, Any] | None]:
    weighted = ((record, 1) for record in records)
    all_of = chain(weighted, () if quiet is None else quiet_records(plan, *quiet))
    matches = plan.matches
    rows = plan.weighted_groups(all_of if matches is None else (one for one in all_of if matches(one[0])))
    if plan.top is not None:
        rows = rows[: plan.top]
    end = start["position"] + size
    place = {"position": end, "after": "", "given": end} if end < len(rows) else None
    return rows[start["position"] : end], place


def _resume(records: Sequence[DeviceRecord], start: Json) -> int:
    """Return where the next page begins: after the last record seen, also when others before it have gone."""
    position: int = start["position"]
    last = start["after"]
    if not last or (0 < position <= len(records) and _name(records[position - 1]) == last):
        return position
    for index, record in enumerate(records):
        if _name(record) == last:
            return index + 1
    return position


def _name(record: DeviceRecord) -> str:
    return f"{record.device_id}/{record.module_id}" if isinstance(record, ModuleRecord) else record.device_id


def _page_size(header: str) -> int:
    if not header.strip():
        return DEFAULT_PAGE
    try:
        wanted = int(header)
    except ValueError:
        raise argument_invalid("x-ms-max-item-count must be a number.") from None
    return min(wanted, MAXIMUM_PAGE) if wanted > 0 else DEFAULT_PAGE


def _place(call: Call, text: str) -> Json:
    token = call.headers.get("x-ms-continuation", "")
    if not token:
        return {"position": 0, "after": "", "given": 0}
    try:
        payload = call.index.unseal(token)
    except ValueError:
        raise argument_invalid("The continuation token is not valid.") from None
    if payload["query"] != _fingerprint(call, text):
        raise argument_invalid("The continuation token is not valid.")
    return payload


def _fingerprint(call: Call, text: str) -> str:
    return hashlib.sha256(f"{call.hub.arm_id}\n{text}".encode()).hexdigest()[:24]

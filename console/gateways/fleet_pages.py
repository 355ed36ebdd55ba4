"""Pages of the twin query as rows to keep: decoded straight from the bytes, a few microseconds a device."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from console.model.clock import parse_time
from console.model.device import AuthType, ConnectionState, DeviceStatus, auth_type
from console.model.fleet_snapshot import DeviceRow
from console.model.text import clean

_STATUS = {one.value: place for place, one in enumerate(DeviceStatus)}
_CONNECTION = {one.value: place for place, one in enumerate(ConnectionState)}
_AUTHS = tuple(AuthType)
_SAS, _CA = _AUTHS.index(AuthType.SAS), _AUTHS.index(AuthType.CA)
_EMPTY = (b"{}", b"null", b"")


class _Prints(msgspec.Struct, gc=False):
    """Thumbprints; the service writes the names capitalised in twins, its documentation does not."""

    primary: str | None = msgspec.field(name="primaryThumbprint", default=None)
    secondary: str | None = msgspec.field(name="secondaryThumbprint", default=None)
    primary_too: str | None = msgspec.field(name="PrimaryThumbprint", default=None)
    secondary_too: str | None = msgspec.field(name="SecondaryThumbprint", default=None)


class _Capabilities(msgspec.Struct, gc=False):
    edge: bool | None = msgspec.field(name="iotEdge", default=None)


class _Twin(msgspec.Struct, gc=False, rename="camel"):
    device_id: str
    status: str | None = None
    status_reason: str | None = None
    connection_state: str | None = None
    last_activity_time: str | None = None
    authentication_type: str | None = None
    x509_thumbprint: _Prints | None = msgspec.field(name="x509Thumbprint", default=None)
    device_etag: str | None = None
    capabilities: _Capabilities | None = None
    tags: msgspec.Raw = msgspec.Raw(b"{}")


_DECODER = msgspec.json.Decoder(list[_Twin])


def rows_of(page: bytes) -> list[DeviceRow]:
    """Return the rows of a page. Raises ValueError for anything that is not a page of twins."""
    days: dict[str, int] = {}
    return [_row(twin, days) for twin in _DECODER.decode(page)]


def _row(twin: _Twin, days: dict[str, int]) -> DeviceRow:
    name, kind, prints = twin.device_id, twin.authentication_type or "", twin.x509_thumbprint
    if not name.isascii() or not name.isprintable():
        name = clean(name)
    first = second = ""
    if prints is not None:
        first = prints.primary or prints.primary_too or ""
        second = prints.secondary or prints.secondary_too or ""
    if kind == "sas":
        auth = _SAS
    elif kind == "certificateAuthority":
        auth = _CA
    else:
        auth = _AUTHS.index(auth_type(kind, (first, second)))
    tags = bytes(twin.tags)
    return (
        name,
        _STATUS.get(twin.status or "", _UNKNOWN_STATUS),
        auth,
        _CONNECTION.get((twin.connection_state or "").lower(), _UNKNOWN_CONNECTION),
        _seconds(twin.last_activity_time, days),
        int(bool(twin.capabilities and twin.capabilities.edge)),
        twin.status_reason or None,
        f"{first}|{second}" if first or second else None,
        twin.device_etag,
        None if tags in _EMPTY else tags.decode("utf-8", "replace"),
    )


def _seconds(text: str | None, days: dict[str, int]) -> int | None:
    """Return seconds since 1970; the service's own form is read by its places, any other by the usual way."""
    if text is None or text[:4] == "0001":
        return None
    try:
        day = text[:10]
        start = days.get(day)
        if start is None:
            start = days[day] = int(datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC).timestamp())
        if text[10] == "T" and (text[-1] == "Z" or "+" not in text):
            return start + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    except (ValueError, IndexError):
        pass
    moment = parse_time(text)
    return None if moment is None else int(moment.timestamp())


_UNKNOWN_STATUS = _STATUS[DeviceStatus.UNKNOWN.value]
_UNKNOWN_CONNECTION = _CONNECTION[ConnectionState.UNKNOWN.value]

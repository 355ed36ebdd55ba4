"""Platform metrics of a hub in Azure Monitor's response shape, from recorded points and live counts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from console.localhub.arm_errors import flat
from console.localhub.device_table import tally
from console.localhub.state import HubState, Json

METRICS: dict[str, tuple[str, str]] = {  # name: (what the portal calls it, primary aggregation)
    "connectedDeviceCount": ("Connected devices (preview)", "Average"),
    "totalDeviceCount": ("Total devices (preview)", "Average"),
    "d2c.telemetry.ingress.allProtocol": ("Telemetry message send attempts", "Total"),
    "d2c.telemetry.ingress.success": ("Telemetry messages sent", "Total"),
    "d2c.telemetry.ingress.sendThrottle": ("Number of throttling errors", "Total"),
    "d2c.telemetry.egress.success": ("Routing: telemetry messages delivered", "Total"),
    "c2d.commands.egress.complete.success": ("C2D message deliveries completed", "Total"),
    "d2c.twin.read.success": ("Successful twin reads from devices", "Total"),
    "d2c.twin.update.success": ("Successful twin updates from devices", "Total"),
    "twinQueries.success": ("Successful twin queries", "Total"),
    "dailyMessageQuotaUsed": ("Total number of messages used", "Average"),
    "deviceDataUsage": ("Total device data usage", "Total"),
}
INTERVALS = {
    "PT1M": 60,
    "PT5M": 300,
    "PT15M": 900,
    "PT30M": 1800,
    "PT1H": 3600,
    "PT6H": 21600,
    "PT12H": 43200,
    "P1D": 86400,
}
_AGGREGATIONS = {"average": "average", "total": "total", "minimum": "minimum", "maximum": "maximum", "count": "count"}
_MAX_POINTS = 100_000


def metrics(hub: HubState, query: dict[str, str], now: datetime) -> Json:
    """Answer GET .../Microsoft.Insights/metrics; `query` has lower-case keys, `now` is the story's time.

    A bin without values has only its time for device counts, and 0 for totals. Raises a flat 400 for bad parameters.
    """
    names = _names(query.get("metricnames", ""))
    interval = query.get("interval") or "PT1M"
    if interval.upper() not in INTERVALS:
        text = f"Invalid time grain: {interval}. Valid ones: {', '.join(INTERVALS)}"
        raise flat(400, "BadRequest", text)
    step = INTERVALS[interval.upper()]
    start, end = _timespan(query.get("timespan", ""), now)
    if (end - start).total_seconds() / step > _MAX_POINTS:
        raise flat(400, "BadRequest", "The timespan holds too many points for this interval.")
    wanted = _wanted(query.get("aggregation", ""))
    return {
        "cost": max(0, int((end - start).total_seconds() // 60)),
        "timespan": f"{_stamp(start)}/{_stamp(end)}",
        "interval": interval.upper(),
        "namespace": "Microsoft.Devices/IotHubs",
        "resourceregion": str(hub.resource["location"]).replace(" ", "").casefold(),
        "value": [_metric(hub, name, start, end, step, wanted, now) for name in names],
    }


def _metric(
    hub: HubState, name: str, start: datetime, end: datetime, step: int, wanted: tuple[str, ...], now: datetime
) -> Json:
    label, primary = METRICS[name]
    first = int(start.timestamp()) // step * step
    bins: dict[int, list[float]] = {}
    with hub.lock:
        points = list(hub.metric_history.get(name) or ())
        live = _live(hub, name)
    stop = min(end, now)
    for moment, value in points:
        if start <= moment < stop:
            bins.setdefault((int(moment.timestamp()) - first) // step, []).append(value)
    current = (int(now.timestamp()) - first) // step
    if live is not None and start <= now and now - timedelta(minutes=1) <= end:
        last = max(0, -((first - int(end.timestamp())) // step) - 1)
        bins.setdefault(min(current, last), []).append(live)
    data: list[Json] = []
    moment_s, index = first, 0
    while moment_s < end.timestamp() and moment_s <= now.timestamp():
        data.append(_point(moment_s, bins.get(index), wanted or (primary.casefold(),), zero=primary == "Total"))
        moment_s, index = moment_s + step, index + 1
    return {
        "id": f"{hub.arm_id}/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": label},
        "displayDescription": label,
        "unit": "Bytes" if name == "deviceDataUsage" else "Count",
        "timeseries": [{"metadatavalues": [], "data": data}],
        "errorCode": "Success",
    }


def _live(hub: HubState, name: str) -> float | None:
    if name == "totalDeviceCount":
        return float(len(hub.devices))
    if name == "connectedDeviceCount":
        return float(tally(hub.devices, lambda device: device.connection_state == "Connected"))
    return None


def _point(moment: int, values: list[float] | None, wanted: tuple[str, ...], *, zero: bool) -> Json:
    point: Json = {"timeStamp": _stamp(datetime.fromtimestamp(moment, UTC))}
    if not values:
        if zero:
            point.update(dict.fromkeys(wanted, 0.0))
        return point
    figures = {
        "average": sum(values) / len(values),
        "total": sum(values),
        "minimum": min(values),
        "maximum": max(values),
        "count": float(len(values)),
    }
    point.update({name: figures[name] for name in wanted})
    return point


def _names(text: str) -> list[str]:
    by_lower = {name.casefold(): name for name in METRICS}
    names = [part.strip().casefold() for part in text.split(",") if part.strip()] or ["connecteddevicecount"]
    for name in names:
        if name not in by_lower:
            raise flat(
                400,
                "BadRequest",
                "Failed to find metric configuration for provider: Microsoft.Devices, resource Type: IotHubs, "
                f"metric: {name}, Valid metrics: {','.join(METRICS)}",
            )
    return [by_lower[name] for name in names]


def _wanted(text: str) -> tuple[str, ...]:
    words = [word.strip().casefold() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in _AGGREGATIONS:
            raise flat(400, "BadRequest", f"Invalid aggregation type: {word}")
    return tuple(words)


def _timespan(text: str, now: datetime) -> tuple[datetime, datetime]:
    if not text:
        return now - timedelta(hours=1), now
    left, slash, right = text.partition("/")
    try:
        if not slash:
            return now - _duration(left), now
        if left.startswith("P"):
            end = _moment(right)
            return end - _duration(left), end
        start = _moment(left)
        end = start + _duration(right) if right.startswith("P") else _moment(right)
    except (ValueError, OverflowError):
        raise flat(400, "BadRequest", f"Invalid timespan: '{text}'") from None
    if end < start:
        raise flat(400, "BadRequest", f"The timespan ends before it starts: '{text}'")
    return start, end


def _moment(text: str) -> datetime:
    # a plus of an offset arrives as a space when a client did not escape it
    moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text.strip(), re.IGNORECASE)
    if found is None or not any(found.groups()):
        raise ValueError(text)
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

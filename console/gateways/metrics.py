"""Platform metrics of the hub through the resource manager: no extra package, the same token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from console.gateways.arm import Arm
from console.model.clock import format_time, parse_time
from console.model.hub import MetricSeries
from console.model.text import clean
from console.services.ports import Cancel

CONNECTED = "connectedDeviceCount"
TOTAL = "totalDeviceCount"
_VERSION = "2024-02-01"
_STEPS = (1, 5, 15, 30, 60, 360, 720, 1440)
"""Minutes that the metrics service accepts as an interval."""


def read(
    arm: Arm,
    arm_id: str,
    names: Sequence[str],
    start: datetime,
    end: datetime,
    step: timedelta,
    cancel: Cancel,
) -> list[MetricSeries]:
    """Return one series per name, in the order asked for; averages, because device counts are snapshots.

    Raises ConsoleError.
    """
    minutes = next((m for m in _STEPS if m >= step.total_seconds() / 60), _STEPS[-1])
    params = {
        "api-version": _VERSION,
        "metricnames": ",".join(names),
        "timespan": f"{format_time(start)}/{format_time(end)}",
        "interval": f"PT{minutes}M" if minutes < 60 else f"PT{minutes // 60}H" if minutes < 1440 else "P1D",
        "aggregation": "average",
    }
    path = f"{arm_id}/providers/Microsoft.Insights/metrics"
    body = arm.get("The hub's metrics could not be read", path, params, cancel, role="Reader (on the hub)")
    series: dict[str, MetricSeries] = {}
    for metric in body.get("value") or ():
        name = clean((metric.get("name") or {}).get("value"))
        points = [
            (time, float(point["average"]) if point.get("average") is not None else None)
            for line in metric.get("timeseries") or ()
            for point in line.get("data") or ()
            if (time := parse_time(point.get("timeStamp"))) is not None
        ]
        series[name.casefold()] = MetricSeries(name, tuple(sorted(points, key=lambda point: point[0])))
    return [series.get(name.casefold(), MetricSeries(name, ())) for name in names]

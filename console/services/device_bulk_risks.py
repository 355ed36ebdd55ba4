"""What can be said about a bulk change before it begins: from the fleet's rows, or from plans of a few devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from console.model.change import Change, Risk, Severity
from console.model.device import AuthType, ConnectionState, Device
from console.model.device_order import Act, BulkItem, BulkPlan, DeviceOrder, ItemState, KeyChoice, counted
from console.services.device_plans import BOTH_KEYS, TWIN_LOST

BULK_LIMIT = 10
"""More devices than this in one command must be accepted by the risk `bulk`."""

PREVIEW = 10
"""So many devices are read and planned before the question is asked."""

_NAMED = 5
_CALLS = 3
"""Registry calls per device: read, write, read back."""

_PER_MINUTE = 100
"""What one unit of an S1 or S2 hub takes of them a minute (IoT Hub's documents on throttling)."""


@dataclass
class Preview:
    """Plans of all devices of a small bulk change, and the devices that have none."""

    changes: list[Change] = field(default_factory=list)
    not_planned: list[BulkItem] = field(default_factory=list)


def bulk_plan(
    order: DeviceOrder,
    ids: Sequence[str],
    rows: Mapping[str, Device],
    preview: Preview | None,
    *,
    done: Sequence[str],
    batch: str,
    notices: Sequence[str],
) -> BulkPlan:
    """Return the plan of an order over devices; `preview` where they were read, else `rows` is what is known."""
    number = len(ids)
    risks: list[Risk] = []
    notes = list(notices)
    effect = [("devices", _names(ids))]
    if number > BULK_LIMIT:
        text = f"this one command changes {counted(number)}"
        risks.append(Risk("bulk", Severity.HIGH, text, blocking=True))
    if preview is not None:
        risks += _of_changes(preview.changes, number)
        skipped = [item for item in preview.not_planned if item.state is not ItemState.NOTHING]
        so_already = len(preview.not_planned) - len(skipped)
        notes += [item.message for item in skipped]
    else:
        known = [rows[one] for one in ids if one in rows]
        risks += _of_rows(order, known, number)
        so_already = sum(_so_already(order, device) for device in known)
        notes += _unsuitable(order, known)
        if len(known) < number:
            notes.append(f"nothing is known yet of {counted(number - len(known))}: each is read when its turn comes")
        notes.append(
            "each device is read afresh when its turn comes; one with a blocking risk that does not stand here is "
            "skipped, not changed"
        )
        minutes = max(round(number * _CALLS / _PER_MINUTE), 1)
        notes.append(f"it takes about {minutes:,} min on one S1 or S2 unit ({_PER_MINUTE} registry calls a minute)")
    if so_already:
        notes.append(f"{counted(so_already)} so already: nothing to do there")
    if done:
        notes.append(f"{counted(len(done))} of this batch done before: left out")
    effect.append(("stop", "what is done stays done; the rest can be resumed by the batch's id"))
    plan = BulkPlan(order, tuple(ids), tuple(risks), tuple(effect), tuple(notes), tuple(done))
    return replace(plan, batch=batch) if batch else plan


def _of_changes(changes: Sequence[Change], number: int) -> list[Risk]:
    """Return the risks of plans, each once, with how many devices have it."""
    counts: dict[str, int] = {}
    found: dict[str, Risk] = {}
    for change in changes:
        for risk in change.risks:
            counts[risk.id] = counts.get(risk.id, 0) + 1
            worst = found.get(risk.id)
            if worst is None or (risk.blocking, _RANK[risk.severity]) > (worst.blocking, _RANK[worst.severity]):
                found[risk.id] = risk
    return [
        replace(risk, message=f"{counts[risk.id]} of {number}: {risk.message}") if number > 1 else risk
        for risk in found.values()
    ]


def _of_rows(order: DeviceOrder, known: Sequence[Device], number: int) -> list[Risk]:
    connected = sum(device.connection is ConnectionState.CONNECTED for device in known)
    of = f"{connected:,} of {number:,} devices are connected"
    match order.act:
        case Act.DISABLE:
            return [Risk("cut", Severity.MEDIUM, f"{of}: their connections are closed")] if connected else []
        case Act.DELETE:
            risks = [replace(TWIN_LOST, message=f"{TWIN_LOST.message}, of {counted(number)}")]
            risks.append(Risk("keys-lost", Severity.HIGH, "the keys of all devices that have some are destroyed"))
            if connected:
                risks.append(Risk("cut", Severity.MEDIUM, f"{of}: their connections are closed"))
            return risks
        case Act.ROTATE_KEYS if order.keys is KeyChoice.BOTH:
            return [replace(BOTH_KEYS, message=f"{BOTH_KEYS.message}: all {counted(number)}")]
        case Act.ROTATE_KEYS if order.keys is not KeyChoice.SWAP and connected:
            text = f"{of}: those that hold the {order.keys} key are cut at their next connect"
            severity = Severity.HIGH if order.keys is KeyChoice.PRIMARY else Severity.MEDIUM
            return [Risk("key-in-use", severity, text)]
    return []


def _unsuitable(order: DeviceOrder, known: Sequence[Device]) -> list[str]:
    if order.act is Act.ROTATE_KEYS:
        others = sum(device.auth is not AuthType.SAS for device in known)
        return [f"{counted(others)} without keys (X.509): left out"] if others else []
    if order.act is Act.THUMBPRINT:
        others = sum(not device.auth.startswith("thumbprint") for device in known)
        return [f"{counted(others)} without thumbprints: left out"] if others else []
    return []


def _so_already(order: DeviceOrder, device: Device) -> bool:
    return order.act in {Act.ENABLE, Act.DISABLE} and device.status.value == f"{order.act}d"


def _names(ids: Sequence[str]) -> str:
    named = ", ".join(ids[:_NAMED])
    return f"{named} and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else named


_RANK = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2}

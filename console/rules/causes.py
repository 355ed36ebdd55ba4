"""Which failures are due to IP rules, and how each cause is told: evidence, confidence, flag.

A device that an IP rule turns away gets a 401 that does not mention the rule, and whether the hub logs it at all is
not documented. So the verdict rests on circumstances: a masked range that fails or goes silent together, the rules as
they are now, a write of the hub just before, and a drop in connected devices.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from console.model.connection import Cause, Confidence
from console.model.hub import ActivityEntry, Exposure, MetricSeries

HUB_WRITE = "microsoft.devices/iothubs/write"
TOGETHER = 3
"""So many devices of one masked range are "together"."""
SOON = timedelta(minutes=15)
"""Failures that begin this soon after a write of the hub are taken to follow from it."""
_CLONE_REPEATS = 3
_OTHERS_SHARE = 10
_RANGES_SHOWN = 3


class Coverage(Enum):
    """What the current rules say about a masked range (a /24)."""

    ALLOWED = "allowed"
    PARTLY = "partly"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RangeEvidence:
    """What the log tells of one masked range between two writes of the hub (`segment` counts writes before it).

    `refused` and `lost` count devices with unexplained 401s and with lost connections that did not come back;
    `returned` counts devices that connected from the range in the same segment.
    """

    address: str
    segment: int
    refused: int
    lost: int
    failures: int
    first: datetime
    last: datetime
    returned: int


@dataclass(frozen=True)
class Cut:
    """A masked range found to be cut off by IP rules in one segment, with the reasons."""

    address: str
    segment: int
    since: datetime
    devices: int
    silent: bool  # inferred from lost connections alone: the log has no refusals
    write: ActivityEntry | None
    connected_drop: int = 0


def network_writes(activity: Sequence[ActivityEntry]) -> list[ActivityEntry]:
    """Return the successful writes of the hub, oldest first: any of them may have changed the network rules."""
    writes = [
        entry
        for entry in activity
        if entry.operation.casefold() == HUB_WRITE and entry.status.casefold() not in {"failed", "failure"}
    ]
    return sorted(writes, key=lambda entry: entry.time)


def coverage(masked: str, exposure: Exposure | None) -> Coverage:
    """Return what the rules say about the /24 behind a masked address (10.20.4.XXX)."""
    if exposure is None or exposure.public_access is None or exposure.default_deny is None:
        return Coverage.UNKNOWN
    if not exposure.public_access:
        return Coverage.OUTSIDE
    if not exposure.default_deny:
        return Coverage.ALLOWED
    network = masked_network(masked)
    if network is None:
        return Coverage.UNKNOWN
    allowed = []
    for rule in exposure.ip_rules:
        try:
            allowed.append(ipaddress.IPv4Network(rule.mask, strict=False))
        except ValueError:
            continue
    touching = [rule for rule in allowed if rule.overlaps(network)]
    if not touching:
        return Coverage.OUTSIDE
    if any(network.subnet_of(rule) for rule in ipaddress.collapse_addresses(touching)):
        return Coverage.ALLOWED
    return Coverage.PARTLY


def masked_network(masked: str) -> ipaddress.IPv4Network | None:
    """Return the /24 behind a masked address, None when it is not one."""
    head, _, tail = masked.rpartition(".")
    if tail.casefold() != "xxx":
        return None
    try:
        return ipaddress.IPv4Network(f"{head}.0/24")
    except ValueError:
        return None


def short_range(masked: str) -> str:
    """Return a masked address as it is shown: 10.20.4.x."""
    head, _, tail = masked.rpartition(".")
    return f"{head}.x" if tail.casefold() == "xxx" else masked


def cut_ranges(
    evidence: Sequence[RangeEvidence],
    writes: Sequence[ActivityEntry],
    exposures: Mapping[int, Exposure],
    connected: MetricSeries | None = None,
    window_start: datetime | None = None,
) -> list[Cut]:
    """Return the ranges that IP rules cut off, segment by segment.

    Where a segment's rules are known they decide: a range that they allow is never cut off, one outside them is. Where
    they are not known any more a write must begin the segment, several devices must fail together, and (almost) none
    may get in. Silence without refusals also needs a drop in connected devices,
    when the platform counts them.

    Args:
        evidence: per range and segment, as the log tells.
        writes: the hub's writes, oldest first; segment n begins with write n-1.
        exposures: the rules of a segment by its number, where they are known; the newest are those of now.
        connected: the platform's count of connected devices, None when unknown.
        window_start: where the evidence begins; what was already failing then cannot be seen to begin.
    """
    found: list[Cut] = []
    for item in evidence:
        write = writes[item.segment - 1] if 0 < item.segment <= len(writes) else None
        said = coverage(item.address, exposures.get(item.segment))
        silent = item.refused == 0
        devices = item.lost if silent else item.refused
        follows = write is not None and item.first - max(write.time, window_start or write.time) <= SOON
        drop = connected_drop(connected, write.time) if write else None
        if _is_cut(item, devices, said, follows) and (not silent or _silence_counts(item, follows, drop)):
            blamed = _blamed(writes[: item.segment])
            found.append(Cut(item.address, item.segment, item.first, devices, silent, blamed, drop or 0))
    return found


def connected_drop(series: MetricSeries | None, at: datetime) -> int | None:
    """Return by how many the connected devices fell within 15 minutes after a time; None when it is not known."""
    if series is None:
        return None
    before = [value for time, value in series.points if value is not None and at - SOON <= time <= at]
    after = [value for time, value in series.points if value is not None and at < time <= at + SOON]
    if not before or not after:
        return None
    return max(round(max(before) - min(after)), 0)


def _blamed(writes: Sequence[ActivityEntry]) -> ActivityEntry | None:
    """Return the newest write that says it removed or changed a rule, else the newest write."""
    told = [entry for entry in writes if "removed" in entry.summary or "changed" in entry.summary]
    candidates = told or list(writes)
    return candidates[-1] if candidates else None


def _is_cut(item: RangeEvidence, devices: int, said: Coverage, follows: bool) -> bool:
    if said is Coverage.ALLOWED or devices == 0:
        return False
    if said is Coverage.OUTSIDE:
        return True
    nobody_enters = item.returned * _OTHERS_SHARE <= devices
    return devices >= TOGETHER and nobody_enters and follows


def _silence_counts(item: RangeEvidence, follows: bool, drop: int | None) -> bool:
    together = item.lost >= TOGETHER and item.returned == 0
    return together and follows and (drop is None or 2 * drop >= item.lost)


def cut_evidence(cuts: Sequence[Cut]) -> str:
    """Return the reasons in words: "one masked range 10.20.4.x, IP rule "lyon" removed 09:01 by ana@contoso"."""
    if not cuts:
        return ""
    names = sorted({short_range(cut.address) for cut in cuts}, key=_address_key)
    shown = ", ".join(names[:_RANGES_SHOWN]) + (
        f" and {len(names) - _RANGES_SHOWN} more" if len(names) > _RANGES_SHOWN else ""
    )
    parts = [f"one masked range {shown}" if len(names) == 1 else f"{len(names)} masked ranges {shown}"]
    write = next((cut.write for cut in sorted(cuts, key=lambda cut: cut.since) if cut.write), None)
    if write is not None:
        parts.append(f"{write.summary or 'hub written'} {write.time:%H:%M} by {write.caller or 'unknown'}")
    else:
        parts.append("outside every IP rule now")
    if all(cut.silent for cut in cuts):
        parts.append("silent together, no refusals in the log")
    if drop := max(cut.connected_drop for cut in cuts):
        parts.append(f"connected devices fell by {drop:,}")
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What a row of the table rests on: counts, and its newest failure as a sample."""

    count: int
    devices: int
    ranges: int
    device_id: str
    code: str
    address: str
    message: str


def judge(cause: Cause, facts: GroupFacts) -> tuple[Confidence, str, str]:
    """Return (confidence, evidence, flag) of a group of failures with one cause (IP rules: see `cut_evidence`)."""
    who = facts.device_id if facts.devices == 1 else f"{facts.devices:,} devices"
    where = short_range(facts.address) if facts.ranges == 1 else f"{facts.ranges} masked ranges"
    match cause:
        case Cause.IP_RULES:
            return Confidence.LIKELY, f"{who} of {where}", "possible IP-rule cut-off"
        case Cause.CLONED:
            return _cloned(facts, who, where)
        case Cause.CERTIFICATE_EXPIRED:
            return Confidence.CERTAIN, f"{who}: the certificate has expired", "expired certificate"
        case Cause.THUMBPRINT:
            return Confidence.CERTAIN, f"{who}: not the certificate that is registered", "thumbprint mismatch"
        case Cause.CERTIFICATE:
            return Confidence.CERTAIN, f"{who}: {facts.code} with X.509 and without a reconnect, from {where}", ""
        case Cause.WRONG_CREDENTIAL:
            return Confidence.CERTAIN, f"{who}: {facts.code} without a reconnect, from {where}", ""
        case Cause.DISABLED:
            return Confidence.CERTAIN, f"{who}: disabled in the registry, still trying", ""
        case Cause.UNKNOWN_DEVICE:
            return Confidence.CERTAIN, f"{who}: not in the registry, from {where}", ""
        case Cause.FILTERED:
            return Confidence.LIKELY, f"{who} of {where}, rejected by the filters now", "possible IP-filter cut-off"
        case Cause.NO_ENROLLMENT:
            return Confidence.CERTAIN, f"{who}: no enrollment fits, from {where}", ""
        case Cause.ENROLLMENT_DISABLED:
            return Confidence.CERTAIN, f"{who}: the enrollment is disabled", ""
        case Cause.ENROLLMENT_CERTIFICATE:
            return Confidence.CERTAIN, f"{who}: {facts.message}, from {where}", ""
        case Cause.ENROLLMENT_KEY:
            return Confidence.LIKELY, f"{who}: {facts.message}, from {where}", ""
        case Cause.NOT_ASSIGNED:
            return Confidence.CERTAIN, f"{who}: {facts.message}", "no hub takes new devices"
        case Cause.THROTTLED:
            return Confidence.CERTAIN, f"{who}: {facts.code}, more than the hub's units allow", "throttling"
        case Cause.SERVICE:
            return Confidence.CERTAIN, f"{who}: {facts.code}, look at Azure's service health", "service-side"
        case Cause.NETWORK:
            return Confidence.CERTAIN, f"{who}: {facts.code} and no reconnect in time", ""
        case Cause.RENEWAL:
            return Confidence.CERTAIN, f"{who}: reconnected within 5 min", ""
        case _:
            return Confidence.CERTAIN, f"{who}: {facts.code} {facts.message}".rstrip(), ""


def _cloned(facts: GroupFacts, who: str, where: str) -> tuple[Confidence, str, str]:
    repeated = facts.count >= _CLONE_REPEATS * max(facts.devices, 1)
    certain = facts.ranges > 1 and facts.devices == 1
    text = f"{who}: {facts.code} {facts.count} times, from {where}"
    flag = "possible cloned credential" if repeated or certain else ""
    return (Confidence.CERTAIN if certain else Confidence.LIKELY), text, flag


def _address_key(shown: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else -1 for part in shown.split("."))

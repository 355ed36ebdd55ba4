"""Rules that would let refused devices in again: those removed lately, else the smallest range that holds them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from console.model.change import ABSENT, Member
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import Certainty, IpRule
from console.model.journal import EntryState
from console.model.network import NetworkView, SeenRange, Suggestion
from console.model.text import clean
from console.rules.causes import short_range
from console.rules.ip_filter import check_name, masked_verdict
from console.rules.ip_ranges import interval_of, mask_text, seen_interval, smallest_network
from console.services.journal import Journal
from console.services.network_memory import NetworkMemory
from console.services.ports import Cancel
from console.services.session import Session

_LOOK_BACK = timedelta(hours=24)
_TOLD = re.compile(r'IP rule "([^"]+)" removed')
_SMALLEST_PREFIX = 8
"""Never suggested is a range wider than this: what is refused is then no one place."""
_AGE = 15.0


def suggestions(
    session: Session,
    journal: Journal | None,
    memory: NetworkMemory,
    view: NetworkView,
    masked: Sequence[str],
    cancel: Cancel,
) -> tuple[Suggestion, ...]:
    """Return rules that would let ranges in again, the likeliest first; see `NetworkService.suggest`."""
    wanted = [full for text in masked if (full := full_mask(text))] or list(refused_ranges(view))
    there = {row.rule.name.casefold() for row in view.rows}
    found: dict[tuple[str, str], Suggestion] = {}
    names: list[tuple[str, str]] = []
    for rule, at in memory.removed():
        _keep(found, Suggestion(rule, f"removed {at:%H:%M}, as this console saw it"), wanted, there)
    if journal is not None:
        for suggestion in _journalled(journal, session.hub_name):
            _keep(found, suggestion, wanted, there)
    names += _named(session, cancel)
    cover = _cover(wanted)
    if cover:
        name, origin = next(
            ((name, origin) for name, origin in names if name.casefold() not in there and not check_name(name)),
            ("", ""),
        )
        ranges = ", ".join(short_range(one) for one in wanted[:4]) + (" …" if len(wanted) > 4 else "")
        text = f"the smallest range that holds {ranges}"
        rule = IpRule(name or _free_name(there), cover)
        _keep(found, Suggestion(rule, f"{text}; named after the rule {origin}" if origin else text), wanted, there)
    return tuple(found.values())


def refused_ranges(view: NetworkView) -> Iterator[str]:
    """Yield the masked ranges that the rules refuse and from which devices are refused, most devices first."""
    log = view.seen.value
    for item in log.ranges if log else ():
        if _refused(view, item):
            yield item.address.masked


def _refused(view: NetworkView, item: SeenRange) -> bool:
    return masked_verdict(view.hub.reach, item.address.masked).certainty is Certainty.OUT and item.address.devices > 1


def full_mask(text: str) -> str:
    """Return a masked address from what stands for one (10.20.4, 10.20.4.x, 10.20.4.XXX); empty when it is none."""
    head = re.sub(r"\.(x|xxx|\*)$", "", text.strip(), flags=re.IGNORECASE)
    candidate = f"{head}.XXX"
    return candidate if seen_interval(candidate) is not None else ""


def _keep(found: dict[tuple[str, str], Suggestion], one: Suggestion, wanted: Sequence[str], there: set[str]) -> None:
    if one.rule.name.casefold() in there or (wanted and not _helps(one.rule, wanted)):
        return
    found.setdefault((one.rule.name.casefold(), one.rule.mask), one)


def _helps(rule: IpRule, wanted: Sequence[str]) -> bool:
    span = interval_of(rule.mask)
    ranges = [interval for text in wanted if (interval := seen_interval(text)) is not None]
    return span is not None and any(first <= span[1] and last >= span[0] for first, last in ranges)


def _journalled(journal: Journal, hub: str) -> Iterator[Suggestion]:
    """Yield the rules that changes of this journal removed, newest first."""
    try:
        entries = journal.entries(hub)
    except ConsoleError:
        return
    for entry in entries:
        if entry.state is not EntryState.APPLIED:
            continue
        for edit in entry.edits:
            member = edit.path[-1] if edit.path else ""
            if isinstance(member, Member) and member.field == "filterName" and edit.after is ABSENT:
                body = edit.before if isinstance(edit.before, dict) else {}
                rule = IpRule(clean(body.get("filterName")), clean(body.get("ipMask")))
                yield Suggestion(rule, f"removed {entry.time:%H:%M} by {clean(entry.who)}, from the journal")


def _named(session: Session, cancel: Cancel) -> list[tuple[str, str]]:
    """Return names of rules that the activity log says were removed, with who and when; it tells no ranges."""
    try:
        since = session.now() - _LOOK_BACK
        reader = session.hub_reader
        entries = session.cached(f"activity of a day {since:%F}", _AGE, lambda: reader.activity(since, cancel))
    except ConsoleError as error:
        if error.kind is ErrorKind.CANCELLED:
            raise
        return []
    return [
        (name, f"removed {entry.time:%H:%M} by {entry.caller or 'somebody'} (activity log)")
        for entry in entries
        for name in _TOLD.findall(entry.summary)
    ]


def _cover(wanted: Sequence[str]) -> str:
    spans = [interval for text in wanted if (interval := seen_interval(text)) is not None]
    if not spans:
        return ""
    network = smallest_network(min(first for first, _ in spans), max(last for _, last in spans))
    return mask_text(network) if network.prefixlen >= _SMALLEST_PREFIX else ""


def _free_name(there: set[str]) -> str:
    number = 1
    while f"restored-{number}" in there:
        number += 1
    return f"restored-{number}"

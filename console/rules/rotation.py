"""How far the rotation of a policy's keys has come, told from what the journal saw happen to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from console.model.document import Json
from console.model.policy import RotationState, Slot, Stage
from console.model.shell import command_line


class Happening(StrEnum):
    """What befell the keys of a policy."""

    MADE = "made"  # the policy, with both keys
    KEYS = "keys"  # one key or both were replaced, exchanged or restored
    GONE = "gone"  # the policy was deleted


@dataclass(frozen=True)
class KeyEvent:
    """A change of a policy's keys. Keys are digests; `certain` False: whether it was made is not known."""

    time: datetime
    what: Happening
    before: Mapping[Slot, str] = field(default_factory=dict)
    after: Mapping[Slot, str] = field(default_factory=dict)
    certain: bool = True


def swapped(policy: Json) -> Json:
    """Return a policy with its keys exchanged; both stay valid."""
    return {**policy, "primaryKey": policy["secondaryKey"], "secondaryKey": policy["primaryKey"]}


def made_at(events: Iterable[KeyEvent]) -> dict[str, datetime]:
    """Return when each key that was made from here was made, by digest; `events` are oldest first."""
    known: dict[str, datetime] = {}
    seen: set[str] = set()
    for event in events:
        seen.update(event.before.values())
        for digest in event.after.values():
            if event.certain and digest not in seen:
                known[digest] = event.time
            seen.add(digest)
    return known


def rotation_of(
    name: str, events: Sequence[KeyEvent], current: Mapping[Slot, str] | None = None, links: Sequence[str] = ()
) -> RotationState:
    """Return how far the rotation of a policy's keys has come.

    Args:
        name: the policy, for the check-list.
        events: what happened to its keys, oldest first.
        current: digests of its keys as read now; None while they are not read. They settle what is not certain, and
            show keys that were replaced elsewhere.
        links: provisioning services that link by the policy, for the check-list.
    """
    seen: set[str] = set()
    fresh: set[str] = set()  # made by the rotation that is under way
    slots: dict[Slot, str] = {}
    finished: dict[Slot, str] | None = None  # the keys as they were when a rotation was complete
    since: datetime | None = None
    open_question = False
    for event in events:
        if not event.certain and not _confirmed(event, current):
            open_question = open_question or current is None
            continue
        if event.what is not Happening.KEYS:
            seen |= {*event.before.values(), *event.after.values()}
            fresh, finished, since, slots = set(), None, None, dict(event.after)
            continue
        seen.update(event.before.values())
        slots = {**event.before, **slots, **event.after}
        new = {digest for digest in event.after.values() if digest not in seen}
        seen.update(event.after.values())
        if new:
            if finished is not None:
                fresh, finished = set(), None
            fresh |= new
            since = event.time
        if finished is None and _both(slots, fresh):
            finished = dict(slots)
    elsewhere = False
    if current is not None:
        elsewhere = bool(slots) and any(digest not in seen and slots.get(slot) for slot, digest in current.items())
        slots = dict(current)
    stage = _stage(slots, fresh)
    next_slot = Slot.PRIMARY if stage is Stage.SECONDARY_NEW else Slot.SECONDARY
    exchanged = stage is Stage.COMPLETE and finished is not None and finished != slots
    return RotationState(
        stage,
        since if stage is not Stage.NONE else None,
        next_slot,
        _checklist(name, stage, links, exchanged),
        _note(elsewhere, open_question),
    )


def _confirmed(event: KeyEvent, current: Mapping[Slot, str] | None) -> bool:
    """Whether the keys as read now hold what an uncertain event would have brought."""
    return current is not None and any(current.get(slot) == digest for slot, digest in event.after.items())


def _both(slots: Mapping[Slot, str], fresh: set[str]) -> bool:
    return len(slots) == len(Slot) and set(slots.values()) <= fresh


def _stage(slots: Mapping[Slot, str], fresh: set[str]) -> Stage:
    primary, secondary = (slots.get(slot) in fresh for slot in Slot)
    if primary and secondary:
        return Stage.COMPLETE
    if primary:
        return Stage.PRIMARY_NEW
    return Stage.SECONDARY_NEW if secondary else Stage.NONE


def _note(elsewhere: bool, open_question: bool) -> str:
    if elsewhere:
        return "a key was replaced elsewhere since: this journal does not know when, or whether clients followed"
    if open_question:
        return "the outcome of a change of its keys is not known: read the keys to settle it"
    return ""


def _checklist(name: str, stage: Stage, links: Sequence[str], exchanged: bool) -> tuple[str, ...]:
    listed = ", ".join(links)
    if stage is Stage.NONE:
        return (
            f"see that every client of {name} uses the primary key: the secondary is replaced first",
            f"replace the secondary key: {_policy('rotate', name, Slot.SECONDARY)}",
        )
    if stage is Stage.COMPLETE:
        watch = "watch Connections for 401003: whoever still has an old key is refused now"
        if exchanged:
            return (watch, "clients hold the primary key: the next rotation can begin with the secondary")
        move = "before the next rotation, which begins with the secondary key, move clients to the primary, or make the"
        return (watch, f"{move} key that they hold the primary one, which cuts off nobody: {_policy('swap', name)}")
    fresh = Slot.SECONDARY if stage is Stage.SECONDARY_NEW else Slot.PRIMARY
    again = f"link {listed} anew with the {fresh} key" if links else f"link provisioning services that use {name} anew"
    return (
        f"give the new {fresh} key to every client of {name}: {_policy('connection-string', name, fresh)}",
        again,
        "watch Connections until nobody fails with 401003; which key a client uses cannot be seen from here",
        f"then replace the {fresh.other} key: {_policy('rotate', name, fresh.other)}",
    )


def _policy(verb: str, name: str, slot: Slot | None = None) -> str:
    """Return a command on a policy, without the program's name."""
    return command_line("policy", verb, *(("--key", slot.value) if slot else ()), operands=[name])

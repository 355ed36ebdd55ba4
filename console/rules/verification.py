"""What a write really did: the resource as read back, held against the plan and against what it was before."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.change import Absent, Change, Edit, Outcome, Result, path_text
from console.model.document import Document
from console.model.errors import UNANSWERED, ConsoleError, ErrorKind
from console.model.journal import SETTLED_AFTER
from console.model.text import clean
from console.rules.diff import diff, equal
from console.rules.planning import settled, touched
from console.rules.policies import same_rights

_SHOWN = 4
"""How many differing paths a sentence names."""

_MAY_STILL = {ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.SERVICE}


_ENDED = {"", "succeeded", "failed", "canceled", "cancelled", "deleted", "suspended"}


@dataclass(frozen=True)
class Compared:
    """A resource after a write.

    Attributes:
        planned: whether everything that was to change is as planned.
        before: whether everything that was to change is as it was before.
        others: places that were not to be touched and differ now.
        off: places that were to change and are neither as planned nor, all together, as before.
        foreign: whether the ETag shows that somebody else wrote after us (then `others` may be theirs).
        under_way: the provisioning state that shows that the service has not ended with it; empty when it has.
    """

    planned: bool
    before: bool
    others: tuple[Edit, ...]
    off: tuple[Edit, ...]
    foreign: bool
    under_way: str = ""


def compare(change: Change, now: Document | None, written_etag: str) -> Compared:
    """Hold what was read back against a change. `written_etag` is what the write returned, empty when not told."""
    kind = change.target.kind
    actual = settled(kind, now.body if now else None)
    wanted = settled(kind, change.after)
    old = settled(kind, change.before.body if change.before else None)
    from_plan = _meaning(diff(wanted, actual))
    if change.before is None and now is not None:  # the service adds its own members to what is created
        from_plan = tuple(edit for edit in from_plan if not _holds(edit.after, edit.before))
    from_before = _meaning(diff(old, actual))
    off = tuple(edit for edit in from_plan if touched(change, [edit]))
    others = tuple(edit for edit in from_plan if edit not in off)
    moved = any(touched(change, [edit]) for edit in from_before)
    foreign = bool(written_etag and now and now.etag and now.etag != written_etag)
    return Compared(not off, not moved, others, off, foreign, _under_way(now))


def told(change: Change, compared: Compared, error: ConsoleError | None, pending: str) -> Outcome:
    """Return the outcome that follows, with one honest sentence."""
    title = change.title
    why = (error.why or error.what).rstrip(".") if error else ""
    failed = error is not None and error.status is None and error.kind is ErrorKind.SERVICE
    if compared.planned and not compared.before and (failed or (pending and compared.under_way)):
        said = why if failed else pending
        text = f"OUTCOME UNKNOWN for {title}: {said}. It reads as planned now, and may still go back: read it again."
        return Outcome(change, Result.UNKNOWN, text, (), error)
    if compared.planned and (not compared.before or error is None):
        if compared.others and not compared.foreign and error is None:
            places = _places(compared.others)
            text = (
                f"{_cap(title)}: done as planned, but more differs than was planned: {places}. "
                "It may have been this write or somebody else's: look before you go on."
            )
            return Outcome(change, Result.DIFFERS, text, compared.others, error)
        text = f"{_cap(title)}: done, and read back as planned"
        if error is not None:
            text = f"{_cap(title)}: done, although the service answered otherwise ({why})"
        if compared.others:
            text += f"; somebody else changed {_places(compared.others)} meanwhile, which stays"
        return Outcome(change, Result.APPLIED, text + ".", (), error)
    if compared.before:
        if pending:
            text = f"OUTCOME UNKNOWN for {title}: {pending}. It is as before now, and may still change: read it again."
            return Outcome(change, Result.UNKNOWN, text, compared.off, error)
        if error is not None and error.kind is ErrorKind.CONFLICT:
            first = "somebody else changed it first" if change.before else "the service says there is one already"
            text = f"{_cap(title)}: nothing was changed, {first} ({why})."
            return Outcome(change, Result.CONFLICT, text, (), error)
        if error is not None and unanswered(error):
            minutes = SETTLED_AFTER.seconds // 60
            text = (
                f"OUTCOME UNKNOWN for {title}: {why}. It is as before now, and the write may still arrive: read it "
                f"again in {minutes} minutes, and change nothing of it before."
            )
            return Outcome(change, Result.UNKNOWN, text, compared.off, error)
        said = f": {why}" if why else ", though the service accepted the write"
        text = f"{_cap(title)}: NOT done, it is as before{said}."
        if error is not None and error.hint:
            text += f" {error.hint.rstrip('.')}."
        result = Result.NOT_APPLIED
        if error is not None and error.kind in _MAY_STILL:
            text += " Look once more in a minute: a write that got lost may still arrive."
        return Outcome(change, result, text, (), error)
    if change.before is None and error is not None and error.kind is ErrorKind.CONFLICT:
        text = f"{_cap(title)}: nothing was changed, somebody else made one of this name first ({why})."
        return Outcome(change, Result.CONFLICT, text, (), error)
    text = (
        f"{_cap(title)}: NEITHER as before NOR as planned: {_places(compared.off)}. "
        "Look at it before you do anything else; undo plans against what is there now."
    )
    return Outcome(change, Result.DIFFERS, text, (*compared.off, *compared.others), error)


def unanswered(error: ConsoleError) -> bool:
    """Whether nobody can say if the write was taken: no answer came, or one of a gateway that got none itself."""
    return error.kind is ErrorKind.TIMEOUT or error.code == UNANSWERED or error.status in {408, 502, 504}


def under_way(now: Document | None) -> bool:
    """Whether the service says that it has not ended with the resource."""
    return _under_way(now).casefold() not in _ENDED


def _holds(found: object, wanted: object) -> bool:
    """Whether what was found is what was wanted, with members of the service's own in objects."""
    if isinstance(wanted, Absent):
        return True
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(_holds(found.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(_holds(one, two) for one, two in zip(found, wanted, strict=True))
    return equal(found, wanted)


def _under_way(now: Document | None) -> str:
    body = now.body.get("hub", now.body) if now else {}
    properties = body.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return "" if state in {None, "Succeeded"} else clean(state)


def _meaning(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Leave out differences between null and absent, and rights that are only written in another way."""
    return tuple(
        edit
        for edit in edits
        if not (_nothing(edit.before) and _nothing(edit.after))
        and not (edit.path[-1:] == ("rights",) and same_rights(edit.before, edit.after))
    )


def _nothing(value: object) -> bool:
    return value is None or isinstance(value, Absent) or value in ({}, [])


def _places(edits: tuple[Edit, ...]) -> str:
    names = [clean(path_text(edit.path) or "the whole resource", limit=80) for edit in edits]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]

"""Changes and outcomes as rows of the journal and back; keys become fingerprints on the way in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from console.model.change import ABSENT, Change, Edit, Member, Outcome, Path, path_text
from console.model.document import Json, Target, TargetKind
from console.model.journal import EntryState, Fingerprint, JournalEntry, JournalRow
from console.model.secret import Secret

Print = Callable[[Secret], Fingerprint]
_ABSENT, _SECRET = {"$absent": True}, "$secret"


def encoded(value: Any, fingerprint: Print) -> Any:
    """Return a value of a document as JSON for the journal."""
    if value is ABSENT:
        return _ABSENT
    if isinstance(value, Secret):
        return {_SECRET: fingerprint(value).digest}
    if isinstance(value, Fingerprint):
        return {_SECRET: value.digest}
    if isinstance(value, dict):
        return {name: encoded(item, fingerprint) for name, item in value.items()}
    if isinstance(value, list):
        return [encoded(item, fingerprint) for item in value]
    return value


def decoded(value: Any) -> Any:
    """Return the value behind `encoded`; keys stay fingerprints."""
    if value == _ABSENT:
        return ABSENT
    if isinstance(value, dict):
        if set(value) == {_SECRET}:
            return Fingerprint(str(value[_SECRET]))
        return {name: decoded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [decoded(item) for item in value]
    return value


def intent_body(
    change: Change, fingerprint: Print, *, who: str, host: str, accepted: Iterable[str], process: Json, sealed: str
) -> Json:
    """Return the body of the row that is written before a change is made."""
    before = change.before
    return {
        "kind": change.kind,
        "title": change.title,
        "target": {"kind": change.target.kind.value, "id": change.target.id},
        "edits": [_edit(edit, fingerprint) for edit in change.edits],
        "before": encoded(before.body if before else None, fingerprint),
        "after": encoded(change.after, fingerprint),
        "etag": before.etag if before else "",
        "risks": [
            {"id": risk.id, "severity": risk.severity.value, "blocking": risk.blocking, "message": risk.message}
            for risk in change.risks
        ],
        "accepted": sorted(accepted),
        "reason": change.reason,
        "undoes": change.undoes,
        "batch": change.batch,
        "who": who,
        "host": host,
        "process": process,
        "sealed": sealed,
    }


def outcome_body(outcome: Outcome) -> Json:
    """Return the body of the row that is written when it is known how a change ended."""
    return {
        "result": outcome.result.value,
        "message": outcome.message,
        "differences": [path_text(edit.path) or "(the whole resource)" for edit in outcome.differences],
        "error": outcome.error.what if outcome.error else "",
        "code": (outcome.error.code or "") if outcome.error else "",
        "answer": dict(outcome.answer),
    }


def entry_of(rows: list[JournalRow], alive: Callable[[Json], bool], *, images: bool = True) -> JournalEntry:
    """Return the entry that the rows of one change make.

    `alive` tells whether a recorded process still runs; without `images` the bodies before and after stay None. Rows
    that cannot be read, or not by this version, make an entry that says so.
    """
    readable = "is not readable by this version of hubwarden"
    try:
        if rows[0].trouble:
            return _unreadable(rows[0], rows[0].trouble)
        first = _entry(rows[:1], alive, images)
    except _UNREADABLE:
        return _unreadable(rows[0], f"row {rows[0].seq} {readable}")
    last = rows[-1]
    try:
        if not last.trouble:
            return _entry(rows, alive, images)
        trouble = last.trouble
    except _UNREADABLE:
        trouble = f"row {last.seq} {readable}"
    return replace(first, state=EntryState.UNREADABLE, message=f"How it ended is not known: {trouble}.")


_UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError)


def _unreadable(row: JournalRow, trouble: str) -> JournalEntry:
    nowhere = Target(TargetKind.HUB, "")
    return JournalEntry(
        row.change_id,
        row.seq,
        row.time,
        row.hub,
        "",
        trouble,
        nowhere,
        "",
        "",
        EntryState.UNREADABLE,
        message=f"{trouble}.",
    )


def _entry(rows: list[JournalRow], alive: Callable[[Json], bool], images: bool) -> JournalEntry:
    first, body = rows[0], rows[0].body
    last = rows[-1] if len(rows) > 1 else None
    if first.kind == "read":
        state = EntryState.READ
    elif last is not None:
        state = EntryState(last.body["result"])
    else:
        state = EntryState.IN_PROGRESS if alive(body.get("process") or {}) else EntryState.UNKNOWN
    target = body.get("target") or {}
    return JournalEntry(
        id=first.change_id,
        seq=first.seq,
        time=first.time,
        hub=first.hub,
        kind=str(body.get("kind", "")),
        title=str(body.get("title", "")),
        target=Target(TargetKind(target.get("kind", "hub")), str(target.get("id", ""))),
        who=str(body.get("who", "")),
        host=str(body.get("host", "")),
        state=state,
        reason=str(body.get("reason", "")),
        undoes=str(body.get("undoes", "")),
        batch=str(body.get("batch", "")),
        edits=tuple(_edit_from(item) for item in body.get("edits") or ()),
        before=_image(body.get("before")) if images else None,
        after=_image(body.get("after")) if images else None,
        accepted=tuple(str(one) for one in body.get("accepted") or ()),
        ended=last.time if last else None,
        message=str(last.body.get("message", "")) if last else str(body.get("message", "")),
        differences=tuple(str(one) for one in last.body.get("differences") or ()) if last else (),
        sealed=str(body.get("sealed", "")),
        answer=_answer(rows),
    )


def _image(value: Any) -> Json | None:
    found = decoded(value)
    if found is not None and not isinstance(found, dict):
        raise TypeError("an image is an object")
    return found


def _answer(rows: list[JournalRow]) -> dict[str, str]:
    """Return what the service told in its answer; a later re-reading does not tell it again."""
    found: Json = next((row.body["answer"] for row in reversed(rows) if row.body.get("answer")), {})
    return {str(name): str(value) for name, value in found.items()}


def _edit(edit: Edit, fingerprint: Print) -> Json:
    return {
        "path": [
            {"field": step.field, "value": step.value} if isinstance(step, Member) else step for step in edit.path
        ],
        "before": encoded(edit.before, fingerprint),
        "after": encoded(edit.after, fingerprint),
        "position": edit.position,
    }


def _edit_from(item: Json) -> Edit:
    path: Path = tuple(
        Member(str(step["field"]), str(step["value"])) if isinstance(step, dict) else str(step) for step in item["path"]
    )
    position = item.get("position")
    return Edit(path, decoded(item["before"]), decoded(item["after"]), None if position is None else int(position))

"""How asking for a verification code ended: the code comes in the answer alone, so a lost answer is a lost code."""

from __future__ import annotations

import re
from collections.abc import Mapping

from console.model.change import Change, Outcome, Result
from console.model.document import Document
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules.diff import diff
from console.rules.planning import settled

CODE_FIELD = "verificationCode"
ETAG_FIELD = "etag"
PLACEHOLDER = "(a new one, which the service makes)"
LOST = "Ask for another code: a code that was not received is of no use to anybody, and the next one makes it void"
_CODE = re.compile(r"[0-9A-Za-z]{1,64}")
"""48 hexadecimal digits today; a common name, which it must fit into, has 64 characters at most (RFC 5280)."""
_LOST = {ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.SERVICE, ErrorKind.BAD_ANSWER}


def usable(code: str) -> bool:
    """Whether a text can be a verification code; only such a one is put into a common name or a shell's line."""
    return _CODE.fullmatch(code) is not None


def code_told(
    change: Change, now: Document | None, etag: str, answer: Mapping[str, str], error: ConsoleError | None
) -> Outcome:
    """Return the outcome of asking for a code, from the answer (empty when it was lost) and from reading back.

    `etag` is what the answer told; the reading says whether the certificate is still the one that was asked about.
    """
    title = f"{change.title[:1].upper()}{change.title[1:]}"
    why = (error.why or error.what).rstrip(".") if error else ""
    if now is None:
        return Outcome(change, Result.DIFFERS, f"{title}: no code, the certificate is gone from the hub.", (), error)
    if error is not None and error.kind is ErrorKind.CONFLICT:
        text = f"{title}: no code was made, somebody else changed the certificate first ({why})."
        return Outcome(change, Result.CONFLICT, text, (), error)
    code = answer.get(CODE_FIELD, "")
    if error is None and usable(code):
        return _received(change, title, now, etag, code)
    moved = change.before is not None and now.etag != change.before.etag
    if error is not None and error.kind not in _LOST and not moved:
        hint = f" {error.hint.rstrip('.')}." if error.hint else ""
        return Outcome(change, Result.NOT_APPLIED, f"{title}: NOT done: {why}.{hint}", (), error)
    said = why or f"its answer holds {'no usable' if code else 'no'} code"
    made = "A code was made there, it seems, and its answer was lost" if moved else "No code was received"
    return Outcome(change, Result.NOT_APPLIED, f"{title}: NOT done. {made} ({said}). {LOST}.", (), error)


def _received(change: Change, title: str, now: Document, etag: str, code: str) -> Outcome:
    kind = change.target.kind
    differences = diff(settled(kind, change.before.body if change.before else None), settled(kind, now.body))
    if differences or (etag and now.etag and now.etag != etag):
        text = (
            f"{title}: the code is {code}, but somebody wrote the certificate right after: if a proof with this code "
            "is refused, ask for another code."
        )
        return Outcome(change, Result.DIFFERS, text, differences)
    return Outcome(change, Result.APPLIED, f"{title}: the code is {clean(code)}.")

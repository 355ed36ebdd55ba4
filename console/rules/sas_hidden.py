"""An explanation without a piece of a signature or key: the last that is done before it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from console.model.token import Explanation, SasParts, TokenFinding
from console.rules.redaction import Redaction
from console.rules.showing import Showing

_VALUES = {"resource", "policy", "host", "device", "module", "gateway"}
_LONGEST = 1000  # characters of one value or sentence
_MOST = 40  # findings: what has more is no token, and nobody reads them


def hidden(told: Explanation, forms: Sequence[str], secrets: Redaction) -> Explanation:
    """Return an explanation without a piece of a signature or key: one may have slipped to where an id belongs.

    `forms`: the pasted text in each form in which it was looked at; `secrets`: what was known by its label.
    """
    parts = told.report.parts if told.report else None
    expiry = parts.expiry_text if parts else dict(told.facts).get("expires", "")
    showing = Showing(forms, (secrets.covered(one) for one in _values(told)), expiry)

    def covered(text: str, *, sentence: bool = False) -> str:
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        return showing.covered(secrets.covered(text), sentence=sentence)

    details = tuple(
        replace(one, message=covered(one.message, sentence=True), hint=covered(one.hint, sentence=True))
        for one in told.details[:_MOST]
    )
    if more := len(told.details) - len(details):
        details = (*details, TokenFinding("more", f"{more:,} more findings are left out here"))
    facts = tuple((label, covered(value, sentence=not _is_value(label))) for label, value in told.facts)
    report, messages = told.report, tuple(one.message for one in details)
    if report is not None:
        if parts is not None:
            sent, resource = covered(parts.signed_resource), covered(parts.resource)
            parts = SasParts(sent, resource, b"", covered(parts.expiry_text), parts.expires, covered(parts.policy))
        report = replace(report, parts=parts, findings=messages)
    return replace(told, report=report, facts=facts, details=details, findings=messages)


def _is_value(label: str) -> bool:
    return label.rpartition(": ")[2] in _VALUES


def _values(told: Explanation) -> Iterator[str]:
    parts = told.report.parts if told.report else None
    if parts is not None:
        yield from (parts.signed_resource, parts.resource, parts.policy)
    yield from (value for label, value in told.facts if _is_value(label))

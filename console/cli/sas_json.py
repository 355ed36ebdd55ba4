"""The documents of `hubwarden sas`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from console.cli.output import Json, envelope, json_text, time_text
from console.model.clock import system_clock
from console.model.text import clean
from console.model.token import Explanation, LedgerEntry, MintedToken


def token_json(token: MintedToken, ttl: int) -> str:
    """Return the document hubwarden.sas_token/1 as text; the token stands in it."""
    item = {
        "token": token.token.reveal(),
        "resource": token.resource,
        "policy": token.policy,
        "expires": time_text(token.expires),
        "ttl_seconds": ttl,
    }
    warnings = [{"code": "token", "message": text, "hint": ""} for text in token.warnings]
    return json_text(envelope("sas_token", system_clock(), [item], warnings=warnings))


def inspection_json(told: Explanation, now: datetime) -> Json:
    """Return the document hubwarden.sas_inspection/1; neither signature nor key is in it."""
    parts = told.report.parts if told.report else None
    item = {
        "kind": clean(told.kind),
        "verdict": told.verdict.value,
        "resource": clean(parts.resource) if parts else None,
        "scope": parts.scope.value if parts else None,
        "policy": clean(parts.policy) if parts else None,
        "expires": time_text(parts.expires) if parts else None,
        "seconds_left": int(told.report.remaining_seconds)
        if told.report and told.report.remaining_seconds is not None
        else None,
        "facts": [{"label": clean(label), "value": clean(value)} for label, value in told.facts],
        "findings": [
            {
                "id": one.id,
                "verdict": one.verdict.value if one.verdict else None,
                "message": clean(one.message),
                "hint": clean(one.hint),
            }
            for one in told.details
        ],
    }
    return envelope("sas_inspection", now, [item])


def ledger_json(entries: Iterable[LedgerEntry], now: datetime) -> Json:
    """Return the document hubwarden.sas_ledger/1."""
    items = [
        {
            "fingerprint": clean(entry.fingerprint),
            "resource": clean(entry.resource),
            "policy": clean(entry.policy),
            "minted": time_text(entry.minted),
            "expires": time_text(entry.expires),
            "valid": entry.valid(now),
            "who": clean(entry.who),
        }
        for entry in entries
    ]
    return envelope("sas_ledger", now, items)

"""Certificates as JSON: what a source holds, a chain and its verdict, findings, a comparison."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from console.cli.output import Json, envelope, time_text
from console.model.certificate import CertificateInfo, ChainVerdict, Comparison, Inspected, LintFinding, Unread


def inspected_json(held: Inspected, now: datetime) -> Json:
    """Return what a source holds."""
    return envelope(
        "certificate_content",
        now,
        [certificate_json(one, now) for one in held.certificates],
        source=held.source,
        forms=list(held.forms),
        tls=held.tls,
        private_keys=held.private_keys,
        encrypted_keys=held.encrypted_keys,
        requests=[
            {
                "subject": one.subject,
                "common_name": one.common_name,
                "key": one.key,
                "key_bits": one.key_bits,
                "proven": None if one.not_known else one.proven,
                "possession": one.possession,
                "signature_hash": one.signature_hash,
                "asks_for": list(one.asks_for),
                "sha256_of_key": one.sha256_of_key,
                "oddities": list(one.oddities),
            }
            for one in held.requests
        ],
        notes=list(held.notes),
        unread=[_unread(one, now) for one in held.unread],
    )


def certificate_json(one: CertificateInfo, now: datetime) -> Json:
    """Return one certificate; a time that could not be read is null."""
    return {
        "subject": one.subject,
        "common_name": one.common_name,
        "issuer": one.issuer,
        "serial": one.serial,
        "not_before": _time(one.not_before),
        "not_after": _time(one.not_after),
        "needs_renewal": one.needs_renewal(now),
        "sha1": one.sha1,
        "sha256": one.sha256,
        "key": one.key,
        "key_bits": one.key_bits,
        "signature_hash": one.signature_hash,
        "self_issued": one.self_issued,
        "authority": one.authority,
        "path_length": one.path_length,
        "key_usage": list(one.key_usage),
        "extended_usage": list(one.extended_usage),
        "alternative_names": list(one.alternative_names),
        "subject_key_id": one.subject_key_id,
        "authority_key_id": one.authority_key_id,
        "revocation": list(one.pointers),
        "version": one.version,
        "problems": list(one.problems),
        "oddities": list(one.oddities),
    }


def verdict_json(verdict: ChainVerdict, now: datetime) -> Json:
    """Return a verdict; its items are the chain, leaf first."""
    return envelope(
        "certificate_chain",
        now,
        [certificate_json(one, now) for one in verdict.chain],
        trusted=verdict.trusted,
        unknown=verdict.unknown,
        trusted_by=verdict.trusted_by,
        purpose=verdict.purpose.value,
        faults=[
            {
                "fault": one.fault.name.lower(),
                "reason": one.fault.value,
                "depth": one.depth,
                "message": one.message,
                "hint": one.hint,
                "unknown": one.unknown,
            }
            for one in verdict.faults
        ],
        notes=list(verdict.notes),
        unread=[_unread(one, now) for one in verdict.unread],
    )


def lint_json(findings: Sequence[LintFinding], now: datetime) -> Json:
    """Return findings, the worst first."""
    return envelope(
        "certificate_lint",
        now,
        [
            {
                "id": one.id,
                "severity": one.severity.value,
                "message": one.message,
                "hint": one.hint,
                "subject": one.subject,
                "unknown": one.unknown,
            }
            for one in findings
        ],
    )


def comparison_json(comparison: Comparison, now: datetime) -> Json:
    """Return one comparison."""
    item: Json = {
        "answer": comparison.answer.name.lower(),
        "device_id": comparison.device_id,
        "why": comparison.why,
        "hint": comparison.hint,
        "facts": [{"name": name, "value": value} for name, value in comparison.facts],
    }
    return envelope("certificate_comparison", now, [item])


def _unread(one: Unread, now: datetime) -> Json:
    """Return what could not be read; its bytes as their thumbprint, null where there are none."""
    return {
        "place": one.place,
        "reason": one.reason,
        "certificates_before": one.before,
        "request": one.request,
        "sha256": hashlib.sha256(one.der).hexdigest().upper() if one.der else None,
        "certificate": None if one.info is None else certificate_json(one.info, now),
    }


def _time(moment: datetime) -> str | None:
    return None if moment.year == 1 else time_text(moment)

"""Certificates as `--json` items: records and what was issued."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from console.cli.output import Json, envelope, time_text
from console.model.certificate import CertificateRecord, Issued
from console.model.text import clean


def record_json(record: CertificateRecord, now: datetime) -> Json:
    """Return a record as an item of hubwarden.certificates/1."""
    return {
        "name": clean(record.common_name),
        "kind": record.kind.value,
        "subject": clean(record.subject),
        "issuer": clean(record.issuer),
        "serial": record.serial,
        "sha1": record.sha1,
        "sha256": record.sha256,
        "not_before": time_text(record.not_before),
        "not_after": time_text(record.not_after),
        "days_left": (record.not_after - now).days,
        "needs_renewal": record.needs_renewal(now),
        "status": record.status.value,
        "device_id": clean(record.device_id),
        "module_id": clean(record.module_id),
        "key_type": record.key_type,
        "certificate_file": _path(record.certificate_file),
        "key_file": _path(record.key_file),
        "ca_folder": _path(record.store),
    }


def issued_json(issued: Issued, now: datetime) -> Json:
    """Return the document hubwarden.certificates_issued/1."""
    item = {
        **record_json(issued.record, now),
        "files": [{"what": label, "path": clean(path)} for label, path in issued.files],
        "notes": [clean(note) for note in issued.notes],
    }
    return envelope("certificates_issued", now, [item])


def _path(path: Path | None) -> str | None:
    return None if path is None else clean(path)

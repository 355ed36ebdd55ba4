"""What a bulk run is to renew, and what it finds otherwise than it would make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from console.model.certificate import CertificateKind, KeyType, LeafOrder
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.ca_index import Entry
from console.services.issue_files import PKCS12
from console.services.issue_one import Renewal
from console.services.renewing import check_renewable


@dataclass(frozen=True)
class Work:
    """Names that are made by one template; `old` has what they replace, by name."""

    template: LeafOrder
    names: Sequence[str]
    old: Mapping[str, Entry] = field(default_factory=dict)


def renewals(
    there: Mapping[str, Entry],
    missing: Sequence[str],
    template: LeafOrder,
    folder: Path,
    now: datetime,
    renewal: Renewal,
) -> tuple[list[Work], dict[str, str]]:
    """Return what needs renewal, by kind of key and files as they were, and the names that cannot be, with the reason.

    Raises ConsoleError (code "usage") for servers: each has names of its own.
    """
    if template.kind is CertificateKind.SERVER:
        why, hint = "each server has names of its own", "Renew servers one by one"
        raise ConsoleError(ErrorKind.BAD_INPUT, "Nothing was renewed", why, hint, code="usage")
    groups: dict[LeafOrder, dict[str, Entry]] = {}
    refused: dict[str, str] = {}
    for name in (*missing, *there):
        old = there.get(name)
        try:
            entry = check_renewable(old, True, clean(name), folder)
        except ConsoleError as error:
            if old is None or old.record.needs_renewal(now):
                refused[name] = error.sentence()
            continue
        if not entry.record.needs_renewal(now):
            continue
        like = replace(template, pkcs12=template.pkcs12 or PKCS12 in entry.parts)
        if renewal.key_type_kept and entry.record.key_type in list(KeyType):
            like = replace(like, key_type=KeyType(entry.record.key_type))
        groups.setdefault(like, {})[name] = entry
    return [Work(like, tuple(old), old) for like, old in groups.items()], refused


def standing_notes(there: Mapping[str, Entry], template: LeafOrder, now: datetime) -> tuple[str, ...]:
    """Return sentences on what was there before and is not as a run would make it now."""
    other = sum(1 for one in there.values() if one.record.key_type != template.key_type.value)
    bare = sum(1 for one in there.values() if template.pkcs12 and PKCS12 not in one.parts)
    due = sum(1 for one in there.values() if one.record.needs_renewal(now))
    notes = []
    if other:
        notes.append(f"{other:,} of those there before have another kind of key than {template.key_type}")
    if bare:
        notes.append(f"{bare:,} of those there before have no PKCS#12 file")
    if due:
        notes.append(f"{due:,} of those there before need renewal: give the same command with --renew")
    return tuple(notes)

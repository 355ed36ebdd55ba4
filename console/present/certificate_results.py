"""What making certificates gave, in words: one, many, a request; where it is and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from console.model.bulk_issue import BulkIssued, BulkProgress
from console.model.certificate import CertificateKind, Issued
from console.model.text import clean
from console.present.certificate_table import issuer_words
from console.present.lines import Line, Piece, cut, paragraph
from console.present.pages import BLANK, fields, section
from console.present.words import full_moment, number, plural, span

SHOWN_FAILURES = 50
_BAR = 30


def issued_lines(issued: Issued, key: str, now: datetime, width: int) -> list[Line]:
    """Return what was made and where it is written; `key` is the one that goes on with the next step."""
    record = issued.record
    lines: list[Line] = [((" ✓ MADE", "ok"), (f"  {record.kind.value} {clean(record.common_name)}", "head")), BLANK]
    files = [(name, clean(path), "") for name, path in issued.files]
    lines += section("WRITTEN", fields(files, width))
    what, more = next_step(record.kind)
    if what:
        lines.append(((" NEXT", "head"), (f"  {key} ", "key"), (what, "")))
        lines += [*paragraph(more, width, indent=7, style="dim"), BLANK]
    about: tuple[tuple[str, str] | tuple[str, str, str], ...] = (
        ("subject", clean(record.subject)),
        ("issued by", issuer_words(record)),
        ("until", full_moment(record.not_after, now)),
        ("SHA-256", record.sha256),
        ("SHA-1", record.sha1),
        *(("note", clean(note), "warn") for note in issued.notes),
    )
    return [*lines, *section("CERTIFICATE", fields(about, width))]


def next_step(kind: CertificateKind) -> tuple[str, str]:
    """Return what usually follows on making a certificate, and what to know about it; empty when nothing does."""
    if kind.authority:
        more = "Devices get in by it when the hub has it and possession of its key was proved."
        return "upload it to the hub and prove possession of its key", more
    if kind is CertificateKind.DEVICE:
        more = (
            "Only for a device that signs in by thumbprint. One that signs in by CA needs nothing here: "
            "its CA must be verified at the hub."
        )
        return "register its thumbprint for the device", more
    return "", ""


def request_lines(files: Sequence[tuple[str, Path]], width: int) -> list[Line]:
    """Return where a request and its key are written."""
    lines: list[Line] = [((" ✓ MADE", "ok"), ("  a key and a signing request", "head")), BLANK]
    lines += section("WRITTEN", fields([(name, clean(path)) for name, path in files], width))
    lines.append(((" NEXT", "head"), ("  give the request to the CA; the key stays where it is", "")))
    return lines


# --- many ----------------------------------------------------------------------------------------------------------


def progress_text(progress: BulkProgress) -> str:
    """Return how far a bulk issue is, for the status line: "1,200 of 2,000, 310 per s, 3 s left"."""
    left = "" if progress.left_seconds is None else f", {span(timedelta(seconds=progress.left_seconds))} left"
    return f"{number(progress.done)} of {number(progress.total)}, {_rate(progress.rate)}{left}"


def progress_lines(progress: BulkProgress | None, total: int, folder: Path, width: int) -> list[Line]:
    """Return the page of a bulk issue under way."""
    done = progress.done if progress is not None else 0
    part = done / total if total else 1.0
    room = min(_BAR, max(width - 30, 10))
    full = int(part * room)
    left = progress.left_seconds if progress is not None else None
    lines: list[Line] = [
        ((" ISSUING", "head"), (f"  {plural(total, 'certificate')}", "")),
        BLANK,
        (("   ", ""), ("█" * full, "metric"), ("░" * (room - full), "axis"), (f"  {int(part * 100)} %", "")),
        BLANK,
    ]
    lines += fields(
        (
            ("done", f"{number(done)} of {number(total)}"),
            ("rate", _rate(progress.rate) if progress is not None and progress.rate else "not known yet"),
            ("time left", "not known yet" if left is None else span(timedelta(seconds=left))),
            ("folder", clean(folder)),
        ),
        width,
    )
    stop: Line = (("   esc", "key"), (" stops it; what is done stays, and the same action goes on from there", "dim"))
    return [*lines, BLANK, stop]


def bulk_lines(result: BulkIssued, key: str, width: int) -> list[Line]:
    """Return how a bulk issue ended; `key` is the one that goes on."""
    head: list[Piece] = [(" ✓ ALL THERE", "ok") if result.complete else (" NOT ALL THERE", "warn")]
    there = result.made + result.before
    head.append((f"  {plural(there, 'certificate')} in {clean(result.folder)}", ""))
    lines: list[Line] = [tuple(head), BLANK]
    lines += fields(
        (
            ("made now", number(result.made)),
            ("made before", number(result.before) if result.before else ""),
            ("not reached", number(result.left) if result.left else "", "warn"),
            ("failed", number(len(result.failed)) if result.failed else "", "bad"),
            ("rate", _rate(result.rate) if result.made else ""),
            ("folder", clean(result.folder)),
        ),
        width,
    )
    if not result.complete:
        text = "goes on, now; later the same action with the same folder does. What is there is not made again."
        first, *rest = paragraph(text, width - len(key) - 1, indent=3, style="accent")
        lines += [BLANK, (("   ", ""), (f"{key} ", "key"), (first[0][0].strip(), "accent")), *rest]
    if result.failed:
        lines += [BLANK, ((" FAILED", "bad"),)]
        for name, sentence in result.failed[:SHOWN_FAILURES]:
            lines.append(((f"   {cut(clean(name), width - 4)}", ""),))
            lines += paragraph(clean(sentence), width, indent=5, style="dim")
        if len(result.failed) > SHOWN_FAILURES:
            lines.append(((f"   and {number(len(result.failed) - SHOWN_FAILURES)} more", "dim"),))
    return lines


def _rate(rate: float) -> str:
    return f"{number(rate)} per s" if rate >= 10 or not rate else f"{rate:.1f} per s"

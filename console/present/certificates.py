"""Certificates in words: what a file holds, a chain as a tree, what rules have against it, whether it would let in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from console.model.certificate import Answer, CertificateInfo, ChainVerdict, Comparison, Inspected, LintFinding
from console.model.certificate_request import OLD_HASHES, RequestInfo
from console.model.change import Severity
from console.present.lines import Line, Piece, cut, fit_line, line_width, paragraph
from console.present.pages import BLANK, fields, section
from console.present.words import plural

_LEAST_ROOM = 40
_FAR = 9000  # years: dates that stand for "never"
_SEVERITY_TOKENS = {Severity.HIGH: "bad", Severity.MEDIUM: "warn", Severity.LOW: "dim"}
_ANSWER_TOKENS = {Answer.YES: "ok", Answer.NO: "bad", Answer.UNKNOWN: "warn"}


def validity_words(info: CertificateInfo, now: datetime) -> Piece:
    """Return how a certificate stands at a time: "valid, 213 d left", "EXPIRED 3 d ago", and its token."""
    if info.not_before.year == 1 or info.not_after.year == 1:
        return ("dates not readable", "bad")
    if now > info.not_after:
        return (f"EXPIRED {_days(now - info.not_after)} ago", "bad")
    if now < info.not_before:
        return (f"NOT YET VALID, in {_days(info.not_before - now)}", "bad")
    left = "no end" if info.not_after.year >= _FAR else f"{_days(info.not_after - now)} left"
    if info.needs_renewal(now):
        return (f"needs renewal, {left}", "warn")
    return (f"valid, {left}", "ok")


def kind_words(info: CertificateInfo) -> str:
    """Return what a certificate is by its own words: "root CA", "CA", "self-signed", "leaf"."""
    if info.authority:
        return "root CA" if info.self_issued else "CA"
    return "self-signed" if info.self_issued else "leaf"


def title_of(info: CertificateInfo) -> str:
    """Return a certificate's name for a line: its subject, its serial number where it has none."""
    return info.subject or f"(no subject, serial {info.serial[:16]})"


def spaced(digits: str, colons: bool = False) -> str:
    """Return hexadecimal digits, with colons when asked for."""
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2)) if colons else digits


def inspected_lines(held: Inspected, now: datetime, width: int) -> list[Line]:
    """Return all that a file or a host holds."""
    counts = [plural(len(held.certificates), "certificate")] if held.certificates else []
    if held.requests:
        counts.append(plural(len(held.requests), "request"))
    if held.unread_certificates:
        counts.append(f"{plural(len(held.unread_certificates), 'certificate')} that cannot be read")
    if held.private_keys:
        locked = f", {held.encrypted_keys} of them encrypted" if held.encrypted_keys else ", NOT encrypted"
        counts.append(plural(held.private_keys, "private key") + (locked if held.private_keys else ""))
    open_keys = held.private_keys > held.encrypted_keys
    lines = section(
        "SOURCE",
        fields(
            (
                ("name", held.source),
                ("form", ", ".join(held.forms)),
                ("TLS", held.tls),
                ("holds", ", ".join(counts) or "nothing that can be read", "warn" if open_keys else ""),
                *(("note", note, "warn") for note in held.notes),
            ),
            width,
        ),
    )
    many = len(held.certificates) > 1
    for number, info in enumerate(held.certificates, start=1):
        place = f" {number} OF {len(held.certificates)}" if many else ""
        lines += section(f"CERTIFICATE{place}: {kind_words(info)}", certificate_lines(info, now, width))
    for lost in held.unread:
        if lost.info is not None:
            lines += section(f"NOT TAKEN: {lost.place}", certificate_lines(lost.info, now, width))
    for request in held.requests:
        lines += section("SIGNING REQUEST", _request_lines(request, width))
    if held.certificates:
        lines += paragraph("Read, not verified: verify says whether it is trusted.", width, indent=1, style="dim")
    return lines


def certificate_lines(info: CertificateInfo, now: datetime, width: int) -> list[Line]:
    """Return one certificate's values."""
    words, token = validity_words(info, now)
    basic = {True: "CA", False: "no CA", None: "not there"}[info.authority]
    if info.path_length is not None:
        basic += f", at most {plural(info.path_length, 'CA')} below it"
    return fields(
        (
            ("subject", info.subject or "empty"),
            ("issuer", f"{info.issuer or 'empty'}{' (itself)' if info.self_issued else ''}"),
            ("validity", words, token),
            ("from", _moment(info.not_before)),
            ("until", _moment(info.not_after)),
            ("key", info.key),
            ("signature", info.signature_hash, "warn" if info.signature_hash in OLD_HASHES else ""),
            ("serial", info.serial),
            ("SHA-256", info.sha256),
            ("SHA-1", info.sha1),
            ("basicConstraints", basic),
            ("keyUsage", ", ".join(info.key_usage)),
            ("extendedKeyUsage", ", ".join(info.extended_usage)),
            ("other names", ", ".join(info.alternative_names)),
            ("subject key id", info.subject_key_id),
            ("authority key id", info.authority_key_id),
            ("revocation", ", ".join(info.pointers)),
            ("version", "" if info.version == 3 else str(info.version), "warn"),
            *(("problem", problem, "bad") for problem in info.problems),
            *(("unusual", oddity, "warn") for oddity in info.oddities),
            ("alias", info.settings.alias if info.settings else ""),
            ("trust settings", info.settings.words if info.settings else ""),
        ),
        width,
    )


def _request_lines(request: RequestInfo, width: int) -> list[Line]:
    proven, token = "NOT signed by its own key", "bad"
    if request.not_known:
        proven, token = request.possession, "warn"
    elif request.proven:
        old = request.signature_hash in OLD_HASHES
        proven = "signed by its own key" + (f", with {request.signature_hash}, which can be forged" if old else "")
        token = "warn" if old else "ok"
    return fields(
        (
            ("subject", request.subject or "empty"),
            ("key", request.key),
            ("possession", proven, token),
            ("asks for", ", ".join(request.asks_for)),
            ("SHA-256 of key", request.sha256_of_key),
            *(("unusual", oddity, "warn") for oddity in request.oddities),
        ),
        width,
    )


# --- verdicts ------------------------------------------------------------------------------------------------------


def tree_lines(verdict: ChainVerdict, now: datetime, width: int) -> list[Line]:
    """Return a chain as a tree, the root first, ✓ or ✗ and the reasons with each certificate, and the verdict."""
    lines: list[Line] = [*verdict_lines(verdict, width), BLANK]
    last = len(verdict.chain) - 1
    beyond = [one for one in verdict.faults if one.depth > last]
    for fault in beyond:
        lines += _reason(fault.message, fault.hint, 1, width)
    deepest = max((width - _LEAST_ROOM) // 3, 0)
    for level, depth in enumerate(range(last, -1, -1)):
        info, shift = verdict.chain[depth], 3 * min(level, deepest)
        faults = [one for one in verdict.faults if one.depth == depth]
        mark, token = ("?", "warn") if faults else ("✓", "ok")
        if any(not one.unknown for one in faults):
            mark, token = "✗", "bad"
        branch = " " if not level else " " * max(shift - 1, 0) + "└─"
        lines.append(((branch, "dim"), (f"{mark} ", token), (cut(title_of(info), width - len(branch) - 2), "")))
        indent = shift + 3
        words, word_token = validity_words(info, now)
        about: Line = ((" " * indent, ""), (f"{kind_words(info)} · {info.key} · ", "dim"), (words, word_token))
        lines.append(fit_line(about, min(width, line_width(about))))
        if depth == last and verdict.trusted_by:
            lines += paragraph(f"trusted by {verdict.trusted_by}", width, indent=indent, style="dim")
        for fault in faults:
            lines += _reason(f"{fault.fault}: {fault.message}", fault.hint, indent, width, unknown=fault.unknown)
    for note in verdict.notes:
        lines += paragraph(note, width, indent=1, style="dim")
    return lines


def verdict_lines(verdict: ChainVerdict, width: int) -> list[Line]:
    """Return the verdict in a line or two."""
    if not verdict.trusted:
        count = plural(len(verdict.faults), "reason")
        if verdict.unknown:
            return [((" NOT KNOWN", "warn"), (f" whether it is trusted for {verdict.purpose}: {count}", ""))]
        return [((" NOT TRUSTED", "bad"), (f" for {verdict.purpose}: {count}", ""))]
    by = paragraph(f"for {verdict.purpose}, by {verdict.trusted_by}", width, indent=9)
    return [((" TRUSTED ", "ok"), (by[0][0][0].strip(), "")), *by[1:]]


def _reason(message: str, hint: str, indent: int, width: int, *, unknown: bool = False) -> list[Line]:
    return paragraph(message, width, indent=indent, style="warn" if unknown else "bad") + (
        paragraph(hint, width, indent=indent, style="accent") if hint else []
    )


def lint_lines(findings: Iterable[LintFinding], width: int) -> list[Line]:
    """Return findings, each with its severity, what it is about and what to do."""
    lines: list[Line] = []
    for one in findings:
        word, token = (
            ("UNKNOWN", "warn") if one.unknown else (one.severity.value.upper(), _SEVERITY_TOKENS[one.severity])
        )
        head: list[Piece] = [(f" {word:<8}", token), (one.id, "key")]
        if one.subject:
            head.append((f"  {cut(one.subject, max(width - 12 - len(one.id), 8))}", "dim"))
        lines.append(tuple(head))
        lines += paragraph(one.message, width, indent=3)
        if one.hint:
            lines += paragraph(one.hint, width, indent=3, style="accent")
    return lines or [((" OK", "ok"), ("  nothing in it is against IoT Hub's rules", ""))]


def comparison_lines(comparison: Comparison, width: int) -> list[Line]:
    """Return whether a certificate would let a device in, why, what to do, and the facts."""
    head: Line = (
        (f" {comparison.answer.value.upper()}", _ANSWER_TOKENS[comparison.answer]),
        (f"  {comparison.device_id}", ""),
    )
    lines: list[Line] = [fit_line(head, min(width, line_width(head))), BLANK]
    lines += paragraph(comparison.why, width, indent=1)
    if comparison.hint:
        lines += paragraph(comparison.hint, width, indent=1, style="accent")
    return [*lines, BLANK, *fields(comparison.facts, width)]


def _days(delta: timedelta) -> str:
    if delta < timedelta(hours=48):
        hours = int(delta.total_seconds() // 3600)
        return f"{hours} h" if hours else f"{int(delta.total_seconds() // 60)} min"
    return f"{delta.days:,} d"


def _moment(moment: datetime) -> str:
    if moment.year == 1:
        return ""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment.year >= 1000 else moment.isoformat()

"""Uploading a CA and proving possession of its key, on one page: where it stands, the steps, what to do where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.model.certificate import AuthorityRecord
from console.model.errors import ConsoleError
from console.model.hub import HubCertificate
from console.model.text import clean
from console.present.certificate_table import hub_expiry
from console.present.lines import Line, paragraph
from console.present.pages import BLANK, error_lines, fields, section

STEPS = (
    ("Upload the CA certificate", "only the certificate is sent, no key"),
    ("Ask the hub for a verification code", "another code makes the one before it void"),
    ("Sign the code with the CA's key", "a certificate whose name is the code, good for one day"),
    ("Hand the proof in", "then devices get in by this CA"),
)

_ROOMY = 110


@dataclass(frozen=True)
class ProofView:
    """What is known: the CA's name at the hub, what the hub has of it, our store of it, the code that counts now.

    `read` tells whether the hub has answered; `lines` are the shell's lines for the machine that holds the key.
    """

    name: str
    certificate: HubCertificate | None
    authority: AuthorityRecord | None
    code: str = ""
    read: bool = False
    error: ConsoleError | None = None
    lines: tuple[str, ...] = ()

    @property
    def key_here(self) -> bool:
        """Whether the CA's key is on this machine."""
        return self.authority is not None and self.authority.has_key

    @property
    def verified(self) -> bool:
        """Whether nothing is left to do."""
        return self.certificate is not None and self.certificate.verified

    @property
    def step(self) -> int:
        """The step that is next, from 0; 4 when all are done."""
        if self.verified:
            return 4
        if self.certificate is None:
            return 0
        return 2 if self.code else 1


@dataclass(frozen=True)
class ProofKeys:
    """The keys of the screen, as the user has them."""

    go_on: str
    copy: str
    save: str
    again: str


def proof_lines(view: ProofView, keys: ProofKeys, now: datetime, width: int) -> list[Line]:
    """Return the page."""
    if view.error is not None and not view.read:
        return error_lines(view.error, width)
    if not view.read:
        return [((f" CA {clean(view.name)}", "head"),), BLANK, (("   Reading what the hub has of it …", "dim"),)]
    lines: list[Line] = [((f" CA {clean(view.name)}", "head"), ("  ", ""), _state(view)), BLANK]
    lines += _facts(view, now, width)
    lines.append(BLANK)
    lines += _steps(view, width)
    lines.append(BLANK)
    return [*lines, *_next(view, keys, width)]


def _state(view: ProofView) -> tuple[str, str]:
    if view.certificate is None:
        return ("NOT AT THE HUB", "warn")
    return ("✓ VERIFIED", "ok") if view.verified else ("AT THE HUB, NOT VERIFIED", "warn")


def _facts(view: ProofView, now: datetime, width: int) -> list[Line]:
    authority, certificate = view.authority, view.certificate
    key = "not on this machine"
    if authority is not None and authority.has_key:
        key = f"here, {'encrypted' if authority.encrypted else 'NOT encrypted'}"
    pairs: list[tuple[str, str, str]] = [("CA folder", clean(authority.folder) if authority is not None else "", "")]
    pairs.append(("its key", key, ""))
    if certificate is not None:
        words, token = hub_expiry(certificate, now)
        pairs += [("subject", clean(certificate.subject), ""), ("expires", words, token)]
    if view.code and not view.verified:
        pairs.append(("code", view.code, "accent"))
    return fields(pairs, width)


def _steps(view: ProofView, width: int) -> list[Line]:
    lines: list[Line] = []
    roomy = width >= _ROOMY
    for index, (title, note) in enumerate(STEPS):
        done, current = index < view.step, index == view.step
        mark, token = ("✓", "ok") if done else ("▸", "accent") if current else (" ", "dim")
        words = "done" if done else "next" if current else ""
        style = "" if current else "dim"
        lines.append(
            (
                (f" {mark} ", token),
                (f"{index + 1} {title:<38}", style),
                (f"{words:<4}", token),
                (f"  {note}" * roomy, "dim"),
            )
        )
        if current and not roomy:
            lines.append(((f"     {note}", "dim"),))
    return lines


def _next(view: ProofView, keys: ProofKeys, width: int) -> list[Line]:
    if view.verified:
        return [((" Devices get in whose certificate leads to this CA and bears their device id.", "ok"),)]
    if view.step == 0 and view.authority is None:
        return paragraph("Its certificate is not here either: upload it from a file (a, Upload a CA).", width, indent=1)
    if view.step == 0:
        return [_key(keys.go_on, "shows the plan to upload its certificate")]
    if view.key_here:
        what = "signs the code and shows the plan to hand the proof in" if view.code else "asks for a code, then proves"
        return [_key(keys.go_on, what)]
    if not view.code:
        text = "The key is elsewhere: ask for a code first, then the lines for that machine stand here."
        again = "A code that was asked for by another console, or before somebody wrote here, is not known: ask anew."
        return [_key(keys.go_on, "asks for a code"), *_dim(text, width), *_dim(again, width)]
    return _offline(view.lines, keys, width)


def _offline(steps: Sequence[str], keys: ProofKeys, width: int) -> list[Line]:
    lines = [
        _key(keys.go_on, "takes proof.cert.pem from there and shows the plan to hand it in"),
        _key(keys.copy, "copies these lines"),
        _key(keys.save, "writes them to a file, to carry them there"),
        _key(keys.again, "asks for another code; this one is void then"),
        BLANK,
    ]
    return [*lines, *section("ON THE MACHINE THAT HOLDS THE KEY", _shell(steps, width))]


def _shell(steps: Sequence[str], width: int) -> list[Line]:
    lines: list[Line] = []
    for step in steps:
        lines += paragraph(clean(step), width, indent=3, style="dim" if step.startswith("#") else "")
    return lines


def _key(key: str, what: str) -> Line:
    return ((f" {key:<3}", "key"), (what, ""))


def _dim(text: str, width: int) -> list[Line]:
    return paragraph(text, width, indent=4, style="dim")

"""Shared access policies in words: rights, key slots, who uses them, age of the keys, and how a rotation stands."""

from __future__ import annotations

from datetime import datetime

from console.model.policy import PolicyView, RotationState, Slot, Stage
from console.present.words import full_moment, span

STAGE_WORDS: dict[Stage, str] = {
    Stage.NONE: "",
    Stage.SECONDARY_NEW: "1 of 2: secondary new",
    Stage.PRIMARY_NEW: "1 of 2: primary new",
    Stage.COMPLETE: "2 of 2: done",
}


def keys_text(view: PolicyView) -> str:
    """Return which key slots are filled: "both", "EQUAL", "primary only", "none"."""
    if view.primary and view.secondary:
        return "EQUAL" if view.equal else "both"
    if view.primary or view.secondary:
        return f"{Slot.PRIMARY if view.primary else Slot.SECONDARY} only"
    return "none"


def used_by_text(view: PolicyView) -> str:
    """Return who uses a policy as far as that can be seen: provisioning services by key."""
    if view.used_by is None:
        return "not known"
    return f"DPS {', '.join(view.used_by)}" if view.used_by else "-"


def age_text(view: PolicyView, now: datetime) -> str:
    """Return the ages of primary and secondary key: "3 d / 2 min"; "?" for one not made from here."""
    if view.primary_since is None and view.secondary_since is None:
        return "not known"
    return " / ".join("?" if since is None else span(now - since) for since in map(view.since, Slot))


def rotation_text(state: RotationState) -> str:
    """Return the stage of a rotation in a few words; "!" where something does not fit."""
    words = STAGE_WORDS[state.stage] or "-"
    return f"{words} !" if state.note else words


def rotation_lines(name: str, state: RotationState, now: datetime | None = None) -> list[str]:
    """Return how a rotation stands and its check-list, as plain lines."""
    since = ""
    if state.since is not None:
        since = f", since {full_moment(state.since, now or state.since).partition(' (')[0]}"
    stage = STAGE_WORDS[state.stage] or "nothing replaced from here"
    lines = [f"rotation of {name}: {stage}{since}"]
    if state.note:
        lines.append(f"! {state.note}")
    return lines + [f"  {number}. {text}" for number, text in enumerate(state.checklist, start=1)]

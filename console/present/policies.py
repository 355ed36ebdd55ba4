"""Shared access policies in words: rights, key slots, who uses them, age of the keys, and how a rotation stands."""

from __future__ import annotations

from datetime import datetime

from console.model.policy import (
    AuthScope,
    Breadth,
    Links,
    PoliciesOverview,
    PolicyView,
    Right,
    RotationState,
    Slot,
    Stage,
)
from console.present.columns import Column
from console.present.lines import Line, Piece, paragraph
from console.present.pages import fields, section, state_lines
from console.present.words import ago, full_moment, span

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


# --- the pane ----------------------------------------------------------------------------------------------------

POLICY_COLUMNS: tuple[Column, ...] = (
    Column("name", "POLICY", 15, flex=3),
    Column("read", "READ", 4),
    Column("write", "WRITE", 5),
    Column("service", "SERV", 4),
    Column("device", "DEV", 3),
    Column("breadth", "BREADTH", 7, priority=2),
    Column("keys", "KEYS", 5),
    Column("used_by", "USED BY", 8, flex=2, priority=1),
    Column("rotation", "ROTATION", 8),
    Column("age", "KEY AGE", 14, priority=3),
)
_RIGHT_WORDS = {
    Right.REGISTRY_READ: "read",
    Right.REGISTRY_WRITE: "write",
    Right.SERVICE_CONNECT: "serv",
    Right.DEVICE_CONNECT: "dev",
}
_SHORT_STAGES = {Stage.NONE: "-", Stage.SECONDARY_NEW: "1 of 2", Stage.PRIMARY_NEW: "1 of 2", Stage.COMPLETE: "done"}
_SCOPE_WORDS = {AuthScope.HUB: "policies", AuthScope.DEVICES: "device keys", AuthScope.MODULES: "module keys"}


def policy_cells(view: PolicyView, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of a policy: each right as its word or a dot, and what else the columns name."""
    rights = tuple((_RIGHT_WORDS[right], "") if right in view.rights else ("·", "dim") for right in Right)
    state = view.rotation
    return (
        (view.name, ""),
        *rights,
        ("all", "warn") if view.breadth is Breadth.EVERYTHING else (view.breadth.value, ""),
        (keys_text(view), "bad" if view.equal else "warn" if not (view.primary and view.secondary) else ""),
        (used_by_text(view), "" if view.used_by else "dim"),
        (_SHORT_STAGES[state.stage] + (" !" if state.note else ""), "accent" if state.under_way else "dim"),
        (age_text(view, now), "dim"),
    )


def summary_lines(overview: PoliciesOverview | None, now: datetime) -> list[Line]:
    """Return what is known without a key: whose signatures the hub accepts, who links it, rotations under way."""
    if overview is None:
        return [((" POLICIES", "head"),)]
    accepted: list[Piece] = [(" ACCEPTS   ", "head")]
    for scope in AuthScope:
        on = overview.local_auth.of(scope)
        word, token = ("not told", "dim") if on is None else ("on", "") if on else ("OFF", "ok")
        accepted += [
            ("" if scope is AuthScope.HUB else " · ", "dim"),
            (f"{_SCOPE_WORDS[scope]} ", "dim"),
            (word, token),
        ]
    rotations = [(name, state) for name, state in overview.rotations if state.under_way or state.note]
    rotating: list[Piece] = [(" ROTATION  ", "head")]
    for place, (name, state) in enumerate(rotations[:2]):
        age = f", {ago(state.since, now)}" if state.since else ""
        rotating += [("; " if place else "", ""), (f"{name} {rotation_text(state)}{age}", "warn")]
    if len(rotations) > 2:
        rotating.append((f"; {len(rotations) - 2} more", "warn"))
    if not rotations:
        rotating.append(("none under way, as far as this journal knows", "dim"))
    return [tuple(accepted), ((" DPS LINKS ", "head"), links_piece(overview.links)), tuple(rotating)]


def links_piece(links: Links) -> Piece:
    """Return which provisioning services link the hub, and by which policy."""
    if links.links is None:
        return (f"not known: {links.problem}", "warn")
    if not links.links:
        return ("none that you can see in this subscription", "dim")
    told = [f"{one.instance} by {one.policy or 'a policy'}" for one in links.links if one.by_key]
    told += [f"{one.instance} by identity" for one in links.links if not one.by_key]
    return (", ".join(told), "")


def unread_lines(key: str, last_read: datetime | None, now: datetime, width: int) -> list[Line]:
    """Return what stands in place of the table before keys were asked for; `key` is the one that reads them."""
    before = f"They were last read from here {ago(last_read, now)}." if last_read else "Nobody read them from here yet."
    lines = state_lines(
        "NAMES, RIGHTS AND KEYS: NOT READ",
        "warn",
        "The hub tells its policies only together with their keys.",
        "That is a privileged read (listKeys), which leaves a trace in the activity log and in the journal. " + before,
        "",
        width,
    )
    return [*lines, (), ((f"   {key}", "key"), (" reads them now; no key is shown", ""))]


def meaning(view: PolicyView | None, stale: str) -> tuple[tuple[str, str, str], ...]:
    """Return what is to be said about the selected policy in the lines below the table."""
    parts: list[tuple[str, str, str]] = []
    if stale:
        parts.append(("", stale, "warn"))
    if view is None:
        return tuple(parts)
    if view.equal:
        parts.append(("", f"Both keys of {view.name} are equal: neither can be replaced without a cut.", "bad"))
    if view.rotation.note:
        parts.append(("", view.rotation.note, "warn"))
    if view.rotation.stage is not Stage.NONE:
        parts.append(("next ", view.rotation.checklist[0], ""))
    if not parts:
        parts.append(("", f"{view.name}, {view.breadth}: {_opens(view)}", "dim"))
    return tuple(parts)


def policy_page(view: PolicyView, now: datetime, width: int) -> list[Line]:
    """Return all about a policy but its keys."""
    used = (
        "not known" if view.used_by is None else ", ".join(view.used_by) or "no provisioning service that you can see"
    )
    lines = section(
        "POLICY",
        fields(
            (
                ("name", view.name),
                ("rights", ", ".join([*view.rights, *view.other_rights])),
                ("breadth", view.breadth.value, "warn" if view.breadth is Breadth.EVERYTHING else ""),
                ("opens", _opens(view)),
                ("built in", "every new hub has a policy of this name" if view.built_in else ""),
                ("used by", used),
            ),
            width,
        ),
    )
    slots = [(str(slot), _slot_words(view, slot, now)) for slot in Slot]
    equal = ("warning", "both keys are equal: neither can be replaced without a cut" if view.equal else "", "bad")
    lines += section("KEYS (never shown here)", fields((*slots, equal), width))
    state = view.rotation
    stage = STAGE_WORDS[state.stage] or "nothing replaced from here"
    body = fields((("stage", stage), ("since", full_moment(state.since, now, "")), ("note", state.note, "warn")), width)
    for number, text in enumerate(state.checklist, start=1):
        body += paragraph(f"{number}. {text}", width, indent=3)
    return lines + section("ROTATION", body)


def _slot_words(view: PolicyView, slot: Slot, now: datetime) -> str:
    if not (view.primary if slot is Slot.PRIMARY else view.secondary):
        return "empty"
    since = view.since(slot)
    return f"made {full_moment(since, now)}" if since else "there; when it was made is not known here"


def _opens(view: PolicyView) -> str:
    words = {
        Right.REGISTRY_READ: "reads device identities",
        Right.REGISTRY_WRITE: "creates, changes and deletes devices",
        Right.SERVICE_CONNECT: "twins, methods, telemetry, commands",
        Right.DEVICE_CONNECT: "speaks as any device",
    }
    shown = [
        right for right in view.rights if right is not Right.REGISTRY_READ or Right.REGISTRY_WRITE not in view.rights
    ]
    return "; ".join(words[right] for right in shown) or "nothing"

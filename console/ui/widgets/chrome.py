"""The four lines around every pane: header, tabs or path, status, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events

from console.model.text import clean
from console.present.hub_words import hub_words
from console.present.lines import Line, Piece, cut, line_width, spread
from console.present.words import clock_time, freshness, number, plural
from console.ui.commands import PANES, Command, PaneEntry, key_name, scoped
from console.ui.widgets.painting import TextLine

if TYPE_CHECKING:
    from console.ui.app import HubwardenApp
    from console.ui.panes.base import ConsoleScreen

MAX_KEYS = 6
_STAY = ("view.back", "view.prompt", "view.help")


class ChromeLine(TextLine):
    """A line of the chrome: knows its app and screen."""

    @property
    def console(self) -> HubwardenApp:
        """The app."""
        return cast("HubwardenApp", self.app)

    @property
    def pane(self) -> ConsoleScreen:
        """The screen this line belongs to."""
        return cast("ConsoleScreen", self.screen)


class Header(ChromeLine):
    """Name, hub, read-only or armed, the time."""

    DEFAULT_CSS = "Header { background: $surface; }"

    def build(self, width: int) -> Line:
        """Return the header."""
        services = self.console.services
        hub = self.console.hub
        place = hub_words(hub) if hub is not None else ""
        badge: Piece = (" ARMED ", "on.armed") if services.session.armed else (" READ-ONLY ", "on.badge")
        right: Line = (badge, (f"  {clock_time(services.clock())} UTC ", ""))
        left: Line = (
            (" hubwarden  ", "accent"),
            (services.session.hub_name, "head"),
            (f" · {place}" if place else "", "dim"),
        )
        return spread(left, right, width)


class TabLine(ChromeLine):
    """The numbered panes; on a screen below a pane, the path to it."""

    def build(self, width: int) -> Line:
        """Return the tabs, or the path."""
        crumbs, own = self.pane.crumbs, self.pane.PANE
        if crumbs:
            pane = next(pane for pane in PANES if pane.id == own)
            pieces: list[Piece] = [(f" {pane.number} {pane.title} ", "on.tab")]
            pieces += [piece for crumb in crumbs for piece in ((" › ", "dim"), (crumb, "head"))]
            room = width - line_width(pieces[:-1]) - 1
            return (("", ""), *pieces[:-1], (cut(pieces[-1][0], room), "head"))
        first, last = self._window(width)
        pieces = [("‹" if first else "", "dim")]
        pieces += [(_label(pane), "on.tab" if pane.id == own else "dim") for pane in PANES[first:last]]
        return (*pieces, ("›" if last < len(PANES) else "", "dim"))

    def _window(self, width: int) -> tuple[int, int]:
        """Return which panes fit: the first ones, further on where the current one would be left out."""
        place = next((index for index, pane in enumerate(PANES) if pane.id == self.pane.PANE), 0)
        for first in range(place + 1):
            last = first
            used = 1 if first else 0
            while last < len(PANES):
                used += len(_label(PANES[last]))
                if used + (last + 1 < len(PANES)) > width:
                    break
                last += 1
            if last > place:
                return first, last
        return place, place + 1

    def on_click(self, event: events.Click) -> None:
        """Go to the pane that was clicked."""
        if self.pane.crumbs:
            return
        first, last = self._window(self.size.width)
        x = event.x - (1 if first else 0)
        for pane in PANES[first:last]:
            x -= len(_label(pane))
            if x < 0:
                self.console.open_pane(pane.id)
                return


def _label(pane: PaneEntry) -> str:
    return f" {pane.number} {pane.short or pane.title} "


class StatusLine(ChromeLine):
    """Who we are, how old the data is, how many calls were made, what is being waited for."""

    def build(self, width: int) -> Line:
        """Return the status."""
        services, pane = self.console.services, self.pane
        meter = services.meter
        calls = f"{number(meter.calls)} calls, "
        right: Line = (
            (f"{meter.note} · " if meter.note else "", "warn"),
            (calls, "dim"),
            (f"{number(meter.throttled)} throttled ", "warn" if meter.throttled else "dim"),
        )
        as_of, stale, cached = pane.freshness
        words, token = freshness(as_of, services.clock(), stale=stale, cached=cached)
        if note := self.console.change_note:
            words, token = clean(note, limit=max(width // 2, 24)), "warn"
        elif pane.status_note:
            words, token = pane.status_note, ""
        elif pane.busy and as_of is not None and not cached:
            words += ", reading"
        left: list[Piece] = []
        if unknown := self.console.unknown_count:
            left += [(f"OUTCOME UNKNOWN: {plural(unknown, 'change')}, 0 journal", "bad"), (" · ", "dim")]
        elif identity := services.session.identity_label:
            taken = line_width(right) + len(words) + 6
            left += [(cut(identity, max(width - taken, 12)), "dim"), (" · ", "dim")]
        if pane.shows_age or self.console.change_note:
            left.append((words, token))
        else:
            left = left[:-1]
        return spread(((" ", ""), *left), right, width)


class KeyLine(ChromeLine):
    """The most useful keys of the moment, generated from the registry."""

    DEFAULT_CSS = "KeyLine { background: $surface; }"

    def commands(self) -> list[Command]:
        """Return what the key line shows, the most useful first."""
        pane, focused = self.pane, self.screen.focused
        scopes = [*pane.SCOPES, "global"]
        if scope := getattr(focused, "COMMAND_SCOPE", ""):
            scopes = [scope] if getattr(focused, "TYPING", False) else [*scopes, scope]
        ranked = [command for command in scoped(*scopes) if command.rank and pane.offers(command)]
        ranked.sort(key=lambda command: command.rank)
        if len(ranked) > MAX_KEYS:
            keep = [command for command in ranked if command.id in _STAY]
            ranked = [command for command in ranked if command not in keep][: MAX_KEYS - len(keep)] + keep
        return ranked

    def build(self, width: int) -> Line:
        """Return keys and words, (keys) that do nothing now; where there is no room, prompt and help stay longest."""
        commands = self.commands()
        while commands:
            pieces: list[Piece] = [(" ", "")]
            for command in commands:
                key = key_name(self.console.key_of(command))
                shown: Piece = (f"({key})", "dim") if self.console.why_not(command) else (key, "key")
                pieces += [shown, (f" {command.label}", "dim"), ("   ", "")]
            if line_width(pieces[:-1]) < width:
                return tuple(pieces[:-1])
            others = [command for command in commands if command.id not in _STAY]
            commands.remove(others[-1] if others else commands[0])
        return ()

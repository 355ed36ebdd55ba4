"""Keys that come faster than screens open: each one waits until all that the key before it caused is done."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import ScreenStackError
from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

TYPED = (events.Key, events.Paste)
ROUNDS = 2
"""A key's way up ends in an action; the second round is for the messages that the action sent up in its turn."""
LOOK_SECONDS, PATIENCE = 0.02, 1.0
"""How often it is looked whether a widget that has not answered is gone; when the next key is taken all the same."""

Take = Callable[[events.Event], Awaitable[None]]


class TypedAhead:
    """The keys that wait. Over a slow line a menu, its choice and the fields of a form arrive in one packet.

    Textual hands a key to the widget that has the focus when it arrives; the key before it may then still be on its way
    up to the binding that opens another screen, and what was typed for that would be a command here.
    """

    def __init__(self, app: App[None], take: Take) -> None:
        self._app = app
        self._take = take
        self._waiting: deque[events.Event] = deque()
        self._busy = False
        self._step = 0  # counts on with each widget that is waited for
        self._screen: Screen[Any] | None = None
        self._at: MessagePump = app
        self._way: list[MessagePump] = []
        self._rounds = 0
        self._until = 0.0
        self._look: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether no key waits, and all that the last one caused is done."""
        return not self._busy

    async def add(self, event: events.Event) -> None:
        """Take a key now, or when those before it are done."""
        if self._busy:
            self._waiting.append(event)
        else:
            await self._begin(event)

    async def _begin(self, event: events.Event) -> None:
        self._busy, self._until = True, time.monotonic() + PATIENCE
        try:
            self._screen, self._way, self._rounds = self._app.screen, self._way_up(), ROUNDS
        except ScreenStackError:  # the app is about to end; what was typed behind that is for nobody
            self._waiting.clear()
            return
        await self._take(event)
        self._climb(self._step)

    def _way_up(self) -> list[MessagePump]:
        return list((self._app.focused or self._app.screen).ancestors_with_self)

    def _climb(self, step: int) -> None:
        """Go the way of a key, behind it in every queue; then once more, and again where another screen opened."""
        if step != self._step:
            return
        self._step += 1
        while self._way:
            self._at = self._way.pop(0)
            if self._at.call_later(self._climb, self._step):
                self._watch()
                return
        try:
            now, self._way = self._app.screen, self._way_up()
        except ScreenStackError:  # the app is about to end
            return
        if now is not self._screen:  # it is composed and has chosen what has the focus before it goes on
            self._screen, self._rounds = now, ROUNDS + 1
            self._way = [now, *self._way]
        self._rounds -= 1
        if self._rounds > 0:
            self._climb(self._step)
        else:
            self._end()

    def _watch(self) -> None:
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._still, self._step)

    def _still(self, step: int) -> None:
        """Go on without a widget that was removed with what waited in its queue."""
        self._look = None
        if not self._busy:
            return
        if time.monotonic() > self._until:
            self._end()
            return
        if step == self._step and not (self._at.is_attached and self._at.is_running):
            self._climb(step)
        else:
            self._watch()

    def _end(self) -> None:
        self._step += 1  # what is still on its way is of no interest any more
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if self._waiting:
            self._app.call_later(self._begin, self._waiting.popleft())
        else:
            self._busy = False

"""Shows something secret for twenty seconds after it was asked for, then hides it by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil

from textual.message_pump import MessagePump
from textual.timer import Timer

SECONDS = 20.0
TICK_SECONDS = 1.0


class Reveal:
    """Whether something is shown now, for any screen or widget: it asks `shown` and `left` when it draws.

    Args:
        node: the screen or widget whose timer is used.
        repaint: is called whenever `shown` or `left` changed.
        now: a clock in seconds that is never set back.
    """

    def __init__(
        self, node: MessagePump, repaint: Callable[[], None], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._node = node
        self._repaint = repaint
        self.now = now
        self._until: float | None = None
        self._timer: Timer | None = None

    @property
    def shown(self) -> bool:
        """Whether it may be shown at this moment."""
        return self._until is not None and self.now() < self._until

    @property
    def left(self) -> int:
        """For how many more seconds, rounded up; 0 when hidden."""
        return ceil(self._until - self.now()) if self._until is not None and self.shown else 0

    def toggle(self) -> None:
        """Show it for twenty seconds, or hide it now."""
        if self.shown:
            self.hide()
            return
        self._until = self.now() + SECONDS
        self._stop()
        self._timer = self._node.set_interval(TICK_SECONDS, self.tick)
        self._repaint()

    def hide(self) -> None:
        """Hide it now."""
        was, self._until = self._until, None
        self._stop()
        if was is not None:
            self._repaint()

    def tick(self) -> None:
        """Count down; hide it when the time is over."""
        if self.shown:
            self._repaint()
        else:
            self.hide()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

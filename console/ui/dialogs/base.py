"""The base of every dialog: the first answer counts, whatever was typed behind it."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A modal screen that is answered once: a second key of the same packet finds it answered and does nothing."""

    _answered = False

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Close with an answer; later answers, and those of a dialog that is not in front, are dropped."""
        if self._answered or self.app.screen is not self:
            return AwaitComplete()
        self._answered = True
        return super().dismiss(result)

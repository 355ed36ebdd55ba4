"""The steps of a registration that is under way, told as they begin and end."""

from __future__ import annotations

from collections.abc import Callable

from console.model.clock import Clock
from console.model.errors import ConsoleError
from console.model.registration import Step, StepState


class Steps:
    """Numbers steps and tells them; what was begun and is done keeps its number."""

    def __init__(self, tell: Callable[[Step], None], clock: Clock) -> None:
        self._tell = tell
        self._clock = clock
        self._steps: list[Step] = []

    def begin(self, title: str, detail: str = "") -> None:
        """Tell that something is being waited for; told again, its detail has changed."""
        self._set(title, detail, StepState.WAITING)

    def done(self, title: str, detail: str = "") -> None:
        """Tell that something is done: what was begun, or a step of its own."""
        self._set(title, detail, StepState.DONE)

    def failed(self, error: ConsoleError) -> None:
        """Tell that what was begun has failed, with the reason."""
        title = self._steps[-1].title if self._waiting() else error.what
        self._set(title, error.why or error.what, StepState.FAILED)

    def all(self) -> tuple[Step, ...]:
        """Return all of them, in order."""
        return tuple(self._steps)

    def _waiting(self) -> bool:
        return bool(self._steps) and self._steps[-1].state is StepState.WAITING

    def _set(self, title: str, detail: str, state: StepState) -> None:
        if self._waiting():
            self._steps.pop()
        step = Step(len(self._steps) + 1, title, detail, state, self._clock())
        self._steps.append(step)
        self._tell(step)

"""The smallest terminal that the console can be drawn in."""

from __future__ import annotations

from typing import Any

from textual.app import App, ScreenStackError

MIN_WIDTH, MIN_HEIGHT = 60, 15


def is_small(app: App[Any]) -> bool:
    """Return whether the terminal is too small at this moment."""
    return app.size.width < MIN_WIDTH or app.size.height < MIN_HEIGHT


def check_size(app: App[Any]) -> None:
    """Say that the terminal is too small before all else, as long as it is; take that back wherever it still stands.

    To be called whenever the size or a stack of screens has changed: a dialog may have come in front of the notice, and
    another pane may have kept one.
    """
    from console.ui.dialogs.too_small import TooSmall

    small = is_small(app)
    try:
        front = app.screen
    except ScreenStackError:  # the app is about to end
        return
    if isinstance(front, TooSmall) and not small:
        app.pop_screen()
    for stack in app._screen_stacks.values():
        for screen in [one for one in stack if isinstance(one, TooSmall) and one is not front]:
            stack.remove(screen)
            screen.remove()
    if small and not isinstance(front, TooSmall):
        app.push_screen(TooSmall(MIN_WIDTH, MIN_HEIGHT))

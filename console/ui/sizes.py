"""The smallest terminal that the console can be drawn in."""

from __future__ import annotations

from textual.app import App

MIN_WIDTH, MIN_HEIGHT = 60, 15


def check_size(app: App[None]) -> None:
    """Say when the terminal is too small, and take that back when it is not any more."""
    small = app.size.width < MIN_WIDTH or app.size.height < MIN_HEIGHT
    from_small = type(app.screen).__name__ == "TooSmall"
    if small and not from_small:
        from console.ui.dialogs.too_small import TooSmall

        app.push_screen(TooSmall(MIN_WIDTH, MIN_HEIGHT))
    elif from_small and not small:
        app.pop_screen()

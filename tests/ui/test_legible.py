"""Nothing is drawn in the colour of its own background, on any pane, in any theme."""

import pytest
from rich.color import Color
from support.screens import SMALL, console, press, settle


def invisible(app) -> list[str]:
    """Return the texts whose foreground equals their background."""
    found = []
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            style = segment.style
            if style is None or not segment.text.strip() or style.color is None or style.bgcolor is None:
                continue
            same = style.color == style.bgcolor and style.color != Color.parse("default") and not style.reverse
            if same:
                found.append(segment.text)
    return found


@pytest.mark.parametrize("theme", ["dark", "light", "ansi"])
async def test_every_text_can_be_seen(theme: str) -> None:
    async with console(size=SMALL, theme=theme) as (pilot, app):
        for key in ("1", "2", "3", "6", "s", "a", "escape", "d", "8", "tab", "enter", "1"):
            await press(pilot, key)
            await settle(pilot)
            assert not invisible(app), (key, theme)

"""A form that says, while it is typed in, what would follow from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.ui.dialogs.controls import Sentence
from console.ui.dialogs.form import Answer, Field, Form


class PreviewForm(Form):
    """A form with a line of preview below its fields, in place of what is wrong, once nothing is."""

    def __init__(self, title: str, fields: Sequence[Field], *, preview: Callable[[Answer], str]) -> None:
        super().__init__(title, fields, submit="Show the plan")
        self._preview = preview

    def look(self) -> None:
        """Show what is wrong, or what would follow."""
        super().look()
        wrong = bool(self.faults())
        line = self.query_one("#wrong", Sentence)
        if wrong:
            line.say(line._text, "warn")
        else:
            line.say(self._preview(self.answer), "accent")

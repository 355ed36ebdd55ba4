"""An input of one line that shows nothing but printable text, whatever is pasted into it."""

from __future__ import annotations

from textual.widgets import Input

from console.model.text import clean


class TextInput(Input):
    """An input whose text went through `clean()`: a pasted escape is spelled out before it is ever drawn."""

    def validate_value(self, value: str) -> str:
        """Spell out what would not be text for a terminal."""
        return clean(value)

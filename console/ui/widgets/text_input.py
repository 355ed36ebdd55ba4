"""An input of one line that shows nothing but printable text, whatever is pasted into it."""

from __future__ import annotations

from textual import events
from textual.binding import Binding
from textual.widgets import Input

from console.model.text import clean

_EDITS = frozenset(one.action for one in Input.BINDINGS if isinstance(one, Binding)) - {"submit"}
"""What an input does to its own text."""


class TextInput(Input):
    """An input whose text went through `clean()`: a pasted escape is spelled out before it is ever drawn."""

    async def _on_key(self, event: events.Key) -> None:
        """Edit at once: a key that bubbled up first would come behind the characters that were typed after it."""
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if binding.action in _EDITS and await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return

    def validate_value(self, value: str) -> str:
        """Spell out what would not be text for a terminal."""
        return clean(value)

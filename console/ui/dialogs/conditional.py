"""A form whose fields come and go with what is chosen, and that says what to think of once nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from textual.widget import Widget

from console.ui.dialogs.controls import Sentence
from console.ui.dialogs.form import Answer, Field, Form


def _nothing(answer: Answer) -> str:
    del answer
    return ""


class ConditionalForm(Form):
    """A form that hides fields.

    Args:
        title: what it is about.
        fields: what it asks, in order.
        hidden: returns the keys of the fields that are not asked now; they are neither checked nor reached.
        submit: the word on the button that goes on.
        check: looks at all values together; returns a sentence, or nothing.
        note: returns what to think of before going on, or nothing.
    """

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        *,
        hidden: Callable[[Answer], Collection[str]],
        submit: str = "Continue",
        check: Callable[[Answer], str] = _nothing,
        note: Callable[[Answer], str] = _nothing,
    ) -> None:
        super().__init__(title, fields, submit=submit)
        self._hidden = hidden
        self._check_all = check
        self._note = note

    def _widgets(self) -> dict[str, Widget]:
        return {**self._inputs, **self._controls}

    def faults(self) -> Mapping[str, str]:
        """Return what is wrong with the fields that are asked, or with all values together."""
        answer = self.answer
        hidden = self._hidden(answer)
        found = {key: sentence for key, sentence in super().faults().items() if key not in hidden}
        if not found and (sentence := self._check_all(answer)):
            found[""] = sentence
        return found

    def look(self) -> None:
        """Show the fields that are asked, what is wrong with them, or the note."""
        answer = self.answer
        hidden = self._hidden(answer)
        for key, widget in self._widgets().items():
            asked = key not in hidden
            row = next((node for node in widget.ancestors if node.has_class("row")), None)
            if isinstance(row, Widget) and row.display is not asked:
                row.display = asked
                widget.disabled = not asked  # enter goes past it
        super().look()
        for key, sentence in self._faults.items():
            if key in hidden:
                sentence.say("")
        if not self.faults():
            self.query_one("#wrong", Sentence).say(self._note(answer), "warn")

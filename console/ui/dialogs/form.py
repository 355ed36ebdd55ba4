"""A form: text, choices, ticks and what to know; checked as it is typed, and sent on only when it is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input

from console.model.text import clean
from console.present.lines import fit
from console.ui.dialogs.base import Dialog
from console.ui.dialogs.controls import Control, OneOf, PushButton, Sentence, Tick
from console.ui.widgets.heading import Heading
from console.ui.widgets.path_input import PathInput, PathKind, fault
from console.ui.widgets.text_input import TextInput

Answer = dict[str, str | bool]
"""The values by the keys of the fields: text and choices as str, ticks as bool."""

Check = Callable[[str], str]
"""Returns what is wrong with a text in one sentence, empty when nothing."""

MAX_WIDTH, LABEL_WIDTH = 76, 20


def fine(value: str) -> str:
    """Find nothing wrong."""
    del value
    return ""


@dataclass(frozen=True)
class TextField:
    """A line of text. `hint` is shown while it is empty; a `secret` one shows dots.

    A value that is only `suggested` is selected when the field is reached: what is typed replaces it.
    """

    key: str
    label: str
    value: str = ""
    hint: str = ""
    check: Check = fine
    secret: bool = False
    suggested: bool = False


@dataclass(frozen=True)
class PathField:
    """The name of a file or folder; tab completes it. The answer is the true path, `~` expanded; empty when optional.

    `check` is for the path and asked when there is one that suits `kind`; `suggested` is as for a text.
    """

    key: str
    label: str
    value: str = ""
    hint: str = "tab completes, ~ is your home folder"
    kind: PathKind = PathKind.FILE
    optional: bool = False
    check: Check = fine
    suggested: bool = False

    def wrong(self, path: str) -> str:
        """Return what is wrong with a path."""
        if not path:
            return "" if self.optional else f"name a {self.kind.noun}"
        return fault(path, self.kind) or self.check(path)


@dataclass(frozen=True)
class ChoiceField:
    """One of some choices, (value, title) each; left and right change it."""

    key: str
    label: str
    choices: tuple[tuple[str, str], ...]
    value: str = ""


@dataclass(frozen=True)
class ToggleField:
    """A box to tick with space; `note` says what it means."""

    key: str
    label: str
    value: bool = False
    note: str = ""


@dataclass(frozen=True)
class InfoField:
    """Something to know, not to change."""

    label: str
    text: str
    style: str = "dim"


Field = TextField | PathField | ChoiceField | ToggleField | InfoField
_TYPED = (TextField, PathField)
_OWN_KEYS: Mapping[str, type[Control]] = {"tick": Tick, "step": OneOf}


def _right(answer: Answer) -> str:
    del answer
    return ""


class Form(Dialog[Answer | None]):
    """Returns the values, None when it was cancelled.

    Args:
        title: what it is about.
        fields: what it asks, in order.
        submit: the word on the button that goes on; a form for a change goes on to its plan, never to the write.
        check: looks at all values together; returns a sentence, or nothing.
    """

    DEFAULT_CSS = """
    Form { align: center middle; background: $background 60%; }
    Form .fields { height: auto; scrollbar-size: 0 1; }
    Form .row { height: auto; }
    Form .row Heading { width: 20; }
    Form .row Input { width: 1fr; background: $surface; }
    Form .row Input:focus { background: $surface; }
    Form #buttons { height: 1; margin: 1 0 0 0; }
    """
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape", "dismiss(None)", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        # before the next key is looked at: what is typed ahead lands in the field that it was meant for
        Binding("enter", "go_on", show=False, priority=True),
        Binding("up", "app.focus_previous", show=False, priority=True),
        Binding("down", "app.focus_next", show=False, priority=True),
        Binding("space", "tick", show=False, priority=True),
        Binding("left,h", "step(-1)", show=False, priority=True),
        Binding("right,l,space", "step(1)", show=False, priority=True),
        Binding("tab", "next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        *,
        submit: str = "Continue",
        check: Callable[[Answer], str] = _right,
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = tuple(fields)
        self._submit = submit
        self._check = check
        self._inputs: dict[str, TextInput] = {}
        self._controls: dict[str, Tick | OneOf] = {}
        self._faults: dict[str, Sentence] = {}
        self._offers: dict[str, Sentence] = {}
        self._touched: set[str] = set()

    def compose(self) -> ComposeResult:
        """Show the fields and both ways out."""
        with Vertical(classes="box") as box:
            box.styles.width = min(MAX_WIDTH, self.app.size.width - 4)
            yield Sentence(self._title, "head")
            yield Sentence(" ")
            with VerticalScroll(classes="fields", can_focus=False) as body:
                body.styles.max_height = max(self.app.size.height - 9, 3)
                for field in self._fields:
                    yield from self._row(field)
            yield Sentence("", "warn", id="wrong")
            with Horizontal(id="buttons"):
                yield PushButton("Cancel", id="cancel")
                yield PushButton(self._submit, id="submit", ready=False)
                yield Heading(id="keys")

    def _row(self, field: Field) -> ComposeResult:
        label = Heading()
        label.set(((f" {fit(clean(field.label), LABEL_WIDTH - 2)} ", "dim"),))
        with Horizontal(classes="row"):
            yield label
            yield self._control(field)
        if isinstance(field, PathField):
            yield self._offers[field.key]
        if isinstance(field, _TYPED):
            wrong = self._faults[field.key] = Sentence("", "bad", indent=LABEL_WIDTH + 1)
            yield wrong

    def _control(self, field: Field) -> Widget:
        if isinstance(field, TextField):
            hint, hidden = clean(field.hint), field.secret
            entry = TextInput(
                field.value, placeholder=hint, compact=True, password=hidden, select_on_focus=field.suggested
            )
            self._inputs[field.key] = entry
            return entry
        if isinstance(field, PathField):
            offers = self._offers[field.key] = Sentence("", "dim", indent=LABEL_WIDTH + 1)
            options = {"placeholder": clean(field.hint), "compact": True, "select_on_focus": field.suggested}
            path = self._inputs[field.key] = PathInput(field.value, field.kind, offers.say, **options)
            return path
        if isinstance(field, InfoField):
            return Sentence(field.text, field.style)
        if isinstance(field, ChoiceField):
            control: Tick | OneOf = OneOf(field.key, field.choices, field.value)
        else:
            control = Tick(field.key, field.note, value=field.value)
        self._controls[field.key] = control
        return control

    def on_mount(self) -> None:
        """Begin with the first field."""
        self.app.clear_notifications()
        self.query_one("#keys", Heading).set(((" tab", "key"), (" move  ", "dim"), ("esc", "key"), (" cancel", "dim")))
        asked = [*self._inputs.values(), *self._controls.values()]
        first = next((widget for widget in self.query("Input, Tick, OneOf") if widget in asked), None)
        (first or self.query_one("#cancel")).focus()
        self.look()

    # --- checking ------------------------------------------------------------------------------------------------

    @property
    def answer(self) -> Answer:
        """The values as they are now."""
        values: Answer = {}
        for field in self._fields:
            if isinstance(field, _TYPED):
                entry = self._inputs[field.key]
                values[field.key] = entry.path if isinstance(entry, PathInput) else entry.value.strip()
            elif not isinstance(field, InfoField):
                values[field.key] = self._controls[field.key].value
        return values

    def faults(self) -> Mapping[str, str]:
        """Return what is wrong, by field; the key "" is for all values together."""
        answer, found = self.answer, {}
        for field in self._fields:
            if isinstance(field, _TYPED):
                value = str(answer[field.key])
                if sentence := field.wrong(value) if isinstance(field, PathField) else field.check(value):
                    found[field.key] = sentence
        if not found and (sentence := self._check(answer)):
            found[""] = sentence
        return found

    def look(self) -> None:
        """Show what is wrong; only what was touched says so in its own line."""
        faults = self.faults()
        for key, sentence in self._faults.items():
            sentence.say(faults.get(key, "") if key in self._touched else "")
        self.query_one("#submit", PushButton).set_ready(not faults)
        labels = {field.key: field.label for field in self._fields if isinstance(field, _TYPED)}
        wrong = next(iter(faults.items()), None)
        if wrong is None:
            self.query_one("#wrong", Sentence).say("")
        elif not wrong[0]:
            self.query_one("#wrong", Sentence).say(wrong[1])
        else:
            told = wrong[0] in self._touched
            self.query_one("#wrong", Sentence).say(
                f"To go on, correct: {labels[wrong[0]]}" if told else f"{labels[wrong[0]]}: {wrong[1]}"
            )

    @on(Input.Changed)
    def typed(self, message: Input.Changed) -> None:
        """Check as it is typed."""
        for key, entry in self._inputs.items():
            field = next(field for field in self._fields if isinstance(field, _TYPED) and field.key == key)
            if entry is message.input and entry.value != field.value:
                self._touched.add(key)
        self.look()

    @on(Control.Changed)
    def chosen(self) -> None:
        """Check again."""
        self.look()

    # --- leaving -------------------------------------------------------------------------------------------------

    async def action_next(self) -> None:
        """Complete the path that is being typed, or go to the next field; the next key waits until that is done."""
        if not isinstance(self.focused, PathInput) or not await self.focused.tab():
            self.focus_next()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys of ticks and choices to whatever else has the focus."""
        if action in _OWN_KEYS:
            return isinstance(self.focused, _OWN_KEYS[action])
        return super().check_action(action, parameters)

    def action_tick(self) -> None:
        """Tick the box that has the focus, or not."""
        if isinstance(self.focused, Tick):
            self.focused.action_tick()

    def action_step(self, by: int) -> None:
        """Change the choice that has the focus."""
        if isinstance(self.focused, OneOf):
            self.focused.action_step(by)

    def action_go_on(self) -> None:
        """Go to the next field; from the last one send the form, if it is right. On a button, push it."""
        if isinstance(self.focused, PushButton):
            self.focused.action_push()
            return
        asked = [widget for widget in self.query("Input, Tick, OneOf") if widget.focusable]
        place = asked.index(self.focused) if self.focused in asked else -1
        if 0 <= place < len(asked) - 1:
            self.set_focus(asked[place + 1])  # at once: the next key is for it
        elif place == len(asked) - 1:
            asked[place].call_later(self._send)  # behind the keys that it has not taken yet

    def _send(self) -> None:
        faults = self.faults()
        if not faults:
            self.dismiss(self.answer)
            return
        self._touched |= set(faults) & set(self._inputs)
        self.look()
        wrong = next((self._inputs[key] for key in faults if key in self._inputs), None)
        if wrong is not None:
            wrong.focus()

    @on(PushButton.Pushed)
    def end(self, message: PushButton.Pushed) -> None:
        """Send the form, or nothing."""
        if message.id == "submit":
            self._send()
        else:
            self.dismiss(None)

"""What is asked before payloads are encrypted, decrypted or rotated: files, keys, a JSON member, the oldest age."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from console.model.payload import PayloadAction
from console.model.secret import Secret
from console.present.secrets import optional_age_problem, seconds_of
from console.services.payload_checks import fernet_key_problem, member_problem
from console.ui.dialogs.conditional import ConditionalForm
from console.ui.dialogs.form import Answer, ChoiceField, Field, PathField, TextField, ToggleField
from console.ui.widgets.path_input import PathKind

_TITLES = {
    PayloadAction.ENCRYPT: ("ENCRYPT A FILE", "Encrypt"),
    PayloadAction.DECRYPT: ("DECRYPT A FILE", "Decrypt"),
    PayloadAction.ROTATE: ("ROTATE A FILE TO THE NEWEST KEY", "Rotate"),
}


@dataclass(frozen=True)
class FileOrder:
    """What to do with a file. The keys are in `key_file`, or `key` was typed."""

    what: PayloadAction
    source: Path
    target: Path
    key_file: Path | None
    key: Secret | None
    member: str = ""
    oldest: int | None = None
    strict: bool = False


def key_form() -> ConditionalForm:
    """Return the form for a new key."""
    places = (("file", "to a file of its own (0600)"), ("shown", "show it once, hidden at first"))
    return ConditionalForm(
        "MAKE A KEY FOR PAYLOADS",
        (
            ChoiceField("place", "where", places),
            PathField("file", "key file", kind=PathKind.NEW_FILE, hint="a new file; tab completes folders"),
        ),
        hidden=lambda answer: () if answer["place"] == "file" else ("file",),
        submit="Make it",
    )


def file_form(what: PayloadAction, before: Answer) -> ConditionalForm:
    """Return the form for a file; `before` is what was asked last time (never a key)."""

    def was(key: str) -> str:
        return str(before.get(key) or "")

    title, submit = _TITLES[what]
    fields: list[Field] = [
        PathField("source", "file to read", was("source"), "one payload a line; tab completes"),
        PathField("target", "file to write", was("target"), "a new file (0600)", PathKind.NEW_FILE),
    ]
    if what is not PayloadAction.ROTATE:
        sources = (("file", "from a file"), ("typed", "type or paste it"))
        fields.append(ChoiceField("keys", "key", sources, was("keys")))
    note = {
        PayloadAction.ENCRYPT: "the first key in it is used",
        PayloadAction.DECRYPT: "one a line; any of them may fit",
        PayloadAction.ROTATE: "one a line, the newest first",
    }[what]
    fields.append(PathField("key_file", "key file", was("key_file"), note))
    if what is not PayloadAction.ROTATE:
        fields.append(TextField("key", "key", "", "44 characters, as it was made", fernet_key_problem, secret=True))
    fields.append(
        TextField("member", "JSON field", was("member"), "body.temperature; empty: the whole line", member_problem)
    )
    if what is not PayloadAction.ENCRYPT:
        fields.append(
            TextField("oldest", "not older than", was("oldest"), "optional: 90m, 12h, 7d", optional_age_problem)
        )
    if what is PayloadAction.DECRYPT:
        note = "write nothing if any line fails"
        fields.append(ToggleField("strict", "all or nothing", bool(before.get("strict")), note))

    def hidden(answer: Answer) -> tuple[str, ...]:
        if what is PayloadAction.ROTATE:
            return ()
        return ("key",) if answer["keys"] == "file" else ("key_file",)

    return ConditionalForm(title, fields, hidden=hidden, submit=submit)


def file_order(what: PayloadAction, answer: Answer) -> FileOrder:
    """Return what a form describes."""
    text = {key: value for key, value in answer.items() if isinstance(value, str)}
    typed = text.get("keys") == "typed"
    return FileOrder(
        what=what,
        source=Path(text["source"]),
        target=Path(text["target"]),
        key_file=None if typed else Path(text["key_file"]),
        key=Secret(text["key"]) if typed else None,
        member=text["member"],
        oldest=seconds_of(text["oldest"]) if text.get("oldest") else None,
        strict=bool(answer.get("strict")),
    )

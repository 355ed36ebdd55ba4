"""What the jobs of the Payload tab bring back; what was decrypted only on its way to a page that hides it."""

from __future__ import annotations

from pathlib import Path

from textual.message import Message

from console.model.payload import PayloadFault, PayloadResult
from console.model.secret import Secret
from console.ui.messages import Snapshot


class KeyMade(Message):
    """A new key: in a file, or (`file` None) to be shown once."""

    def __init__(self, key: Secret | None, file: Path | None) -> None:
        super().__init__()
        self.key = key
        self.file = file


class LinesDone(Snapshot):
    """How many lines of a file were read, after how many seconds."""

    def __init__(self, lines: int, seconds: float) -> None:
        super().__init__()
        self.lines = lines
        self.seconds = seconds


class FileDone(Message):
    """How a file went, in how many seconds, and the first lines that were decrypted."""

    def __init__(self, result: PayloadResult, seconds: float, preview: Secret | None) -> None:
        super().__init__()
        self.result = result
        self.seconds = seconds
        self.preview = preview


class Opened(Snapshot):
    """What was in one message, or why it could not be opened."""

    def __init__(self, content: Secret | None, fault: PayloadFault | None, why: str) -> None:
        super().__init__()
        self.content = content
        self.fault = fault
        self.why = why

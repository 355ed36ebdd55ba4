"""Random keys, pastes, mouse and sizes for a console in a pseudo-terminal; what a seed does can be done again."""

from __future__ import annotations

import random
import termios
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from support.terminal import KEYS, Terminal
from support.waiting import until

from console.ui.commands import COMMANDS, key_name

SIZES = ((20, 5), (40, 10), (59, 14), (60, 15), (80, 24), (80, 24), (100, 30), (132, 43), (200, 50), (250, 70))
_NAMED = {
    **{name: KEYS[name] for name in ("enter", "tab", "up", "down", "left", "right", "home", "end", "space")},
    "escape": "\x1b",
    "pagedown": "\x1b[6~",
    "pageup": "\x1b[5~",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "shift+tab": "\x1b[Z",
    "shift+up": "\x1b[1;2A",
    "shift+down": "\x1b[1;2B",
    "shift+left": "\x1b[1;2D",
    "shift+right": "\x1b[1;2C",
    "ctrl+home": "\x1b[1;5H",
    "ctrl+end": "\x1b[1;5F",
    "ctrl+up": "\x1b[1;5A",
    "ctrl+right": "\x1b[1;5C",
    "ctrl+left": "\x1b[1;5D",
    "ctrl+down": "\x1b[1;5B",
    "alt+left": "\x1b[1;3D",
    "alt+right": "\x1b[1;3C",
    "ctrl+backslash": "\x1c",
    "f1": "\x1bOP",
    "f5": "\x1b[15~",
    "insert": "\x1b[2~",
}
_TAKEN_BACK = (1000, 1003, 1006, 2004, 1049, 1004)
ESCAPE = b"\x1b[27u"
"""The key as newer terminals send it: nothing can follow that would make another key of it."""
ROUND = 50
"""After how many events the console has to answer."""
_QUIT = frozenset({"q", "\x11"})
_MOVES = ("\x1b[B", "\x1b[B", "\x1b[A", "\t", "\x1b[Z", "\r", "\r", "\x1b", "\x1b", " ", "\x1b[6~", "\x1b[5~")
_TEXTS = (
    "brno", "/", "x", "status:disabled", "10.0.0.0/8", "0.0.0.0/0", "dev-1,dev-2", "p 50", "theme light", "{}", "%s",
    "SharedAccessSignature sr=a&sig=b&se=1", "HostName=h;DeviceId=d;SharedAccessKey=AAAA", "\u202eabc", "\u4e2d\u6587",
    "[bold]x[/", "e\u0301" * 9, "\x1b[31m", "a" * 300, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
)  # fmt: skip


def command_keys() -> list[str]:
    """Return what a terminal sends for every key that does something."""
    found = {}
    for key in (key for command in COMMANDS for key in command.keys):
        if key in _NAMED:
            found[key] = _NAMED[key]
        elif key.startswith("ctrl+") and len(key) == 6:
            found[key] = chr(ord(key[-1]) & 0x1F)
        elif len(name := key_name(key)) == 1:
            found[key] = name
    return list(found.values())


@dataclass(frozen=True)
class Event:
    """What arrives at once: bytes that were typed, or another size (columns, rows)."""

    typed: bytes = b""
    size: tuple[int, int] | None = None


def events(seed: int) -> Iterator[Event]:
    """Yield what happens, without an end."""
    chance = random.Random(seed)
    keys = command_keys()
    seldom = [key for key in keys if key in _QUIT]
    often = [key for key in keys if key not in _QUIT]
    printable = [chr(code) for code in range(33, 127) if chr(code) not in _QUIT]

    def key() -> str:
        share = chance.random()
        if share < 0.5:
            return chance.choice(often)
        if share < 0.85:
            return chance.choice(_MOVES)
        if share < 0.9:
            return chance.choice(printable)
        return chance.choice(seldom) if share > 0.998 else chance.choice(list(_NAMED.values()))

    def mouse() -> str:
        button, end = chance.choice(
            [(0, "M"), (0, "M"), (0, "m"), (2, "M"), (35, "M"), (64, "M"), (65, "M"), (32, "M")]
        )
        return f"\x1b[<{button};{chance.randint(1, 250)};{chance.randint(1, 70)}{end}"

    while True:
        share = chance.random()
        if share < 0.55:
            yield Event(key().encode())
        elif share < 0.75:  # a slow line: several in one packet
            yield Event("".join(key() for _ in range(chance.randint(2, 8))).encode())
        elif share < 0.80:
            yield Event(chance.choice(_TEXTS).replace("\x1b", "").encode())
        elif share < 0.85:
            yield Event(f"\x1b[200~{chance.choice(_TEXTS)}\x1b[201~".encode())
        elif share < 0.93:
            yield Event("".join(mouse() for _ in range(chance.randint(1, 4))).encode())
        elif share < 0.96:  # out of the palette or the prompt
            yield Event(
                (chance.choice(["\x10", ":"]) + chance.choice(["\x1b[6~", "d", "pol", "\x1b"]) + key()).encode()
            )
        elif share < 0.98:
            yield Event(size=chance.choice(SIZES))
        else:
            yield Event(size=(chance.randint(20, 250), chance.randint(5, 70)))


@dataclass
class Monkey:
    """Plays events to a console that `start` opens, opens it again after each ordinary end, and looks for harm."""

    start: Callable[[], Terminal]
    state: Path
    seed: int
    ends: int = 0
    done: int = 0
    last: deque[Event] = field(default_factory=lambda: deque(maxlen=ROUND))

    def play(self, count: int) -> None:
        """Play that many events; fail with the seed and the last events when the console does not survive them."""
        source, pace = events(self.seed), random.Random(self.seed)
        terminal = self._open()
        try:
            while self.done < count:
                event = next(source)
                self.last.append(event)
                self.done += 1
                gone = self._happens(terminal, event)
                if self.done % ROUND == 0 or self.done == count:
                    gone = gone or self._answers(terminal)
                elif (share := pace.random()) < 0.6:  # else the next comes before anything is painted
                    terminal.quiet(0.2 if share < 0.05 else 0.02)
                if gone:
                    self._check(terminal)
                    terminal.close()
                    terminal = self._open()
        finally:
            terminal.close()

    def _open(self) -> Terminal:
        terminal = self.start()
        terminal.wait("contoso")
        return terminal

    def _happens(self, terminal: Terminal, event: Event) -> bool:
        """Let it happen; return whether the console has ended."""
        try:
            if event.size is not None:
                terminal.resize(*event.size)
            else:
                terminal.write(event.typed)
        except OSError:  # nobody holds the other side any more
            terminal.wait_exit()
        return terminal.process.poll() is not None

    def _answers(self, terminal: Terminal) -> bool:
        """Go back to a pane as a person would, and see what is typed there; return whether the console has ended."""
        mark = f"zz{self.done}zz"
        terminal.resize(80, 24)

        def appears() -> bool:
            return terminal.process.poll() is not None or mark in terminal.lines()[-1]

        def answered() -> bool:
            with suppress(OSError):  # it may have ended
                terminal.write(ESCAPE + ESCAPE + b":" + mark.encode())  # the first may only empty a field
            try:
                return until(appears, mark, 5)
            except AssertionError:
                return False

        try:
            until(answered, "an answer", 120)
        except AssertionError:
            raise AssertionError(self._told(terminal, "no way back to a pane and its prompt")) from None
        with suppress(OSError):
            terminal.write(ESCAPE)
        return terminal.process.poll() is not None

    def _check(self, terminal: Terminal) -> None:
        """Fail unless this end was an ordinary one."""
        code = terminal.wait_exit()
        self.ends += 1
        defects = sorted(self.state.rglob("defect-*"))
        bad = f"exit code {code}" if code else "a defect" if defects else ""
        bad = bad or ("a traceback" if b"Traceback" in terminal.raw else "")
        with suppress(AssertionError):  # its last bytes may still be on their way
            until(lambda: restored(terminal), "a restored terminal", 10)
        bad = bad or ", ".join(left_behind(terminal))
        if bad:
            raise AssertionError("\n".join([self._told(terminal, bad), *(path.read_text() for path in defects)]))

    def _told(self, terminal: Terminal, what: str) -> str:
        last = "\n".join(repr(event.size or event.typed) for event in self.last)
        return f"seed {self.seed}, event {self.done}: {what}\n{last}\n{terminal.text()}\n"


def restored(terminal: Terminal) -> bool:
    """Return whether a terminal is as a shell expects it."""
    return not left_behind(terminal)


def left_behind(terminal: Terminal) -> list[str]:
    """Return what a shell would not expect of a terminal: not cooked, reports on, another screen, no cursor."""
    lines, modes = terminal.attributes()[3], terminal.raw.decode("latin-1")
    cooked = {"line by line": termios.ICANON, "echo": termios.ECHO, "signals": termios.ISIG}
    found = [f"without {name}" for name, bit in cooked.items() if not lines & bit]
    on = [mode for mode in _TAKEN_BACK if modes.rfind(f"\x1b[?{mode}l") < modes.rfind(f"\x1b[?{mode}h")]
    found += [f"with mode {mode}" for mode in on]
    hidden = modes.rfind("\x1b[?25h") <= modes.rfind("\x1b[?25l")
    return [*found, "without a cursor"] if hidden else found

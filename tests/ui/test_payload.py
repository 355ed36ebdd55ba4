"""The Payload tab: keys, files encrypted, decrypted, rotated, stopped, one message; nothing secret is seen unasked."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.fernet import Fernet
from support.fake_tokens import NOW
from support.screens import LARGE, SMALL, console, dump, paste_text, press, settle, type_text, until
from textual import events
from textual.pilot import Pilot

from console.model.payload import PayloadAction, PayloadLine
from console.services.payload import Payload
from console.ui.app import HubwardenApp
from console.ui.dialogs.form import Form
from console.ui.panes.credentials.payload import PayloadScreen
from console.ui.panes.credentials.payload_message import MessageScreen
from console.ui.panes.secret import SecretScreen
from console.ui.panes.text import TextScreen
from console.ui.reveal import SECONDS
from console.ui.widgets.paste_field import PasteField

SIZES = [SMALL, LARGE]
MADE = int(NOW.timestamp()) - 3600
"""When the captured payloads were made: an hour ago."""


@asynccontextmanager
async def payloads(size: tuple[int, int] = SMALL) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp]]:
    """Run the console at the Payload tab."""
    async with console(size=size) as (pilot, app):
        await press(pilot, "6", "shift+tab")
        assert isinstance(app.screen, PayloadScreen)
        yield pilot, app


@pytest.fixture
def key(tmp_path: Path) -> bytes:
    """Return a key that lies in `keys`."""
    made = Fernet.generate_key()
    (tmp_path / "keys").write_bytes(b"# telemetry\n" + made + b"\n")
    return made


def sealed(key: bytes, *texts: bytes, made: int = MADE) -> list[bytes]:
    return [Fernet(key).encrypt_at_time(text, made) for text in texts]


async def fill(pilot: Pilot[Any], *values: object) -> None:
    """Fill one field after the other; "" leaves one as it is, "→" chooses the next choice."""
    for value in map(str, values):
        if value == "→":
            await press(pilot, "right")
        elif value:
            await paste_text(pilot, value)
        await press(pilot, "enter")


async def choose(pilot: Pilot[Any], place: int) -> None:
    await press(pilot, "g", *["j"] * place, "enter")
    assert isinstance(pilot.app.screen, Form | MessageScreen)


async def paste(pilot: Pilot[Any], text: str) -> None:
    pilot.app.screen.query_one(PasteField).post_message(events.Paste(text))
    await settle(pilot)


def shown(app: HubwardenApp) -> str:
    """Return the screen as one line, blanks folded."""
    return " ".join(dump(app).split())


# --- the tab and keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_it_says_what_it_is_and_what_can_be_done(size: tuple[int, int]) -> None:
    async with payloads(size) as (pilot, app):
        text = shown(app)
        assert "Symmetric payload encryption outside the hub's model" in text
        assert "the hub neither knows nor checks these keys" in text
        for title in ("Make a key", "Encrypt a file", "Decrypt a file", "Rotate a file", "Decrypt one message"):
            assert title in text
        await press(pilot, "a")
        assert "PAYLOADS" in dump(app)
        await press(pilot, "j", "enter")
        assert "ENCRYPT A FILE" in dump(app)


async def test_a_key_goes_into_a_private_file_and_nowhere_else(tmp_path: Path) -> None:
    async with payloads() as (pilot, app):
        await choose(pilot, 0)
        await fill(pilot, "", tmp_path / "new")
        await until(pilot, lambda: (tmp_path / "new").exists())
        await settle(pilot)
        made = (tmp_path / "new").read_text().strip()
        Fernet(made)
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
        assert isinstance(app.screen, PayloadScreen) and "a key for payloads is in" in dump(app)
        assert made not in dump(app)
        await choose(pilot, 0)
        await fill(pilot, "", tmp_path / "new")
        assert "there is one already" in dump(app) and (tmp_path / "new").read_text().strip() == made


async def test_a_key_can_be_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with payloads() as (pilot, app):
        copied: list[str] = []
        monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
        await choose(pilot, 0)
        await fill(pilot, "→")
        page: Any = app.screen
        assert isinstance(page, SecretScreen)
        await press(pilot, "y")
        Fernet(copied[0])
        assert copied[0] not in dump(app)
        await press(pilot, "v")
        assert copied[0] in dump(app)
        await press(pilot, "escape")
        assert page._secret is None and copied[0] not in dump(app)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_captured_telemetry_is_decrypted_its_failures_told_by_line_and_its_start_hidden(
    size: tuple[int, int], tmp_path: Path, key: bytes
) -> None:
    hostile = b"[/]\x1b]52;c;AAAA\x07"
    good = sealed(key, b'{"press": 1}', hostile)
    lines = [good[0], *sealed(Fernet.generate_key(), b"x"), good[1], good[0][:40], b"nothing of the kind"]
    (tmp_path / "in").write_bytes(b"\n".join(lines))
    async with payloads(size) as (pilot, app):
        await choose(pilot, 2)
        await fill(pilot, tmp_path / "in", tmp_path / "out", "", tmp_path / "keys", "", "", "")
        await until(pilot, lambda: isinstance(app.screen, SecretScreen))
        await settle(pilot)
        text = shown(app)
        assert "NOT ALL DONE" in text and "decrypted 2 lines" in text and "failed 3 lines" in text
        assert "by reason 1 wrong key" in text and "line 2" in text and "1 truncated" in text
        assert (tmp_path / "out").read_bytes() == b'{"press": 1}\n' + hostile + b"\n"
        assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600
        whole = app.screen.query_one("Page").text()  # type: ignore[attr-defined]
        assert "2 lines, hidden" in whole and '{"press": 1}' not in whole
        await press(pilot, "v", "G")
        text = dump(app)
        assert '{"press": 1}' in text and "[/]\\x1b]52;c;AAAA\\x07" in text and "\x1b" not in text
        await press(pilot, "escape")
        assert "2 lines decrypted, 3 failed: out" in dump(app)
        await press(pilot, "G", "enter")
        assert isinstance(app.screen, TextScreen) and "by reason" in dump(app)


async def test_a_field_of_json_goes_there_and_back(tmp_path: Path, key: bytes) -> None:
    plain = [{"id": n, "body": {"temperature": 20 + n, "odd": "é\n"}} for n in range(3)]
    (tmp_path / "in").write_text("\n".join(map(json.dumps, plain)))
    async with payloads() as (pilot, app):
        await choose(pilot, 1)
        await fill(pilot, tmp_path / "in", tmp_path / "mid", "→", key.decode(), "body.temperature")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        assert "encrypted 3 lines" in shown(app) and key.decode() not in dump(app)
        middle = [json.loads(line) for line in (tmp_path / "mid").read_text().splitlines()]
        assert all(Fernet(key).decrypt(one["body"]["temperature"]) for one in middle)
        await press(pilot, "escape")
        await choose(pilot, 2)
        await fill(pilot, tmp_path / "mid", tmp_path / "out", "", tmp_path / "keys", "body.temperature", "1d", "")
        await until(pilot, lambda: isinstance(app.screen, SecretScreen))
        assert [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()] == plain


async def test_a_file_is_rotated_to_the_newest_key(tmp_path: Path, key: bytes) -> None:
    newest = Fernet.generate_key()
    (tmp_path / "keys").write_bytes(newest + b"\n" + key)
    (tmp_path / "in").write_bytes(b"\n".join(sealed(key, b"a", b"b")))
    async with payloads() as (pilot, app):
        await choose(pilot, 3)
        await fill(pilot, tmp_path / "in", tmp_path / "out", tmp_path / "keys", "", "")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        assert [Fernet(newest).decrypt(line) for line in (tmp_path / "out").read_bytes().split()] == [b"a", b"b"]


async def test_what_is_older_than_allowed_is_left_out_or_stops_it_all(tmp_path: Path, key: bytes) -> None:
    (tmp_path / "in").write_bytes(b"\n".join(sealed(key, b"a")))
    async with payloads() as (pilot, app):
        await choose(pilot, 2)
        await fill(pilot, tmp_path / "in", tmp_path / "out", "", tmp_path / "keys", "", "59m")
        await press(pilot, "space", "enter")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        assert "NOTHING WRITTEN" in dump(app) and "1 expired" in dump(app)
        assert not (tmp_path / "out").exists()


async def test_mistakes_are_told_as_they_are_typed(tmp_path: Path, key: bytes) -> None:
    (tmp_path / "in").write_bytes(b"x")
    async with payloads() as (pilot, app):
        await choose(pilot, 2)
        await fill(pilot, tmp_path / "nowhere")
        assert "there is no such file" in dump(app)
        await press(pilot, "up")
        await pilot.press("ctrl+u")
        await fill(pilot, tmp_path / "in", tmp_path / "in")
        assert "there is one already" in dump(app)
        await press(pilot, "right", "enter")
        await type_text(pilot, "short")
        assert "key" in shown(app) and "short" not in dump(app)
        await press(pilot, "enter")
        await type_text(pilot, "a..b")
        await press(pilot, "enter")
        await type_text(pilot, "soon")
        assert "write it as 90m" in shown(app)
        assert not list(tmp_path.glob("out*"))


async def test_a_file_of_keys_that_is_none_says_why_and_the_form_remembers(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x")
    (tmp_path / "keys").write_bytes(b"no key\n")
    async with payloads() as (pilot, app):
        await choose(pilot, 2)
        await fill(pilot, tmp_path / "in", tmp_path / "out", "", tmp_path / "keys", "", "", "")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        assert "line 1" in dump(app) and not (tmp_path / "out").exists()
        await press(pilot, "escape")
        await choose(pilot, 2)
        assert app.screen.answer["source"] == str(tmp_path / "in")  # type: ignore[attr-defined]


class Endless(Payload):
    """Never comes to the end of a file, and waits behind its first thousand lines."""

    def __init__(self) -> None:
        super().__init__(lambda: NOW)
        self.stopped = Event()

    def run(self, what: PayloadAction, lines: Any, keys: Any, *, cancel: Any, **more: Any) -> Iterator[PayloadLine]:
        try:
            yield PayloadLine(12_000, b"x" * 1000)
            while True:
                cancel.wait(0.01)
                cancel.check()
                yield PayloadLine(13_000, b"x")
        finally:
            self.stopped.set()


async def test_a_large_file_shows_how_far_it_is_and_stops_on_a_key_with_nothing_left(
    tmp_path: Path, key: bytes
) -> None:
    (tmp_path / "in").write_bytes(b"x")
    async with payloads() as (pilot, app):
        endless: Any = Endless()
        app.services.credentials.payload = endless  # type: ignore[misc]
        await choose(pilot, 2)
        await fill(pilot, tmp_path / "in", tmp_path / "out", "", tmp_path / "keys", "", "")
        await pilot.press("enter")
        await until(pilot, lambda: "a second" in dump(app))
        assert "DECRYPTING in 13,000 lines" in shown(app) and "x stops it" in shown(app) and "x stop" in shown(app)
        await pilot.press("q")
        await until(pilot, lambda: "QUIT?" in dump(app))
        assert "out, which is being written" in dump(app)
        await pilot.press("escape")
        await until(pilot, lambda: "QUIT?" not in dump(app))
        await pilot.press("x")
        await until(pilot, endless.stopped.is_set)
        await settle(pilot)
        assert "Stopped: out was not written" in dump(app) and "DECRYPTING" not in dump(app)
        assert sorted(one.name for one in tmp_path.iterdir()) == ["in", "keys"]


async def test_leaving_stops_a_file_and_waits_until_nothing_is_left(tmp_path: Path, key: bytes) -> None:
    (tmp_path / "in").write_bytes(b"x")
    endless: Any = Endless()
    async with payloads() as (pilot, app):
        app.services.credentials.payload = endless  # type: ignore[misc]
        await choose(pilot, 2)
        await fill(pilot, tmp_path / "in", tmp_path / "out", "", tmp_path / "keys", "", "")
        await pilot.press("enter")
        await until(pilot, lambda: "DECRYPTING" in dump(app))
    assert endless.stopped.is_set()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in", "keys"]


# --- one message -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_message_is_opened_and_stays_hidden_until_asked_for(size: tuple[int, int], key: bytes) -> None:
    (message,) = sealed(key, b'{"temperature": 21}')
    async with payloads(size) as (pilot, app):
        await choose(pilot, 4)
        text = message.decode()
        await paste(pilot, text[:50] + "\r\n" + text[50:] + "\n")
        assert "Give the key" in dump(app)
        await press(pilot, "enter")
        await paste_text(pilot, key.decode())
        assert "OPENED" in dump(app) and "19 characters, hidden" in dump(app)
        assert "temperature" not in dump(app) and key.decode() not in dump(app) and text[50:90] not in dump(app)
        now = 5.0
        screen: Any = app.screen
        screen.reveal.now = lambda: now
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert '{"temperature": 21}' in dump(app) and "hides itself in 20 s" in dump(app)
        now += SECONDS
        screen.reveal.tick()
        await settle(pilot)
        assert "temperature" not in dump(app)
        await pilot.press("ctrl+r")
        await press(pilot, "enter", "enter")
        await type_text(pilot, "59m")
        assert "EXPIRED" in dump(app) and "temperature" not in dump(app)
        await press(pilot, "escape")
        assert screen._opened is None and not screen._fields[0][1].secret


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda text: text[:60], "TRUNCATED"),
        (lambda text: text[:-10] + ("B" if text[-10] == "A" else "A") + text[-9:], "ALTERED"),
        (lambda text: Fernet(Fernet.generate_key()).encrypt(b"x").decode(), "WRONG KEY"),
        (lambda text: "[/]\x1b]52;c;A\x07\u202e", "NOT A TOKEN"),
    ],
)
async def test_why_a_message_cannot_be_opened(change: Any, word: str, tmp_path: Path, key: bytes) -> None:
    (message,) = sealed(key, b"something that is long enough to be cut")
    async with payloads() as (pilot, app):
        await choose(pilot, 4)
        await paste(pilot, change(message.decode()))
        await press(pilot, "enter", "enter")
        await paste_text(pilot, str(tmp_path / "ke"))
        assert "there is no such file" in shown(app)
        await press(pilot, "tab")
        assert word in dump(app) and "something" not in dump(app)
        assert not set(dump(app)) & set("\x1b\x07\u202e")


async def test_hostile_content_is_text_when_it_is_shown(key: bytes) -> None:
    (message,) = sealed(key, b"[/]\x1b]52;c;A\x07\xe2\x80\xae[@click=app.quit]x[/]")
    async with payloads() as (pilot, app):
        await choose(pilot, 4)
        await paste(pilot, message.decode())
        await press(pilot, "enter")
        await paste_text(pilot, key.decode())
        await pilot.press("ctrl+r")
        await settle(pilot)
        assert "[/]\\x1b]52;c;A\\x07\\u202e[@click=app.quit]x[/]" in dump(app)

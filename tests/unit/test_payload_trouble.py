"""`hubwarden payload` when something is odd: keys as arguments, files that are none, doubled members, stops."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from console.cli.main import run
from console.model.errors import ConsoleError
from console.model.payload import PayloadAction, PayloadFault
from console.model.secret import Secret
from console.services.payload import Payload

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
KEY = base64.urlsafe_b64encode(bytes(range(200, 232))).decode()
KEYS = (Secret(KEY),)
ROOT = Path(__file__).parents[2]


def payload() -> Payload:
    return Payload(lambda: NOW)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(KEY)
    file.chmod(0o600)
    return file


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_bytes(Fernet(KEY).encrypt(b"one") + b"\n" + Fernet(KEY).encrypt(b"two") + b"\n")
    return file


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("encrypt", KEY),
        ("decrypt", "--key-file", KEY),
        ("decrypt", "--key", KEY),
        ("decrypt", f"--key={KEY}"),
        ("rotate", "--field", KEY),
        ("encrypt", "--out", KEY),
        ("encrypt", "a", KEY),
        ("keygen", KEY),
        ("keygen", "--out", KEY),
        ("decrypt", "--ttl", KEY),
    ],
)
def test_a_key_is_never_taken_from_an_argument_nor_repeated(capsys, tmp_path, monkeypatch, arguments) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["payload", *arguments]) == 2
    out, err = capsys.readouterr()
    assert KEY[:8] not in out + err
    assert "never taken from an argument" in err or "no number of seconds" in err
    assert not list(tmp_path.iterdir())


def test_keys_may_come_from_a_pipe_of_a_vault(tokens) -> None:
    """`--key-file <(vault read …)`: the key touches no disk."""
    reading, writing = os.pipe()
    os.write(writing, KEY.encode())
    os.close(writing)
    line = [sys.executable, "-m", "console", "payload", "decrypt", str(tokens), "--key-file", f"/dev/fd/{reading}"]
    done = subprocess.run(line, pass_fds=[reading], capture_output=True, timeout=60, cwd=ROOT)
    os.close(reading)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"one\ntwo\n", b"")


def test_a_pipe_that_others_may_read_is_refused(tokens, tmp_path, capsys) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o644)
    assert run(["payload", "decrypt", str(tokens), "--key-file", str(pipe)]) == 1
    assert "0644" in capsys.readouterr().err


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", [".", "/", "..", "folder"])
@pytest.mark.parametrize("more", [(), ("--replace",)])
def test_an_out_that_is_no_file_is_one_sentence(tokens, key_file, tmp_path, monkeypatch, capsys, out, more) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for line in (["decrypt", str(tokens), "--key-file", str(key_file), *more], ["keygen"]):
        assert run(["payload", *line, "--out", out]) in {1, 2}
        err = capsys.readouterr().err
        assert "Something broke" not in err
        assert "it is a folder" in err


def test_a_device_or_pipe_is_never_replaced_by_a_file(tmp_path, tokens) -> None:
    """As root, --out /dev/null --replace would otherwise take /dev/null from the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConsoleError, match="pipe or a device"):
        payload().run_file(PayloadAction.DECRYPT, tokens, pipe, KEYS, replace=True)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path, tokens) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    assert payload().run_file(PayloadAction.DECRYPT, tokens, link, KEYS, replace=True).complete
    assert link.is_symlink()
    assert real.read_bytes() == b"one\ntwo\n"


def test_a_file_that_is_there_is_refused_before_anything_is_read(tmp_path) -> None:
    target, source = tmp_path / "there", io.BytesIO(Fernet(KEY).encrypt(b"x"))
    target.write_text("old")
    with pytest.raises(ConsoleError) as caught:
        payload().run_stream(PayloadAction.DECRYPT, source, target, KEYS)
    assert (caught.value.code, source.tell()) == ("exists", 0)
    assert "--replace" in caught.value.hint
    assert "key" not in caught.value.why
    assert target.read_text() == "old"


class Broken(io.RawIOBase):
    """A disk that fails after the first line."""

    def __init__(self, first: bytes) -> None:
        self._first = first

    def readable(self) -> bool:
        return True

    def readline(self, size: int | None = -1, /) -> bytes:
        first, self._first = self._first, b""
        if not first:
            raise OSError(5, "Input/output error")
        return first


def test_a_source_that_fails_in_the_middle_is_a_sentence_about_the_source(tmp_path) -> None:
    line = Fernet(KEY).encrypt(b"x") + b"\n"
    with pytest.raises(ConsoleError, match="payloads cannot be read"):
        payload().run_stream(PayloadAction.DECRYPT, Broken(line), tmp_path / "out", KEYS)
    assert not list(tmp_path.iterdir())


def test_a_pipe_that_fails_in_the_middle_is_a_sentence(key_file, capsys) -> None:
    if not Path("/proc/self/mem").exists():
        pytest.skip("needs a file that can be opened and not read")
    assert run(["payload", "decrypt", "/proc/self/mem", "--key-file", str(key_file)]) == 1
    assert "cannot be read: input/output error" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_decrypted_piece_behind(tmp_path, key_file, number) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    line = [sys.executable, "-m", "console", "payload", "decrypt", "--key-file", str(key_file)]
    with subprocess.Popen(
        [*line, "--out", str(folder / "plain")], stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        process.stdin.write(Fernet(KEY).encrypt(b"secret") + b"\n")
        process.stdin.flush()
        guard = threading.Timer(60, process.kill)
        guard.start()
        while not list(folder.iterdir()) and process.poll() is None:
            pass
        process.send_signal(number)
        assert process.wait() != 0
        guard.cancel()
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert not list(folder.iterdir())


# --- lines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ['{"t":1,"t":2}', '{"a":{"t":3},"a":{"t":4}}', '{"t":1,"\\u0074":2}'])
@pytest.mark.parametrize("action", list(PayloadAction))
def test_a_doubled_member_is_refused_lest_one_stays_in_clear(line, action) -> None:
    field = "a.t" if "a" in json.loads(line) else "t"
    (done,) = payload().run(action, [line.encode()], KEYS, field=field)
    assert (done.output, done.fault) == (None, PayloadFault.AMBIGUOUS)
    assert "twice" in done.message


def test_doubled_members_beside_the_path_do_not_matter() -> None:
    (done,) = payload().encrypt([b'{"x":1,"x":2,"t":3,"y":{"t":1,"t":2}}'], KEYS, field="t")
    assert done.fault is None


@pytest.mark.parametrize("action", [PayloadAction.DECRYPT, PayloadAction.ROTATE])
def test_a_byte_order_mark_is_no_part_of_a_token(action) -> None:
    token = b"\xef\xbb\xbf" + Fernet(KEY).encrypt(b"x") + b"\r\n"
    (done,) = payload().run(action, [token], KEYS)
    assert done.fault is None


def test_utf_16_is_named() -> None:
    (done,) = payload().decrypt([Fernet(KEY).encrypt(b"x").decode().encode("utf-16")], KEYS)
    assert "UTF-16" in done.message


def test_an_index_beyond_all_numbers_is_no_member() -> None:
    (done,) = payload().encrypt([b"[1]"], KEYS, field="9" * 5000)
    assert done.fault is PayloadFault.NO_FIELD


# --- ages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "code"), [("10m", 0), ("1h", 0), ("3600", 0), ("１２", 2), ("1_0", 2), ("0m", 2)])
def test_an_age_is_written_as_a_lifetime_is(tokens, key_file, capsys, text, code) -> None:
    assert run(["payload", "decrypt", str(tokens), "--key-file", str(key_file), "--ttl", text]) == code


def test_what_an_age_cannot_say_is_not_taken_for_seconds(key_file, tmp_path, capsys) -> None:
    old = tmp_path / "old"
    old.write_bytes(Fernet(KEY).encrypt_at_time(b"x", 1_700_000_000))
    assert run(["payload", "decrypt", str(old), "--key-file", str(key_file), "--ttl", "1d"]) == 1
    assert "86,400 s are allowed" in capsys.readouterr().err


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "fault"),
    [
        (600, None),
        (601, PayloadFault.EXPIRED),
        (-60, None),  # clocks may be a minute apart
        (-61, PayloadFault.FUTURE),
    ],
)
def test_an_age_counts_to_the_second(age, fault) -> None:
    token = Fernet(KEY).encrypt_at_time(b"x", int(NOW.timestamp()) - age)
    (done,) = payload().decrypt([token], KEYS, ttl=600)
    assert done.fault is fault


@pytest.mark.parametrize(("length", "fault"), [(100, None), (101, PayloadFault.TOO_LONG)])
def test_the_longest_line(monkeypatch, length, fault) -> None:
    monkeypatch.setattr("console.services.payload.LONGEST_LINE", 100)
    (done,) = payload().encrypt([b"x" * length + b"\n"], KEYS)
    assert done.fault is fault

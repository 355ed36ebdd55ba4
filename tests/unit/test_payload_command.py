"""`hubwarden payload` as a process and in files: streams, keys, whole or not at all, exit codes, JSON."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from cryptography.fernet import Fernet

from console.cli.main import run
from console.cli.schemas import SCHEMAS
from console.model.errors import ConsoleError
from console.model.payload import METHOD, PayloadAction, PayloadFault
from console.model.secret import Secret
from console.services.payload import Payload, read_lines
from console.services.ports import Cancel

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
KEY, OTHER = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(2))
KEYS = (Secret(KEY),)


def payload() -> Payload:
    return Payload(lambda: NOW)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(f"# newest first\n{KEY}\n{OTHER}\n")
    file.chmod(0o600)
    return file


def command(*arguments: object, data: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    line = [sys.executable, "-m", "console", "payload", *map(str, arguments)]
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        line, input=data, capture_output=True, timeout=60, cwd=cwd, env={**os.environ, "PYTHONPATH": root}
    )


def test_a_stream_goes_through_and_back(key_file):
    telemetry = b'{"id": "a", "body": {"t": 21.5}}\n{"id": "b", "body": {"t": null}}\n'
    made = command("encrypt", "--field", "body.t", "--key-file", key_file, data=telemetry)
    assert (made.returncode, made.stderr) == (0, b"")
    assert b"21.5" not in made.stdout
    back = command("decrypt", "--field", "body.t", "--key-file", key_file, "--ttl", "600", data=made.stdout)
    assert (back.returncode, back.stdout) == (0, telemetry)


def test_bad_lines_are_told_with_their_number_and_the_rest_goes_on(key_file):
    good = Fernet(OTHER).encrypt(b"21.5")  # the older key
    foreign = Fernet(Fernet.generate_key()).encrypt(b"x")
    done = command("decrypt", "--key-file", key_file, data=b"\n".join([good, b"junk", foreign, good[:-5], good, b""]))
    assert done.returncode == 1
    assert done.stdout == b"21.5\n21.5\n"
    told = done.stderr.decode().splitlines()
    assert [line.partition(": ")[2].partition(": ")[0] for line in told] == ["line 2", "line 3", "line 4"]
    assert ["not a token" in told[0], "keys fits" in told[1], "truncated" in told[2]] == [True, True, True]
    strict = command("decrypt", "--strict", "--key-file", key_file, data=b"\n".join([good, b"junk", good]))
    assert (strict.returncode, strict.stdout) == (1, b"21.5\n")
    assert b"--strict" in strict.stderr


def test_each_line_comes_out_before_the_next_goes_in(key_file):
    """An incident responder pipes live telemetry: nothing may wait for the end."""
    line = [sys.executable, "-m", "console", "payload", "decrypt", "--key-file", str(key_file)]
    process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    with process:
        for text in (b"one", b"two"):
            process.stdin.write(Fernet(KEY).encrypt(text) + b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == text + b"\n"
        process.stdin.close()
        assert process.wait(30) == 0


def test_memory_does_not_grow_with_the_stream():
    token = Fernet(KEY).encrypt(b"x" * 600)

    def peak(count: int) -> int:
        tracemalloc.start()
        for line in payload().decrypt((token for _ in range(count)), KEYS):
            assert line.output is not None
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)
    assert peak(4000) < peak(100) + 200_000


def test_a_line_without_end_does_not_fill_the_memory():
    file = io.BytesIO(b"short\n" + b"x" * 1000 + b"\nafter\n" + b"y" * 1000)
    lines = list(read_lines(file, limit=100))
    assert [len(line) for line in lines] == [6, 102, 6, 102]
    assert (lines[0], lines[2]) == (b"short\n", b"after\n")


# --- files ----------------------------------------------------------------------------------------------------


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def test_a_file_is_written_whole_for_its_owner_alone(tmp_path):
    source, target = write(tmp_path / "in", b"one", b"two"), tmp_path / "out"
    seen: list[int] = []
    result = payload().run_file(PayloadAction.ENCRYPT, source, target, KEYS, on_progress=seen.append)
    assert result.complete
    assert (result.done, result.failed, result.target) == (2, 0, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [Fernet(KEY).decrypt(line) for line in target.read_bytes().splitlines()] == [b"one", b"two"]
    with pytest.raises(ConsoleError) as caught:
        payload().run_file(PayloadAction.ENCRYPT, source, target, KEYS)
    assert caught.value.code == "exists"
    assert payload().run_file(PayloadAction.ENCRYPT, source, target, KEYS, replace=True).complete


def test_decrypt_leaves_bad_lines_out_and_rotate_writes_nothing_then(tmp_path):
    tokens = [Fernet(KEY).encrypt(b"one"), b"junk", Fernet(KEY).encrypt(b"two")]
    source, target = write(tmp_path / "in", *tokens), tmp_path / "out"
    result = payload().run_file(PayloadAction.DECRYPT, source, target, KEYS)
    assert (result.done, result.failed, result.complete) == (2, 1, False)
    assert target.read_bytes() == b"one\ntwo\n"
    assert [(line.number, line.fault) for line in result.faults] == [(2, PayloadFault.NOT_A_TOKEN)]
    for what, strict in ((PayloadAction.ROTATE, False), (PayloadAction.DECRYPT, True)):
        other = tmp_path / f"other-{what}"
        result = payload().run_file(what, source, other, KEYS, strict=strict)
        assert (result.target, result.failed) == (None, 1)
        assert "line 2" in result.stopped
        assert sorted(file.name for file in tmp_path.iterdir()) == ["in", "out"]


def test_a_stopped_run_leaves_nothing_behind(tmp_path):
    source, cancel = write(tmp_path / "in", *[b"x"] * 3000), Cancel()

    def stop(number: int) -> None:
        assert number == 1000
        cancel.cancel()

    with pytest.raises(ConsoleError):
        payload().run_file(PayloadAction.ENCRYPT, source, tmp_path / "out", KEYS, on_progress=stop, cancel=cancel)
    assert [file.name for file in tmp_path.iterdir()] == ["in"]


def test_files_that_cannot_be_used_are_named(tmp_path):
    source = write(tmp_path / "in", b"x")
    for wrong in (
        (tmp_path / "none", tmp_path / "out"),
        (tmp_path, tmp_path / "out"),
        (source, tmp_path / "none" / "out"),
    ):
        with pytest.raises(ConsoleError) as caught:
            payload().run_file(PayloadAction.ENCRYPT, *wrong, KEYS)
        assert str(tmp_path) in caught.value.what


# --- the command ----------------------------------------------------------------------------------------------------


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(["payload", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_keygen(tmp_path, capsys):
    code, out, _ = call(capsys, "keygen")
    assert code == 0
    Fernet(out.strip())
    file = tmp_path / "key"
    code, out, err = call(capsys, "keygen", "--out", file)
    assert (code, out) == (0, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    Fernet(file.read_text().strip())
    assert str(file) in err
    before = file.read_text()
    assert call(capsys, "keygen", "--out", file)[0] == 1
    assert file.read_text() == before
    document = json.loads(call(capsys, "keygen", "--json")[1])
    jsonschema.validate(document, SCHEMAS["payload_key"])
    assert document["method"] == METHOD
    Fernet(document["items"][0]["key"])
    document = json.loads(call(capsys, "keygen", "--json", "--out", tmp_path / "k2")[1])
    assert document["items"][0] == {"key": "", "file": str(tmp_path / "k2")}


def test_a_terminal_shows_a_key_only_when_asked(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    code, out, err = call(capsys, "keygen")
    assert (code, out) == (2, "")
    assert "--show" in err
    assert call(capsys, "keygen", "--show")[0] == 0


def test_the_result_as_json(tmp_path, key_file, capsys):
    source = write(tmp_path / "in", Fernet(KEY).encrypt(b"one"), b"junk")
    arguments = ("decrypt", source, "--key-file", key_file, "--out", tmp_path / "out", "--json")
    code, out, _ = call(capsys, *arguments)
    document = json.loads(out)
    jsonschema.validate(document, SCHEMAS["payload_result"])
    (item,) = document["items"]
    assert code == 1
    assert (item["done"], item["failed"], item["written"]) == (1, 1, True)
    assert item["faults"][0]["line"] == 2
    assert document["method"] == METHOD
    code, out, err = call(capsys, *arguments[:-1], "--replace")
    assert code == 1
    assert "NOT ALL DONE" in out
    assert "line 2" in err
    assert call(capsys, "decrypt", source, "--key-file", key_file, "--json")[0] == 2


@pytest.mark.parametrize(
    ("mode", "content", "code", "words"),
    [(0o644, KEY, 1, "chmod 600"), (0o600, "short", 2, "44"), (0o600, "", 2, "none in it")],
)
def test_keys_that_are_not_taken(tmp_path, capsys, mode, content, code, words):
    file = tmp_path / "keys"
    file.write_text(content)
    file.chmod(mode)
    told = call(capsys, "encrypt", write(tmp_path / "in", b"x"), "--key-file", file)
    assert told[0] == code
    assert words in told[2]
    assert told[1] == ""


def test_help_says_what_it_is(capsys):
    assert "outside the hub's model" in " ".join(call(capsys, "--help")[1].split())
    assert call(capsys, "decrypt", "--ttl", "0", "--key-file", "x")[0] == 2

"""The console's log: private, and without secrets whatever is logged."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.log_file import Redacted, redact

KEY = "T9qcz8nRrVh3JqZs0bXb1m7pN4kL2vYwQ5eDfGhUiJo="
PROGRAM = """
import logging, sys
from pathlib import Path
from console.cli.log_file import start_log
start_log(Path(sys.argv[1]))
def broken(SharedAccessKey):
    raise ValueError(f"no such thing: {SharedAccessKey}")
try:
    broken(sys.argv[2])
except ValueError:
    logging.getLogger("console.ui.jobs").exception("job %s", "fleet")
logging.getLogger("azure.identity").warning("refused \\x1b]52;c;AAAA\\x07 Bearer %s", sys.argv[2])
logging.getLogger("azure.core").info("chatter")
"""


@pytest.mark.parametrize(
    "text",
    [
        f"HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}",
        f"authorization: Bearer {KEY}",
        f"SharedAccessSignature sr=h&sig={KEY}&se=1",
        f'{{"client_secret": "{KEY}"}}',
        f"the key {KEY} was refused",
        f"token eyJhbGciOi.{KEY.rstrip('=')}.abc",
    ],
)
def test_secrets_are_dots(text: str) -> None:
    assert KEY.rstrip("=") not in redact(text)
    assert "••••" in redact(text)


def test_ordinary_words_stay() -> None:
    line = "job fleet: 401003 IoTHubUnauthorized for genoa-press-0417 on /subscriptions/b1002711-aa38/resourceGroups/rg"
    assert redact(line) == line


def test_the_file_is_private_and_names_the_place_but_no_value(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), KEY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    file = tmp_path / "log" / "hubwarden.log"
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "job fleet" in text and "ValueError" in text and "in broken" in text
    assert KEY not in text and "\x1b" not in text and "chatter" not in text


def test_an_exception_is_told_without_its_text() -> None:
    try:
        raise RuntimeError("HostName=secret")
    except RuntimeError as error:
        told = Redacted().formatException((type(error), error, error.__traceback__))
    assert "RuntimeError" in told
    assert "HostName" not in told.splitlines()[-1]


def test_a_folder_that_cannot_be_written_means_no_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file in the way")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), KEY]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""Files of JSON that is nested beyond every reader: each command says so in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli.main import run

DEEP = ("[" * 200_000, '{"a":' * 200_000, '{"devices":' + "[" * 200_000)


@pytest.mark.parametrize("text", DEEP, ids=["lists", "objects", "mixed"])
@pytest.mark.parametrize(
    "command",
    [
        ("access", "roles", "--lint", "--file", "{file}"),
        ("localhub", "load", "{file}", "--ready-file", "{file}"),
        ("localhub", "serve", "--load", "{file}"),
        ("localhub", "reset", "--ready-file", "{file}"),
        (*("dps", "register", "--id-scope", "0ne", "--registration-id", "x", "--key-stdin"), "--payload", "{file}"),
    ],
    ids=lambda one: " ".join(one[:2]),
)
def test_a_file_that_is_nested_too_deep_is_one_sentence(
    command: tuple[str, ...],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("XDG_CONFIG_HOME", "HUBWARDEN_STATE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    file = tmp_path / "deep.json"
    file.write_text(text)
    code = run([one.format(file=file) for one in command])
    out, err = capsys.readouterr()
    assert code in (1, 2) and "Traceback" not in err and "ecursion" not in err and len(out + err) < 700, err
    assert "deep" in err.replace(str(file), "") or "JSON" in err

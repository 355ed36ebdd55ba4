"""Runs the suite on every Python from 3.11 on that this machine has; `make pythons` calls it with any of them.

Each gets an environment of its own (.venv-3.12 and so on), built anew when pyproject.toml changes. The last lines are
a table: version, result, what pytest said. Exit 1 when one failed, 2 when none was found.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
_NAMES = re.compile(r"python3(\.\d+)?")
_WHO = "import sys; print(*sys.version_info[:3], sys.base_prefix, sep='|')"


def found() -> dict[tuple[int, int], tuple[str, str]]:
    """Return the Pythons here, by minor version: the full version and the program; the first on PATH wins."""
    versions: dict[tuple[int, int], tuple[str, str]] = {}
    for program in _programs():
        try:
            done = subprocess.run([program, "-c", _WHO], capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            continue  # a shim without a Python behind it
        major, minor, patch, _ = done.stdout.strip().split("|")
        key = int(major), int(minor)
        if key >= OLDEST:
            versions.setdefault(key, (f"{major}.{minor}.{patch}", str(program)))
    return dict(sorted(versions.items()))


def _programs() -> Iterator[Path]:
    folders = [Path(one) for one in os.environ.get("PATH", "").split(os.pathsep) if one]
    for manager in (".pyenv/versions", ".local/share/uv/python", ".asdf/installs/python"):
        folders += sorted((Path.home() / manager).glob("*/bin"), reverse=True)
    for folder in folders:
        if folder.is_dir():
            yield from (one for one in sorted(folder.iterdir()) if _NAMES.fullmatch(one.name))


def promised() -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first and the first no longer promised version of pyproject.toml."""
    import tomllib

    text = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    bounds = re.fullmatch(r">=3\.(\d+)(?:,<3\.(\d+))?", text)
    assert bounds, f"requires-python is written in another way: {text}"
    return (3, int(bounds[1])), (3, int(bounds[2] or 99))


def environment(minor: str, program: str) -> tuple[Path | None, str]:
    """Return the Python of an up-to-date environment, or None and the reason."""
    folder = ROOT / f".venv-{minor}"
    python, stamp = folder / "bin" / "python", folder / ".dev"
    wanted = (ROOT / "pyproject.toml").stat().st_mtime
    if python.exists() and stamp.exists() and stamp.stat().st_mtime >= wanted:
        return python, ""
    steps = (
        [program, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", f"{ROOT}[demo,dev]"],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            return None, " ".join(last) or "it could not be set up"
    stamp.touch()
    return python, ""


def run(python: Path, arguments: list[str]) -> tuple[bool, str]:
    """Run the suite; return whether it passed and the last line that pytest wrote."""
    process = subprocess.Popen(
        [str(python), "-m", "pytest", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    last = ""
    assert process.stdout is not None
    for line in process.stdout:
        sys.stdout.write(line)
        last = line.strip() or last
    return process.wait() == 0, last


def main() -> int:
    """Run all and print the table."""
    first, end = promised()
    arguments = sys.argv[1:] or ["-n", "3", "--dist", "loadfile", "-m", "not slow", "tests"]
    rows, ran, failed = [], 0, 0
    for key, (version, program) in found().items():
        minor = f"{key[0]}.{key[1]}"
        if not first <= key < end:
            rows.append((version, "left out", f"pyproject.toml promises 3.{first[1]} to 3.{end[1] - 1}"))
            continue
        print(f"--- Python {version} ({program})", flush=True)
        python, why = environment(minor, program)
        passed, words = (False, why) if python is None else run(python, arguments)
        rows.append((version, "passed" if passed else "FAILED", words))
        ran += 1
        failed += not passed
    print()
    for version, result, words in rows or [("none", "FAILED", "no Python from 3.11 on was found")]:
        print(f"Python {version:9} {result:9} {words}")
    return 1 if failed else 0 if ran else 2


if __name__ == "__main__":
    sys.exit(main())

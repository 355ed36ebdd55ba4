"""What end-to-end tests share: the command line as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest


@pytest.fixture
def run_cli(tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `hubwarden` with arguments, a state folder of its own and no terminal."""

    def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HUBWARDEN_STATE_DIR": str(tmp_path / "state"), **(env or {})}
        return subprocess.run(
            [sys.executable, "-m", "console", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )

    return run

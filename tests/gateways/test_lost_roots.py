"""The profile's file of CA certificates goes away while the program runs: that is told as what it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.villain import HUB, Villain, answer, authority, profile_at, wiring

from console.cli.wiring import Wiring
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel

CALLS: dict[str, Callable[[Wiring], Any]] = {
    "arm": lambda w: w.arm.get("It failed", HUB, {}, Cancel()),
    "registry": lambda w: w.registry.device("press-1"),
}


@pytest.mark.parametrize("call", CALLS)
def test_lost_roots_are_no_defect(tmp_path: Path, call: str) -> None:
    roots = tmp_path / "ca.pem"
    shutil.copy(authority()[0], roots)
    with Villain(lambda _: answer(200, {})) as server:
        wired = wiring(profile_at(server.url, tmp_path, ca_file=str(roots)))
        roots.unlink()
        with pytest.raises(ConsoleError, match="ca_file") as told:
            CALLS[call](wired)
    assert told.value.kind is ErrorKind.TLS

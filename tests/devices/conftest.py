"""One local hub per test module, with a CA that the hub has verified: all of it made by the command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.device_clients import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    pytest.importorskip("azure.iot.device")
    from support import device_clients

    with device_clients.site(tmp_path_factory.mktemp("site")) as one:
        root, below = one.folder / "plant-root", one.folder / "plant-ca"
        one.run("cert", "ca", "--name", "Plant root", "--no-passphrase", "--out", str(root))
        one.run("cert", "intermediate", "--name", "Plant CA", "--ca", str(root), "--no-passphrase", "--out", str(below))
        one.change("cert", "upload", str(root / "ca.cert.pem"), "--name", "plant-root")
        one.change("cert", "prove", "plant-root", "--ca", str(root))
        yield one

"""The whole way on a local hub, from the keyboard: a CA is made, uploaded and proved; its device would authenticate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.hub import HubRunner
from support.screens import LARGE, SMALL, dump, press, settle, type_text, until
from support.writes import writable
from textual.pilot import Pilot

from console.localhub.state import DeviceRecord
from console.ui.app import HubwardenApp
from console.ui.dialogs.confirm import Confirm
from console.ui.dialogs.controls import PushButton
from console.ui.dialogs.form import Form
from console.ui.panes.credentials.issued import IssuedScreen
from console.ui.panes.credentials.proof import ProofScreen
from console.ui.panes.text import TextScreen
from console.ui.widgets.page import Page

WORD = "a passphrase of this test"


@pytest.fixture
def hub() -> Iterator[HubRunner]:
    with HubRunner(devices=5, seed=5) as running:
        running.hub.devices["press-1"] = DeviceRecord("press-1", "1", auth="certificateAuthority")
        running.hub.devices["press-2"] = DeviceRecord("press-2", "1", auth="selfSigned")
        yield running


@asynccontextmanager
async def credentials(
    hub: HubRunner, folder: Path, size: tuple[int, int] = SMALL
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp]]:
    app = HubwardenApp(writable(hub, folder))
    async with app.run_test(size=size, notifications=True) as pilot:
        await press(pilot, "6")
        await until(pilot, lambda: "NOTHING WAS ISSUED" in dump(app) or "MADE HERE  " in dump(app))
        await settle(pilot)
        yield pilot, app


async def run(pilot: Pilot[Any], line: str) -> None:
    await press(pilot, ":")
    await type_text(pilot, line)
    await press(pilot, "enter")


async def fill(pilot: Pilot[Any], app: HubwardenApp, **values: str) -> None:
    """Fill inputs of the open form by key, and send it."""
    await until(pilot, lambda: isinstance(app.screen, Form))
    form = app.screen
    assert isinstance(form, Form)
    for key, value in values.items():
        form._inputs[key].value = value
    await settle(pilot)
    button = form.query_one("#submit", PushButton)
    assert button.ready, dump(app)
    button.focus()
    await press(pilot, "enter")


async def agree(pilot: Pilot[Any], app: HubwardenApp) -> str:
    """Look at the plan, tick what must be ticked, apply it; return what was shown."""
    await until(pilot, lambda: isinstance(app.screen, Confirm))
    await settle(pilot)
    shown = dump(app)
    for _ in range(12):
        if app.focused is not None and app.focused.id == "apply":
            break
        await press(pilot, "tab")
    await press(pilot, "enter")
    await until(pilot, lambda: not app.changing.writing)
    await settle(pilot)
    return shown


def page(app: HubwardenApp) -> str:
    return app.screen.query_one(Page).text()


def certificates(hub: HubRunner) -> dict[str, bool]:
    """Return the hub's CA certificates and whether each is verified, as the hub itself has them."""
    with hub.hub.lock:
        return {name: one["properties"]["isVerified"] for name, one in hub.hub.certificates.items()}


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_from_a_new_ca_to_a_device_that_would_authenticate(
    size: tuple[int, int], hub: HubRunner, tmp_path: Path
) -> None:
    async with credentials(hub, tmp_path, size) as (pilot, app):
        await run(pilot, "new-root")
        await fill(pilot, app, name="lyon-root", passphrase=WORD, again=WORD)
        await until(pilot, lambda: isinstance(app.screen, IssuedScreen))
        assert "ca.key.pem" in "".join(page(app).split())
        await press(pilot, "n")
        await until(pilot, lambda: isinstance(app.screen, ProofScreen) and "▸ 1 Upload" in page(app))
        await press(pilot, "n")
        assert "upload CA certificate lyon-root" in await agree(pilot, app)
        await until(pilot, lambda: "▸ 2 Ask" in page(app))
        assert certificates(hub)["lyon-root"] is False
        await press(pilot, "n")
        await fill(pilot, app, passphrase=WORD)
        await agree(pilot, app)
        await agree(pilot, app)
        await until(pilot, lambda: isinstance(app.screen, ProofScreen) and "✓ VERIFIED" in page(app))
        assert certificates(hub)["lyon-root"] is True
        await press(pilot, "escape", "escape")
        assert "lyon-root" in dump(app)
        await run(pilot, "issue")
        await fill(pilot, app, name="press-1", out=str(tmp_path / "out"))
        await fill(pilot, app, passphrase=WORD)
        await until(pilot, lambda: isinstance(app.screen, IssuedScreen))
        await press(pilot, "escape", "G", "enter")
        await until(pilot, lambda: "TRUSTED" in page(app))
        assert "NOT TRUSTED" not in page(app), page(app)
        assert "└─✓ CN=press-1" in page(app)
        await press(pilot, "escape", "2", "/")
        await type_text(pilot, "press-1")
        await press(pilot, "enter", "c")
        assert "CREDENTIALS  press-1" in dump(app)
        await press(pilot, "j", "j", "enter")
        await fill(pilot, app, source=str(tmp_path / "out" / "press-1.chain.pem"))
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        assert "WOULD AUTHENTICATE" in page(app) and "WOULD NOT" not in page(app), page(app)


async def test_a_thumbprint_is_registered_and_then_the_device_would_authenticate(
    hub: HubRunner, tmp_path: Path
) -> None:
    async with credentials(hub, tmp_path) as (pilot, app):
        await run(pilot, "new-root")
        form = app.screen
        assert isinstance(form, Form)
        form._controls["without"].action_tick()  # type: ignore[union-attr]
        await fill(pilot, app, name="lyon-root")
        await until(pilot, lambda: isinstance(app.screen, IssuedScreen))
        await press(pilot, "escape")
        await run(pilot, "issue")
        await fill(pilot, app, name="press-2", out=str(tmp_path / "out"))
        await until(pilot, lambda: isinstance(app.screen, IssuedScreen))
        await press(pilot, "n")
        assert "secondary" in await agree(pilot, app)
        file = tmp_path / "out" / "press-2.cert.pem"
        assert hub.hub.devices["press-2"].secondary_thumbprint.upper() in page(app).replace(" ", "").replace("\n", "")
        await press(pilot, "escape")
        await run(pilot, "compare")
        await fill(pilot, app, source=str(file), device="press-2")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        assert "WOULD AUTHENTICATE" in page(app), page(app)


async def test_many_are_issued_and_stand_in_the_inventory_of_the_next_console(hub: HubRunner, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("".join(f"press-{number}\n" for number in range(40)))
    async with credentials(hub, tmp_path) as (pilot, app):
        await run(pilot, "new-root")
        form = app.screen
        assert isinstance(form, Form)
        form._controls["without"].action_tick()  # type: ignore[union-attr]
        await fill(pilot, app, name="lyon-root")
        await until(pilot, lambda: isinstance(app.screen, IssuedScreen))
        await press(pilot, "escape")
        for made in ("made now          40", "made before       40"):
            await run(pilot, "certificates.issue-many")
            await fill(pilot, app, ids=str(ids), out=str(tmp_path / "out"))
            await until(pilot, lambda: "ALL THERE" in dump(app))
            assert made in dump(app)
            await press(pilot, "escape")
        assert (tmp_path / "out" / "press-39.key.pem").stat().st_mode & 0o777 == 0o600
    async with credentials(hub, tmp_path) as (_, app):
        assert "MADE HERE  41" in dump(app)

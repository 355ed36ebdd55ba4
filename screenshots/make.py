"""Draw each pane from the demo, with a fixed seed and start: no picture shows real data. SVG and PNG.

Names of scenes as arguments draw only those ("incident" for its five).
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import credentials
from textual import events

from console.cli.compose import services_for
from console.cli.demo import running_hub
from console.cli.main import write_ports
from console.config import pick_profile

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from console.ui.app import HubwardenApp

HERE = Path(__file__).parent
START = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
FONT = "DejaVu Sans Mono"
SIZES = ((80, 24), (120, 36))
INCIDENT_SIZE = (100, 30)
USUAL_STATE = "~/.local/state/hubwarden"

Scene = tuple[str, tuple[str, ...], str]
"""Its name, the keys that lead there ("~": a text to wait for, "=": one to paste), and what must be on the screen."""

SCENES: tuple[Scene, ...] = (
    ("overview", ("1",), "cut off by IP rules"),
    ("devices", ("2", "~brno-"), "connected"),
    ("device", ("2", "~brno-", "enter"), "generation"),
    ("connections", ("3",), "cut off by IP rules"),
    ("help", ("3", "question_mark"), "KEYS AND COMMANDS"),
    ("network", ("4",), "jump-box"),
    ("policies", ("5", "~K reads them now", "K"), "legacy-all"),
    ("hubs", ("H", "~from Azure Resource Graph"), "contoso-works"),
    ("access", ("7", "~▸ASSIGNMENTS 10", "j", "j", "j"), "Plant operators"),
    ("provisioning", ("8", "~▸GROUPS 3", "c"), "disabled here, enabled there"),
    ("journal", ("0", "~policy keys", "j"), "hub written"),
)
CREDENTIALS = ("6", "~need renewal")
TOOLS: tuple[Scene, ...] = (
    ("credentials", CREDENTIALS, "lyon-press-0018"),
    ("certificate", (*CREDENTIALS, "j", "j", "d"), "serial"),
    ("payload", (*CREDENTIALS, "tab", "tab"), "Encrypt a file"),
)
PROOF: Scene = (
    "proof",
    (*CREDENTIALS, "s", "~contractor-test", "j", "colon", *"prove", "enter", "~another code makes", "N",
     "~not written yet", "tab", "enter"),
    "ON THE MACHINE THAT HOLDS THE KEY",
)  # fmt: skip


def explained(token: str, key: str) -> Scene:
    """Return the scene of a token that is explained."""
    steps = ("tab", "~MINTED HERE", "e", "~EXPLAIN", f"={token}", "~expires", "enter", "enter", f"={key}")
    return ("token-explained", (*CREDENTIALS, *steps), "WRONG KEY")


_CAUSE = ("3", "~10.20.4")
_RANGE = (*_CAUSE, "N", "~let in:")
_PLAN = (*_RANGE, "enter", "enter", "~+ ipRules")
INCIDENT: tuple[Scene, ...] = (
    ("incident-1-cause", _CAUSE, "cut off by IP rules"),
    ("incident-2-range", _RANGE, "ADD AN IP RULE"),
    ("incident-3-plan", _PLAN, "not written yet"),
    ("incident-4-done", (*_PLAN, "tab", "enter", "~4 IP ranges"), "restored-1"),
    ("incident-5-journal", ("0",), "✓ applied"),
)
"""How the incident ends, step by step; the fourth scene really ends it, so all are drawn in one size only."""

SECONDS = 60.0


def screen_text(app: HubwardenApp) -> str:
    """Return what the screen shows, as text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def wait_for(pilot: Pilot[object], wanted: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds, or fail with its name."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SECONDS
    while not wanted():
        if loop.time() > deadline:
            raise SystemExit(f"{what} never appeared")
        await pilot.pause(0.1)


async def draw(
    make_app: Callable[[], HubwardenApp], name: str, keys: tuple[str, ...], word: str, size: tuple[int, int]
):
    """Take one picture."""
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await wait_for(pilot, lambda: "connected" in screen_text(app) or "SAS" in screen_text(app), "the Overview")
        for key in keys:
            if key.startswith("~"):
                await wait_for(
                    pilot, lambda text=key[1:]: text in screen_text(app), f"“{key[1:]}” on the way to {name}"
                )
                continue
            if key.startswith("="):
                app.post_message(events.Paste(key[1:]))
                await pilot.pause(0.3)
                continue
            await pilot.press(key)
            await pilot.pause(0.3)
        await wait_for(pilot, lambda: word in screen_text(app), f"“{word}” on {name}")
        await pilot.pause(0.5)
        svg = HERE / f"{name}-{size[0]}x{size[1]}.svg"
        svg.write_text(neutral(app.export_screenshot(title="hubwarden")), encoding="utf-8")
        png(svg)


def neutral(svg: str) -> str:
    """Return a picture that names no folder of this machine: the demo's becomes the usual one, padded to its place."""
    lines = []
    for line in svg.split("</text>"):
        shown = re.sub(r"/[^&<>]*?hubwarden-demo-\w+/state", USUAL_STATE, line)
        lines.append(shown + "&#160;" * (len(line) - len(shown)))
    return "</text>".join(lines)


def png(svg: Path) -> None:
    """Render an SVG with the machine's monospaced font; without the renderer only the SVG stays."""
    try:
        import resvg_py
    except ImportError:
        return
    # DejaVu is a little lower than a line: a larger size closes the gaps between the rows of a chart
    text = svg.read_text(encoding="utf-8").replace("Fira Code", FONT).replace("font-size: 20px", "font-size: 21px")
    data = resvg_py.svg_to_bytes(svg_string=text, monospace_family=FONT, font_family=FONT, zoom=1)
    svg.with_suffix(".png").write_bytes(bytes(data))


def main() -> None:
    """Draw every scene in every size."""
    from console.ui.app import HubwardenApp

    wanted = sys.argv[1:]

    def wants(name: str) -> bool:
        return not wanted or name in wanted

    def take(make: Callable[[], HubwardenApp], name: str, keys: tuple[str, ...], word: str) -> None:
        if wants(name):
            for size in SIZES:
                asyncio.run(draw(make, name, keys, word, size))
                print(f"{name} {size[0]}x{size[1]}")

    with running_hub(devices=2000, seed=1, start=START) as (ready, clock, state):
        profile = pick_profile(ready["profile"])

        def make_app() -> HubwardenApp:
            return HubwardenApp(services_for(profile, clock=clock, state_dir=state), theme="dark")

        def make_armed() -> HubwardenApp:
            services = services_for(profile, clock=clock, state_dir=state, write_ports=write_ports)
            services.session.arm()
            return HubwardenApp(services, theme="dark")

        for name, keys, word in SCENES:
            take(make_app, name, keys, word)
        token = explained(*credentials.token(START))
        if any(wants(name) for name, _, _ in (*TOOLS, PROOF, token)):
            credentials.make_certificates(state, START)
        for name, keys, word in (*TOOLS, token):
            take(make_app, name, keys, word)
        take(make_armed, *PROOF)
        for name, keys, word in INCIDENT:
            if wants("incident"):
                asyncio.run(draw(make_armed, name, keys, word, INCIDENT_SIZE))
                print(name)


if __name__ == "__main__":
    main()

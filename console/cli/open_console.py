"""Open the console in this terminal, or say why not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli.context import Settings
from console.model.errors import ConsoleError, ErrorKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.config import Profile
    from console.services.bundle import Services


def check_terminal() -> None:
    """Raise ConsoleError (usage) when there is no terminal that can show the console."""
    why = ""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        why = "input or output is not a terminal"
    elif not sys.stderr.isatty():
        why = "standard error is not a terminal, and the console draws there"
    elif os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}:
        why = f"TERM is {os.environ.get('TERM') or 'not set'}"
    if why:
        raise ConsoleError(
            ErrorKind.BAD_INPUT,
            "The console cannot be opened here",
            why,
            "Use a command with --json, for example: hubwarden connections --json",
            code="usage",
        )


def open_console(settings: Settings) -> None:
    """Open the console on the profile in use."""
    check_terminal()
    from console.cli.asking import Answers, ask_now
    from console.cli.compose import services_for
    from console.config_state import state_dir_to_read

    state = state_dir_to_read()
    answers: Answers = {}

    def services(of: Profile) -> Services:
        prompt = ask_now(of, answers, passphrase=not of.readonly)
        return services_for(of, state_dir=state, prompt=prompt, write_ports=settings.write_ports)

    show(settings.load_profile(), services, settings, state)


def show(profile: Profile, services_of: Callable[[Profile], Services], settings: Settings, state: Path) -> None:
    """Run the console on a profile's hub, then on each hub that the user goes to, until the user leaves it.

    Only the first one is armed by `--write`. The log goes into the state folder.
    """
    from console.cli.defects import catch_the_rest, report
    from console.cli.log_file import start_log
    from console.cli.other_hub import profile_for
    from console.ui.app import HubwardenApp

    start_log(state)
    catch_the_rest()
    services = settings.armed(services_of(profile))
    while True:
        app = HubwardenApp(
            services, theme=settings.theme, mouse=settings.mouse, defect=lambda error: f"hubwarden: {report(error)}"
        )
        app.run(mouse=settings.mouse)
        if app.return_code:
            sys.exit(app.return_code)
        entry = app.commands.next_hub
        if entry is None:
            return
        services = services_of(settings.adapt(profile_for(entry, profile, settings.profile)))

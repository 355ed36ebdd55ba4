"""After a refusal in a pane: what is found out about it, where it is shown, and the way to give the role."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.changing import arm, script, undo_key
from support.fake_access import ANA, HUB, ME, assigned
from support.fake_changes import change
from support.fakes import Knobs
from support.screens import LARGE, SMALL, console, dump, press, settle
from support.token_screens import shown

import console.services.access_help as access_help
from console.model.errors import ConsoleError, ErrorKind
from console.model.reading import Reading
from console.model.role import OWNER
from console.ui.app import HubwardenApp
from console.ui.messages import JobFailed
from console.ui.widgets.page import Choice

H = "Microsoft.Devices/IotHubs"
SIZES = [SMALL, LARGE]


def refusal(operation: str = f"{H}/twins/read", *, data: bool = True, scope: str = "") -> ConsoleError:
    return ConsoleError(
        ErrorKind.AUTHENTICATION if data else ErrorKind.PERMISSION,
        "It could not be read",
        "the hub refused us",
        "Ask for it",
        status=401 if data else 403,
        operation=operation,
        scope=scope,
        data=data,
    )


def owner() -> Knobs:
    """We own the hub and have no role for its data, and reading devices is refused."""
    knobs = Knobs()
    knobs.errors["fleet.load"] = refusal()
    knobs.access.assignments = [assigned(ME, OWNER, HUB)]
    return knobs


def toasts(app: HubwardenApp) -> str:
    return "\n".join(one.message for one in app._notifications)


async def test_it_says_why_the_roles_that_we_have_do_not_do() -> None:
    async with console(owner()) as (pilot, app):
        await press(pilot, "2")
        assert "NO PERMISSION" in dump(app) and "NOT SIGNED IN" not in dump(app)
        assert "because it is a data operation, and Owner grants actions only" in shown(app)


@pytest.mark.parametrize("size", SIZES)
async def test_one_key_leads_to_the_form_that_gives_the_role(size: tuple[int, int]) -> None:
    async with console(owner(), size) as (pilot, app):
        app.services.session.armed = True
        await press(pilot, "2")
        assert "A role" in dump(app).splitlines()[-1]
        await press(pilot, "A")
        text = shown(app)
        assert "GIVE A ROLE" in text and "IoT Hub Data Reader" in text and ME in text


async def test_where_nothing_was_refused_the_key_says_so() -> None:
    async with console(Knobs()) as (pilot, app):
        await press(pilot, "2")
        assert "A role" not in dump(app).splitlines()[-1]
        await press(pilot, "A")
        assert "Nothing was refused here" in toasts(app)


async def test_a_role_that_is_not_given_on_the_hub_leads_to_the_assignments() -> None:
    knobs = owner()
    dps = HUB.replace("IotHubs", "provisioningServices")
    knobs.errors["fleet.load"] = refusal("Microsoft.Devices/provisioningServices/enrollments/read", scope=dps)
    async with console(knobs) as (pilot, app):
        app.services.session.armed = True
        await press(pilot, "2", "A")
        assert "GIVE A ROLE" not in shown(app) and "▸ASSIGNMENTS" in dump(app)


async def test_a_page_that_fails_again_keeps_what_was_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it cannot be found out any more, and that is no trouble of the pane's own."""
    knobs = owner()
    async with console(knobs) as (pilot, app):
        await press(pilot, "2")

        def broken(*_: Any) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(access_help, "advice", broken)
        knobs.errors["fleet.load"] = refusal()
        await press(pilot, "r")
        assert "missing role IoT Hub Data Reader" in shown(app)
        assert "broken" not in toasts(app) and "unexpected" not in toasts(app).casefold()


async def test_what_is_only_said_in_passing_is_followed_by_what_was_found_out() -> None:
    knobs = owner()
    async with console(knobs) as (pilot, app):
        await press(pilot, "5")
        app.screen.post_message(JobFailed("other", refusal(f"{H}/listkeys/action", data=False, scope=HUB)))
        await settle(pilot)
        assert "the hub refused us" in toasts(app)
        assert "your roles: your roles allow it" in toasts(app)


async def test_a_refused_write_tells_who_can_help() -> None:
    made = script(change())
    made.script.outcomes = [refusal(f"{H}/devices/write")]
    made.access.assignments = [assigned(ME, OWNER, HUB)]
    async with console(made) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), "tab", "enter")
        assert "missing role IoT Hub Registry Contributor on the hub contoso-plants" in shown(app)


async def test_the_page_of_a_refused_part_of_the_overview_tells_it_too() -> None:
    knobs = Knobs()
    refused = refusal(f"{H}/read", data=False, scope=HUB)
    knobs.snapshot = replace(knobs.snapshot, hub=Reading(error=refused))
    knobs.access.assignments = [assigned(ANA, OWNER, HUB)]
    async with console(knobs) as (pilot, app):
        choice = app.screen.query_one("#board", Choice)
        choice.focus()
        for _ in range(12):
            if choice.selected == "exposure":
                break
            await press(pilot, "j")
        await press(pilot, "enter")
        assert "missing role Reader on the hub contoso-plants" in shown(app)
        assert "who gives it ana@contoso.com (Owner)" in shown(app)

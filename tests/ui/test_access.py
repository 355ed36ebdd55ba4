"""The Access pane: who, role, how, plane, since; what is wrong; questions, plans; and refusals in other panes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fake_access import ANA, CUSTOM, GROUP, HUB, ME, SHIFT, assigned
from support.fakes import HOSTILE, Knobs
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, type_text
from support.token_screens import shown
from textual.pilot import Pilot

from console.model.errors import ConsoleError, ErrorKind
from console.model.role import DATA_READER, OWNER
from console.ui.app import HubwardenApp
from console.ui.widgets.page import Page

SIZES = [SMALL, LARGE]


@asynccontextmanager
async def access(
    knobs: Knobs | None = None, size: tuple[int, int] = SMALL, *, armed: bool = True
) -> AsyncIterator[tuple[Pilot[Any], HubwardenApp, Knobs]]:
    """Run the console at the Access pane."""
    knobs = knobs or Knobs()
    async with console(knobs, size) as (pilot, app):
        app.services.session.armed = armed
        await press(pilot, "7")
        yield pilot, app, knobs


def refusal(operation: str, *, data: bool = False, scope: str = "") -> ConsoleError:
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


def whole(app: HubwardenApp) -> str:
    """Return the page in front with all that would have to be scrolled to, blanks run together."""
    return " ".join(app.screen.query_one(Page).text().split())


# --- who has what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_who_role_how_plane_and_since_are_read_at_a_glance(size: tuple[int, int]) -> None:
    async with access(size=size) as (_, app, _knobs):
        text = dump(app)
        rows = lines(app)[8:14]
        assert all(len(line) == size[0] for line in lines(app))
        assert "6 role assignments of 4 principals reach the hub" in text
        assert "✓ see hub ✓ change it ✓ keys ✓ see devices ✓ write them ✓ give roles" in text
        assert "CAN GIVE you (User Access Administrator), ana@contoso.com (Owner)" in text
        for parts in (
            ("you · 10000000", "IoT Hub Data", "direct", "data", "30 d"),
            ("you · 10000000", "User Access", "direct", "control", "31 d"),
            ("group 30000000", "Plant operators", "from plants", "both", "600 d"),
            ("ana@contoso.com", "Owner", "from subscr", "control", "700 d"),
            ("user 40000000", "IoT Hub Data", "from subscr", "data", "3 y"),
        ):
            assert any(all(part in row for part in parts) for row in rows), parts


async def test_our_own_groups_are_known_and_marked() -> None:
    knobs = Knobs()
    knobs.access.groups = frozenset({SHIFT})
    async with access(knobs) as (pilot, app, _):
        await press(pilot, "/")
        await type_text(pilot, "mine type:group")
        assert "1 with “mine type:group”" in dump(app) and "group 30000000" in dump(app)
        await press(pilot, "enter", "enter")
        assert "members you are in it" in shown(app)


async def test_sections_filter_order_and_the_page_of_everything() -> None:
    async with access() as (pilot, app, _):
        await press(pilot, "tab")
        assert "▸ROLES 7" in dump(app) and lines(app)[8].startswith("▸ Plant operators")
        await press(pilot, "enter")
        page = whole(app)
        assert "ASSIGNED 1" in page and "group 30000000, the group plants" in page and f"id {CUSTOM}" in page
        await press(pilot, "escape", "tab")
        assert "▸FINDINGS" in dump(app) and "can list keys" in dump(app)
        await press(pilot, "/")
        await type_text(pilot, "severity:low orphan")
        assert "only Microsoft Graph tells" in shown(app)
        await press(pilot, "escape", "shift+tab", "shift+tab", "s", "j", "enter")
        assert "ROLE ▲" in dump(app) and "Contributor" in lines(app)[8]
        await press(pilot, "O")
        assert "ROLE ▼" in dump(app) and "User Access" in lines(app)[8]


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_names_stay_text(size: tuple[int, int]) -> None:
    knobs = Knobs()
    knobs.access.assignments.append(assigned("5" * 8, DATA_READER, HUB, description=HOSTILE))
    knobs.access.roles = [replace(one, name=f"{one.name} {HOSTILE}") for one in knobs.access.roles]
    async with access(knobs, size) as (pilot, app, _):
        await press(pilot, "tab", "tab", "shift+tab", "enter")
        assert app.is_running and "[/]" in dump(app)


async def test_without_the_right_to_read_roles_the_pane_says_which_role_is_missing() -> None:
    knobs = Knobs()
    knobs.access.errors["assignments"] = refusal("Microsoft.Authorization/roleAssignments/read", scope=HUB)
    async with access(knobs) as (pilot, app, _):
        text = shown(app)
        assert "NO PERMISSION" in text and "missing role Reader on the hub contoso-plants" in text
        assert "who gives it an Owner, User Access Administrator or" in text
        knobs.access.errors.clear()
        await press(pilot, "r")
        assert "6 role assignments" in dump(app)


async def test_a_connection_string_knows_no_roles() -> None:
    async with console() as (pilot, app):
        app.services.session.data_plane_only = True
        await press(pilot, "7")
        assert "a connection string, which knows no roles" in shown(app)


# --- questions -----------------------------------------------------------------------------------------------------


async def test_may_somebody_do_something_and_through_what() -> None:
    async with access() as (pilot, app, _):
        await press(pilot, "c", "enter", "enter")
        text = shown(app)
        assert "✓ YES" in text and "IoT Hub Data Contributor (direct): Microsoft.Devices/IotHubs/*" in text
        await press(pilot, "escape", "/")
        await type_text(pilot, "ana")
        await press(pilot, "enter", "c", "enter", "enter")
        text = shown(app)
        assert "✗ NO" in text and "it is a data operation, and Owner grants actions only" in text


async def test_what_hubwarden_needs_is_a_ready_role() -> None:
    async with access() as (pilot, app, _):
        await app.run_line("access.own-role")
        await settle(pilot)
        text = whole(app)
        assert '"Name": "hubwarden read-only"' in text and "az role definition create" in text
        assert "IotHubs/read" in text and "listkeys" not in text and "/write" not in text


# --- plans ---------------------------------------------------------------------------------------------------------


async def test_a_role_is_given_after_its_plan() -> None:
    async with access() as (pilot, app, _):
        await press(pilot, "a", "enter", "enter")
        await type_text(pilot, ANA)
        await press(pilot, "enter", "enter", "enter", "enter")
        text = shown(app)
        assert "give IoT Hub Data Contributor to 20000000" in text and "data: everything on hubs" in text
        assert "BLOCKING" in text and "wider-than-template" in text


async def test_taking_our_own_last_right_away_is_blocked() -> None:
    async with access() as (pilot, app, _):
        await press(pilot, "j", "a", "j", "enter")
        text = shown(app)
        assert "take User Access Administrator from 10000000" in text
        assert "we ourselves can no longer give roles" in text and "own-last-access" in text


async def test_a_template_becomes_a_role() -> None:
    async with access() as (pilot, app, _):
        await press(pilot, "a", "j", "j", "enter", "enter", "enter", "enter")
        text = whole(app)
        assert "create custom role IoT Device Operator" in text and "RISKS none found" in text
        assert "assignable the hub contoso-plants" in text


async def test_a_file_with_data_under_actions_is_put_right_in_one_plan(tmp_path: Path) -> None:
    file = tmp_path / "role.json"
    file.write_text(
        '{"Name":"Printed","Actions":["Microsoft.Devices/IotHubs/devices/*"],"AssignableScopes":["/subscriptions/s"]}'
    )
    async with access() as (pilot, app, _):
        await press(pilot, "a", "j", "j", "j", "enter")
        await type_text(pilot, str(file))
        await press(pilot, "enter", "enter", "enter")
        text = whole(app)
        assert "create custom role Printed" in text
        assert "put right: data operations stand under actions" in text


async def test_in_read_only_nothing_is_planned_and_it_says_why() -> None:
    async with access(armed=False) as (pilot, app, _):
        await press(pilot, "a")
        assert "read-only" in shown(app)
        assert "May somebody do something?" in dump(app).splitlines()[6] + dump(app)


class Refusing:
    """A service all of whose answers are one refusal."""

    def __init__(self, error: ConsoleError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> Any:
            raise self._error

        return refuse


# --- other panes, refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_devices_pane_says_which_role_is_missing_and_who_gives_it(size: tuple[int, int]) -> None:
    knobs = Knobs()
    knobs.errors["fleet.load"] = refusal("Microsoft.Devices/IotHubs/twins/read", data=True)
    knobs.access.assignments = [assigned(ME, OWNER, HUB)]
    async with console(knobs, size) as (pilot, app):
        await press(pilot, "2")
        text = shown(app)
        assert "missing role IoT Hub Data Reader on the hub contoso-plants; it grants Microsoft" in text
        assert "who gives it you (Owner)" in text
        assert f"assign 'IoT Hub Data Reader' --principal {ME}" in text


async def test_when_the_role_is_there_the_cause_is_another() -> None:
    knobs = Knobs()
    knobs.errors["fleet.load"] = refusal("Microsoft.Devices/IotHubs/twins/read", data=True)
    async with console(knobs) as (pilot, app):
        await press(pilot, "2")
        assert "your roles your roles allow it" in shown(app) and "an IP rule" in shown(app)


async def test_the_policies_and_network_panes_tell_it_too() -> None:
    knobs = Knobs()
    error = refusal("Microsoft.Devices/IotHubs/read", scope=HUB)
    knobs.access.assignments = [assigned(ANA, OWNER, GROUP)]
    async with console(knobs) as (pilot, app):
        app.services.changes.network = app.services.changes.policies = Refusing(error)
        for key in ("4", "5"):
            error.advice = ()
            await press(pilot, key)
            text = shown(app)
            assert "missing role Reader on the hub contoso-plants" in text, key
            assert "who gives it ana@contoso.com (Owner)" in text, key

"""The Provisioning pane: services, groups, enrollments, registrations, the comparison with the hub."""

from __future__ import annotations

from typing import Any

import pytest
from support.fake_provisioning import HUB, check, finding, group, instance
from support.fakes import HOSTILE, Knobs
from support.provisioning_screens import SIZES, denied, ids, provisioning
from support.screens import LARGE, console, dump, lines, press, settle, type_text
from support.token_screens import shown

from console.model.document import TargetKind
from console.model.enrollment import CrossKind, EnrollmentKind
from console.model.errors import ConsoleError, ErrorKind
from console.ui.messages import ChangeApplied

# --- what there is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_head_says_what_the_service_is_and_who_reaches_it(size: tuple[int, int]) -> None:
    async with provisioning(size=size) as (_, app, knobs):
        text = shown(app)
        assert "DPS contoso-dps 0ne00ABCDEF westeurope · allocation hashed" in text
        assert "LINKS contoso-plants (this hub, by iothubowner) · contoso-spare (by identity)" in text
        assert "REACH public, 2 filters in order: 1 accept, 1 reject" in text
        assert "▸GROUPS 3 ENROLLMENTS 3 CROSS-CHECK" in text
        asked = [call[0] for call in knobs.provisioning.calls]
        assert asked == ["instances", "read"], "nothing privileged, no comparison unasked"
        assert all(len(line) == size[0] for line in lines(app))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"public_access": False}, "public access off: its filters are ignored"),
        ({"filters": ()}, "no filters: OPEN to all addresses"),
        ({"filters": instance().filters[:1]}, "1 accept, 0 reject; others get in"),
        ({"hubs": ()}, "no hub: every registration fails"),
        ({"state": "Suspended"}, "0ne00ABCDEF Suspended"),
    ],
)
async def test_what_is_odd_about_a_service_stands_in_its_head(more: dict[str, Any], said: str) -> None:
    knobs = Knobs()
    knobs.provisioning.instances = (instance(**more),)
    async with provisioning(knobs) as (pilot, app, _):
        if "hubs" in more:
            assert "NO PROVISIONING SERVICE LINKS THIS HUB" in dump(app)
            await press(pilot, "b", "enter")
        assert said in shown(app)


@pytest.mark.parametrize("size", SIZES)
async def test_groups_and_enrollments_say_how_devices_prove_themselves(size: tuple[int, int]) -> None:
    async with provisioning(size=size) as (pilot, app, _):
        assert ids(app) == ["contractors", "lyon-presses", "plants-x509"]
        rows = {line[2:].split()[0]: line for line in lines(app)[8:11]}
        assert "DISABLED" in rows["contractors"] and "X.509 signing" in rows["plants-x509"]
        assert "19 d" in rows["plants-x509"] and "all linked" in rows["lyon-presses"]
        await press(pilot, "tab")
        assert ids(app) == ["gdansk-gw-1", "leeds-cam-2", "press-0417"]
        rows = {line[2:].split()[0]: line for line in lines(app)[8:11]}
        assert "TPM" in rows["gdansk-gw-1"] and "assigned" in rows["gdansk-gw-1"]
        assert "failed" in rows["leeds-cam-2"] and "EXPIRED" in rows["leeds-cam-2"]
        assert "never" in rows["press-0417"]
        await press(pilot, "j")
        assert "The last registration failed: Invalid certificate." in shown(app)


async def test_the_selected_row_is_described_beside_the_table_or_in_full() -> None:
    async with provisioning(size=LARGE) as (pilot, app, _):
        await press(pilot, "j", "j")
        assert "ENROLLMENT GROUP" in dump(app) and "CN=plants-root; ends in 19 d" in shown(app).replace(" ▏ ", " ")
    async with provisioning() as (pilot, app, _):
        await press(pilot, "tab", "enter")
        text = shown(app)
        assert "ENROLLMENT registration id gdansk-gw-1" in text and "endorsement key AToAAQAL" in text
        assert "device gateway-1" in text


async def test_sorting_and_filtering_belong_to_each_section() -> None:
    async with provisioning() as (pilot, app, _):
        await press(pilot, "O")
        assert ids(app) == ["plants-x509", "lyon-presses", "contractors"]
        await press(pilot, "/")
        await type_text(pilot, "status:enabled !x509")
        await press(pilot, "enter")
        assert ids(app) == ["lyon-presses"] and "1 with “status:enabled !x509”" in shown(app)
        await press(pilot, "tab")
        assert ids(app) == ["gdansk-gw-1", "leeds-cam-2", "press-0417"]
        await press(pilot, "s", "j", "enter")
        assert ids(app)[0] == "press-0417", "by status: the disabled one first"
        await press(pilot, "shift+tab")
        assert ids(app) == ["lyon-presses"]
        await press(pilot, "escape")
        assert len(ids(app)) == 3
        await press(pilot, "/")
        await type_text(pilot, "nowhere")
        assert "Nothing matches. esc clears the filter." in shown(app)


async def test_a_hostile_service_is_text() -> None:
    knobs = Knobs()
    knobs.provisioning.groups = (group(HOSTILE),)
    knobs.provisioning.registrations = ()
    async with provisioning(knobs, LARGE) as (pilot, app, _):
        assert HOSTILE in dump(app)
        await press(pilot, "a", "escape", "d", "escape", "enter", "escape", "y")
        assert app.is_running and "\x1b" not in dump(app)


# --- when there is nothing, or not all -----------------------------------------------------------------------------


async def test_without_a_service_it_says_so() -> None:
    knobs = Knobs()
    knobs.provisioning.instances = ()
    async with provisioning(knobs) as (pilot, app, _):
        assert "NO PROVISIONING SERVICE" in dump(app) and "you may not read it" in shown(app)
        await press(pilot, "a")
        assert "no provisioning service is shown" in shown(app)


async def test_a_service_of_other_hubs_is_shown_only_when_it_is_chosen() -> None:
    knobs = Knobs()
    others = tuple(link for link in instance().hubs if link.host != HUB)
    knobs.provisioning.instances = (instance("east-dps", hubs=others), instance("west-dps", hubs=others))
    async with provisioning(knobs) as (pilot, app, _):
        text = shown(app)
        assert "NO PROVISIONING SERVICE LINKS THIS HUB" in text and "east-dps, west-dps" in text
        assert not knobs.provisioning.asked("read")
        await press(pilot, "b", "j", "enter")
        assert "DPS west-dps" in dump(app) and "NOT THIS HUB" in dump(app)
        assert knobs.provisioning.asked("read") == [("west-dps",)]
        await press(pilot, ":")
        await type_text(pilot, "provisioning east-dps")
        await press(pilot, "enter")
        assert "DPS east-dps" in dump(app) and knobs.provisioning.asked("read")[-1] == ("east-dps",)


@pytest.mark.parametrize(("typed", "shows"), [("other-dps", "DPS other-dps"), ("lyon", "1 with “lyon”")])
async def test_the_prompt_opens_the_pane_on_a_service_or_with_a_filter(typed: str, shows: str) -> None:
    knobs = Knobs()
    knobs.provisioning.instances = (instance(), instance("other-dps"))
    async with console(knobs) as (pilot, app):
        await app.run_line(f"provisioning {typed}")
        await settle(pilot)
        assert shows in dump(app)


async def test_no_permission_for_the_service_api_leaves_what_the_resource_manager_told() -> None:
    knobs = Knobs()
    knobs.provisioning.errors["read"] = denied()
    async with provisioning(knobs) as (pilot, app, _):
        text = shown(app)
        assert "DPS contoso-dps" in text and "NO PERMISSION" in text and "Assign DPS Data Reader" in text
        knobs.provisioning.errors.clear()
        await press(pilot, "r")
        assert ids(app) == ["contractors", "lyon-presses", "plants-x509"]


async def test_what_was_read_before_stays_and_is_called_stale() -> None:
    async with provisioning() as (pilot, app, knobs):
        knobs.provisioning.errors["instances"] = ConsoleError(ErrorKind.NETWORK, "No answer", "no route", "Check it")
        await press(pilot, "r")
        text = shown(app)
        assert "STALE since" in text and "Not read again: No answer: no route." in text
        assert ids(app) == ["contractors", "lyon-presses", "plants-x509"]


async def test_a_reading_that_is_not_whole_says_what_is_missing() -> None:
    knobs = Knobs()
    knobs.provisioning.partial = "only the first 10,000 enrollments were read"
    async with provisioning(knobs) as (_, app, _knobs):
        assert "INCOMPLETE" in dump(app) and "only the first 10,000 enrollments were read" in shown(app)


async def test_empty_lists_say_what_that_means() -> None:
    knobs = Knobs()
    knobs.provisioning.groups = knobs.provisioning.enrollments = ()
    async with provisioning(knobs) as (pilot, app, _):
        assert "No enrollment group: devices get in one by one." in dump(app)
        await press(pilot, "tab")
        assert "No individual enrollment." in dump(app)
        await press(pilot, "enter", "y", "d")
        assert app.is_running


# --- the comparison ------------------------------------------------------------------------------------------------


async def test_the_comparison_is_made_when_it_is_asked_for_the_gravest_first() -> None:
    async with provisioning() as (pilot, app, knobs):
        await press(pilot, "tab", "tab")
        assert "NOT COMPARED YET" in dump(app) and "c compares this service" in shown(app)
        assert not knobs.provisioning.asked("cross_check")
        await press(pilot, "c")
        rows = [line.strip("▸ ") for line in lines(app)[8:10]]
        assert rows[0].startswith("disabled here, enabled there") and rows[1].startswith("registered, never seen")
        assert "Shut out here, and the hub still lets it in" in shown(app)
        assert "do Disable the device in the hub, too" in shown(app)
        app.screen.post_message(ChangeApplied(frozenset({TargetKind.DEVICE})))
        await press(pilot, "j")
        assert "Something was changed since the comparison." in shown(app)
        await press(pilot, "c")
        assert "Something was changed" not in shown(app)


async def test_a_disagreement_leads_to_the_device_and_to_its_enrollment() -> None:
    async with provisioning(size=LARGE) as (pilot, app, _):
        await press(pilot, "c", "enter")
        assert "THE SERVICE AND THE HUB DISAGREE" in dump(app)
        await press(pilot, "escape")
        await press(pilot, ":")
        await type_text(pilot, "provisioning.device")
        await press(pilot, "enter")
        assert app.current_mode == "devices" and "/press-0417" in dump(app)


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        ((), "✓ NOTHING DISAGREES 6 enrollments compared with the hub."),
        (("The devices of contoso-spare were not read.",), "? NOTHING FOUND, BUT NOT ALL IS KNOWN"),
    ],
)
async def test_nothing_found_is_not_the_same_as_not_known(unknown: tuple[str, ...], said: str) -> None:
    knobs = Knobs()
    knobs.provisioning.check = check(unknown=unknown)
    async with provisioning(knobs) as (pilot, app, _):
        await press(pilot, "c")
        assert said in shown(app) and all(sentence in shown(app) for sentence in unknown)


async def test_a_comparison_that_fails_says_why_and_an_earlier_one_stays() -> None:
    knobs = Knobs()
    knobs.provisioning.errors["cross_check"] = denied("The devices cannot be read")
    async with provisioning(knobs) as (pilot, app, _):
        await press(pilot, "c")
        assert "NO PERMISSION" in dump(app) and "c try again" in dump(app)
        knobs.provisioning.errors.clear()
        await press(pilot, "c")
        assert len(ids(app)) == 2
        knobs.provisioning.errors["cross_check"] = denied("The devices cannot be read")
        await press(pilot, "c")
        assert len(ids(app)) == 2 and "Not compared again: The devices cannot be read" in shown(app)


async def test_every_disagreement_has_words() -> None:
    knobs = Knobs()
    found = [finding(kind, f"x-{n}", enrollment_kind=EnrollmentKind.GROUP) for n, kind in enumerate(CrossKind)]
    knobs.provisioning.check = check(*found)
    async with provisioning(knobs) as (pilot, app, _):
        await press(pilot, "c")
        assert len(ids(app)) == len(CrossKind) and "a broader group above it" in dump(app)


# --- registrations and the service ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_enter_on_a_group_shows_who_registered_by_it(size: tuple[int, int]) -> None:
    async with provisioning(size=size) as (pilot, app, knobs):
        await press(pilot, "j", "enter")
        assert knobs.provisioning.asked("registrations") == [("lyon-presses",)]
        text = shown(app)
        assert "REGISTRATIONS BY lyon-presses 3 group enabled" in text and "1 failed" in text
        assert "400207 no hub" in text and "first assignment" in text
        await press(pilot, "/")
        await type_text(pilot, "failed")
        await press(pilot, "enter", "enter")
        assert "error 400207" in shown(app) and "why no hub" in shown(app)
        await press(pilot, "escape", "escape", "O")
        assert ids(app)[0] == "lyon-press-0003"
        await press(pilot, "escape")
        assert "▸GROUPS 3" in dump(app)


async def test_registrations_that_cannot_be_read_say_why() -> None:
    knobs = Knobs()
    knobs.provisioning.errors["registrations"] = denied("The registrations cannot be read")
    async with provisioning(knobs) as (pilot, app, _):
        await press(pilot, "enter")
        assert "NO PERMISSION" in dump(app)
        knobs.provisioning.errors.clear()
        knobs.provisioning.registrations = ()
        await press(pilot, "r")
        assert "No device registered by this group yet." in dump(app)


async def test_the_policies_of_a_service_are_read_when_asked_for_and_without_keys() -> None:
    async with provisioning(size=(80, 40)) as (pilot, app, knobs):
        await press(pilot, "i")
        text = shown(app)
        assert "POLICIES: NOT READ" in text and "K reads them" in text and not knobs.provisioning.asked("policies")
        assert "1 accept 127.0.0.0/8 jump-box" in text and "this hub, westeurope, weight 1, by policy" in text
        await press(pilot, "K")
        assert "provisioningserviceowner" in shown(app) and "EnrollmentWrite" in shown(app)
        knobs.provisioning.errors["policies"] = denied("The policies cannot be read")
        await press(pilot, "escape", "i", "K")
        assert "POLICIES: NOT READ" in dump(app) and "K tries again" in shown(app)

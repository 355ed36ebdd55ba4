"""From a plan to a change: what is asked, what it takes, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from support.changing import arm, said, script, undo_key
from support.fake_changes import LOCKOUT, WIDE, Script, change, entry
from support.fakes import Knobs
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, type_text, until

from console.model.change import Change, Result, Risk, Severity
from console.model.document import Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState
from console.present.lines import Line
from console.services.ports import Cancel
from console.ui.changing import Bulk, begin, begin_many
from console.ui.dialogs.confirm import Confirm

HOSTILE = "[/]\x1b]52;c;AAAA\x07[@click=app.quit]\u202e"


# --- the confirmation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE, (200, 50)])
async def test_cancel_has_the_focus_and_enter_does_not_apply(size: tuple[int, int]) -> None:
    async with console(script(change(WIDE)), size) as (pilot, app):
        arm(app)
        await press(pilot, undo_key())
        screen = dump(app)
        assert "[ Cancel ]" in screen and "ipRules[lyon-plant]" in screen and "10.20.0.0/16" in screen
        assert "the range is wide" in screen and "not written yet" in screen
        await press(pilot, "enter")
        assert not app.services.knobs.script.applied and "Nothing was changed" in dump(app)
        for key in ("escape", "q"):
            await press(pilot, undo_key(), key)
            assert not isinstance(app.screen, Confirm) and not app.services.knobs.script.applied


@pytest.mark.parametrize("way", [("tab",), ("right",)])
async def test_apply_is_one_step_from_cancel_and_the_outcome_is_told(way: tuple[str, ...]) -> None:
    async with console(script(change(WIDE))) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), *way)
        assert "[ Apply ]" in dump(app)
        await press(pilot, "enter")
        ((applied, consent),) = app.services.knobs.script.applied
        assert applied.id == "id-lyon-plant" and not consent.accepted and not consent.hub_name
        assert "✓ network rules of contoso-plants: applied" in said(app) and "u undoes it" in said(app)
        assert "✓ network rules" in dump(app)


async def test_a_verification_code_is_told_and_no_way_back_is_promised() -> None:
    code = Target(TargetKind.CERTIFICATE_CODE, "/subscriptions/s/certificates/plants")
    async with console(script(replace(change(), target=code))) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), "tab", "enter")
        assert "applied" in said(app) and "undoes" not in said(app)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_every_blocking_risk_must_be_ticked(size: tuple[int, int]) -> None:
    other = Risk("cut-share", Severity.HIGH, "214 of 1,541 devices seen lately would be cut off", blocking=True)
    async with console(script(change(LOCKOUT, other, WIDE)), size) as (pilot, app):
        arm(app)
        done = app.services.knobs.script.applied
        await press(pilot, undo_key())
        assert "first accept 2 blocking risks" in dump(app) and "accept own-lockout" in dump(app)
        await press(
            pilot, "tab", "enter"
        )  # past Apply, which cannot be focused, to the first tick: enter ticks nothing
        assert isinstance(app.screen, Confirm) and not done
        await press(pilot, "space")
        assert "first accept cut-share" in dump(app)
        await press(pilot, "space", "space", "tab", "space")
        assert "first accept" not in dump(app) and dump(app).count("[x]") == 2
        await press(pilot, "tab", "tab", "tab")
        assert "[ Apply ]" in dump(app)
        await press(pilot, "enter")
        assert [sorted(consent.accepted) for _, consent in done] == [["cut-share", "own-lockout"]]


async def test_a_tick_taken_back_takes_apply_back() -> None:
    async with console(script(change(LOCKOUT))) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), "tab", "space", "space")
        assert "first accept own-lockout" in dump(app)
        await press(pilot, "tab", "tab", "tab", "enter")
        assert not app.services.knobs.script.applied


async def test_a_protected_hub_wants_its_name() -> None:
    async with console(script()) as (pilot, app):
        arm(app, protected=True)
        done = app.services.knobs.script.applied
        await press(pilot, undo_key())
        assert "PROTECTED" in dump(app) and "first type the hub's name" in dump(app)
        await press(pilot, "tab")
        await type_text(pilot, "contoso-plant")
        assert "first type the hub's name" in dump(app)
        await type_text(pilot, "s")
        assert "first type" not in dump(app)
        await press(pilot, "enter", "enter")  # to the reason, to Cancel
        assert "[ Cancel ]" in dump(app) and not done
        await press(pilot, "tab", "enter")
        assert done[0][1].hub_name == "contoso-plants"


async def test_a_reason_given_here_goes_into_the_change() -> None:
    async with console(script()) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), "tab", "tab")
        await type_text(pilot, "Lyon calls")
        await press(pilot, "tab", "tab", "enter")
        assert app.services.knobs.script.applied[0][0].reason == "Lyon calls"


async def test_a_long_plan_scrolls_while_cancel_keeps_the_focus() -> None:
    notes = tuple(f"note number {index}" for index in range(60))
    async with console(script(change(notes=notes))) as (pilot, app):
        arm(app)
        await press(pilot, undo_key())
        assert "↓ more" in dump(app) and "note number 59" not in dump(app)
        await press(pilot, "pagedown", "j", "G")
        assert "note number 59" in dump(app) and "[ Cancel ]" in dump(app)
        await press(pilot, "pageup", "k", "g")
        assert "CHANGE" in dump(app)


async def test_hostile_text_is_shown_as_text() -> None:
    risk = Risk(f"id{HOSTILE}", Severity.HIGH, f"message {HOSTILE}", blocking=True, hint=HOSTILE)
    plan = change(risk, title=f"title {HOSTILE}", name=HOSTILE, effect=((HOSTILE, HOSTILE),), notes=(HOSTILE,), id="x")
    async with console(script(plan, outcomes=[Result.DIFFERS])) as (pilot, app):
        arm(app)
        await press(pilot, undo_key())
        assert "[/]\\x1b]52;c;AAAA" in dump(app)
        await press(pilot, "tab", "space", "tab", "tab", "tab", "enter")
        assert len(app.services.knobs.script.applied) == 1
        assert "DIFFERS FROM THE PLAN" in dump(app) and "[/]\\x1b]52;c;AAAA" in dump(app)
        assert "\x1b" not in dump(app) and "\u202e" not in dump(app) and app.is_running


# --- how it ends -------------------------------------------------------------------------------------------------


async def test_a_conflict_shows_the_new_plan_and_asks_again() -> None:
    conflict = ConsoleError(ErrorKind.CONFLICT, "Nothing was changed", "somebody changed it since the plan was made")
    plans = (change(LOCKOUT), change(LOCKOUT, name="genoa-plant"))
    async with console(script(*plans, outcomes=[conflict, Result.CONFLICT, Result.APPLIED])) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), "tab", "space", "tab", "tab", "tab", "enter")
        screen = dump(app)
        assert "Somebody changed it since the plan was shown; nothing was written yet" in screen
        assert "ipRules[genoa-plant]" in screen and "lyon-plant" not in screen
        assert "[ ] accept own-lockout" in screen and "[ Cancel ]" in screen  # agreed to anew
        await press(pilot, "tab", "space", "tab", "tab", "tab", "enter")
        assert "Somebody changed it" in dump(app)  # the write port found it out this time
        await press(pilot, "tab", "space", "tab", "tab", "tab", "enter")
        names = [plan.id for plan, _ in app.services.knobs.script.applied]
        assert names == ["id-lyon-plant", "id-genoa-plant", "id-genoa-plant"] and "✓ network rules" in dump(app)


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (Result.NOT_APPLIED, "NOT DONE"),
        (Result.DIFFERS, "DIFFERS FROM THE PLAN"),
        (Result.UNKNOWN, "OUTCOME UNKNOWN"),
    ],
)
async def test_any_other_end_stays_on_the_screen_until_it_is_closed(result: Result, word: str) -> None:
    async with console(script(outcomes=[result])) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), "tab", "enter")
        assert word in dump(app) and "as the script says" in dump(app) and "journal entry" in dump(app)
        assert "› outcome" in lines(app)[1]
        await press(pilot, "escape")
        assert "FAILED CONNECTIONS" in dump(app)


async def test_a_refusal_of_the_gate_stays_on_the_screen_too() -> None:
    full = ConsoleError(ErrorKind.NOT_CONFIGURED, "The journal cannot be used", "the disk is full", "Make room")
    async with console(script(outcomes=[full])) as (pilot, app):
        arm(app)
        await press(pilot, undo_key(), "tab", "enter")
        assert "the disk is full" in dump(app) and "› not done" in lines(app)[1]


async def test_a_plan_that_is_refused_or_empty_or_broken_asks_nothing() -> None:
    def nothing(cancel: Cancel) -> Change:
        raise ConsoleError(ErrorKind.NOT_FOUND, "There is nothing to undo", "the journal holds no change")

    def refused(cancel: Cancel) -> Change:
        raise ConsoleError(ErrorKind.BAD_INPUT, "Not a rule", '"x" is no range')

    def broken(cancel: Cancel) -> Change:
        raise RuntimeError("SharedAccessKey=hunter2")

    cases: tuple[tuple[Callable[[Cancel], Change], str], ...] = (
        (nothing, "the journal holds no change"),
        (refused, '"x" is no range'),
        (broken, "RuntimeError"),
        (lambda cancel: replace(change(), edits=()), "is so already"),
    )
    for plan, words in cases:
        async with console() as (pilot, app):
            arm(app)
            begin(app.screen, plan)
            await settle(pilot)
            told = dump(app) + said(app)
            assert not isinstance(app.screen, Confirm) and words in told and "hunter2" not in told


async def test_panes_read_again_what_was_written_and_the_caller_is_told() -> None:
    ended: list[Result] = []
    async with console(script()) as (pilot, app):
        arm(app)
        before = app.services.knobs.calls.count(("overview.load",))
        begin(app.screen, lambda cancel: change(), lambda outcome: ended.append(outcome.result))
        await settle(pilot)
        await press(pilot, "tab", "enter")
        assert ended == [Result.APPLIED]
        assert app.services.knobs.calls.count(("overview.load",)) == before + 1


async def test_quitting_during_a_write_asks_and_the_outcome_is_told_in_another_pane() -> None:
    hold = Event()
    async with console(script(hold=hold)) as (pilot, app):
        try:
            arm(app)
            await pilot.press(undo_key())
            await settle(pilot)
            await pilot.press("tab", "enter")
            await until(pilot, lambda: app.changing.writing and "writing" in lines(app)[-2])
            await pilot.press("q")
            await until(pilot, lambda: "QUIT?" in dump(app))
            assert "a change is being written" in dump(app) and not app._exit
            await pilot.press("enter")  # stay
            await pilot.press("ctrl+q")
            await until(pilot, lambda: "QUIT?" in dump(app))
            assert not app._exit
            await pilot.press("escape")
            await pilot.press("2")
            await until(pilot, lambda: "DEVICES" in dump(app))
            await pilot.press(undo_key())
            await until(pilot, lambda: "Wait until the change under way" in dump(app))
            assert len(app.services.knobs.script.undone) == 1
        finally:
            hold.set()
        await settle(pilot)
        assert "✓ network rules" in dump(app) and not app.changing.writing
        await pilot.press("q")
        await pilot.pause()
        assert app._exit


# --- many at once ------------------------------------------------------------------------------------------------


class Many:
    """A bulk command of five devices, stopped or not."""

    title = "disable 5 devices"
    blocking = (LOCKOUT,)

    def __init__(self) -> None:
        self.began, self.go_on = Event(), Event()
        self.ended: list[int] = []
        self.failing = 0

    def bulk(self) -> Bulk[Any, Any]:
        return Bulk(
            plan=lambda cancel: self,
            lines=lambda plan, width: [((f" CHANGE  {plan.title}", "head"),)],
            carry_out=self._carry_out,
            whole=lambda done: done == 5,
            summary=lambda done: f"{done} of 5 disabled",
            result_lines=self._page,
            kinds=frozenset({TargetKind.DEVICE}),
            on_done=self.ended.append,
        )

    def _carry_out(self, plan: object, consent: Any, cancel: Cancel, tell: Callable[[str], None]) -> int:
        assert consent.accepted == {"own-lockout"}
        for done in range(5):
            if cancel.cancelled:
                return done
            tell(f"{done + 1} of 5")
            if done == 1:
                self.began.set()
                self.go_on.wait(20)
        return 5

    def _page(self, done: int, width: int) -> list[Line]:
        return [((f" only {done} of 5 disabled", "bad"),)]


@pytest.mark.parametrize("stop", [False, True])
async def test_many_changes_are_agreed_to_as_one_and_can_be_stopped(stop: bool) -> None:
    many = Many()
    async with console() as (pilot, app):
        try:
            arm(app)
            begin_many(app.screen, many.bulk())
            await settle(pilot)
            assert "disable 5 devices" in dump(app) and "first accept own-lockout" in dump(app)
            await pilot.press("tab", "space", "tab", "tab", "enter")
            await until(pilot, lambda: many.began.is_set() and "2 of 5" in lines(app)[-2])
            if stop:
                await app.run_line("stop")
                assert "stopping" in app.change_note
        finally:
            many.go_on.set()
        await settle(pilot)
        assert many.ended == [2 if stop else 5]
        assert ("only 2 of 5 disabled" if stop else "✓ 5 of 5 disabled") in dump(app)


async def test_a_single_write_cannot_be_stopped() -> None:
    hold = Event()
    async with console(script(hold=hold)) as (pilot, app):
        try:
            arm(app)
            await press(pilot, undo_key(), "tab")
            await pilot.press("enter")
            await until(pilot, lambda: app.changing.writing)
            await app.run_line("stop")
            await until(pilot, lambda: "cannot be stopped" in dump(app))
        finally:
            hold.set()
        await settle(pilot)
        assert len(app.services.knobs.script.applied) == 1


# --- at the start ------------------------------------------------------------------------------------------------


async def test_an_unknown_outcome_is_said_at_the_start_and_stays_said() -> None:
    knobs = Knobs(script=Script(entries=[entry(EntryState.UNKNOWN, title=f"rules {HOSTILE}"), entry(number=2)]))
    async with console(knobs) as (pilot, app):
        assert "OUTCOME UNKNOWN: rules" in dump(app) and "\x1b" not in dump(app)
        app.clear_notifications()
        for key in ("2", "3"):
            await press(pilot, key)
            assert "OUTCOME UNKNOWN: 1 change, 0 journal" in lines(app)[-2]


async def test_nothing_is_said_without_a_journal() -> None:
    knobs = Knobs(script=Script(entries=[entry(EntryState.UNKNOWN)], exists=False))
    async with console(knobs) as (_, app):
        assert "UNKNOWN" not in dump(app)

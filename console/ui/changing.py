"""The one way from a plan to a change, for every pane: plan, show, ask, apply, say how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textual.message import Message

from console.model.change import Change, Consent, Outcome, Result
from console.model.document import TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.present.lines import Line
from console.services.ports import Cancel
from console.ui.arming import read_only
from console.ui.jobs import Post, defect
from console.ui.messages import ChangeApplied

if TYPE_CHECKING:
    from console.services.gate import Asked
    from console.ui.app import HubwardenApp
    from console.ui.panes.base import ConsoleScreen

P = TypeVar("P", bound="Asked")
R = TypeVar("R")
Plan = Callable[[Cancel], Change]
Tell = Callable[[str], None]
"""Is told how far it is, for the status line."""

MEANWHILE = "Somebody changed it since the plan was shown; nothing was written yet. This is the new plan."
WAIT_SECONDS = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bulk(Generic[P, R]):
    """Many changes that are agreed to as one.

    Attributes:
        plan: makes what is agreed to (it has a title and blocking risks).
        lines: its page for a width.
        carry_out: makes the changes and returns how they ended; is given the agreement, a flag that stops it after the
            write under way, and whom to tell how far it is.
        whole: whether nothing was left over or failed.
        summary: how it ended, in one sentence.
        result_lines: the page of how it ended, shown unless it went through whole.
        kinds: what was changed, so that the panes that show it read again.
        on_done: is given the result.
    """

    plan: Callable[[Cancel], P]
    lines: Callable[[P, int], Sequence[Line]]
    carry_out: Callable[[P, Consent, Cancel, Tell], R]
    whole: Callable[[R], bool]
    summary: Callable[[R], str]
    result_lines: Callable[[R, int], list[Line]]
    kinds: frozenset[TargetKind]
    on_done: Callable[[R], None] | None = None


class _Flow:
    """One pass from plan to outcome."""

    def __init__(self, work: _Work, pane: str) -> None:
        self.work = work
        self.pane = pane
        self.asked: Any = None
        self.stop = Cancel()


class Step(Message):
    """What the thread of a flow has to tell: "planned", "progress", "ended" or "failed", with a value."""

    def __init__(self, flow: _Flow, what: str, value: Any) -> None:
        super().__init__()
        self.flow = flow
        self.what = what
        self.value = value


class _Work:
    """What differs between one change and many."""

    stoppable = False

    def plan(self, cancel: Cancel) -> Any:
        """Return what is to be agreed to."""
        raise NotImplementedError

    def lines(self, asked: Any) -> Callable[[int], Sequence[Line]] | None:
        """Return what makes the page of the plan; None for the usual one."""
        del asked
        return None

    def apply(self, app: HubwardenApp, asked: Any, consent: Consent, stop: Cancel, tell: Tell) -> Any:
        """Make it, in a thread; return how it ended."""
        raise NotImplementedError

    def ended(self, changing: Changing, flow: _Flow, result: Any) -> None:
        """Show how it ended."""
        raise NotImplementedError


class _One(_Work):
    def __init__(self, plan: Plan, on_done: Callable[[Outcome], None] | None) -> None:
        self._plan = plan
        self._on_done = on_done

    def plan(self, cancel: Cancel) -> Change:
        return self._plan(cancel)

    def apply(self, app: HubwardenApp, asked: Change, consent: Consent, stop: Cancel, tell: Tell) -> Outcome:
        try:
            return app.services.changes.gate.apply(asked, consent, stop, tell)
        except ConsoleError as error:
            if error.kind is ErrorKind.CONFLICT:
                return Outcome(asked, Result.CONFLICT, error.sentence(), error=error)
            raise

    def ended(self, changing: Changing, flow: _Flow, result: Outcome) -> None:
        from console.present.change import outcome_lines

        if result.result is Result.CONFLICT:
            changing.plan_again(flow, result.error.why if result.error else "")
            return
        changing.spread(frozenset({result.change.target.kind}))
        if result.result is Result.UNKNOWN:
            changing.app.unknown.look()
        if result.applied and result.recorded:
            no_undo = result.change.undoes or result.change.target.kind is TargetKind.CERTIFICATE_CODE
            undo = "" if no_undo else " u undoes it"
            changing.app.notify(f"✓ {result.message}{undo}", timeout=8)
        else:
            changing.page(flow, "outcome", lambda width: outcome_lines(result, width))
        if self._on_done is not None:
            self._on_done(result)


class _Many(_Work):
    stoppable = True

    def __init__(self, bulk: Bulk[Any, Any]) -> None:
        self._bulk = bulk

    def plan(self, cancel: Cancel) -> Any:
        return self._bulk.plan(cancel)

    def lines(self, asked: Any) -> Callable[[int], Sequence[Line]]:
        return lambda width: self._bulk.lines(asked, width)

    def apply(self, app: HubwardenApp, asked: Any, consent: Consent, stop: Cancel, tell: Tell) -> Any:
        del app
        return self._bulk.carry_out(asked, consent, stop, tell)

    def ended(self, changing: Changing, flow: _Flow, result: Any) -> None:
        changing.spread(self._bulk.kinds)
        if self._bulk.whole(result):
            changing.app.notify(f"✓ {self._bulk.summary(result)}", timeout=8)
        else:
            changing.page(flow, "outcome", lambda width: self._bulk.result_lines(result, width))
        if self._bulk.on_done is not None:
            self._bulk.on_done(result)


def begin(screen: ConsoleScreen, plan: Plan, on_done: Callable[[Outcome], None] | None = None) -> None:
    """Plan a change in a thread, show it, and make it if it is agreed to.

    When somebody changed the resource meanwhile, it is planned and shown again. `on_done` gets every outcome but that.
    """
    screen.console.changing.begin(_Flow(_One(plan, on_done), screen.PANE))


def begin_many(screen: ConsoleScreen, bulk: Bulk[Any, Any]) -> None:
    """Plan many changes, show them as one, and make them if they are agreed to."""
    screen.console.changing.begin(_Flow(_Many(bulk), screen.PANE))


class Changing:
    """The flow of the moment: one at a time, whatever pane it came from.

    The app's `change_note` is what the status line shows, `writing` whether a write is under way. Its threads belong
    to the app, not to a screen: how a write ends is told wherever the user went meanwhile.
    """

    GROUP = "changing"

    def __init__(self, app: HubwardenApp) -> None:
        self.app = app
        self.writing = False
        self._flow: _Flow | None = None

    def unsaved(self) -> str:
        """Return what would be left undone by quitting, empty when nothing."""
        return "a change is being written: how it ends" if self.writing else ""

    def begin(self, flow: _Flow) -> None:
        """Plan, unless something is being written."""
        if self.writing:
            self.app.notify(f"Wait until the change under way has ended: {self.app.change_note}", severity="warning")
        elif reason := read_only(self.app.services.session):
            self.app.notify(f"Nothing was planned: {reason}", severity="warning")
        else:
            self._plan(flow, "planning …", "")

    def stop(self) -> None:
        """Stop planning, or a bulk change after the write under way; a single write goes on until it was read back."""
        flow = self._flow
        if flow is None or not (self.writing or self.app.change_note):
            self.app.notify("Nothing is being changed", severity="warning")
        elif self.writing and not flow.work.stoppable:
            self.app.notify("A single write cannot be stopped: how it ends is read back", severity="warning")
        else:
            flow.stop.cancel()
            self._say(f"stopping: {self.app.change_note}" if self.writing else "")

    def leave(self) -> None:
        """Begin nothing further: the app is leaving."""
        if self._flow is not None:
            self._flow.stop.cancel()

    # --- the steps -----------------------------------------------------------------------------------------------

    def _plan(self, flow: _Flow, note: str, meanwhile: str) -> None:
        if self._flow is not None and self._flow is not flow:
            self._flow.stop.cancel()  # an earlier plan that nobody waits for any more
        self._flow = flow

        def work(cancel: Cancel, post: Post) -> Step:
            del cancel, post
            return _step(self.app, flow, "planned", lambda: (flow.work.plan(flow.stop), meanwhile))

        self._start(note, work)

    def plan_again(self, flow: _Flow, why: str) -> None:
        """Plan against what is there now, and ask again."""
        self._plan(flow, "planning again …", f"{MEANWHILE} ({why})" if why else MEANWHILE)

    def _apply(self, flow: _Flow, asked: Any, consent: Consent) -> None:
        def work(cancel: Cancel, post: Post) -> Step:
            del cancel

            def tell(text: str) -> None:
                post(Step(flow, "progress", text))

            return _step(self.app, flow, "ended", lambda: flow.work.apply(self.app, asked, consent, flow.stop, tell))

        self.writing = True
        self._start("beginning", work)

    def _start(self, note: str, work: Callable[[Cancel, Post], Step]) -> None:
        self._say(note)
        self.app.jobs.start(self.app, self.GROUP, work)

    def take(self, message: Step) -> None:
        """Go on with what the thread told."""
        flow = message.flow
        if flow is not self._flow:
            return
        if message.what == "progress":
            self._say(f"{flow.asked.title}: {message.value}")
            return
        writing, self.writing = self.writing, False
        self._say("")
        if message.what == "failed":
            self._failed(flow, message.value, writing)
        elif message.what == "ended":
            flow.work.ended(self, flow, message.value)
        elif not flow.stop.cancelled:
            self._ask(flow, *message.value)

    def _ask(self, flow: _Flow, asked: Any, meanwhile: str) -> None:
        if isinstance(asked, Change) and not asked.edits:
            self.app.notify(f"There is nothing to change: {asked.title} is so already", severity="warning")
            return
        if self.app.screen.is_modal:  # the user is typing in another dialog: this one waits for its end
            self.app.set_timer(WAIT_SECONDS, lambda: self._ask(flow, asked, meanwhile))
            return
        if flow is not self._flow:
            return
        from console.ui.dialogs.confirm import Confirm

        flow.asked = asked
        session = self.app.services.session
        confirm = Confirm(
            asked,
            flow.work.lines(asked),
            hub_name=session.hub_name,
            who=session.identity_label,
            protected=session.protected,
            meanwhile=meanwhile,
            ask_reason=isinstance(asked, Change) and not asked.reason,
        )

        def answered(consent: Consent | None) -> None:
            if consent is None:
                self.app.notify("Nothing was changed")
            elif confirm.reason:
                self._apply(flow, replace(asked, reason=confirm.reason), consent)
            else:
                self._apply(flow, asked, consent)

        self.app.push_screen(confirm, answered)

    def _failed(self, flow: _Flow, error: ConsoleError, writing: bool) -> None:
        if error.kind is ErrorKind.CANCELLED:
            return
        if error.kind is ErrorKind.BAD_INPUT and not writing:
            self.app.report(error)
            return
        from console.present.pages import error_lines

        self.page(flow, "not done", lambda width: error_lines(error, width, retry="esc back"))

    # --- what the user sees --------------------------------------------------------------------------------------

    def page(self, flow: _Flow, crumb: str, build: Callable[[int], list[Line]]) -> None:
        """Show a page that stays until it is closed."""
        from console.ui.panes.text import TextScreen

        self.app.bell()
        self.app.push_screen(TextScreen(flow.pane, (crumb,), build))

    def spread(self, kinds: frozenset[TargetKind]) -> None:
        """Tell every open screen that something was written."""
        for screen in self.app.commands.open_screens():
            screen.post_message(ChangeApplied(kinds))

    def _say(self, note: str) -> None:
        self.app.change_note = note
        for screen in self.app.commands.open_screens():
            if screen.is_current:
                screen.update_chrome()


def _step(app: HubwardenApp, flow: _Flow, what: str, work: Callable[[], Any]) -> Step:
    try:
        value = work()
        if isinstance(value, Outcome) and value.error is not None:
            _advise(app, value.error, flow.stop)
        return Step(flow, what, value)
    except ConsoleError as error:
        _advise(app, error, flow.stop)
        return Step(flow, "failed", error)
    except Exception as error:
        _log.exception("a change")
        return Step(flow, "failed", defect(error))


def _advise(app: HubwardenApp, error: ConsoleError, stop: Cancel) -> None:
    """Find out which role a refused write lacks and who can give it: the page of how it ended tells it."""
    if error.operation:
        from console.services.access_help import advice

        with suppress(ConsoleError):  # nobody waits for it any more; how the write ended is told all the same
            error.advice = advice(app.services.access, error, stop)

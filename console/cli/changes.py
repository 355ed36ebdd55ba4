"""What every command that writes shares: the plan is printed, and made only when that was asked for."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.output import Json, print_json
from console.model.change import Change, Consent, Outcome, Result, Risk
from console.model.errors import ConsoleError
from console.model.shell import command_line
from console.model.text import clean

if TYPE_CHECKING:
    from console.services.bundle import Services

F = TypeVar("F", bound=Callable[..., Any])
PLAN_WIDTH = 100
FAILED = 1


@dataclass(frozen=True)
class ChangeOptions:
    """What was said about making the change: make it, which risks are accepted, the hub's name, why, as JSON."""

    yes: bool = False
    accept: tuple[str, ...] = ()
    confirm_hub: str = ""
    reason: str = ""
    as_json: bool = False

    @property
    def consent(self) -> Consent:
        """The consent for the gate."""
        return Consent(frozenset(self.accept), self.confirm_hub)


def change_options(command: F) -> F:
    """Add the options of every command that writes; the command gets them as `options`."""

    @functools.wraps(command)
    def wrapper(
        *args: Any, yes: bool, accept: tuple[str, ...], confirm_hub: str, reason: str, as_json: bool, **more: Any
    ) -> Any:
        options = ChangeOptions(yes, accept, confirm_hub, clean(reason), as_json)
        return command(*args, options=options, **more)

    decorated: Any = wrapper
    for option in (
        click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.plan/1."),
        click.option("--reason", default="", help="Why, for the journal."),
        click.option(
            "--confirm-hub", default="", metavar="NAME", help="The hub's name, where the profile protects it."
        ),
        click.option("--accept", multiple=True, metavar="RISK-ID", help="Accept a blocking risk; may be repeated."),
        click.option("--yes", is_flag=True, help="Make the change; without it only the plan is shown."),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def carry_out(
    services: Services,
    changes: Sequence[Change],
    options: ChangeOptions,
    *,
    then: Callable[[Outcome], Change] | None = None,
    document: Callable[[Json, Sequence[Outcome]], Json] = lambda plan, _: plan,
    outcomes: list[Outcome] | None = None,
) -> int:
    """Print the plan of some changes and, with `--yes`, make them through the gate; return the exit code.

    `then` plans what follows when a single change was made, from its outcome; it is made at once. `document` may add to
    the JSON; `outcomes` is filled with how they ended. 0: planned, or all made. 1: refused, or not all made. Raises
    ConsoleError when it was refused before anything was written, or before what follows was.
    """
    outcomes = [] if outcomes is None else outcomes
    told = 0
    refused: ConsoleError | None = None
    gate = services.changes.gate
    todo = [change for change in changes if change.edits]
    unknown = set(options.accept) - {risk.id for change in changes for risk in change.risks}
    if unknown:
        click.echo(f"No risk of this plan has the id {', '.join(sorted(map(clean, unknown)))}", err=True)
    if not options.as_json:
        print_plans(changes)
    if options.yes and todo:
        try:
            if len(todo) == 1:
                outcomes.append(gate.apply(todo[0], options.consent, on_step=_tell))
                if then is not None and outcomes[0].applied:
                    following = then(outcomes[0])
                    changes, todo = [*changes, following], [*todo, following]
                    if not options.as_json:
                        print_outcomes(outcomes)
                        told = 1
                        print_plans([following])
                    outcomes.append(gate.apply(following, options.consent, on_step=_tell))
            else:
                gate.apply_all(todo, options.consent, on_outcome=outcomes.append)
        except ConsoleError as error:
            refused = error
        except KeyboardInterrupt:
            text = "Interrupted: the outcome of a change that had begun is not known. See: hubwarden journal list"
            click.echo(f"hubwarden: {text}", err=True)
            raise
    applied = bool(options.yes and todo and len(outcomes) == len(todo) and all(one.applied for one in outcomes))
    if options.as_json:
        print_json(document(plan_json(changes, outcomes, applied=applied, error=refused), outcomes))
    else:
        print_outcomes(outcomes[told:])
        if outcomes:
            print_head(services)
    if refused is not None:
        raise refused
    if not todo:
        click.echo("There is nothing to change: it is so already", err=True)
        return 0
    if not options.yes:
        if not options.as_json:
            click.echo(_next_step(services, changes), err=True)
        return 0
    return 0 if applied and all(outcome.recorded for outcome in outcomes) else FAILED


def _tell(step: str) -> None:
    """Say what is being done, where a person looks: an operation can take minutes."""
    if sys.stderr.isatty():
        click.echo(f"{step} …", err=True)


def print_plans(changes: Sequence[Change], limit: int = 20) -> None:
    """Write the plans as text, the first `limit` of many."""
    from console.present.change import change_lines
    from console.present.lines import plain

    for change in changes[:limit]:
        for line in change_lines(change, PLAN_WIDTH):
            click.echo(plain(line).rstrip())
    if len(changes) > limit:
        click.echo(f"and {len(changes) - limit:,} more plans of the same kind")


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Write how changes ended: made ones on standard output, others on standard error."""
    for outcome in outcomes:
        click.echo(clean(outcome.message), err=not (outcome.applied and outcome.recorded))
        if outcome.result in {Result.DIFFERS, Result.UNKNOWN}:
            words = ["hubwarden", "journal", "show", *(["--re-read"] if outcome.result is Result.UNKNOWN else [])]
            click.echo(f"See: {command_line(*words, operands=[outcome.change.id])}", err=True)


def print_head(services: Services) -> None:
    """Write where the journal ends now, for somebody who notes it: `journal verify --head` holds the journal to it."""
    if head := services.changes.journal.head():
        click.echo(f"Journal head {head}")


def plan_json(
    changes: Sequence[Change], outcomes: Sequence[Outcome], *, applied: bool, error: ConsoleError | None = None
) -> Json:
    """Return the document hubwarden.plan/1; keys in it stay hidden."""
    risks = list({risk.id: risk for change in changes for risk in change.risks}.values())
    ended = {outcome.change.id: outcome for outcome in outcomes}
    return {
        "schema": "hubwarden.plan/1",
        "changes": [change_json(change, ended.get(change.id)) for change in changes],
        "risks": [risk_json(risk) for risk in risks],
        "applied": applied,
        "warnings": [{"code": error.code or error.kind.value, "message": error.sentence(), "hint": error.hint}]
        if error
        else [],
    }


def change_json(change: Change, outcome: Outcome | None) -> Json:
    """Return one change with its diff and, where it was tried, how it ended."""
    from console.present.change import diff_rows

    return {
        "id": change.id,
        "kind": change.kind,
        "title": clean(change.title),
        "target": {"kind": change.target.kind.value, "id": clean(change.target.id)},
        "diff": [
            {"sign": row.sign, "path": row.place, "before": row.before, "after": row.after}
            for row in diff_rows(change.edits)
        ],
        "effect": [{"label": clean(label), "text": clean(text)} for label, text in change.effect],
        "notes": [clean(note) for note in change.notes],
        "reason": clean(change.reason),
        "result": outcome.result.value if outcome else None,
        "message": clean(outcome.message) if outcome else "",
    }


def risk_json(risk: Risk) -> Json:
    """Return one risk."""
    return {
        "id": risk.id,
        "severity": risk.severity.value,
        "blocking": risk.blocking,
        "message": clean(risk.message),
        "hint": clean(risk.hint),
    }


def _next_step(services: Services, changes: Sequence[Change]) -> str:
    blocking = {risk.id for change in changes for risk in change.blocking}
    parts = ["--yes", *(f"--accept {risk}" for risk in sorted(blocking))]
    if services.session.protected:
        parts.append(command_line("--confirm-hub", services.session.hub_name))
    before = "" if services.session.armed else "--write before the command and "
    return f"Nothing was changed. To do it, add {before}{' '.join(parts)}"

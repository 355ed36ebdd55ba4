"""A registration as it goes on: its steps, what came of it, what to do when nothing did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from console.model.enrollment import Attestation, ProvisioningInstance
from console.model.errors import ConsoleError
from console.model.registration import RegistrationResult, Step, StepState
from console.present.lines import Line, text_width, wrap
from console.present.pages import BLANK, error_lines, fields, section
from console.present.provisioning import ATTESTATION_WORDS, SUBSTATUS_WORDS, registered_piece
from console.present.words import full_moment

_MARKS = {StepState.DONE: ("✓", "ok"), StepState.FAILED: ("✗", "bad"), StepState.WAITING: ("…", "accent")}


def run_lines(
    about: Sequence[tuple[str, str]],
    steps: Sequence[Step],
    result: RegistrationResult | None,
    error: ConsoleError | None,
    ended: str,
    now: datetime,
    width: int,
) -> list[Line]:
    """Return the page of a run. `ended` says how it was stopped, empty while it goes on or when it came to an end."""
    lines = section("A REGISTRATION, RUN AS THE DEVICE", fields(about, width))
    body: list[Line] = []
    for step in steps:
        body += _step(step, width)
    if not steps:
        body = [(("   beginning …", "dim"),)] if error is None and not ended else [(("   none was taken", "dim"),)]
    lines += section("STEPS", body)
    if error is not None:
        return lines + error_lines(error, width, retry="R run it again")
    if ended:
        return [*lines, ((f" ! {ended}", "warn"),)]
    return lines + (_result(result, now, width) if result is not None else [])


def _step(step: Step, width: int) -> list[Line]:
    mark, token = _MARKS[step.state]
    time = step.at.astimezone(UTC).strftime("%H:%M:%S")
    lines: list[Line] = [
        (
            (f"   {mark} ", token),
            (f"{step.number:>2}  ", "dim"),
            (f"{time}  ", "dim"),
            (step.title, "" if step.state is StepState.DONE else token),
        )
    ]
    indent = text_width(f"   {mark} {step.number:>2}  {time}  ")
    return lines + [
        ((" " * indent + part, "dim"),) for part in (wrap(step.detail, width - indent - 1) if step.detail else ())
    ]


def _result(result: RegistrationResult, now: datetime, width: int) -> list[Line]:
    if result.problem is not None:
        return error_lines(result.problem, width, retry="R run it again")
    one = result.registration
    lines: list[Line] = [((" ✓ ASSIGNED", "ok"),) if result.assigned else ((f" ! {one.status.upper()}", "warn"),)]
    pairs: list[tuple[str, str] | tuple[str, str, str]] = [
        ("status", *registered_piece(one)),
        ("how", SUBSTATUS_WORDS.get(one.substatus.casefold(), one.substatus)),
        ("hub", one.hub),
        ("device", one.device_id),
        ("connects by", result.connection),
        ("token", f"signed in the TPM, until {full_moment(result.token_expires, now, '')}" if result.token else ""),
    ]
    return [*lines, BLANK, *fields(pairs, width)]


def about_pairs(
    instance: ProvisioningInstance, registration_id: str, how: Attestation, by: str
) -> tuple[tuple[str, str], ...]:
    """Return what is run, for the head of its page."""
    return (
        ("registration id", registration_id or "as the TPM's endorsement key gives it"),
        ("at", f"{instance.name}, {instance.device_host}, id scope {instance.id_scope}"),
        ("by", f"{ATTESTATION_WORDS[how]}{f': {by}' if by else ''}"),
    )

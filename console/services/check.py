"""Runs a list of checks in order; what depends on a failed one is unknown, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from console.model.check import CheckItem, CheckResult
from console.model.errors import ConsoleError


@dataclass(frozen=True)
class Step:
    """One check: `run` returns what was found or raises ConsoleError; None means it does not apply (`detail` says why).

    `needs` names checks (check, target) that must have passed or not applied.
    """

    check: str
    target: str
    run: Callable[[], str] | None
    detail: str = ""
    needs: tuple[tuple[str, str], ...] = ()


def run_checks(steps: Iterable[Step]) -> Iterator[CheckItem]:
    """Yield the result of each step as soon as it is known."""
    failed: dict[tuple[str, str], CheckResult] = {}
    for step in steps:
        item = _run(step, failed)
        if item.result in {CheckResult.FAIL, CheckResult.UNKNOWN}:
            failed[step.check, step.target] = item.result
        yield item


def _run(step: Step, failed: dict[tuple[str, str], CheckResult]) -> CheckItem:
    blocker = next((need for need in step.needs if need in failed), None)
    if blocker is not None:
        why = f"not tried: “{blocker[0]}” of {blocker[1]} did not pass"
        return CheckItem(step.check, step.target, CheckResult.UNKNOWN, why)
    if step.run is None:
        return CheckItem(step.check, step.target, CheckResult.NOT_APPLICABLE, step.detail)
    try:
        return CheckItem(step.check, step.target, CheckResult.PASS, step.run())
    except ConsoleError as error:
        detail = f"{error.what}: {error.why}" if error.why else error.what
        return CheckItem(step.check, step.target, CheckResult.FAIL, detail, error.hint)

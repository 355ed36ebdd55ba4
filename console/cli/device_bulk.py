"""Bulk changes of devices from the command line: which devices, progress, ctrl-c that ends cleanly, the result."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from console.cli.changes import PLAN_WIDTH, ChangeOptions, print_head, risk_json
from console.cli.output import Json, envelope, print_json
from console.cli.output import warning as warning_json
from console.model.device import Device
from console.model.device_order import BulkItem, BulkPlan, BulkResult, DeviceOrder, ItemState
from console.model.errors import ConsoleError, ErrorKind
from console.model.shell import command_line
from console.model.text import clean
from console.services.ports import Cancel

if TYPE_CHECKING:
    from console.services.bundle import Services

FAILED, INTERRUPTED = 1, 130


def selected(services: Services, given: Sequence[str], filter_text: str) -> tuple[list[str], dict[str, Device]]:
    """Return the ids that were chosen, and what the fleet said of them where it was read.

    Raises ConsoleError BAD_INPUT (code "usage") when nothing or two things at once were chosen.
    """
    if filter_text:
        if given:
            raise _usage("Ids and --filter exclude each other")
        from console.cli.devices import filtered

        found = filtered(services, filter_text, Cancel())
        if not found:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"No device fits the filter “{filter_text}”")
        return [device.device_id for device in found], {device.device_id: device for device in found}
    ids: list[str] = []
    for one in given:
        ids += [text for line in sys.stdin if (text := line.strip("\ufeff \t\r\n"))] if one == "-" else [one]
    if not ids:
        if "-" in given:
            raise _usage("Standard input named no device")
        raise _usage("Name devices: ids, - for ids from standard input, or --filter")
    return list(dict.fromkeys(ids)), {}


def bulk(
    services: Services,
    order: DeviceOrder,
    ids: Sequence[str],
    rows: Mapping[str, Device],
    resume: str,
    options: ChangeOptions,
) -> int:
    """Print the plan of an order for many devices and, with `--yes`, carry it out; return the exit code.

    0: planned, or every device is as it should be. 1: refused, or not every one. 130: stopped by ctrl-c.
    """
    devices = services.changes.devices
    plan = devices.bulk(order, ids, rows, resume=resume)
    if not options.as_json:
        _print_plan(plan)
    if not options.yes:
        if options.as_json:
            print_json(bulk_json(services, plan, None))
        else:
            click.echo(_next_step(services, plan), err=True)
        return 0
    cancel, progress = Cancel(), _Progress(plan)
    with _ctrl_c(cancel):
        try:
            result = devices.carry_out(plan, options.consent, cancel, progress.item, progress.wait)
        except ConsoleError as refused:
            if options.as_json:
                print_json(bulk_json(services, plan, None, refused))
            raise
        finally:
            progress.clear()
    if options.as_json:
        print_json(bulk_json(services, plan, result, result.stopped))
    else:
        _print_result(result)
        if result.items:
            print_head(services)
    if cancel.cancelled:
        return INTERRUPTED
    return 0 if result.complete else FAILED


def bulk_json(services: Services, plan: BulkPlan, result: BulkResult | None, error: ConsoleError | None = None) -> Json:
    """Return the document hubwarden.device_changes/1."""
    items = result.items if result else ()
    return envelope(
        "device_changes",
        services.clock(),
        [
            {
                "device_id": item.device_id,
                "state": item.state.value,
                "message": clean(item.message),
                "change_id": item.change_id,
            }
            for item in items
        ],
        warnings=[warning_json(error)] if error else (),
        kind=plan.order.kind,
        title=plan.title,
        batch=plan.batch,
        devices=list(plan.ids),
        done_before=list(plan.done),
        left=list(result.left if result else plan.ids),
        risks=[risk_json(risk) for risk in plan.risks],
        effect=[{"label": label, "text": clean(text)} for label, text in plan.effect],
        notes=[clean(note) for note in plan.notes],
        counts={state.value: sum(item.state is state for item in items) for state in ItemState},
        applied=bool(result and result.complete),
    )


class _Progress:
    """One line on the terminal, and each trouble on a line of its own as it happens."""

    def __init__(self, plan: BulkPlan) -> None:
        self._plan = plan
        self._items: list[BulkItem] = []
        self._shown = sys.stderr.isatty()

    def item(self, item: BulkItem) -> None:
        """Count a device."""
        self._items.append(item)
        self.wait("")

    def wait(self, text: str) -> None:
        """Show how far it is, and what it waits for."""
        if self._shown:
            from console.present.device_bulk import progress_text

            title = f"{self._plan.title}: {progress_text(self._plan, self._items, text)}"
            click.echo(f"\r\x1b[K{title}", err=True, nl=False)

    def clear(self) -> None:
        """Leave a clean line."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)


@contextmanager
def _ctrl_c(cancel: Cancel) -> Iterator[None]:
    """Let the first ctrl-c end the command after the device it is at; a second one ends it at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        if cancel.cancelled:
            raise KeyboardInterrupt
        cancel.cancel()
        click.echo("\nStopping after this device; ctrl-c once more ends at once", err=True)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _print_plan(plan: BulkPlan) -> None:
    from console.present.device_bulk import bulk_lines
    from console.present.lines import plain

    for line in bulk_lines(plan, PLAN_WIDTH):
        click.echo(plain(line).rstrip())


def _print_result(result: BulkResult) -> None:
    from console.present.device_bulk import resume_text, summary

    for item in result.items:
        if not item.finished:
            click.echo(clean(item.message), err=True)
    if result.stopped is not None:
        click.echo(clean(result.stopped.sentence()), err=True)
    click.echo(clean(summary(result)))
    if result.resumable:
        click.echo(resume_text(result), err=True)


def _next_step(services: Services, plan: BulkPlan) -> str:
    parts = ["--yes", *(f"--accept {risk.id}" for risk in plan.blocking)]
    if services.session.protected:
        parts.append(command_line("--confirm-hub", services.session.hub_name))
    before = "" if services.session.armed else "--write before the command and "
    return f"Nothing was changed. To do it, add {before}{' '.join(parts)}"


def _usage(what: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, code="usage")

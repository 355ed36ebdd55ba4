"""The JSON document of `hubwarden dps register`."""

from __future__ import annotations

from collections.abc import Sequence

from console.cli.dps_json import registration_json
from console.cli.output import Json, envelope, time_text
from console.model.clock import system_clock
from console.model.registration import RegistrationOrder, RegistrationResult
from console.model.text import clean


def run_json(order: RegistrationOrder, result: RegistrationResult, notes: Sequence[str] = ()) -> Json:
    """Return hubwarden.registration_run/1; a token for the hub stands in it where the TPM was to sign one."""
    problem = result.problem
    return envelope(
        "registration_run",
        result.steps[-1].at if result.steps else system_clock(),
        [registration_json(result.registration)],
        assigned=result.assigned,
        attestation=order.attestation.value,
        id_scope=clean(order.id_scope),
        host=clean(order.host),
        connection=result.connection,
        token=result.token.reveal() if result.token is not None else None,
        token_expires=time_text(result.token_expires),
        problem=None
        if problem is None
        else {
            "kind": problem.kind.value,
            "code": problem.code or "",
            "message": problem.what,
            "cause": problem.why,
            "hint": problem.hint,
            "request_id": problem.request_id or "",
        },
        steps=[
            {
                "number": step.number,
                "title": step.title,
                "detail": step.detail,
                "state": step.state.value,
                "at": time_text(step.at),
            }
            for step in result.steps
        ],
        warnings=[{"code": "ledger", "message": note, "hint": ""} for note in notes],
    )

"""Who depends on the hub's CA certificates: as far as the hub tells, and that is a number."""

from __future__ import annotations

from typing import Any

from console.model.change import Change, Risk
from console.model.device import AuthType
from console.model.document import TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.rules.certificate_text import der_of
from console.rules.planning import with_risks
from console.services.fleet import auth_of
from console.services.ports import NEVER_CANCELLED, Cancel
from console.services.session import Session

_QUERY = "SELECT COUNT() AS numberOfDevices, authenticationType FROM devices GROUP BY authenticationType"


def by_ca(session: Session, cancel: Cancel = NEVER_CANCELLED) -> int | str:
    """Return how many devices sign in by CA, or why that is not known; to which CA each leads the hub never tells."""
    count, continuation = 0, None
    try:
        while True:
            page = session.registry.query(_QUERY, continuation=continuation, cancel=cancel)
            count += sum(_count(row) for row in page.rows if auth_of(row.get("authenticationType")) is AuthType.CA)
            continuation = page.continuation
            if not continuation:
                return count
    except ConsoleError as error:
        if error.kind is ErrorKind.CANCELLED:
            raise
        return error.why or error.what


def verified_loss(session: Session, name: str, what: str, *, verified: bool, cancel: Cancel) -> list[Risk]:
    """Return what it risks that a CA stops letting devices in; see `loss_risks`."""
    from console.rules.ca_upload import loss_risks

    if not verified:
        return []
    there = session.hub_reader.certificates(cancel)
    others = sum(one.verified for one in there if one.name.casefold() != name.casefold())
    return loss_risks(verified=True, devices=by_ca(session, cancel), others=others, what=what)


def assessed(session: Session, change: Change, cancel: Cancel = NEVER_CANCELLED) -> Change:
    """Return a change of a CA certificate with what its bodies risk, beside what it has; others as they are."""
    if change.target.kind is not TargetKind.CERTIFICATE or change.before is None:
        return change
    old = change.before.body.get("properties") or {}
    new = (change.after or {}).get("properties") or {}
    stays = new.get("isVerified") is True and _same(new.get("certificate"), old.get("certificate"))
    if old.get("isVerified") is not True or stays or any(risk.id == "ca-cut" for risk in change.risks):
        return change
    what = "is deleted" if change.after is None else "is no longer verified"
    return with_risks(change, verified_loss(session, change.target.name, what, verified=True, cancel=cancel))


def _same(one: object, other: object) -> bool:
    """Say whether two spellings are of one certificate; of what cannot be read only the same spelling is."""
    return one == other or (der_of(one) == der_of(other) != b"")


def _count(row: Any) -> int:
    value = row.get("numberOfDevices", 0)
    return int(value) if isinstance(value, int | float) else 0

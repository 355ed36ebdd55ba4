"""From a document and what it should become to a `Change`; and what a service may change in a document by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from console.model.change import ABSENT, Change, Edit, Risk, Severity
from console.model.document import Document, Json, Target, TargetKind, wrapped
from console.rules.certificate_text import steady_certificate
from console.rules.diff import diff
from console.rules.enrollment_body import ENROLLMENT_COMPUTED, steady_enrollment
from console.rules.rbac_body import steady, steady_assignment, steady_role

_COMPUTED: dict[TargetKind, frozenset[str]] = {
    TargetKind.HUB: frozenset({"etag", "systemData"}),
    TargetKind.POLICIES: frozenset(),
    TargetKind.DEVICE: frozenset(
        {
            "etag",
            "connectionState",
            "connectionStateUpdatedTime",
            "statusUpdatedTime",
            "lastActivityTime",
            "cloudToDeviceMessageCount",
        }
    ),
    TargetKind.CONNECTION: frozenset({"etag", "systemData"}),
    TargetKind.ENDPOINT: frozenset({"etag", "systemData"}),
    TargetKind.PROVISIONING: frozenset({"etag", "systemData"}),
    TargetKind.CERTIFICATE: frozenset({"etag", "systemData"}),
    TargetKind.CERTIFICATE_CODE: frozenset({"etag", "systemData"}),
    TargetKind.CERTIFICATE_PROOF: frozenset({"etag", "systemData", "proof"}),
    TargetKind.ENROLLMENT: ENROLLMENT_COMPUTED,
    TargetKind.ENROLLMENT_GROUP: ENROLLMENT_COMPUTED,
    TargetKind.REGISTRATION: frozenset({"etag"}),
    TargetKind.ROLE: frozenset({"etag"}),
    TargetKind.ASSIGNMENT: frozenset({"etag"}),
}
"""Top-level members that the service moves by itself: states, times, counters, the ETag."""

_COMPUTED_PROPERTIES = frozenset(
    {"provisioningState", "state", "createdOn", "updatedOn", "createdBy", "updatedBy"}  # the last four: of roles
)

RACE = Risk(
    "race",
    Severity.LOW,
    "this resource has no ETag: it is compared right before the write, and a change in that instant would be lost",
)
"""The risk of every write to a resource without a precondition."""

CERTIFICATES = frozenset({TargetKind.CERTIFICATE, TargetKind.CERTIFICATE_CODE, TargetKind.CERTIFICATE_PROOF})
ACCESS = frozenset({TargetKind.ROLE, TargetKind.ASSIGNMENT})
ENROLLMENTS = frozenset({TargetKind.ENROLLMENT, TargetKind.ENROLLMENT_GROUP})
ETAGLESS = frozenset({TargetKind.CONNECTION, TargetKind.ENDPOINT, TargetKind.ROLE, TargetKind.ASSIGNMENT})


def change_of(
    kind: str,
    title: str,
    target: Target,
    before: Document | None,
    after: Json | None,
    *,
    risks: Iterable[Risk] = (),
    effect: Iterable[tuple[str, str]] = (),
    notes: Iterable[str] = (),
    reason: str = "",
    batch: str = "",
    undoes: str = "",
) -> Change:
    """Return the change from a document to what it should become; see `Change` for the arguments.

    Resources without an ETag get the risk of a race.
    """
    old = before.body if before else ABSENT
    if target.kind in ACCESS and before is not None and after is None:
        old = settled(target.kind, before.body)  # who wrote it and when is no part of what goes
    edits = diff(old, after if after is not None else ABSENT)
    found = (*risks, RACE) if target.kind in ETAGLESS and before is not None else tuple(risks)
    return Change(
        kind=kind,
        title=title,
        target=target,
        before=before,
        after=after,
        edits=edits,
        risks=found,
        effect=tuple(effect),
        notes=tuple(notes),
        reason=reason,
        batch=batch,
        undoes=undoes,
    )


def with_risks(change: Change, risks: Iterable[Risk]) -> Change:
    """Return the change with more risks."""
    return replace(change, risks=(*change.risks, *risks))


def settled(kind: TargetKind, body: Json | None) -> Any:
    """Return a body without what the service moves by itself, ready to be compared; ABSENT for None."""
    if body is None:
        return ABSENT
    if kind is TargetKind.POLICIES:
        policies = body.get("authorizationPolicies")
        return {"hub": settled(TargetKind.HUB, body.get("hub")), "authorizationPolicies": policies}
    kept = {name: value for name, value in body.items() if name not in _COMPUTED[kind]}
    if kind in ENROLLMENTS:
        return steady_enrollment(kept)
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = _steady(kept["properties"])
        if kind in ACCESS:
            kept = steady(kept)
        if kind is TargetKind.ROLE:
            kept["properties"] = steady_role(kept["properties"])
        if kind is TargetKind.ASSIGNMENT:
            kept["properties"] = steady_assignment(kept["properties"])
        if kind in CERTIFICATES:
            kept["properties"] = steady_certificate(kept["properties"])
    return kept


def _steady(properties: Json) -> Json:
    kept = {name: value for name, value in properties.items() if name not in _COMPUTED_PROPERTIES}
    connections = kept.get("privateEndpointConnections")
    if isinstance(connections, list):
        kept["privateEndpointConnections"] = [
            {**item, "properties": _steady(item["properties"])} if isinstance(item.get("properties"), dict) else item
            for item in connections
            if isinstance(item, dict)
        ]
    return kept


def touched(change: Change, differences: Iterable[Edit]) -> bool:
    """Whether one of some differences lies where the change was made (or around it)."""
    paths = [edit.path for edit in change.edits]
    return any(
        one.path[: len(path)] == path or path[: len(one.path)] == one.path for one in differences for path in paths
    )


def copied(document: Document) -> Json:
    """Return a copy of a document's body to edit into what it should become."""
    body: Json = wrapped(document.body)  # copies everything but the keys, which cannot be copied and need not be
    return body

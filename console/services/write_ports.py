"""The write ports: one per kind of resource. Made in `cli.main`, handed to the gate, and used by nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from console.model.document import Json, Target, TargetKind
from console.services.ports import Cancel


@dataclass(frozen=True)
class Receipt:
    """What the service said to a write that it took: the resource's new ETag where it told one, and how it ended.

    `pending` is set when the operation had not ended when we stopped waiting for it. `answer` is what the service tells
    here and to nobody who reads.
    """

    etag: str = ""
    pending: str = ""
    answer: Mapping[str, str] = field(default_factory=dict)


class DocumentWriter(Protocol):
    """Writes one kind of resource, once: never repeated, always under the precondition it is given.

    Both raise ConsoleError; one of kind CONFLICT when the precondition did not hold.
    """

    def put(self, target: Target, body: Json, etag: str, cancel: Cancel) -> Receipt:
        """Replace the resource by `body` if it still has `etag`; an empty `etag` creates it, or fails where it is."""

    def delete(self, target: Target, etag: str, cancel: Cancel) -> Receipt:
        """Delete the resource if it still has `etag` (no condition where the service knows none)."""


@dataclass(frozen=True)
class WritePorts:
    """Every way to write; the field names are those of `TargetKind`."""

    hub: DocumentWriter
    policies: DocumentWriter
    device: DocumentWriter
    connection: DocumentWriter
    endpoint: DocumentWriter
    provisioning: DocumentWriter
    certificate: DocumentWriter
    certificate_code: DocumentWriter
    certificate_proof: DocumentWriter
    enrollment: DocumentWriter
    enrollment_group: DocumentWriter
    registration: DocumentWriter
    role: DocumentWriter
    assignment: DocumentWriter

    def of(self, kind: TargetKind) -> DocumentWriter:
        """Return the port of a kind of resource."""
        port: DocumentWriter = getattr(self, kind.value)
        return port

"""What is special about taking back what was done to a CA certificate: verification cannot be given back."""

from __future__ import annotations

from typing import Any

from console.model.change import Risk, Severity
from console.model.document import Target, TargetKind

NO_CODE_BACK = "a verification code lets nobody in, and the next one makes it void: there is nothing to take back"
CODE_PASSED = "passed over: a verification code was asked for after this; that changed nothing"
CODE_LOST = (
    "Looked at again later: the code came in the answer alone, which was lost. Ask for another: the next one makes it "
    "void."
)
_UNVERIFIED = Risk(
    "not-restored",
    Severity.HIGH,
    "it comes back unverified and lets no device in: possession of its key must be proved anew",
    hint="Then: hubwarden cert prove NAME",
)


def back_of(target: Target) -> Target:
    """Return what is written to take a change back: after a proof the certificate is uploaded again, unverified."""
    if target.kind is TargetKind.CERTIFICATE_PROOF:
        return Target(TargetKind.CERTIFICATE, target.id)
    return target


def unverified(body: Any) -> tuple[Any, Risk]:
    """Return a deleted certificate as it can come back, and what does not."""
    properties = {**(body.get("properties") or {}), "isVerified": False}
    return {"properties": properties}, _UNVERIFIED

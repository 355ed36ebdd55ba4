"""What is special about taking back the deletion of an enrollment: certificates do not come back by themselves."""

from __future__ import annotations

from typing import Any

from console.model.change import Risk, Severity
from console.model.errors import ConsoleError, ErrorKind
from console.rules.certificate_text import der_of
from console.rules.enrollment_body import ENROLLMENT_COMPUTED

_FORGOTTEN = Risk(
    "not-restored",
    Severity.LOW,
    "what the service remembered of its registrations does not come back: devices register again when they ask to",
)


def made_again(body: Any, name: str) -> tuple[Any, Risk]:
    """Return a deleted enrollment as it can come back, and what does not.

    Raises ConsoleError BAD_INPUT when it holds a certificate that the service told only about.
    """
    kept = {key: value for key, value in body.items() if key not in ENROLLMENT_COMPUTED}
    attestation = kept.get("attestation")
    x509 = attestation.get("x509") if isinstance(attestation, dict) else None
    for pair in x509.values() if isinstance(x509, dict) else ():
        for one in pair.values() if isinstance(pair, dict) else ():
            if isinstance(one, dict) and not der_of(one.get("certificate")):
                why = "the service does not give out the certificate of an enrollment, so the journal has none"
                hint = "Make it anew with the certificate file: hubwarden dps create"
                raise ConsoleError(ErrorKind.BAD_INPUT, f"{name} cannot be brought back", why, hint)
    return kept, _FORGOTTEN

"""Every exception of the SDKs becomes one `ConsoleError` with a kind, a cause and a next step."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from console.gateways.answers import Answer, Target, answer_of
from console.gateways.shapes import TRIPPED
from console.gateways.sockets import WireError
from console.gateways.trouble import chain, connection_trouble
from console.model.errors import ConsoleError, ErrorKind
from console.model.scope import scope_name
from console.model.text import clean

_log = logging.getLogger(__name__)
MAX_DRIFT_SECONDS = 300
"""Clocks further apart than this fail authentication (service documentation of error 401003)."""
_FORBIDDEN = re.compile(r"perform action '([^']+)' over scope '([^']+)'")
"""What the resource manager says in AuthorizationFailed."""
_AADSTS = re.compile(r"AADSTS(\d+)")
_MSAL_STATUS = re.compile(r"HTTP (?:Error|status): (\d{3})")
_TEXT_LIMIT = 300
_ENTRA: dict[str, tuple[str, str]] = {
    "7000222": (
        "the client secret has expired",
        "Create a new secret for the application and store it where the profile says",
    ),
    "7000215": (
        "the client secret is wrong",
        "Check that the profile's secret_from holds the secret's value, not its id",
    ),
    "700016": ("this tenant has no such application", "Check client_id and tenant_id in the profile"),
    "90002": ("there is no such tenant", "Check tenant_id in the profile"),
    "900023": ("the tenant is not a valid name or id", "Check tenant_id in the profile"),
    "700027": (
        "the client certificate is not the one registered",
        "Upload the certificate to the application, or use the other one",
    ),
    "53003": (
        "a conditional access policy does not allow it from here",
        "Sign in from a place or device that the policy allows",
    ),
    "50076": ("multi-factor authentication is required", "Sign in again: az login"),
    "50173": ("the sign-in was revoked", "Sign in again: az login"),
    "700082": ("the sign-in has expired", "Sign in again: az login"),
}
_CLOCK_CODES = {"700024", "500133"}


@dataclass(frozen=True)
class Failure:
    """A failed call: the error to show, whether another try may help, and how long the service asks to wait."""

    error: ConsoleError
    retry: bool = False
    retry_after: float | None = None


class RefusedError(Exception):
    """Carries a failure of the token service through an SDK's pipeline, untouched."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure.error))
        self.failure = failure


def translate(error: BaseException, what: str, target: Target, now: datetime) -> Failure:
    """Return what an exception means.

    Args:
        error: whatever the SDK raised.
        what: the sentence that begins the message ("The device list could not be read").
        target: whom the call went to.
        now: this machine's time, compared with the service's.
    """
    for one in chain(error):
        if isinstance(one, RefusedError):
            was = one.failure.error
            told = ConsoleError(was.kind, what, was.why, was.hint, status=was.status, code=was.code)
            return Failure(told, one.failure.retry, one.failure.retry_after)
        if isinstance(one, ConsoleError):
            return Failure(one)
        if isinstance(one, WireError):
            return Failure(ConsoleError(one.kind, what, f"{one.host} {one.why}", one.hint))
    answer = next(filter(None, map(answer_of, chain(error))), None)
    if answer is not None and answer.status:
        return _by_status(answer, what, target, now)
    if target.is_token_service and (failed := _msal_status(error, what, target)):
        return failed
    if target.is_token_service and (refused := _entra(str(error), what, target)):
        return Failure(refused)
    if trouble := connection_trouble(error, what, target):
        return Failure(trouble, retry=trouble.kind in {ErrorKind.NETWORK, ErrorKind.TIMEOUT})
    if any(type(one).__name__ in {"InvalidURL", "LocationParseError"} for one in chain(error)):
        why = f"an answer of {target.service} names a place that is no address"
        return Failure(ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check the endpoints in the profile"))
    names = {type(one).__name__ for one in chain(error)}
    if names & {"DecodeError", "DeserializationError", "JSONDecodeError", "SerializationError"}:
        return Failure(_bad_answer(what, target))
    if any(isinstance(one, RecursionError) for one in chain(error)):
        return Failure(_bad_answer(what, target))
    if any(isinstance(one, OSError) and "TLS CA certificate bundle" in str(one) for one in chain(error)):
        why = "the file of CA certificates that the profile names (ca_file) is not there any more"
        return Failure(ConsoleError(ErrorKind.TLS, what, why, "Put it back, or name another in the profile"))
    if target.is_token_service:
        why = clean(str(error).splitlines()[0] if str(error) else type(error).__name__, limit=_TEXT_LIMIT)
        return Failure(
            ConsoleError(
                ErrorKind.AUTHENTICATION, what, why, "Sign in (az login), or check the credential in the profile"
            )
        )
    if "CredentialUnavailableError" in names or "ClientAuthenticationError" in names:
        why = clean(str(error), limit=_TEXT_LIMIT)
        return Failure(ConsoleError(ErrorKind.AUTHENTICATION, what, why, "Check the credential in the profile"))
    if isinstance(error, TRIPPED):
        _log.warning("an answer of another shape", exc_info=error)
        return Failure(_bad_answer(what, target))
    why = f"{type(error).__name__}: {clean(error, limit=_TEXT_LIMIT)}"
    return Failure(
        ConsoleError(ErrorKind.DEFECT, what, why, "This is unexpected; the log in the state folder has more")
    )


def drift_seconds(answer: Answer, now: datetime) -> float | None:
    """Return how far the service's clock is ahead of ours (negative: behind), None when it does not tell the time."""
    return (answer.date - now).total_seconds() if answer.date else None


def _by_status(answer: Answer, what: str, target: Target, now: datetime) -> Failure:
    if answer.status < 400 or (answer.html and answer.status < 500):
        return Failure(_bad_answer(what, target, answer))
    code, message = answer.problem()
    code, message = clean(code, limit=80), clean(message, limit=_TEXT_LIMIT)

    operation, scope = _refused_operation(answer, target)

    def told(kind: ErrorKind, why: str, hint: str) -> ConsoleError:
        return ConsoleError(
            kind,
            what,
            why,
            hint,
            status=answer.status,
            code=code or None,
            request_id=answer.request_id,
            operation=operation,
            scope=scope,
            data=target.is_hub and bool(operation) and operation == target.operation,
        )

    if answer.status == 429:
        wait = f"wait {answer.retry_after:.0f} s" if answer.retry_after else "it does not say how long to wait"
        error = told(
            ErrorKind.THROTTLED,
            f"{target.service} throttles us; {wait}",
            "Try again in a minute; a longer interval helps",
        )
        return Failure(error, retry=True, retry_after=answer.retry_after)
    if answer.status == 408 or answer.status >= 500:
        why = f"{target.service} answered {answer.status}" + (f" ({message})" if message else "")
        kind = ErrorKind.TIMEOUT if answer.status in {408, 504} else ErrorKind.SERVICE
        return Failure(
            told(kind, why, "Try again; if it stays, look at Azure's service health"), True, answer.retry_after
        )
    if answer.status == 401 and (drift := drift_seconds(answer, now)) is not None and abs(drift) > MAX_DRIFT_SECONDS:
        return Failure(_clock(drift, target, told))
    if target.is_token_service:
        text = f"{message} {answer.text}"
        return Failure(
            _entra(text, what, target, answer)
            or told(ErrorKind.AUTHENTICATION, message or code, "Check the credential")
        )
    return Failure(_refused(answer, code, message, target, told))


def _refused(
    answer: Answer, code: str, message: str, target: Target, told: Callable[[ErrorKind, str, str], ConsoleError]
) -> ConsoleError:
    unassigned = "not authorized" in message.casefold() or "no assigned permissions" in message.casefold()
    if answer.status == 403 or (answer.status == 401 and target.is_hub and not target.by_key and unassigned):
        if code.startswith("InvalidAuthenticationToken"):
            return told(
                ErrorKind.AUTHENTICATION,
                message or "the token was not accepted",
                "Check cloud, tenant and endpoints in the profile",
            )
        if target.is_hub and code and "JobQuota" not in code and "Quota" in code:
            return told(
                ErrorKind.THROTTLED, message or code, "The hub's daily quota is used up; it begins anew at midnight UTC"
            )
        why = f"the role {target.role} is missing" if target.role else "a right is missing"
        extra = f" ({message})" if message else ""
        operation, scope = _refused_operation(answer, target)
        if operation:
            needs = f"it needs {operation}{f' on {scope_name(scope)}' if scope else ''}"
            extra = f" ({needs}; it says: {message})" if target.is_hub and message else f" ({needs})"
        return told(
            ErrorKind.PERMISSION,
            why + extra,
            "Ask for the role to be assigned; a new assignment can take some minutes to work",
        )
    if answer.status == 401 and target.is_hub:
        return _hub_said_no(message, target, told)
    if answer.status == 401:
        return told(
            ErrorKind.AUTHENTICATION,
            message or "the token was not accepted",
            "Sign in again, or check tenant and cloud in the profile",
        )
    if answer.status == 404:
        return told(
            ErrorKind.NOT_FOUND,
            message or f"{target.service} knows nothing under this name",
            "Check the names in the profile",
        )
    if answer.status in {409, 412}:
        return told(ErrorKind.CONFLICT, message or "somebody else changed it", "Read it again and repeat")
    if code in {"SemanticError", "SyntaxError", "BadArgumentError", "ArgumentInvalid"} or answer.status == 400:
        return told(
            ErrorKind.BAD_QUERY, message or code or "the request was refused", "Correct the query or the request"
        )
    return told(ErrorKind.SERVICE, f"{target.service} answered {answer.status} {message}".rstrip(), "Try again")


def _refused_operation(answer: Answer, target: Target) -> tuple[str, str]:
    """Return the operation that was refused, and on which resource, where that is known."""
    if target.by_key or answer.status not in {401, 403}:
        return "", ""
    found = _FORBIDDEN.search(answer.problem()[1])
    if found:
        return clean(found[1], limit=200), clean(found[2], limit=400)
    return target.operation, target.scope


def _hub_said_no(message: str, target: Target, told: Callable[[ErrorKind, str, str], ConsoleError]) -> ConsoleError:
    if target.by_key:
        causes = (
            "the key is wrong or was rotated, its policy lacks a right (ServiceConnect and RegistryRead are needed)"
        )
        causes += ", SAS is switched off for the hub"
    else:
        causes = f"the role {target.role} is missing"
    causes += ", an IP rule does not allow this machine's address, or public access is off"
    if message and message.casefold() not in {"unauthorized", "unauthorized access"}:
        causes = f"it says: {message}. Usually: {causes}"
    why = f"{target.service} refused us and does not say why. {causes[0].upper()}{causes[1:]}"
    return told(
        ErrorKind.AUTHENTICATION,
        why,
        "Check these four; the network rules can still be read through the resource manager",
    )


def _clock(drift: float, target: Target, told: Callable[[ErrorKind, str, str], ConsoleError]) -> ConsoleError:
    minutes = abs(drift) / 60
    direction = "behind" if drift > 0 else "ahead of"
    why = f"this machine's clock is {minutes:.0f} min {direction} that of {target.host}, so tokens are not valid"
    return told(ErrorKind.CLOCK, why, "Set the clock (timedatectl set-ntp true), then try again")


def _msal_status(error: BaseException, what: str, target: Target) -> Failure | None:
    """Return the failure when MSAL swallowed the answer and left its status in the text."""
    found = next(filter(None, (_MSAL_STATUS.search(str(one)) for one in chain(error))), None)
    status = int(found[1]) if found else 0
    if status != 429 and status < 500:
        return None
    kind = ErrorKind.THROTTLED if status == 429 else ErrorKind.SERVICE
    why = f"{target.service} answered {status}"
    return Failure(ConsoleError(kind, what, why, "Try again in a minute", status=status), retry=True)


def _entra(text: str, what: str, target: Target, answer: Answer | None = None) -> ConsoleError | None:
    found = _AADSTS.search(text)
    if not found:
        return None
    number = found[1]
    status = answer.status if answer else None
    if number in _CLOCK_CODES:
        why, hint = (
            "the token service finds our assertion outside its time",
            "Check this machine's clock, then try again",
        )
        return ConsoleError(ErrorKind.CLOCK, what, why, hint, status=status, code=f"AADSTS{number}")
    why, hint = _ENTRA.get(number, ("", "Check the credential in the profile"))
    if not why:
        start = text.find("AADSTS")
        why = f"{target.service} refused: {clean(text[start:].splitlines()[0], limit=_TEXT_LIMIT)}"
    return ConsoleError(
        ErrorKind.AUTHENTICATION,
        what,
        f"{why} (AADSTS{number})" if number in _ENTRA else why,
        hint,
        status=status,
        code=f"AADSTS{number}",
    )


def _bad_answer(what: str, target: Target, answer: Answer | None = None) -> ConsoleError:
    page = "a web page" if answer and answer.html else "something that is not the JSON this service writes"
    why = f"{target.host} answered with {page}"
    hint = "A proxy or sign-in portal may stand in between, or the host in the profile is not this service"
    return ConsoleError(ErrorKind.BAD_ANSWER, what, why, hint, status=answer.status if answer else None)

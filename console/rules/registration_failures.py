"""Why a registration did not work, as far as the service's answer and what the device showed tell; and what to do.

The service says little. Its words, and where they are known from:
* "CA certificate not found.": the device did not send its chain (azure-iot-sdk-java#573, AzureIoTDPSCertificates#3);
* "Invalid certificate": one that it does not take (vscode-iot-workbench#590);
* "Unauthorized": another key (azure-iot-sdk-node#721), no enrollment, or an address that the IP filter shuts out
  (Azure's document on IP filtering: the answer does not name the rule);
* 400004: another TPM's key (azure-iot-sdk-c#1502, #1955);
* "IotHubUnauthorizedAccess": the link to the hub has a stale key (azure-iot-sdk-c#1789).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from console.model.enrollment import Attestation
from console.model.errors import ConsoleError, ErrorKind
from console.model.registration import DeviceAnswer
from console.model.text import clean
from console.rules.registration_run import Card

MAX_DRIFT_SECONDS = 300
"""Clocks further apart fail authentication (the service's list of error codes, 401003)."""


@dataclass(frozen=True)
class Case:
    """What the device showed. `signed`: a token went with the request (with a TPM only after its challenge)."""

    id_scope: str
    registration_id: str
    attestation: Attestation
    by_group: bool = False
    signed: bool = True
    card: Card | None = None

    @property
    def what(self) -> str:
        """How the sentence begins."""
        return f"{clean(self.registration_id, limit=128)} was not registered"


@dataclass(frozen=True)
class _Told:
    kind: ErrorKind
    why: str
    hint: str


def refused(answer: DeviceAnswer, case: Case, now: datetime) -> ConsoleError:
    """Return what an answer with a status of 400 or more means."""
    return _error(_refused(answer, case, now), answer, case)


def ended(answer: DeviceAnswer, case: Case) -> ConsoleError:
    """Return what a registration means that ended, but not with a hub: disabled, failed, or what nobody knows."""
    return _error(_ended(answer, case), answer, case)


def _error(told: _Told, answer: DeviceAnswer, case: Case) -> ConsoleError:
    number = answer.code or (answer.registration.error_code if answer.registration else None)
    code = str(number) if number else None
    return ConsoleError(
        told.kind, case.what, told.why, told.hint, status=answer.status, code=code, request_id=answer.request_id or None
    )


def _refused(answer: DeviceAnswer, case: Case, now: datetime) -> _Told:
    said = f" (“{answer.message}”)" if answer.message else ""
    if answer.status in {401, 403}:
        return _unauthorized(answer, case, now)
    if answer.status == 404:
        return _not_found(answer, case)
    if answer.status == 429:
        return _Told(ErrorKind.THROTTLED, "the service throttles: it takes 1,000 a minute", "Run it again in a minute")
    if answer.status >= 500:
        why = f"the service answered {answer.status}{said}"
        return _Told(ErrorKind.SERVICE, why, "Run it again; if it stays, look at Azure's service health")
    if answer.status in {409, 412}:
        why = f"another registration of it is under way{said}"
        return _Told(ErrorKind.CONFLICT, why, "Run it again in a minute")
    if answer.code == 400004 or "endorsement key" in answer.message.casefold():
        why = "its enrollment has another endorsement key than this TPM's"
        return _Told(ErrorKind.AUTHENTICATION, why, "Compare with hubwarden dps enrollments, and enroll this TPM's key")
    why = f"the service refused the request with {answer.code or answer.status}{said}"
    return _Told(ErrorKind.BAD_INPUT, why, "Check the registration id, and the payload where there is one")


def _unauthorized(answer: DeviceAnswer, case: Case, now: datetime) -> _Told:
    words = answer.message.casefold()
    drift = (answer.date - now).total_seconds() if answer.date is not None else 0.0
    if abs(drift) > MAX_DRIFT_SECONDS:
        direction = "behind" if drift > 0 else "ahead"
        why = f"this machine's clock is {abs(drift) / 60:.0f} min {direction} of the service's"
        return _Told(ErrorKind.CLOCK, why, "Set it (timedatectl set-ntp true): tokens and certificates go by the time")
    if "iothubunauthorizedaccess" in words:
        return _stale_link()
    if case.card is not None:
        return _card_refused(words, case, case.card)
    blocked = "or an IP filter shuts this address out"
    if case.attestation is Attestation.TPM:
        if case.signed:
            why = "the service did not take the token that the TPM signed"
            return _Told(ErrorKind.AUTHENTICATION, why, "Run it again: a challenge is good once, and for a short time")
        why = f"its enrollment has another endorsement key than this TPM's, {blocked}; the service does not tell which"
        hint = "Compare with hubwarden dps enrollments; dps show lists the filters"
        return _Told(ErrorKind.AUTHENTICATION, why, hint)
    if answer.code == 401000:
        why = f"there is no enrollment for it and no group by symmetric key, {blocked}"
        return _Told(
            ErrorKind.NOT_FOUND, why, "Look at hubwarden dps enrollments and dps groups; enroll it: dps create"
        )
    if case.by_group:
        why = f"the key is of no enabled group here, the device has an enrollment of its own, {blocked}"
        hint = "Compare with hubwarden dps groups and dps enrollments; dps show lists the filters"
    else:
        why = f"the key is not that of its enrollment, it has none, {blocked}"
        hint = "Compare with hubwarden dps enrollments; for a device of a group: dps derive-key GROUP REGISTRATION"
    return _Told(ErrorKind.AUTHENTICATION, f"{why}; the service does not tell which", hint)


def _card_refused(words: str, case: Case, card: Card) -> _Told:
    leaf = card.leaf
    issue = f"Issue a new one: hubwarden cert issue {clean(case.registration_id, limit=128)} --ca DIR"
    if card.fault == "expired":
        return _Told(ErrorKind.AUTHENTICATION, f"its certificate expired on {leaf.not_after:%Y-%m-%d %H:%M}Z", issue)
    if card.fault == "early":
        why = f"its certificate is valid from {leaf.not_before:%Y-%m-%d %H:%M}Z on"
        return _Told(ErrorKind.AUTHENTICATION, why, "Wait until then, or issue one anew; check this machine's clock")
    if card.fault == "name":
        why = f"the common name of its certificate is “{leaf.common_name}”, and it must be the registration id"
        return _Told(ErrorKind.AUTHENTICATION, why, "Register under that name, or issue a certificate for this one")
    if card.stale_above:
        why = f"the certificate of a CA above it, {card.stale_above}, is not valid now"
        return _Told(ErrorKind.AUTHENTICATION, why, "Renew that CA's certificate at the service and on the device")
    if "ca certificate not found" in words:
        sent = "one certificate" if card.sent == 1 else f"{card.sent} certificates"
        why = f"the service found no way from the {sent} shown to a CA of its own"
        why += f"; of the file {card.unread}" if card.unread else ""
        chain = "Show the whole chain (the .chain.pem file of hubwarden cert issue)"
        return _Told(ErrorKind.AUTHENTICATION, why, f"{chain}, or enroll its CA: hubwarden dps groups shows them")
    if "invalid certificate" in words:
        why = "its certificate does not lead to a verified CA of the service, or a certificate in between has expired"
        hint = "Upload the CA to the service and prove possession of its key; hubwarden cert verify checks the chain"
        return _Told(ErrorKind.AUTHENTICATION, why, hint)
    why = "no enrollment has this certificate, no group has its CA, or an IP filter shuts this address out"
    hint = "Compare thumbprints with hubwarden dps enrollments and CAs with dps groups; dps show lists the filters"
    return _Told(ErrorKind.AUTHENTICATION, f"{why}; the service does not tell which", hint)


def _not_found(answer: DeviceAnswer, case: Case) -> _Told:
    if answer.code in {404201, 404202, 404204} or "enrollment" in answer.message.casefold():
        hint = "Enroll it (hubwarden dps create), or check the id: hubwarden dps enrollments"
        return _Told(ErrorKind.NOT_FOUND, "the provisioning service has no enrollment for it", hint)
    why = f"no provisioning service behind this host has the ID scope {clean(case.id_scope, limit=40)}"
    return _Told(ErrorKind.NOT_FOUND, why, "Check it: hubwarden dps show, or the Overview of the service in the portal")


def _ended(answer: DeviceAnswer, case: Case) -> _Told:
    state = answer.registration
    name = clean(case.registration_id, limit=128)
    if answer.state.casefold() == "disabled":
        why = "its enrollment is disabled, or that of its group"
        hint = f"Enable it (hubwarden dps enable {name}), or its group; one of its own goes before any group"
        return _Told(ErrorKind.PERMISSION, why, hint)
    code = state.error_code if state else None
    message = state.error_message if state else ""
    said = f"{code or 'no code'}{f', “{message}”' if message else ''}"
    words = message.casefold()
    if answer.state.casefold() != "failed":
        why = f"the registration ended as “{answer.state or 'nothing'}”, which this console does not know"
        return _Told(ErrorKind.BAD_ANSWER, why, "Run it again; look at the service's log")
    if "iothubunauthorizedaccess" in words or (code is not None and code // 1000 == 401):
        return _stale_link()
    if code == 400207 or "custom allocation" in words or "webhook" in words:
        why = f"the enrollment's custom allocation (a webhook) gave no hub: {said}"
        return _Told(ErrorKind.SERVICE, why, "Look at the log of that Azure Function, and at the webhook's address")
    if "quota" in words or (code is not None and code // 1000 in {403, 429}):
        why = f"the hub takes no more devices, or no more calls: {said}"
        return _Told(ErrorKind.THROTTLED, why, "Look at the hub's quota and units, or link another hub")
    why = f"the service found no hub for it, or could not make the device there: {said}"
    return _Told(
        ErrorKind.SERVICE, why, "Check the linked hubs and the enrollment's choice of hubs: hubwarden dps show"
    )


def _stale_link() -> _Told:
    why = "the hub refused the provisioning service: the policy or key of its link is no longer right"
    hint = "Link the hub anew with a policy that has RegistryWrite; hubwarden dps show names the link's policy"
    return _Told(ErrorKind.AUTHENTICATION, why, hint)

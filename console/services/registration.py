"""Runs a registration as the device itself, step by step, to prove that an enrollment works."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from console.model.clock import Clock, system_clock
from console.model.enrollment import Attestation, Registration
from console.model.errors import ConsoleError, ErrorKind
from console.model.home import home_path
from console.model.registration import (
    ClientCertificate,
    DeviceAnswer,
    RegistrationOrder,
    RegistrationResult,
    Step,
)
from console.model.secret import Secret
from console.model.text import clean
from console.rules import registration_run as rules
from console.rules.group_keys import derive
from console.rules.registration_failures import Case, ended, refused
from console.rules.sas import mint, resource_uri, signed_by
from console.rules.token_order import REGISTRATION
from console.services.ports import NEVER_CANCELLED, Cancel, DeviceRegistrar, RegistrarLink, TpmDevice
from console.services.registration_steps import Steps

if TYPE_CHECKING:
    from console.rules.registration_run import Card
    from console.services.registration_advice import Adviser

TOKEN_LIFETIME = timedelta(hours=1)
PATIENCE = timedelta(minutes=5)
"""So long the service may take to choose a hub: a custom allocation may call a function that has to wake up first."""

USUAL_WAIT, LONGEST_WAIT = 2.0, 30.0
"""Seconds between two questions where the service names none; and the most that it may name."""

_BEFORE_IT_BEGAN = frozenset({"usage", "passphrase"})


def _nobody(_step: Step) -> None:
    return None


class Registering:
    """Runs registrations over HTTPS with the device's own credentials; no role is needed, and none is used.

    What a registration does it does: it makes or moves the device's identity in a hub, as the enrollment says.
    """

    def __init__(self, registrar: DeviceRegistrar, tpm: Callable[[], TpmDevice], clock: Clock = system_clock) -> None:
        self._registrar = registrar
        self._tpm = tpm
        self._clock = clock

    def endorsement_key(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return base64 of the public endorsement key of this machine's TPM, to enroll it. Raises ConsoleError."""
        tpm = self._tpm()
        try:
            return tpm.endorsement_key(cancel)
        finally:
            tpm.close()

    def run(
        self,
        order: RegistrationOrder,
        on_step: Callable[[Step], None] = _nobody,
        cancel: Cancel = NEVER_CANCELLED,
        adviser: Adviser | None = None,
    ) -> RegistrationResult:
        """Run a registration to its end; `on_step` learns each step when it begins and again when it is done.

        `adviser` looks at the service for why one was refused, where the profile's credential may.
        What goes wrong on the way is the result's `problem`, and the last step has failed. Raises ConsoleError:
        BAD_INPUT (code "usage", "passphrase") when it cannot begin, CANCELLED.
        """
        rules.check(order)
        with ExitStack() as opened:
            run = _Run(self._registrar, self._tpm, self._clock, order, Steps(on_step, self._clock), cancel, opened)
            return run.result(adviser)


class _Run:
    """One registration under way."""

    def __init__(
        self,
        registrar: DeviceRegistrar,
        tpm: Callable[[], TpmDevice],
        clock: Clock,
        order: RegistrationOrder,
        steps: Steps,
        cancel: Cancel,
        opened: ExitStack,
    ) -> None:
        self._registrar = registrar
        self._new_tpm = tpm
        self._clock = clock
        self._order = order
        self._steps = steps
        self._cancel = cancel
        self._opened = opened
        self._id = order.registration_id
        self._tpm: TpmDevice | None = None
        self._card: Card | None = None
        self._token: Secret | None = None
        self._known = Registration(clean(order.registration_id))
        self._hub_token: Secret | None = None
        self._hub_token_expires: datetime | None = None

    def result(self, adviser: Adviser | None) -> RegistrationResult:
        """Run it, and return how it ended."""
        problem: ConsoleError | None = None
        try:
            self._go()
        except ConsoleError as error:
            self._steps.failed(error)
            if error.kind is ErrorKind.CANCELLED or error.code in _BEFORE_IT_BEGAN:
                raise
            problem = error
        if problem is not None and adviser is not None:
            # not while the failure is being handled: what fails in the looking would carry it as its own context
            problem = self._advised(adviser, problem)
        return RegistrationResult(
            self._known, self._steps.all(), self._connection(), problem, self._hub_token, self._hub_token_expires
        )

    def _go(self) -> None:
        endorsement, root = self._prepare()
        link = self._connect()
        answer = self._ask(link, endorsement, root)
        if answer.state.casefold() in {"", "assigning"}:
            answer = self._wait(link, answer)
        self._end(answer)

    # -- the device's credentials --------------------------------------------------------------------------------------

    def _prepare(self) -> tuple[str, str]:
        """Have the credentials ready; return a TPM's public keys."""
        order, now = self._order, self._clock()
        if order.attestation is Attestation.TPM:
            return self._prepare_tpm()
        if order.attestation is Attestation.X509:
            self._card = _card(order, now)
            self._steps.done("Certificate ready", rules.card_text(self._card))
            return "", ""
        key, words = order.key, "the device's own"
        if key is None:
            assert order.group_key is not None, "checked before"
            key, words = derive(order.group_key, self._id), f"derived from the group's for {clean(self._id, limit=128)}"
        ends = now + TOKEN_LIFETIME
        self._token = mint(rules.resource(order, self._id), key, ends, REGISTRATION)
        self._steps.done("Key ready", f"{words}; it signs a token until {ends:%H:%M:%S}Z")
        return "", ""

    def _prepare_tpm(self) -> tuple[str, str]:
        self._steps.begin("Reading the TPM", "its keys may have to be made first")
        tpm = self._tpm = self._new_tpm()
        self._opened.callback(tpm.close)
        words = tpm.describe(self._cancel)
        endorsement, root = tpm.endorsement_key(self._cancel), tpm.storage_root_key(self._cancel)
        if not self._id:
            self._id = rules.usual_id(endorsement)
            words += f"; registration id {self._id}, from its endorsement key"
            self._known = Registration(self._id)
        self._steps.done("TPM read", words)
        return endorsement, root

    # -- the service ---------------------------------------------------------------------------------------------------

    def _connect(self) -> RegistrarLink:
        order = self._order
        self._steps.begin("Connecting", clean(order.host, limit=120))
        shown = None
        if order.attestation is Attestation.X509:
            shown = ClientCertificate(order.certificate, order.private_key, order.passphrase)
        link = self._registrar.reach(order.host, shown, self._cancel)
        self._opened.callback(link.close)
        self._steps.done("Connected", f"{clean(order.host, limit=120)}: {link.tls}")
        return link

    def _ask(self, link: RegistrarLink, endorsement: str, root: str) -> DeviceAnswer:
        """Ask for the registration; a TPM is challenged first."""
        body = rules.body(self._order, self._id, endorsement, root)
        self._steps.begin("Asking for the registration", f"ID scope {clean(self._order.id_scope, limit=40)}")
        answer = link.register(self._order.id_scope.strip(), self._id, body, self._token, self._cancel)
        if self._tpm is not None and answer.status == 401 and answer.wrapped_key:
            self._steps.done("Challenged", "the service sent a key that only this TPM can open")
            self._answer_challenge(self._tpm, answer)
            self._steps.begin("Asking again, signed by the TPM")
            answer = link.register(self._order.id_scope.strip(), self._id, body, self._token, self._cancel)
        if answer.status >= 400:
            raise refused(answer, self._case(), self._clock())
        if not answer.operation_id and answer.registration is None:
            self._refuse_answer("the answer names no operation")
        self._steps.done("Registration taken", f"operation {clean(answer.operation_id, limit=80)}")
        return answer

    def _answer_challenge(self, tpm: TpmDevice, answer: DeviceAnswer) -> None:
        self._steps.begin("Opening the challenge in the TPM")
        handle = tpm.activate(answer.wrapped_key, cancel=self._cancel)
        self._steps.done("Challenge opened in the TPM", "the key is in it, and was not seen here")
        self._steps.begin("Signing in the TPM")
        ends = self._clock() + TOKEN_LIFETIME
        self._token = signed_by(
            lambda text: tpm.sign(handle, text, self._cancel),
            rules.resource(self._order, self._id),
            ends,
            answer.key_name or REGISTRATION,
        )
        self._steps.done("Signed in the TPM", f"a token until {ends:%H:%M:%S}Z")

    def _wait(self, link: RegistrarLink, answer: DeviceAnswer) -> DeviceAnswer:
        """Ask until the service has decided; throttling and its own failures are waited out, too."""
        operation = answer.operation_id
        give_up = self._clock() + PATIENCE
        asked = 0
        while True:
            wait = min(USUAL_WAIT if answer.retry_after is None else max(answer.retry_after, 0.1), LONGEST_WAIT)
            words = f"asked {asked} times, " if asked else ""
            self._steps.begin("Waiting for a hub", f"{words}again in {wait:.0f} s")
            self._cancel.wait(wait)
            answer = link.operation(self._order.id_scope.strip(), self._id, operation, self._token, self._cancel)
            asked += 1
            if answer.status < 400 and answer.state.casefold() != "assigning":
                return answer
            if 400 <= answer.status < 429 and answer.status != 408:
                raise refused(answer, self._case(), self._clock())
            if self._clock() > give_up:
                why = f"the service has not decided within {PATIENCE.seconds // 60} minutes"
                hint = "Look at the enrollment's allocation: a custom one waits for its webhook"
                raise ConsoleError(ErrorKind.TIMEOUT, self._case().what, why, hint)

    def _end(self, answer: DeviceAnswer) -> None:
        self._known = answer.registration or self._known
        if answer.state.casefold() != "assigned":
            raise ended(answer, self._case())
        one = self._known
        if not one.hub or not one.device_id:
            self._refuse_answer("it names no hub")
        how = f" ({one.substatus})" if one.substatus else ""
        self._steps.done("Assigned", f"device {one.device_id} at {one.hub}{how}")
        if self._tpm is not None:
            self._take_hub_key(self._tpm, answer, one)

    def _take_hub_key(self, tpm: TpmDevice, answer: DeviceAnswer, one: Registration) -> None:
        """Open the hub's key in the TPM, too; sign a token with it where that was asked for."""
        order = self._order
        self._steps.begin("Opening the hub's key in the TPM")
        if not answer.wrapped_key:
            self._refuse_answer("it brings no key for the hub")
        handle = tpm.activate(answer.wrapped_key, keep=order.keep_in_tpm, cancel=self._cancel)
        kept = f"kept at {handle}" if order.keep_in_tpm else "not kept: it is gone when this ends"
        self._steps.done("Hub's key opened in the TPM", kept)
        if not order.token_ttl:
            return
        self._steps.begin("Signing for the hub in the TPM")
        ends = self._clock().replace(microsecond=0) + timedelta(seconds=order.token_ttl)
        where = resource_uri(one.hub, one.device_id)
        self._hub_token = signed_by(lambda text: tpm.sign(handle, text, self._cancel), where, ends)
        self._hub_token_expires = ends
        self._steps.done("Signed for the hub in the TPM", f"a token for {where} until {ends:%Y-%m-%d %H:%M:%S}Z")

    def _advised(self, adviser: Adviser, problem: ConsoleError) -> ConsoleError:
        """Return a problem with what the service holds for its reason; that it could not be looked at is a step."""
        title = f"Looking at {adviser.name} for the reason"
        try:
            found = adviser.reason(self._case(), problem, self._cancel)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            self._steps.begin(title)
            self._steps.failed(error)
            return problem
        if found is None:
            return problem
        self._steps.done(f"Looked at {adviser.name} for the reason", found.why)
        why = found.why if found.certain else f"{found.why}, as far as can be seen"
        return ConsoleError(
            problem.kind,
            problem.what,
            why,
            found.hint,
            status=problem.status,
            code=problem.code,
            request_id=problem.request_id,
        )

    # -- words ---------------------------------------------------------------------------------------------------------

    def _case(self) -> Case:
        order = self._order
        signed = self._token is not None
        return Case(order.id_scope, self._id, order.attestation, order.group_key is not None, signed, self._card)

    def _connection(self) -> str:
        one = self._known
        if one.status.casefold() != "assigned" or not one.hub:
            return ""
        text = f"HostName={one.hub};DeviceId={one.device_id}"
        return f"{text};x509=true" if self._order.attestation is Attestation.X509 else text

    def _refuse_answer(self, why: str) -> NoReturn:
        hint = "Check the host: it must be the device endpoint of a provisioning service"
        raise ConsoleError(ErrorKind.BAD_ANSWER, "The provisioning service's answer cannot be used", why, hint)


def _card(order: RegistrationOrder, now: datetime) -> Card:
    """Return what the device's certificate file shows. Raises ConsoleError BAD_INPUT (code "usage")."""
    from console.rules.certificate_reading import MAX_BYTES, read

    path = home_path(order.certificate)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        why = f"{clean(order.certificate, limit=200)} cannot be read: {reason[:1].lower() + reason[1:]}"
        raise rules.usage(why, "Check the path and its rights") from None
    try:
        return rules.card_of(read(data, order.certificate), order.registration_id, now)
    except ConsoleError as error:
        if error.code == "passphrase":  # reading takes none: only PEM can be shown, whatever opens the file
            why = f"{clean(order.certificate, limit=200)} is PKCS#12, and only PEM can be shown"
            raise rules.usage(why, "Write it as PEM first: openssl pkcs12 -in FILE -out NEW-FILE") from None
        if error.code == "unread":
            raise ConsoleError(error.kind, rules.WHAT, error.why, error.hint, code=error.code) from None
        raise ConsoleError(error.kind, rules.WHAT, f"{error.what}: {error.why}", error.hint, code="usage") from None

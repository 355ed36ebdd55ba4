"""What is asked before a registration is run: who registers, and by which key, certificate or TPM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.document import Json
from console.model.enrollment import Attestation, Enrollment, EnrollmentKind, ProvisioningInstance
from console.model.secret import Secret
from console.present.provisioning import ATTESTATION_WORDS
from console.ui.dialogs.conditional import ConditionalForm
from console.ui.dialogs.form import Answer, ChoiceField, Field, InfoField, PathField, TextField
from console.ui.panes.provisioning.forms import base64_problem, id_problem

if TYPE_CHECKING:
    from console.ui.panes.provisioning.acting import Acting

_SERVICE, _DEVICE, _GROUP = "service", "device", "group"


@dataclass(frozen=True)
class Wanted:
    """Who registers and how. `by`: where a key comes from; a key that the service has is read when it is run."""

    registration_id: str
    how: Attestation
    by: str = ""
    key: Secret | None = None
    certificate: Path | None = None
    private_key: Path | None = None
    passphrase: Secret | None = None
    payload: Json | None = None
    enrollment: Enrollment | None = field(default=None, repr=False)

    @property
    def reads_key(self) -> bool:
        """Whether a key is read from the service: a privileged read."""
        return self.how is Attestation.SYMMETRIC_KEY and self.by == _SERVICE

    @property
    def by_group_key(self) -> bool:
        """Whether the key that was typed is the group's."""
        return self.by == _GROUP


def _optional_id(text: str) -> str:
    return id_problem(text) if text else ""


def payload_problem(text: str) -> str:
    """Return what is wrong with a payload: it is an object of JSON, or nothing."""
    if not text:
        return ""
    try:
        return "" if isinstance(json.loads(text), dict) else "write an object: {...}"
    except (ValueError, RecursionError):
        return "this is not JSON"


def register_form(instance: ProvisioningInstance, one: Enrollment | None, registration_id: str) -> ConditionalForm:
    """Return the form; with an enrollment what it prescribes is fixed."""
    fields: list[Field] = [InfoField("at", f"{instance.name}, id scope {instance.id_scope}")]
    fixed = one.attestation if one is not None and one.attestation is not Attestation.OTHER else None
    individual = one is not None and one.kind is EnrollmentKind.INDIVIDUAL
    group = one is not None and not individual
    if one is not None:
        fields.append(
            InfoField("by", f"{'enrollment' if individual else 'group'} {one.id}, {ATTESTATION_WORDS[one.attestation]}")
        )
    shown = registration_id or (one.id if one is not None and individual else "")
    may_be_empty = fixed in (None, Attestation.TPM)  # a TPM's device makes it from the endorsement key
    hint = "empty: made from its key" if fixed is Attestation.TPM else "as the device sends it"
    fields.append(TextField("id", "registration id", shown, hint, _optional_id if may_be_empty else id_problem))
    if fixed is None:
        known = [how for how in Attestation if how is not Attestation.OTHER]
        fields.append(
            ChoiceField("how", "proves itself by", tuple((how.value, ATTESTATION_WORDS[how]) for how in known))
        )
    ways = [(_DEVICE, "the device's key, typed")]
    if one is not None and one.attestation is Attestation.SYMMETRIC_KEY:
        ways.insert(0, (_SERVICE, "read from the service (journalled)"))
    if not individual:
        ways.append((_GROUP, "the group's key, typed"))
    fields += [
        ChoiceField("by", "key", tuple(ways)),
        TextField("key", "key", "", "base64", base64_problem("key"), secret=True),
        PathField("certificate", "certificate", "", "with the CAs above it; tab completes"),
        PathField("private_key", "private key", "", "empty: in the same file", optional=True),
        TextField("passphrase", "its passphrase", "", "empty: it has none", secret=True),
        TextField("payload", "payload", "", "optional: {...} for a custom allocation", payload_problem),
        InfoField("", "It acts as the device: the hub gets the device, or its assignment may change", "warn"),
    ]

    def hidden(answer: Answer) -> Sequence[str]:
        how = fixed or Attestation(str(answer["how"]))
        left_out = [] if how is Attestation.SYMMETRIC_KEY else ["by", "key"]
        left_out += ["key"] if answer["by"] == _SERVICE else []
        return left_out + ([] if how is Attestation.X509 else ["certificate", "private_key", "passphrase"])

    def check(answer: Answer) -> str:
        how = fixed or Attestation(str(answer["how"]))
        return "" if answer["id"] or how is Attestation.TPM else "give the registration id"

    def note(answer: Answer) -> str:
        how = fixed or Attestation(str(answer["how"]))
        if how is Attestation.TPM:
            return "This machine's TPM signs; what it holds never leaves it."
        return (
            "The service takes the certificate's CN for the registration id."
            if how is Attestation.X509 and group
            else ""
        )

    return ConditionalForm("RUN A REGISTRATION", fields, hidden=hidden, submit="Run it", check=check, note=note)


def wanted_of(one: Enrollment | None, answer: Answer) -> Wanted:
    """Return what a form describes."""
    text = {key: value for key, value in answer.items() if isinstance(value, str)}
    how = Attestation(text["how"]) if "how" in text else one.attestation if one is not None else Attestation.OTHER
    x509 = how is Attestation.X509
    by = text["by"] if how is Attestation.SYMMETRIC_KEY else ""
    return Wanted(
        registration_id=text["id"],
        how=how,
        by=by,
        key=Secret("".join(text["key"].split())) if by in (_DEVICE, _GROUP) else None,
        certificate=Path(text["certificate"]) if x509 else None,
        private_key=Path(text["private_key"]) if x509 and text["private_key"] else None,
        passphrase=Secret(text["passphrase"]) if x509 and text["passphrase"] else None,
        payload=json.loads(text["payload"]) if text["payload"] else None,
        enrollment=one,
    )


def ask_register(
    screen: Acting, instance: ProvisioningInstance, one: Enrollment | None, registration_id: str = ""
) -> None:
    """Ask for what a registration needs, then run it on a screen of its own."""

    def take(answer: Answer | None) -> None:
        if answer is None:
            return
        from console.ui.panes.provisioning.register import RegisterScreen

        screen.app.push_screen(RegisterScreen(instance, wanted_of(one, answer)))

    screen.app.push_screen(register_form(instance, one, registration_id), take)

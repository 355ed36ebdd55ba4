"""What is asked before devices are enrolled: one form for each way in which they prove themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.model.enrollment import Attestation, EnrollmentKind, NewEnrollment, ProvisioningInstance, Reprovision
from console.model.secret import Secret
from console.present.provisioning import REPROVISION_WORDS, allocation_words, short_host
from console.ui.dialogs.conditional import ConditionalForm
from console.ui.dialogs.form import Answer, ChoiceField, Field, InfoField, PathField, TextField, ToggleField

Check = Callable[[str], str]
_ID = re.compile(r"[A-Za-z0-9\-._:]{1,128}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_HEX = re.compile(r"(0x)?[0-9A-Fa-f:\s]+")
_TITLES = {
    Attestation.SYMMETRIC_KEY: "ENROLL BY SYMMETRIC KEY",
    Attestation.X509: "ENROLL BY X.509 CERTIFICATE",
    Attestation.TPM: "ENROLL A TPM",
}
_KINDS = ((EnrollmentKind.INDIVIDUAL.value, "one device"), (EnrollmentKind.GROUP.value, "a group of devices"))
_SECRETS = frozenset({"primary", "secondary"})


def id_problem(text: str) -> str:
    """Return what is wrong with the id of an enrollment or a group, as far as its form tells."""
    if not text:
        return "give it an id"
    if not _ID.fullmatch(text):
        return "letters, digits and - . _ : only, at most 128"
    return "" if text[-1].isalnum() or text[-1] == "-" else "the last character must be a letter, a digit or -"


def base64_problem(what: str) -> Check:
    """Return a check that a text is base64 at all."""

    def check(text: str) -> str:
        if not text:
            return f"give the {what}"
        whole = "".join(text.split())
        return "" if _BASE64.fullmatch(whole) and not len(whole) % 4 else f"a {what} is base64: this is not"

    return check


def public_key_problem(text: str) -> str:
    """Return what is wrong with a public key that was typed or pasted, as far as its letters tell."""
    if not text:
        return "give the public key"
    if "-----BEGIN" in text or _HEX.fullmatch(text):
        return ""
    return "" if not base64_problem("public key")(text) else "a public key is base64, hex or PEM: this is none"


def hubs_problem(instance: ProvisioningInstance) -> Check:
    """Return a check that every hub that is named is linked."""

    def check(text: str) -> str:
        wrong = [name for name in _names(text) if not _host(instance, name)]
        known = ", ".join(short_host(link.host) for link in instance.hubs)
        return f"{wrong[0]} is not linked: {known}" if wrong else ""

    return check


def _names(text: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", text) if name]


def _host(instance: ProvisioningInstance, name: str) -> str:
    wanted = name.casefold()
    hosts = [link.host for link in instance.hubs]
    return next((host for host in hosts if wanted in (host.casefold(), short_host(host).casefold())), "")


@dataclass(frozen=True)
class Order:
    """What a form describes: an enrollment whose files, or whose TPM, are still to be read."""

    enrollment: NewEnrollment
    files: tuple[Path, ...] = ()
    endorsement_file: Path | None = None
    from_tpm: bool = False
    answer: Mapping[str, str | bool] = field(default_factory=dict, repr=False)


def enroll_form(how: Attestation, instance: ProvisioningInstance, was: Answer) -> ConditionalForm:
    """Return the form for a new enrollment; `was` is what was asked last time, never a key."""

    def old(key: str) -> str:
        return str(was.get(key) or "")

    fields: list[Field] = []
    if how is not Attestation.TPM:
        fields.append(ChoiceField("kind", "for", _KINDS, old("kind")))
    hint = (
        "the certificate's CN, or a group's name"
        if how is Attestation.X509
        else "as the device sends it, or a group's name"
    )
    fields.append(
        TextField("id", "id", old("id"), "as the TPM's device sends it" if how is Attestation.TPM else hint, id_problem)
    )
    fields += {
        Attestation.SYMMETRIC_KEY: _key_fields,
        Attestation.X509: _certificate_fields,
        Attestation.TPM: _tpm_fields,
    }[how](old)
    fields += _common_fields(instance, was, old)

    def hidden(answer: Answer) -> Sequence[str]:
        left_out = ["device"] if answer.get("kind") == EnrollmentKind.GROUP.value else []
        if answer.get("keys") == "new":
            left_out += ["primary", "secondary"]
        if how is Attestation.X509:
            left_out += ["file", "file2"] if answer["by"] == "ca" else ["ca", "ca2"]
        if how is Attestation.TPM:
            left_out += [key for key in ("paste", "file") if key != answer["from"]]
        return left_out

    return ConditionalForm(_TITLES[how], fields, hidden=hidden, submit="Show the plan", note=_note)


def _note(answer: Answer) -> str:
    if answer.get("kind") == EnrollmentKind.GROUP.value and answer.get("by") == "file":
        return "A group takes the certificate of the CA that signs its devices, not of a device."
    return ""


def _key_fields(old: Callable[[str], str]) -> list[Field]:
    return [
        ChoiceField("keys", "keys", (("new", "two new random ones"), ("typed", "type or paste both")), old("keys")),
        TextField("primary", "primary key", "", "base64", base64_problem("key"), secret=True),
        TextField("secondary", "secondary key", "", "base64", base64_problem("key"), secret=True),
    ]


def _certificate_fields(old: Callable[[str], str]) -> list[Field]:
    def named(text: str) -> str:
        return "" if text else "name a CA certificate of the provisioning service"

    ways = (("file", "certificate from a file"), ("ca", "CA that the service has"))
    return [
        ChoiceField("by", "by", ways, old("by")),
        PathField("file", "certificate", old("file"), "PEM or DER; tab completes"),
        PathField("file2", "second certificate", old("file2"), "optional, for a rollover", optional=True),
        TextField("ca", "CA of the service", old("ca"), "its name there", named),
        TextField("ca2", "second CA", old("ca2"), "optional"),
    ]


def _tpm_fields(old: Callable[[str], str]) -> list[Field]:
    ways = (("paste", "type or paste it"), ("file", "from a file"), ("tpm", "this machine's TPM"))
    return [
        ChoiceField("from", "endorsement key", ways, old("from")),
        TextField("paste", "key", old("paste"), "base64, hex or PEM, the public part", public_key_problem),
        PathField("file", "key file", old("file"), "PEM, tpm2-tools' or base64; tab completes"),
    ]


def _common_fields(instance: ProvisioningInstance, was: Answer, old: Callable[[str], str]) -> list[Field]:
    service = f"as the service: {allocation_words(instance.allocation)}"
    policies = (("", service), *((name, allocation_words(name)) for name in ("hashed", "static", "geoLatency")))
    fields: list[Field] = [
        TextField("device", "device in the hub", old("device"), "empty: the same id"),
        ChoiceField("allocation", "allocation", policies, old("allocation")),
    ]
    if len(instance.hubs) > 1:
        fields.append(TextField("hubs", "only these hubs", old("hubs"), "empty: all linked", hubs_problem(instance)))
    choices = tuple((one.value, REPROVISION_WORDS[one]) for one in Reprovision)
    fields += [
        ChoiceField("reprovision", "registers again", choices, old("reprovision")),
        ToggleField("edge", "edge", bool(was.get("edge")), "IoT Edge devices"),
        ToggleField("enabled", "enabled", bool(was.get("enabled", True)), "devices may register at once"),
    ]
    return fields


def order_of(how: Attestation, instance: ProvisioningInstance, answer: Answer) -> Order:
    """Return what a form describes."""
    text = {key: value for key, value in answer.items() if isinstance(value, str)}
    group = text.get("kind") == EnrollmentKind.GROUP.value
    by_ca = text.get("by") == "ca"
    keys = None
    if text.get("keys") == "typed":
        keys = (Secret("".join(text["primary"].split())), Secret("".join(text["secondary"].split())))
    source = text.get("from", "")
    enrollment = NewEnrollment(
        kind=EnrollmentKind.GROUP if group else EnrollmentKind.INDIVIDUAL,
        id=text["id"],
        attestation=how,
        device_id="" if group else text["device"],
        enabled=bool(answer["enabled"]),
        edge=bool(answer["edge"]),
        ca_names=tuple(name for name in (text["ca"], text["ca2"]) if name) if by_ca else (),
        endorsement_key="".join(text["paste"].split()) if source == "paste" else "",
        keys=keys,
        allocation=text["allocation"],
        hubs=tuple(_host(instance, name) for name in _names(text.get("hubs", ""))),
        reprovision=Reprovision(text["reprovision"]),
    )
    files = (
        () if how is not Attestation.X509 or by_ca else tuple(Path(text[key]) for key in ("file", "file2") if text[key])
    )
    kept = {key: value for key, value in answer.items() if key not in _SECRETS}
    return Order(enrollment, files, Path(text["file"]) if source == "file" else None, source == "tpm", kept)


def block_form(group: str, registration_id: str, x509: bool) -> ConditionalForm:
    """Return the form for blocking one device of a group; only one that proves itself by X.509 has a certificate."""
    fields: list[Field] = [
        TextField("id", "registration id", registration_id, "as the device sends it", id_problem),
        PathField("file", "its certificate", "", "optional: PEM or DER of the device", optional=True),
        InfoField("", "A disabled enrollment of its own is made: it decides before any group"),
        InfoField("", "A device that is in the hub stays connected: disable it there, too", "warn"),
    ]
    hidden = () if x509 else ("file",)
    return ConditionalForm(f"BLOCK ONE DEVICE OF {group}", fields, hidden=lambda _: hidden, submit="Show the plan")


def derive_form(group: str, registration_id: str) -> ConditionalForm:
    """Return the form for the key of one device of a group."""
    fields = (
        TextField("id", "registration id", registration_id, "exactly as the device sends it", id_problem),
        TextField("reason", "why", "", "optional, for the journal"),
        InfoField("", "Reads the group's key: a privileged read, noted in the journal", "warn"),
    )
    return ConditionalForm(f"DERIVE A DEVICE'S KEY  {group}", fields, hidden=lambda _: (), submit="Read and derive")


def reveal_form(what: str) -> ConditionalForm:
    """Return the form for showing a key of an enrollment."""
    fields = (
        ChoiceField("slot", "which", (("primary", "primary key"), ("secondary", "secondary key"))),
        TextField("reason", "why", "", "optional, for the journal"),
        InfoField("", "A privileged read, noted in the journal", "warn"),
    )
    return ConditionalForm(f"SHOW A KEY OF {what}", fields, hidden=lambda _: (), submit="Read it")

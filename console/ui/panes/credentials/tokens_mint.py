"""What is asked before a token is minted: what it opens, for how long, by which key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from console.model.secret import Secret
from console.model.token import TokenOrder
from console.present.secrets import lifetime_problem, seconds_of
from console.present.token_table import LONG
from console.services.device_checks import id_problem
from console.services.policies import name_problem
from console.services.token_checks import host_problem, key_problem
from console.ui.dialogs.conditional import ConditionalForm
from console.ui.dialogs.form import Answer, ChoiceField, Field, TextField

LIFETIMES: tuple[tuple[str, str], ...] = (("3600", "1 h"), ("28800", "8 h"), ("86400", "24 h"), ("", "other"))


class Kind(StrEnum):
    """What a token is minted for."""

    DEVICE = "device"
    MODULE = "module"
    POLICY = "policy"
    DPS = "DPS registration"


@dataclass(frozen=True)
class Wanted:
    """A token to mint: by a key that was typed, or (`key` None) by one that is read from the hub, for a reason."""

    order: TokenOrder
    key: Secret | None
    reason: str = ""

    @property
    def subject(self) -> str:
        """What it is for, for people."""
        order = self.order
        if order.registration_id:
            return order.registration_id
        if order.device_id:
            return f"{order.device_id}/{order.module_id}" if order.module_id else order.device_id
        return f"policy {order.policy}" if order.policy else order.host


def _optional_policy_problem(name: str) -> str:
    return name_problem(name) if name else ""


def mint_form(kind: Kind, host: str, before: Answer) -> ConditionalForm:
    """Return the form for one kind of token.

    `host` is the hub that is open, `before` what was asked last time (never its key).
    """
    can_read = kind is not Kind.DPS  # the key of an enrollment is elsewhere

    def was(key: str, default: str = "") -> str:
        return str(before.get(key) or default)

    fields: list[Field] = []
    if kind is Kind.DPS:
        fields.append(TextField("host", "ID scope or host", was("host"), "0ne000A1B2C", host_problem))
        fields.append(
            ChoiceField("what", "for", (("device", "a device that registers"), ("service", "the service, by a policy")))
        )
        fields.append(TextField("registration", "registration id", was("registration"), "press-0417", id_problem))
        fields.append(TextField("policy", "policy", was("policy"), "provisioningserviceowner", name_problem))
    if kind in (Kind.DEVICE, Kind.MODULE):
        fields.append(TextField("device", "device", was("device"), "press-0417", id_problem))
    if kind is Kind.MODULE:
        fields.append(TextField("module", "module", was("module"), "camera", id_problem))
    if kind in (Kind.DEVICE, Kind.MODULE):
        hint = f"empty: by the {kind}'s own key"
        fields.append(TextField("policy", "signed by policy", was("policy"), hint, _optional_policy_problem))
    if kind is Kind.POLICY:
        fields.append(TextField("policy", "policy", was("policy"), "service", name_problem))
    if kind is not Kind.DPS:
        fields.append(TextField("host", "hub", was("host", host), "contoso.azure-devices.net", host_problem))
    fields.append(ChoiceField("lifetime", "good for", LIFETIMES, str(before.get("lifetime", "3600"))))
    fields.append(TextField("other", "how long", was("other"), "90m, 12h, 2d or seconds", lifetime_problem))
    if can_read:
        sources = (("hub", "read from the hub (noted in the journal)"), ("typed", "type or paste it"))
        fields.append(ChoiceField("source", "key", sources, was("source")))
        fields.append(TextField("reason", "reason", was("reason"), "optional; it stands in the journal"))
    fields.append(TextField("key", "key, base64", "", "primary or secondary", key_problem, secret=True))

    def hidden(answer: Answer) -> set[str]:
        gone = set() if answer["lifetime"] == "" else {"other"}
        if can_read:
            gone.add("key" if answer["source"] == "hub" else "reason")
        if kind is Kind.DPS:
            gone.add("policy" if answer["what"] == "device" else "registration")
        return gone

    def check(answer: Answer) -> str:
        elsewhere = str(answer["host"]).casefold() != host.casefold()
        if can_read and answer["source"] == "hub" and elsewhere:
            return f"Only keys of {host or 'the hub that is open'} can be read from here: type the key"
        return ""

    def note(answer: Answer) -> str:
        seconds = lifetime(answer)
        if seconds > LONG.total_seconds():
            return "Longer than 24 h: whoever gets hold of it can use it as long. It cannot be called back by itself."
        return ""

    title = "MINT A TOKEN FOR A DPS REGISTRATION" if kind is Kind.DPS else f"MINT A TOKEN FOR A {kind.upper()}"
    return ConditionalForm(title, fields, hidden=hidden, submit="Mint", check=check, note=note)


def lifetime(answer: Answer) -> int:
    """Return the lifetime that was asked for, in seconds."""
    return seconds_of(str(answer["lifetime"]) or str(answer["other"]))


def wanted(kind: Kind, answer: Answer) -> Wanted:
    """Return the token that a form describes."""
    text = {key: value for key, value in answer.items() if isinstance(value, str)}
    service = kind is Kind.POLICY or (kind is Kind.DPS and text["what"] == "service")
    order = TokenOrder(
        host=text["host"],
        device_id=text.get("device", ""),
        module_id=text.get("module", ""),
        registration_id=text["registration"] if kind is Kind.DPS and not service else "",
        policy=text["policy"] if kind is not Kind.DPS or service else "",
        ttl_seconds=lifetime(answer),
    )
    read = text.get("source") == "hub"
    return Wanted(order, None if read else Secret(text["key"]), text.get("reason", "") if read else "")

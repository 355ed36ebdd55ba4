"""What an order makes of one identity: the new body, its risks, what follows and what stays. Asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from console.model.change import Change, Risk, Severity
from console.model.device import AuthType
from console.model.device_order import Act, DeviceOrder, KeyChoice, NewAuth, NewDevice, Stage
from console.model.document import Json
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.device_input import SHA1, thumbprint
from console.rules.keys import new_key
from console.rules.planning import change_of, copied
from console.services.device_identity import Identity, nested, target_of
from console.services.device_rollover import Rollover, RolloverState

_BY_THUMBPRINT = (AuthType.THUMBPRINT_SHA256, AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_MISSING)
_DPS_BACK = (
    "if a provisioning service assigns devices to this hub, change the enrollment there, too: what is done here does "
    "not stop it from registering the device again, here or at another hub"
)
_DPS_KEYS = (
    "a device that derives its key from an enrollment group goes on with the derived key, which is none of these"
)
_KEYS_STAY = "the other key, the status, capabilities and scopes stay as they are"
_SHA1_WEAK = Risk(
    "sha1", Severity.MEDIUM, "a SHA-1 thumbprint (40 digits) can be forged with effort", hint="Use the SHA-256 one"
)
TWIN_LOST = Risk(
    "twin-lost",
    Severity.HIGH,
    "the twin goes for good, with tags, desired and reported properties, and so do the modules",
    blocking=True,
)
CUT = Risk("cut", Severity.MEDIUM, "the device is connected: its connection is closed")
BOTH_KEYS = Risk(
    "both-keys",
    Severity.HIGH,
    "with both keys replaced the device is cut for certain, until it is given a new one",
    blocking=True,
    hint="Rotate the secondary key, move the device over, then rotate the primary one",
)
THUMBPRINT_PRIMARY = Risk(
    "thumbprint-primary",
    Severity.HIGH,
    "the registered thumbprint is replaced at once: the device is cut until it has the new certificate",
    blocking=True,
    hint="Put the new one into the second slot first: --stage secondary",
)


@dataclass
class _Draft:
    """A plan being put together; `after` None deletes."""

    after: Json | None
    risks: list[Risk] = field(default_factory=list)
    effect: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def planned(
    order: DeviceOrder,
    identity: Identity,
    now: datetime,
    *,
    notices: Iterable[str] = (),
    rollover: Rollover | None = None,
    twin_lost: Risk = TWIN_LOST,
    batch: str = "",
) -> Change:
    """Return what a checked order does to an identity.

    Raises ConsoleError BAD_INPUT: code "auth-type" when the device signs in differently, "nothing" when it is so
    already.
    """
    draft = _Draft(copied(identity.document), effect=identity.known(now), notes=list(notices))
    match order.act:
        case Act.ENABLE | Act.DISABLE:
            _status(draft, order, identity)
        case Act.ROTATE_KEYS:
            _keys(draft, order, identity)
        case Act.THUMBPRINT:
            _thumbprint(draft, order, identity, rollover)
        case Act.DELETE:
            _delete(draft, identity, twin_lost)
    return change_of(
        order.kind,
        order.title(identity.device_id),
        target_of(identity.device_id),
        identity.document,
        draft.after,
        risks=draft.risks,
        effect=draft.effect,
        notes=draft.notes,
        reason=order.reason or "",
        batch=batch,
    )


def created(device: NewDevice) -> Change:
    """Return the plan of a new device, with keys made here. Raises ConsoleError BAD_INPUT (code "usage")."""
    body: Json = {"deviceId": device.device_id, "status": "enabled", "capabilities": {"iotEdge": device.edge}}
    draft = _Draft(body)
    prints = [thumbprint(text) if text else ("", "") for text in (device.thumbprint, device.secondary)]
    if device.auth is not NewAuth.THUMBPRINT and any(digits for digits, _ in prints):
        why = f"a device with --auth {device.auth} has no thumbprint"
        raise ConsoleError(ErrorKind.BAD_INPUT, "The thumbprint cannot be used", why, code="usage")
    match device.auth:
        case NewAuth.SAS:
            keys = {"primaryKey": Secret(new_key()), "secondaryKey": Secret(new_key())}
            body["authentication"] = {"type": "sas", "symmetricKey": keys}
            draft.effect.append(("keys", "two new random keys; they are never printed"))
        case NewAuth.THUMBPRINT:
            if not device.thumbprint:
                thumbprint("")  # says what is missing
            (primary, _), (secondary, _) = prints
            stored = {"primaryThumbprint": primary, "secondaryThumbprint": secondary or None}
            body["authentication"] = {"type": "selfSigned", "x509Thumbprint": stored}
            draft.notes += [notice for _, notice in prints if notice]
            if SHA1 in {len(primary), len(secondary)}:
                draft.risks.append(_SHA1_WEAK)
        case NewAuth.CA:
            body["authentication"] = {"type": "certificateAuthority"}
            text = f"the common name of its certificate must be {device.device_id}, its chain end in a verified CA"
            draft.effect.append(("certificate", text))
    if device.edge:
        draft.effect.append(("edge", "the hub adds the modules $edgeAgent and $edgeHub and a device scope"))
    title = f"create {device.device_id}"
    return change_of(
        "device.create",
        title,
        target_of(device.device_id),
        None,
        body,
        risks=draft.risks,
        effect=draft.effect,
        notes=draft.notes,
        reason=device.reason,
    )


def key_in_use(identity: Identity, which: str) -> Risk:
    """Return the risk of a key that goes while the other one stays."""
    if not identity.connected:
        return Risk("key-in-use", Severity.LOW, f"if the device holds the {which} key, it cannot connect again with it")
    text = f"the device is connected: if it holds the {which} key, it is cut at its next connect"
    hint = "Which of the two keys it uses the hub does not tell; devices use the primary one as a rule"
    severity = Severity.HIGH if which == KeyChoice.PRIMARY else Severity.MEDIUM
    return Risk("key-in-use", severity, text, hint=hint)


def keys_lost(identity: Identity) -> list[Risk]:
    """Return the risk of a deletion for the device's keys, none when it has no keys."""
    text = "its keys are destroyed; only this console, while it stays open, could bring them back"
    return [Risk("keys-lost", Severity.HIGH, text)] if any(identity.keys) else []


def nothing_to_do(order: DeviceOrder, device_id: str, why: str) -> ConsoleError:
    """Return the "failure" of an order that is fulfilled already."""
    title = order.title(device_id)
    what = f"{title[:1].upper()}{title[1:]}: there is nothing to do"
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, code="nothing")


def gone(order: DeviceOrder, device_id: str, indexed: bool | None) -> ConsoleError:
    """Return the failure of a device that the registry does not have; `indexed`: whether the query index lists it."""
    title = order.title(device_id)
    what = f"{title[:1].upper()}{title[1:]}: there is nothing to plan"
    if indexed:
        why = "the registry has no such device any more, only its query index still lists it"
        hint = "It was deleted; the index forgets it by itself, which has been seen to take half an hour"
    else:
        why = "the registry has no such device"
        hint = "Ids differ by case, too: hubwarden devices list shows them"
    return ConsoleError(ErrorKind.NOT_FOUND, what, why, hint, code="ghost" if indexed else "no-device")


def _status(draft: _Draft, order: DeviceOrder, identity: Identity) -> None:
    body = _body(draft)
    wanted = "enabled" if order.act is Act.ENABLE else "disabled"
    same_reason = order.reason is None or order.reason == identity.reason
    if identity.status == wanted and same_reason:
        raise nothing_to_do(order, identity.device_id, f"it is {wanted} already")
    body["status"] = wanted
    if order.reason is not None:
        body["statusReason"] = order.reason or None
    elif identity.reason:
        draft.notes.append(f"its reason stays: “{clean(identity.reason, limit=128)}” (give a reason to replace it)")
    if wanted == "enabled":
        draft.effect.append(("after", "it may connect again, with the keys or certificates that it has"))
        return
    draft.effect.append(("after", "it is refused with 403012; keys, twin and modules are kept"))
    if identity.connected and identity.status != wanted:
        draft.risks.append(CUT)
    draft.notes.append(_DPS_BACK)


def _keys(draft: _Draft, order: DeviceOrder, identity: Identity) -> None:
    title = order.title(identity.device_id)
    identity.require(title[:1].upper() + title[1:], AuthType.SAS)
    keys = nested(_body(draft), "authentication", "symmetricKey")
    primary, secondary = identity.keys
    if order.keys is KeyChoice.SWAP:
        if primary == secondary:
            raise nothing_to_do(order, identity.device_id, "its two keys are the same")
        keys["primaryKey"], keys["secondaryKey"] = secondary, primary
        draft.effect.append(("after", "both keys go on working: whoever holds one of them is let in"))
        draft.notes.append("nothing but the place of the two keys changes")
        return
    if order.keys in {KeyChoice.PRIMARY, KeyChoice.BOTH}:
        keys["primaryKey"] = Secret(new_key())
    if order.keys in {KeyChoice.SECONDARY, KeyChoice.BOTH}:
        keys["secondaryKey"] = Secret(new_key())
    draft.notes.append("the old key is destroyed; this console keeps it in memory until it ends, to undo the change")
    draft.notes.append(_DPS_KEYS)
    if order.keys is KeyChoice.BOTH:
        draft.risks.append(BOTH_KEYS)
        return
    draft.notes.append(_KEYS_STAY)
    draft.risks.append(key_in_use(identity, order.keys))


def _thumbprint(draft: _Draft, order: DeviceOrder, identity: Identity, rollover: Rollover | None) -> None:
    title = order.title(identity.device_id)
    identity.require(title[:1].upper() + title[1:], *_BY_THUMBPRINT)
    prints = nested(_body(draft), "authentication", "x509Thumbprint")
    primary, secondary = identity.thumbprints
    if len(order.thumbprint) == SHA1 and order.stage in {Stage.SECONDARY, Stage.PRIMARY}:
        draft.risks.append(_SHA1_WEAK)
    if rollover is not None:
        draft.effect.append(("rollover", rollover.state))
    match order.stage:
        case Stage.SECONDARY:
            for slot, held in (("primary", primary), ("secondary", secondary)):
                if held.casefold() == order.thumbprint.casefold():
                    raise nothing_to_do(order, identity.device_id, f"it is its {slot} thumbprint already")
            prints["secondaryThumbprint"] = order.thumbprint
            draft.effect.append(("after", "the device may use its old or its new certificate"))
            draft.effect.append(("next", "let the device move over, then promote the new one (--stage promote)"))
            if secondary:
                text = "the thumbprint in the second slot goes: a device that uses it is cut"
                draft.risks.append(Risk("secondary-replaced", Severity.HIGH, text, blocking=True))
        case Stage.PROMOTE:
            if not secondary:
                hint = "Begin with --stage secondary and the new thumbprint"
                why = "it has no secondary thumbprint"
                raise ConsoleError(ErrorKind.BAD_INPUT, f"{title}: not possible", why, hint, code="no-secondary")
            if primary.casefold() == secondary.casefold():
                raise nothing_to_do(order, identity.device_id, "its two thumbprints are the same")
            if rollover is not None and rollover.state is RolloverState.PROMOTED:
                raise nothing_to_do(order, identity.device_id, "the new thumbprint is the primary one already")
            prints["primaryThumbprint"], prints["secondaryThumbprint"] = secondary, primary or None
            draft.effect.append(("after", "both certificates go on working"))
            draft.effect.append(("next", "when the device uses the new one, remove the old one (--stage retire)"))
        case Stage.RETIRE:
            if not secondary:
                raise nothing_to_do(order, identity.device_id, "it has no secondary thumbprint")
            prints["secondaryThumbprint"] = None
            if primary.casefold() != secondary.casefold():
                draft.risks += _retiring(rollover)
        case Stage.PRIMARY:
            if primary.casefold() == order.thumbprint.casefold():
                raise nothing_to_do(order, identity.device_id, "it is its primary thumbprint already")
            prints["primaryThumbprint"] = order.thumbprint
            if primary:
                draft.risks.append(THUMBPRINT_PRIMARY)


def _retiring(rollover: Rollover | None) -> Sequence[Risk]:
    """Return the risk of taking the secondary thumbprint away, by how far the device has come."""
    if rollover is not None and rollover.state is RolloverState.ADDED:
        text = "this takes the NEW thumbprint away again: a device that has moved over is cut"
        return [Risk("new-thumbprint-goes", Severity.HIGH, text, blocking=True, hint="To go on: --stage promote")]
    if rollover is not None and rollover.state is RolloverState.PROMOTED and rollover.seen_since:
        text = "the device has connected since the new thumbprint was registered; with which one the hub does not tell"
        return [Risk("old-in-use", Severity.MEDIUM, text)]
    if rollover is not None and rollover.state is RolloverState.PROMOTED:
        text = "the device has not been seen to connect since the new thumbprint was registered: it may be cut"
    else:
        text = "which of the two certificates the device uses is not known here: it may be cut"
    return [Risk("not-moved", Severity.HIGH, text, blocking=True, hint="Let it connect with the new certificate first")]


def _delete(draft: _Draft, identity: Identity, twin_lost: Risk) -> None:
    draft.after = None
    draft.risks.append(twin_lost)
    draft.risks += keys_lost(identity)
    if identity.connected:
        draft.risks.append(CUT)
    draft.notes.append("made again under the same id it gets another generation id: services will take it for another")
    draft.notes.append("the query index goes on listing it for a while (half an hour has been seen)")
    draft.notes.append(_DPS_BACK)


def _body(draft: _Draft) -> Json:
    assert draft.after is not None, "only a deletion has no body"
    return draft.after

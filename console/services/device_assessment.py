"""What a change of a device identity risks, found by comparing the bodies alone: for an undo, which nobody ordered."""

from __future__ import annotations

from dataclasses import replace

from console.model.change import Change, Risk, Severity
from console.model.document import Document, TargetKind
from console.rules.planning import with_risks
from console.services.device_identity import Identity
from console.services.device_plans import BOTH_KEYS, CUT, THUMBPRINT_PRIMARY, TWIN_LOST, key_in_use, keys_lost


def assessed(change: Change) -> Change:
    """Return a change of a device with the risks that its bodies show, beside those that it has; others as they are."""
    if change.target.kind is not TargetKind.DEVICE:
        return change
    have = {risk.id for risk in change.risks}
    return with_risks(change, [risk for risk in device_risks(change) if risk.id not in have])


def device_risks(change: Change) -> list[Risk]:
    """Return the risks of a change of a device that is there; none of one that is made."""
    if change.before is None:
        return []
    old = Identity(change.target.id, change.before)
    if change.after is None:
        used = old.connected or old.last_activity is not None  # one just created may go again without much ado
        return [replace(TWIN_LOST, blocking=used), *keys_lost(old), *([CUT] if old.connected else [])]
    new = Identity(change.target.id, Document(change.after))
    risks = [CUT] if new.status == "disabled" and old.status != "disabled" and old.connected else []
    lost_keys = [key for key in old.keys if key is not None and key not in new.keys]
    if lost_keys:
        risks.append(BOTH_KEYS if not any(key in new.keys for key in old.keys if key) else key_in_use(old, "old"))
    kept = {text.casefold() for text in new.thumbprints if text}
    lost = [text for text in old.thumbprints if text and text.casefold() not in kept]
    if lost and len(lost) == sum(map(bool, old.thumbprints)):
        risks.append(THUMBPRINT_PRIMARY)
    elif lost:
        text = "one of its thumbprints goes: a device that uses that certificate is cut"
        risks.append(Risk("thumbprint-goes", Severity.HIGH, text, blocking=True))
    return risks

"""What may go wrong when a shared access policy is changed: who is cut off, and what cannot come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.model.change import Risk, Severity
from console.model.policy import Breadth, Links, PolicyView, Right, RotationState, Slot, Stage
from console.model.shell import command_line
from console.rules.policies import breadth, effective, rights_text


def creation(name: str, rights: Sequence[Right]) -> list[Risk]:
    """Return the risks of a new policy."""
    if breadth(rights) is not Breadth.EVERYTHING:
        return []
    message = f"{name} would hold all four rights: whoever has one of its keys owns the hub's devices and data"
    return [Risk("all-rights", Severity.MEDIUM, message, hint="Give it only the rights that its clients need")]


def new_rights(
    view: PolicyView, rights: Sequence[Right], policies: Sequence[PolicyView], links: Links, *, local_auth: bool
) -> list[Risk]:
    """Return the risks of other rights for a policy."""
    lost = effective(view.rights) - effective(rights)
    risks: list[Risk] = []
    if lost:
        message = f"clients of {view.name} that need {rights_text(lost)} are refused at once"
        risks.append(Risk("rights-removed", Severity.MEDIUM, message))
        risks += _links(view.name, links, f"may fail without {rights_text(lost)}", blocking=True)
        others = [other for other in policies if other.name != view.name]
        if local_auth:
            risks += _last(lost, others)
    elif breadth(rights) is Breadth.EVERYTHING:
        risks += creation(view.name, rights)
    return risks


def deletion(view: PolicyView, policies: Sequence[PolicyView], links: Links, *, local_auth: bool) -> list[Risk]:
    """Return the risks of deleting a policy."""
    message = f"clients with a key of {view.name} are cut off at once, and the deleted keys cannot be made again"
    severity = Severity.HIGH if view.built_in else Severity.MEDIUM
    risks = [Risk("keys-lost", severity, message)]
    if view.built_in:
        message = f"{view.name} comes with every hub: tools, scripts and Azure services look for it by this name"
        risks.append(Risk("built-in", Severity.HIGH, message))
    risks += _links(view.name, links, "cannot provision any more", blocking=True)
    if local_auth:
        risks += _last(effective(view.rights), [other for other in policies if other.name != view.name])
    return risks


def replacement(view: PolicyView, slot: Slot, rotation: RotationState, links: Links) -> list[Risk]:
    """Return the risks of replacing one key of a policy."""
    risks: list[Risk] = []
    moved = Stage.PRIMARY_NEW if slot is Slot.SECONDARY else Stage.SECONDARY_NEW
    if slot is Slot.PRIMARY and rotation.stage is not moved:
        message = f"the secondary key of {view.name} was not replaced first: clients have no new key to move to"
        rotate = command_line("policy", "rotate", "--key", "secondary", operands=[view.name])
        hint = f"{rotate}, then move the clients"
        risks.append(Risk("rotate-order", Severity.HIGH, message, blocking=True, hint=hint))
    elif rotation.stage is moved:
        message = (
            f"clients of {view.name} that still use the old {slot} key are cut off at once; who does cannot be seen"
        )
        risks.append(Risk("clients-moved", Severity.MEDIUM, message))
    elif rotation.under_way:
        message = f"the {slot} key of {view.name} is the new one of this rotation: clients that moved to it are cut off"
        hint = f"The next step is the {rotation.next_slot} key"
        risks.append(Risk("rotate-again", Severity.HIGH, message, blocking=True, hint=hint))
    else:
        message = f"clients that use the {slot} key of {view.name} are cut off at once"
        risks.append(Risk("key-replaced", Severity.MEDIUM, message))
    if view.equal:
        message = f"both keys of {view.name} are equal, so those on the other key keep going"
        risks.append(Risk("equal-keys", Severity.LOW, message))
    text = f"cannot provision if it links with the {slot} key (which of the two is not shown)"
    if slot is rotation.next_slot and rotation.stage is moved:
        text = f"cannot provision until it is linked anew, if it still links with the old {slot} key"
    return [*risks, *_links(view.name, links, text, blocking=slot is Slot.PRIMARY)]


def exchange(view: PolicyView, links: Links) -> list[Risk]:
    """Return the risks of keys that change outside a rotation, as when one is taken back."""
    message = f"clients of {view.name} that use a key which changes are cut off at once; who does cannot be seen"
    risks = [Risk("key-replaced", Severity.MEDIUM, message)]
    return [*risks, *_links(view.name, links, "cannot provision if it links with that key", blocking=True)]


def _links(policy: str, links: Links, consequence: str, *, blocking: bool) -> Iterable[Risk]:
    severity = Severity.HIGH if blocking else Severity.MEDIUM
    names = links.instances(policy)
    if names is None:
        message = f"whether a provisioning service links by {policy} is not known: {links.problem}"
        yield Risk("dps-unknown", severity, message, blocking=blocking)
    elif names:
        whose, link = ("it", "links") if len(names) == 1 else ("each of them", "link")
        message = f"{', '.join(names)} {link} this hub by a key of {policy} and {consequence}"
        yield Risk(
            "dps-link", severity, message, blocking=blocking, hint=f"Link {whose} by another key or policy first"
        )


def _last(lost: Iterable[Right], others: Sequence[PolicyView]) -> Iterable[Risk]:
    kept = {right for other in others for right in effective(other.rights)}
    gone = [right for right in Right if right in set(lost) and right not in kept]
    if gone:
        message = f"no policy grants {rights_text(gone)} any more: nobody could use it by key, only by Entra"
        yield Risk("last-right", Severity.HIGH, message, blocking=True)

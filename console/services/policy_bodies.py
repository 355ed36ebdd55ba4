"""Shared access policies in a document: found, told without their keys, and what follows after one is replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from console.model.document import Document, Json
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import Fingerprint
from console.model.policy import BUILT_IN, AuthScope, Links, LocalAuth, PolicyView, Slot, Stage
from console.model.secret import Secret
from console.model.text import clean
from console.rules.policies import breadth, read_rights
from console.rules.rotation import Happening, KeyEvent, made_at, rotation_of


def hub_of(document: Document) -> Json:
    """Return the hub's body of a POLICIES document."""
    hub: Json = document.body["hub"]
    return hub


def host_of(hub: Json) -> str:
    """Return the hub's host name, clean."""
    return clean((hub.get("properties") or {}).get("hostName"))


def local_auth_of(hub: Json) -> LocalAuth:
    """Return whose shared access signatures a hub accepts; an absent switch is off."""
    properties = hub.get("properties") or {}
    return LocalAuth(*(not properties.get(scope.field) for scope in AuthScope))


def accepts_policies(document: Document) -> bool:
    """Return whether the hub of a POLICIES document accepts what its policies sign."""
    return bool(local_auth_of(hub_of(document)).hub)


def policies_of(document: Document) -> list[Json]:
    """Return the policies of a POLICIES document, with their keys."""
    policies: list[Json] = document.body["authorizationPolicies"]
    return policies


def find_policy(body: Mapping[str, Any], name: str) -> Json:
    """Return a policy of a POLICIES body by its name without case. Raises ConsoleError NOT_FOUND."""
    policies: list[Json] = body["authorizationPolicies"]
    for policy in policies:
        if str(policy.get("keyName")).casefold() == name.casefold():
            return policy
    why = f"the hub has: {', '.join(clean(policy.get('keyName')) for policy in policies) or 'none'}"
    raise ConsoleError(ErrorKind.NOT_FOUND, f"There is no policy {clean(name)}", why, "Check the name")


def view_of(
    item: Json, links: Links, events: Mapping[str, list[KeyEvent]], fingerprint: Callable[[Secret], Fingerprint]
) -> PolicyView:
    """Return a policy without its keys; `events` are those of the journal by policy name in lower case."""
    raw = str(item.get("keyName") or "")
    name = clean(raw)
    rights, others = read_rights(item.get("rights"))
    keys = {slot: item.get(slot.field) for slot in Slot}
    digests = {slot: fingerprint(key).digest for slot, key in keys.items() if isinstance(key, Secret)}
    history = events.get(raw.casefold(), [])
    born = made_at(history)
    return PolicyView(
        name=name,
        rights=rights,
        other_rights=others,
        primary=Slot.PRIMARY in digests,
        secondary=Slot.SECONDARY in digests,
        equal=len(digests) == len(Slot) and keys[Slot.PRIMARY] == keys[Slot.SECONDARY],
        built_in=raw.casefold() in BUILT_IN,
        used_by=links.instances(name),
        primary_since=born.get(digests.get(Slot.PRIMARY, "")),
        secondary_since=born.get(digests.get(Slot.SECONDARY, "")),
        rotation=rotation_of(name, history, digests, links.instances(name) or ()),
        breadth=breadth(rights),
    )


def steps_after(view: PolicyView, slot: Slot, links: Links) -> list[str]:
    """Return what is to be seen to once a key of a policy is replaced, numbered."""
    stage = view.rotation.stage
    now = {one: f"old {one}" for one in Slot}
    events: list[KeyEvent] = []
    earlier = {Stage.SECONDARY_NEW: Slot.SECONDARY, Stage.PRIMARY_NEW: Slot.PRIMARY}.get(stage)
    for one in (earlier, slot):
        if one is not None:
            after = {one: f"new {one} {len(events)}"}
            events.append(KeyEvent(datetime.now(UTC), Happening.KEYS, dict(now), after))
            now.update(after)
    state = rotation_of(view.name, events, None, links.instances(view.name) or ())
    return [f"afterwards, {number}: {text}" for number, text in enumerate(state.checklist, start=1)]

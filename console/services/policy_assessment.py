"""What a change that was planned elsewhere does to policies and local authentication: an undo cuts off as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from console.model.change import Change, Risk
from console.model.document import Document, Json, TargetKind
from console.model.policy import AuthScope, Links
from console.model.secret import Secret
from console.rules import policy_risks
from console.services.local_auth import refusal_risks
from console.services.policy_bodies import host_of, local_auth_of, policies_of

if TYPE_CHECKING:
    from console.services.policies import PoliciesService
    from console.services.ports import Cancel
    from console.services.session import Session


def assessed(session: Session, policies: PoliciesService, change: Change, cancel: Cancel) -> Change:
    """Return a change with the risks of other policies, rights, keys and switches, found by comparing its bodies.

    Changes of other resources come back as they are. Raises ConsoleError when the links of provisioning services
    cannot be asked for.
    """
    before, after = change.before, change.after
    if before is None or after is None:
        return change
    risks: list[Risk] = []
    if change.target.kind is TargetKind.POLICIES:
        risks += _of_policies(policies, before, after, cancel)
        risks += _of_switches(session, policies, before.body["hub"], after["hub"], cancel)
    elif change.target.kind is TargetKind.HUB:
        risks += _of_switches(session, policies, before.body, after, cancel)
    have = {risk.id for risk in change.risks}
    return replace(change, risks=(*change.risks, *(risk for risk in risks if risk.id not in have)))


def _of_switches(
    session: Session, policies: PoliciesService, before: Json, after: Json, cancel: Cancel
) -> Iterator[Risk]:
    was, will_be = local_auth_of(before), local_auth_of(after)
    for scope in AuthScope:
        if was.of(scope) and not will_be.of(scope):
            yield from refusal_risks(session, partial(policies.links, cancel=cancel), scope, host_of(before), cancel)


def _of_policies(policies: PoliciesService, before: Document, after: Json, cancel: Cancel) -> Iterator[Risk]:
    """Yield the risks of every policy that goes, loses rights, or gets other keys."""
    kept = {_name(item): item for item in after["authorizationPolicies"]}
    touched = [item for item in policies_of(before) if item != kept.get(_name(item))]
    if touched:
        links = policies.links(host_of(before.body["hub"]), cancel)
        for item in touched:
            yield from _of_policy(policies, item, kept.get(_name(item)), before, after, links)


def _of_policy(
    policies: PoliciesService, old: Json, new: Json | None, before: Document, after: Json, links: Links
) -> Iterator[Risk]:
    view, *others = policies.views([old, *after["authorizationPolicies"]], links)
    everyone = [view, *others]
    local_auth = bool(local_auth_of(before.body["hub"]).hub)
    if new is None:
        yield from policy_risks.deletion(view, everyone, links, local_auth=local_auth)
        return
    rights = next(one for one in others if one.name == view.name).rights
    if rights != view.rights:
        yield from policy_risks.new_rights(view, rights, everyone, links, local_auth=local_auth)
    if any(isinstance(old.get(key), Secret) and old[key] != new.get(key) for key in ("primaryKey", "secondaryKey")):
        yield from policy_risks.exchange(view, links)


def _name(item: Json) -> str:
    return str(item.get("keyName")).casefold()

"""Wanted changes put into resource bodies: what was asked for and nothing else, checked as the service checks it."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from typing import Any

from console.model.document import Json
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import ClassicRule, Migration, Reach, RuleField, RuleProblem
from console.model.network import FilterEdit, HubNetwork, NetworkEdit
from console.model.text import clean
from console.rules.ip_filter import check_dps, check_name, check_rules
from console.rules.ip_migration import migrate
from console.rules.network_body import ordered_json, ordered_rules, reach_of, rule_json

TLS_VERSIONS = ("1.2",)
_FREE = "F1"
_FQDN_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-.")
_LABEL, _HOST = 63, 253


def edit_hub(body: Json, edit: NetworkEdit) -> Migration | None:
    """Make a wanted change in the body of a hub, in place; return the migration where one was asked for.

    Raises ConsoleError BAD_INPUT, naming the character or the rule, for what the service would refuse, for rules that
    are not there, and where a rule set would silently take the place of classic rules.
    """
    properties: Json = body.setdefault("properties", {})
    migration = _migrated(body, properties) if edit.migrate else None
    _edit_rules(body, properties, edit)
    if edit.public_access is not None:
        properties["publicNetworkAccess"] = "Enabled" if edit.public_access else "Disabled"
    if edit.min_tls is not None:
        _set_tls(properties, edit.min_tls)
    _edit_outbound(properties, edit)
    return migration


def edited_reach(hub: HubNetwork, edit: NetworkEdit) -> Reach:
    """Return who would get in after a wanted change of a hub as it was read. Raises ConsoleError BAD_INPUT."""
    rules = hub.reach.rules
    properties: Json = {
        "publicNetworkAccess": "Enabled" if hub.reach.public_access else "Disabled",
        "ipFilterRules": [ordered_json(rule) for rule in hub.classic],
    }
    if rules is not None:
        properties["networkRuleSets"] = {
            "defaultAction": "Deny" if rules.default_deny else "Allow",
            "applyToBuiltInEventHubEndpoint": rules.built_in_endpoint,
            "ipRules": [rule_json(rule) for rule in rules.rules],
        }
    body: Json = {"sku": {"name": hub.sku}, "properties": properties}
    edit_hub(body, edit)
    return reach_of(body)


def edit_filters(body: Json, edit: FilterEdit) -> None:
    """Make a wanted change in the ordered filters of a provisioning service's body, in place.

    Removing comes first, then replacing, moving and adding. Raises ConsoleError BAD_INPUT.
    """
    properties: Json = body.setdefault("properties", {})
    rules: list[Any] = list(properties.get("ipFilterRules") or ())
    for name in edit.remove:
        del rules[_place(rules, name)]
    for name, rule in edit.replace:
        place = _place(rules, name)
        rules[place] = {**rules[place], **_ordered(rule)}
    for name, position in edit.move:
        moved = rules.pop(_place(rules, name))
        rules.insert(_position(position, len(rules)), moved)
    for rule, wanted in edit.add:
        _refuse_taken(rules, rule.name)
        rules.insert(len(rules) if wanted is None else _position(wanted, len(rules)), _ordered(rule))
    properties["ipFilterRules"] = rules
    touched = [rule.name for rule, _ in edit.add] + [rule.name for _, rule in edit.replace]
    _refuse(check_dps(ordered_rules(rules)), touched)


def check_fqdn(name: str) -> str:
    """Return why a text is no fully qualified host name, in one sentence; empty when it is one."""
    if not name:
        return "A host name is missing"
    for place, character in enumerate(name, 1):
        if character not in _FQDN_CHARACTERS:
            shown = "a space" if character == " " else f"“{clean(character)}”"
            return f"{shown} at place {place} is not allowed in a host name, only letters, digits, “-” and “.”"
    labels = name.split(".")
    if len(labels) < 2:
        return f"“{name}” is not fully qualified: it has no dot"
    if len(name) > _HOST or any(len(label) > _LABEL for label in labels):
        return f"The host name is too long: {_HOST} characters at most, {_LABEL} between dots"
    for label in labels:
        if not label:
            return f"“{name}” has an empty part between dots"
        if label[0] == "-" or label[-1] == "-":
            return f"“{label}” begins or ends with “-”"
    return ""


def _edit_rules(body: Json, properties: Json, edit: NetworkEdit) -> None:
    if not (
        edit.add or edit.change or edit.remove or edit.default_deny is not None or edit.filter_built_in is not None
    ):
        return
    rule_set = _rule_set(properties, default_deny=edit.default_deny)
    if edit.filter_built_in is not None:
        if clean((body.get("sku") or {}).get("name")).upper() == _FREE:
            why = "a free hub (F1) has no such option"
            raise _bad("The rules cannot be applied to the built-in endpoint", why, "Use a B or S hub")
        rule_set["applyToBuiltInEventHubEndpoint"] = edit.filter_built_in
    if edit.default_deny is not None:
        rule_set["defaultAction"] = "Deny" if edit.default_deny else "Allow"
    rules: list[Any] = list(rule_set.get("ipRules") or ())
    for name in edit.remove:
        del rules[_place(rules, name)]
    for name, rule in edit.change:
        place = _place(rules, name)
        if rule.name.casefold() != name.casefold():
            _refuse_taken(rules, rule.name)
        mask = rule.mask or rules[place].get("ipMask")
        rules[place] = {**rules[place], "filterName": rule.name, "ipMask": mask}
    for rule in edit.add:
        known = next((item for item in rules if _name(item) == rule.name.casefold()), None)
        if known is not None and str(known.get("ipMask")) == rule.mask:
            continue  # it is so already
        _refuse_taken(rules, rule.name)
        rules.append(rule_json(rule))
    rule_set["ipRules"] = rules
    properties["networkRuleSets"] = rule_set
    reach = reach_of(body)
    touched = [rule.name for rule in edit.add] + [rule.name for _, rule in edit.change]
    _refuse(check_rules(reach.rules.rules if reach.rules else ()), touched)


def _rule_set(properties: Json, *, default_deny: bool | None) -> Json:
    """Return the rule set to edit, a whole new one where there is none.

    The service refuses a set without `applyToBuiltInEventHubEndpoint` (400059; azure-cli#31631). A new set keeps what
    is in force, every address, unless a default action was asked for.
    """
    known = properties.get("networkRuleSets")
    if isinstance(known, dict):
        rule_set = dict(known)
        rule_set.setdefault("defaultAction", "Deny")
        if not isinstance(rule_set.get("applyToBuiltInEventHubEndpoint"), bool):
            rule_set["applyToBuiltInEventHubEndpoint"] = False
        return rule_set
    if properties.get("ipFilterRules"):
        why = "the hub has classic ipFilterRules, and any rule set takes their place at once"
        raise _bad("The IP rules cannot be changed yet", why, "Migrate the classic rules first, or in the same plan")
    action = "Deny" if default_deny else "Allow"
    return {"defaultAction": action, "applyToBuiltInEventHubEndpoint": False, "ipRules": []}


def _migrated(body: Json, properties: Json) -> Migration:
    what = "There is nothing to migrate"
    if isinstance(properties.get("networkRuleSets"), dict):
        raise _bad(what, "the hub has a rule set already, and its classic rules are not in force")
    classic = reach_of(body).classic
    if not classic:
        raise _bad(what, "the hub has no classic rules")
    found = migrate(classic)
    properties["networkRuleSets"] = {
        "defaultAction": "Deny" if found.rules.default_deny else "Allow",
        "applyToBuiltInEventHubEndpoint": found.rules.built_in_endpoint,
        "ipRules": [rule_json(rule) for rule in found.rules.rules],
    }
    properties["ipFilterRules"] = []
    return found


def _set_tls(properties: Json, version: str) -> None:
    if version and version not in TLS_VERSIONS:
        why = f"“{clean(version, limit=24)}” is no version that can be asked for"
        raise _bad("The minimum TLS version cannot be set", why, f"Give {' or '.join(TLS_VERSIONS)}, or none")
    if version or properties.get("minTlsVersion"):
        properties["minTlsVersion"] = version or None


def _edit_outbound(properties: Json, edit: NetworkEdit) -> None:
    if edit.restrict_outbound is not None:
        properties["restrictOutboundNetworkAccess"] = edit.restrict_outbound
    if not edit.allow_fqdns and not edit.forget_fqdns:
        return
    names = [str(name) for name in properties.get("allowedFqdnList") or ()]
    for name in edit.forget_fqdns:
        kept = [known for known in names if known.casefold() != name.casefold()]
        if len(kept) == len(names):
            raise _bad(f"The host name {clean(name, limit=80)} cannot be taken away", "it is not on the list")
        names = kept
    for name in edit.allow_fqdns:
        if why := check_fqdn(name):
            raise _bad(f"The host name {clean(name, limit=80)} cannot be allowed", why, code="usage")
        if name.casefold() not in {known.casefold() for known in names}:
            names.append(name)
    properties["allowedFqdnList"] = names


def _ordered(rule: ClassicRule) -> Json:
    return ordered_json(rule, dps=True)


def _place(rules: Sequence[Any], name: str) -> int:
    for index, item in enumerate(rules):
        if _name(item) == name.casefold():
            return index
    names = ", ".join(clean(item.get("filterName"), limit=40) for item in rules[:8] if isinstance(item, dict))
    why = f"there is none of this name, only {names}" if names else "there are no rules"
    raise _bad(f"The rule “{clean(name, limit=60)}” was not found", why)


def _name(item: Any) -> str:
    """Return a rule's name to compare by; a rule that was shown cleaned is found by what was shown."""
    return clean(item.get("filterName")).casefold() if isinstance(item, dict) else ""


def _position(wanted: int, count: int) -> int:
    if not 0 <= wanted <= count:
        raise _bad("The filter cannot be put there", f"position {wanted + 1} is not between 1 and {count + 1}")
    return wanted


def _refuse_taken(rules: Iterable[Any], name: str) -> None:
    for item in rules:
        if _name(item) == name.casefold():
            taken = clean(item.get("filterName"), limit=60)
            why = f"“{taken}” is there already ({clean(item.get('ipMask'))}); names are compared without case"
            raise _bad(
                f"The rule “{clean(name, limit=60)}” cannot be added", why, "Change that rule, or take a new name"
            )


def _refuse(problems: Sequence[RuleProblem], touched: Sequence[str]) -> None:
    """Raise for the first problem with a rule that was touched, or with all together.

    A rule that was there before was taken by the service, whatever we think of it.
    """
    for problem in problems:
        if problem.position is None or problem.rule in touched:
            name = clean(problem.rule, limit=60)
            what = f"The rule “{name}” would be refused" if name else "The rules would be refused"
            spelling = problem.field is not RuleField.COUNT and (
                check_name(problem.rule) or problem.field is RuleField.MASK
            )
            raise _bad(what, problem.message, code="usage" if spelling else None)


def _bad(what: str, why: str, hint: str = "", code: str | None = None) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code=code)

"""The hub's own part of a load file: settings, network rules, shared access policies, CA certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from console.localhub.arm_certificates import parse_certificate
from console.localhub.arm_hub_body import MAX_CLASSIC_RULES, policies_from, validate_ordered_rules, validate_properties
from console.localhub.load_parts import LoadPlan, Problems, entries_of, only_certificate
from console.localhub.state import HubState, Json

FLAGS = ("disableLocalAuth", "disableDeviceSAS", "disableModuleSAS")
SETTINGS = ("publicNetworkAccess", "ipFilterRules", "minTlsVersion", *FLAGS)
"""Properties of a hub that the local hub enforces, besides its rule set."""
_TLS = "1.2"
_CERTIFICATE_NAME = re.compile(r"[A-Za-z0-9\-._]{1,64}")


def plan_settings(document: Json, hub: HubState, plan: LoadPlan, problems: Problems) -> None:
    """Put the hub's settings and network rules into the plan."""
    written = document.get("hub")
    if written is not None and not isinstance(written, dict):
        problems.add("hub", f"it must be an object with some of {', '.join(SETTINGS)}")
        written = None
    given: Json = written or {}
    problems.unknown("hub", given, SETTINGS)
    for name in FLAGS:
        if not isinstance(given.get(name), bool | None):
            problems.add(f"hub.{name}", "it must be true or false")
    if given.get("publicNetworkAccess") not in (None, "Enabled", "Disabled"):
        problems.add("hub.publicNetworkAccess", "it must be Enabled or Disabled")
    if not isinstance(given.get("minTlsVersion"), str | None):
        problems.add("hub.minTlsVersion", "it must be a text, such as '1.2'")
    elif given.get("minTlsVersion") not in (None, "", _TLS):
        text = f"minTlsVersion {given['minTlsVersion']} is held, but the local hub takes TLS {_TLS} and later whatever"
        plan.left_out.append(f"{text} it says")
    rules = given.get("ipFilterRules")
    if rules is not None:
        with problems.at("hub.ipFilterRules"):
            validate_ordered_rules(rules, MAX_CLASSIC_RULES)
    plan.settings = {name: deepcopy(value) for name, value in given.items() if value is not None and name in SETTINGS}
    if document.get("networkRules") is not None:
        _network(document["networkRules"], hub, plan, problems)
    _one_kind_of_rules(hub, plan)


def _one_kind_of_rules(hub: HubState, plan: LoadPlan) -> None:
    """Classic rules count only where there is no rule set: the file's own decides, the hub's one gives way to them."""
    if not plan.settings.get("ipFilterRules"):
        return
    if plan.network is not None:
        plan.left_out.append("ipFilterRules are held, but the file's networkRuleSets decides alone while it is there")
        return
    with hub.lock:
        present = (hub.resource.get("properties") or {}).get("networkRuleSets") is not None
    if present:
        plan.settings["networkRuleSets"] = None


def settings_words(plan: LoadPlan) -> list[str]:
    """Return what of the hub's settings is in force now, a line for each."""
    found = []
    for name in SETTINGS:
        if name not in plan.settings:
            continue
        value = plan.settings[name]
        if name == "ipFilterRules":
            rules = ", ".join(f"{one['action']} {one['ipMask']}" for one in value) or "none"
            gone = "; the hub's rule set gave way to them" if "networkRuleSets" in plan.settings else ""
            found.append(f"ipFilterRules (classic, in this order): {rules}{gone}")
        else:
            found.append(f"{name}: {str(value).lower() if isinstance(value, bool) else value}")
    return found


def plan_policies(document: Json, plan: LoadPlan, problems: Problems) -> None:
    """Put the shared access policies into the plan."""
    written = []
    for number, entry in enumerate(entries_of(document, "policies", "name", problems, ("rights",))):
        place = f"policies[{number}]"
        problems.unknown(place, entry, {"name", "keyName", "rights", "primaryKey", "secondaryKey"})
        rights = entry.get("rights")
        text = ",".join(map(str, rights)) if isinstance(rights, list) else rights
        one = {**entry, "keyName": entry.get("keyName", entry.get("name")), "rights": text}
        if not isinstance(one["keyName"], str) or not isinstance(text, str):
            problems.add(place, "it needs a name and its rights, such as RegistryRead,ServiceConnect")
        else:
            written.append(one)
    with problems.at("policies"):
        plan.policies = policies_from(written) or {}


def certificates_of(document: Json, part: str, problems: Problems) -> Iterator[tuple[str, bytes, bool]]:
    """Yield name, DER and whether it is verified of the good ones of a part's certificates."""
    seen: set[str] = set()
    for number, entry in enumerate(entries_of(document, part, "name", problems, ("certificate",))):
        name, verified = entry.get("name"), entry.get("verified", True)
        place = f"{part}[{number}]"
        if not isinstance(name, str) or not _CERTIFICATE_NAME.fullmatch(name):
            problems.add(place, "it needs a name of 1 to 64 letters, digits, hyphens, dots and underscores")
            continue
        place = f"{place} ({name})"
        if name in seen:
            problems.add(place, "it is there twice")
        seen.add(name)
        problems.unknown(place, entry, {"name", "certificate", "verified"})
        if not isinstance(verified, bool):
            problems.add(place, "verified must be true or false")
        with problems.at(place):
            given = only_certificate(entry.get("certificate"))
            yield name, parse_certificate(given).public_bytes(Encoding.DER), verified is True


def _network(written: Any, hub: HubState, plan: LoadPlan, problems: Problems) -> None:
    if not isinstance(written, dict):
        problems.add("networkRules", "it must be an object")
        return
    problems.unknown("networkRules", written, {"defaultAction", "applyToBuiltInEventHubEndpoint", "ipRules", "rules"})
    if written.get("rules") is not None and written.get("ipRules") is not None:
        problems.add("networkRules", "give rules or ipRules, not both")
    rules = written.get("rules", written.get("ipRules", []))
    if isinstance(rules, dict):
        rules = [{"filterName": name, "action": "Allow", "ipMask": mask} for name, mask in rules.items()]
    wanted = {
        "defaultAction": written.get("defaultAction", "Deny"),
        "applyToBuiltInEventHubEndpoint": written.get("applyToBuiltInEventHubEndpoint", True),
        "ipRules": deepcopy(rules),
    }
    with problems.at("networkRules"):
        with hub.lock:
            properties = {**deepcopy(hub.resource["properties"]), "networkRuleSets": wanted}
        validate_properties(properties)
        plan.network = wanted

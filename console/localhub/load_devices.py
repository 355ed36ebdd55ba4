"""The devices and modules of a load file, checked by the registry's own rules."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import hashes

from console.localhub.arm_certificates import parse_certificate
from console.localhub.load_parts import (
    LoadPlan,
    PlannedIdentity,
    PlannedModule,
    Problems,
    entries_of,
    only_certificate,
    twice,
)
from console.localhub.registry_identity import check_id, credentials, device_spec
from console.localhub.registry_twins import check_sizes, twin_parts
from console.localhub.state import Json, new_key

DEVICE = {
    "deviceId", "id", "status", "statusReason", "authentication", "capabilities", "deviceScope", "parentScopes",
    "tags", "properties", "modules", "auth", "primaryKey", "secondaryKey", "primaryThumbprint", "secondaryThumbprint",
    "certificate", "secondaryCertificate", "edge", "desired", "reported", "reason",
}  # fmt: skip
MODULE = {"moduleId", "managedBy"} | DEVICE - {
    *("deviceId", "modules", "edge", "deviceScope", "parentScopes", "status", "statusReason", "reason", "capabilities")
}
SYSTEM_MODULES = ("$edgeAgent", "$edgeHub")
_KEYS = ("primaryKey", "secondaryKey")
_PRINTS = ("primaryThumbprint", "secondaryThumbprint", "certificate", "secondaryCertificate")
_SAME = (("edge", "capabilities"), ("reason", "statusReason"))


def plan_devices(document: Json, plan: LoadPlan, problems: Problems) -> None:
    """Put the devices of a load file into the plan."""
    for number, entry in enumerate(entries_of(document, "devices", "deviceId", problems, ("status",))):
        found = planned_device(entry, f"devices[{number}]", problems)
        if found is not None:
            plan.devices.append(found)
    twice([one.device_id for one in plan.devices], "devices", problems)


def planned_device(entry: Json, place: str, problems: Problems, *, keep_twin: bool = False) -> PlannedIdentity | None:
    """Return a device to make or replace, None for one that is wrong; `keep_twin`: a part that is absent stays."""
    device_id = entry.get("deviceId", entry.get("id"))
    if not isinstance(device_id, str):
        problems.add(place, "deviceId is missing")
        return None
    place = f"{place} ({device_id})"
    problems.unknown(place, entry, DEVICE)
    _contradictions(entry, place, problems)
    planned: PlannedIdentity | None = None
    with problems.at(place):
        check_id(device_id)
        spec = device_spec(_identity_body(entry))
        tags, desired, reported = _twin(entry, keep_twin)
        modules = []
        for number, one in enumerate(entries_of(entry, "modules", "moduleId", problems)):
            modules.append(planned_module(one, f"{place}.modules[{number}]", problems, edge=spec.edge))
        found = tuple(module for module in modules if module is not None)
        twice([module.module_id for module in found], f"{place}.modules", problems)
        planned = PlannedIdentity(device_id, spec, tags, desired, reported, found)
    return planned  # noqa: RET504 - the block above may end early


def planned_module(
    entry: Json, place: str, problems: Problems, *, edge: bool, keep_twin: bool = False
) -> PlannedModule | None:
    """Return a module to make or replace, None for one that is wrong; `edge`: it is on an edge device."""
    module_id = entry.get("moduleId", entry.get("id"))
    if not isinstance(module_id, str):
        problems.add(place, "moduleId is missing")
        return None
    problems.unknown(place, entry, MODULE)
    _contradictions(entry, place, problems)
    if module_id in SYSTEM_MODULES and not edge:
        problems.add(place, f"{module_id} is on edge devices alone")
        return None
    planned: PlannedModule | None = None
    with problems.at(place):
        check_id(module_id, "module")
        managed_by = entry.get("managedBy")
        tags, desired, reported = _twin(entry, keep_twin)
        found = credentials(_identity_body(entry), module=True)
        by = managed_by if isinstance(managed_by, str) else None
        planned = PlannedModule(module_id, found, by, tags, desired, reported)
    return planned  # noqa: RET504 - the block above may end early


def _contradictions(entry: Json, place: str, problems: Problems) -> None:
    """Note what says the same thing twice, or what the named kind of credential has no place for."""
    given = {name for name, value in entry.items() if value is not None}
    short = sorted(given & {"auth", *_KEYS, *_PRINTS})
    if short and "authentication" in given:
        problems.add(place, f"give authentication or {', '.join(short)}, not both")
    word = str(entry.get("auth") or "").casefold()
    useless = {"sas": _PRINTS, "selfsigned": _KEYS, "certificateauthority": (*_KEYS, *_PRINTS)}.get(word, ())
    if idle := sorted(given & set(useless)):
        problems.add(place, f"with auth {entry['auth']} there is no {', '.join(idle)}")
    elif not word and given & set(_KEYS) and given & set(_PRINTS):
        problems.add(place, "it has keys and certificates: a device proves itself by one of them")
    for one, other in _SAME:
        if one in given and other in given:
            problems.add(place, f"give {one} or {other}, not both")
    properties = entry.get("properties")
    for name in ("desired", "reported"):
        if name in given and isinstance(properties, dict) and name in properties:
            problems.add(place, f"give {name} or properties.{name}, not both")
    if entry.get("deviceId") is not None and entry.get("id") not in (None, entry["deviceId"]):
        problems.add(place, "its id is another than its deviceId")


def _identity_body(entry: Json) -> Json:
    """Return an identity as the registry's body: the short names of a load file stand for `authentication`."""
    body = dict(entry)
    if "edge" in entry:
        body["capabilities"] = {"iotEdge": entry["edge"]}
    if "reason" in entry:
        body["statusReason"] = entry["reason"]
    prints = {
        "primaryThumbprint": entry.get("primaryThumbprint"),
        "secondaryThumbprint": entry.get("secondaryThumbprint"),
    }
    for key, slot in (("certificate", "primaryThumbprint"), ("secondaryCertificate", "secondaryThumbprint")):
        if entry.get(key) is not None:
            prints[slot] = parse_certificate(only_certificate(entry[key])).fingerprint(hashes.SHA256()).hex().upper()
    keys = {"primaryKey": entry.get("primaryKey"), "secondaryKey": entry.get("secondaryKey")}
    if any(keys.values()):  # the service wants both or none; a test seldom cares about the second
        keys = {name: value or new_key() for name, value in keys.items()}
    if entry.get("authentication") is None:
        word = entry.get("auth")
        body["authentication"] = {"type": word, "symmetricKey": keys, "x509Thumbprint": prints}
    return body


def _twin(entry: Json, keep: bool) -> tuple[Json | None, Json | None, Json]:
    properties: Any = entry.get("properties")
    if not isinstance(properties, dict | None):
        raise ValueError("properties must be a JSON object")
    given: Json = dict(properties or {})
    if "desired" in entry:
        given["desired"] = entry["desired"]
    if other := sorted(set(given) - {"desired", "reported"}):
        raise ValueError(f"properties are desired and reported; there is no {', '.join(other)}")
    tags, desired = twin_parts({"tags": entry.get("tags"), "properties": given}, absent=None if keep else {})
    check_sizes(tags, desired)
    reported = entry.get("reported", given.get("reported")) or {}
    if not isinstance(reported, dict):
        raise ValueError("reported must be a JSON object")
    return tags, desired, {key: value for key, value in reported.items() if not key.startswith("$")}

"""Checks a document for `localhub load` by the services' own rules, whole, before anything of it is taken."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from console.localhub.arm_certificates import parse_certificate
from console.localhub.arm_errors import ArmError
from console.localhub.arm_hub_body import policies_from, validate_properties
from console.localhub.load_az import from_state_export, is_state_export
from console.localhub.load_enrollments import KINDS, ServicePlan
from console.localhub.registry_errors import RegistryError
from console.localhub.registry_identity import Credentials, DeviceSpec, check_id, credentials, device_spec
from console.localhub.registry_twins import check_sizes, twin_parts
from console.localhub.state import AccessPolicy, HubState, Json, ProvisioningState, new_key

MOST_PROBLEMS = 20
_TOP = ("devices", "policies", "certificates", "networkRules", "provisioningCertificates", *KINDS)
_DEVICE = {
    "deviceId", "id", "status", "statusReason", "authentication", "capabilities", "deviceScope", "parentScopes",
    "tags", "properties", "modules", "auth", "primaryKey", "secondaryKey", "primaryThumbprint", "secondaryThumbprint",
    "certificate", "secondaryCertificate", "edge", "desired", "reported", "reason",
}  # fmt: skip
_MODULE = {"moduleId", "managedBy"} | _DEVICE - {"deviceId", "modules", "edge", "deviceScope", "parentScopes"}
_CERTIFICATE_NAME = re.compile(r"[A-Za-z0-9\-._]{1,64}")
_MOST_CERTIFICATES = 25


class LoadRefused(Exception):  # noqa: N818 - reads as what it is
    """A document is not loaded; `problems` say where and why, at most `MOST_PROBLEMS` of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class PlannedModule:
    """A module to make or replace."""

    module_id: str
    credentials: Credentials
    managed_by: str | None
    tags: Json
    desired: Json


@dataclass(frozen=True)
class PlannedIdentity:
    """A device to make or replace, with its twin and modules."""

    device_id: str
    spec: DeviceSpec
    tags: Json
    desired: Json
    reported: Json
    modules: tuple[PlannedModule, ...] = ()


@dataclass
class LoadPlan:
    """What a document changes, checked. `left_out` are sentences about what of the document is not taken."""

    devices: list[PlannedIdentity] = field(default_factory=list)
    policies: dict[str, AccessPolicy] = field(default_factory=dict)
    certificates: dict[str, tuple[bytes, bool]] = field(default_factory=dict)  # name: DER, verified
    network: Json | None = None
    service: ServicePlan | None = None
    left_out: list[str] = field(default_factory=list)


class Problems:
    """Collects what is wrong, each with its place in the document."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Take a refusal of the services' own rules as a problem of a place."""
        try:
            yield
        except RegistryError as error:
            self.add(place, error.text)
        except ArmError as error:
            self.add(place, str(error.body.get("message") or error.body).partition(" If you contact")[0])
        except ValueError as error:
            self.add(place, str(error))

    def add(self, place: str, text: str) -> None:
        """Note a problem."""
        if len(self.found) < MOST_PROBLEMS:
            self.found.append(f"{place}: {text}")

    def unknown(self, place: str, given: Json, known: Any) -> None:
        """Note names that mean nothing, with the nearest that does."""
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, sorted(known), 1)
                self.add(place, f"there is no {name!r} here" + (f"; did you mean {near[0]!r}?" if near else ""))


def make_plan(document: Json, hub: HubState, service: ProvisioningState, now: datetime) -> LoadPlan:
    """Return what a document changes at a hub and a provisioning service; hold the cloud's lock. Changes nothing.

    Raises LoadRefused with everything that is wrong with it.
    """
    plan, problems = LoadPlan(), Problems()
    if is_state_export(document):
        document, plan.left_out = from_state_export(document)
    problems.unknown("the file", document, _TOP)
    for number, entry in enumerate(_entries(document, "devices", "deviceId", problems)):
        _device(entry, f"devices[{number}]", plan, problems)
    _twice([one.device_id for one in plan.devices], "devices", problems)
    _policies(_entries(document, "policies", "name", problems), plan, problems)
    for name, der, verified in _certificates(document, "certificates", problems):
        plan.certificates[name] = (der, verified)
    if len(set(plan.certificates) | set(hub.certificates)) > _MOST_CERTIFICATES:
        problems.add("certificates", f"a hub has at most {_MOST_CERTIFICATES}")
    if "networkRules" in document:
        _network(document["networkRules"], hub, plan, problems)
    plan.service = ServicePlan(service, hub, now)
    for name, der, verified in _certificates(document, "provisioningCertificates", problems):
        plan.service.certificate(name, der, verified=verified)
    for name, kind in KINDS.items():
        plan.service.enrollments(_entries(document, name, kind.id_name, problems), name, problems)
    if problems.found:
        raise LoadRefused(problems.found)
    return plan


def _entries(document: Json, name: str, key: str, problems: Problems) -> list[Json]:
    """Return a part's entries: a list of objects, or an object whose names are the ids."""
    part = document.get(name)
    if part is None:
        return []
    if isinstance(part, dict):
        part = [{key: one, **(value if isinstance(value, dict) else {})} for one, value in part.items()]
    if not isinstance(part, list) or not all(isinstance(one, dict) for one in part):
        problems.add(name, "it must be a list of objects, or an object by id")
        return []
    return part


def _twice(ids: list[str], place: str, problems: Problems) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            problems.add(place, f"{one!r} is there twice")
        seen.add(one)


def _device(entry: Json, place: str, plan: LoadPlan, problems: Problems) -> None:
    device_id = entry.get("deviceId", entry.get("id"))
    if not isinstance(device_id, str):
        problems.add(place, "deviceId is missing")
        return
    place = f"{place} ({device_id})"
    problems.unknown(place, entry, _DEVICE)
    with problems.at(place):
        check_id(device_id)
        spec = device_spec(_identity_body(entry))
        tags, desired, reported = _twin(entry)
        modules = []
        for number, one in enumerate(_entries(entry, "modules", "moduleId", problems)):
            modules.append(_module(one, f"{place}.modules[{number}]", problems))
        found = tuple(module for module in modules if module is not None)
        _twice([module.module_id for module in found], f"{place}.modules", problems)
        plan.devices.append(PlannedIdentity(device_id, spec, tags, desired, reported, found))


def _module(entry: Json, place: str, problems: Problems) -> PlannedModule | None:
    module_id = entry.get("moduleId", entry.get("id"))
    if not isinstance(module_id, str):
        problems.add(place, "moduleId is missing")
        return None
    problems.unknown(place, entry, _MODULE)
    check_id(module_id, "module")
    managed_by = entry.get("managedBy")
    tags, desired, _ = _twin(entry)
    found = credentials(_identity_body(entry), module=True)
    return PlannedModule(module_id, found, managed_by if isinstance(managed_by, str) else None, tags, desired)


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
            prints[slot] = parse_certificate(entry[key]).fingerprint(hashes.SHA256()).hex().upper()
    keys = {"primaryKey": entry.get("primaryKey"), "secondaryKey": entry.get("secondaryKey")}
    if any(keys.values()):  # the service wants both or none; a test seldom cares about the second
        keys = {name: value or new_key() for name, value in keys.items()}
    if "authentication" not in entry:
        word = entry.get("auth")
        body["authentication"] = {"type": word, "symmetricKey": keys, "x509Thumbprint": prints}
    return body


def _twin(entry: Json) -> tuple[Json, Json, Json]:
    properties = entry.get("properties")
    given: Json = dict(properties) if isinstance(properties, dict) else {}
    if "desired" in entry:
        given["desired"] = entry["desired"]
    tags, desired = twin_parts({"tags": entry.get("tags"), "properties": given}, absent={})
    check_sizes(tags, desired)
    reported = entry.get("reported", given.get("reported")) or {}
    if not isinstance(reported, dict):
        raise ValueError("reported must be a JSON object")
    return tags or {}, desired or {}, {key: value for key, value in reported.items() if not key.startswith("$")}


def _policies(entries: list[Json], plan: LoadPlan, problems: Problems) -> None:
    written = []
    for number, entry in enumerate(entries):
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


def _certificates(document: Json, part: str, problems: Problems) -> Iterator[tuple[str, bytes, bool]]:
    """Yield name, DER and whether it is verified of the good ones of a part's certificates."""
    for number, entry in enumerate(_entries(document, part, "name", problems)):
        name, verified = entry.get("name"), entry.get("verified", True)
        place = f"{part}[{number}]"
        if not isinstance(name, str) or not _CERTIFICATE_NAME.fullmatch(name):
            problems.add(place, "it needs a name of 1 to 64 letters, digits, hyphens, dots and underscores")
            continue
        place = f"{place} ({name})"
        problems.unknown(place, entry, {"name", "certificate", "verified"})
        if not isinstance(verified, bool):
            problems.add(place, "verified must be true or false")
        with problems.at(place):
            yield name, parse_certificate(entry.get("certificate")).public_bytes(Encoding.DER), verified is True


def _network(written: Any, hub: HubState, plan: LoadPlan, problems: Problems) -> None:
    if not isinstance(written, dict):
        problems.add("networkRules", "it must be an object")
        return
    problems.unknown("networkRules", written, {"defaultAction", "applyToBuiltInEventHubEndpoint", "ipRules", "rules"})
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

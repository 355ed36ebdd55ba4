"""What Azure's own tools write of a hub, turned into what `localhub load` takes.

The file of `az iot hub state export` is that of the Azure IoT extension (azext_iot/iothub/providers/state.py):
`devices` by id, each with `identity`, `twin`, `parent` and `modules` by id; `configurations`; `arm`, a template with
the hub. A template alone is that of `az group export` or the portal, a resource alone that of `az iot hub show`.
"""

from __future__ import annotations

from typing import Any

from console.localhub.load_devices import SYSTEM_MODULES
from console.localhub.load_hub import SETTINGS
from console.localhub.load_line_parts import dropped, has_credentials
from console.localhub.state import Json

_ASPECTS = {"devices", "configurations", "arm"}
_HUB = "microsoft.devices/iothubs"
_AROUND = ("variables", "outputs", "functions")
_HELD = {*SETTINGS, "networkRuleSets", "authorizationPolicies"}
_RIGHTLY = {name.casefold(): name for name in _HELD}
"""The resource manager takes its members in any case."""
_COMPUTED = {"state", "provisioningState", "hostName", "locations", "privateEndpointConnections"}
_NAMING = {"type", "apiVersion", "name", "id", "etag", "properties", "dependsOn", "resources", "systemData", "location"}
_AZ_SHOW = {"resourcegroup", "subscriptionid"}


def as_load_file(document: Json) -> tuple[Json, list[str]]:
    """Return the document to load, and what of it the local hub leaves out. Values are checked by the loader."""
    left: list[str] = []
    if _is_state_export(document):
        return _from_state_export(document, left), left
    if isinstance(document.get("resources"), list | dict):
        result: Json = {}
        _template(document, result, left)
        return result, left
    if str(document.get("type")).casefold() == _HUB and isinstance(document.get("properties"), dict):
        result = {}
        _hub({name: value for name, value in document.items() if name not in _AZ_SHOW}, result, left)
        return result, left
    return document, left


def _is_state_export(document: Json) -> bool:
    """Say whether a document is such a file: only its aspects at the top, and identities below its devices."""
    if not document or set(document) - _ASPECTS:
        return False
    devices = document.get("devices")
    if isinstance(devices, dict) and devices:
        return all(isinstance(one, dict) and "identity" in one for one in devices.values())
    return "configurations" in document or "arm" in document


def _from_state_export(document: Json, left: list[str]) -> Json:
    entries = _object(document.get("devices"))
    unheld: dict[str, int] = {}
    result: Json = {"devices": [_device(name, _object(one), unheld) for name, one in entries.items()]}
    kinds = _object(document.get("configurations"))
    configurations = sum(len(_object(kind)) for kind in kinds.values())
    if configurations:
        names = ", ".join(name for kind in kinds.values() for name in list(_object(kind))[:8])
        left.append(f"{configurations} configurations and deployments ({names}): the local hub has none")
    children = sum("parent" in _object(one) for one in entries.values())
    if children:
        left.append(f"{children} parents of devices: scopes hold generation ids, which are new here")
    left += [f"{name} of {count} identities: the local hub holds none" for name, count in unheld.items()]
    for one in result["devices"]:
        left += [f"{one['deviceId']}: {what}" for what in dropped(one)]
        for module in one.get("modules", ()):
            left += [f"{one['deviceId']}/{module['moduleId']}: {what}" for what in dropped(module)]
    keyless = sum(not has_credentials(one) for one in result["devices"])
    if keyless:
        left.append(f"the keys of {keyless} devices are not in the file: new ones were made")
    if "arm" in document:
        _template(_object(document["arm"]), result, left)
    return result


# --- devices --------------------------------------------------------------------------------------------------------


def _device(device_id: str, entry: Json, unheld: dict[str, int]) -> Json:
    identity = _object(entry.get("identity"))
    modules = [
        _module(name, _object(one), unheld)
        for name, one in _object(entry.get("modules")).items()
        if name not in SYSTEM_MODULES or _twin(_object(one).get("twin"))  # an edge device makes these itself
    ]
    made: Json = {**_authenticated(identity, _IDENTITY), **_twin(entry.get("twin")), "deviceId": device_id}
    made |= _miswritten(identity, _IDENTITY)
    _count(identity, _IDENTITY | _OF_REGISTRY | set(made), unheld)
    _count(entry, {"identity", "twin", "modules", "parent"}, unheld)
    return {**made, "modules": modules} if modules else made


def _module(module_id: str, entry: Json, unheld: dict[str, int]) -> Json:
    identity = _object(entry.get("identity"))
    wrong = _miswritten(identity, _OF_MODULE)
    _count(identity, _IDENTITY | _OF_REGISTRY | set(wrong), unheld)
    _count(entry, {"identity", "twin"}, unheld)
    return {**_authenticated(identity, _OF_MODULE), **_twin(entry.get("twin")), **wrong, "moduleId": module_id}


_IDENTITY = {"status", "statusReason", "authentication", "capabilities"}
_OF_MODULE = {"authentication", "managedBy"}
_OF_TWIN = {"tags", "properties"}
_OF_REGISTRY = {
    *("deviceId", "moduleId", "deviceScope", "parentScopes", "managedBy", "tags", "properties", "etag", "deviceEtag"),
    *("connectionState", "connectionStateUpdatedTime", "lastActivityTime", "cloudToDeviceMessageCount", "version"),
    *("statusUpdatedTime", "statusUpdateTime", "generationId", "authenticationType", "x509Thumbprint", "hub"),
}
"""What the registry computes, and what stands in the twin as well."""


def _authenticated(identity: Json, wanted: set[str]) -> Json:
    """Return the writable parts of an identity; thumbprints are capitalised in it, as twins have them."""
    kept = {key: value for key, value in identity.items() if key in wanted and value is not None}
    mechanism = kept.get("authentication")
    prints = mechanism.get("x509Thumbprint") if isinstance(mechanism, dict) else None
    if isinstance(mechanism, dict) and isinstance(prints, dict):
        lower = {key[:1].lower() + key[1:]: value for key, value in prints.items()}
        kept["authentication"] = {**mechanism, "x509Thumbprint": lower}
    return kept


def _twin(twin: Any) -> Json:
    given = _object(twin)
    kept = {key: value for key, value in given.items() if key in _OF_TWIN and value}
    return kept | _miswritten(given, _OF_TWIN)


def _miswritten(given: Json, wanted: set[str]) -> Json:
    """Return the members that are wanted ones in another case: the loader refuses them by name."""
    folded = {name.casefold() for name in wanted}
    return {key: value for key, value in given.items() if key not in wanted and key.casefold() in folded and value}


def _count(given: Json, known: set[str], unheld: dict[str, int]) -> None:
    for name, value in given.items():
        if name not in known and not _says_nothing(value):
            unheld[name] = unheld.get(name, 0) + 1


# --- templates ------------------------------------------------------------------------------------------------------


def _template(template: Json, result: Json, left: list[str]) -> None:
    """Take the hub and its certificates of a template, and name every other resource."""
    waiting: list[tuple[str, Any]] = [("", template.get("resources"))]
    while waiting:
        above, held = waiting.pop(0)
        for resource in held.values() if isinstance(held, dict) else held if isinstance(held, list) else ():
            resource = _object(resource)
            kind = str(resource.get("type") or "").casefold()
            kind = f"{above}/{kind}" if above and "/" not in kind else kind
            waiting.append((kind, resource.get("resources")))
            if kind == _HUB and "hub" not in result:
                _hub(resource, result, left)
            elif kind == f"{_HUB}/certificates":
                result.setdefault("certificates", []).append(_certificate(resource))
            else:
                left.append(f"a resource of type {kind or 'unknown'} ({_name(resource) or 'no name'})")
    if parameters := [name for name, one in _object(template.get("parameters")).items() if one]:
        left.append(f"the template's parameters ({', '.join(parameters[:8])}): nothing is put in for them")
    left += [f"the template's {name}" for name in _AROUND if template.get(name)]


def _hub(resource: Json, result: Json, left: list[str]) -> None:
    properties = {_RIGHTLY.get(name.casefold(), name): one for name, one in _object(resource.get("properties")).items()}
    result["hub"] = {name: properties[name] for name in SETTINGS if properties.get(name) is not None}
    if isinstance(properties.get("networkRuleSets"), dict):
        result["networkRules"] = properties["networkRuleSets"]
    policies = properties.get("authorizationPolicies")
    if isinstance(policies, list) and policies:
        result["policies"] = policies
        keyless = [str(one.get("keyName")) for one in map(_object, policies) if not one.get("primaryKey")]
        if keyless:
            left.append(f"the keys of the policies {', '.join(keyless)} are not in the file: new ones were made")
    _routing(_object(properties.get("routing")), left)
    others = [name for name, value in properties.items() if name not in {*_HELD, *_COMPUTED, "routing"} and value]
    tops = [name for name, value in resource.items() if name not in _NAMING and not _says_nothing(value)]
    if others or tops:
        left.append(f"of the hub {', '.join([*others, *tops])}: the local hub keeps its own")


def _routing(routing: Json, left: list[str]) -> None:
    """Name the endpoints and routes: the local hub sends messages nowhere."""
    for kind, rows in _object(routing.get("endpoints")).items():
        if isinstance(rows, list) and rows:
            left.append(f"{len(rows)} routing endpoints of {kind} ({_names(rows)}): the local hub has none")
    for kind in ("routes", "enrichments"):
        rows = routing.get(kind)
        if isinstance(rows, list) and rows:
            left.append(f"{len(rows)} {kind} ({_names(rows, 'key')}): the local hub has none")
    others = [name for name, value in routing.items() if name not in {"endpoints", "routes", "enrichments"} and value]
    if others:
        left.append(f"of the routing {', '.join(others)}: the local hub has none")


def _names(rows: list[Any], key: str = "name") -> str:
    names = [str(_object(one).get("name") or _object(one).get(key) or "?") for one in rows]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _certificate(resource: Json) -> Json:
    properties = _object(resource.get("properties"))
    return {
        "name": _name(resource),
        "certificate": properties.get("certificate"),
        "verified": properties.get("isVerified") is True,
    }


def _name(resource: Json) -> str:
    return str(resource.get("name") or "").rpartition("/")[2].strip("')]")


def _says_nothing(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}

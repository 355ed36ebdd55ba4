"""Files of `az iot hub state export`, turned into what `localhub load` takes.

The format is that of the Azure IoT extension (azext_iot/iothub/providers/state.py): `devices` by id, each with
`identity`, `twin`, `parent` and `modules` by id; `configurations`; `arm`, a template whose first resource is the hub.
"""

from __future__ import annotations

from typing import Any

from console.localhub.state import Json

_ASPECTS = {"devices", "configurations", "arm"}


def is_state_export(document: Json) -> bool:
    """Say whether a document is such a file: only its aspects at the top, and identities below its devices."""
    if not document or set(document) - _ASPECTS:
        return False
    devices = document.get("devices")
    if isinstance(devices, dict) and devices:
        return all(isinstance(one, dict) and "identity" in one for one in devices.values())
    return "configurations" in document or "arm" in document


def from_state_export(document: Json) -> tuple[Json, list[str]]:
    """Return the document to load, and what of the file the local hub leaves out. Values are checked by the loader."""
    left: list[str] = []
    devices = [_device(name, one) for name, one in _object(document.get("devices")).items()]
    result: Json = {"devices": devices}
    configurations = sum(len(_object(kind)) for kind in _object(document.get("configurations")).values())
    if configurations:
        left.append(f"{configurations} configurations and deployments: the local hub has none")
    children = sum("parent" in _object(one) for one in _object(document.get("devices")).values())
    if children:
        left.append(f"{children} parents of devices: scopes hold generation ids, which are new here")
    resources = _object(document.get("arm")).get("resources")
    for resource in resources if isinstance(resources, list) else ():
        _resource(_object(resource), result, left)
    return result, left


def _device(device_id: str, entry: Any) -> Json:
    entry = _object(entry)
    identity = {key: value for key, value in _object(entry.get("identity")).items() if key not in _KEPT_OUT}
    modules = [
        {**_authenticated(_object(_object(one).get("identity"))), **_twin(_object(one).get("twin")), "moduleId": name}
        for name, one in _object(entry.get("modules")).items()
        if not name.startswith("$")  # an edge device makes its own
    ]
    made: Json = {**_authenticated(identity), **_twin(entry.get("twin")), "deviceId": device_id}
    return {**made, "modules": modules} if modules else made


_KEPT_OUT = {"deviceScope", "parentScopes", "tags", "properties"}
_IDENTITY = {"status", "statusReason", "authentication", "capabilities", "managedBy"}


def _authenticated(identity: Json) -> Json:
    """Return the writable parts of an identity; thumbprints are capitalised in it, as twins have them."""
    kept = {key: value for key, value in identity.items() if key in _IDENTITY and value is not None}
    mechanism = kept.get("authentication")
    prints = mechanism.get("x509Thumbprint") if isinstance(mechanism, dict) else None
    if isinstance(mechanism, dict) and isinstance(prints, dict):
        lower = {key[:1].lower() + key[1:]: value for key, value in prints.items()}
        kept["authentication"] = {**mechanism, "x509Thumbprint": lower}
    return kept


def _twin(twin: Any) -> Json:
    return {key: value for key, value in _object(twin).items() if key in {"tags", "properties"} and value}


def _resource(resource: Json, result: Json, left: list[str]) -> None:
    properties, kind = _object(resource.get("properties")), str(resource.get("type") or "").casefold()
    if kind == "microsoft.devices/iothubs":
        if isinstance(properties.get("networkRuleSets"), dict):
            result["networkRules"] = properties["networkRuleSets"]
        left.append("the hub's other properties, its routing and its tags: only its IP rules are taken")
    elif kind.endswith("/certificates"):
        entry = {
            "name": str(resource.get("name") or "").rpartition("/")[2].strip("')]"),
            "certificate": properties.get("certificate"),
            "verified": properties.get("isVerified") is True,
        }
        result.setdefault("certificates", []).append(entry)
    else:
        left.append(f"a resource of type {kind or 'unknown'}")


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}

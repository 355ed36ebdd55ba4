"""POST /devices: up to a hundred registry operations in one call, each on its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from console.localhub.registry_call import Answer, Call
from console.localhub.registry_devices import create, find_device, remove, replace
from console.localhub.registry_errors import RegistryError, argument_invalid
from console.localhub.registry_identity import check_id, device_spec
from console.localhub.registry_twins import check_sizes, merged, set_twin, twin_parts
from console.localhub.state import Json

BULK_LIMIT = 100
DEFAULT_MODE = "createOrUpdate"
MODES = {
    mode.casefold(): mode
    for mode in (
        "create",
        "createOrUpdate",
        "createOrUpdateIfMatchETag",
        "update",
        "updateIfMatchETag",
        "delete",
        "deleteIfMatchETag",
        "updateTwin",
        "updateTwinIfMatchETag",
    )
}


def bulk(call: Call) -> Answer:
    """Run every operation of the body; 200 when all went well, else 400 with the failures, and the others are done.

    Raises 400 ArgumentInvalid for a body that is no list or holds more than a hundred operations.
    """
    entries = call.json()
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise argument_invalid("The request body must be a list of devices.")
    if not 1 <= len(entries) <= BULK_LIMIT:
        raise argument_invalid(f"A bulk operation takes 1 to {BULK_LIMIT} devices.")
    names = Counter(entry.get("id") for entry in entries if isinstance(entry.get("id"), str))
    errors: list[Json] = []
    changed: list[str] = []
    for entry in entries:
        device_id = entry["id"] if isinstance(entry.get("id"), str) else ""
        try:
            if names[device_id] > 1:
                raise RegistryError(400, "DeviceDefinedMultipleTimes", f"Device '{device_id}' is named more than once.")
            _one(call, device_id, entry)
            changed.append(device_id)
        except RegistryError as error:
            errors.append({"deviceId": device_id, "errorCode": error.name, "errorStatus": error.text})
    for device_id in changed:
        call.cloud.notify(call.hub, f"device:{device_id}")
    body = {"isSuccessful": not errors, "errors": errors, "warnings": []}
    return Answer(400, body, {"iothub-errorcode": "BulkRegistryOperationFailure"}) if errors else Answer(body=body)


def _one(call: Call, device_id: str, entry: Json) -> None:
    if not device_id:
        raise RegistryError(400, "ArgumentNull", "A device has no id.")
    check_id(device_id)
    if entry.get("moduleId"):
        raise RegistryError(404, "FeatureNotSupported", "The local hub takes no modules in a bulk operation.")
    mode = MODES.get(str(entry.get("importMode") or DEFAULT_MODE).casefold())
    if mode is None:
        raise argument_invalid("The import mode is not valid.")
    with call.hub.lock:
        if mode.startswith("delete"):
            _delete(call, device_id, _etag(entry, "eTag", mode))
        elif mode.startswith("updateTwin"):
            _twin(call, device_id, entry, _etag(entry, "twinETag", mode))
        elif mode == "create" or (mode.startswith("create") and device_id not in call.hub.devices):
            tags, desired = _checked_twin(entry)
            record = create(call, device_id, device_spec(entry))
            if tags is not None or desired is not None:
                set_twin(record, tags, desired, call.now())
        else:
            tags, desired = _checked_twin(entry)
            record = replace(call, device_id, device_spec(entry), _etag(entry, "eTag", mode))
            if tags is not None or desired is not None:
                set_twin(record, tags, desired, call.now())


def _etag(entry: Json, name: str, mode: str) -> str:
    """Return the ETag an operation insists on, `*` for a mode that does not compare."""
    if not mode.endswith("IfMatchETag"):
        return "*"
    value: Any = entry.get(name)
    if not isinstance(value, str) or not value:
        raise RegistryError(412, "PreconditionFailed", f"{name} is missing.")
    return value.strip('"')


def _delete(call: Call, device_id: str, etag: str) -> None:
    if etag not in {"*", find_device(call, device_id).etag}:
        raise RegistryError(412, "PreconditionFailed", "PreconditionFailed, ETag may be invalid.")
    remove(call, device_id)


def _checked_twin(entry: Json) -> tuple[Json | None, Json | None]:
    tags, desired = twin_parts(entry)
    tags = None if tags is None else merged({}, tags)
    desired = None if desired is None else merged({}, desired)
    check_sizes(tags, desired)
    return tags, desired


def _twin(call: Call, device_id: str, entry: Json, etag: str) -> None:
    record = find_device(call, device_id)
    if etag not in {"*", record.twin_etag}:
        raise RegistryError(412, "PreconditionFailed", "PreconditionFailed, ETag may be invalid.")
    tags, desired = twin_parts(entry)
    tags = None if tags is None else merged(record.tags, tags)
    desired = None if desired is None else merged(record.desired, desired)
    check_sizes(tags, desired)
    set_twin(record, tags, desired, call.now())

"""Module identities of the data plane, with their own quirks."""

from __future__ import annotations

from console.localhub.registry_call import Answer, Call
from console.localhub.registry_errors import (
    RegistryError,
    Shape,
    argument_invalid,
    device_not_found,
    etag_missing,
    module_not_found,
    unauthorized_module,
)
from console.localhub.registry_identity import check_id, credentials, new_module, text_of
from console.localhub.registry_json import module_json
from console.localhub.state import DeviceRecord, ModuleRecord

MODULE_LIMIT = 50
SYSTEM_MODULES = frozenset({"$edgeAgent", "$edgeHub"})


def list_modules(call: Call) -> Answer:
    """GET /devices/{id}/modules."""
    with call.hub.lock:
        return Answer(body=[module_json(module) for module in _parent(call).modules.values()])


def get_module(call: Call) -> Answer:
    """GET /devices/{id}/modules/{module id}."""
    with call.hub.lock:
        return Answer(body=module_json(_find(call, _parent(call))))


def put_module(call: Call) -> Answer:
    """PUT a module: creates without If-Match (409), replaces with it (404, 412)."""
    device_id, module_id = call.segments[1], call.segments[3]
    check_id(module_id, "module")
    body = call.json_object()
    if text_of(body, "deviceId") not in {None, device_id} or text_of(body, "moduleId") not in {None, module_id}:
        raise argument_invalid("The identifiers in the body are not the ones in the address.")
    found, managed_by = credentials(body, module=True), text_of(body, "managedBy")
    with call.hub.lock:
        device = _parent(call)
        if call.if_match is None:
            if module_id in device.modules:
                raise _exists(call, module_id)
            if len(device.modules) >= MODULE_LIMIT:
                raise RegistryError(413, "TooManyModulesOnDevice", f"A device has at most {MODULE_LIMIT} modules.")
            module = new_module(device_id, module_id, found, managed_by, call.cloud.clock.story())
            device.modules[module_id] = module
        else:
            module = _changeable(call, device)
            found.put_into(module)
            module.managed_by = managed_by
            module.identity_counter += 1
        answer = Answer(body=module_json(module))
    call.cloud.notify(call.hub, f"device:{device_id}")
    return answer


def delete_module(call: Call) -> Answer:
    """DELETE a module: If-Match is required (412), 404 when missing, 204."""
    if call.if_match is None:
        raise etag_missing()
    with call.hub.lock:
        device = _parent(call)
        del device.modules[_changeable(call, device).module_id]
    call.cloud.notify(call.hub, f"device:{device.device_id}")
    return Answer(204)


def _parent(call: Call) -> DeviceRecord:
    """Return the module's device. Under a policy's signature a missing or disabled one is 401, not 404 (observed)."""
    device = call.hub.devices.get(call.segments[1])
    if call.by_policy and (device is None or device.status == "disabled"):
        raise unauthorized_module()
    if device is None:
        raise device_not_found(call.segments[1])
    return device


def _find(call: Call, device: DeviceRecord) -> ModuleRecord:
    module = device.modules.get(call.segments[3])
    if module is None:
        raise module_not_found(device.device_id, call.segments[3])
    return module


def _changeable(call: Call, device: DeviceRecord) -> ModuleRecord:
    module = _find(call, device)
    if module.module_id in SYSTEM_MODULES:
        raise RegistryError(401, "SystemModuleModifyUnauthorizedAccess", "System modules cannot be modified.")
    call.check_etag(module.etag, required=True)
    return module


def _exists(call: Call, module_id: str) -> RegistryError:
    text = f"Device {call.segments[1]} in IotHub {call.hub.name} already contains Module {module_id}."
    return RegistryError(409, "ModuleAlreadyExistsOnDevice", text, shape=Shape.NUMBERED, number=409301)

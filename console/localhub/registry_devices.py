"""Device identities and statistics of the data plane, with the service's write semantics."""

from __future__ import annotations

from copy import copy
from itertools import islice

from console.localhub.device_table import tally
from console.localhub.registry_call import Answer, Call
from console.localhub.registry_errors import (
    RegistryError,
    argument_invalid,
    device_not_found,
    etag_missing,
)
from console.localhub.registry_identity import DeviceSpec, check_id, device_spec, make_edge, new_device, text_of
from console.localhub.registry_json import device_json, devices_json
from console.localhub.state import DeviceRecord

LIST_LIMIT = 1000


def list_devices(call: Call) -> Answer:
    """GET /devices?top=: up to 1,000 identities, without paging; any other `top` means 1,000."""
    wanted = call.query.get("top", "")
    top = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else 0
    if not 1 <= top <= LIST_LIMIT:
        top = LIST_LIMIT
    with call.hub.lock:
        return Answer(body=devices_json(list(islice(call.hub.devices.values(), top))))


def get_device(call: Call) -> Answer:
    """GET /devices/{id}."""
    with call.hub.lock:
        return Answer(body=device_json(find_device(call, call.segments[1])))


def put_device(call: Call) -> Answer:
    """PUT /devices/{id}: without If-Match it only creates (409), with it it only replaces (404, 412); always 200."""
    device_id = call.segments[1]
    check_id(device_id)
    body = call.json_object()
    if text_of(body, "deviceId") not in {None, device_id}:
        raise argument_invalid("The device identifier in the body is not the one in the address.")
    spec = device_spec(body)
    with call.hub.lock:
        record = create(call, device_id, spec) if call.if_match is None else replace(call, device_id, spec)
        answer = Answer(body=device_json(record))
    call.cloud.notify(call.hub, f"device:{device_id}")
    return answer


def delete_device(call: Call) -> Answer:
    """DELETE /devices/{id}: If-Match is required (412), 404 when missing, 204."""
    device_id = call.segments[1]
    if call.if_match is None:
        raise etag_missing()
    with call.hub.lock:
        call.check_etag(find_device(call, device_id).etag, required=True)
        remove(call, device_id)
    call.cloud.notify(call.hub, f"device:{device_id}")
    return Answer(204)


def purge_commands(call: Call) -> Answer:
    """DELETE /devices/{id}/commands: every cloud-to-device message that waits for the device goes."""
    device_id = call.segments[1]
    with call.hub.lock:
        find_device(call, device_id)
    removed = call.board.purge(call.hub, device_id) if call.board is not None else 0
    return Answer(body={"totalMessagesPurged": removed, "deviceId": device_id, "moduleId": None})


def device_statistics(call: Call) -> Answer:
    """GET /statistics/devices."""
    with call.hub.lock:
        total = len(call.hub.devices)
        enabled = tally(call.hub.devices, lambda device: device.status == "enabled")
    return Answer(
        body={"totalDeviceCount": total, "enabledDeviceCount": enabled, "disabledDeviceCount": total - enabled}
    )


def service_statistics(call: Call) -> Answer:
    """GET /statistics/service."""
    with call.hub.lock:
        connected = tally(call.hub.devices, lambda device: device.connection_state == "Connected")
    return Answer(body={"connectedDeviceCount": connected})


def find_device(call: Call, device_id: str) -> DeviceRecord:
    """Return a device or raise 404; the caller holds the hub's lock."""
    record = call.hub.devices.get(device_id)
    if record is None:
        raise device_not_found(device_id)
    return record


def create(call: Call, device_id: str, spec: DeviceSpec) -> DeviceRecord:
    """Add a device or raise 409; the caller holds the hub's lock and notifies."""
    if device_id in call.hub.devices:
        raise RegistryError(409, "DeviceAlreadyExists", f"A device with ID '{device_id}' is already registered.")
    record = new_device(device_id, spec, call.cloud.clock.story())
    call.index.device_changes(call.hub, device_id, None)
    call.hub.devices[device_id] = record
    return record


def replace(call: Call, device_id: str, spec: DeviceSpec, etag: str | None = None) -> DeviceRecord:
    """Replace a device's identity, keeping twin and modules, or raise 404 or 412.

    `etag` stands in for the If-Match header in bulk calls. The caller holds the hub's lock and notifies.
    """
    record = find_device(call, device_id)
    if etag is None:
        call.check_etag(record.etag)
    elif etag not in {"*", record.etag}:
        raise RegistryError(412, "PreconditionFailed", "PreconditionFailed, ETag may be invalid.")
    call.index.device_changes(call.hub, device_id, copy(record))
    if record.status != spec.status:
        record.status_updated = call.now()
    spec.credentials.put_into(record)
    record.status, record.status_reason = spec.status, spec.status_reason
    record.parent_scopes = list(spec.parent_scopes)
    if spec.edge and not record.edge:
        make_edge(record, call.cloud.clock.story())
    elif not spec.edge:
        record.edge = False
        record.scope = spec.scope
    record.identity_counter += 1
    return record


def remove(call: Call, device_id: str) -> None:
    """Delete a device; the query index goes on showing it for a while. The caller holds the hub's lock and notifies."""
    call.index.device_goes(call.hub, call.hub.devices.pop(device_id))

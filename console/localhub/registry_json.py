"""Records as the data plane writes them: device and module identities, and twins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from console.localhub.state import DeviceRecord, Json, ModuleRecord


def device_json(device: DeviceRecord) -> Json:
    """Return a device identity (swagger `Device`); unset texts are null, as the service writes them."""
    body: Json = {
        "deviceId": device.device_id,
        "generationId": device.generation_id,
        "etag": device.etag,
        "connectionState": device.connection_state,
        "status": device.status,
        "statusReason": device.status_reason,
        "connectionStateUpdatedTime": _naive(device.connection_updated),
        "statusUpdatedTime": _naive(device.status_updated),
        "lastActivityTime": _naive(device.last_activity),
        "cloudToDeviceMessageCount": device.c2d_count,
        "authentication": _authentication(device),
        "capabilities": {"iotEdge": device.edge},
    }
    if device.scope:
        body["deviceScope"] = device.scope
    if device.parent_scopes:
        body["parentScopes"] = list(device.parent_scopes)
    return body


def module_json(module: ModuleRecord) -> Json:
    """Return a module identity (swagger `Module`)."""
    return {
        "moduleId": module.module_id,
        "managedBy": module.managed_by,
        "deviceId": module.device_id,
        "generationId": module.generation_id,
        "etag": module.etag,
        "connectionState": module.connection_state,
        "connectionStateUpdatedTime": _naive(module.connection_updated),
        "lastActivityTime": _naive(module.last_activity),
        "cloudToDeviceMessageCount": module.c2d_count,
        "authentication": _authentication(module),
    }


def twin_json(record: DeviceRecord) -> Json:
    """Return a twin, of a device or a module, as GET /twins and `SELECT *` give it.

    Keys, the generation id and the time of the last connection change are not in a twin; thumbprint names are
    capitalised here and nowhere else (observed on the real service).
    """
    body: Json = {"deviceId": record.device_id}
    if isinstance(record, ModuleRecord):
        body["moduleId"] = record.module_id
    body |= {
        "etag": record.twin_etag,
        "deviceEtag": record.etag,
        "status": record.status,
        "statusUpdateTime": _aware(record.status_updated),
        "connectionState": record.connection_state,
        "lastActivityTime": _aware(record.last_activity),
        "cloudToDeviceMessageCount": record.c2d_count,
        "authenticationType": record.auth,
        "x509Thumbprint": thumbprints(record),
        "modelId": record.model_id,
        "version": record.twin_version,
    }
    if record.status_reason is not None:
        body["statusReason"] = record.status_reason
    if record.tags:
        body["tags"] = record.tags
    body["properties"] = properties_json(record)
    body["capabilities"] = {"iotEdge": record.edge}
    if record.scope:
        body["deviceScope"] = record.scope
    if record.parent_scopes:
        body["parentScopes"] = list(record.parent_scopes)
    return body


def thumbprints(record: DeviceRecord) -> Json:
    """Return the thumbprints as a twin names them."""
    return {"PrimaryThumbprint": record.primary_thumbprint, "SecondaryThumbprint": record.secondary_thumbprint}


def properties_json(record: DeviceRecord) -> Json:
    """Return `properties` of a twin with metadata and versions."""
    return {"desired": desired_json(record), "reported": reported_json(record)}


def desired_json(record: DeviceRecord) -> Json:
    """Return the desired properties with `$metadata` and `$version`."""
    version = record.desired_version
    metadata = _metadata(record.desired, _aware(record.twin_updated), version)
    return {**record.desired, "$metadata": metadata, "$version": version}


def reported_json(record: DeviceRecord) -> Json:
    """Return the reported properties with `$metadata` and `$version`; their metadata carry no versions."""
    metadata = _metadata(record.reported, _aware(record.twin_updated), None)
    return {**record.reported, "$metadata": metadata, "$version": record.reported_version}


def _metadata(value: Any, updated: str, version: int | None) -> Json:
    """Return the metadata tree. The local hub knows one time for the whole twin, and gives it to every property."""
    own: Json = {"$lastUpdated": updated}
    if version is not None:
        own["$lastUpdatedVersion"] = version
    if isinstance(value, dict):
        for key, inner in value.items():
            own[key] = _metadata(inner, updated, version)
    return own


def _authentication(record: DeviceRecord) -> Json:
    return {
        "symmetricKey": {"primaryKey": record.primary_key, "secondaryKey": record.secondary_key},
        "x509Thumbprint": {
            "primaryThumbprint": record.primary_thumbprint,
            "secondaryThumbprint": record.secondary_thumbprint,
        },
        "type": record.auth,
    }


def _naive(moment: str) -> str:
    """Return a time as identities carry it: without a zone."""
    return moment.removesuffix("Z")


def _aware(moment: str) -> str:
    """Return a time as twins carry it: in UTC, with Z."""
    return moment if moment.endswith("Z") else moment + "Z"


def devices_json(devices: Iterable[DeviceRecord]) -> list[Json]:
    """Return a list of identities."""
    return [device_json(device) for device in devices]

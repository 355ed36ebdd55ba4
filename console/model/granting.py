"""Which of Azure's own roles grant an operation: a catalogue, from the narrowest to the widest."""

from __future__ import annotations

from console.model.operations import Plane

_HUB, _DPS = "microsoft.devices/iothubs/", "microsoft.devices/provisioningservices/"


def narrowest(operation: str, plane: Plane) -> tuple[str, ...]:
    """Return Azure's own roles that grant an operation, the narrowest first (Azure's list of built-in roles)."""
    name = operation.casefold()
    if plane is Plane.DATA:
        return _data_roles(name)
    if name.startswith("microsoft.authorization/"):
        if name.endswith("/read"):
            return ("Reader",)
        if name.startswith("microsoft.authorization/roleassignments/"):
            return ("Role Based Access Control Administrator", "User Access Administrator", "Owner")
        return ("User Access Administrator", "Owner")
    if name.startswith("microsoft.operationalinsights/") and ("query" in name or "search" in name):
        return ("Log Analytics Reader",)
    if name.startswith("microsoft.network/") and not name.endswith("/read"):
        return ("Network Contributor", "Contributor")
    return ("Reader",) if name.endswith("/read") else ("Contributor",)


def _data_roles(name: str) -> tuple[str, ...]:
    if name.startswith(_DPS):
        writer = "Device Provisioning Service Data Contributor"
        return ("Device Provisioning Service Data Reader", writer) if name.endswith("/read") else (writer,)
    found = []
    if name.startswith(f"{_HUB}devices/") and not name.endswith("/read"):
        found.append("IoT Hub Registry Contributor")
    if name.startswith(f"{_HUB}twins/") and not name.endswith("/read"):
        found.append("IoT Hub Twin Contributor")
    if name.startswith(_HUB) and (name.endswith("/read") or name == f"{_HUB}fileupload/notifications/action"):
        found.append("IoT Hub Data Reader")
    return (*found, "IoT Hub Data Contributor") if name.startswith(_HUB) else ()

"""Which hub a device is assigned to, and the identity it gets there.

Two ways of choosing differ from the real service and are said to: `geoLatency` is like `hashed` here, for on loopback
every hub is equally near, and `custom` fails, for the local hub calls no webhook.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from console.localhub.provisioning_attest import TPM, Proof
from console.localhub.provisioning_state import RegistrationRecord
from console.localhub.registry_identity import Credentials, DeviceSpec, make_edge, new_device
from console.localhub.state import Cloud, DeviceRecord, HubState, Json, ProvisioningState, new_key

NEW, MIGRATED, RESET, SAME = (
    "initialAssignment",
    "deviceDataMigrated",
    "deviceDataReset",
    "reprovisionedToInitialAssignment",
)
CUSTOM_FAILED = 400207
HUB_REFUSED = 401002
NO_HUB = 400000  # ours: what the service says when there is nothing to choose from is not published


class AssignmentError(Exception):
    """A device that proved itself and cannot be assigned; its registration ends as failed with this code and text."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number
        self.text = text


@dataclass(frozen=True)
class Assignment:
    """Where a device ended. `touched` are the hubs whose registry changed, for those who listen to the cloud."""

    hub: HubState
    device: DeviceRecord
    substatus: str
    touched: tuple[HubState, ...]


def assign(cloud: Cloud, service: ProvisioningState, proof: Proof, known: RegistrationRecord | None) -> Assignment:
    """Assign a device by its enrollment and by what `known` says of its last registration; hold the cloud's lock.

    Makes or updates the identity in the hub, and takes it out of the hub it leaves. Raises AssignmentError.
    """
    body = proof.enrollment.body
    before = _hub(cloud, known.assigned_hub) if known is not None and known.assigned_hub else None
    policy = body.get("reprovisionPolicy") or {}
    moves = policy.get("updateHubAssignment") is not False
    keeps = policy.get("migrateDeviceData") is not False
    stays = before is not None and not moves
    hub = _linked(cloud, service, before.host) if before is not None and stays else _chosen(cloud, service, proof)
    device_id = _device_id(proof, known)
    old = _device(before, device_id) if before is not None else None
    story = cloud.clock.story()
    if before is None or old is None:
        device, substatus = _put(hub, device_id, proof, story, None), NEW
    elif before is hub:
        fresh = moves and not keeps
        device, substatus = _put(hub, device_id, proof, story, old, fresh=fresh), RESET if fresh else SAME
    else:
        device = _put(hub, device_id, proof, story, old if keeps else None)
        substatus = MIGRATED if keeps else RESET
        with before.lock:
            before.devices.pop(device_id, None)
    touched = (hub,) if before is None or before is hub else (before, hub)
    return Assignment(hub, device, substatus, touched)


# -- the hub -----------------------------------------------------------------------------------------------------------


def _chosen(cloud: Cloud, service: ProvisioningState, proof: Proof) -> HubState:
    body = proof.enrollment.body
    properties: Json = service.resource.get("properties") or {}
    policy = str(body.get("allocationPolicy") or properties.get("allocationPolicy") or "hashed").casefold()
    if policy == "custom":
        text = "Custom allocation failed: the local hub does not call webhooks."
        raise AssignmentError(CUSTOM_FAILED, text)
    named = [body["iotHubHostName"]] if body.get("iotHubHostName") else list(body.get("iotHubs") or ())
    if named:
        wanted = {str(host).casefold() for host in named}
        choice = [host for host in service.links if host in wanted]
    else:
        choice = [host for host in service.links if _applies(properties, host)]
    if policy == "static" and named:
        choice = [host for host in map(str.casefold, map(str, named)) if host in choice][:1]
    if not choice:
        raise AssignmentError(NO_HUB, "No linked IoT hub can take the device.")
    return _linked(cloud, service, _by_weight(properties, sorted(choice), proof.registration_id.casefold()))


def _applies(properties: Json, host: str) -> bool:
    return _link(properties, host).get("applyAllocationPolicy") is not False


def _link(properties: Json, host: str) -> Json:
    links = properties.get("iotHubs") or ()
    return next((link for link in links if str(link.get("name") or "").casefold() == host), {})


def _by_weight(properties: Json, hosts: list[str], *words: str) -> str:
    """Return one of the hosts, always the same for the same words, each as often as its weight says."""
    told = [_link(properties, host).get("allocationWeight") for host in hosts]
    weights = [weight if isinstance(weight, int) and weight > 0 else 1 for weight in told]
    number = int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8], "big") % sum(weights)
    for host, weight in zip(hosts, weights, strict=True):
        number -= weight
        if number < 0:
            return host
    return hosts[0]


def _linked(cloud: Cloud, service: ProvisioningState, host: str) -> HubState:
    """Return a linked hub, if the link's key still opens its registry.

    The text is the hub's own, as a provisioning service hands it on (azure-iot-sdk-c#1789).
    """
    hub = _hub(cloud, host)
    link = dict(part.partition("=")[::2] for part in service.links.get(host.casefold(), "").split(";"))
    if hub is not None:
        with hub.lock:
            name = link.get("SharedAccessKeyName", "").casefold()
            policy = next((one for one in hub.policies.values() if one.name.casefold() == name), None)
            local = (hub.resource.get("properties") or {}).get("disableLocalAuth") is not True
            if (
                policy is not None
                and local
                and "RegistryWrite" in policy.rights
                and link.get("SharedAccessKey") in {policy.primary_key, policy.secondary_key}
            ):
                return hub
    stamp = cloud.clock.story().astimezone(UTC).strftime("%m/%d/%Y %H:%M:%S")
    answer = {
        "Message": "ErrorCode:IotHubUnauthorizedAccess;Unauthorized",
        "ExceptionMessage": f"Tracking ID:{secrets.token_hex(16)}-G:10-TimeStamp:{stamp}",
    }
    raise AssignmentError(HUB_REFUSED, json.dumps(answer, separators=(",", ":")))


def _hub(cloud: Cloud, host: str) -> HubState | None:
    return next((hub for hub in cloud.hubs.values() if hub.host.casefold() == host.casefold()), None)


# -- the identity ------------------------------------------------------------------------------------------------------


def _device_id(proof: Proof, known: RegistrationRecord | None) -> str:
    named = "" if proof.is_group else str(proof.enrollment.body.get("deviceId") or "")
    return named or (known.device_id if known is not None else "") or proof.registration_id


def _device(hub: HubState, device_id: str) -> DeviceRecord | None:
    with hub.lock:
        return hub.devices.get(device_id)


def _put(
    hub: HubState, device_id: str, proof: Proof, now: datetime, old: DeviceRecord | None, *, fresh: bool = False
) -> DeviceRecord:
    """Make or update an identity; `old` is the one whose twin it keeps, `fresh` starts the twin again."""
    body = proof.enrollment.body
    with hub.lock:
        there = hub.devices.get(device_id)
        credentials = _credentials(proof, there or old)
        if there is not None:
            credentials.put_into(there)
            there.identity_counter += 1
            if fresh:
                _set_twin(there, body)
                there.desired_version += 1
                there.reported_version += 1
                there.twin_counter += 1
            return there
        edge = (body.get("capabilities") or {}).get("iotEdge") is True
        spec = DeviceSpec(credentials, edge=False)
        device = hub.devices[device_id] = new_device(device_id, spec, now)
        if old is None:
            _set_twin(device, body)
        else:
            edge = old.edge
            device.tags, device.desired = deepcopy(old.tags), deepcopy(old.desired)
            device.reported = deepcopy(old.reported)
            device.status, device.status_reason = old.status, old.status_reason
        if edge:
            make_edge(device, now)
        return device


def _credentials(proof: Proof, there: DeviceRecord | None) -> Credentials:
    found = proof.credentials
    if proof.enrollment.kind != TPM:
        return found
    if there is not None and there.auth == "sas" and there.primary_key:
        return replace(found, primary_key=there.primary_key, secondary_key=there.secondary_key)
    return replace(found, primary_key=new_key(), secondary_key=new_key())


def _set_twin(device: DeviceRecord, body: Json) -> None:
    """Give a device the twin that its enrollment describes, and nothing reported."""
    twin = body.get("initialTwin") or {}
    device.tags = deepcopy(twin.get("tags") or {})
    desired = (twin.get("properties") or {}).get("desired") or {}
    device.desired = {name: deepcopy(value) for name, value in desired.items() if not name.startswith("$")}
    device.reported = {}

"""Plans of private endpoints: approve, reject and remove connections of the hub, create and delete endpoints."""

from __future__ import annotations

import re

from console.model.change import Change, Risk, Severity
from console.model.document import Document, Json, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import arm_segment
from console.model.network import EndpointConnection, HubNetwork, LinkStatus
from console.model.text import clean
from console.rules.network_body import connection_of, endpoint_of
from console.rules.network_risks import endpoint_removal
from console.rules.planning import change_of, copied
from console.services.network_reading import NetworkReadings
from console.services.ports import NEVER_CANCELLED, Cancel

GROUP_ID = "iotHub"
DNS_ZONES = "privatelink.azure-devices.net and privatelink.servicebus.windows.net"
MESSAGE_LIMIT = 140
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?")
_CHARACTERS = re.compile(r"[^A-Za-z0-9._-]")
_SUBNET = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/]+",
    re.IGNORECASE,
)


class EndpointPlans:
    """Plans of one hub's private endpoints; the service knows no ETag for any of them."""

    def __init__(self, readings: NetworkReadings) -> None:
        self._readings = readings

    def approve(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to approve a connection. Raises ConsoleError: NOT_FOUND, BAD_INPUT when it can never be approved."""
        return self._set(name, LinkStatus.APPROVED, reason, cancel)

    def reject(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to reject a connection, also one that is approved. Raises ConsoleError."""
        return self._set(name, LinkStatus.REJECTED, reason, cancel)

    def remove(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to remove a connection from the hub; its private endpoint stays, disconnected. Raises ConsoleError."""
        hub, target, document, connection = self._found(name, cancel)
        note = "A removed connection cannot come back: its owner has to make a new private endpoint"
        return change_of(
            "endpoint.remove",
            f"private endpoint connection {connection.name}",
            target,
            document,
            None,
            risks=endpoint_removal(connection, hub, "removed"),
            effect=self._effect(hub, connection, None),
            notes=(note,),
            reason=reason,
        )

    def create(
        self,
        name: str,
        subnet_id: str,
        *,
        group: str = "",
        location: str = "",
        message: str = "",
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        """Plan a new private endpoint to the hub.

        Args:
            name: its name.
            subnet_id: the resource id of the subnet that it gets its address from.
            group: its resource group; empty for the subnet's.
            location: its region, which must be the virtual network's; empty for the hub's.
            message: asks the hub's owner for approval with these words; empty approves it where we may.
            reason: why, for the journal.
            cancel: stops the reading.

        Raises ConsoleError BAD_INPUT naming what the service would refuse; CONFLICT when it is there already.
        """
        if why := bad_endpoint_name(name) or bad_subnet(subnet_id) or _bad_message(message):
            raise ConsoleError(ErrorKind.BAD_INPUT, "The private endpoint would be refused", why, code="usage")
        readings = self._readings
        hub = readings.hub(readings.document(cancel), cancel)
        subscription = arm_segment(subnet_id, "subscriptions")
        place = f"/subscriptions/{subscription}/resourceGroups/{group or arm_segment(subnet_id, 'resourceGroups')}"
        target = Target(TargetKind.ENDPOINT, f"{place}/providers/Microsoft.Network/privateEndpoints/{name}")
        if readings.reader.read(target, cancel) is not None:
            what = f"The private endpoint {name} cannot be created"
            raise ConsoleError(ErrorKind.CONFLICT, what, "there is one of this name", "Take another name")
        link: Json = {"privateLinkServiceId": hub.arm_id, "groupIds": [GROUP_ID]}
        kind = "manualPrivateLinkServiceConnections" if message else "privateLinkServiceConnections"
        if message:
            link["requestMessage"] = message
        body: Json = {
            "location": location or hub.location,
            "properties": {"subnet": {"id": subnet_id}, kind: [{"name": name, "properties": link}]},
        }
        notes = [f"Names lead to it only with the private DNS zones {DNS_ZONES} in the virtual network"]
        if not location:
            notes.append(f"Its region is taken to be the hub's, {hub.location}; it must be the virtual network's")
        waits = "the hub's owner has to approve it" if message else "approved at once where we may approve it"
        return change_of(
            "endpoint.create",
            f"private endpoint {name} to {hub.name}",
            target,
            None,
            body,
            risks=(Risk("cost", Severity.LOW, "a private endpoint costs money for every hour that it is there"),),
            effect=(
                ("way in", f"clients of the virtual network reach {hub.name} by a private address; {waits}"),
                ("rules", "who comes this way is not subject to IP rules"),
            ),
            notes=notes,
            reason=reason,
        )

    def delete(self, name_or_id: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to delete a private endpoint that leads to the hub, with its connection. Raises ConsoleError."""
        readings = self._readings
        hub = readings.hub(readings.document(cancel), cancel)
        arm_id = name_or_id
        if not name_or_id.startswith("/"):
            wanted = name_or_id.casefold()
            arm_id = next((one.endpoint_id for one in hub.connections if one.endpoint_name.casefold() == wanted), "")
            if not arm_id:  # its connection may be gone
                arm_id = next((one.arm_id for one in readings.endpoints(cancel) if one.name.casefold() == wanted), "")
        target = Target(TargetKind.ENDPOINT, arm_id)
        document = readings.reader.read(target, cancel) if arm_id else None
        endpoint = endpoint_of(document.body, hub.arm_id) if document else None
        if document is None or endpoint is None:
            what = f"The private endpoint {clean(name_or_id)} was not found"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, f"none of this name leads to {hub.name}")
        connection = next(
            (one for one in hub.connections if one.endpoint_id.casefold() == endpoint.arm_id.casefold()), None
        )
        return change_of(
            "endpoint.delete",
            f"private endpoint {endpoint.name}",
            target,
            document,
            None,
            risks=endpoint_removal(connection, hub, "deleted") if connection else (),
            effect=self._effect(hub, connection, None) if connection else (),
            notes=("A private endpoint that is made again gets another address",),
            reason=reason,
        )

    def _set(self, name: str, status: LinkStatus, reason: str, cancel: Cancel) -> Change:
        hub, target, document, connection = self._found(name, cancel)
        verb = "approved" if status is LinkStatus.APPROVED else "rejected"
        if connection.status is LinkStatus.DISCONNECTED:
            what = f"The connection {connection.name} cannot be {verb}"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "it is disconnected for good", "Remove it and make a new one")
        body = copied(document)
        properties: Json = body.setdefault("properties", {})
        before = properties.get("privateLinkServiceConnectionState") or {}
        description = before.get("description") or ""
        if connection.status is not status:
            description = reason or f"{verb.capitalize()} with hubwarden"
        properties["privateLinkServiceConnectionState"] = {
            **before,
            "status": status.value,
            "description": description,
            "actionsRequired": before.get("actionsRequired") or "None",
        }
        risks = list(endpoint_removal(connection, hub, "rejected")) if status is LinkStatus.REJECTED else []
        if status is LinkStatus.APPROVED and connection.status is not status:
            text = f"whoever owns {clean(connection.endpoint_id) or 'that private endpoint'} gets past the IP rules"
            risks.append(Risk("private-way-in", Severity.MEDIUM, text))
        return change_of(
            "endpoint.approve" if status is LinkStatus.APPROVED else "endpoint.reject",
            f"private endpoint connection {connection.name}",
            target,
            document,
            body,
            risks=risks,
            effect=self._effect(hub, connection, status),
            reason=reason,
        )

    def _found(self, name: str, cancel: Cancel) -> tuple[HubNetwork, Target, Document, EndpointConnection]:
        readings = self._readings
        hub = readings.hub(readings.document(cancel), cancel)
        known = [
            one for one in hub.connections if name.casefold() in {one.name.casefold(), one.endpoint_name.casefold()}
        ]
        if len(known) != 1:
            what = f"The private endpoint connection {clean(name)} was not found"
            if known:
                names = ", ".join(one.name for one in known)
                raise ConsoleError(ErrorKind.BAD_INPUT, what, f"several come from that endpoint: {names}")
            names = ", ".join(one.name for one in hub.connections) or "none"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, f"the hub has: {names}")
        target = Target(TargetKind.CONNECTION, f"{hub.arm_id}/privateEndpointConnections/{known[0].name}")
        document = readings.reader.read(target, cancel)
        if document is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"The private endpoint connection {known[0].name} is gone")
        return hub, target, document, connection_of(document.body)

    @staticmethod
    def _effect(
        hub: HubNetwork, connection: EndpointConnection, after: LinkStatus | None
    ) -> tuple[tuple[str, str], ...]:
        left = [one for one in hub.approved if one.name != connection.name]
        count = len(left) + (after is LinkStatus.APPROVED)
        public = "on, subject to the IP rules" if hub.reach.public_access else "off"
        return (
            ("connection", f"{connection.status.value} → {after.value if after else 'removed'}"),
            ("private ways in", f"{count} approved after this, {len(hub.approved)} now"),
            ("public access", public),
        )


def bad_endpoint_name(name: str) -> str:
    """Return why a private endpoint's name would be refused, in one sentence; empty when it is good."""
    if found := _CHARACTERS.search(name):
        shown = "a space" if found[0] == " " else f"“{clean(found[0])}”"
        return f"{shown} at place {found.start() + 1} is not allowed in its name, only letters, digits, “.”, “_”, “-”"
    if not _NAME.fullmatch(name):
        return "its name needs 1 to 80 characters, begins with a letter or digit and ends with one or “_”"
    return ""


def bad_subnet(subnet_id: str) -> str:
    """Return why a text is no subnet's resource id, in one sentence; empty when it is one."""
    if _SUBNET.fullmatch(subnet_id):
        return ""
    form = "/subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/…/subnets/…"
    return f"“{clean(subnet_id, limit=80)}” is no subnet's resource id, which reads {form}"


def _bad_message(message: str) -> str:
    return f"the message has {len(message)} characters, {MESSAGE_LIMIT} at most" if len(message) > MESSAGE_LIMIT else ""

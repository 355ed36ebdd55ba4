"""Plans of a provisioning service's ordered filters: add at a position, move, remove, replace."""

from __future__ import annotations

from console.model.change import Change
from console.model.document import Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import FilterTarget
from console.model.network import FilterEdit, ProvisioningService
from console.model.text import clean
from console.rules.network_body import provisioning_of
from console.rules.network_edit import edit_filters
from console.rules.network_effect import own_words, reach_effect, simulation_of
from console.rules.network_risks import filter_risks
from console.rules.planning import change_of, copied
from console.services.network_reading import NetworkReadings
from console.services.ports import NEVER_CANCELLED, Cancel


class FilterPlans:
    """Plans for the provisioning services of the hub's subscription."""

    def __init__(self, readings: NetworkReadings) -> None:
        self._readings = readings

    def plan(self, name: str, edit: FilterEdit, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan a change of the filters of one service, named by name or resource id.

        Raises ConsoleError: NOT_FOUND, BAD_INPUT (see `edit_filters`).
        """
        readings = self._readings
        service = self._named(name, cancel)
        target = Target(TargetKind.PROVISIONING, service.arm_id)
        document = readings.reader.read(target, cancel)
        if document is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"The provisioning service {service.name} is gone")
        known = readings.known(cancel)
        body = copied(document)
        edit_filters(body, edit)
        before, after = provisioning_of(document.body).reach, provisioning_of(body).reach
        devices = simulation_of(before, after, known, FilterTarget.DEVICE_API)
        own = simulation_of(before, after, known, FilterTarget.SERVICE_API)
        effect = [(label, text) for label, text in reach_effect(devices, known) if label not in {"you", "services"}]
        effect.append(("you", f"{own_words(own, known.own)}, at the service API"))
        linked = ", ".join(hub.host for hub in service.hubs) or "none"
        effect.append(("linked hubs", linked))
        return change_of(
            "dps.filters",
            f"filters of the provisioning service {service.name}",
            target,
            document,
            body,
            risks=filter_risks(before, after, devices, own, known),
            effect=effect,
            notes=(
                "The devices counted are those that connected to the hub: the log of a DPS is not read",
                "Devices that are provisioned already go on connecting to their hub; filters count when they ask again",
            ),
            reason=reason,
        )

    def _named(self, name: str, cancel: Cancel) -> ProvisioningService:
        services = self._readings.provisioning(cancel)
        wanted = name.casefold()
        for service in services:
            if wanted in {service.name.casefold(), service.arm_id.casefold()}:
                return service
        names = ", ".join(service.name for service in services) or "none"
        what = f"The provisioning service {clean(name)} was not found"
        raise ConsoleError(ErrorKind.NOT_FOUND, what, f"this credential sees: {names}", "Check the name")

"""Lines of export and import jobs, checked: each makes, changes or deletes what it names, by its `importMode`."""

from __future__ import annotations

from typing import Any

from console.localhub.load_devices import planned_device, planned_module
from console.localhub.load_line_parts import dropped, has_credentials, miswritten
from console.localhub.load_lines import BULK
from console.localhub.load_parts import LoadPlan, PlannedIdentity, Problems
from console.localhub.registry_bulk import DEFAULT_MODE, MODES
from console.localhub.registry_identity import check_id
from console.localhub.registry_twins import check_sizes, merged, twin_parts
from console.localhub.state import DeviceRecord, HubState, Json

_IDENTITY = ("id", "status", "statusReason", "authentication", "capabilities", "tags", "properties")
_MODULE = ("moduleId", "managedBy", "authentication", "tags", "properties")
_COMPUTED = {
    *("eTag", "etag", "deviceEtag", "twinETag", "importMode", "generationId", "version", "lastActivityTime"),
    *("connectionState", "connectionStateUpdatedTime", "statusUpdatedTime", "statusUpdateTime"),
    "cloudToDeviceMessageCount",
}
"""What the registry writes itself, or what says how a line is taken."""
_SCOPES = ("deviceScope", "parentScopes")


class _Lines:
    """Takes line after line; modules wait until every device of the file is known."""

    def __init__(self, hub: HubState, plan: LoadPlan, problems: Problems) -> None:
        self._hub, self._plan, self._problems = hub, plan, problems
        self._made: dict[str, int] = {}
        self._modules: list[tuple[str, str, Json]] = []
        self._seen: set[tuple[str, str]] = set()
        self._no_keys = self._scopes = 0
        self._unknown: dict[str, int] = {}

    def take(self, number: Any, line: Any) -> None:
        """Take one line."""
        place = f"line {number}"
        if not isinstance(line, dict):
            self._problems.add(place, "it is no JSON object")
            return
        own, module = line.get("id", line.get("deviceId")), line.get("moduleId")
        if not isinstance(own, str) or not isinstance(module, str | None):
            self._problems.add(place, "its id is no text" if "id" in line else "it has no id")
            return
        place = f"{place} ({own}{'/' + module if module else ''})"
        if (own, module or "") in self._seen:
            self._problems.add(place, "it is named more than once")
            return
        self._seen.add((own, module or ""))
        if problem := miswritten(line):
            self._problems.add(place, problem)
            return
        self._plan.left_out += [f"{place}: {what}" for what in dropped(line)]
        mode = MODES.get(str(line.get("importMode") or DEFAULT_MODE).casefold())
        if mode is None:
            self._problems.add(place, f"its importMode {line['importMode']!r} is none")
        elif module:
            self._module_line(place, own, mode, line)
        else:
            self._device_line(place, own, mode, line)

    def _device_line(self, place: str, own: str, mode: str, line: Json) -> None:
        with self._problems.at(place):
            check_id(own)
            with self._hub.lock:
                present = self._hub.devices.get(own)
            if not self._fits(place, mode, line, present):
                return
            if mode.startswith("delete"):
                self._plan.removed.append(own)
            elif mode.startswith("updateTwin"):
                self._twin_line(own, line, present)
            else:
                self._note(line, {"id", "deviceId", *_IDENTITY})
                entry = {name: line[name] for name in _IDENTITY if line.get(name) is not None}
                found = planned_device({**entry, "id": own}, place.partition(" (")[0], self._problems, keep_twin=True)
                if found is not None:
                    self._made[own] = len(self._plan.devices)
                    self._plan.devices.append(found)
                    self._no_keys += not has_credentials(line)

    def _module_line(self, place: str, own: str, mode: str, line: Json) -> None:
        if mode.startswith(("delete", "updateTwin")):
            self._problems.add(place, f"the local hub takes no importMode {mode} for a module")
        elif mode.endswith("IfMatchETag"):
            self._problems.add(place, "the local hub compares no eTag of a module")
        else:
            if str(line.get("status") or "enabled").casefold() != "enabled":
                self._plan.left_out.append(f"{place}: the status {line['status']}, for a module has none")
            self._note(line, {"id", "deviceId", "status", "statusReason", "capabilities", *_MODULE})
            self._modules.append((place, own, {**line, "_mode": mode}))

    def _fits(self, place: str, mode: str, line: Json, present: DeviceRecord | None) -> bool:
        """Say whether a line's mode goes with what is there; if not, that is a problem."""
        if mode == "create" and present is not None:
            self._problems.add(place, "it is there already, and its importMode is create")
            return False
        if present is None and mode.startswith(("update", "delete")):
            self._problems.add(place, f"there is no such device, and its importMode is {mode}")
            return False
        if mode.endswith("IfMatchETag") and present is not None:
            name, etag = ("twinETag", present.twin_etag) if "Twin" in mode else ("eTag", present.etag)
            if str(line.get(name) or "").strip('"') not in {"*", etag}:
                self._problems.add(place, f"its {name} is not the device's, and its importMode is {mode}")
                return False
        return True

    def _twin_line(self, own: str, line: Json, present: DeviceRecord | None) -> None:
        assert present is not None  # _fits
        tags, desired = twin_parts(line)
        tags = None if tags is None else merged(present.tags, tags)
        desired = None if desired is None else merged(present.desired, desired)
        check_sizes(tags, desired)
        self._note(line, {"id", "deviceId", "tags", "properties"})
        self._plan.twins[own] = (tags, desired)

    def _note(self, line: Json, known: set[str]) -> None:
        """Count what of a line the local hub does not hold."""
        for name, value in line.items():
            if name in _SCOPES:
                edge = isinstance(line.get("capabilities"), dict) and line["capabilities"].get("iotEdge") is True
                alone = (
                    name == "deviceScope" and not edge and not line.get("parentScopes")
                )  # an edge device's is its own
                self._scopes += bool(value) and (name == "parentScopes" or alone)
            elif name not in known and name not in _COMPUTED and value not in (None, "", [], {}):
                self._unknown[name] = self._unknown.get(name, 0) + 1

    def finish(self) -> None:
        """Give the modules to their devices, and say what was left out."""
        for place, own, line in self._modules:
            at = self._made.get(own)
            with self._hub.lock:
                present = None if own in self._plan.removed else self._hub.devices.get(own)
            if at is None and present is None:
                self._problems.add(place, "there is no such device, in the file or at the hub")
                continue
            device: PlannedIdentity | None = self._plan.devices[at] if at is not None else None
            edge = device.spec.edge if device is not None else bool(present and present.edge)
            there = present is not None and line["moduleId"] in present.modules
            if (line["_mode"] == "create" and there) or (line["_mode"] == "update" and not there):
                what = "it is there already" if there else "there is no such module"
                self._problems.add(place, f"{what}, and its importMode is {line['_mode']}")
                continue
            entry = {name: line[name] for name in _MODULE if line.get(name) is not None}
            found = planned_module(entry, place, self._problems, edge=edge, keep_twin=True)
            if found is not None:
                self._plan.modules.append((own, found))
        told = self._plan.left_out
        if self._no_keys:
            told.append(f"the keys of {self._no_keys} devices are not in the file: new ones were made")
        if self._scopes:
            told.append(f"{self._scopes} parents of devices: scopes hold generation ids, which are new here")
        told += [f"{name} of {count} lines: the local hub holds none" for name, count in self._unknown.items()]


def plan_bulk(document: Json, hub: HubState, plan: LoadPlan, problems: Problems) -> None:
    """Put the lines of a job's file into the plan; hold the cloud's lock."""
    written = document.get(BULK)
    if written is None:
        return
    if not isinstance(written, list) or not all(isinstance(one, dict) for one in written):
        problems.add(BULK, "it must be a list of lines")
        return
    lines = _Lines(hub, plan, problems)
    for one in written:
        lines.take(one.get("line"), one.get("device"))
    lines.finish()

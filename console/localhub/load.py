"""Puts a checked load file into the hub and its provisioning service: everything of it, or nothing."""

from __future__ import annotations

from collections.abc import Collection

from console.localhub.arm_certificates import put_certificate
from console.localhub.cloud_factory import next_etag
from console.localhub.door import stamp
from console.localhub.load_devices import SYSTEM_MODULES
from console.localhub.load_enrollments import KINDS, ServicePlan
from console.localhub.load_hub import FLAGS, settings_words
from console.localhub.load_parts import LoadPlan, PlannedIdentity, PlannedModule
from console.localhub.load_plan import make_plan
from console.localhub.registry_identity import first_counter, make_edge, new_device, new_module
from console.localhub.registry_twins import set_twin
from console.localhub.state import Cloud, DeviceRecord, HubState, Json, ProvisioningState
from console.model.text import clean


def load(cloud: Cloud, document: Json) -> Json:
    """Load a document into the first hub and provisioning service; return a report of what was made and replaced.

    What the document does not name stays. Raises LoadRefused, with nothing changed.
    """
    with cloud.lock:
        hub = next(iter(cloud.hubs.values()))
        service = next(iter(cloud.provisioning.values()))
        plan = make_plan(document, hub, service, cloud.clock.story())
        provisioned = _provisioning(service, plan.service) if plan.service is not None else {}
    with hub.lock:
        report = {**_hub(cloud, hub, plan), **provisioned}
    changed = dict.fromkeys((*(one.device_id for one in plan.devices), *(own for own, _ in plan.modules)))
    for device_id in (*changed, *plan.removed):
        cloud.notify(hub, f"device:{device_id}")
    for device_id in (*changed, *plan.twins):
        cloud.notify(hub, f"twin:{device_id}")
    locks = any(name in plan.settings for name in FLAGS)
    for what, is_so in (
        ("network", plan.network or plan.settings),
        ("policies", plan.policies or locks),
        ("certificates", plan.certificates),
    ):
        if is_so:
            cloud.notify(hub, what)
    return {"loaded": report, "settings": settings_words(plan), "leftOut": plan.left_out}


def report_text(report: Json) -> str:
    """Return a report's settings and what was left out, a line for each: nothing of a file goes in silence."""
    lines = [*report["settings"], *(f"left out: {text}" for text in report["leftOut"])]
    return "".join(f"{clean(line)}\n" for line in lines)


def _hub(cloud: Cloud, hub: HubState, plan: LoadPlan) -> Json:
    now = cloud.clock.story()
    modules = {"made": 0, "replaced": 0, "removed": 0}
    report: Json = {
        "devices": {
            **_counts([one.device_id for one in plan.devices], hub.devices),
            "removed": len(plan.removed),
        },
        "twins": {"made": 0, "replaced": len(plan.twins), "removed": 0},
        "modules": modules,
        "policies": _counts(plan.policies, hub.policies),
        "certificates": _counts(plan.certificates, hub.certificates),
        "networkRules": len(plan.network["ipRules"]) if plan.network is not None else None,
    }
    for one in plan.devices:
        before = hub.devices.get(one.device_id)
        replaced = sum(module.module_id in before.modules for module in one.modules) if before is not None else 0
        modules["made"] += len(one.modules) - replaced
        modules["replaced"] += replaced
        hub.devices[one.device_id] = _device(cloud, one, before)
    for own, module in plan.modules:
        present = module.module_id in hub.devices[own].modules
        modules["replaced" if present else "made"] += 1
        _module(cloud, hub.devices[own], module)
    for own, (tags, desired) in plan.twins.items():
        set_twin(hub.devices[own], tags, desired, stamp(now))
    for own in plan.removed:
        del hub.devices[own]
    hub.policies.update(plan.policies)
    for name, (der, verified) in plan.certificates.items():
        put_certificate(hub, name, der, now, verified=verified)
    if plan.network is not None:
        hub.resource["properties"]["networkRuleSets"] = plan.network
    if plan.network is not None or plan.settings:
        hub.resource["properties"].update(plan.settings)
        hub.network_changed += 1
    if plan.network is not None or plan.settings or plan.policies:
        hub.resource["etag"] = next_etag(hub.resource["etag"])
    return report


def _device(cloud: Cloud, one: PlannedIdentity, before: DeviceRecord | None) -> DeviceRecord:
    """Return the record of a planned device; one that was there keeps its generation, state and other modules."""
    now = cloud.clock.story()
    record = before
    if record is None:
        record = new_device(one.device_id, one.spec, now)
    else:
        one.spec.credentials.put_into(record)
        if record.status != one.spec.status:
            record.status_updated = stamp(now)
        record.status, record.status_reason = one.spec.status, one.spec.status_reason
        record.parent_scopes = list(one.spec.parent_scopes)
        if one.spec.edge and not record.edge:
            make_edge(record, now)
        record.identity_counter += 1
    set_twin(record, one.tags, one.desired, stamp(now))
    if one.reported:
        record.reported = one.reported
        record.reported_version += 1
    for planned in one.modules:
        _module(cloud, record, planned)
    return record


def _module(cloud: Cloud, device: DeviceRecord, planned: PlannedModule) -> None:
    """Make or replace a module; those that an edge device has by itself keep their identity and get their twin."""
    now = cloud.clock.story()
    module = device.modules.get(planned.module_id) if planned.module_id in SYSTEM_MODULES else None
    if module is None:
        module = new_module(device.device_id, planned.module_id, planned.credentials, planned.managed_by, now)
        module.identity_counter = first_counter()
        device.modules[planned.module_id] = module
    set_twin(module, planned.tags, planned.desired, stamp(now))
    if planned.reported:
        module.reported = planned.reported
        module.reported_version += 1


def _provisioning(service: ProvisioningState, plan: ServicePlan) -> Json:
    report = {"provisioningCertificates": _counts(plan.certificates, service.certificates)}
    for name, kind in KINDS.items():
        report[name] = _counts([one.id for one in plan.taken[name]], kind.records(service))
    plan.apply(service)
    return report


def _counts(wanted: Collection[str], present: Collection[str]) -> Json:
    replaced = sum(name in present for name in wanted)
    return {"made": len(wanted) - replaced, "replaced": replaced, "removed": 0}

"""Puts a checked load file into the hub and its provisioning service: everything of it, or nothing."""

from __future__ import annotations

from collections.abc import Collection

from console.localhub.arm_certificates import put_certificate
from console.localhub.cloud_factory import next_etag
from console.localhub.door import stamp
from console.localhub.load_enrollments import KINDS, ServicePlan
from console.localhub.load_plan import LoadPlan, PlannedIdentity, make_plan
from console.localhub.registry_identity import first_counter, make_edge, new_device, new_module
from console.localhub.registry_twins import set_twin
from console.localhub.state import Cloud, DeviceRecord, HubState, Json, ProvisioningState


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
    for device in plan.devices:
        cloud.notify(hub, f"device:{device.device_id}")
        cloud.notify(hub, f"twin:{device.device_id}")
    for what, changed in (("network", plan.network), ("policies", plan.policies), ("certificates", plan.certificates)):
        if changed:
            cloud.notify(hub, what)
    return {"loaded": report, "leftOut": plan.left_out}


def _hub(cloud: Cloud, hub: HubState, plan: LoadPlan) -> Json:
    now = cloud.clock.story()
    modules = {"made": 0, "replaced": 0}
    report: Json = {
        "devices": _counts([one.device_id for one in plan.devices], hub.devices),
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
    hub.policies.update(plan.policies)
    for name, (der, verified) in plan.certificates.items():
        put_certificate(hub, name, der, now, verified=verified)
    if plan.network is not None:
        hub.resource["properties"]["networkRuleSets"] = plan.network
        hub.network_changed += 1
    if plan.network is not None or plan.policies:
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
        module = new_module(one.device_id, planned.module_id, planned.credentials, planned.managed_by, now)
        set_twin(module, planned.tags, planned.desired, stamp(now))
        module.identity_counter = first_counter()
        record.modules[planned.module_id] = module
    return record


def _provisioning(service: ProvisioningState, plan: ServicePlan) -> Json:
    report = {"provisioningCertificates": _counts(plan.certificates, service.certificates)}
    for name, kind in KINDS.items():
        report[name] = _counts([one.id for one in plan.taken[name]], kind.records(service))
    plan.apply(service)
    return report


def _counts(wanted: Collection[str], present: Collection[str]) -> Json:
    replaced = sum(name in present for name in wanted)
    return {"made": len(wanted) - replaced, "replaced": replaced}

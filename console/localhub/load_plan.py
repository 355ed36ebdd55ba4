"""Checks a document for `localhub load` by the services' own rules, whole, before anything of it is taken."""

from __future__ import annotations

from datetime import datetime

from console.localhub.load_az import as_load_file
from console.localhub.load_bulk import plan_bulk
from console.localhub.load_devices import plan_devices
from console.localhub.load_enrollments import KINDS, ServicePlan
from console.localhub.load_hub import certificates_of, plan_policies, plan_settings
from console.localhub.load_lines import BULK
from console.localhub.load_parts import LoadPlan, LoadRefused, Problems, entries_of
from console.localhub.state import HubState, Json, ProvisioningState

_TOP = ("devices", "policies", "certificates", "networkRules", "hub", "provisioningCertificates", *KINDS)
_MOST_CERTIFICATES = 25


def make_plan(document: Json, hub: HubState, service: ProvisioningState, now: datetime) -> LoadPlan:
    """Return what a document changes at a hub and a provisioning service; hold the cloud's lock. Changes nothing.

    Raises LoadRefused with everything that is wrong with it.
    """
    plan, problems = LoadPlan(), Problems()
    document, plan.left_out = as_load_file(document)
    problems.unknown("the file", document, _TOP if BULK not in document else (*_TOP, BULK))
    plan_devices(document, plan, problems)
    plan_bulk(document, hub, plan, problems)
    plan.left_out += _what_stays(plan, hub)
    plan_policies(document, plan, problems)
    for name, der, verified in certificates_of(document, "certificates", problems):
        plan.certificates[name] = (der, verified)
    if len(set(plan.certificates) | set(hub.certificates)) > _MOST_CERTIFICATES:
        problems.add("certificates", f"a hub has at most {_MOST_CERTIFICATES}")
    plan_settings(document, hub, plan, problems)
    plan.service = ServicePlan(service, hub, now)
    for name, der, verified in certificates_of(document, "provisioningCertificates", problems):
        plan.service.certificate(name, der, verified=verified)
    for name, kind in KINDS.items():
        entries = entries_of(document, name, kind.id_name, problems, ("status",))
        plan.service.enrollments(entries, name, problems)
    if problems.found:
        raise LoadRefused(problems.found)
    return plan


def _what_stays(plan: LoadPlan, hub: HubState) -> list[str]:
    """Return what of a device that is there already a load does not change, where the file says otherwise."""
    found = []
    with hub.lock:
        for one in plan.devices:
            before = hub.devices.get(one.device_id)
            if before is None:
                continue
            if before.edge and not one.spec.edge:
                found.append(f"{one.device_id} stays an edge device, as it is at the hub")
            if one.spec.scope and one.spec.scope != before.scope:
                found.append(f"the scope of {one.device_id}: it keeps its own")
    return found

"""`hubwarden dps show|enrollments|groups|registrations|cross-check`: what provisioning services hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from console.cli.context import Settings
from console.cli.dps_options import opened, service_option
from console.cli.output import print_json, print_pairs, print_table, time_text
from console.model.enrollment import Attestation, Enrollment, EnrollmentKind

if TYPE_CHECKING:
    from console.model.enrollment import ProvisioningInstance, ProvisioningPolicy

FOUND = 1


@click.command()
@service_option
@click.option("--policies", "with_policies", is_flag=True, help="Their policies, too: reads the keys, shows none.")
@click.option("--reason", default="", help="Why the keys are read, for the journal.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.provisioning_services/1.")
@click.pass_obj
def show(settings: Settings, service: str, with_policies: bool, reason: str, as_json: bool) -> None:
    """Show the provisioning services that the credential sees, those that link the hub first."""
    from console.cli.dps_json import services_json

    services = settings.services()
    found = (services.dps.instance(service),) if service else services.dps.instances()
    policies = {one.arm_id: services.dps.policies(one, reason) for one in found} if with_policies else {}
    if as_json:
        print_json(services_json(services.clock(), found, policies))
        return
    for number, one in enumerate(found):
        if number:
            click.echo()
        _print_service(one, policies.get(one.arm_id))
    if not found:
        click.echo("No provisioning service: the credential sees none in the hub's subscription.", err=True)


@click.command()
@service_option
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.enrollments/1.")
@click.pass_obj
def enrollments(settings: Settings, service: str, as_json: bool) -> None:
    """List the individual enrollments of a provisioning service; no key is read."""
    _list(settings, service, EnrollmentKind.INDIVIDUAL, as_json)


@click.command()
@service_option
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.enrollments/1.")
@click.pass_obj
def groups(settings: Settings, service: str, as_json: bool) -> None:
    """List the enrollment groups of a provisioning service; no key is read."""
    _list(settings, service, EnrollmentKind.GROUP, as_json)


@click.command()
@click.argument("group")
@service_option
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.registrations/1.")
@click.pass_obj
def registrations(settings: Settings, group: str, service: str, as_json: bool) -> None:
    """List what became of the devices that registered through a group."""
    from console.cli.dps_json import registrations_json

    services, instance = opened(settings, service)
    found = services.dps.registrations(instance, group)
    if as_json:
        print_json(registrations_json(services.clock(), instance, group, found))
        return
    print_table(
        ("REGISTRATION", "STATUS", "DEVICE", "HUB", "UPDATED", "WHY"),
        [
            (
                one.registration_id,
                one.status,
                one.device_id,
                one.hub,
                time_text(one.updated) or "",
                f"{one.error_code} {one.error_message}".strip() if one.error_code else one.substatus,
            )
            for one in found
        ],
    )


@click.command("cross-check")
@service_option
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.provisioning_check/1.")
@click.pass_obj
def cross_check(settings: Settings, service: str, as_json: bool) -> int:
    """Compare a provisioning service with the profile's hub; exit code 1 where they disagree.

    Disabled here but enabled there, registered but never seen, enrolled but never registered, other authentication, a
    group whose devices a broader one lets in.
    """
    from console.cli.dps_json import check_json

    services, instance = opened(settings, service)
    reading = services.dps.read(instance)
    check = services.dps.cross_check(instance, reading)
    if as_json:
        print_json(check_json(instance, check))
        return FOUND if check.findings else 0
    print_table(
        ("FINDING", "ENROLLMENT", "DEVICE", "WHAT", "NEXT"),
        [(one.kind.value, one.enrollment_id, one.device_id, one.message, one.hint) for one in check.findings],
    )
    click.echo(f"{len(check.findings)} findings; {check.compared} devices compared with {instance.name}", err=True)
    for text in check.unknown:
        click.echo(f"not known: {text}", err=True)
    return FOUND if check.findings else 0


def proof_text(one: Enrollment) -> str:
    """Return how devices prove themselves, with the kind of certificate."""
    slot = f" {one.certificate_slot.value}" if one.certificate_slot else ""
    return f"{'other' if one.attestation is Attestation.OTHER else one.attestation.value}{slot}"


def _list(settings: Settings, service: str, kind: EnrollmentKind, as_json: bool) -> None:
    from console.cli.dps_json import enrollments_json

    services, instance = opened(settings, service)
    reading = services.dps.read(instance)
    group = kind is EnrollmentKind.GROUP
    found = reading.groups if group else reading.enrollments
    if as_json:
        print_json(enrollments_json(reading, found))
        return
    print_table(
        (
            "GROUP" if group else "REGISTRATION ID",
            "STATUS",
            "ATTESTATION",
            *(() if group else ("DEVICE", "REGISTERED")),
            "HUBS",
        ),
        [
            (
                one.id,
                "enabled" if one.enabled else "disabled",
                proof_text(one),
                *(() if group else (_device(one), _registered(one))),
                ", ".join(one.hubs) or "all linked",
            )
            for one in found
        ],
    )
    click.echo(f"{len(found)} {'groups' if group else 'individual enrollments'} of {instance.name}", err=True)
    if reading.partial:
        click.echo(f"not all: {reading.partial}", err=True)


def _device(one: Enrollment) -> str:
    told = one.registration.device_id if one.registration else ""
    return told or one.device_id or one.id


def _registered(one: Enrollment) -> str:
    state = one.registration
    return "never" if state is None or state.status in {"", "unassigned"} else f"{state.status} {state.hub}".rstrip()


def _print_service(one: ProvisioningInstance, policies: tuple[ProvisioningPolicy, ...] | None) -> None:
    pairs = [
        ("service", one.name),
        ("id scope", one.id_scope),
        ("service API", one.host),
        ("devices go to", one.device_host),
        ("allocation", one.allocation),
        ("public access", "on" if one.public_access else "off"),
    ]
    pairs += [("hub", f"{hub.host}, policy {hub.policy}" if hub.policy else hub.host) for hub in one.hubs]
    pairs += [("filter", f"{rule.action} {rule.mask} ({rule.name}, {rule.target})") for rule in one.filters]
    if policies is not None:
        pairs += [("policy", f"{policy.name}: {', '.join(policy.rights)}") for policy in policies]
    print_pairs(pairs)

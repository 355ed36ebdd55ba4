"""`hubwarden dps enable|disable|delete|block|delete-registration`: plans, and with --yes changes."""

from __future__ import annotations

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.dps_options import file_content, group_option, kind_of, opened, service_option


@click.command()
@click.argument("enrollment_id", metavar="ID")
@group_option
@service_option
@change_options
@click.pass_obj
def enable(settings: Settings, enrollment_id: str, is_group: bool, service: str, options: ChangeOptions) -> int:
    """Let the device of an enrollment (with --group: the devices of a group) register."""
    services, instance = opened(settings, service)
    change = services.dps.plan_status(instance, kind_of(is_group), enrollment_id, True, options.reason)
    return carry_out(services, [change], options)


@click.command()
@click.argument("enrollment_id", metavar="ID")
@group_option
@service_option
@change_options
@click.pass_obj
def disable(settings: Settings, enrollment_id: str, is_group: bool, service: str, options: ChangeOptions) -> int:
    """Refuse the device of an enrollment (with --group: the devices of a group) when it registers.

    Who is assigned already stays in the hub and goes on connecting: hubwarden devices disable ID shuts it out there.
    """
    services, instance = opened(settings, service)
    change = services.dps.plan_status(instance, kind_of(is_group), enrollment_id, False, options.reason)
    return carry_out(services, [change], options)


@click.command()
@click.argument("enrollment_id", metavar="ID")
@group_option
@service_option
@change_options
@click.pass_obj
def delete(settings: Settings, enrollment_id: str, is_group: bool, service: str, options: ChangeOptions) -> int:
    """Delete an enrollment, or with --group a group.

    What another group would let in from then on must be accepted. Devices that are assigned already stay in the hub.
    """
    services, instance = opened(settings, service)
    change = services.dps.plan_delete(instance, kind_of(is_group), enrollment_id, options.reason)
    return carry_out(services, [change], options)


@click.command()
@click.argument("group")
@click.argument("registration_id")
@click.option("--certificate", default="", metavar="FILE", help="The device's certificate, for a group by X.509.")
@service_option
@change_options
@click.pass_obj
def block(
    settings: Settings, group: str, registration_id: str, certificate: str, service: str, options: ChangeOptions
) -> int:
    """Shut one device out of a group, the documented way: by a disabled individual enrollment of its registration id.

    The group goes on for all others. Leave the enrollment: deleted, the group lets the device in again.
    """
    content = file_content(certificate) if certificate else b""
    services, instance = opened(settings, service)
    change = services.dps.plan_block(instance, group, registration_id, content, options.reason)
    return carry_out(services, [change], options)


@click.command("delete-registration")
@click.argument("registration_id")
@service_option
@change_options
@click.pass_obj
def delete_registration(settings: Settings, registration_id: str, service: str, options: ChangeOptions) -> int:
    """Let the service forget where a device was assigned; the device may register again, and stays in its hub."""
    services, instance = opened(settings, service)
    change = services.dps.plan_delete_registration(instance, registration_id, options.reason)
    return carry_out(services, [change], options)

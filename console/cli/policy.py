"""`hubwarden policy`: who holds a key to the hub, without the console."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.output import Json, envelope, print_json, print_table, time_text
from console.model.errors import ConsoleError, ErrorKind
from console.model.policy import AuthScope, PoliciesReading, PolicyView, RotationState, Slot, Stage
from console.model.text import clean

if TYPE_CHECKING:
    from console.model.change import Change
    from console.services.bundle import Services

_SLOTS = click.Choice([slot.value for slot in Slot])


@click.group()
def policy() -> None:
    """Shared access policies: list, create, set-rights, rotate, swap, delete, connection-string, local-auth.

    Rights and keys come from listKeys, a privileged read: every command but `local-auth` and `rotate --status` makes
    it, and notes it in the journal first. Keys are never printed, but by connection-string.
    """


@policy.command("list")
@click.option("--reason", default="", help="Why the keys are read, for the journal.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.policies/1.")
@click.pass_obj
def list_policies(settings: Settings, reason: str, as_json: bool) -> None:
    """List policies: rights, key slots, who uses them, age of the keys, rotation. Reads the keys, shows none."""
    from console.present.policies import age_text, keys_text, rotation_text, used_by_text

    services = settings.services()
    reading = services.changes.policies.read_keys(reason=reason)
    if as_json:
        print_json(reading_json(reading))
        return
    print_table(
        ("POLICY", "RIGHTS", "OPENS", "KEYS", "USED BY", "KEY AGE", "ROTATION"),
        [
            (
                one.name,
                ", ".join([*one.rights, *one.other_rights]),
                one.breadth,
                keys_text(one),
                used_by_text(one),
                age_text(one, reading.as_of),
                rotation_text(one.rotation),
            )
            for one in reading.policies
        ],
    )
    for line in _remarks(reading):
        click.echo(line, err=True)


@policy.command("create")
@click.argument("name")
@click.option("--rights", required=True, help="RegistryRead,RegistryWrite,ServiceConnect,DeviceConnect: some of them.")
@change_options
@click.pass_obj
def create_policy(settings: Settings, name: str, rights: str, options: ChangeOptions) -> int:
    """Create a policy with two new keys; all others keep theirs."""
    return _carry_out(settings, lambda s: s.changes.policies.plan_create(name, rights, options.reason), options)


@policy.command("set-rights")
@click.argument("name")
@click.option("--rights", required=True, help="All the rights that it is to have from now on.")
@change_options
@click.pass_obj
def set_rights(settings: Settings, name: str, rights: str, options: ChangeOptions) -> int:
    """Give a policy other rights; both of its keys stay."""
    return _carry_out(settings, lambda s: s.changes.policies.plan_rights(name, rights, options.reason), options)


@policy.command("delete")
@click.argument("name")
@change_options
@click.pass_obj
def delete_policy(settings: Settings, name: str, options: ChangeOptions) -> int:
    """Delete a policy: clients with its keys are cut off at once."""
    return _carry_out(settings, lambda s: s.changes.policies.plan_delete(name, options.reason), options)


@policy.command("rotate")
@click.argument("name")
@click.option("--key", "key", type=_SLOTS, help="Which key to replace; without it the next one of the rotation.")
@click.option("--status", is_flag=True, help="Only say how far the rotation has come, by the journal; no key is read.")
@change_options
@click.pass_obj
def rotate(settings: Settings, name: str, key: str | None, status: bool, options: ChangeOptions) -> int:
    """Replace the keys of a policy in stages: first the secondary, then, when clients have moved, the primary.

    How far it has come is in the journal, so that it can be left and taken up again, also by another console of this
    machine.
    """
    services = settings.services()
    if status:
        state = services.changes.policies.rotation_state(name)
        if options.as_json:
            print_json(envelope("policy_rotation", services.clock(), [{"name": clean(name), **rotation_json(state)}]))
        else:
            _print_rotation(name, state)
        return 0
    change = services.changes.policies.plan_rotate(name, Slot(key) if key else None, options.reason)
    code = carry_out(services, [change], options)
    if options.yes and code == 0 and not options.as_json:
        _print_rotation(name, services.changes.policies.rotation_state(name))
    return code


@policy.command("swap")
@click.argument("name")
@change_options
@click.pass_obj
def swap(settings: Settings, name: str, options: ChangeOptions) -> int:
    """Exchange the primary and the secondary key of a policy; both stay valid."""
    return _carry_out(settings, lambda s: s.changes.policies.plan_swap(name, options.reason), options)


@policy.command("connection-string")
@click.argument("name")
@click.option("--key", "key", type=_SLOTS, default=Slot.PRIMARY.value, show_default=True)
@click.option("--show", is_flag=True, help="Print it even where standard output is a terminal.")
@click.pass_obj
def connection_string(settings: Settings, name: str, key: str, show: bool) -> None:
    """Print the connection string of a policy: into a file or a pipe, on a terminal only with --show.

    A terminal keeps what it showed (scrollback, tmux, a recorded session), so that is refused unless asked for. For a
    file use a private one: (umask 077; hubwarden policy connection-string NAME > FILE). The reading is journalled, the
    string is not. Whoever has it can do what the policy's rights allow.
    """
    if sys.stdout.isatty() and not show:
        what, why = "Nothing was read", "standard output is a terminal, which would keep the key in its scrollback"
        hint = "Send it to a file or a pipe, or add --show"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")
    services = settings.services()
    click.echo(services.changes.policies.connection_string(name, Slot(key)).reveal())


@policy.command("local-auth")
@click.argument("scope", type=click.Choice([scope.value for scope in AuthScope]))
@click.argument("state", type=click.Choice(["on", "off"]))
@change_options
@click.pass_obj
def local_auth(settings: Settings, scope: str, state: str, options: ChangeOptions) -> int:
    """Accept (on) or refuse (off) shared access signatures of the hub's policies, of devices or of modules.

    The pre-flight counts who would be cut off; no key is read.
    """
    chosen = AuthScope(scope)
    return _carry_out(
        settings, lambda s: s.changes.policies.plan_local_auth(chosen, state == "on", options.reason), options
    )


def reading_json(reading: PoliciesReading) -> Json:
    """Return the document hubwarden.policies/1; no key is in it."""
    overview = reading.overview
    links, accepted = overview.links, overview.local_auth
    return envelope(
        "policies",
        reading.as_of,
        [policy_json(one) for one in reading.policies],
        local_auth={scope.value: accepted.of(scope) for scope in AuthScope},
        links=None
        if links.links is None
        else [{"instance": one.instance, "policy": one.policy, "by_key": one.by_key} for one in links.links],
        warnings=[{"code": "dps-unknown", "message": links.problem, "hint": ""}] if links.links is None else [],
    )


def policy_json(view: PolicyView) -> Json:
    """Return one policy as an item of hubwarden.policies/1."""
    return {
        "name": view.name,
        "rights": [right.value for right in view.rights],
        "other_rights": list(view.other_rights),
        "breadth": view.breadth.value,
        "built_in": view.built_in,
        "keys_filled": {"primary": view.primary, "secondary": view.secondary},
        "keys_equal": view.equal,
        "keys_made": {"primary": time_text(view.primary_since), "secondary": time_text(view.secondary_since)},
        "used_by": None if view.used_by is None else list(view.used_by),
        "rotation": rotation_json(view.rotation),
    }


def rotation_json(state: RotationState) -> Json:
    """Return how far a rotation has come."""
    return {
        "stage": state.stage.value,
        "since": time_text(state.since),
        "next": state.next_slot.value,
        "checklist": list(state.checklist),
        "note": state.note,
    }


def _carry_out(settings: Settings, plan: Callable[[Services], Change], options: ChangeOptions) -> int:
    services = settings.services()
    return carry_out(services, [plan(services)], options)


def _print_rotation(name: str, state: RotationState) -> None:
    from console.present.policies import rotation_lines

    for line in rotation_lines(clean(name), state):
        click.echo(line)


def _remarks(reading: PoliciesReading) -> list[str]:
    overview = reading.overview
    refused = [scope.value for scope in AuthScope if overview.local_auth.of(scope) is False]
    lines = [
        f"{len(reading.policies)} policies; shared access signatures refused for: {', '.join(refused) or 'nobody'}"
    ]
    equal = [one.name for one in reading.policies if one.equal]
    if equal:
        lines.append(
            f"primary and secondary key are equal, so neither can be replaced without a cut: {', '.join(equal)}"
        )
    if overview.links.links is None:
        lines.append(f"which provisioning services link the hub is not known: {overview.links.problem}")
    if any(one.rotation.stage is not Stage.NONE for one in reading.policies):
        lines.append("hubwarden policy rotate NAME --status shows what a rotation waits for")
    return lines

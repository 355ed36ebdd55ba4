"""The command `hubwarden`: global options, lazily loaded commands, and one place where failures become sentences."""

from __future__ import annotations

from console.cli.loading import loaded

# isort: split
import gc
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import click

from console.cli.context import Settings
from console.cli.core_dumps import forbid_core_dumps
from console.cli.failures import exit_code, requires_text
from console.cli.interrupt import INTERRUPTED, insist_on_the_end
from console.cli.streams import OutputClosed, prepare, silence

if TYPE_CHECKING:
    from console.cli.wiring import Wiring
    from console.services.write_ports import WritePorts

_COMMANDS = {
    # name: (module, attribute, one line for --help, so that --help imports nothing)
    "access": ("console.cli.access", "access", "Entra roles: who may do what through what; lint, assign, check."),
    "cert": ("console.cli.cert", "cert", "Certificates: CAs, devices, requests, verify, lint, upload, prove."),
    "connections": ("console.cli.connections", "connections", "Who fails to connect, since when and why."),
    "demo": ("console.cli.demo", "demo", "Start the local hub with an incident under way and open the console on it."),
    "devices": (
        "console.cli.devices",
        "devices",
        "Devices: list, show, enable, disable, rotate keys, thumbprints, create, delete.",
    ),
    "dps": ("console.cli.dps", "dps", "Provisioning services: enrollments, groups, keys, cross-check, register."),
    "hubs": ("console.cli.hubs", "hubs", "Every hub the credential sees: exposure, state, failed connections."),
    "journal": ("console.cli.journal", "journal", "Who changed what: list, show, verify, undo, export."),
    "localhub": ("console.cli.localhub", "localhub", "A real IoT Hub on loopback."),
    "policy": ("console.cli.policy", "policy", "Shared access policies: who holds a key to the hub."),
    "payload": ("console.cli.payload", "payload", "Symmetric payload encryption: keygen, encrypt, decrypt, rotate."),
    "network": ("console.cli.network", "network", "Who can reach the hub: show, simulate, set, endpoint."),
    "profile": ("console.cli.profile", "profile", "Profiles: add, list, show, check."),
    "sas": ("console.cli.sas", "sas", "Shared access signatures: mint, inspect, ledger."),
    "schema": ("console.cli.schemas", "schema", "The JSON schema of a --json output."),
}
_PRIVATE = 0o077
"""The umask: what is made is for its owner alone, whatever the shell says; what is to be read by others says so."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return requires_text(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], _COMMANDS, 1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean “{near[0]}”?", ctx) from None


@click.group(cls=_Lazy, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", metavar="FILE-OR-NAME", help="A profile's name, a profile file, or just a hub's name.")
@click.option("--write", is_flag=True, help="Allow changes of this hub; without it everything is read-only.")
@click.option("--my-ip", metavar="ADDRESS", help="Your own public address, where it matters.")
@click.option("--theme", type=click.Choice(["dark", "light", "ansi"]), help="Colours; ansi are your terminal's own.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.version_option(package_name="hubwarden", prog_name="hubwarden")
@click.pass_context
def cli(
    ctx: click.Context, profile: str | None, write: bool, my_ip: str | None, theme: str | None, no_mouse: bool
) -> None:
    """A terminal security console for Azure IoT Hub.

    Without a command it opens the console on the default profile, read-only.
    """
    ctx.obj = Settings(
        profile=profile, my_ip=my_ip, theme=theme, mouse=not no_mouse, write=write, write_ports=write_ports
    )
    if ctx.invoked_subcommand is None:
        gc.disable()  # until the first frame: nothing is garbage yet, and looking for some takes a tenth of the start
        from console.cli.open_console import open_console

        open_console(ctx.obj)


def write_ports(wiring: Wiring) -> WritePorts:
    """Make every way to write. This is the only place that does; they go to the gate and to nobody else."""
    from console.gateways import writers
    from console.services.write_ports import WritePorts

    return WritePorts(
        hub=writers.HubWriter(wiring.arm, wiring.hub),
        policies=writers.PoliciesWriter(wiring.arm, wiring.hub),
        device=writers.DeviceWriter(wiring.registry),
        connection=writers.ConnectionWriter(wiring.arm, wiring.hub),
        endpoint=writers.EndpointWriter(wiring.arm),
        provisioning=writers.ProvisioningWriter(wiring.arm),
        certificate=writers.CertificateWriter(wiring.arm),
        certificate_code=writers.CertificateCodeWriter(wiring.arm),
        certificate_proof=writers.CertificateProofWriter(wiring.arm),
        enrollment=writers.EnrollmentWriter(wiring.enrollments),
        enrollment_group=writers.EnrollmentGroupWriter(wiring.enrollments),
        registration=writers.RegistrationWriter(wiring.enrollments),
        role=writers.RoleWriter(wiring.arm),
        assignment=writers.AssignmentWriter(wiring.arm),
    )


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 failed or refused, 2 wrong usage."""
    try:
        forbid_core_dumps()
        insist_on_the_end()
        code = run(sys.argv[1:] if args is None else args)
    except KeyboardInterrupt:  # before or after what `run` looks after
        code = INTERRUPTED
    sys.exit(code)


def run(args: list[str]) -> int:
    """Run the command line; return the exit code. Nothing but an exit code and sentences leaves this function."""
    prepare()
    warnings.simplefilter("ignore")  # what libraries say to programmers; to users everything is said in our own words
    before = os.umask(_PRIVATE)
    try:
        return _run(args)
    except OutputClosed:  # `hubwarden devices list | head`
        silence()
        return 0
    except BaseException as error:
        code = exit_code(error)
        if code is None:
            raise
        return code
    finally:
        os.umask(before)


def _run(args: list[str]) -> int:
    result: Any = cli.main(args=args, prog_name="hubwarden", standalone_mode=False)
    sys.stdout.flush()  # here, where a failure still becomes a sentence
    return result if isinstance(result, int) else 0


requires_text(cli, whole=False)
loaded()

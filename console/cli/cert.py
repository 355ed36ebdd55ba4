"""`hubwarden cert`: certificates, made, read and held against IoT Hub's rules; each command is loaded when used."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    # name: (module, attribute, one line for --help, so that --help imports nothing)
    "ca": ("console.cli.cert_issue", "ca", "Make a root CA: key, certificate and index in a folder of its own."),
    "compare": ("console.cli.cert_read", "compare", "Would this certificate let that device in? And why not?"),
    "csr": ("console.cli.cert_issue", "csr", "Make a key and a signing request, to be signed elsewhere."),
    "delete": ("console.cli.cert_hub", "delete", "Delete a CA certificate from the hub."),
    "hub": ("console.cli.cert_hub", "hub", "The hub's CA certificates: verified, expiry, devices by CA."),
    "inspect": ("console.cli.cert_read", "inspect", "Tell what a file (any form) or a host holds."),
    "intermediate": ("console.cli.cert_issue", "intermediate", "Make a CA below another."),
    "issue": ("console.cli.cert_issue", "issue", "Issue certificates for devices, modules or a server."),
    "lint": ("console.cli.cert_read", "lint", "Hold a certificate against IoT Hub's rules."),
    "list": ("console.cli.cert_issue", "list_certificates", "What was issued here, what expires, what needs renewal."),
    "prove": ("console.cli.cert_hub", "prove", "Prove possession of a CA's key to the hub."),
    "register": ("console.cli.cert_hub", "register", "Register a certificate's thumbprint for a device."),
    "sign": ("console.cli.cert_issue", "sign", "Sign a request whose key proves itself."),
    "upload": ("console.cli.cert_hub", "upload", "Upload a CA certificate to the hub."),
    "verify": ("console.cli.cert_read", "verify", "Verify a chain to given roots, or to the hub's CAs."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in self.list_commands(ctx)])


@click.group(cls=_Lazy)
def cert() -> None:
    """Certificates for devices, modules and CAs, correct for IoT Hub by construction."""

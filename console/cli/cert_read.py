"""`hubwarden cert inspect|verify|lint|compare`: certificates read and judged. The first three need no profile."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.context import Settings, ask_secret
from console.cli.output import print_json
from console.model.certificate import Answer, Inspected, Purpose
from console.model.clock import system_clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret

if TYPE_CHECKING:
    from console.present.lines import Line
    from console.services.inspector import Inspector

T = TypeVar("T")
_STDIN = click.option("--passphrase-stdin", is_flag=True, help="Read the passphrase of a PKCS#12 file from stdin.")
_SERVER_NAME = click.option("--server-name", default="", metavar="NAME", help="The name to ask a host for (SNI).")
_NARROWEST, _WIDEST = 60, 160


def _json_option(noun: str) -> Callable[[Any], Any]:
    return click.option("--json", "as_json", is_flag=True, help=f"JSON, schema hubwarden.{noun}/1.")


@click.command()
@click.argument("source")
@_SERVER_NAME
@_STDIN
@click.option("--pem", is_flag=True, help="Only the certificates, as PEM.")
@_json_option("certificate_content")
@click.pass_obj
def inspect(settings: Settings, source: str, server_name: str, passphrase_stdin: bool, pem: bool, as_json: bool) -> int:
    """Tell what SOURCE holds: a file of any form, `-` for standard input, or host:port.

    PEM, DER, PKCS#7, PKCS#12, requests, bundles and bare base64 are told by their content. Private keys are counted,
    never shown. No chain is verified here; 1 for a request that does not prove that its sender holds the key. With
    --profile a host is asked through that profile's proxy.
    """
    tool = _inspector(settings)
    held = _opened(
        source, passphrase_stdin, lambda secret: tool.inspect(source, passphrase=secret, server_name=server_name)
    )
    now = system_clock()
    if pem:
        if not held.certificates:
            raise ConsoleError(ErrorKind.BAD_INPUT, f"{held.source} holds no certificate", "", "See it without --pem")
        _check_whole(held)
        import ssl

        for one in held.certificates:
            click.echo(ssl.DER_cert_to_PEM_cert(one.der), nl=False)
    elif as_json:
        from console.cli.cert_read_json import inspected_json

        print_json(inspected_json(held, now))
    else:
        from console.present.certificates import inspected_lines

        _print(inspected_lines(held, now, _width()))
    return 0 if all(one.convincing for one in held.requests) else 1


@click.command()
@click.argument("source")
@click.option("--root", "roots", multiple=True, metavar="FILE", help="CA certificates to trust; may be repeated.")
@click.option("--at-hub", is_flag=True, help="Trust the CA certificates that are verified at the hub.")
@click.option(
    "--purpose", type=click.Choice([one.value for one in Purpose]), default=Purpose.CLIENT.value, show_default=True
)
@_SERVER_NAME
@_STDIN
@_json_option("certificate_chain")
@click.pass_obj
def verify(
    settings: Settings,
    source: str,
    roots: tuple[str, ...],
    at_hub: bool,
    purpose: str,
    server_name: str,
    passphrase_stdin: bool,
    as_json: bool,
) -> int:
    """Verify the leaf of SOURCE up to root files, or to the hub's CAs; 1 when it is not trusted.

    The rules are those of `openssl verify -x509_strict -purpose sslclient`, but each issuer in the file is tried, where
    openssl keeps to the first. Of a host the name is not checked; a note tells when the certificate has another. With
    --at-hub a CA that is verified at the hub ends the chain though it is no root, as IoT Hub has it. Each failure names
    the certificate and the reason.
    """
    tool = _inspector(settings, hub=at_hub)
    verdict = _opened(
        source,
        passphrase_stdin,
        lambda secret: tool.verify(
            source,
            roots=roots,
            at_hub=at_hub,
            purpose=Purpose(purpose),
            passphrase=secret,
            server_name=server_name,
        ),
    )
    now = system_clock()
    if as_json:
        from console.cli.cert_read_json import verdict_json

        print_json(verdict_json(verdict, now))
    else:
        from console.present.certificates import tree_lines

        _print(tree_lines(verdict, now, _width()))
    return 0 if verdict.trusted else 1


@click.command()
@click.argument("source")
@click.option("--device", "device_id", default="", metavar="ID", help="The device, or DEVICE/MODULE, that it is for.")
@click.option("--at-hub", is_flag=True, help="Hold it against the CAs at the hub too.")
@click.option("--for-upload", is_flag=True, help="It is to be uploaded as a CA certificate.")
@_STDIN
@_json_option("certificate_lint")
@click.pass_obj
def lint(
    settings: Settings,
    source: str,
    device_id: str,
    at_hub: bool,
    for_upload: bool,
    passphrase_stdin: bool,
    as_json: bool,
) -> int:
    """Hold the certificates of SOURCE against IoT Hub's rules; 1 on a finding of medium or high severity.

    What could not be evaluated is told as unknown, and is no failure.
    """
    from console.rules.certificate_lint import failed

    tool = _inspector(settings, hub=at_hub)
    findings = _opened(
        source,
        passphrase_stdin,
        lambda secret: tool.lint(source, device_id=device_id, at_hub=at_hub, for_upload=for_upload, passphrase=secret),
    )
    if as_json:
        from console.cli.cert_read_json import lint_json

        print_json(lint_json(findings, system_clock()))
    else:
        from console.present.certificates import lint_lines

        _print(lint_lines(findings, _width()))
    return 1 if failed(findings) else 0


@click.command()
@click.argument("source")
@click.argument("device_id", metavar="DEVICE")
@click.option("--module", "module_id", default="", metavar="ID", help="A module of the device.")
@_STDIN
@_json_option("certificate_comparison")
@click.pass_obj
def compare(
    settings: Settings, source: str, device_id: str, module_id: str, passphrase_stdin: bool, as_json: bool
) -> int:
    """Would the certificate of SOURCE let DEVICE in, as the registry has it now? And why not? 1 unless it would."""
    tool = _inspector(settings, hub=True)
    comparison = _opened(
        source,
        passphrase_stdin,
        lambda secret: tool.compare(source, device_id, module_id=module_id, passphrase=secret),
    )
    if as_json:
        from console.cli.cert_read_json import comparison_json

        print_json(comparison_json(comparison, system_clock()))
    else:
        from console.present.certificates import comparison_lines

        _print(comparison_lines(comparison, _width()))
    return 0 if comparison.answer is Answer.YES else 1


def _check_whole(held: Inspected) -> None:
    """Raise ConsoleError when a certificate cannot be read: what is printed would begin with another, or lack one."""
    from console.rules.certificate_unread import refused

    if held.unread_certificates:
        raise refused(held, held.unread_certificates[0], f"Nothing of {held.source} was written as PEM")


def _inspector(settings: Settings, *, hub: bool = False) -> Inspector:
    """Return the tool: the profile's where the hub is needed or one was named, else one without any profile."""
    if hub or settings.profile:
        return settings.services().credentials.inspector
    from console.gateways.remote import RemoteGateway
    from console.services.inspector import Inspector

    return Inspector(None, None, RemoteGateway(), system_clock)


def _opened(source: str, passphrase_stdin: bool, read: Callable[[Secret | None], T]) -> T:
    """Return what `read` gives; ask for a passphrase when it turns out that one is needed."""
    if passphrase_stdin:
        if source == "-":
            what, why = "Nothing was read", "certificate and passphrase cannot both come from standard input"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Name the file", code="usage")
        return read(Secret(sys.stdin.readline().rstrip("\r\n")))
    try:
        return read(None)
    except ConsoleError as error:
        if error.code != "passphrase":
            raise
        if not _asks():
            error.hint = "Give the passphrase with --passphrase-stdin: there is no terminal to ask on"
            raise
    return read(Secret(ask_secret("Passphrase")))


def _asks() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty()


def _width() -> int:
    return max(_NARROWEST, min(shutil.get_terminal_size((100, 24)).columns, _WIDEST))


def _print(lines: Iterable[Line]) -> None:
    from console.present.lines import plain

    for line in lines:
        click.echo(plain(line).rstrip())

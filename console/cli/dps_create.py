"""`hubwarden dps create`: one enrollment or group, for each attestation."""

from __future__ import annotations

import sys

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.dps_options import MOST_INPUT, file_content, kind_of, opened, service_option, words_from_stdin
from console.model.enrollment import Attestation, NewEnrollment, Reprovision
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean

_WORDS = {"symmetric-key": Attestation.SYMMETRIC_KEY, "x509": Attestation.X509, "tpm": Attestation.TPM}
_WHAT = "The enrollment cannot be made"


@click.command()
@click.argument("enrollment_id", metavar="ID")
@click.option("--attestation", type=click.Choice(list(_WORDS)), required=True, help="How devices prove themselves.")
@click.option("--group", "is_group", is_flag=True, help="A group: all devices of a CA or a key.")
@click.option("--device-id", default="", help="The device's id in the hub; without it the registration id.")
@click.option("--disabled", is_flag=True, help="Make it disabled: whoever it is for is refused.")
@click.option("--edge", is_flag=True, help="IoT Edge devices.")
@click.option("--certificate", "certificates", multiple=True, metavar="FILE", help="x509: primary, then secondary.")
@click.option("--ca", "cas", multiple=True, metavar="NAME", help="x509: a CA certificate that the service has.")
@click.option(
    "--endorsement-key-file",
    default="",
    metavar="FILE",
    help="tpm: its file: PEM, tpm2-tools', base64.",
)
@click.option("--endorsement-key", default="", metavar="KEY|-", help="tpm: the key itself; - is standard input.")
@click.option("--from-tpm", is_flag=True, help="tpm: read it from this machine's TPM.")
@click.option("--keys-stdin", is_flag=True, help="symmetric-key: primary and secondary on standard input; else new.")
@click.option("--allocation", default="", help="hashed, geoLatency or static; without it as the service does.")
@click.option("--iot-hub", "hubs", multiple=True, metavar="HOST", help="A hub to assign to; without it any linked one.")
@click.option(
    "--reprovision", type=click.Choice([one.value for one in Reprovision]), default="migrate", show_default=True
)
@click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", help="A tag of the initial twin.")
@service_option
@change_options
@click.pass_obj
def create(
    settings: Settings,
    enrollment_id: str,
    attestation: str,
    is_group: bool,
    device_id: str,
    disabled: bool,
    edge: bool,
    certificates: tuple[str, ...],
    cas: tuple[str, ...],
    endorsement_key_file: str,
    endorsement_key: str,
    from_tpm: bool,
    keys_stdin: bool,
    allocation: str,
    hubs: tuple[str, ...],
    reprovision: str,
    tags: tuple[str, ...],
    service: str,
    options: ChangeOptions,
) -> int:
    """Enroll a device, or with --group all devices of a CA or a key."""
    order = NewEnrollment(
        kind_of(is_group),
        enrollment_id,
        _WORDS[attestation],
        device_id=device_id,
        enabled=not disabled,
        edge=edge,
        certificates=tuple(map(file_content, certificates)),
        ca_names=cas,
        endorsement_key=_endorsement_key(endorsement_key_file, endorsement_key, from_tpm),
        keys=_keys() if keys_stdin else None,
        allocation=allocation,
        hubs=hubs,
        reprovision=Reprovision(reprovision),
        tags=dict(map(_tag, tags)),
        reason=options.reason,
    )
    services, instance = opened(settings, service)
    return carry_out(services, [services.dps.plan_create(instance, order)], options)


def _endorsement_key(file: str, text: str, from_tpm: bool) -> str:
    if sum(map(bool, (file, text, from_tpm))) > 1:
        why = "the endorsement key is given in more than one way"
        raise ConsoleError(ErrorKind.BAD_INPUT, _WHAT, why, "Choose one of the three", code="usage")
    if from_tpm:
        from console.gateways.tpm import Tpm

        with Tpm() as tpm:
            return tpm.endorsement_key()
    if text == "-":
        return _key_of(sys.stdin.buffer.read(MOST_INPUT + 1)[:MOST_INPUT])
    return _key_of(file_content(file)) if file else text


def _key_of(content: bytes) -> str:
    """Return the key that a file holds as text, or as the bytes themselves."""
    import base64

    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        return base64.b64encode(content).decode("ascii")


def _keys() -> tuple[Secret, Secret]:
    words = words_from_stdin("keys", _WHAT, 2)
    if len(words) != 2:
        why = "standard input holds one key, and an enrollment has two"
        raise ConsoleError(ErrorKind.BAD_INPUT, _WHAT, why, "Give the primary, then the secondary", code="usage")
    return Secret(words[0]), Secret(words[1])


def _tag(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not given or not name or "." in name or "$" in name:
        what = f"The tag “{clean(text, limit=60)}” cannot be used"
        raise ConsoleError(
            ErrorKind.BAD_INPUT, what, "it must read NAME=VALUE", "Nest tags later, in the hub", code="usage"
        )
    return name, value

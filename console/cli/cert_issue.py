"""`hubwarden cert ca|intermediate|issue|csr|sign|list`: certificates made here, offline and without a profile."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from console.cli.cert_passphrases import Passphrases, passphrase_options, with_passphrase
from console.cli.output import envelope, print_json, print_pairs, print_table, warning
from console.model.certificate import (
    CA_KEY_TYPES,
    INTERMEDIATE_LIFETIME,
    LEAF_KEY_TYPES,
    LEAF_LIFETIME,
    ROOT_LIFETIME,
    AuthorityOrder,
    CertificateKind,
    KeyType,
    LeafOrder,
)
from console.model.clock import format_time, system_clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

if TYPE_CHECKING:
    from console.model.certificate import Issued
    from console.services.pki import Pki

F = TypeVar("F", bound=Callable[..., Any])
_FOLDER = click.Path(file_okay=False, path_type=Path)
_MANY_DAYS = 1_000_000
DAYS = click.IntRange(1, _MANY_DAYS)
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.certificates_issued/1.")
_JSON_ISSUE = "JSON, schema hubwarden.certificates_issued/1; of several names hubwarden.certificates_bulk/1."
_CA = click.option("--ca", "ca_name", required=True, metavar="FOLDER-OR-NAME", help="The CA: its folder, or its name.")
_OUT = click.option("--out", required=True, type=_FOLDER, metavar="FOLDER", help="Where the files go; made if absent.")


def _authority_options(command: F) -> F:
    """Add what every CA takes; handed on as `given` for `_authority`."""

    @functools.wraps(command)
    def wrapper(
        *args: Any, name: str, key_type: str, path_length: int | None, permit: tuple[str, ...], **more: Any
    ) -> Any:
        return command(*args, given=(name, key_type, path_length, permit), **more)

    decorated: Any = wrapper
    for option in (
        click.option(
            "--permit", multiple=True, metavar="DNS-NAME", help="Vouch only for this name and those below it."
        ),
        click.option("--path-length", type=click.IntRange(0, 100), help="How many CAs may follow below; without: any."),
        click.option("--key-type", default=KeyType.EC_P256.value, show_default=True, help=" | ".join(CA_KEY_TYPES)),
        click.option("--name", required=True, metavar="CN", help="The CA's name: the common name of its subject."),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


@click.command("ca")
@_authority_options
@click.option("--days", type=DAYS, default=ROOT_LIFETIME.days, show_default=True, help="How long it is valid.")
@click.option("--out", type=_FOLDER, metavar="FOLDER", help="Its new folder; without: in the state folder.")
@passphrase_options()
@_JSON
def ca(given: tuple[Any, ...], days: int, out: Path | None, passphrases: Passphrases, as_json: bool) -> None:
    """Make a root CA: key, certificate and index in a folder of its own."""
    order = _authority(given, days)
    _print_issued(pki().create_root(order, out, passphrases.new("the CA's key")), as_json)


@click.command("intermediate")
@_authority_options
@_CA
@click.option("--days", type=DAYS, default=INTERMEDIATE_LIFETIME.days, show_default=True, help="How long it is valid.")
@click.option("--out", type=_FOLDER, metavar="FOLDER", help="Its new folder; without: in the state folder.")
@passphrase_options(signs=True)
@_JSON
def intermediate(
    given: tuple[Any, ...], ca_name: str, days: int, out: Path | None, passphrases: Passphrases, as_json: bool
) -> None:
    """Make a CA below another, in a folder of its own; the other's index gets it too."""
    order = _authority(given, days)
    tool = pki()
    locked = tool.authority(ca_name).encrypted
    secret = passphrases.new("the new CA's key")
    issued = with_passphrase(
        passphrases, locked, lambda word: tool.create_intermediate(order, ca_name, out, word, secret)
    )
    _print_issued(issued, as_json)


@click.command("issue")
@click.argument("names", nargs=-1, metavar="[DEVICE | DEVICE/MODULE | HOST ...]")
@_CA
@_OUT
@click.option(
    "--from", "source", type=click.Path(path_type=Path, allow_dash=True), help="Names too, one a line; -: stdin."
)
@click.option("--key-type", default=KeyType.EC_P256.value, show_default=True, help=" | ".join(LEAF_KEY_TYPES))
@click.option("--renew", is_flag=True, help="Put new ones in the place of those there; see above.")
@click.option("--days", type=DAYS, default=LEAF_LIFETIME.days, show_default=True, help="How long they are valid.")
@click.option("--server", is_flag=True, help="For a server, not a device: the name is a host name or an address.")
@click.option("--host", "hosts", multiple=True, help="Names and addresses of the server; without: the name alone.")
@click.option("--p12", is_flag=True, help="Write NAME.p12 (PKCS#12) too, with the same passphrase.")
@passphrase_options(signs=True)
@click.option("--json", "as_json", is_flag=True, help=_JSON_ISSUE)
def issue(
    names: tuple[str, ...],
    ca_name: str,
    out: Path,
    source: Path | None,
    key_type: str,
    renew: bool,
    days: int,
    server: bool,
    hosts: tuple[str, ...],
    p12: bool,
    passphrases: Passphrases,
    as_json: bool,
) -> int:
    """Issue certificates with new keys: NAME.cert.pem, NAME.key.pem (for you alone), NAME.chain.pem.

    The chain is the certificate and all CAs up to the root: what a device presents to IoT Hub. In file names, what is
    not safe there is written as %XX ("d/m" becomes d%2Fm). Many names are worked on by all cores; ctrl+c stops, and the
    same command goes on where it stopped. With a passphrase each key takes a tenth of a second or more, by design.

    --renew makes new keys and certificates in the place of those in the folder; the old files are kept in replaced/.
    One name given here is renewed at any time; of several, or without names, those that `cert list` marks RENEW. The
    kind of key stays unless --key-type is given.
    """
    from console.cli.cert_bulk import names_from, one_order, renewal_from, run_bulk
    from console.rules.certificate_keys import key_type_from
    from console.rules.certificate_names import check_name

    wanted = [*names, *(names_from(source, passphrases) if source else ())]
    tool, renewal = pki(), renewal_from(renew)
    if renew and not names and not source and not server:
        wanted = list(tool.due(ca_name, out))
        if not wanted and not as_json:
            click.echo(f"Nothing that was issued to {clean(out)} needs renewal", err=True)
            return 0
    elif not wanted:
        why, hint = "no name was given", "Give device ids, or a file with --from FILE"
        raise ConsoleError(ErrorKind.BAD_INPUT, "No certificate was issued", why, hint, code="usage")
    if hosts and (not server or len(wanted) > 1):
        why = "--host needs --server and one name"
        raise ConsoleError(ErrorKind.BAD_INPUT, "No certificate was issued", why, code="usage")
    kind = CertificateKind.SERVER if server else CertificateKind.DEVICE
    template = LeafOrder(kind, "", key_type_from(key_type, LEAF_KEY_TYPES), timedelta(days=days), hosts, p12)
    locked = tool.authority(ca_name).encrypted
    if len(names) == len(wanted) == 1 or (len(wanted) == 1 and not renew):
        order = one_order(template, wanted[0])
        check_name(order.kind, order.name)  # before anybody is asked for a passphrase
        secret = passphrases.new("the new key")
        issued = with_passphrase(
            passphrases, locked, lambda word: tool.issue(order, ca_name, out, word, secret, renewal=renewal)
        )
        _print_issued(issued, as_json)
        return 0
    secret = passphrases.new("the new keys")
    return with_passphrase(
        passphrases, locked, lambda word: run_bulk(tool, wanted, template, ca_name, out, word, secret, as_json, renewal)
    )


@click.command("csr")
@click.argument("name", metavar="DEVICE | DEVICE/MODULE | HOST")
@_OUT
@click.option("--key-type", default=KeyType.EC_P256.value, show_default=True, help=" | ".join(LEAF_KEY_TYPES))
@click.option("--server", is_flag=True, help="For a server, not a device.")
@click.option("--host", "hosts", multiple=True, help="Names and addresses of the server; without: the name alone.")
@passphrase_options()
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.certificate_request/1.")
def csr(
    name: str,
    out: Path,
    key_type: str,
    server: bool,
    hosts: tuple[str, ...],
    passphrases: Passphrases,
    as_json: bool,
) -> None:
    """Make a key and a signing request, to be signed elsewhere: NAME.key.pem and NAME.csr.pem."""
    from console.cli.cert_bulk import one_order
    from console.rules.certificate_keys import key_type_from
    from console.rules.certificate_names import check_name

    _only_for_servers(hosts, server, "No request was made")
    kind = CertificateKind.SERVER if server else CertificateKind.DEVICE
    order = one_order(LeafOrder(kind, "", key_type_from(key_type, LEAF_KEY_TYPES), hosts=hosts), name)
    check_name(order.kind, order.name)
    files = pki().request(order, out, passphrases.new("the new key"))
    if as_json:
        items = [{"what": label, "path": clean(path)} for label, path in files]
        print_json(envelope("certificate_request", system_clock(), items, name=clean(name)))
    else:
        print_pairs((label, str(path)) for label, path in files)


@click.command("sign")
@click.argument("request", type=click.Path(path_type=Path, allow_dash=True), metavar="REQUEST-FILE")
@_CA
@_OUT
@click.option("--name", default="", help="Whom it is for; the request's own name must be the same.")
@click.option("--server", is_flag=True, help="For a server, not a device.")
@click.option("--host", "hosts", multiple=True, help="Names and addresses of the server; without: the name alone.")
@click.option("--days", type=DAYS, default=LEAF_LIFETIME.days, show_default=True, help="How long it is valid.")
@click.option("--renew", is_flag=True, help="Put it in the place of the one that is there, which goes to replaced/.")
@passphrase_options(signs=True, makes_key=False)
@_JSON
def sign(
    request: Path,
    ca_name: str,
    out: Path,
    name: str,
    server: bool,
    hosts: tuple[str, ...],
    days: int,
    renew: bool,
    passphrases: Passphrases,
    as_json: bool,
) -> None:
    """Sign a request (PEM or DER) whose key proves itself; - reads it from standard input.

    Of a request only the key and the common name are taken over: what else it asks for is left out, and named.
    """
    from console.cli.cert_bulk import one_stdin, renewal_from
    from console.services.private_files import read_file

    _only_for_servers(hosts, server, "Nothing was signed")
    if str(request) == "-" and passphrases.from_stdin:
        raise one_stdin("the request")
    data = sys.stdin.buffer.read(16 * 1024 * 1024) if str(request) == "-" else read_file(request)
    kind = CertificateKind.SERVER if server else CertificateKind.DEVICE
    tool = pki()
    issued = with_passphrase(
        passphrases,
        tool.authority(ca_name).encrypted,
        lambda word: tool.sign(
            data,
            ca_name,
            out,
            name=name,
            kind=kind,
            lifetime=timedelta(days=days),
            hosts=hosts,
            ca_passphrase=word,
            renewal=renewal_from(renew),
        ),
    )
    _print_issued(issued, as_json)


@click.command("list")
@click.option("--ca", "ca_name", default="", metavar="FOLDER-OR-NAME", help="Only this CA and what it issued.")
@click.option(
    "--expiring", type=click.IntRange(0, _MANY_DAYS), metavar="DAYS", help="Only what expires within so many days."
)
@click.option("--check", is_flag=True, help="Exit with 1 when something shown needs renewal, or a CA cannot be read.")
@click.option("--forget", type=_FOLDER, metavar="FOLDER", help="First take a CA off the list; its files stay.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.certificates/1.")
def list_certificates(ca_name: str, expiring: int | None, check: bool, forget: Path | None, as_json: bool) -> int:
    """What was issued by the CAs known here, soonest to expire first. RENEW: past two thirds of its lifetime.

    A CA is known here when it was made or used by this user.
    """
    from console.cli.cert_json import record_json

    tool, now = pki(), system_clock()
    if forget is not None and not tool.forget(forget):
        what, why = f"The CA in {clean(forget)} was not taken off the list", "it is not on it"
        raise ConsoleError(ErrorKind.NOT_FOUND, what, why, "Give the folder as the list names it")
    records = tool.inventory_of(ca_name) if ca_name else tool.inventory()
    if expiring is not None:
        records = tuple(one for one in records if one.not_after - now <= timedelta(days=expiring))
    due = [one for one in records if one.needs_renewal(now)]
    unreadable = () if ca_name else tool.unreadable()
    if as_json:
        items = [record_json(one, now) for one in records]
        warnings = [{**warning(error), "message": clean(error.sentence())} for error in unreadable]
        print_json(envelope("certificates", now, items, needs_renewal=len(due), warnings=warnings))
    elif records:
        print_table(
            ("NAME", "KIND", "ISSUER", "DAYS", "EXPIRES", "RENEW", "STATUS", "SHA-256"),
            [
                (
                    one.common_name,
                    one.kind,
                    one.issuer,
                    (one.not_after - now).days,
                    format_time(one.not_after),
                    ("EXPIRED" if now > one.not_after else "RENEW") if one in due else "",
                    one.status,
                    one.sha256[:16],
                )
                for one in records
            ],
            right=frozenset({3}),
        )
        click.echo(f"{len(records):,} certificates, {len(due):,} to renew", err=True)
    else:
        click.echo(
            "Nothing was issued here that fits" if expiring is not None else "Nothing was issued here yet", err=True
        )
    if not as_json:
        for error in unreadable:
            click.echo(f"not in this list: {clean(error.sentence())}", err=True)
    return 1 if check and (due or unreadable) else 0  # what could not be read is not passed as good


def pki() -> Pki:
    """Return the tool; where there is no state folder, it works without a list of CAs."""
    from console.config import state_dir
    from console.services.pki import Pki

    try:
        folder: Path | None = state_dir() / "certificates"
    except ConsoleError:
        folder = None
    return Pki(folder, system_clock)


def _authority(given: tuple[Any, ...], days: int) -> AuthorityOrder:
    from console.rules.certificate_keys import key_type_from
    from console.rules.certificate_names import check_name

    name, key_type, path_length, permit = given
    check_name(CertificateKind.ROOT, name)
    return AuthorityOrder(name, key_type_from(key_type, CA_KEY_TYPES), timedelta(days=days), path_length, permit)


def _only_for_servers(hosts: tuple[str, ...], server: bool, what: str) -> None:
    if hosts and not server:
        raise ConsoleError(
            ErrorKind.BAD_INPUT, what, "--host needs --server", "A device has no host names", code="usage"
        )


def _print_issued(issued: Issued, as_json: bool) -> None:
    from console.cli.cert_json import issued_json

    if as_json:
        print_json(issued_json(issued, system_clock()))
        return
    record = issued.record
    print_pairs(
        [
            (str(record.kind), record.common_name),
            ("issuer", record.issuer),
            ("valid", f"{format_time(record.not_before)} to {format_time(record.not_after)}"),
            ("serial", record.serial),
            ("SHA-1", record.sha1),
            ("SHA-256", record.sha256),
            *((label, str(path)) for label, path in issued.files),
        ]
    )
    for note in issued.notes:
        click.echo(f"note: {clean(note)}", err=True)

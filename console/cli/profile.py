"""`hubwarden profile`: which hubs are known, how to reach them, and whether everything needed is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import click

from console.cli.context import Settings, ask_secret
from console.cli.output import Json, envelope, print_json, print_pairs, print_table
from console.config import (
    KINDS,
    Credential,
    Endpoints,
    Profile,
    ProxyCredential,
    default_file,
    load_profiles,
    save_profile,
)
from console.model.check import CheckItem, CheckResult
from console.model.clock import system_clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.role import Answer
from console.model.shell import command_line
from console.model.text import clean
from console.services.check import Step, run_checks
from console.services.ports import Cancel


@click.group()
def profile() -> None:
    """Profiles: add, list, show, check."""


@profile.command("add")
@click.argument("name")
@click.option("--hub", "hub_name", default="", help="The hub's name; the rest is found.")
@click.option("--arm-id", default="", help="Its resource id, when the name is not enough.")
@click.option("--hub-host", default="", help="Its host name, when it is not NAME.azure-devices.net.")
@click.option("--workspace-id", default="", help="The Log Analytics workspace's id (GUID); found when left out.")
@click.option("--tenant-id", default="")
@click.option("--cloud", default="", help="public (default), china or usgov.")
@click.option("--ca-file", default="", help="Root certificate of a TLS-inspecting proxy (PEM).")
@click.option("--proxy", default="", help="http://HOST:PORT")
@click.option("--proxy-user", default="", help="The user name that the proxy wants.")
@click.option(
    "--proxy-secret-from", default="", help="Where its password is: env:NAME, file:PATH, keyring:NAME, prompt."
)
@click.option("--kind", type=click.Choice(KINDS), default="person", show_default=True, help="How to sign in.")
@click.option("--client-id", default="")
@click.option("--secret-from", default="", help="env:NAME, file:PATH, keyring:NAME or prompt. Never the secret itself.")
@click.option("--arm", "arm", default="", help="Another resource manager endpoint.")
@click.option("--logs", "logs", default="", help="Another Log Analytics endpoint.")
@click.option("--authority", default="", help="Another token authority.")
@click.option("--hub-endpoint", default="", help="Another address of the hub.")
@click.option("--protected", is_flag=True, help="Ask for the hub's name with every change.")
@click.option("--replace", "overwrite", is_flag=True, help="Replace a profile of this name.")
def add(
    name: str,
    hub_name: str,
    arm_id: str,
    hub_host: str,
    workspace_id: str,
    tenant_id: str,
    cloud: str,
    ca_file: str,
    proxy: str,
    proxy_user: str,
    proxy_secret_from: str,
    kind: str,
    client_id: str,
    secret_from: str,
    arm: str,
    logs: str,
    authority: str,
    hub_endpoint: str,
    protected: bool,
    overwrite: bool,
) -> None:
    """Add a profile to your profiles file."""
    if name in load_profiles() and not overwrite:
        raise ConsoleError(
            ErrorKind.BAD_INPUT, f"There is a profile “{name}” already", "", "Add --replace to replace it", code="usage"
        )
    base = Profile(
        name=name,
        hub_name=hub_name,
        arm_id=arm_id,
        hub_host=hub_host,
        workspace_id=workspace_id,
        tenant_id=tenant_id,
        ca_file=ca_file,
        proxy=proxy,
        proxy_credential=ProxyCredential(proxy_user, proxy_secret_from),
        protected=protected,
        endpoints=Endpoints(arm=arm, logs=logs, authority=authority, hub=hub_endpoint),
        credential=Credential(kind=kind, secret_from=secret_from, client_id=client_id),
    )
    file = _save_checked(replace(base, cloud=cloud) if cloud else base)
    check = command_line("hubwarden", "--profile", name, "profile", "check")
    click.echo(f"Saved as “{name}” in {file}. Try it: {check}", err=True)


def _save_checked(entry: Profile) -> Path:
    """Save a profile only if it reads back as valid: a wrong one must leave the file as it was."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="hubwarden-") as folder:
        trial = Path(folder) / "trial.toml"
        save_profile(entry, trial)
        try:
            load_profiles(trial)
        except ConsoleError as error:
            what = error.what.replace(str(trial), "the new profile").replace(
                "The profile file is wrong at ", "Wrong in "
            )
            raise ConsoleError(error.kind, what, error.why, error.hint, code="usage") from None
    try:
        return save_profile(entry)
    except OSError as error:
        why = f"{error.filename or default_file()}: {(error.strerror or type(error).__name__).lower()}"
        hint = "Give yourself the right to write there, or name another folder in XDG_CONFIG_HOME"
        raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The profile was not saved", clean(why), hint) from None


@profile.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.profiles/1.")
@click.pass_obj
def list_profiles(settings: Settings, as_json: bool) -> None:
    """List the profiles of your file, or of the file given by --profile."""
    spec = settings.profile
    file = Path(spec) if spec and spec.endswith(".toml") else default_file()
    found = load_profiles(file)
    if as_json:
        items = [profile_json(entry) for entry in found.values()]
        print_json(envelope("profiles", system_clock(), items, default="", file=str(file)))
    elif found:
        print_table(
            ("PROFILE", "HUB", "CLOUD", "SIGN-IN", "PROTECTED"),
            [
                (
                    p.name,
                    p.hub_name or p.hub_host or p.arm_id.rpartition("/")[2],
                    p.cloud,
                    p.credential.kind,
                    "yes" if p.protected else "no",
                )
                for p in found.values()
            ],
        )
    else:
        click.echo(f"No profile in {file}. Add one: hubwarden profile add NAME --hub HUB", err=True)


@profile.command("show")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.profiles/1.")
@click.pass_obj
def show_profile(settings: Settings, as_json: bool) -> None:
    """Show the profile in use: what it says and what follows from it. Secrets are not part of it."""
    entry = settings.load_profile()
    if as_json:
        print_json(envelope("profiles", system_clock(), [profile_json(entry)], default="", file=settings.profile or ""))
        return
    rows = [
        (item.name, getattr(entry, item.name) or "-")
        for item in fields(entry)
        if item.name not in {"endpoints", "credential", "proxy_credential"}
    ]
    rows += [
        ("endpoint arm", entry.arm_endpoint),
        ("endpoint logs", entry.logs_endpoint),
        ("endpoint authority", entry.authority),
        ("endpoint hub", entry.hub_address or "-"),
        ("sign-in", entry.credential.kind),
        ("secret from", entry.credential.secret_from or "-"),
        ("proxy user", entry.proxy_credential.user or "-"),
        ("proxy secret from", entry.proxy_credential.secret_from or "-"),
    ]
    print_pairs(rows)


@profile.command("check")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.profile_check/1.")
@click.pass_obj
def check_profile(settings: Settings, as_json: bool) -> int:
    """Check DNS, TCP, TLS trust, clock, sign-in and each permission the console needs; exit 1 if one is missing."""
    entry = settings.load_profile()
    items: list[CheckItem] = []
    for item in run_checks(_steps(settings, entry)):
        if not as_json:
            _print_item(item, hint=all(item.hint != before.hint for before in items))
        items.append(item)
    if as_json:
        print_json(envelope("profile_check", system_clock(), [_item_json(i) for i in items], profile=entry.name))
    return 1 if any(item.result is CheckResult.FAIL for item in items) else 0


def _steps(settings: Settings, entry: Profile) -> Iterator[Step]:
    from console.gateways.probe import Probe
    from console.gateways.proxying import ProxyLogin

    services = settings.services()
    services.session.own_policy()  # a connection string of another hub is refused before anybody is asked
    login = ProxyLogin.of(entry, ask_secret)
    urls = {"hub": f"https://{entry.hub_address}"} if entry.hub_address else {}
    if not entry.data_plane_only:
        urls = {"sign-in": entry.authority, "resource manager": entry.arm_endpoint, **urls, "logs": entry.logs_endpoint}
    for name, url in urls.items():
        probe = Probe(url, ca_file=entry.ca_file, proxy=entry.proxy, login=login)
        yield Step("DNS", name, None if entry.proxy else probe.resolve, "the proxy resolves names")
        yield Step("TCP", name, probe.connect, needs=(("DNS", name),))
        yield Step("TLS", name, probe.handshake, needs=(("TCP", name),))
        yield Step("clock", name, probe.drift, needs=(("TLS", name),))
    session, cancel = services.session, Cancel()
    entra = 'a connection string has no Entra identity: add a profile that signs in, for example kind = "person"'

    def needs(target: str) -> tuple[tuple[str, str], ...]:
        return ("token", "sign-in"), ("TLS", target)

    def whoami() -> str:
        identity = session.whoami(cancel)
        return f"{identity.name} by {identity.source}"

    def read_hub() -> str:
        hub = session.hub(cancel, fresh=True)
        return f"{hub.name}, {hub.location}, {hub.sku} x{hub.units}"

    def read_twins() -> str:
        return f"{services.fleet.counts(cancel).total:,} devices"

    def read_logs() -> str:
        now = services.clock()
        session.logs(cancel).query("print 1", now - timedelta(minutes=5), now, cancel)
        return "a query ran"

    def read_activity() -> str:
        reader = session.hub_reader
        if reader is None:
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "No resource manager in this profile")
        return f"{len(reader.activity(services.clock() - timedelta(days=1), cancel))} entries of the last day"

    def read_roles() -> str:
        own = [words for words, answer in services.access.read(cancel).own if answer is Answer.YES]
        return f"they let you: {', '.join(own)}" if own else "what they let you do is not known"

    yield Step("token", "sign-in", whoami, needs=(("TLS", "sign-in"),))
    if entry.data_plane_only:
        for target in ("hub (Reader)", "activity log", "log query", "roles"):
            yield Step("permission", target, None, entra)
    else:
        yield Step("permission", "hub (Reader)", read_hub, needs=needs("resource manager"))
        yield Step("permission", "activity log", read_activity, needs=needs("resource manager"))
        yield Step("permission", "log query", read_logs, needs=needs("logs"))
        yield Step("permission", "roles", read_roles, needs=needs("resource manager"))
    yield Step("permission", "device twins", read_twins, needs=needs("hub"))


def _print_item(item: CheckItem, *, hint: bool) -> None:
    words = {CheckResult.PASS: "ok", CheckResult.FAIL: "FAIL", CheckResult.NOT_APPLICABLE: "n/a"}
    word = words.get(item.result, "unknown")
    click.echo(f"{word:<8} {item.check:<11} {item.target:<17} {item.detail}".rstrip())
    if hint and item.hint and item.result is CheckResult.FAIL:
        click.echo(f"{'':<39}-> {item.hint}")


def _item_json(item: CheckItem) -> Json:
    return {
        "check": item.check,
        "target": item.target,
        "result": item.result.value,
        "detail": item.detail,
        "hint": item.hint,
    }


def profile_json(entry: Profile) -> Json:
    """Return one profile as an item of hubwarden.profiles/1."""
    return {
        "name": entry.name,
        "hub_name": entry.hub_name,
        "hub_host": entry.hub_host,
        "arm_id": entry.arm_id,
        "cloud": entry.cloud,
        "credential": entry.credential.kind,
        "readonly": entry.readonly,
        "protected": entry.protected,
    }

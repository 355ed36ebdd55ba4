"""`hubwarden sas inspect` and `sas ledger`."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

import click

from console.cli.context import Settings, ask_secret, ask_secret_apart
from console.cli.output import print_json, print_table
from console.cli.sas_json import inspection_json, ledger_json
from console.cli.sas_keys import offline_tokens, read_noted, refuse_keys
from console.model.clock import system_clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.token import Explanation, TokenFinding
from console.present.lines import plain
from console.present.tokens import LEDGER_HEADER, explanation_lines, ledger_rows

FAILED = 1


def run(
    settings: Settings,
    more: tuple[str, ...],
    wanted: str,
    key_stdin: bool,
    ask_key: bool,
    at_hub: bool,
    reason: str,
    as_json: bool,
) -> int:
    """Read what is to be explained, explain it, and return the exit code: 1 when it will not do."""
    refuse_keys([wanted, *more], extra=bool(more))
    if at_hub and (key_stdin or ask_key):
        what, why = "Nothing was checked", "--at-hub reads the keys at the hub, and a key was to be given too"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Choose one of them", code="usage")
    text, key, notes = _input(key_stdin=key_stdin, ask_key=ask_key)
    if at_hub:
        services = settings.services()
        told = services.credentials.tokens.explain_at_hub(text, reason, wanted=wanted)
        told = _with_clock(settings, noted(told, *notes))
    else:
        told = offline_tokens()[0].explain(text, key=key, wanted=wanted, more=notes)
    if as_json:
        print_json(inspection_json(told, system_clock()))
    else:
        for line in explanation_lines(told, min(shutil.get_terminal_size((100, 24)).columns, 100)):
            click.echo(plain(line).rstrip())
    return 0 if told.verdict.good else FAILED


def noted(told: Explanation, *more: TokenFinding) -> Explanation:
    """Return an explanation with findings that decide nothing."""
    messages = tuple(one.message for one in more)
    return replace(told, findings=(*told.findings, *messages), details=(*told.details, *more))


def _input(*, key_stdin: bool, ask_key: bool) -> tuple[str, Secret | None, tuple[TokenFinding, ...]]:
    notes: tuple[TokenFinding, ...] = ()
    if sys.stdin.isatty() and not key_stdin:
        text = ask_secret("Token or connection string").strip()
    else:
        text, notes = read_noted("token", "Leave --key-stdin out and use --ask-key" if key_stdin else "")
    if not key_stdin:
        return text, Secret(ask_secret_apart("Key", "Use --key-stdin").strip()) if ask_key else None, notes
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        what, why = "Nothing was checked", "standard input holds one line, and --key-stdin makes the last one the key"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Pipe in the token, then the key", code="usage")
    return "\n".join(lines[:-1]), Secret(lines[-1].strip()), notes


def _with_clock(settings: Settings, told: Explanation) -> Explanation:
    """Add how far this machine's clock is from the hub's: the hub goes by its own."""
    from console.gateways.probe import Probe
    from console.gateways.proxying import ProxyLogin

    profile = settings.load_profile()
    if not profile.hub_address:
        return told
    try:
        login = ProxyLogin.of(profile, ask_secret)
        url = f"https://{profile.hub_address}"
        text = Probe(url, ca_file=profile.ca_file, proxy=profile.proxy, login=login).drift()
    except ConsoleError as error:
        if error.kind is not ErrorKind.CLOCK:
            return replace(told, facts=(*told.facts, ("hub's clock", f"not known: {error.what}, {error.why}")))
        finding = TokenFinding("clock-skew", f"{error.what}: {error.why}", error.hint)
        return noted(told, finding)
    return replace(told, facts=(*told.facts, ("hub's clock", f"{text} from this machine's")))


def show_ledger(valid: bool, as_json: bool) -> None:
    """Print the tokens minted here. Raises ConsoleError when the ledger cannot be read."""
    from console.config_state import state_dir_to_read
    from console.services.tokens import Tokens

    now = system_clock()
    entries = Tokens(None, None, state_dir_to_read(), system_clock).ledger()
    if as_json:
        print_json(ledger_json([entry for entry in entries if entry.valid(now) or not valid], now))
        return
    rows = ledger_rows(entries, now, valid=valid)
    if rows:
        print_table(LEDGER_HEADER, rows)
    still = sum(entry.valid(now) for entry in entries)
    click.echo(f"{len(entries):,} minted here, {still:,} still valid", err=True)

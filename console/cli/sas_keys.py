"""Where the key of a token comes from: standard input, a prompt, a pasted connection string, or the profile."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.model.token import MintedToken, TokenOrder

if TYPE_CHECKING:
    from pathlib import Path

    from console.cli.context import Settings
    from console.model.connection_string import ConnectionString
    from console.model.token import TokenFinding
    from console.services.tokens import Tokens

_SECRET = re.compile(
    r"SharedAccess(?:Key(?!Name)|Signature)|(?:^|[^A-Za-z0-9]|%(?:25)*[0-9A-F]{2}|u0026|x26)sig\W*(?:[=:＝：]|%(?:25)*3D)",
    re.IGNORECASE,
)
MOST_INPUT = 1024 * 1024
_KEY_BYTES = (16, 32, 64)


@dataclass(frozen=True)
class KeyOptions:
    """What was said about minting: host, where the key is, lifetime in seconds, what to print, why."""

    hub: str = ""
    key_stdin: bool = False
    ttl: int = 3600
    quiet: bool = False
    as_json: bool = False
    reason: str = ""
    service: str = ""


def minted(settings: Settings, order: TokenOrder, options: KeyOptions, *, provisioning: bool = False) -> MintedToken:
    """Return the token of an order, its key fetched from where the options say. Raises ConsoleError.

    `provisioning`: it is for a provisioning service; no profile has an enrollment's key, so that it is asked for.
    """
    if order.ttl_seconds <= 0:
        from console.rules.token_order import checked

        checked(replace(order, host=order.host or "localhost"))  # refused before a key is asked for
    if not (options.hub or options.key_stdin or order.registration_id):
        services = settings.services()
        if provisioning:
            return services.credentials.tokens.mint_for_service(order, options.service, options.reason)
        return services.credentials.tokens.mint_by_profile(order, options.reason)
    key = Secret(_from_stdin()) if options.key_stdin else _asked()
    order, key = _completed(order, key)
    if provisioning and order.policy:
        _check_provisioning(order.host)
    if not order.host:
        order = replace(order, host=settings.services().session.hub_host)
    tokens, trouble = offline_tokens()
    made = tokens.mint(order, key)
    return replace(made, warnings=(*made.warnings, trouble)) if trouble else made


def _check_provisioning(host: str) -> None:
    """Raise ConsoleError (code "usage") unless a host may be a provisioning service's."""
    if not host:
        why, hint = (
            "it is not known which provisioning service it is for",
            "Give --hub NAME.azure-devices-provisioning.net",
        )
        raise _bad(why, hint)
    if ".azure-devices." in host.casefold():
        hint = "A provisioning service's reads NAME.azure-devices-provisioning.net; for a hub: hubwarden sas policy"
        raise _bad(f"{clean(host, limit=100)} is a hub's host name", hint)


def offline_tokens() -> tuple[Tokens, str]:
    """Return the token tools without a profile, and why there is no ledger (empty when there is one)."""
    from console.model.clock import system_clock
    from console.services.tokens import Tokens

    folder, trouble = _state_folder()
    return Tokens(None, None, folder, system_clock), trouble


def _state_folder() -> tuple[Path | None, str]:
    from console.config_state import state_dir

    try:
        return state_dir(), ""
    except ConsoleError as error:
        return None, f"the ledger did not get it: {error.sentence()}"


def _completed(order: TokenOrder, key: Secret) -> tuple[TokenOrder, Secret]:
    """Return order and key, from a connection string where that was given; what contradicts the order is refused."""
    text = key.reveal()
    if "=" not in text.rstrip("="):  # a bare key: nothing more is imported
        return order, key
    from console.rules import connection_string

    if not connection_string.looks_like_one(text):
        if "SharedAccessSignature" in text or "&sig=" in text:
            raise _bad("what was given is a token, and a token cannot make another", "Give the key")
        return order, key
    string = connection_string.parse(text)
    if string.key is None:
        how = "by certificate (x509=true)" if string.x509 else "by a token"
        raise _bad(f"the connection string signs in {how}, so there is no key in it", "Give one with SharedAccessKey")
    return _agreed(order, string), string.key


def _agreed(order: TokenOrder, string: ConnectionString) -> TokenOrder:
    from console.model.hub_hosts import same_hub
    from console.rules.token_order import host_of

    if order.registration_id:
        raise _bad("a registration is signed with an enrollment's key, not with a connection string", "Give that key")
    host = host_of(string.host)
    if order.host and not same_hub(host_of(order.host), host):
        raise _contradiction("the hub", order.host, string.host)
    if string.device_id:
        if string.device_id != order.device_id:
            raise _contradiction("the device", order.device_id or "none", string.device_id)
        if string.module_id != order.module_id:
            raise _contradiction("the module", order.module_id or "none", string.module_id or "none")
        if order.policy and not string.policy:
            raise _contradiction("the signer", f"policy {order.policy}", "the device's own key")
    elif order.policy and order.policy.casefold() != string.policy.casefold():
        raise _contradiction("the policy", order.policy, string.policy)
    return replace(order, host=host, policy=string.policy)


def _contradiction(what: str, asked: str, given: str) -> ConsoleError:
    why = f"{what} is {clean(asked, limit=128)} by the command and {clean(given, limit=128)} by the connection string"
    return _bad(why, "Correct one of them")


# --- reading -------------------------------------------------------------------------------------------------------


def read_input(noun: str, instead: str = "") -> str:
    """Return what stands in standard input as text; as `read_noted`."""
    return read_noted(noun, instead)[0]


def read_noted(noun: str, instead: str = "") -> tuple[str, tuple[TokenFinding, ...]]:
    """Return what stands in standard input, and what is to be said of it as a file.

    `instead`: what to do where standard input is a terminal, which would show it. Raises ConsoleError (code "usage")
    when it is empty or no text.
    """
    from console.rules.pasted import text_of

    if instead and sys.stdin.isatty():
        raise _bad(f"standard input is a terminal, which would show the {noun}", instead)
    data = sys.stdin.buffer.read(MOST_INPUT + 1)
    if len(data) > MOST_INPUT:
        raise _bad(f"the {noun} on standard input has more than {MOST_INPUT:,} bytes", "Is it the right file?")
    try:
        text, notes = text_of(data)
        text = text.strip("\r\n \t\x00")
    except UnicodeDecodeError:
        raise _bad(f"the {noun} on standard input is no text", "Is it the right file?") from None
    if not text:
        raise _bad(f"standard input holds no {noun}", "Pipe it in")
    return text, notes


def _from_stdin() -> str:
    text = read_input("key", "Leave --key-stdin out to be asked for it without echo, or pipe it in")
    if len(text.split()) > 1 and "SharedAccess" not in text:
        raise _bad("standard input holds more than one word", "Give the key alone")
    return text


def _asked() -> Secret:
    from console.cli.context import ask_secret_apart

    return Secret(ask_secret_apart("Key, or a connection string with it", "Use --key-stdin").strip())


# --- never an argument ----------------------------------------------------------------------------------------------


def refuse_keys(arguments: Iterable[str], *, extra: bool = False, instead: str = "--key-stdin") -> None:
    """Raise ConsoleError (code "usage") when an argument is a key or token by its looks, or one too many (`extra`)."""
    listed = list(arguments)
    for text in listed:
        if looks_secret(text):
            raise key_as_argument("an argument", instead)
    if extra:
        from console.rules.redaction import HIDDEN, Redaction, looks_random

        text = listed[-1]
        shown = HIDDEN if looks_random(text) else clean(Redaction(listed).covered(text), limit=60)
        why = f"“{shown}” is one argument too many"
        raise ConsoleError(ErrorKind.BAD_INPUT, "Nothing was done", why, "See --help", code="usage")


def looks_secret(text: str) -> bool:
    """Return whether an argument can only be meant as a key, token or connection string."""
    if _SECRET.search(text):
        return True
    if not text.endswith("="):
        return False
    try:
        return len(base64.b64decode(text, altchars=b"-_" if "-" in text or "_" in text else None, validate=True)) in (
            _KEY_BYTES
        )
    except (binascii.Error, ValueError):
        return False


def key_as_argument(where: str, instead: str = "--key-stdin") -> ConsoleError:
    """Return the refusal of a secret that was given as an argument."""
    why = f"{where} holds a key or token, and arguments stand in the process list and in the shell's history"
    hint = f"Give it by {instead} or at the prompt; this one has been seen, so replace it (rotate the key)"
    return ConsoleError(ErrorKind.BAD_INPUT, "A key is never taken from an argument", why, hint, code="usage")


def _bad(why: str, hint: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, "No token was made", why, hint, code="usage")

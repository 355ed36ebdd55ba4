"""Minting and explaining shared access signatures.

The string to sign is the encoded resource, a line feed and the expiry in seconds (azure-iot-hub signs the same).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote_plus, unquote

from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.token import SasParts, TokenReport, Verdict, worst

SCHEME = "SharedAccessSignature"
SHORTEST_KEY = 16  # bytes; device keys are 16 to 64 bytes (registry facts)
LONGEST_KEY = 64
_REQUIRED = ("sr", "sig", "se")
_MAX_EXPIRY = 253402300799  # 9999-12-31: later seconds cannot be told as a date


def decode_key(key: Secret) -> bytes:
    """Return the bytes of a base64 key.

    Raises:
        ConsoleError: BAD_INPUT when it is not strict base64 or not 16 to 64 bytes long.
    """
    try:
        raw = binascii.a2b_base64(key.reveal().strip(), strict_mode=True)
    except (binascii.Error, ValueError):
        raise ConsoleError(
            ErrorKind.BAD_INPUT, "The key cannot be used", "it is not base64", "Copy it again, to the last character"
        ) from None
    if not SHORTEST_KEY <= len(raw) <= LONGEST_KEY:
        raise ConsoleError(
            ErrorKind.BAD_INPUT,
            "The key cannot be used",
            f"it is {len(raw)} bytes long; IoT Hub's keys have {SHORTEST_KEY} to {LONGEST_KEY}",
            "Copy it again, to the last character",
        )
    return raw


def resource_uri(host: str, device_id: str = "", module_id: str = "") -> str:
    """Return the resource a token is for: hub, device or module, not yet percent-encoded."""
    uri = host.strip()
    if device_id:
        uri += "/devices/" + device_id
        if module_id:
            uri += "/modules/" + module_id
    return uri


def mint(resource: str, key: Secret, expires: datetime, policy: str = "") -> Secret:
    """Return a token for `resource` that ends at `expires` (UTC, whole seconds), signed by `key`.

    `policy` is the shared access policy the key belongs to; leave it empty for a device's own key.

    Raises:
        ConsoleError: BAD_INPUT when the key is not usable.
    """
    encoded = quote_plus(resource)
    expiry = int(expires.timestamp())
    signature = binascii.b2a_base64(sign(encoded, str(expiry), decode_key(key)), newline=False).decode()
    quoted = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")  # all that base64 has to quote
    token = f"{SCHEME} sr={encoded}&sig={quoted}&se={expiry}"
    return Secret(f"{token}&skn={quote_plus(policy)}" if policy else token)


def sign(encoded_resource: str, expiry: str, key: bytes) -> bytes:
    """Return the HMAC-SHA256 over the encoded resource, a line feed and the expiry, all as they stand in the token."""
    return hmac.digest(key, f"{encoded_resource}\n{expiry}".encode(), "sha256")


def parse(token: str) -> SasParts:
    """Return the parts of a token; order of parameters and unencoded `/` or `+` in the signature do not matter.

    Raises:
        ConsoleError: BAD_INPUT that says where it is malformed.
    """
    scheme, _, body = token.strip().partition(" ")
    if scheme != SCHEME or not body:
        raise _malformed(f"it does not begin with “{SCHEME} ”")
    values: dict[str, str] = {}
    for position, part in enumerate(body.strip().split("&"), 1):
        name, equals, value = part.partition("=")
        if not equals:
            raise _malformed(f"part {position} (“{part[:20]}”) has no “=”")
        if name in values:
            raise _malformed(f"“{name}” stands in it twice")
        values[name] = value
    missing = [name for name in _REQUIRED if not values.get(name)]
    if missing:
        raise _malformed("it lacks " + ", ".join(f"“{name}”" for name in missing))
    expiry = values["se"]
    seconds = int(expiry) if expiry.isascii() and expiry.isdigit() and len(expiry) < 19 else None
    if seconds is None:
        raise _malformed(f"its expiry “se={expiry[:24]}” is not a whole number of seconds")
    try:
        signature = base64.b64decode(unquote(values["sig"]), validate=True)
    except (binascii.Error, ValueError):
        raise _malformed("its signature is not base64") from None
    return SasParts(
        signed_resource=values["sr"],
        resource=unquote(values["sr"]),
        signature=signature,
        expiry_text=expiry,
        expires=datetime.fromtimestamp(min(seconds, _MAX_EXPIRY), UTC),
        policy=unquote(values.get("skn", "")),
    )


def _malformed(why: str) -> ConsoleError:
    return ConsoleError(
        ErrorKind.BAD_INPUT, "The token is malformed", why, "Copy the whole token, or mint a new one", code="malformed"
    )


def covers(token_resource: str, wanted: str) -> bool:
    """Return whether a token for one resource is good for another: the same, or a path below it, segment by segment.

    Host names are compared without case, ids with case (`/a/b` covers `/a/b/c`, not `/a/bc`).
    """
    have = token_resource.strip("/").split("/")
    want = wanted.strip("/").split("/")
    have[0], want[0] = have[0].casefold(), want[0].casefold()
    return want[: len(have)] == have


def explain(
    token: str, now: datetime, *, keys: Sequence[tuple[str, Secret]] = (), wanted_resource: str | None = None
) -> TokenReport:
    """Return what a pasted token is, checked against named keys and the resource it should be for.

    Never raises: a malformed token is a finding.
    """
    try:
        parts = parse(token)
    except ConsoleError as error:
        return TokenReport(Verdict.MALFORMED, None, None, (error.why,))
    remaining = (parts.expires - now).total_seconds()
    findings: list[str] = []
    verdicts = [Verdict.VALID if keys else Verdict.UNVERIFIED]
    if keys:
        fitting = [name for name, key in keys if fits(parts, key)]
        names = ", ".join(name for name, _ in keys)
        findings.append(f"signature matches {fitting[0]}" if fitting else f"signature matches none of: {names}")
        if not fitting:
            verdicts.append(Verdict.WRONG_KEY)
    if wanted_resource is not None and not covers(parts.resource, wanted_resource):
        verdicts.append(Verdict.WRONG_RESOURCE)
        findings.append(f"it is for {parts.resource}, not for {wanted_resource}")
    if remaining <= 0:
        verdicts.append(Verdict.EXPIRED)
        findings.append("it has expired")
    return TokenReport(worst(verdicts), parts, remaining, tuple(findings))


def fits(parts: SasParts, key: Secret) -> bool:
    """Return whether a key made a token's signature; a key that cannot be used did not."""
    try:
        raw = decode_key(key)
    except ConsoleError:
        return False
    return hmac.compare_digest(sign(parts.signed_resource, parts.expiry_text, raw), parts.signature)

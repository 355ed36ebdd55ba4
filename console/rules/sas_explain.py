"""What a pasted token is and why it fails: form, resource, signature against keys, expiry; the worst decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from console.model.connection_string import ConnectionString, StringKind
from console.model.hub_hosts import same_hub
from console.model.secret import Secret
from console.model.text import clean
from console.model.token import Explanation, SasParts, TokenFinding, TokenReport, Verdict, worst
from console.rules import connection_string, sas_reading
from console.rules.redaction import Redaction
from console.rules.sas_hidden import hidden
from console.rules.sas_ownership import encoded_twice, needed, other_owner, ownership_findings, signer_findings
from console.rules.sas_reading import MOMENT
from console.rules.sas_resource import as_meant, opens, resource_findings, wanted_finding
from console.rules.sas_signature import key_text, tried
from console.rules.wrapping import every_form, unwrapped

SKEW = timedelta(minutes=5)
"""A device whose clock is further off than this is refused (IoT Hub's troubleshooting of 401003)."""
LONG = timedelta(hours=24)
MOST = 64 * 1024
"""Characters of a text that is looked at: far more than any token or connection string has, wrapped in whatever."""

Fact = tuple[str, str]


@dataclass(frozen=True)
class NamedKey:
    """A key to hold a signature against: a label for people, whose it is, and of which hub (empty: not known)."""

    label: str
    key: Secret
    policy: str = ""
    device_id: str = ""
    module_id: str = ""
    host: str = ""

    @property
    def owner_known(self) -> bool:
        """Whether it is known whose key it is."""
        return bool(self.policy or self.device_id)


def explain(
    text: str,
    now: datetime,
    *,
    keys: Sequence[NamedKey] = (),
    wanted: str = "",
    more: Sequence[TokenFinding] = (),
    zone: tzinfo | None = None,
) -> Explanation:
    """Return what pasted text is: a token, a header or password with one, a connection string, a bare key.

    `more` are findings of others (the hub's); `zone` None is this machine's own. Never raises; neither signature nor
    key is in the result.
    """
    if len(text) > MOST:
        return _too_long(len(text))
    plain = unwrapped(text)
    forms = every_form(text)
    secrets = Redaction((*forms, wanted))  # before anything of it is understood
    if connection_string.looks_like_one(plain.text):
        return hidden(_of_string(text, now, keys, wanted, more, zone), forms, secrets)
    if not sas_reading.looks_like_one(plain.text) and not text.strip().startswith("eyJ"):
        said, usable = key_text(Secret(text))
        if usable:
            return _of_key(said)
    return hidden(_of_token(text, now, keys, wanted, more, zone), forms, secrets)


def _too_long(length: int) -> Explanation:
    message = f"it has {length:,} characters, and no token or connection string comes near {MOST:,}: it was not read"
    finding = TokenFinding("too-long", message, "Paste the token or the connection string alone", Verdict.MALFORMED)
    return Explanation("text", None, (), (message,), Verdict.MALFORMED, (finding,))


def _of_token(
    text: str,
    now: datetime,
    keys: Sequence[NamedKey],
    wanted: str,
    more: Sequence[TokenFinding],
    zone: tzinfo | None,
) -> Explanation:
    token = sas_reading.read(text)
    findings = [*token.findings, *more]
    parts = token.parts
    if parts is None:
        return _built(token.kind, None, None, _bare_facts(token.values), findings, Verdict.MALFORMED)
    findings += resource_findings(parts)
    verdict, signature = _checked(parts, keys, findings)
    if wanted and (other := wanted_finding(parts, wanted)) is not None:
        findings.append(other)
    findings += _timing(parts, now)
    remaining = (parts.expires - now).total_seconds()
    facts = [
        *_facts(parts, now, zone),
        ("signature", signature),
        *(("key", _keys_text(keys)) for _ in keys[:1]),
        *_clock(now),
    ]
    return _built(token.kind, parts, remaining, facts, findings, verdict)


def _checked(parts: SasParts, keys: Sequence[NamedKey], findings: list[TokenFinding]) -> tuple[Verdict, str]:
    """Add what the signature tells; return the verdict if nothing else is wrong, and a fact for people."""
    findings += signer_findings(parts)
    if not keys:
        return Verdict.UNVERIFIED, f"{len(parts.signature)} bytes, not checked: no key was given"
    for named in keys:
        trial = tried(parts, named.key)
        if trial.right_key and named.policy and named.policy.casefold() == parts.policy.casefold():
            findings[:] = [one for one in findings if one.id != "skn-none"]  # a policy is really called so
        if trial.fits:
            findings += ownership_findings(parts, named)
            fits = f"fits the {named.label}"
            return Verdict.VALID, fits if named.owner_known else f"{fits}; the service must have it as {needed(parts)}"
        if trial.right_key:
            findings += [*trial.mistakes, *ownership_findings(parts, named)]
            return Verdict.VALID, f"made with the {named.label}, but not as it should be"
    names = ", ".join(named.label for named in keys)
    bad = [named for named in keys if not key_text(named.key)[1]]
    for named in bad:
        message = f"the {named.label} cannot be used: {key_text(named.key)[0]}"
        findings.append(
            TokenFinding("key-unusable", message, "Copy it again, to the last character", Verdict.WRONG_KEY)
        )
    if len(bad) < len(keys):
        message = (
            f"the signature was not made with the {names}" if len(keys) == 1 else f"the signature fits none of: {names}"
        )
        hint = "Was the key rotated since, or is it of another device, policy or hub?"
        findings.append(TokenFinding("wrong-key", message, hint, Verdict.WRONG_KEY))
    return Verdict.VALID, f"fits none of: {names}"


def _timing(parts: SasParts, now: datetime) -> list[TokenFinding]:
    left = parts.expires - now
    if left <= timedelta(0):
        message = f"it expired {lasting(-left)} ago"
        near = -left <= SKEW
        hint = "The hub goes by its own clock; is this machine's right?" if near else "Mint a new one"
        return [TokenFinding("expired", message, hint, Verdict.EXPIRED)]
    if left <= SKEW:
        message = f"it ends in {lasting(left)}, less than clocks may be apart"
        return [TokenFinding("ends-soon", message, "Mint a new one before that")]
    if left > LONG:
        message = f"it lasts {lasting(left)} more; nothing but a new key or a disabled device ends it sooner"
        return [TokenFinding("long-lived", message, "Tokens of an hour lose less when they leak")]
    return []


def _facts(parts: SasParts, now: datetime, zone: tzinfo | None) -> list[Fact]:
    left, meant = parts.expires - now, as_meant(parts)
    said = opens(parts) if meant == parts else f"nothing as it stands; meant for {opens(meant)}"
    if encoded_twice(parts):
        said = f"{opens(meant)}, as far as is known: its id is encoded twice"
    return [
        ("resource", clean(parts.resource, limit=400)),
        ("opens", said),
        ("policy", clean(parts.policy, limit=100) or "none (the device's own key)"),
        ("expires", local_time(parts.expires, zone)),
        ("expires, UTC", f"{parts.expires:%Y-%m-%d %H:%M:%S}Z"),
        ("time left", lasting(left) if left > timedelta(0) else f"none: expired {lasting(-left)} ago"),
    ]


def _clock(now: datetime) -> list[Fact]:
    text = f"checked at {now:%Y-%m-%d %H:%M:%S}Z; the hub goes by its own clock and refuses devices over 5 min off"
    return [("clock", text)]


def _bare_facts(values: dict[str, str]) -> list[Fact]:
    known = (("resource", "sr"), ("policy", "skn"), ("expires", "se"))
    return [
        (label, clean(values[name], limit=200))
        for label, name in known
        if values.get(name) and (name != "se" or MOMENT.fullmatch(values[name]))
    ]


def _keys_text(keys: Sequence[NamedKey]) -> str:
    return "; ".join(f"{named.label}: {key_text(named.key)[0]}" for named in keys)


def _built(
    kind: str,
    parts: SasParts | None,
    remaining: float | None,
    facts: Sequence[Fact],
    findings: Sequence[TokenFinding],
    verdict: Verdict,
) -> Explanation:
    ordered = sorted(findings, key=lambda one: _RANK[one.verdict])
    decided = worst([verdict, *(one.verdict for one in ordered if one.verdict is not None)])
    told = tuple(one.message for one in ordered)
    report = TokenReport(decided, parts, remaining, told)
    return Explanation(kind, report, tuple(facts), told, decided, tuple(ordered))


_RANK: dict[Verdict | None, int] = {**{verdict: place for place, verdict in enumerate(Verdict)}, None: len(Verdict)}


# --- connection strings and keys ------------------------------------------------------------------------------------


def _of_string(
    text: str,
    now: datetime,
    keys: Sequence[NamedKey],
    wanted: str,
    more: Sequence[TokenFinding],
    zone: tzinfo | None,
) -> Explanation:
    string, found = connection_string.read(text)
    facts = string_facts(string)
    findings = [*found, *more]
    if string.token is not None:
        inner = _of_token(string.token.reveal(), now, keys, wanted, (), zone)
        findings += inner.details
        parts = inner.report.parts if inner.report else None
        if parts is not None and string.host and not same_hub(parts.host, string.host):
            message = f"HostName is {clean(string.host)}, and the token is for {clean(parts.host, limit=120)}"
            findings.append(TokenFinding("string-other-host", message, "They must be the same", Verdict.WRONG_RESOURCE))
        elif parts is not None and string.device_id and (other := wanted_finding(parts, _device(string))) is not None:
            findings.append(replace(other, id="string-other-device"))
        told = _built(
            string.kind, parts, inner.report.remaining_seconds if inner.report else None, (), findings, inner.verdict
        )
        return replace(told, facts=(*facts, *((f"token: {label}", value) for label, value in inner.facts)))
    verdict = Verdict.UNVERIFIED
    if string.key is not None and not key_text(string.key)[1]:
        message = f"its key cannot be used: {key_text(string.key)[0]}"
        hint = "Copy it again, to the last character"
        findings.append(TokenFinding("key-unusable", message, hint, Verdict.MALFORMED))
    elif string.key is not None and keys:
        same = next((named for named in keys if named.key == string.key), None)
        if same is not None:
            verdict, facts = Verdict.VALID, (*facts, ("key check", f"it is the {same.label}"))
            differs = other_owner(string, same)
            if differs:
                hint = "Copy the connection string again, whole"
                findings.append(TokenFinding("key-of-other-owner", differs, hint, Verdict.WRONG_KEY))
        else:
            message = f"its key is none of: {', '.join(named.label for named in keys)}"
            hint = "Was the key rotated since?"
            findings.append(TokenFinding("wrong-key", message, hint, Verdict.WRONG_KEY))
    told = _built(string.kind, None, None, facts, findings, verdict)
    return replace(told, report=None)


def string_facts(string: ConnectionString) -> tuple[Fact, ...]:
    """Return what a connection string says, its key described and not shown."""
    signs_in = "by certificate (x509=true)" if string.x509 else ""
    if string.key is not None:
        signs_in = "by key"
    elif string.token is not None:
        signs_in = "by a token"
    pairs = (
        ("host", clean(string.host, limit=200)),
        ("policy", clean(string.policy, limit=100)),
        ("device", clean(string.device_id, limit=128)),
        ("module", clean(string.module_id, limit=128)),
        ("gateway", clean(string.gateway, limit=200)),
        ("opens", _string_opens(string)),
        ("signs in", signs_in),
        ("key", key_text(string.key)[0] if string.key is not None else ""),
    )
    return tuple((label, value) for label, value in pairs if value)


def key_of(string: ConnectionString) -> NamedKey | None:
    """Return the key in a connection string with whose it is; None when it holds none."""
    if string.key is None:
        return None
    if string.policy:
        return NamedKey(f"key of policy {clean(string.policy)}", string.key, string.policy, host=string.host)
    what = f"module {clean(string.module_id)}" if string.module_id else f"device {clean(string.device_id)}"
    return NamedKey(f"key of {what}", string.key, "", string.device_id, string.module_id, string.host)


def _string_opens(string: ConnectionString) -> str:
    match string.kind:
        case StringKind.HUB:
            return "the hub, as far as the policy's rights go"
        case StringKind.PROVISIONING:
            return "the provisioning service, as far as the policy's rights go"
        case StringKind.DEVICE:
            return "one device" + (", by way of the gateway" if string.gateway else "")
        case StringKind.MODULE:
            return "one module" + (", by way of the gateway" if string.gateway else "")
        case _:
            return ""


def _device(string: ConnectionString) -> str:
    path = f"{string.host}/devices/{string.device_id}"
    return f"{path}/modules/{string.module_id}" if string.module_id else path


def _of_key(said: str) -> Explanation:
    finding = TokenFinding(
        "a-key", "it is a key by its form, not a token", "Whoever has it can mint tokens: keep it to yourself"
    )
    return Explanation("key", None, (("key", said),), (finding.message,), Verdict.UNVERIFIED, (finding,))


# --- time ------------------------------------------------------------------------------------------------------------


def local_time(moment: datetime, zone: tzinfo | None = None) -> str:
    """Return a moment in local time with the zone's name and offset; `zone` None is this machine's."""
    try:
        local = moment.astimezone(zone)
    except (OverflowError, ValueError, OSError):  # the last hours of the year 9999
        local = moment
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M:%S} {local:%Z} (UTC{offset[:3]}:{offset[3:5]})"


def lasting(length: timedelta) -> str:
    """Return a length of time in its two largest units: "59 min 3 s", "2 d 4 h"."""
    seconds = int(length.total_seconds())
    parts: list[str] = []
    for size, unit in ((31_536_000, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count:,} {unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"

"""Shared access signature (SAS) tokens: their parts, and what was found out about one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from console.model.secret import Secret


class TokenScope(StrEnum):
    """What a token's resource names."""

    HUB = "hub"
    DEVICE = "device"
    MODULE = "module"
    ALL_DEVICES = "all devices"
    REGISTRATION = "registration"  # of the provisioning service
    OTHER = "other"


@dataclass(frozen=True)
class SasParts:
    """The parts of a token as they stand in it.

    `signed_resource` is `sr` exactly as sent: the signature covers that form. `resource` is its decoded form.
    `expires` is UTC; `signature` is decoded.
    """

    signed_resource: str
    resource: str
    signature: bytes = field(repr=False)
    expiry_text: str
    expires: datetime
    policy: str = ""

    @property
    def host(self) -> str:
        """The first segment of the resource: the hub's host name or the provisioning scope."""
        return self.resource.partition("/")[0]

    @property
    def scope(self) -> TokenScope:
        """What the resource names."""
        segments = [part for part in self.resource.split("/") if part]
        match segments[1:]:
            case []:
                return TokenScope.HUB
            case ["devices"]:
                return TokenScope.ALL_DEVICES
            case ["devices", _]:
                return TokenScope.DEVICE
            case ["devices", _, "modules", _]:
                return TokenScope.MODULE
            case ["registrations", _]:
                return TokenScope.REGISTRATION
            case _:
                return TokenScope.OTHER


class Verdict(StrEnum):
    """What a token turned out to be. Of several findings the first in this order decides; all are listed.

    What cannot be read cannot be checked; a signature of another key says nothing of what the token is for; a token for
    something else will not do however long it lasts.
    """

    MALFORMED = "malformed"
    WRONG_KEY = "wrong key"
    WRONG_RESOURCE = "wrong resource"
    EXPIRED = "expired"
    REFUSED = "refused"  # right, but the hub accepts it from nobody: device disabled, shared access switched off
    UNVERIFIED = "not verified"  # well-formed and in time, no key to check the signature with
    VALID = "valid"

    @property
    def good(self) -> bool:
        """Whether nothing is known against the token."""
        return self in {Verdict.VALID, Verdict.UNVERIFIED}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that decides; VALID when there is none."""
    order = list(Verdict)
    return min(verdicts, key=order.index, default=Verdict.VALID)


@dataclass(frozen=True)
class TokenFinding:
    """One thing about a token: a stable id, a sentence without a full stop, what to do, the verdict it leads to.

    `verdict` None: worth knowing, but it decides nothing.
    """

    id: str
    message: str
    hint: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True)
class TokenReport:
    """What is known about a pasted token. `remaining_seconds` is negative after expiry."""

    verdict: Verdict
    parts: SasParts | None
    remaining_seconds: float | None
    findings: tuple[str, ...]


@dataclass(frozen=True)
class TokenOrder:
    """A token to mint.

    Attributes:
        host: the hub's host name, or the ID scope of a DPS registration, or the DPS' service host name.
        device_id: the device, empty for a hub or service token.
        module_id: the module, empty for none.
        registration_id: the registration of a DPS device token, empty for none.
        policy: the shared access policy that the key belongs to; empty for a device's or enrollment's own key.
        ttl_seconds: lifetime from now.
    """

    host: str
    device_id: str = ""
    module_id: str = ""
    registration_id: str = ""
    policy: str = ""
    ttl_seconds: int = 3600


@dataclass(frozen=True)
class MintedToken:
    """A token that was just made; `warnings` are sentences. Only its hash goes into the ledger."""

    token: Secret
    resource: str
    policy: str
    expires: datetime
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class LedgerEntry:
    """A token minted here: a keyed hash of it, what it is for, when it was made and ends (UTC), and by whom."""

    fingerprint: str
    resource: str
    policy: str
    minted: datetime
    expires: datetime
    who: str

    def valid(self, now: datetime) -> bool:
        """Whether it has not expired; disabling the device or changing the key ends it earlier, unknown to us."""
        return now < self.expires


@dataclass(frozen=True)
class Explanation:
    """What a pasted token or connection string is.

    Attributes:
        kind: "SAS token", "connection string", "device connection string".
        report: what the token turned out to be; None for a connection string that holds none.
        facts: (label, value) pairs for people: resource, policy, expiry in local time and UTC, time left, clock.
        findings: sentences, the worst first.
        verdict: the same in one word group: "valid", "wrong key", "expired", "wrong resource", "malformed", ...
        details: the findings with their ids and what to do, in the same order.
    """

    kind: str
    report: TokenReport | None
    facts: tuple[tuple[str, str], ...]
    findings: tuple[str, ...]
    verdict: Verdict
    details: tuple[TokenFinding, ...] = ()

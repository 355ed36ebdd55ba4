"""Shared access signature (SAS) tokens: their parts, and what was found out about one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    signature: bytes
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
    """What a token turned out to be; the worst finding decides."""

    VALID = "valid"
    UNVERIFIED = "not verified"  # well-formed and in time, no key to check the signature with
    WRONG_KEY = "wrong key"
    EXPIRED = "expired"
    WRONG_RESOURCE = "wrong resource"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class TokenReport:
    """What is known about a pasted token. `remaining_seconds` is negative after expiry."""

    verdict: Verdict
    parts: SasParts | None
    remaining_seconds: float | None
    findings: tuple[str, ...]

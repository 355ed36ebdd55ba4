"""Token tools that mint and explain for real and offline; ledger, hub and trouble are as a test says."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.model.token import Explanation, LedgerEntry, MintedToken, TokenOrder
from console.services.ports import NEVER_CANCELLED, Cancel
from console.services.tokens import Tokens

NOW = datetime(2026, 11, 23, 9, 42, 7, tzinfo=UTC)
HOST = "contoso-plants.azure-devices.net"
KEY = base64.b64encode(bytes(range(32))).decode()
"""The key that the fake hub has for everything."""
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()


def entry(resource: str = "devices/press-0417", *, minutes: float = 41, number: int = 1, **more: Any) -> LedgerEntry:
    """Return a token minted an hour before it ends, `minutes` from now."""
    end = NOW + timedelta(minutes=minutes)
    fields: dict[str, Any] = {
        "fingerprint": f"{number:032x}",
        "resource": f"{HOST}/{resource}".rstrip("/"),
        "policy": "",
        "minted": end - timedelta(hours=1),
        "expires": end,
        "who": "ops@jump-box",
    }
    return LedgerEntry(**(fields | more))


@dataclass
class TokenScript:
    """What is in the ledger, what goes wrong (by method), what holds the hub back; `calls` records what was asked."""

    entries: list[LedgerEntry] = field(default_factory=list)
    errors: dict[str, ConsoleError] = field(default_factory=dict)
    gate: Event | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def answer(self, name: str, *arguments: Any) -> None:
        self.calls.append((name, *arguments))
        if self.gate is not None:
            self.gate.wait(20)
        if name in self.errors:
            raise self.errors[name]

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """Return the arguments of every call of a method."""
        return [call[1:] for call in self.calls if call[0] == name]


class FakeTokens:
    def __init__(self, script: TokenScript) -> None:
        self._script = script
        self._real = Tokens(None, None, None, lambda: NOW)

    def ledger(self) -> tuple[LedgerEntry, ...]:
        self._script.answer("ledger")
        return tuple(self._script.entries)

    def mint(self, order: TokenOrder, key: Secret, who: str = "") -> MintedToken:
        self._script.answer("mint", order, key)
        minted = self._real.mint(order, key, who)
        number = len(self._script.entries) + 1
        noted = LedgerEntry(f"{number:032x}", minted.resource, minted.policy, NOW, minted.expires, "ops@jump-box")
        self._script.entries.insert(0, noted)
        return minted

    def mint_by_profile(self, order: TokenOrder, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> MintedToken:
        self._script.answer("mint_by_profile", order, reason)
        return self.mint(order, Secret(KEY))

    def explain(self, text: str, *, key: Secret | None = None, wanted: str = "") -> Explanation:
        return self._real.explain(text, key=key, wanted=wanted)

    def explain_at_hub(
        self, text: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED, *, wanted: str = ""
    ) -> Explanation:
        self._script.answer("explain_at_hub", reason)
        return self._real.explain(text, key=Secret(KEY), wanted=wanted)

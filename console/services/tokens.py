"""Minting tokens, explaining pasted ones, and the ledger of those minted here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.model.token import Explanation, LedgerEntry, MintedToken, TokenFinding, TokenOrder
from console.rules.sas import USUAL_KEYS, decode_key, mint
from console.rules.token_order import checked, resource_of, signing_policy

if TYPE_CHECKING:  # a token from a key alone does without all of it
    from console.rules.sas_explain import NamedKey
    from console.services.changes import Changes
    from console.services.ports import Cancel
    from console.services.session import Session
    from console.services.token_keys import FoundKey, HubKeys

LONG = timedelta(hours=24)


class Tokens:
    """The token tools. `session` None: offline, without a profile; `state_dir` None: no ledger is kept."""

    def __init__(self, session: Session | None, changes: Changes | None, state_dir: Path | None, clock: Clock) -> None:
        self._session = session
        self._changes = changes
        self._state_dir = state_dir
        self._clock = clock

    def mint(self, order: TokenOrder, key: Secret, who: str = "") -> MintedToken:
        """Return a token made with a key, and note it in the ledger.

        A ledger that cannot be written is a warning: the token is made all the same. `who` empty: this machine's user.
        Raises ConsoleError BAD_INPUT (code "usage") when the order or the key cannot be used.
        """
        order = checked(order)
        now = self._clock()
        try:
            expires = now.replace(microsecond=0) + timedelta(seconds=order.ttl_seconds)
        except OverflowError:
            why = "it would end after the year 9999"
            raise ConsoleError(ErrorKind.BAD_INPUT, "No token was made", why, "Shorten it", code="usage") from None
        resource, policy = resource_of(order), signing_policy(order)
        token = mint(resource, key, expires, policy)
        warnings = [_long(order.ttl_seconds)] if order.ttl_seconds > LONG.total_seconds() else []
        if (length := len(decode_key(key))) not in USUAL_KEYS:
            warnings.append(f"the key has {length} bytes; those that Azure makes have 32 or 64: was it cut?")
        trouble = self._note(token, resource, policy, now, expires, who)
        if trouble:
            warnings.append(trouble)
        return MintedToken(token, resource, policy, expires, tuple(warnings))

    def mint_by_profile(self, order: TokenOrder, reason: str = "", cancel: Cancel | None = None) -> MintedToken:
        """Return a token made with a key that the profile's credential may read: journalled first, then read.

        A device's or module's own key comes from the registry, a policy's from listKeys; with a connection string as
        credential its own policy's key is used without any call. An empty host is the profile's hub. Raises
        ConsoleError; when the journal cannot be written nothing is read.
        """
        return self._minted(self._keys(cancel).for_order(order, reason))

    def mint_for_service(
        self, order: TokenOrder, service: str = "", reason: str = "", cancel: Cancel | None = None
    ) -> MintedToken:
        """Return a token for a provisioning service, its policy's key read at the resource manager: journalled first.

        `service` is its name; empty: the one that links the profile's hub. The order names the policy, not the host.
        Raises ConsoleError; when the journal cannot be written nothing is read.
        """
        return self._minted(self._keys(cancel).for_service(order, service, reason))

    def _minted(self, found: FoundKey) -> MintedToken:
        minted = self.mint(found.order, found.key, found.who)
        return MintedToken(
            minted.token, minted.resource, minted.policy, minted.expires, (*minted.warnings, *found.warnings)
        )

    def explain(
        self, text: str, *, key: Secret | None = None, wanted: str = "", more: Sequence[TokenFinding] = ()
    ) -> Explanation:
        """Return what pasted text is: a token, a header or MQTT password with one, a connection string.

        Args:
            text: what was pasted.
            key: a key, or a connection string with one, to hold the signature against.
            wanted: a device's id or a resource that the token is to be good for.
            more: what was found out already about what was pasted.

        Never raises for what was pasted; neither signature nor key is in the result.
        """
        from console.rules.sas_explain import explain

        keys = (_named(key),) if key else ()
        told = explain(text, self._clock(), keys=keys, wanted=wanted, more=more)
        return self._with_ledger(told, text)

    def explain_at_hub(
        self, text: str, reason: str = "", cancel: Cancel | None = None, *, wanted: str = ""
    ) -> Explanation:
        """Return the same, held against the keys that the hub has: those of the policy or the device it names.

        The keys are read by the profile's credential, journalled first. Raises ConsoleError when that is not possible.
        """
        from console.rules.sas_explain import explain

        keys, findings = self._keys(cancel).for_token(text, reason)
        told = explain(text, self._clock(), keys=keys, more=findings, wanted=wanted)
        return self._with_ledger(told, text)

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Return the tokens minted here, newest first. Raises ConsoleError NOT_CONFIGURED (code "ledger")."""
        if self._state_dir is None:
            return ()
        from console.services.token_ledger import TokenLedger

        return TokenLedger(self._state_dir).entries()

    def remember(self, token: Secret, resource: str, expires: datetime) -> str:
        """Note a token that was made elsewhere, in a TPM; return why that was not possible, as a sentence."""
        return self._note(token, resource, "", self._clock(), expires, "")

    # --- inside -------------------------------------------------------------------------------------------------

    def _keys(self, cancel: Cancel | None) -> HubKeys:
        if self._session is None or self._changes is None:
            why = "there is no profile"
            hint = "Give --hub HOST and the key (--key-stdin, or by prompt), or a profile"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The key cannot be read", why, hint, code="usage")
        from console.services.ports import NEVER_CANCELLED
        from console.services.token_keys import HubKeys

        return HubKeys(self._session, self._changes, cancel or NEVER_CANCELLED)

    def _note(self, token: Secret, resource: str, policy: str, minted: datetime, expires: datetime, who: str) -> str:
        """Write a token into the ledger; return why that was not possible, as a sentence."""
        if self._state_dir is None:
            return ""
        from console.services.machine import user_at_host
        from console.services.token_ledger import TokenLedger

        try:
            TokenLedger(self._state_dir).add(token, resource, policy, minted, expires, who or user_at_host())
        except ConsoleError as error:
            return f"the token is good, but the ledger did not get it: {error.what} ({error.why}); {error.hint}"
        return ""

    def _with_ledger(self, told: Explanation, text: str) -> Explanation:
        """Add whether the token was minted here."""
        if self._state_dir is None or told.report is None or told.report.parts is None:
            return told
        from dataclasses import replace

        from console.model.clock import format_time
        from console.rules import connection_string
        from console.rules.sas_reading import read
        from console.services.token_ledger import TokenLedger

        if connection_string.looks_like_one(text):
            inner = connection_string.read(text)[0].token
            text = inner.reveal() if inner is not None else text
        try:
            entry = TokenLedger(self._state_dir).find(Secret(read(text).sent))
        except ConsoleError as error:
            finding = TokenFinding("ledger", f"whether it was minted here is not known: {error.why}", error.hint)
            return replace(told, findings=(*told.findings, finding.message), details=(*told.details, finding))
        where = (
            f"here, {format_time(entry.minted)} by {clean(entry.who)}" if entry else "not by this machine's hubwarden"
        )
        return replace(told, facts=(*told.facts, ("minted", where)))


def _named(key: Secret) -> NamedKey:
    from console.rules import connection_string
    from console.rules.sas_explain import NamedKey, key_of

    if connection_string.looks_like_one(key.reveal()):
        found = key_of(connection_string.read(key.reveal())[0])
        if found is not None:
            return found
    return NamedKey("key given", key)


def _long(seconds: int) -> str:
    from console.rules.sas_explain import lasting

    length = lasting(timedelta(seconds=seconds))
    return (
        f"it lasts {length}: whoever finds it can use it until then; an hour is usual, and devices renew by themselves"
    )

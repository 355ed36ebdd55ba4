"""OpenSSL's trust settings behind a certificate (`BEGIN TRUSTED CERTIFICATE`): what it is trusted and rejected for.

They count for a certificate that is given to be trusted, and as OpenSSL has it (x509_trs.c): a purpose that is rejected
is; where purposes are listed, only these are trusted, and a CA that is no root then ends a chain, whatever it says of
its purposes itself; a list that is absent decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from console.model.certificate import Purpose
from console.model.text import clean
from console.model.trust_settings import TrustSettings
from console.rules import der as asn1
from console.rules.object_names import PURPOSES, dotted

_UTF8, _OCTETS, _OTHER = 0x0C, asn1.OCTET_STRING, 0xA1
_ANY = "2.5.29.37.0"
_WANTED = {Purpose.CLIENT: "1.3.6.1.5.5.7.3.2", Purpose.SERVER: "1.3.6.1.5.5.7.3.1", Purpose.ANY: _ANY}
_LONGEST_ALIAS = 120


def read_settings(data: bytes) -> TrustSettings | None:
    """Return the settings that stand behind a certificate (DER), None where it is something else that stands there."""
    try:
        outer = asn1.read(data)
        if outer.tag != asn1.SEQUENCE or outer.after != len(data):
            return None
        trusted: tuple[str, ...] | None = None
        rejected: tuple[str, ...] = ()
        alias = ""
        for one in asn1.children(data, outer):
            if one.tag == asn1.SEQUENCE:
                trusted = _numbers(data, one)
            elif one.tag == asn1.CONTEXT_0:
                rejected = _numbers(data, one)
            elif one.tag == _UTF8:
                alias = clean(one.content(data).decode("utf-8", "replace"), limit=_LONGEST_ALIAS)
            elif one.tag not in (_OCTETS, _OTHER):
                return None
    except asn1.DerError:
        return None
    return TrustSettings(trusted, rejected, alias, _words(trusted, rejected))


def _numbers(data: bytes, element: asn1.Element) -> tuple[str, ...]:
    found = asn1.children(data, element)
    if any(one.tag != asn1.OID for one in found):
        raise asn1.DerError("a purpose has no number")
    return tuple(dotted(one.content(data)) for one in found)


class Standing(NamedTuple):
    """How a certificate stands that is to be trusted, for one purpose.

    `rejected`: why it is not to be trusted, as the end of "the root …"; `vouched`: it is trusted in so many words, so
    that it ends a chain; `unsure`: why neither is known.
    """

    rejected: str = ""
    vouched: bool = False
    unsure: str = ""

    @property
    def decided(self) -> bool:
        """Whether the settings alone end a chain, for good or bad."""
        return bool(self.rejected or self.vouched or self.unsure)


def standing(settings: Sequence[TrustSettings | None], purpose: Purpose) -> Standing:
    """Return how a certificate stands that was given with these settings, each time with others (None: without any).

    Of copies that differ OpenSSL takes one, and it is not said which.
    """
    found = [(rejected(one, purpose), ends_chain(one, purpose)) if one else ("", False) for one in settings]
    if any(why for why, _ in found) and not all(why for why, _ in found):
        return Standing(unsure="is given more than once, and only some of its trust settings reject it")
    if found and found[0][0]:
        return Standing(rejected=found[0][0])
    return Standing(vouched=bool(found) and all(ends for _, ends in found))


def rejected(settings: TrustSettings, purpose: Purpose) -> str:
    """Return why a certificate is not to be trusted for a purpose, as the end of "the root …"; empty when it may be."""
    wanted = _WANTED[purpose]
    word = PURPOSES[wanted]
    if {wanted, _ANY} & set(settings.rejected_for):
        return f"is rejected for {word} by its own trust settings"
    if settings.trusted_for is None or {wanted, _ANY} & set(settings.trusted_for):
        return ""
    return f"is trusted for {purposes_words(settings.trusted_for)} alone by its own trust settings, not for {word}"


def ends_chain(settings: TrustSettings, purpose: Purpose) -> bool:
    """Say whether a certificate is trusted in so many words, so that a chain may end with it though it is no root."""
    return bool(settings.trusted_for) and not rejected(settings, purpose)


def purposes_words(oids: Iterable[str]) -> str:
    """Return purposes for people: "clientAuth, serverAuth"."""
    return ", ".join(PURPOSES.get(oid, oid) for oid in list(oids)[:8]) or "nothing"


def _words(trusted: tuple[str, ...] | None, rejected: tuple[str, ...]) -> str:
    parts = [] if trusted is None else [f"trusted for {purposes_words(trusted)} alone"]
    if rejected:
        parts.append(f"rejected for {purposes_words(rejected)}")
    return "; ".join(parts)

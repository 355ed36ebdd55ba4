"""Which other group would let in the devices of one: groups of CAs that stand above its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.model.enrollment import Enrollment


@dataclass(frozen=True, slots=True)
class CaName:
    """A CA by its names; `issuer` is empty where it is not known."""

    subject: str
    issuer: str = ""


def same_name(text: str) -> frozenset[str]:
    """Return a distinguished name for comparing: services write its parts in either order, with or without blanks."""
    return frozenset(part.strip().casefold() for part in text.split(",") if part.strip())


def authorities(group: Enrollment, cas: Mapping[str, CaName]) -> tuple[CaName, ...]:
    """Return the CAs that a group stands for; `cas` are the service's own CA certificates by name in lower case."""
    given = [CaName(one.subject, one.issuer) for _, one in group.certificates]
    named = [cas[name.casefold()] for name in group.ca_names if name.casefold() in cas]
    return tuple(given + named)


def broader(
    mine: Iterable[CaName], groups: Sequence[Enrollment], cas: Mapping[str, CaName], *, but: str = ""
) -> tuple[Enrollment, ...]:
    """Return the enabled groups of CAs above some CAs, nearest first; `but` is the id of the group that asks.

    Only what the service knows can be followed: a CA in between that it was never given breaks the chain.
    """
    others = [one for one in groups if one.id != but and one.enabled]
    known = [*cas.values(), *(ca for one in groups for ca in authorities(one, cas))]
    found: list[Enrollment] = []
    seen: set[frozenset[str]] = set()
    level = {same_name(ca.issuer) for ca in mine if ca.issuer} | {same_name(ca.subject) for ca in mine if ca.subject}
    while level := level - seen:
        seen |= level
        for one in others:
            if one not in found and any(same_name(ca.subject) in level for ca in authorities(one, cas) if ca.subject):
                found.append(one)
        level = {same_name(ca.issuer) for ca in known if ca.issuer and same_name(ca.subject) in level}
    return tuple(found)

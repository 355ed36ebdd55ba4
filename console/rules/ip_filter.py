"""Whether a rule is one the service takes, how much it covers, and whether an address gets in."""

from __future__ import annotations

import ipaddress
import string
from collections.abc import Iterable, Sequence

from console.model.ip_rule import (
    MAX_CLASSIC,
    MAX_DPS,
    MAX_RULES,
    NAME_CHARACTERS,
    NAME_LIMIT,
    Certainty,
    ClassicRule,
    FilterAction,
    FilterTarget,
    FilterVerdict,
    IpRule,
    RangeVerdict,
    Reach,
    RuleField,
    RuleProblem,
)
from console.model.text import clean
from console.rules.ip_decisions import decide
from console.rules.ip_ranges import count, interval_of, mask_text, merge, network_of, number_of, seen_interval

NAME_SET = frozenset(string.ascii_letters + string.digits + NAME_CHARACTERS)
"""Every character that a rule's name may hold."""
_DIGITS = frozenset(string.digits)


def check_name(name: str) -> str:
    """Return why the service would refuse a rule's name, in one sentence; empty when it takes it.

    Source: IoT Hub's document on IP filtering; that `/` is refused is known from azure-docs#92219.
    """
    if not name:
        return "A rule needs a name"
    if len(name) > NAME_LIMIT:
        return f"The name has {len(name)} characters, at most {NAME_LIMIT} are allowed"
    for place, character in enumerate(name, 1):
        if character not in NAME_SET:
            allowed = f"letters a-z and A-Z, digits and {' '.join(NAME_CHARACTERS)}"
            return f"{_character(character)} at place {place} is not allowed in a name, only {allowed}"
    return ""


def _character(character: str) -> str:
    if character == " ":
        return "A space"
    shown = f"“{clean(character)}”"
    return shown if character.isascii() else f"{shown} (U+{ord(character):04X})"


def check_mask(mask: str) -> str:
    """Return why a mask is no IPv4 address or CIDR range, in one sentence; empty when it is one.

    Host bits are no error (see `mask_notice`). IoT Hub and DPS filter IPv4 only (their documents on IP filtering).
    """
    if not mask:
        return "A rule needs a mask: an IPv4 address, or a CIDR range like 10.20.0.0/16"
    for place, character in enumerate(mask, 1):
        if character.isspace():
            return f"{_character(character)} at place {place} does not belong in a mask"
    if ":" in mask:
        return "IPv6 is not supported: IP rules take IPv4 only"
    address, slash, prefix = mask.partition("/")
    if "/" in prefix:
        return "The mask has more than one “/”"
    return _check_address(address) or (_check_prefix(prefix) if slash else "")


def _check_address(address: str) -> str:
    if not address:
        return "The address before “/” is missing"
    if address.count("-") == 1 and all(number_of(end) is not None for end in address.split("-")):
        return "A range from one address to another is not supported: write it as CIDR ranges"
    octets = address.split(".")
    if len(octets) == 4 and octets[3].casefold() in {"xxx", "x", "*"} and all(map(_is_octet, octets[:3])):
        return f"“{clean(octets[3])}” stands for a masked octet: write {'.'.join(octets[:3])}.0/24"
    if len(octets) != 4:
        return f"An IPv4 address has 4 octets, “{clean(address, limit=40)}” has {len(octets)}"
    for place, octet in enumerate(octets, 1):
        shown = f"“{clean(octet, limit=16)}”"
        if not octet:
            return f"Octet {place} is missing"
        if not _DIGITS.issuperset(octet):
            return f"Octet {place} ({shown}) is not a number"
        if len(octet) > 1 and octet[0] == "0":
            return f"Octet {place} ({shown}) has a leading zero, which some programs read as octal"
        if not _is_octet(octet):
            return f"Octet {place} ({shown}) is out of range, an octet is 0 to 255"
    return ""


def _is_octet(text: str) -> bool:
    return bool(text) and _DIGITS.issuperset(text) and len(text) <= 3 and int(text) <= 255


def _check_prefix(prefix: str) -> str:
    shown = clean(prefix, limit=24)
    if not prefix:
        return "The prefix after “/” is missing"
    if "." in prefix:
        try:
            meant = f"/{ipaddress.IPv4Network(f'0.0.0.0/{prefix}').prefixlen}"
        except ValueError:
            meant = "a prefix of 0 to 32"
        return f"A netmask in dots (“{shown}”) is not allowed: write {meant}"
    if not _DIGITS.issuperset(prefix):
        return f"The prefix “{shown}” is not a number"
    if len(prefix) > 1 and prefix[0] == "0":
        return f"The prefix “{shown}” has a leading zero"
    if len(prefix) > 2 or int(prefix) > 32:
        return f"The prefix /{shown} is out of range, a prefix is 0 to 32"
    return ""


def mask_notice(mask: str) -> str:
    """Return what a valid mask really means when it has host bits set; empty when it says what it means."""
    meant = normalise(mask)
    if mask in {meant, f"{meant}/32"}:
        return ""
    return f"{mask} has host bits set, it means {meant}"


def normalise(mask: str) -> str:
    """Return a mask without host bits, and one address without its /32.

    Raises:
        ValueError: when it is no IPv4 address or range.
    """
    return mask_text(network_of(mask))


def check_rules(rules: Sequence[IpRule]) -> list[RuleProblem]:
    """Return all that the service would refuse (400059, 400004) in the rules of `networkRuleSets`."""
    return _check(rules, MAX_RULES, "networkRuleSets of a hub")


def check_classic(rules: Sequence[ClassicRule]) -> list[RuleProblem]:
    """Return all that the service would refuse in a hub's classic `ipFilterRules`."""
    return _check(rules, MAX_CLASSIC, "ipFilterRules of a hub") + _check_enums(rules)


def check_dps(rules: Sequence[ClassicRule]) -> list[RuleProblem]:
    """Return all that a Device Provisioning Service would refuse in its `ipFilterRules`."""
    return _check(rules, MAX_DPS, "ipFilterRules of a Device Provisioning Service") + _check_enums(rules)


def _check(rules: Sequence[IpRule | ClassicRule], limit: int, where: str) -> list[RuleProblem]:
    found: list[RuleProblem] = []
    if len(rules) > limit:
        why = f"There are {len(rules)} rules, at most {limit} fit into {where}"
        found.append(RuleProblem(None, "", RuleField.COUNT, why))
    known: dict[str, tuple[int, str]] = {}
    for position, rule in enumerate(rules):
        why = check_name(rule.name)
        if not why and rule.name.casefold() in known:
            first, name = known[rule.name.casefold()]
            same = "" if name == rule.name else f" (as “{name}”: names are compared without case)"
            why = f"The name “{rule.name}” is already taken by rule {first + 1}{same}"
        known.setdefault(rule.name.casefold(), (position, rule.name))
        if why:
            found.append(RuleProblem(position, rule.name, RuleField.NAME, why))
        if why := check_mask(rule.mask):
            found.append(RuleProblem(position, rule.name, RuleField.MASK, why))
    return found


def _check_enums(rules: Sequence[ClassicRule]) -> list[RuleProblem]:
    found: list[RuleProblem] = []
    for position, rule in enumerate(rules):
        for field, value, kinds in (
            (RuleField.ACTION, str(rule.action), list(FilterAction)),
            (RuleField.TARGET, str(rule.target), list(FilterTarget)),
        ):
            if value not in kinds:
                why = f"The {field} “{clean(value, limit=24)}” is none of {', '.join(kinds)}"
                found.append(RuleProblem(position, rule.name, field, why))
    return found


def addresses(mask: str) -> int:
    """Return how many addresses a mask covers; 0 when it cannot be read."""
    interval = interval_of(mask)
    return 0 if interval is None else interval[1] - interval[0] + 1


def addresses_of(masks: Iterable[str]) -> int:
    """Return how many addresses several masks cover together, each counted once."""
    return count(merge(interval for mask in masks if (interval := interval_of(mask)) is not None))


def verdict(reach: Reach, address: str, target: FilterTarget | None = None) -> FilterVerdict:
    """Return whether an address is admitted, and by what.

    What is no IPv4 address matches no rule, so the default action decides (an IPv4 address mapped into IPv6 counts
    as itself). `target` is the API called, for a Device Provisioning Service; see `decide` for the service's rules.
    """
    number = number_of(address)
    if number is not None:
        return decide(reach, target).at(number)
    default = reach.rules is None or not reach.rules.default_deny
    return decide(reach).verdicts[0] if not reach.public_access else FilterVerdict(default)


def masked_verdict(reach: Reach, masked: str, target: FilterTarget | None = None) -> RangeVerdict:
    """Return what happens to the /24 behind a masked address (10.20.4.XXX), or to one whole address."""
    interval = seen_interval(masked)
    if interval is None:
        return RangeVerdict(Certainty.UNCERTAIN, 0, 0)
    return decide(reach, target).over(*interval)

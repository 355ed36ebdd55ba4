"""What the options of `hubwarden network set` and `simulate` mean: texts in, wanted changes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import ClassicRule, FilterAction, FilterTarget, IpRule
from console.model.network import FilterEdit, NetworkEdit

F = TypeVar("F", bound=Callable[..., Any])

_HUB_OPTIONS = (
    click.option("--add-rule", multiple=True, metavar="NAME=CIDR", help="Let a range in."),
    click.option("--remove-rule", multiple=True, metavar="NAME", help="Take a rule away."),
    click.option("--change-rule", multiple=True, metavar="NAME=CIDR", help="Give a rule another range."),
    click.option("--rename-rule", multiple=True, metavar="OLD=NEW", help="Give a rule another name."),
    click.option("--narrow", multiple=True, metavar="NAME", help="Narrow a rule to the range that is used."),
    click.option("--default-action", type=click.Choice(["allow", "deny"]), help="What happens to everybody else."),
    click.option("--public-access", type=click.Choice(["enabled", "disabled"]), help="The public endpoint as a whole."),
    click.option(
        "--built-in-endpoint",
        type=click.Choice(["filtered", "open"]),
        help="Whether the rules apply to the built-in Event Hubs endpoint.",
    ),
    click.option("--min-tls", type=click.Choice(["1.2", "none"]), help="The oldest TLS version that is let in."),
    click.option("--outbound", type=click.Choice(["restricted", "open"]), help="Where the hub itself may connect to."),
    click.option("--allow-fqdn", multiple=True, metavar="HOST", help="A host it may connect to when restricted."),
    click.option("--forget-fqdn", multiple=True, metavar="HOST", help="Take a host from that list."),
    click.option("--migrate", is_flag=True, help="Replace classic rules by a rule set that admits the same."),
)
_FILTER = "NAME=accept|reject:CIDR[@PLACE]"
_DPS_OPTIONS = (
    click.option("--dps", metavar="NAME", help="A provisioning service, for the options below."),
    click.option("--add-filter", multiple=True, metavar=_FILTER, help="A filter, last or at a place (from 1)."),
    click.option("--replace-filter", multiple=True, metavar="NAME=accept|reject:CIDR", help="In its place."),
    click.option("--move-filter", multiple=True, metavar="NAME@PLACE", help="The first match decides."),
    click.option("--remove-filter", multiple=True, metavar="NAME", help="Take a filter away."),
    click.option(
        "--filter-target",
        type=click.Choice([target.value for target in FilterTarget]),
        default="all",
        help="Which API added filters are for.",
    ),
)


@dataclass(frozen=True)
class Wanted:
    """What was asked for: of the hub (`narrow` are rules to look up first), and of a provisioning service."""

    hub: NetworkEdit
    narrow: tuple[str, ...] = ()
    dps: str = ""
    filters: FilterEdit = field(default_factory=FilterEdit)

    @property
    def empty(self) -> bool:
        """Whether nothing was asked for."""
        return self.hub.empty and not self.narrow and self.filters.empty


def hub_options(command: F) -> F:
    """Add the options that say what is to become of the hub's network settings."""
    return _decorated(command, _HUB_OPTIONS)


def filter_options(command: F) -> F:
    """Add the options that say what is to become of a provisioning service's filters."""
    return _decorated(command, _DPS_OPTIONS)


def wanted_from(given: dict[str, Any]) -> Wanted:
    """Return what the options ask for. Raises ConsoleError BAD_INPUT, code "usage", for a text that has no meaning."""
    filters = FilterEdit(
        add=tuple(_placed(text, given["filter_target"]) for text in given.get("add_filter", ())),
        replace=tuple(_replaced(text, given["filter_target"]) for text in given.get("replace_filter", ())),
        move=tuple(_moved(text) for text in given.get("move_filter", ())),
        remove=tuple(given.get("remove_filter", ())),
    )
    dps = given.get("dps") or ""
    if bool(dps) == filters.empty:
        missing = "no filter option" if dps else "no provisioning service (--dps NAME)"
        raise _usage("Filters cannot be changed", f"{missing} was given")
    return Wanted(hub_edit(given), tuple(given["narrow"]), dps, filters)


def hub_edit(given: dict[str, Any]) -> NetworkEdit:
    """Return the wanted change of the hub's settings."""
    changed = {name: IpRule(name, mask) for name, mask in map(_rule_parts, given["change_rule"])}
    for text in given["rename_rule"]:
        old, equals, new = text.partition("=")
        if not equals or not old or not new:
            raise _usage(f"--rename-rule {text} has no meaning", "it reads OLD=NEW")
        changed[old] = IpRule(new, changed[old].mask if old in changed else "")
    return NetworkEdit(
        add=tuple(IpRule(name, mask) for name, mask in map(_rule_parts, given["add_rule"])),
        change=tuple(changed.items()),
        remove=tuple(given["remove_rule"]),
        default_deny=_either(given["default_action"], "deny"),
        filter_built_in=_either(given["built_in_endpoint"], "filtered"),
        public_access=_either(given["public_access"], "enabled"),
        min_tls=None if given["min_tls"] is None else given["min_tls"].replace("none", ""),
        restrict_outbound=_either(given["outbound"], "restricted"),
        allow_fqdns=tuple(given["allow_fqdn"]),
        forget_fqdns=tuple(given["forget_fqdn"]),
        migrate=given["migrate"],
    )


def _rule_parts(text: str) -> tuple[str, str]:
    """Split NAME=CIDR at the last "=", which a name may hold."""
    name, equals, mask = text.rpartition("=")
    if not equals:
        raise _usage(f"The rule {text} has no meaning", "it reads NAME=CIDR, for example lyon=10.20.0.0/16")
    return name, mask


def _placed(text: str, target: str) -> tuple[ClassicRule, int | None]:
    body, at, place = text.rpartition("@")
    if at and place.isascii() and place.isdigit() and int(place) > 0:
        return _filter(body, target), int(place) - 1
    return _filter(text, target), None


def _replaced(text: str, target: str) -> tuple[str, ClassicRule]:
    rule = _filter(text, target)
    return rule.name, rule


def _moved(text: str) -> tuple[str, int]:
    name, _, place = text.rpartition("@")
    if not name or not (place.isascii() and place.isdigit() and int(place) > 0):
        raise _usage(f"--move-filter {text} has no meaning", "it reads NAME@PLACE, and the first place is 1")
    return name, int(place) - 1


def _filter(text: str, target: str) -> ClassicRule:
    name, equals, rest = text.rpartition("=")
    action, colon, mask = rest.partition(":")
    actions = {one.value.casefold(): one for one in FilterAction}
    if not equals or not colon or action.casefold() not in actions:
        raise _usage(f"The filter {text} has no meaning", "it reads NAME=accept:CIDR or NAME=reject:CIDR")
    return ClassicRule(name, actions[action.casefold()], mask, FilterTarget(target))


def _either(value: str | None, yes: str) -> bool | None:
    return None if value is None else value == yes


def _decorated(command: F, options: Sequence[Callable[[Any], Any]]) -> F:
    decorated: Any = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def _usage(what: str, why: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, code="usage")

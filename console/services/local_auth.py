"""The pre-flight of switching shared access signatures off (or on): who would be cut off, and what cannot be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.model.change import Change, Risk, Severity
from console.model.document import Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.policy import AuthScope, Links
from console.model.text import clean
from console.rules.planning import change_of, copied
from console.services.paging import Pages
from console.services.ports import NEVER_CANCELLED, Cancel, DocumentReader
from console.services.session import Session

TITLES = {
    AuthScope.HUB: "shared access policies",
    AuthScope.DEVICES: "device keys",
    AuthScope.MODULES: "module keys",
}
_SOURCES = {AuthScope.DEVICES: "devices", AuthScope.MODULES: "devices.modules"}
LinksOf = Callable[[str], Links]


def plan(
    session: Session,
    reader: DocumentReader,
    links_of: LinksOf,
    scope: AuthScope,
    on: bool,
    reason: str = "",
    cancel: Cancel = NEVER_CANCELLED,
) -> Change:
    """Return the plan that accepts or refuses one sort of shared access signatures. Raises ConsoleError."""
    target = Target(TargetKind.HUB, session.arm_id(cancel))
    document = reader.read(target, cancel)
    if document is None:
        raise ConsoleError(ErrorKind.NOT_FOUND, f"The hub {target.name} was not found", "it is gone", "Look again")
    after = copied(document)
    properties = after["properties"]
    if bool(properties.get(scope.field)) is on:
        properties[scope.field] = not on
    risks: list[Risk] = []
    effect: list[tuple[str, str]] = []
    notes: list[str] = []
    if on:
        message = f"{TITLES[scope]} open the hub again for whoever has one"
        risks.append(Risk("keys-accepted", Severity.LOW, message))
    elif scope is AuthScope.HUB:
        links = links_of(clean(properties.get("hostName")))
        risks += _hub_risks(links)
        effect += [("provisioning", _linked(links))]
        notes += [
            "provisioning services of other subscriptions, or not visible to you, are not seen",
            "devices that sign with their own key, and everybody who signs in with Entra, are not concerned",
        ]
    else:
        count, total, problem = sas_count(session, scope, cancel)
        risks += _key_risks(scope, count, problem)
        effect += [("cut off", _cut(scope, count, total))]
        notes += ["the hub's index of identities lags by a moment, and counts deleted ones for a while"]
    title = f"{TITLES[scope]} of {session.hub_name} {'accepted' if on else 'refused'}"
    return change_of(
        "policy.local-auth", title, target, document, after, risks=risks, effect=effect, notes=notes, reason=reason
    )


def refusal_risks(session: Session, links_of: LinksOf, scope: AuthScope, host: str, cancel: Cancel) -> Iterator[Risk]:
    """Yield what is risked by refusing one sort of shared access signatures."""
    if scope is AuthScope.HUB:
        yield from _hub_risks(links_of(host))
    else:
        count, _, problem = sas_count(session, scope, cancel)
        yield from _key_risks(scope, count, problem)


def sas_count(session: Session, scope: AuthScope, cancel: Cancel) -> tuple[int | None, int | None, str]:
    """Count the devices or modules that have symmetric keys: how many, of how many, and why it is not known.

    The hub counts (GROUP BY); None where it cannot be asked.
    """
    source = _SOURCES[scope]
    text = f"SELECT COUNT() AS total, authenticationType FROM {source} GROUP BY authenticationType"  # noqa: S608 - ours
    keyed, total, continuation = 0, 0, None
    pages = Pages("The device query failed", "the hub")
    try:
        while True:
            page = session.registry.query(text, continuation=continuation, cancel=cancel)
            for row in page.rows:
                count = row.get("total")
                number = int(count) if isinstance(count, int | float) else 0
                total += number
                keyed += number if str(row.get("authenticationType")).casefold() == "sas" else 0
            if not page.continuation:
                return keyed, total, ""
            continuation = pages.follow(page.continuation)
    except ConsoleError as error:
        if error.kind is ErrorKind.CANCELLED:
            raise
        return None, None, error.why or error.what


def _hub_risks(links: Links) -> Iterator[Risk]:
    names = links.instances()
    if names is None:
        message = f"whether a provisioning service links this hub by a key is not known: {links.problem}"
        hint = "Every service that does would stop provisioning: see in the portal, or get Reader on the subscription"
        yield Risk("dps-unknown", Severity.HIGH, message, blocking=True, hint=hint)
    elif names:
        link, them = ("links", "it") if len(names) == 1 else ("link", "them")
        message = f"{', '.join(names)} {link} this hub by a key: provisioning through {them} stops at once"
        yield Risk("dps-links", Severity.HIGH, message, blocking=True, hint="Link it by a managed identity first")
    yield Risk(
        "policy-clients",
        Severity.HIGH,
        "every service, tool and gateway that signs with a policy is refused at once; who does is not known",
    )
    yield Risk(
        "device-update",
        Severity.MEDIUM,
        "Device Update for IoT Hub needs these keys; whether it is linked cannot be seen from here",
    )
    yield Risk(
        "built-in-endpoint-sas",
        Severity.MEDIUM,
        "readers of the built-in Event Hubs endpoint sign with a policy of the hub: telemetry stops for them",
    )


def _key_risks(scope: AuthScope, count: int | None, problem: str) -> Iterator[Risk]:
    if count is None:
        message = f"how many {scope} sign with a key is not known: {problem}"
        yield Risk(f"sas-{scope}-unknown", Severity.HIGH, message, blocking=True)
    elif count:
        sign, which = ("signs", scope.value.rstrip("s")) if count == 1 else ("sign", scope.value)
        message = f"{count:,} {which} {sign} with a symmetric key and would be cut off"
        hint = "Give them certificates first; hubwarden devices list --filter auth:sas shows them"
        yield Risk(
            f"sas-{scope}", Severity.HIGH, message, blocking=True, hint=hint if scope is AuthScope.DEVICES else ""
        )


def _linked(links: Links) -> str:
    names = links.instances()
    if names is None:
        return "not known which services link this hub"
    return f"{', '.join(names)} cannot assign devices any more" if names else "no service that you can see links by key"


def _cut(scope: AuthScope, count: int | None, total: int | None) -> str:
    if count is None or total is None:
        return f"not known how many {scope}"
    return f"{count:,} of {total:,} {scope}"

"""The Network pane in words: what is open stands out, what is not known says so, hostile text stays text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from console.model.errors import ConsoleError, ErrorKind
from console.model.ip_rule import SeenAddress
from console.model.network import (
    AddressSource,
    Known,
    LinkStatus,
    NetworkView,
    OwnIp,
    ProvisioningService,
    ProvisioningView,
    SeenLog,
    SeenRange,
)
from console.model.reading import Reading
from console.present.lines import plain
from console.present.network import connection_cells, rule_cells, rule_page, service_words, summary_lines
from console.rules.network_body import hub_network
from console.services.network_view import view_of
from console.ui.panes.network.state import NetworkState

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def view(known: Known | None = None, **properties: Any) -> NetworkView:
    body = {"name": "plants", "sku": {"name": "S1"}, "properties": properties}
    return view_of(hub_network(body), known or Known(), Reading(), Reading(), NOON)


def rule_set(*rules: tuple[str, str], action: str = "Deny") -> dict[str, Any]:
    items = [{"filterName": name, "action": "Allow", "ipMask": mask} for name, mask in rules]
    return {"defaultAction": action, "applyToBuiltInEventHubEndpoint": True, "ipRules": items}


def text(one: NetworkView) -> str:
    return "\n".join(plain(line) for line in summary_lines(one))


def test_what_is_open_says_so() -> None:
    assert "OPEN to all addresses" in text(view())
    assert "OPEN to all addresses (default action Allow)" in text(view(networkRuleSets=rule_set(action="Allow")))
    assert "off: all IP rules are ignored" in text(
        view(networkRuleSets=rule_set(("a", "10.0.0.0/8")), publicNetworkAccess="Disabled")
    )
    closed = text(view(networkRuleSets=rule_set(("a", "10.0.0.0/8")), minTlsVersion="1.2"))
    assert "default deny, 1 IP range" in closed
    assert "filtered" in closed and "OPEN" not in closed and "TLS 1.2+" in closed
    classic = [{"filterName": "x", "action": "Reject", "ipMask": "10.9.0.0/16"}]
    assert "1 classic rule in force" in text(view(ipFilterRules=classic))


def test_nothing_is_open_or_in_force_while_public_access_is_off() -> None:
    classic = [{"filterName": "x", "action": "Reject", "ipMask": "10.9.0.0/16"}]
    service = ProvisioningService("/x/dps", "dps", public_access=False)
    closed = view(ipFilterRules=classic, publicNetworkAccess="Disabled")
    state = NetworkState()
    state.take(replace(closed, provisioning=Reading(value=(ProvisioningView(service, True, ()),), as_of=NOON)))
    words = " ".join(f"{one.title} {one.empty}" for one in state.sections())
    assert "CLASSIC, NOT IN FORCE" in words and "decide" not in words and "every address" not in words
    assert "OPEN" not in service_words(ProvisioningView(service, True, ()))
    state.take(view(publicNetworkAccess="Disabled"))
    assert "Every address" not in state.sections()[0].empty and "public access is off" in state.sections()[0].empty
    state.take(view(ipFilterRules=classic))
    assert [one.title for one in state.sections()][:2] == ["IP RULES", "CLASSIC"]


def test_pending_connections_stand_out() -> None:
    state = {"status": "Pending", "description": "please"}
    connection = {
        "name": "pe-1.x",
        "properties": {"privateEndpoint": {"id": "/x/pe-1"}, "privateLinkServiceConnectionState": state},
    }
    one = view(privateEndpointConnections=[connection])
    assert "1 PENDING" in text(one)
    (found,) = one.hub.connections
    assert found.status is LinkStatus.PENDING
    assert connection_cells(found)[0] == ("◌ PENDING", "warn")


def test_unknown_is_not_zero() -> None:
    error = ConsoleError(ErrorKind.PERMISSION, "The log query failed", "the role Log Analytics Reader is missing")
    unread = view(Known(seen=Reading(error=error)), networkRuleSets=rule_set(("a", "10.0.0.0/8")))
    assert "not known: the role Log Analytics Reader is missing" in text(unread)
    assert rule_cells(unread.rows[0], NOON)[3] == ("?", "dim")
    seen = SeenLog((SeenRange(SeenAddress("10.1.1.XXX", 3, NOON), 1),), NOON - timedelta(hours=24), NOON)
    read = view(
        Known(seen=Reading(seen, NOON), own=OwnIp("10.2.0.7", AddressSource.ACTIVITY)),
        networkRuleSets=rule_set(("a", "10.0.0.0/8"), ("b", "192.0.2.0/24")),
    )
    assert "3 devices in 24 h, 1 refused; not seen: unknown" in text(read)
    assert "may be another one" in text(read)
    assert [plain((cell,)) for cell in rule_cells(read.rows[1], NOON)][3:5] == ["0", "not seen"]


def test_hostile_names_are_spelled_out() -> None:
    one = view(networkRuleSets=rule_set(("\x1b]52;c;AAAA\x07[/]", "0.0.0.0/0\x1b[2J")))
    shown = "".join(plain((cell,)) for cell in rule_cells(one.rows[0], NOON))
    page = "\n".join(plain(line) for line in rule_page(one, one.rows[0], NOON, 78))
    for part in (shown, page, text(one)):
        assert "\x1b" not in part and "\x07" not in part
    assert "\\x1b]52" in shown


def test_the_whole_address_space_is_called_all() -> None:
    one = view(networkRuleSets=rule_set(("everyone", "0.0.0.0/0")))
    assert rule_cells(one.rows[0], NOON)[2] == ("all", "bad")
    assert rule_cells(replace(one.rows[0], addresses=5), NOON)[2] == ("5", "")

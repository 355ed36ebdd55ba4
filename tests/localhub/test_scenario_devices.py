"""The handful of the demo's devices that are real MQTT clients: judged by the same door, logged alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from support.hub import HubRunner
from support.waiting import until

from console.localhub.scenario import REMOVED, rule
from console.localhub.scenario_live import Live
from console.localhub.state import Json


@pytest.fixture(scope="module")
def demo() -> Iterator[HubRunner]:
    with HubRunner(devices=400, history_hours=0, real_devices=True) as hub:
        yield hub


def play(demo: HubRunner, seconds: float) -> None:
    """Play the story ahead; the real clients follow at their own pace."""
    scenario = demo.server.world.scenario
    now = scenario.player.start + timedelta(seconds=scenario.player.now)
    Live(demo.cloud, scenario).run_until(now + timedelta(seconds=seconds))


def records(demo: HubRunner, device: str, operation: str = "deviceConnect") -> list[Json]:
    found = demo.server.world.events.since(0)
    return [row for row in found if row["properties"].get("deviceId") == device and row["operation"] == operation]


def test_real_clients_play_their_devices(demo: HubRunner) -> None:
    player = demo.server.world.scenario.player
    real = [client for client in player.clients.values() if client.real]
    assert {client.identity.partition("-")[0] for client in real} == {"lyon", "genoa", "porto", "graz", "brno"}
    assert any(client.chain for client in real) and any(client.key for client in real)
    play(demo, 15)
    for client in real:
        until(lambda one=client: records(demo, one.identity), f"{client.identity}'s attempt")
        last = records(demo, client.identity)[-1]
        assert (last["code"] == "401003") is client.lyon, last
        told = last["properties"]
        assert told["maskedIpAddress"] == client.address.rpartition(".")[0] + ".XXX"
        assert (told["sdkVersion"], told["protocol"], told["tlsVersion"]) == (client.sdk, "Mqtt", "1.2")
    outside = [client.identity for client in real if not client.lyon]
    senders = until(lambda: {m.device_id for m in demo.server.world.telemetry.after(0)} >= set(outside), "telemetry")
    assert senders

    play(demo, 600)  # no simulated device's record has a field more or less
    simulated = next(
        row
        for row in demo.server.world.events.since(0)
        if row["operation"] == "deviceConnect" and row["properties"]["deviceId"] not in {one.identity for one in real}
    )
    assert set(simulated["properties"]) == set(records(demo, outside[0])[-1]["properties"])


def test_lyons_real_gateway_comes_back_with_the_range(demo: HubRunner) -> None:
    player = demo.server.world.scenario.player
    gateway = next(one for one in player.clients.values() if one.real and one.lyon and one.role == "gateway")
    until(lambda: records(demo, gateway.identity), "its first attempt")
    with demo.hub.lock:
        demo.hub.resource["properties"]["networkRuleSets"]["ipRules"].append(rule(*REMOVED))
        demo.hub.network_changed += 1
    demo.cloud.notify(demo.hub, "network")

    def back() -> bool:
        play(demo, 61)  # it tries again after 30 to 60 seconds
        return gateway.identity in demo.server.world.doors.of(demo.hub).sessions

    until(back, "its return")
    assert records(demo, gateway.identity)[-1]["code"] == ""

    demo.server.reset()  # the range goes, and with it the gateway
    until(lambda: play(demo, 400) or records(demo, gateway.identity), "its next attempt")
    assert records(demo, gateway.identity)[-1]["code"] == "401003"

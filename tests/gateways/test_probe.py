"""The plain probes against the local hub: each trouble has its own kind and sentence."""

import socket

import pytest

from console.gateways.probe import Probe
from console.model.errors import ConsoleError, ErrorKind


def kind_of(call) -> ErrorKind:
    with pytest.raises(ConsoleError) as caught:
        call()
    assert caught.value.hint
    return caught.value.kind


@pytest.mark.parametrize("through_proxy", [False, True])
def test_a_healthy_endpoint_passes_every_probe(local_hub, through_proxy):
    ready = local_hub.ready
    url = f"https://{ready['hub_name']}.azure-devices.net" if through_proxy else ready["arm_endpoint"]
    probe = Probe(url, ca_file=ready["ca_file"], proxy=ready["proxy"] if through_proxy else "")
    if not through_proxy:
        assert "127.0.0.1" in probe.resolve()
    assert "answers" in probe.connect()
    assert "TLSv1" in probe.handshake()
    assert "apart" in probe.drift()


def test_a_name_without_address():
    assert kind_of(Probe("https://no-such-host.invalid").resolve) is ErrorKind.NETWORK


def test_a_closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    probe = Probe(f"https://localhost:{port}")
    assert kind_of(probe.connect) is ErrorKind.NETWORK
    assert kind_of(probe.handshake) is ErrorKind.NETWORK


def test_an_untrusted_root(local_hub):
    assert kind_of(Probe(local_hub.ready["arm_endpoint"]).handshake) is ErrorKind.TLS


def test_a_clock_that_is_ten_minutes_off(local_hub, faults):
    local_hub.cloud.clock.skew_seconds = 600
    try:
        probe = Probe(local_hub.ready["arm_endpoint"], ca_file=local_hub.ready["ca_file"])
        with pytest.raises(ConsoleError, match="10 min behind") as caught:
            probe.drift()
        assert caught.value.kind is ErrorKind.CLOCK
    finally:
        local_hub.cloud.clock.skew_seconds = 0

"""One reading through each client: what a strange answer meets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from support.villain import HUB, TENANT, authority

from console.cli.wiring import Wiring
from console.gateways.probe import Probe
from console.gateways.registration import RegistrarGateway
from console.model.secret import Secret
from console.services.ports import Cancel

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def device(wired: Wiring) -> Any:
    link = RegistrarGateway(ca_file=authority()[0]).reach(wired._profile.endpoints.dps.removeprefix("https://"))
    return link.register("0ne00000000", "press-1", {}, Secret("sas"), Cancel())


READINGS: dict[str, Callable[[Wiring], Any]] = {
    "arm": lambda w: w.arm.get("It failed", HUB, {}, Cancel()),
    "sdk": lambda w: w.hub.hub(),
    "registry": lambda w: w.registry.query("SELECT * FROM devices"),
    "logs": lambda w: w.logs(TENANT).query("print 1", NOW, NOW + timedelta(hours=1)),
    "token service": lambda w: w.sign_in.whoami(),
    "dps device": device,
    "probe": lambda w: Probe(w._profile.arm_endpoint, ca_file=authority()[0]).drift(),
}
OWN_BODY = {"dps device", "probe"}  # they read no large answer in the first place

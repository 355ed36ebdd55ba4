"""Device clients as Azure's users have them are let in with what the console made, and leave the log's record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.device_clients import APIS, Maker, Site, deliver
from support.waiting import until

from console.localhub.state import ModuleRecord, new_key


def key(site: Site, device: str) -> Maker:
    record = site.create(device)
    return lambda api: site.by_key(api, device, record.primary_key)


def second_key(site: Site, device: str) -> Maker:
    record = site.create(device)
    return lambda api: site.by_key(api, device, record.secondary_key)


def minted_token(site: Site, device: str) -> Maker:
    site.create(device)
    token = site.run("sas", "device", device, "--quiet").strip()
    return lambda api: api.IoTHubDeviceClient.create_from_sastoken(token, **site.reach)


def policy_token(site: Site, device: str) -> Maker:
    site.create(device)
    token = site.run("sas", "device", device, "--policy", "device", "--quiet").strip()
    return lambda api: api.IoTHubDeviceClient.create_from_sastoken(token, **site.reach)


def thumbprint(site: Site, device: str) -> Maker:
    files = site.mint(device)
    site.create(device, "--auth", "x509-thumbprint", "--thumbprint", "AB" * 32)
    site.change("cert", "register", device, str(files.certificate))  # in the second slot
    return lambda api: site.by_certificate(api, device, files)


def ca_chain(site: Site, device: str) -> Maker:
    site.create(device, "--auth", "x509-ca")
    files = site.mint(device)
    return lambda api: site.by_certificate(api, device, files)


def rsa_ca_chain(site: Site, device: str) -> Maker:
    site.create(device, "--auth", "x509-ca")
    files = site.mint(device, None, "--key-type", "rsa-2048")
    return lambda api: site.by_certificate(api, device, files)


def module_key(site: Site, device: str) -> Maker:
    record = site.create(device)
    own = new_key()
    with site.state.lock:
        record.modules["vision"] = ModuleRecord(device, "1", "sas", own, new_key(), module_id="vision")
    return lambda api: site.by_key(api, device, own, "vision")


def module_ca_chain(site: Site, device: str) -> Maker:
    record = site.create(device)
    with site.state.lock:
        record.modules["vision"] = ModuleRecord(device, "1", "certificateAuthority", module_id="vision")
    files = site.mint(f"{device}/vision")
    return lambda api: site.by_certificate(api, device, files, "vision")


@pytest.mark.parametrize("api_name", APIS)
@pytest.mark.parametrize(
    ("form", "auth"),
    [
        (key, ("device", "sas")),
        (second_key, ("device", "sas")),
        (minted_token, ("device", "sas")),
        (policy_token, ("hub", "sas")),
        (thumbprint, ("device", "x509Certificate")),
        (ca_chain, ("device", "x509CertificateAuthority")),
        (rsa_ca_chain, ("device", "x509CertificateAuthority")),
        (module_key, ("module", "sas")),
        (module_ca_chain, ("module", "x509CertificateAuthority")),
    ],
    ids=lambda value: value.__name__.replace("_", "-") if callable(value) else "",
)
def test_a_client_is_let_in_and_heard(
    form: Callable[[Site, str], Maker], auth: tuple[str, str], api_name: str, site: Site
) -> None:
    device = f"{form.__name__}-{api_name}"
    module = "vision" if auth[0] == "module" else None
    deliver(form(site, device), api_name, f"from {device}")
    world: Any = site.hub.server.world
    (message,) = (one for one in world.telemetry.after(0) if one.device_id == device)
    assert (message.body.decode(), message.module_id) == (f"from {device}", module)
    came, went = until(lambda: rows if len(rows := site.records(device)) > 1 else [], "the record of the goodbye")
    assert (came["OperationName"], came["Level"], came["ResultType"]) == ("deviceConnect", "Information", "")
    told = json.loads(came["properties"]["authType"])
    assert (told["scope"], told["type"]) == auth
    assert came["properties"]["protocol"] == "Mqtt"
    assert came["properties"]["maskedIpAddress"] == "127.0.0.XXX"
    assert came["properties"]["tlsVersion"] == "1.2"
    assert came["properties"]["sdkVersion"].startswith("azure-iot-device")
    assert came["properties"].get("moduleId") == module
    assert (went["OperationName"], went["Level"], went["ResultType"]) == ("deviceDisconnect", "Information", "")
    record = site.state.devices[device]
    assert (record.modules[module] if module else record).last_activity > "2"

"""Device clients are provisioned or refused: the client's exception, the log's record, the cause the command names.

Enrollments are made, switched off and blocked with `hubwarden dps`; the clients are azure-iot-device's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from support.authorities import DAY, authority, make
from support.device_clients import APIS, Files, Maker, Site, deliver, register

from console.localhub.state import new_key


@pytest.fixture(scope="module", autouse=True)
def plants(site: Site) -> None:
    """All devices below the plants' root may register."""
    site.trust("plant-root", site.folder / "plant-root")
    enroll(site, "plants", "x509", "--group", "--ca", "plant-root")


def enroll(site: Site, name: str, kind: str, *options: str) -> None:
    site.change("dps", "create", name, "--attestation", kind, *options)


def keys(site: Site, name: str, *options: str) -> str:
    """Enroll a device by key; return the key that the service made, as the command shows it."""
    enroll(site, name, "symmetric-key", *options)
    primary: str = site.json("dps", "keys", name, *[word for word in options if word == "--group"])["items"][0]["key"]
    return primary


def derived(site: Site, group: str, device: str) -> str:
    return site.run("dps", "derive-key", device, "--group", group).strip()


def own_certificate(site: Site, device: str, *options: str) -> Files:
    files = site.mint(device)
    enroll(site, device, "x509", "--certificate", str(files.certificate), *options)
    return files


# --- provisioned ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """How a device is provisioned, how it connects then, and by what its identity in the hub signs in."""

    register: Maker
    connect: Maker
    auth: str


def with_key(site: Site, device: str, key: str) -> Way:
    return Way(lambda api: site.provisioned_by_key(api, device, key), lambda api: site.by_key(api, device, key), "sas")


def with_certificate(site: Site, device: str, files: Files) -> Way:
    return Way(
        lambda api: site.provisioned_by_certificate(api, device, files),
        lambda api: site.by_certificate(api, device, files),
        "selfSigned",
    )


def individual_key(site: Site, device: str) -> Way:
    return with_key(site, device, keys(site, device))


def group_key(site: Site, device: str) -> Way:
    enroll(site, f"{device}-group", "symmetric-key", "--group")
    return with_key(site, device, derived(site, f"{device}-group", device))


def individual_certificate(site: Site, device: str) -> Way:
    return with_certificate(site, device, own_certificate(site, device))


def below_ca(site: Site, device: str) -> Way:
    return with_certificate(site, device, site.mint(device))


FORMS = (individual_key, group_key, individual_certificate, below_ca)


@pytest.fixture(scope="module")
def provisioned(site: Site) -> dict[str, tuple[Way, Future[Any]]]:
    """Who registers and connects, all at once: a client asks for its result two seconds later at the earliest."""

    def both(way: Way, api_name: str) -> Any:
        result = register(way.register, api_name)
        deliver(way.connect, api_name)
        return result

    with ThreadPoolExecutor(8) as pool:
        found = {}
        for form in FORMS:
            for api_name in APIS:
                device = f"{form.__name__}-{api_name}"
                way = form(site, device)
                found[device] = way, pool.submit(both, way, api_name)
    return found


@pytest.mark.parametrize("api_name", APIS)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_device_is_provisioned_and_let_in_where_it_was_told(
    form: Any, api_name: str, site: Site, provisioned: dict[str, tuple[Way, Future[Any]]]
) -> None:
    device = f"{form.__name__}-{api_name}"
    way, future = provisioned[device]
    result = future.result()
    state = result.registration_state
    assert (result.status, state.assigned_hub, state.device_id) == ("assigned", site.host, device)
    assert site.state.devices[device].auth == way.auth
    rows = [row for row in site.records(device) if row["ResourceType"] == "PROVISIONINGSERVICES"]
    assert {(row["OperationName"], row["ResultType"]) for row in rows} == {
        ("AttestationAttempt", "Success"),
        ("RegistrationAttempt", "Success"),
    }
    assert rows[0]["properties"] == {"id": device, "type": "Registration", "protocol": "Mqtt"}


# --- refused --------------------------------------------------------------------------------------------------------

Case = Callable[[Site, str], Iterator[Maker]]


@dataclass(frozen=True)
class Refusal:
    """How a case ends: what the client raises and its cause tells, the log's words, the cause the command names."""

    case: Case
    raised: str
    told: str
    words: str
    cause: str
    sure: str
    operation: str
    alone: bool

    @property
    def device(self) -> str:
        return self.case.__name__.replace("_", "-")


REFUSALS: list[Refusal] = []


def refused(
    cause: str,
    words: str,
    *,
    raised: str = "ClientError",
    told: str = "401",
    sure: str = "certain",
    operation: str = "AttestationAttempt",
    alone: bool = False,
) -> Callable[[Case], Case]:
    """Note a case; `alone`: it is tried when all before it have ended, and puts back what it changed at once."""

    def note(case: Case) -> Case:
        REFUSALS.append(Refusal(case, raised, told, words, cause, sure, operation, alone))
        return case

    return note


@refused("DPS: no enrollment", "401000: Unauthorized", alone=True)
def nobody_s_enrollment(site: Site, device: str) -> Iterator[Maker]:
    with site.hub.cloud.lock:
        groups = dict(site.service.groups)
        site.service.groups.clear()  # where there is a group by key, its key could be a wrong one
    yield lambda api: site.provisioned_by_key(api, device, new_key())
    with site.hub.cloud.lock:
        site.service.groups.update(groups)


@refused("DPS: wrong key", "401002: Unauthorized", sure="likely")
def wrong_key(site: Site, device: str) -> Iterator[Maker]:
    enroll(site, device, "symmetric-key")
    yield lambda api: site.provisioned_by_key(api, device, new_key())


@refused("DPS: wrong key", "401002: Unauthorized", sure="likely")
def key_derived_for_another(site: Site, device: str) -> Iterator[Maker]:
    enroll(site, "ovens", "symmetric-key", "--group")
    key = derived(site, "ovens", "oven-1")
    yield lambda api: site.provisioned_by_key(api, device, key)


@refused("DPS: disabled", "disabled", told="disabled", operation="RegistrationAttempt")
def disabled_enrollment(site: Site, device: str) -> Iterator[Maker]:
    key = keys(site, device)
    site.change("dps", "disable", device)
    yield lambda api: site.provisioned_by_key(api, device, key)


@refused("DPS: disabled", "disabled", told="disabled", operation="RegistrationAttempt")
def disabled_group(site: Site, device: str) -> Iterator[Maker]:
    enroll(site, "pumps", "symmetric-key", "--group")
    key = derived(site, "pumps", device)
    site.change("dps", "disable", "pumps", "--group")
    yield lambda api: site.provisioned_by_key(api, device, key)


@refused("DPS: disabled", "disabled", told="disabled", operation="RegistrationAttempt")
def blocked_in_its_group(site: Site, device: str) -> Iterator[Maker]:
    files = site.mint(device)
    site.change("dps", "block", "plants", device, "--certificate", str(files.certificate))
    yield lambda api: site.provisioned_by_certificate(api, device, files)


@refused("DPS: wrong key", "401002: Unauthorized", sure="likely")
def replaced_certificate(site: Site, device: str) -> Iterator[Maker]:
    own_certificate(site, device)
    files = site.files(device, make(device))
    yield lambda api: site.provisioned_by_certificate(api, device, files)


@refused("DPS: wrong certificate", "401002: Invalid certificate.")
def expired_certificate(site: Site, device: str) -> Iterator[Maker]:
    old = make(device, start=-30 * DAY, end=-DAY)
    files = site.files(device, old)
    enroll(site, device, "x509", "--certificate", str(files.certificate))
    yield lambda api: site.provisioned_by_certificate(api, device, files)


@refused("DPS: wrong certificate", "401002: Invalid certificate.")
def expired_below_ca(site: Site, device: str) -> Iterator[Maker]:
    ca = site.issuer(site.folder / "plant-ca")
    files = site.files(device, ca.issue(device, start=-30 * DAY, end=-DAY), ca)
    yield lambda api: site.provisioned_by_certificate(api, device, files)


@refused("DPS: wrong certificate", "401002: Invalid certificate.")
def wrong_common_name(site: Site, device: str) -> Iterator[Maker]:
    files = site.mint(f"{device}-2")
    yield lambda api: site.provisioned_by_certificate(api, device, files)


@refused("DPS: wrong certificate", "401002: CA certificate not found.")
def chain_without_intermediate(site: Site, device: str) -> Iterator[Maker]:
    files = site.mint(device)
    files.chain.write_bytes(files.certificate.read_bytes())
    yield lambda api: site.provisioned_by_certificate(api, device, files)


@refused("DPS: wrong certificate", "401002: Invalid certificate.")
def unverified_ca(site: Site, device: str) -> Iterator[Maker]:
    ca = site.folder / "contractor"
    site.run("cert", "ca", "--name", "Contractor", "--no-passphrase", "--out", str(ca))
    site.trust("contractor", ca, verified=False)
    group = site.folder / "contractor.pem"
    group.write_bytes((ca / "ca.cert.pem").read_bytes())
    enroll(site, "contractors", "x509", "--group", "--certificate", str(group))
    files = site.mint(device, ca)
    yield lambda api: site.provisioned_by_certificate(api, device, files)


@refused("DPS: wrong key", "401002: Unauthorized", sure="likely")
def forged_ca(site: Site, device: str) -> Iterator[Maker]:
    forged = authority("Plant root")
    files = site.files(device, forged.issue(device), forged)
    yield lambda api: site.provisioned_by_certificate(api, device, files)


@refused("DPS: no hub assigned", "IotHubUnauthorizedAccess", told="failed", operation="RegistrationAttempt")
def link_with_an_old_key(site: Site, device: str) -> Iterator[Maker]:
    key = keys(site, device)
    with site.state.lock:
        owner = site.state.policies["iothubowner"]
        old, owner.primary_key = owner.primary_key, new_key()
    yield lambda api: site.provisioned_by_key(api, device, key)
    with site.state.lock:
        owner.primary_key = old


@refused(
    "DPS: cut off by filter",
    "401002: Unauthorized",
    raised="CredentialError",
    told="not authorised",
    sure="likely",
    alone=True,
)
def rejected_address(site: Site, device: str) -> Iterator[Maker]:
    key = keys(site, device)
    site.change("network", "set", "--dps", site.service.name, "--add-filter", "no-loopback=reject:127.0.0.0/8")
    yield lambda api: site.provisioned_by_key(api, device, key)


# --- the proof ------------------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What came of all cases, by device and API, and what the command says afterwards."""

    raised: dict[tuple[str, str], BaseException | None] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    causes: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


def knock(maker: Maker, api_name: str) -> BaseException | None:
    try:
        result = register(maker, api_name)
    except Exception as error:
        return error
    return AssertionError(f"the client was told {result.status}")


def knocks(maker: Maker) -> dict[str, BaseException | None]:
    return {name: knock(maker, name) for name in APIS}


@pytest.fixture(scope="module")
def told(site: Site) -> Told:
    found = Told()
    waiting: dict[str, Future[dict[str, BaseException | None]]] = {}
    left: list[Iterator[Maker]] = []
    with ThreadPoolExecutor(16) as pool:  # who is refused late learns it at the client's second question, after 2 s
        for refusal in REFUSALS:
            try:
                if refusal.alone:
                    wait(waiting.values())
                steps = refusal.case(site, refusal.device)
                maker = next(steps)
                waiting[refusal.device] = pool.submit(partial(knocks, maker))
                if refusal.alone:
                    waiting[refusal.device].result()
                    next(steps, None)
                left.append(steps)
            except Exception as error:  # this case alone has failed
                found.raised[refusal.device, "sync"] = error
        for device, future in waiting.items():
            found.raised |= {(device, name): raised for name, raised in future.result().items()}
    for steps in left:
        next(steps, None)
    found.groups = {group["label"]: group for group in site.json("connections", "--by", "device")["items"]}
    report = site.json("connections", "--source", "provisioning")
    assert report["provisioning_services"] == [site.service.name]
    found.causes = {group["cause"]: group for group in report["items"]}
    found.events = site.json("connections", "--raw")["items"]
    return found


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.device)
def test_client_log_and_command_say_why(refusal: Refusal, told: Told, site: Site) -> None:
    for name in APIS:
        raised = told.raised[refusal.device, name]
        assert type(raised).__name__ == refusal.raised, (name, raised)
        assert refusal.told in str(raised.__cause__)
    rows = [row for row in site.records(refusal.device) if row["ResultType"] != "Success"]
    assert rows
    for row in rows:
        assert (row["ResourceType"], row["Category"]) == ("PROVISIONINGSERVICES", "DeviceOperations")
        assert row["OperationName"] == refusal.operation
        assert refusal.words in row["ResultDescription"]
        assert row["CallerIPAddress"] == "127.0.0.XXX"
    events = [event for event in told.events if event["device_id"] == refusal.device]
    assert {(event["source"], event["message"]) for event in events} == {
        ("provisioning", row["ResultDescription"]) for row in rows
    }
    group = told.groups[refusal.device]
    assert (group["cause"], group["confidence"], group["count"]) == (refusal.cause, refusal.sure, len(rows))
    assert told.causes[refusal.cause]["count"] >= len(rows)
    assert refusal.device not in site.state.devices

"""Device clients as Azure's users have them are turned away: the client's exception, the log's record, the cause named.

Each case says why the hub refuses; all are tried once with both APIs, then the log and the command are asked once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.authorities import DAY, authority, make
from support.device_clients import APIS, Maker, Site, deliver
from support.waiting import until

from console.localhub.state import ModuleRecord, new_key

GENERIC = "renew token or certificate"
Case = Callable[[Site, str], Iterator[Maker]]


@dataclass(frozen=True)
class Refusal:
    """How a case ends: the log's code, words of its message, its auth type, and the cause that the command names."""

    case: Case
    code: str
    words: str
    auth: str
    cause: str

    @property
    def device(self) -> str:
        return self.case.__name__.replace("_", "-")


REFUSALS: list[Refusal] = []


def refused(cause: str, *, code: str = "401003", words: str = GENERIC, auth: str = "") -> Callable[[Case], Case]:
    def note(case: Case) -> Case:
        REFUSALS.append(Refusal(case, code, words, auth, cause))
        return case

    return note


# --- keys and tokens ------------------------------------------------------------------------------------------------


@refused("wrong key or token", auth="sas")
def wrong_key(site: Site, device: str) -> Iterator[Maker]:
    site.create(device)
    yield lambda api: site.by_key(api, device, new_key())


@refused("wrong key or token", auth="sas")
def replaced_key(site: Site, device: str) -> Iterator[Maker]:
    old = site.create(device).primary_key
    site.change("devices", "rotate-keys", device, "--key", "primary")
    yield lambda api: site.by_key(api, device, old)


@refused("wrong key or token", auth="sas")
def token_of_another_device(site: Site, device: str) -> Iterator[Maker]:
    record, other = site.create(device), site.create(f"{device}-2")
    assert record.primary_key != other.primary_key
    yield lambda api: site.by_key(api, device, other.primary_key)


@refused("wrong key or token", auth="sas")
def policy_without_device_connect(site: Site, device: str) -> Iterator[Maker]:
    site.create(device)
    token = site.run("sas", "device", device, "--policy", "service", "--quiet").strip()
    yield lambda api: api.IoTHubDeviceClient.create_from_sastoken(token, **site.reach)


@refused("wrong key or token", auth="sas")
def no_sas_for_devices(site: Site, device: str) -> Iterator[Maker]:
    record = site.create(device)
    site.change("policy", "local-auth", "devices", "off")
    yield lambda api: site.by_key(api, device, record.primary_key)
    site.change("policy", "local-auth", "devices", "on")


@refused("device disabled", code="403012", words="is disabled", auth="sas")
def disabled(site: Site, device: str) -> Iterator[Maker]:
    record = site.create(device)
    site.change("devices", "disable", device)
    yield lambda api: site.by_key(api, device, record.primary_key)


@refused("unknown device", words="does not contain the specified device")
def deleted(site: Site, device: str) -> Iterator[Maker]:
    record = site.create(device)
    site.change("devices", "delete", device)
    yield lambda api: site.by_key(api, device, record.primary_key)


# --- certificates by thumbprint -------------------------------------------------------------------------------------


@refused("thumbprint mismatch", words="Thumbprint does not match", auth="x509Certificate")
def replaced_thumbprint(site: Site, device: str) -> Iterator[Maker]:
    files = site.mint(device)
    site.create(device, "--auth", "x509-thumbprint", "--thumbprint", files.sha256)
    for stage in (("secondary", "--thumbprint", make(device).sha256), ("promote",), ("retire",)):
        site.change("devices", "set-thumbprint", device, "--stage", *stage)
    yield lambda api: site.by_certificate(api, device, files)


@refused("certificate expired", words="has expired", auth="x509Certificate")
def expired_thumbprint(site: Site, device: str) -> Iterator[Maker]:
    old = make(device, start=-30 * DAY, end=-DAY)
    site.create(device, "--auth", "x509-thumbprint", "--thumbprint", old.sha256)
    files = site.files(device, old)
    yield lambda api: site.by_certificate(api, device, files)


@refused("device disabled", code="403012", words="is disabled", auth="x509Certificate")
def disabled_thumbprint(site: Site, device: str) -> Iterator[Maker]:
    ours = make(device)
    site.create(device, "--auth", "x509-thumbprint", "--thumbprint", ours.sha256)
    site.change("devices", "disable", device)
    files = site.files(device, ours)
    yield lambda api: site.by_certificate(api, device, files)


@refused("certificate refused", auth="x509Certificate")
def key_for_a_certificate(site: Site, device: str) -> Iterator[Maker]:
    site.create(device, "--auth", "x509-thumbprint", "--thumbprint", "AB" * 32)
    yield lambda api: site.by_key(api, device, new_key())


# --- certificates below a CA ----------------------------------------------------------------------------------------


@refused("certificate refused", auth="x509CertificateAuthority")
def wrong_common_name(site: Site, device: str) -> Iterator[Maker]:
    site.create(device, "--auth", "x509-ca")
    files = site.mint(f"{device}-2")
    yield lambda api: site.by_certificate(api, device, files)


@refused("certificate refused", auth="x509CertificateAuthority")
def chain_without_intermediate(site: Site, device: str) -> Iterator[Maker]:
    site.create(device, "--auth", "x509-ca")
    files = site.mint(device)
    files.chain.write_bytes(files.certificate.read_bytes())
    yield lambda api: site.by_certificate(api, device, files)


@refused("certificate refused", auth="x509CertificateAuthority")
def unverified_ca(site: Site, device: str) -> Iterator[Maker]:
    ca = site.folder / "contractor"
    site.run("cert", "ca", "--name", "Contractor", "--no-passphrase", "--out", str(ca))
    site.change("cert", "upload", str(ca / "ca.cert.pem"), "--name", "contractor")
    site.create(device, "--auth", "x509-ca")
    files = site.mint(device, ca)
    yield lambda api: site.by_certificate(api, device, files)


@refused("certificate refused", auth="x509CertificateAuthority")
def forged_ca(site: Site, device: str) -> Iterator[Maker]:
    site.create(device, "--auth", "x509-ca")
    forged = authority("Plant CA")
    files = site.files(device, forged.issue(device), forged)
    yield lambda api: site.by_certificate(api, device, files)


@refused("certificate expired", words="has expired", auth="x509CertificateAuthority")
def expired_below_ca(site: Site, device: str) -> Iterator[Maker]:
    site.create(device, "--auth", "x509-ca")
    ca = site.issuer(site.folder / "plant-ca")
    files = site.files(device, ca.issue(device, start=-30 * DAY, end=-DAY), ca)
    yield lambda api: site.by_certificate(api, device, files)


@refused("device disabled", code="403012", words="is disabled", auth="x509CertificateAuthority")
def disabled_below_ca(site: Site, device: str) -> Iterator[Maker]:
    site.create(device, "--auth", "x509-ca")
    files = site.mint(device)
    site.change("devices", "disable", device)
    yield lambda api: site.by_certificate(api, device, files)


@refused("unknown device", words="does not contain the specified device")
def deleted_below_ca(site: Site, device: str) -> Iterator[Maker]:
    files = site.mint(device)
    yield lambda api: site.by_certificate(api, device, files)


# --- modules --------------------------------------------------------------------------------------------------------


def with_module(site: Site, device: str, **fields: Any) -> ModuleRecord:
    record = site.create(device)
    fields = {"auth": "sas", "primary_key": new_key(), "secondary_key": new_key(), **fields}
    with site.state.lock:
        record.modules["vision"] = ModuleRecord(device, "1", module_id="vision", **fields)
        return record.modules["vision"]


@refused("wrong key or token", auth="sas")
def module_with_its_device_s_key(site: Site, device: str) -> Iterator[Maker]:
    with_module(site, device)
    key = site.state.devices[device].primary_key
    yield lambda api: site.by_key(api, device, key, "vision")


@refused("device disabled", code="403012", words="is disabled", auth="sas")
def module_of_a_disabled_device(site: Site, device: str) -> Iterator[Maker]:
    key = with_module(site, device).primary_key
    site.change("devices", "disable", device)
    yield lambda api: site.by_key(api, device, key, "vision")


@refused("unknown device", words="does not contain the specified device")
def module_that_is_not_there(site: Site, device: str) -> Iterator[Maker]:
    key = site.create(device).primary_key
    yield lambda api: site.by_key(api, device, key, "vision")


@refused("certificate refused", auth="x509CertificateAuthority")
def module_with_its_device_s_certificate(site: Site, device: str) -> Iterator[Maker]:
    with_module(site, device, auth="certificateAuthority", primary_key=None, secondary_key=None)
    files = site.mint(device)
    yield lambda api: site.by_certificate(api, device, files, "vision")


# --- the proof ------------------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What came of all cases: exceptions by device and API, and what the command says afterwards."""

    raised: dict[tuple[str, str], BaseException | None] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


def knock(make: Maker, api_name: str) -> BaseException | None:
    try:
        deliver(make, api_name)
    except Exception as error:
        return error
    return None


def groups_by_device(site: Site) -> dict[str, dict[str, Any]]:
    return {group["label"]: group for group in site.json("connections", "--by", "device")["items"]}


@pytest.fixture(scope="module")
def told(site: Site) -> Told:
    found = Told()
    for refusal in REFUSALS:
        try:
            with contextlib.contextmanager(refusal.case)(site, refusal.device) as make:
                for name in APIS:
                    found.raised[refusal.device, name] = knock(make, name)
        except Exception as error:  # this case alone has failed
            found.raised[refusal.device, "sync"] = error
    found.groups = groups_by_device(site)
    found.events = site.json("connections", "--raw")["items"]
    return found


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.device)
def test_client_log_and_command_say_why(refusal: Refusal, told: Told, site: Site) -> None:
    from azure.iot.device.exceptions import CredentialError

    for name in APIS:
        raised = told.raised[refusal.device, name]
        assert isinstance(raised, CredentialError), (name, raised)
        assert "not authorised" in str(raised.__cause__)
    rows = site.records(refusal.device)
    assert [(row["OperationName"], row["Level"], row["ResultType"]) for row in rows] == [
        ("deviceConnect", "Error", refusal.code)
    ] * len(APIS)
    properties = rows[0]["properties"]
    assert refusal.words in properties["errorMessage"]
    assert properties["statusCode"] == refusal.code[:3]
    assert (json.loads(properties["authType"])["type"] if properties["authType"] else "") == refusal.auth
    events = [event for event in told.events if event["device_id"] == refusal.device]
    assert [event["code"] for event in events] == [refusal.code] * len(APIS)
    group = told.groups[refusal.device]
    assert (group["cause"], group["count"], group["confidence"]) == (refusal.cause, len(APIS), "certain")


def test_an_address_outside_the_rules_is_turned_away_and_the_change_blamed(site: Site) -> None:
    from azure.iot.device.exceptions import CredentialError

    key = site.create("blocked").primary_key
    make = lambda api: site.by_key(api, "blocked", key)  # noqa: E731
    assert [knock(make, name) for name in APIS] == [None, None]
    site.change("network", "set", "--remove-rule", "jump-box", "--add-rule", "plant=10.20.0.0/16")
    try:
        raised = [knock(make, name) for name in APIS]
        group = groups_by_device(site)["blocked"]
    finally:
        site.change("network", "set", "--remove-rule", "plant", "--add-rule", "jump-box=127.0.0.0/8")
    assert all(isinstance(error, CredentialError) for error in raised)
    for refusal in site.records("blocked")[-2:]:
        assert (refusal["ResultType"], refusal["properties"]["authType"]) == ("401003", None)
        assert GENERIC in refusal["properties"]["errorMessage"]  # the service never says that it was a rule
    assert (group["cause"], group["confidence"], group["count"]) == ("cut off by IP rules", "likely", 2)
    assert group["evidence"].startswith("one masked range 127.0.0.x, hub written")
    assert [knock(make, name) for name in APIS] == [None, None]


@pytest.mark.parametrize("api_name", APIS)
def test_a_second_client_throws_the_first_out(api_name: str, site: Site) -> None:
    device = f"cloned-{api_name}"
    key = site.create(device).primary_key
    first = APIS["sync"].IoTHubDeviceClient.create_from_connection_string(
        f"HostName={site.host};DeviceId={device};SharedAccessKey={key}", connection_retry=False, **site.reach
    )
    try:
        first.connect()
        deliver(lambda api: site.by_key(api, device, key), api_name)
        until(lambda: not first.connected, "the end of the first client")
    finally:
        first.shutdown()
    assert groups_by_device(site)[device]["cause"] == "cloned credential"

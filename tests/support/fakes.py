"""Services that return what a test gives them: same methods as the real ones, no network, no threads of their own."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any

from support.fake_access import AccessScript, fake_access
from support.fake_changes import FakeChanges, FakeHubReader, Script
from support.fake_credentials import CertificateScript, FakeCredentials
from support.fake_fleet import FakeHubs, fake_store
from support.fake_provisioning import FakeProvisioning, FakeRegistering, ProvisioningScript
from support.fake_tokens import TokenScript
from support.fleet import Fleet

from console.model.connection import (
    Cause,
    Confidence,
    ConnectionEvent,
    FailureBin,
    FailureGroup,
    FailureReport,
    Grouping,
    LogState,
    Source,
)
from console.model.device import AuthType, ConnectionState, Device, DeviceDetail, DeviceStatus, FleetCounts
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry, Exposure, Hub, HubCertificate, Identity, IpRule, MetricSeries
from console.model.hubs import HubEntry
from console.model.overview import OverviewSnapshot
from console.model.reading import Reading
from console.services.fleet import FleetService
from console.services.ports import CallMeter, Cancel, LogTable

NOW = datetime(2026, 11, 23, 9, 42, 7, tzinfo=UTC)
HOSTILE = "[/]\\x1b]52;c;AAAA\\x07"
"""What `clean()` makes of a hostile id: no control character, but markup that must not be read as such."""


def hub() -> Hub:
    return Hub(
        arm_id="/subscriptions/s/resourceGroups/plants/providers/Microsoft.Devices/IotHubs/contoso-plants",
        name="contoso-plants",
        host="contoso-plants.azure-devices.net",
        location="westeurope",
        sku="S1",
        units=2,
        state="Active",
        etag="AAAA",
        exposure=Exposure(
            public_access=True,
            default_deny=True,
            ip_rules=(IpRule("corporate", "10.0.0.0/12"), IpRule("genoa-plant", "10.31.8.0/22")),
            built_in_endpoint_filtered=False,
        ),
    )


def devices(count: int = 2000) -> tuple[Device, ...]:
    chooser = random.Random(1)
    plants = ("genoa", "gdansk", "leeds", "lyon", "porto")
    kinds = [AuthType.SAS] * 12 + [AuthType.CA] * 6 + [AuthType.THUMBPRINT_SHA256, AuthType.THUMBPRINT_SHA1]
    made = []
    for index in range(count):
        plant = plants[index * len(plants) // max(count, 1)]
        auth = chooser.choice(kinds) if index % 290 else AuthType.NONE
        disabled = index % 55 == 7
        thumbprint = (
            "AB" * 20 if auth is AuthType.THUMBPRINT_SHA1 else "CD" * 32 if auth.value.startswith("thumb") else ""
        )
        made.append(
            Device(
                device_id=f"{plant}-press-{index:04d}",
                status=DeviceStatus.DISABLED if disabled else DeviceStatus.ENABLED,
                auth=auth,
                connection=ConnectionState.CONNECTED if index % 4 else ConnectionState.DISCONNECTED,
                last_activity=None if index % 97 == 3 else NOW - timedelta(seconds=chooser.randrange(5, 40 * 86400)),
                status_reason="stolen" if disabled else "",
                edge=index % 40 == 0,
                thumbprints=(thumbprint, ""),
                etag=f"etag{index}",
                tags=(("site", plant), ("line", str(index % 7))),
            )
        )
    return tuple(sorted(made, key=lambda device: device.device_id))


def counts() -> FleetCounts:
    return FleetCounts(
        2000,
        ((AuthType.SAS, 1212), (AuthType.CA, 610), (AuthType.THUMBPRINT_SHA256, 171), (AuthType.NONE, 7)),
        ((DeviceStatus.ENABLED, 1964), (DeviceStatus.DISABLED, 36)),
        ((ConnectionState.CONNECTED, 1541), (ConnectionState.DISCONNECTED, 459)),
        88,
    )


def report(
    state: LogState = LogState.READY,
    *,
    window: timedelta = timedelta(hours=1),
    step: timedelta = timedelta(minutes=1),
    grouping: Grouping = Grouping.CAUSE,
    error: ConsoleError | None = None,
) -> FailureReport:
    end = NOW.replace(second=0)
    start = end - window
    if state not in (LogState.READY, LogState.EMPTY):
        return FailureReport(state, start, end, step, grouping, error=error)
    chooser = random.Random(2)
    cut = start + window / 3
    bins = []
    for index in range(int(window / step)):
        moment = start + index * step
        pairs = [(Cause.CLONED, chooser.randrange(0, 2)), (Cause.WRONG_CREDENTIAL, int(index % 11 == 5))]
        pairs += [(Cause.CERTIFICATE_EXPIRED, chooser.randrange(0, 2)), (Cause.RENEWAL, 2)]
        if moment >= cut:
            pairs.append((Cause.IP_RULES, chooser.randrange(7, 12)))
        bins.append(FailureBin(moment, tuple(pair for pair in pairs if pair[1])))
    metric = MetricSeries(
        "connectedDeviceCount", tuple((start + n * timedelta(minutes=5), 1755.0 - 18 * n) for n in range(12))
    )
    total_metric = MetricSeries("totalDeviceCount", ((end, 2000.0),))
    if state is LogState.EMPTY:
        bins = [FailureBin(bin_.start, ()) for bin_ in bins]
        return FailureReport(
            state,
            start,
            end,
            step,
            grouping,
            tuple(bins),
            folded=96,
            previous_total=4,
            lag=timedelta(minutes=2),
            kql="A",
        )

    def group(cause: Cause, count: int, number: int, evidence: str, sure: bool = True, flag: str = "") -> FailureGroup:
        return FailureGroup(
            key=cause.name.lower(),
            label=cause.value,
            count=count,
            devices=number,
            first=cut,
            last=end,
            cause=cause,
            confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
            evidence=evidence,
            flag=flag,
            filters=(("Cause", cause.name),),
        )

    groups = (
        group(Cause.IP_RULES, 362, 214, "10.20.4.x, rule removed 09:01", False),
        group(Cause.CLONED, 31, 1, "400027 every 20 s from two ranges", False, "genoa-press-0417"),
        group(Cause.CERTIFICATE_EXPIRED, 16, 16, '"not valid after" reached'),
        group(Cause.WRONG_CREDENTIAL, 9, 3, "401003, no reconnect"),
        group(Cause.RENEWAL, 96, 96, "reconnected within 2 min"),
    )
    kql = 'AzureDiagnostics\n| where Category == "Connections"\n| summarize Count = count() by Cause'
    return FailureReport(
        state=LogState.READY,
        start=start,
        end=end,
        step=step,
        grouping=grouping,
        bins=tuple(bins),
        groups=groups,
        total=418,
        devices=232,
        previous_total=107,
        folded=96,
        lag=timedelta(minutes=2),
        kql=kql,
        connected=metric,
        total_devices=total_metric,
    )


def snapshot() -> OverviewSnapshot:
    certificate = HubCertificate("plants-2021", "CN=plants-2021", "AB" * 20, NOW + timedelta(days=19), True)
    change = ActivityEntry(
        NOW - timedelta(minutes=41), "Microsoft.Devices/IotHubs/write", "ana@contoso.example", "10.2.0.7", "Succeeded",
        'IP rule "lyon" removed',
    )  # fmt: skip
    return OverviewSnapshot(
        hub=Reading(hub(), NOW),
        failures=Reading(report(), NOW),
        counts=Reading(counts(), NOW),
        certificates=Reading((certificate,), NOW),
        last_change=Reading(change, NOW),
        identity=Reading(Identity("Azure CLI", "ops@contoso.example"), NOW),
    )


def events(count: int = 40) -> tuple[ConnectionEvent, ...]:
    codes = (("401003", "IoTHubUnauthorized"), ("400027", "ConnectionForcefullyClosedOnNewConnection"))
    return tuple(
        ConnectionEvent(
            time=NOW - timedelta(seconds=17 * index),
            device_id=f"lyon-press-{index:04d}",
            operation="deviceConnect",
            level="Error",
            code=codes[index % 2][0],
            description=codes[index % 2][1],
            message="The address is not in an allowed range",
            address="10.20.4.XXX",
            protocol="Mqtt",
            sdk="py-iothub/2.14",
            auth="sas",
        )
        for index in range(count)
    )


@dataclass
class Knobs:
    """What the fake services answer; a test changes it before or while the app runs.

    `gate`, when set, holds every reading back until the event is set. `calls` records what was asked.
    """

    snapshot: OverviewSnapshot = field(default_factory=snapshot)
    cached: OverviewSnapshot = field(default_factory=OverviewSnapshot)
    fleet: Fleet = field(default_factory=lambda: Fleet(devices(), True, 2000))
    pages: tuple[Fleet, ...] = ()
    failures: Mapping[str, int] = field(default_factory=lambda: {"genoa-press-0007": 31})
    report: Callable[[timedelta, timedelta, Grouping], FailureReport] = field(
        default=lambda window, step, grouping: report(window=window, step=step, grouping=grouping)
    )
    events: tuple[ConnectionEvent, ...] = field(default_factory=events)
    table: LogTable = field(default_factory=lambda: LogTable(("Cause", "Count"), (("cut", 362), ("cloned", 31))))
    errors: dict[str, Exception] = field(default_factory=dict)
    gate: Event | None = None
    script: Script = field(default_factory=Script)
    certificates: CertificateScript = field(default_factory=CertificateScript)
    tokens: TokenScript = field(default_factory=TokenScript)
    provisioning: ProvisioningScript = field(default_factory=ProvisioningScript)
    hubs: tuple[HubEntry, ...] = ()
    hub_notes: tuple[str, ...] = ()
    access: AccessScript = field(default_factory=AccessScript)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def answer(self, name: str, *arguments: Any) -> None:
        self.calls.append((name, *arguments))
        if self.gate is not None:
            self.gate.wait(20)
        if name in self.errors:
            raise self.errors[name]


class FakeSession:
    """The same rules as the real one; `armed` and `protected` may be set by a test."""

    def __init__(self) -> None:
        self.hub_name = "contoso-plants"
        self.hub_host = "contoso-plants.azure-devices.net"
        self.generation = 1
        self.armed = False
        self.pinned = False
        self.protected = False
        self.profile_name = "demo"
        self.identity_label = "ops@contoso.example (Azure CLI)"
        self.data_plane_only = False
        self.hub_reader: Any = None

    def arm(self) -> None:
        if self.pinned:
            raise ConsoleError(ErrorKind.READ_ONLY, "Changes stay switched off", "the profile says readonly = true")
        self.armed = True

    def disarm(self) -> None:
        self.armed = False

    def require_armed(self, what: str) -> None:
        if self.pinned or not self.armed:
            raise ConsoleError(ErrorKind.READ_ONLY, what, "hubwarden is read-only", "Arm this hub: :write")


class FakeFleet:
    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self.store = fake_store(knobs, lambda: NOW)
        session = SimpleNamespace(registry=SimpleNamespace(device=self._device))
        self.detail = FleetService(session, self.store).detail  # type: ignore[arg-type]

    def counts(self, cancel: Cancel) -> FleetCounts:
        self._knobs.calls.append(("fleet.counts",))
        cancel.check()
        return counts()

    def _device(self, device_id: str, cancel: Cancel) -> DeviceDetail:
        self._knobs.answer("fleet.detail", device_id)
        cancel.check()
        device = next((device for device in self._knobs.fleet.devices if device.device_id == device_id), None)
        if device is None:
            why = "the registry has no such device"
            raise ConsoleError(ErrorKind.NOT_FOUND, device_id, why, status=404, code="DeviceNotFound")
        return DeviceDetail(
            device=device,
            generation_id="638",
            keys_filled=(True, True),
            keys_equal=False,
            modules=("camera",),
            twin_json='{\n  "deviceId": "' + device_id + '",\n  "tags": {}\n}',
            twin_version=3,
        )


class FakeConnections:
    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs

    def report(
        self,
        window: timedelta,
        step: timedelta,
        grouping: Grouping,
        cancel: Cancel,
        *,
        source: Source | None = None,
    ) -> FailureReport:
        self._knobs.answer("connections.report", window, step, grouping, *([source] if source else []))
        cancel.check()
        return replace(self._knobs.report(window, step, grouping), source=source)

    def events(
        self,
        start: datetime,
        end: datetime,
        filters: tuple[tuple[str, str], ...],
        cancel: Cancel,
        *,
        limit: int = 500,
        renewals: bool = False,
    ) -> tuple[ConnectionEvent, ...]:
        self._knobs.answer("connections.events", start, end, filters, renewals)
        cancel.check()
        return self._knobs.events[:limit]

    def failures_by_device(self, window: timedelta, cancel: Cancel) -> Mapping[str, int]:
        self._knobs.answer("connections.failures_by_device", window)
        cancel.check()
        return self._knobs.failures

    def run(self, kql: str, start: datetime, end: datetime, cancel: Cancel) -> LogTable:
        self._knobs.answer("connections.run", kql)
        cancel.check()
        return self._knobs.table


class FakeOverview:
    note = ""

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs

    def cached(self) -> OverviewSnapshot:
        return self._knobs.cached

    def load(self, on_part: Callable[[OverviewSnapshot], None], cancel: Cancel) -> OverviewSnapshot:
        self._knobs.answer("overview.load")
        cancel.check()
        on_part(replace(self._knobs.snapshot, counts=Reading()))
        return self._knobs.snapshot


def fake_services(knobs: Knobs | None = None) -> Any:
    """Return a bundle with the attributes of `Services`."""
    knobs = knobs or Knobs()
    session = FakeSession()
    session.hub_reader = FakeHubReader(knobs.script)
    return SimpleNamespace(
        session=session,
        hubs=FakeHubs(knobs, NOW),
        fleet=FakeFleet(knobs),
        connections=FakeConnections(knobs),
        overview=FakeOverview(knobs),
        meter=CallMeter(calls=12),
        clock=lambda: NOW,
        knobs=knobs,
        changes=FakeChanges(session, knobs.script),
        credentials=FakeCredentials(session, knobs.certificates, knobs.tokens),
        dps=FakeProvisioning(knobs.provisioning),
        registering=FakeRegistering(knobs.provisioning),
        access=fake_access(session, knobs.access),
    )

"""The hub's door: decides every connection of a device by the hub's own rules and logs it as the service does.

Simulated devices and real clients come through the same door.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.localhub import network
from console.localhub.auth import AuthFailure, SasClaims, verify_sas
from console.localhub.device_table import quiet_tally
from console.localhub.door_x509 import NO_CERTIFICATE, check_chain, check_thumbprint
from console.localhub.log_rows import LogRecord, auth_text, connection_properties
from console.localhub.state import Cloud, DeviceRecord, HubState

UNAUTHORIZED = ("401003", "IoTHubUnauthorized")
DISABLED = ("403012", "DeviceDisabled")
CLOSED_REMOTELY = ("404104", "DeviceConnectionClosedRemotely")
NEW_CONNECTION = ("400027", "ConnectionForcefullyClosedOnNewConnection")
GENERIC = "Authentication failed for this device, renew token or certificate and reconnect"
GRACE = timedelta(minutes=10)
"""The hub ends an MQTT connection this long after its token's expiry (IoT Hub's connectivity guide)."""

METRIC_DAYS = 8
_KINDS = {"sas": "sas", "selfSigned": "x509Certificate", "certificateAuthority": "x509CertificateAuthority"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to connect. `client_chain` is DER, leaf first; `sas_token` the whole `SharedAccessSignature ...`.

    `judged_at` is the time tokens and certificates are judged by; None means `time`, which the log carries.
    """

    time: datetime
    device_id: str
    address: str
    protocol: str = "Mqtt"
    sdk: str = ""
    sas_token: str | None = None
    client_chain: tuple[bytes, ...] | None = None
    module_id: str | None = None
    tls_version: str = "1.2"
    judged_at: datetime | None = None

    @property
    def identity(self) -> str:
        """The device id, or `device/module`."""
        return self.device_id if self.module_id is None else f"{self.device_id}/{self.module_id}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the hub decided: `code` is empty when the client was let in. `logged` is False when the hub keeps quiet."""

    code: str = ""
    name: str = ""
    message: str = ""
    auth: str | None = None
    expires: datetime | None = None
    logged: bool = True

    @property
    def admitted(self) -> bool:
        """Whether the client was let in."""
        return not self.code


@dataclass(slots=True)
class Session:
    """An open connection. `on_close` is told the code when the hub closes it (real clients hang on it)."""

    identity: str
    address: str
    protocol: str
    auth: str | None
    since: datetime
    expires: datetime | None = None
    on_close: Callable[[str], None] | None = None


Sink = Callable[[HubState, Sequence[LogRecord]], None]


class Door:
    """The door of one hub. Methods are thread-safe under the hub's lock; records go to `sink` in order."""

    def __init__(
        self,
        cloud: Cloud,
        hub: HubState,
        sink: Sink,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.cloud = cloud
        self.hub = hub
        self.sessions: dict[str, Session] = {}
        self.grace = GRACE
        self._modules = 0  # how many of the sessions are of modules: the platform's metric counts devices
        self._sink = sink
        self._new_id = new_id

    # -- deciding ------------------------------------------------------------------------------------------------------

    def decide(self, attempt: Attempt) -> Verdict:
        """Return the verdict on an attempt without any effect: address, identity, status, then credential."""
        hub = self.hub
        if not network.admitted(hub, attempt.address):
            # The service never says that it was an address rule (IoT Hub's documents on IP filtering).
            return Verdict(*UNAUTHORIZED, GENERIC, logged=self.cloud.log_ip_rejections)
        record: DeviceRecord | None = hub.devices.get(attempt.device_id)
        if record is None:
            text = f"IotHub '{hub.name}' does not contain the specified device '{attempt.device_id}'"
            return Verdict(*UNAUTHORIZED, text)
        device = record
        if attempt.module_id is not None:
            record = device.modules.get(attempt.module_id)
            if record is None:
                text = f"IotHub '{hub.name}' does not contain the specified device '{attempt.identity}'"
                return Verdict(*UNAUTHORIZED, text)
        scope = "device" if attempt.module_id is None else "module"
        auth = auth_text(scope, _KINDS.get(record.auth, record.auth), "iothub" if record.auth == "sas" else "external")
        if device.status != "enabled":
            return Verdict(*DISABLED, f"Device {attempt.device_id} is disabled", auth)
        return self._credential(attempt, record, auth)

    def _credential(self, attempt: Attempt, record: DeviceRecord, auth: str) -> Verdict:
        now = attempt.judged_at or attempt.time
        if attempt.sas_token is not None:
            return self._token(attempt, auth, now)
        chain = attempt.client_chain or ()
        if record.auth == "selfSigned":
            problem = check_thumbprint(record, chain, now)
        elif record.auth == "certificateAuthority":
            problem = check_chain(self.hub, attempt.identity, chain, now)
        else:
            problem = NO_CERTIFICATE
        return Verdict(*UNAUTHORIZED, problem, auth) if problem else Verdict(auth=auth)

    def _token(self, attempt: Attempt, auth: str, now: datetime) -> Verdict:
        try:
            claims = verify_sas(self.hub, attempt.sas_token, (), now)
        except AuthFailure:
            return Verdict(*UNAUTHORIZED, GENERIC, auth)
        path = f"/devices/{attempt.device_id}"
        if attempt.module_id is not None:
            path += f"/modules/{attempt.module_id}"
        if not claims.covers(path) or not self._may(claims, attempt):
            return Verdict(*UNAUTHORIZED, GENERIC, auth)
        if claims.policy is not None:
            auth = auth_text("hub", "sas", "iothub")
        return Verdict(auth=auth, expires=claims.expires)

    def _may(self, claims: SasClaims, attempt: Attempt) -> bool:
        """Say whether the kind of key that signed may be used at this hub for this identity."""
        properties = self.hub.resource.get("properties") or {}
        if claims.policy is not None:
            return not properties.get("disableLocalAuth") and "DeviceConnect" in claims.policy.rights
        if claims.device_id != attempt.device_id or claims.module_id != attempt.module_id:
            return False
        return not properties.get("disableDeviceSAS" if attempt.module_id is None else "disableModuleSAS")

    # -- connections ---------------------------------------------------------------------------------------------------

    def attempt(self, attempt: Attempt, on_close: Callable[[str], None] | None = None) -> Verdict:
        """Decide an attempt and carry it out: open the connection, close the identity's older one, write the log."""
        return self.admit(attempt, on_close)[0]

    def admit(self, attempt: Attempt, on_close: Callable[[str], None] | None = None) -> tuple[Verdict, Session | None]:
        """Do what `attempt` does; return the connection, too, None for a client that was turned away."""
        with self.hub.lock:
            verdict = self.decide(attempt)
            records: list[LogRecord] = []
            session = None
            if verdict.admitted:
                before = self._forget(attempt.identity)
                if before is not None:
                    text = "Connection forcefully closed on new connection"
                    records.append(self._goodbye(before, attempt.time, NEW_CONNECTION, text))
                self._modules += attempt.module_id is not None
                self.sessions[attempt.identity] = session = Session(
                    attempt.identity,
                    attempt.address,
                    attempt.protocol,
                    verdict.auth,
                    attempt.time,
                    verdict.expires,
                    on_close,
                )
                self._state(attempt.identity, attempt.time, connected=True)
                if before is not None and before.on_close is not None:
                    before.on_close(NEW_CONNECTION[0])
            if verdict.logged:
                records.append(self._hello(attempt, verdict))
            self._sink(self.hub, records)
            return verdict, session

    def leave(self, session: Session, time: datetime, *, clean: bool) -> bool:
        """Close one certain connection; False when the hub closed it, or a newer one took its place."""
        with self.hub.lock:
            if self.sessions.get(session.identity) is not session:
                return False
            return self.close(session.identity, time, clean=clean)

    def active(self, identity: str, time: datetime) -> None:
        """Note that a connected client sent or received something."""
        record = self._record(identity)
        if record is not None:
            record.last_activity = stamp(time)

    def close(self, identity: str, time: datetime, *, clean: bool) -> bool:
        """Log that a client went away, with a goodbye (`clean`) or without (404104); False when it was not there."""
        with self.hub.lock:
            session = self._forget(identity)
            if session is None:
                return False
            self._sink(self.hub, [self._goodbye(session, time, ("", "") if clean else CLOSED_REMOTELY)])
            self._state(identity, time, connected=False)
            return True

    def drop(self, identity: str, time: datetime) -> bool:
        """Close a connection from the hub's side, as after a change of its rules; False when there was none."""
        session = self.sessions.get(identity)
        if not self.close(identity, time, clean=False):
            return False
        if session is not None and session.on_close is not None:
            session.on_close(CLOSED_REMOTELY[0])
        return True

    def expire(self, identity: str, time: datetime, judged_at: datetime | None = None) -> bool:
        """End a connection whose token ran out more than the grace ago, with the two records of a token renewal.

        `time` is what the log says; the token is judged by `judged_at` where that differs.
        """
        with self.hub.lock:
            session = self.sessions.get(identity)
            if session is None or session.expires is None or session.expires + self.grace > (judged_at or time):
                return False
            self._forget(identity)
            later = time + timedelta(seconds=1)
            records = [
                self._goodbye(session, time, UNAUTHORIZED, GENERIC),
                self._goodbye(session, later, CLOSED_REMOTELY),
            ]
            self._sink(self.hub, records)
            self._state(identity, later, connected=False)
            if session.on_close is not None:
                session.on_close(UNAUTHORIZED[0])
            return True

    def welcome(self, identity: str) -> bool:
        """Say whether a connection may stay: its identity exists and is enabled, and its address is admitted."""
        device_id, _, module_id = identity.partition("/")
        with self.hub.lock:
            session = self.sessions.get(identity)
            device = self.hub.devices.get(device_id)
            return (
                session is not None
                and device is not None
                and device.status == "enabled"
                and (not module_id or module_id in device.modules)
                and network.admitted(self.hub, session.address)
            )

    def sample(self, time: datetime) -> None:
        """Write one point of the platform's metrics: connected and registered devices."""
        with self.hub.lock:
            connected = len(self.sessions) - self._modules + quiet_tally(self.hub.devices, _is_connected)
            for name, value in (("connectedDeviceCount", connected), ("totalDeviceCount", len(self.hub.devices))):
                points = self.hub.metric_history.setdefault(name, [])
                points.append((time, float(value)))
                if len(points) > METRIC_DAYS * 1440 + 60:
                    del points[:60]

    def touch(self, time: datetime) -> None:
        """Note that connected devices were active within the last minute: they send telemetry."""
        with self.hub.lock:
            for identity in self.sessions:
                device = self._record(identity)
                if device is not None:
                    device.last_activity = stamp(time - timedelta(seconds=hash_second(identity)))

    # -- records -------------------------------------------------------------------------------------------------------

    def _hello(self, attempt: Attempt, verdict: Verdict) -> LogRecord:
        properties = connection_properties(
            attempt.device_id,
            attempt.protocol,
            attempt.address,
            auth=verdict.auth,
            status=verdict.code[:3] or None,
            message=verdict.message,
            sdk=attempt.sdk,
            tls_version=attempt.tls_version,
            module_id=attempt.module_id,
        )
        level = "Error" if verdict.code else "Information"
        return LogRecord(attempt.time, "deviceConnect", level, verdict.code, verdict.name, properties, self._new_id())

    def _goodbye(
        self, session: Session, time: datetime, result: tuple[str, str], message: str | None = None
    ) -> LogRecord:
        code, name = result
        if message is None:
            see = f"Device disconnected, see cause and resolution at https://aka.ms/iothub{code}"
            message = see if code else ""
        device_id, _, module_id = session.identity.partition("/")
        properties = connection_properties(
            device_id,
            session.protocol,
            session.address,
            auth=None,  # null in every published record of a disconnect
            status=code[:3] or None,
            message=message,
            module_id=module_id or None,
        )
        level = "Error" if code else "Information"
        return LogRecord(time, "deviceDisconnect", level, code, name, properties, self._new_id())

    def _forget(self, identity: str) -> Session | None:
        session = self.sessions.pop(identity, None)
        if session is not None and "/" in identity:
            self._modules -= 1
        return session

    def _state(self, identity: str, time: datetime, *, connected: bool) -> None:
        record = self._record(identity)
        if record is None:
            return
        text = stamp(time)
        record.connection_state = "Connected" if connected else "Disconnected"
        record.connection_updated = text
        record.last_activity = text

    def _record(self, identity: str) -> DeviceRecord | None:
        """Return the device, or the module of `device/module`."""
        device_id, _, module_id = identity.partition("/")
        device = self.hub.devices.get(device_id)
        return device.modules.get(module_id) if device is not None and module_id else device


def hash_second(text: str) -> int:
    """Return a number from 0 to 59 that is always the same for a text (Python's own hash is not)."""
    return sum(text.encode()) * 7 % 60


def _is_connected(device: DeviceRecord) -> bool:
    return device.connection_state == "Connected"


def stamp(time: datetime) -> str:
    """Return a UTC time as the registry writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

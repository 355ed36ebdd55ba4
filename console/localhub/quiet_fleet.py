"""The rest of a very large fleet: devices that only stand in the registry, worked out from their number when asked for.

A million records would cost a gigabyte and a minute. These devices differ in what tells devices apart (id, keys,
thumbprint); in everything else each is like one of about two thousand samples, in a pattern that can be counted.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.localhub.fleet_plan import Auth, PlannedDevice, Role, plan_fleet
from console.localhub.registry_call import timestamp
from console.localhub.registry_json import twin_json
from console.localhub.state import NEVER, DeviceRecord

SAMPLES = 1999
"""A prime: then the numbers from k to k + 1998 are like each sample once, whatever the step."""
_STEP, _FIRST = 1237, 100_000
_BACK = pow(_STEP, -1, SAMPLES)
_ID, _THUMB = "@@id@@", "@@thumb@@"
_AUTH_WORDS = {Auth.SAS: "sas", Auth.CA: "certificateAuthority"}


@dataclass(frozen=True)
class _Sample:
    """What some devices have in common: how their ids begin, a record, their twin as JSON around id and print."""

    begin: str
    record: DeviceRecord
    print_length: int  # hex digits of the registered thumbprint, 0 for none
    parts: tuple[bytes, ...]


class QuietFleet:
    """`count` devices, numbered from 0. The same seed makes the same ids, kinds of sign-in, tags and states; keys and
    thumbprints are new in every process.
    """

    def __init__(self, count: int, seed: int, start: datetime) -> None:
        self.count = count
        self._secret = secrets.token_bytes(32)
        plan = plan_fleet(SAMPLES, seed + 7919)
        self._samples = [_sample(device, place, start) for place, device in enumerate(plan)]
        self.records: Sequence[DeviceRecord] = [sample.record for sample in self._samples]

    def sample(self, number: int) -> int:
        """Return the place of the sample that a device is like."""
        return number * _STEP % SAMPLES

    def weights(self) -> list[int]:
        """Return how many devices are like each sample."""
        whole, rest = divmod(self.count, SAMPLES)
        return [whole + (place * _BACK % SAMPLES < rest) for place in range(SAMPLES)]

    def device_id(self, number: int) -> str:
        """Return the id of a device."""
        return f"{self._samples[self.sample(number)].begin}{_FIRST + number}"

    def number(self, device_id: str) -> int | None:
        """Return the number of a device; None when there is none of this id here."""
        text = device_id.rpartition("-")[2]
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            return None
        number = int(text) - _FIRST
        return number if 0 <= number < self.count and self.device_id(number) == device_id else None

    def record(self, number: int) -> DeviceRecord:
        """Return a device's record, a new one at every call."""
        sample = self._samples[self.sample(number)]
        record = copy.copy(sample.record)
        record.device_id = device_id = f"{sample.begin}{_FIRST + number}"
        record.tags, record.desired = dict(record.tags), dict(record.desired)
        record.reported, record.modules, record.parent_scopes = copy.deepcopy(record.reported), {}, []
        record.generation_id = str(637_000_000_000_000_000 + number)
        if record.auth == "sas":
            record.primary_key, record.secondary_key = self._key(device_id, b"1"), self._key(device_id, b"2")
        elif sample.print_length:
            record.primary_thumbprint = self._thumbprint(device_id, sample.print_length)
        return record

    def twins(self, numbers: Sequence[int] | range) -> list[bytes]:
        """Return the twins of devices as JSON, as `registry_json.twin_json` has them."""
        samples, found = self._samples, []
        for number in numbers:
            sample = samples[number * _STEP % SAMPLES]
            device_id = f"{sample.begin}{_FIRST + number}"
            if sample.print_length:
                head, middle, tail = sample.parts
                thumb = self._thumbprint(device_id, sample.print_length).encode()
                found.append(b"%b%b%b%b%b" % (head, device_id.encode(), middle, thumb, tail))
            else:
                head, tail = sample.parts
                found.append(b"%b%b%b" % (head, device_id.encode(), tail))
        return found

    def _key(self, device_id: str, which: bytes) -> str:
        return base64.b64encode(hmac.digest(self._secret, which + device_id.encode(), "sha256")).decode()

    def _thumbprint(self, device_id: str, length: int) -> str:
        return hashlib.sha256(self._secret + device_id.encode()).hexdigest()[:length].upper()


def _sample(device: PlannedDevice, place: int, start: datetime) -> _Sample:
    """Return a sample: like a planned device that has no part in the story."""
    disabled = device.role in {Role.DISABLED, Role.DISABLED_TRYING}
    never = device.auth is Auth.NO_THUMBPRINT or device.unseen_days == -1
    connected = not (disabled or never) and device.role not in {Role.STALE, Role.OFF}
    ago = timedelta(seconds=place % 60)
    if not connected:
        ago = timedelta(days=device.unseen_days or 1 + place % 19, seconds=place * 43 % 86_400)
    seen = NEVER if never else timestamp(start - ago)
    record = DeviceRecord(
        device_id=_ID,
        generation_id="637000000000000000",
        auth=_AUTH_WORDS.get(device.auth, "selfSigned"),
        status="disabled" if disabled else "enabled",
        status_reason=device.reason if disabled else None,
        status_updated=timestamp(start - timedelta(days=1 + place % 17)) if disabled else NEVER,
        connection_state="Connected" if connected else "Disconnected",
        connection_updated=seen,
        last_activity=seen,
        tags={
            "site": device.plant,
            "line": f"{device.plant}-{device.line}",
            "kind": device.kind,
            "building": f"B{1 + device.line // 3}",
        },
        desired={"telemetryInterval": 60},
        reported={"firmware": {"version": device.firmware}, "telemetryInterval": 60},
        twin_updated=timestamp(start - timedelta(days=40 + place % 1300)),
        twin_counter=1 + place % 40,
        identity_counter=1 + place % 6,
    )
    length = {Auth.SHA256: 64, Auth.SHA1: 40}.get(device.auth, 0)
    shown = copy.copy(record)
    if length:
        shown.primary_thumbprint = _THUMB
    text = json.dumps(twin_json(shown), separators=(",", ":"))
    head, _, rest = text.partition(_ID)
    middle, _, tail = rest.partition(_THUMB)
    parts = (head, middle, tail) if length else (head, rest)
    return _Sample(f"{device.plant}-{device.kind}-", record, length, tuple(part.encode() for part in parts))

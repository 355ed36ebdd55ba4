"""Twins of devices and modules: read, patch, replace; and direct methods, which connected devices answer."""

from __future__ import annotations

import json
import re
from copy import copy
from typing import Any

from console.localhub import wire_json
from console.localhub.registry_call import Answer, Call
from console.localhub.registry_devices import find_device
from console.localhub.registry_errors import (
    RegistryError,
    argument_invalid,
    module_not_found,
    no_answer,
    not_online,
)
from console.localhub.registry_json import twin_json
from console.localhub.state import DeviceRecord, Json
from console.localhub.switchboard import NoAnswer, NotOnline

# Sizes in bytes of JSON and depth: the service's published limits.
TAGS_LIMIT = 8 * 1024
DESIRED_LIMIT = 32 * 1024
REPORTED_LIMIT = 32 * 1024
METHOD_LIMIT = 128 * 1024
DEPTH_LIMIT = 10
TEXT_LIMIT = 4 * 1024
NAME_LIMIT = 1024
NUMBER_LIMIT = 4503599627370496
RESPONSE_SECONDS = range(5, 301)
CONNECT_SECONDS = range(301)
_BAD_KEY = re.compile(r"[\x00-\x1f\x7f-\x9f.$ ]")
_READ_ONLY = frozenset({"$version", "$metadata"})


def get_twin(call: Call) -> Answer:
    """GET /twins/{id} and /twins/{id}/modules/{module id}."""
    with call.hub.lock:
        return Answer(body=twin_json(_find(call)))


def patch_twin(call: Call) -> Answer:
    """PATCH a twin: merges tags and desired properties; null removes."""
    return _write(call, replacing=False)


def put_twin(call: Call) -> Answer:
    """PUT a twin: tags and desired properties become exactly what the body holds."""
    return _write(call, replacing=True)


def invoke_method(call: Call) -> Answer:
    """POST a direct method: the device's status and payload; 404103 when none listens, 504101 when none answers.

    (IoT Hub's direct methods: a response time-out of 5 to 300 seconds, 30 when not given; a connect time-out of 0 to
    300, none when not given.)
    """
    body = call.json_object()
    name = body.get("methodName")
    if not isinstance(name, str) or not name:
        raise argument_invalid("methodName is missing.")
    if len(name) > NAME_LIMIT:  # the service's own limit is not published; this one fits a topic
        raise argument_invalid(f"methodName is longer than {NAME_LIMIT} characters.")
    answer_seconds = _seconds(body, "responseTimeoutInSeconds", 30, RESPONSE_SECONDS)
    connect_seconds = _seconds(body, "connectTimeoutInSeconds", 0, CONNECT_SECONDS)
    with call.hub.lock:
        record = _find(call)
    identity = (
        record.device_id
        if len(call.segments) < 4 or call.segments[2] != "modules"
        else "/".join((record.device_id, call.segments[3]))
    )
    if call.board is None:
        raise not_online()
    payload = json.dumps(body.get("payload"), separators=(",", ":")).encode()
    if len(payload) > METHOD_LIMIT:
        raise argument_invalid(f"The payload is larger than {METHOD_LIMIT} bytes.")
    try:
        status, answer = call.board.invoke(call.hub, identity, name, payload, connect_seconds, answer_seconds)
    except NotOnline:
        raise not_online() from None
    except NoAnswer:
        raise no_answer(answer_seconds) from None
    try:
        said = wire_json.loads(answer) if answer.strip() else None
    except ValueError:
        raise RegistryError(502, "GenericBadGateway", "The device's answer is not valid JSON.") from None
    return Answer(body={"status": status, "payload": said})


def _seconds(body: Json, name: str, default: int, allowed: range) -> int:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or (value not in allowed):
        raise argument_invalid(f"{name} must be between {allowed.start} and {allowed.stop - 1}.")
    return value


def merged(old: Json, patch: Json) -> Json:
    """Return a new object: `old` with `patch` laid over it, where null removes. Neither argument changes."""
    result = dict(old)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def set_twin(record: DeviceRecord, tags: Json | None, desired: Json | None, now: str) -> None:
    """Give a twin new tags and desired properties (None keeps them) and count its versions up."""
    if tags is not None:
        record.tags = tags
    if desired is not None:
        record.desired = desired
        record.desired_version += 1
    record.twin_counter += 1
    record.twin_updated = now


def twin_parts(body: Json, *, absent: Json | None = None) -> tuple[Json | None, Json | None]:
    """Return (tags, desired properties) of a twin body, checked for names; `absent` stands for a missing part."""
    properties = body.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise argument_invalid("properties must be a JSON object.")
    tags = _part(body, "tags", absent)
    desired = _part(properties or {}, "desired", absent)
    if desired is not None:
        desired = {key: value for key, value in desired.items() if key not in _READ_ONLY}
        _check_names(desired, "desired")
    if tags is not None:
        _check_names(tags, "tags")
    return tags, desired


def check_sizes(tags: Json | None, desired: Json | None) -> None:
    """Raise 400 for tags or desired properties above the service's limits."""
    for name, part, limit in (("tags", tags, TAGS_LIMIT), ("desired", desired, DESIRED_LIMIT)):
        if part is not None and len(json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode()) > limit:
            raise argument_invalid(f"The twin's {name} are larger than {limit} bytes.")


def check_reported(whole: Json, patch: Json) -> Json:
    """Return reported properties that are within the service's limits, `patch` being what was sent. Raises 400."""
    _check_names(patch, "reported properties")
    if len(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()) > REPORTED_LIMIT:
        raise argument_invalid(f"The twin's reported properties are larger than {REPORTED_LIMIT} bytes.")
    return whole


def _write(call: Call, *, replacing: bool) -> Answer:
    tags, desired = twin_parts(call.json_object(), absent={} if replacing else None)
    with call.hub.lock:
        record = _find(call)
        call.check_etag(record.twin_etag)
        if tags is not None:
            tags = merged({} if replacing else record.tags, tags)
        if desired is not None:
            desired = merged({} if replacing else record.desired, desired)
        check_sizes(tags, desired)
        if len(call.segments) == 2:  # the index knows devices; module twins are few and read directly
            call.index.device_changes(call.hub, record.device_id, copy(record))
        set_twin(record, tags, desired, call.now())
        answer = Answer(body=twin_json(record))
    call.cloud.notify(call.hub, f"twin:{call.segments[1]}")
    return answer


def _find(call: Call) -> DeviceRecord:
    device = find_device(call, call.segments[1])
    if len(call.segments) < 4:
        return device
    module = device.modules.get(call.segments[3])
    if module is None:
        raise module_not_found(device.device_id, call.segments[3])
    return module


def _part(body: Json, name: str, absent: Json | None) -> Json | None:
    value = body.get(name)
    if value is None:
        return absent
    if not isinstance(value, dict):
        raise argument_invalid(f"{name} must be a JSON object.")
    return value


def _check_names(value: Any, where: str, depth: int = 1) -> None:
    """Raise 400 for names, depths, texts and numbers that a twin cannot hold (IoT Hub's device twins, "format")."""
    if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) > TEXT_LIMIT:
        raise argument_invalid(f"A text in the twin's {where} is longer than {TEXT_LIMIT} bytes.")
    if isinstance(value, int) and not -NUMBER_LIMIT <= value < NUMBER_LIMIT:
        raise argument_invalid(f"A number in the twin's {where} is not within 52 bits.")
    if isinstance(value, list):
        for item in value:
            _check_names(item, where, depth)
    if not isinstance(value, dict):
        return
    if depth > DEPTH_LIMIT:
        raise argument_invalid(f"The twin's {where} are deeper than {DEPTH_LIMIT} levels.")
    for key, inner in value.items():
        if not key or len(key) > NAME_LIMIT or _BAD_KEY.search(key):
            raise argument_invalid(f"A name in the twin's {where} holds a character that is not allowed.")
        _check_names(inner, where, depth + 1)

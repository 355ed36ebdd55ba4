"""The service API of a provisioning service (2021-10-01): its calls, what each needs, and who answers it.

ETags: a write without If-Match creates, and is refused with 409 where the enrollment is (azure-iot-sdk-csharp#3076,
azure-sdk-for-python#35187); with If-Match it replaces, `*` whatever is there. The 412 for an enrollment that is not
there is what HTTP says, not something the service's documents do. A delete without If-Match deletes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from console.localhub import wire_json
from console.localhub.provisioning_attestation import with_keys
from console.localhub.provisioning_enrollment import (
    GROUP,
    INDIVIDUAL,
    Kind,
    enrollment_json,
    put_record,
    registration_json,
)
from console.localhub.provisioning_errors import (
    REGISTRATION_NOT_FOUND,
    ProvisioningError,
    conflict,
    etag_mismatch,
    invalid,
    not_found,
)
from console.localhub.provisioning_state import EnrollmentRecord, RegistrationRecord
from console.localhub.registry_call import Answer, timestamp
from console.localhub.state import Cloud, Json, ProvisioningState

PAGE = 100
MAX_PAGE = 1000
MAX_BULK = 10  # of one bulk call (the service's API reference)
_ACTIONS = "Microsoft.Devices/provisioningServices/"


@dataclass
class ServiceCall:
    """A call that was let in. `segments` are the path's parts, decoded one by one; header names are lower case."""

    cloud: Cloud
    service: ProvisioningState
    segments: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes

    def json_object(self) -> Json:
        """Return the body, which must be a JSON object."""
        try:
            value = wire_json.loads(self.body)
        except ValueError:
            raise invalid("The request body is not valid JSON.") from None
        if not isinstance(value, dict):
            raise invalid("The request body must be a JSON object.")
        return value

    def now(self) -> str:
        """Return the story's time as bodies carry it."""
        return timestamp(self.cloud.clock.story())

    @property
    def if_match(self) -> str | None:
        """The If-Match header without quotes; None when absent."""
        return _bare(self.headers.get("if-match")) or None


Handler = Callable[[ServiceCall], Answer]


@dataclass(frozen=True)
class Operation:
    """A call of the service API: what the log calls it, and what it needs: a policy's right, or all data actions.

    Data actions are those of Azure's list; rights those of the service's document on shared access, which tells none
    for the attestation mechanism: that it needs EnrollmentWrite is ours.
    """

    name: str
    subject: str  # the log's word for what it is about
    right: str
    actions: tuple[str, ...]
    handler: Handler
    writes: bool = False


def _of(kind: Kind, answer: Callable[[ServiceCall, Kind], Answer]) -> Handler:
    return lambda call: answer(call, kind)


def _operations(kind: Kind) -> dict[tuple[str, str], Operation]:
    base = f"{_ACTIONS}{kind.collection}/"
    subject, read, write, delete = kind.log_type, base + "read", base + "write", base + "delete"
    details = _ACTIONS + "attestationmechanism/details/action"
    first = kind.collection.casefold()
    return {
        ("POST", first): Operation(
            "BulkOperation", subject, "EnrollmentWrite", (write, delete), _of(kind, _bulk), True
        ),
        ("POST", f"{first}/query"): Operation("Query", subject, "EnrollmentRead", (read,), _of(kind, _query)),
        ("GET", f"{first}/*"): Operation("Get", subject, "EnrollmentRead", (read,), _of(kind, _get)),
        ("PUT", f"{first}/*"): Operation("Upsert", subject, "EnrollmentWrite", (write,), _of(kind, _put), True),
        ("DELETE", f"{first}/*"): Operation("Delete", subject, "EnrollmentWrite", (delete,), _of(kind, _delete), True),
        ("POST", f"{first}/*/attestationmechanism"): Operation(
            "GetAttestationMechanism", subject, "EnrollmentWrite", (details,), _of(kind, _mechanism)
        ),
    }


# --- enrollments and groups -------------------------------------------------------------------------------------------


def _record(call: ServiceCall, kind: Kind) -> EnrollmentRecord:
    found = kind.find(call.service, call.segments[1])
    if found is None:
        raise not_found(kind.missing)
    return found


def _get(call: ServiceCall, kind: Kind) -> Answer:
    return Answer(body=enrollment_json(call.service, kind, _record(call, kind)))


def _put(call: ServiceCall, kind: Kind) -> Answer:
    name, written = call.segments[1], call.json_object()
    before = kind.find(call.service, name)
    if before is None and call.if_match is not None:
        raise etag_mismatch()
    if before is not None and call.if_match is None:
        raise conflict(kind.noun, name)
    if before is not None:
        _check_etag(call, before)
    record = put_record(call.service, kind, name, written, call.now(), before)
    return Answer(body=enrollment_json(call.service, kind, record, keys=True))


def _delete(call: ServiceCall, kind: Kind) -> Answer:
    record = _record(call, kind)
    _check_etag(call, record)
    _forget(call.service, kind, record)
    return Answer(204)


def _forget(service: ProvisioningState, kind: Kind, record: EnrollmentRecord) -> None:
    """Delete an enrollment, an individual one with its registration, which is shown as a part of it.

    A group's registrations stay: devices that another enrollment lets in are known by them.
    """
    del kind.records(service)[record.id]
    registration = None if kind.is_group else service.registrations.get(record.id)
    if registration is not None and not registration.group_id:
        del service.registrations[record.id]


def _mechanism(call: ServiceCall, kind: Kind) -> Answer:
    return Answer(body=with_keys(_record(call, kind)))


def _query(call: ServiceCall, kind: Kind) -> Answer:
    """Answer a page of all there are: `SELECT *`, with or without `FROM`; the query language is not documented."""
    words = str(call.json_object().get("query") or "").casefold().split()
    if words not in (["select", "*"], ["select", "*", "from", kind.collection.casefold()]):
        raise invalid(f"The local hub answers no other query than SELECT * (all {kind.collection}).")
    records = {record.id.casefold(): record for record in kind.records(call.service).values()}
    names, headers = _page(call, records, kind.item_type)
    return Answer(body=[enrollment_json(call.service, kind, records[name]) for name in names], headers=headers)


def _bulk(call: ServiceCall, kind: Kind) -> Answer:
    """Answer a bulk call: each enrollment succeeds or fails on its own, and the failed ones are told."""
    body = call.json_object()
    mode, items = str(body.get("mode") or "").casefold(), body.get(kind.collection)
    if mode not in _BULK or not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise invalid(f"A bulk call has a mode and a list of {kind.collection}.")
    if not 1 <= len(items) <= MAX_BULK:
        raise invalid(f"A bulk call takes 1 to {MAX_BULK} {kind.collection}.")
    errors: list[Json] = []
    for item in items:
        name = str(item.get(kind.id_name) or "")
        try:
            _BULK[mode](call, kind, name, item)
        except ProvisioningError as error:
            errors.append({kind.id_name: name, "errorCode": error.number, "errorStatus": error.text})
    return Answer(body={"isSuccessful": not errors, "errors": errors})


def _bulk_create(call: ServiceCall, kind: Kind, name: str, item: Json) -> None:
    if kind.find(call.service, name) is not None:
        raise conflict(kind.noun, name)
    put_record(call.service, kind, name, item, call.now(), None)


def _bulk_update(call: ServiceCall, kind: Kind, name: str, item: Json, *, match: bool = False) -> None:
    before = kind.find(call.service, name)
    if before is None:
        raise not_found(kind.missing)
    if match and _bare(item.get("etag")) != before.etag:
        raise etag_mismatch()
    put_record(call.service, kind, name, item, call.now(), before)


def _bulk_delete(call: ServiceCall, kind: Kind, name: str, _item: Json) -> None:
    before = kind.find(call.service, name)
    if before is None:
        raise not_found(kind.missing)
    _forget(call.service, kind, before)


_BULK: dict[str, Callable[[ServiceCall, Kind, str, Json], None]] = {
    "create": _bulk_create,
    "update": _bulk_update,
    "updateifmatchetag": lambda call, kind, name, item: _bulk_update(call, kind, name, item, match=True),
    "delete": _bulk_delete,
}

# --- registrations ----------------------------------------------------------------------------------------------------


def _registration(call: ServiceCall) -> RegistrationRecord:
    found = call.service.registrations.get(call.segments[1].casefold())
    if found is None or not found.operation_id:  # a TPM that was challenged has not registered yet
        raise not_found(REGISTRATION_NOT_FOUND)
    return found


def _get_registration(call: ServiceCall) -> Answer:
    return Answer(body=registration_json(_registration(call)))


def _delete_registration(call: ServiceCall) -> Answer:
    """Forget a registration: the device may register again, as for the first time."""
    record = _registration(call)
    _check_etag(call, record)
    del call.service.registrations[call.segments[1].casefold()]
    return Answer(204)


def _query_registrations(call: ServiceCall) -> Answer:
    """Answer a page of the registrations that were made through a group; the call has no body."""
    group = GROUP.find(call.service, call.segments[1])
    if group is None:
        raise not_found(GROUP.missing)
    records = {
        name: record
        for name, record in call.service.registrations.items()
        if record.group_id == group.id and record.operation_id
    }
    names, headers = _page(call, records, "deviceRegistration")
    return Answer(body=[registration_json(records[name]) for name in names], headers=headers)


# --- what calls share -------------------------------------------------------------------------------------------------


def _bare(etag: Any) -> str:
    return str(etag or "").strip().removeprefix("W/").strip('"')


def _check_etag(call: ServiceCall, record: EnrollmentRecord | RegistrationRecord) -> None:
    if call.if_match not in (None, "*", record.etag):
        raise etag_mismatch()


def _page(call: ServiceCall, names: Iterable[str], item_type: str) -> tuple[list[str], dict[str, str]]:
    """Return the names of one page in order, and its headers; the continuation is the last name of the page before."""
    size, after = _page_size(call), _continued(call)
    rest = sorted(name for name in names if after is None or name > after)
    headers = {"x-ms-max-item-count": str(size), "x-ms-item-type": item_type}
    if len(rest) > size:
        headers["x-ms-continuation"] = base64.urlsafe_b64encode(rest[size - 1].encode()).decode()
    return rest[:size], headers


def _page_size(call: ServiceCall) -> int:
    told = call.headers.get("x-ms-max-item-count", "").strip() or str(PAGE)
    if not (told.isascii() and told.isdigit() and 1 <= len(told) <= 9 and int(told) > 0):
        raise invalid("x-ms-max-item-count must be a positive number.")
    return min(int(told), MAX_PAGE)


def _continued(call: ServiceCall) -> str | None:
    token = call.headers.get("x-ms-continuation", "").strip()
    if not token:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("x-ms-continuation is none that was given out.") from None


# --- dispatch ---------------------------------------------------------------------------------------------------------

_REGISTRATION = "Registration"
_STATES = _ACTIONS + "registrationStates/"
OPERATIONS: dict[tuple[str, str], Operation] = {
    **_operations(INDIVIDUAL),
    **_operations(GROUP),
    ("GET", "registrations/*"): Operation(
        "Get", _REGISTRATION, "RegistrationStatusRead", (_STATES + "read",), _get_registration
    ),
    ("DELETE", "registrations/*"): Operation(
        "Delete", _REGISTRATION, "RegistrationStatusWrite", (_STATES + "delete",), _delete_registration, True
    ),
    ("POST", "registrations/*/query"): Operation(
        "Query", _REGISTRATION, "RegistrationStatusRead", (_STATES + "read",), _query_registrations
    ),
}
COLLECTIONS = frozenset(path.partition("/")[0] for _, path in OPERATIONS)


def operation_of(method: str, segments: tuple[str, ...]) -> Operation | None:
    """Return what answers a method and path; None for a path that is none, and for another method of one.

    A fixed word wins over an id in its place: `query` is no enrollment's id in a POST.
    """
    found = (OPERATIONS.get((method, path)) for path in _patterns(segments))
    return next((one for one in found if one is not None), None)


def no_operation(segments: tuple[str, ...]) -> ProvisioningError:
    """Return the refusal of a call that `operation_of` does not know: 405 for a path that it knows, else 404."""
    known = {path for _, path in OPERATIONS}
    if known.isdisjoint(_patterns(segments)):
        return ProvisioningError(404000, "Not Found.")
    return ProvisioningError(405000, "Method Not Allowed")


def _patterns(segments: tuple[str, ...]) -> tuple[str, str]:
    lower = [segment.casefold() for segment in segments]
    rest = ["*", *lower[2:]] if len(lower) > 1 else []
    return "/".join(lower), "/".join([lower[0], *rest])

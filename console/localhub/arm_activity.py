"""The activity log: who did which control-plane write, from where, with what result (api 2015-04-01)."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from console.localhub.arm_core import SUBSCRIPTION, Call, Route, group_of
from console.localhub.arm_errors import flat
from console.localhub.state import ActivityEvent, Cloud, Json

_READ = "Microsoft.Insights/eventtypes/values/read"
_PATH = SUBSCRIPTION + "/providers/Microsoft.Insights/eventtypes/management/values"
_NAMESPACE = uuid.UUID("0b7a4a58-3a0c-5a7e-9d43-7cf2b6c9d2aa")
PAGE = 200
_CLAUSE = re.compile(r"\s*(\w+)\s+(eq|ge|le|gt|lt)\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)
_TEXT_FIELDS = ("resourceuri", "resourcegroupname", "resourceprovider", "correlationid", "caller", "status")
_LOCALIZED = {
    "microsoft.devices/iothubs/write": "Create or update IotHub Resource",
    "microsoft.devices/iothubs/delete": "Delete IotHub Resource",
    "microsoft.devices/iothubs/listkeys/action": "Get IotHub Access Keys",
    "microsoft.devices/iothubs/iothubkeys/listkeys/action": "Get Key for the given name",
    "microsoft.devices/iothubs/certificates/write": "Create or update Certificate",
    "microsoft.devices/iothubs/certificates/delete": "Delete Certificate",
    "microsoft.devices/iothubs/certificates/generateverificationcode/action": "Generate verification code",
    "microsoft.devices/iothubs/certificates/verify/action": "Verify certificate resource",
    "microsoft.devices/iothubs/privateendpointconnections/write": "Creates or updates a private endpoint connection",
    "microsoft.devices/iothubs/privateendpointconnections/delete": "Deletes an existing private endpoint connection",
    "microsoft.devices/provisioningservices/write": "Create IotDps resource",
    "microsoft.devices/provisioningservices/delete": "Delete IotDps resource",
    "microsoft.devices/provisioningservices/listkeys/action": "Get all IotDps keys",
    "microsoft.devices/provisioningservices/keys/listkeys/action": "Get IotDps Keys for key name",
    "microsoft.devices/provisioningservices/certificates/write": "Create or update Certificate",
    "microsoft.devices/provisioningservices/certificates/delete": "Delete Certificate",
    "microsoft.devices/provisioningservices/certificates/generateverificationcode/action": "Generate verification code",
    "microsoft.devices/provisioningservices/certificates/verify/action": "Verify certificate resource",
    "microsoft.network/privateendpoints/write": "Creates or updates a private endpoint",
    "microsoft.network/privateendpoints/delete": "Deletes a private endpoint",
    "microsoft.insights/diagnosticsettings/write": "Create or update resource diagnostic setting",
    "microsoft.insights/diagnosticsettings/delete": "Delete resource diagnostic setting",
    "microsoft.authorization/roleassignments/write": "Create role assignment",
    "microsoft.authorization/roleassignments/delete": "Delete role assignment",
}


def _values(call: Call) -> Response:
    """Answer the events of a filter, newest first; `$select` keeps only the named fields."""
    conditions = _filter(call.query.get("$filter", ""))
    scope = _scope(call, conditions)
    call.require(_READ, scope)
    with call.cloud.lock:
        events = [event for event in call.cloud.activity if _fits(event, conditions)]
    events.sort(key=lambda event: event.time, reverse=True)
    selected = {name.strip().casefold() for name in call.query.get("$select", "").split(",") if name.strip()}
    bodies = (event_body(call.cloud, event) for event in events)
    if selected:
        bodies = ({key: value for key, value in body.items() if key.casefold() in selected} for body in bodies)
    return call.page(bodies, PAGE)


def _scope(call: Call, conditions: list[tuple[str, str, str]]) -> str:
    for name, _, value in conditions:
        if name == "resourceuri":
            return value
        if name == "resourcegroupname":
            return f"/subscriptions/{call.cloud.subscription_id}/resourceGroups/{value}"
    return f"/subscriptions/{call.cloud.subscription_id}"


def _filter(text: str) -> list[tuple[str, str, str]]:
    """Read `field op 'value' and ...` into (lower-case field, op, value); raises a flat 400 for anything else."""
    conditions: list[tuple[str, str, str]] = []
    position = 0
    while position < len(text):
        found = _CLAUSE.match(text, position)
        if found is None:
            raise flat(400, "BadRequest", f"The $filter is not valid at '{text[position : position + 40]}'.")
        name, operator, value = found.group(1).casefold(), found.group(2).casefold(), found.group(3).replace("''", "'")
        if name != "eventtimestamp" and (name not in _TEXT_FIELDS or operator != "eq"):
            raise flat(400, "BadRequest", f"The $filter does not support '{found.group(1)} {operator}'.")
        conditions.append((name, operator, value))
        position = found.end()
        rest = re.compile(r"and\b", re.IGNORECASE).match(text, position)
        if rest is None and position < len(text):
            raise flat(400, "BadRequest", f"The $filter is not valid at '{text[position : position + 40]}'.")
        position = rest.end() if rest else position
    if not any(name == "eventtimestamp" and operator in ("ge", "gt") for name, operator, _ in conditions):
        raise flat(400, "BadRequest", "The $filter must give the start time: eventTimestamp ge '<time>'.")
    for name, _, value in conditions:
        if name == "eventtimestamp":
            _moment(value)
    return conditions


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.strip()).replace(" ", "+"))
    except ValueError:
        raise flat(400, "BadRequest", f"'{text}' is not a time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fits(event: ActivityEvent, conditions: list[tuple[str, str, str]]) -> bool:
    for name, operator, value in conditions:
        if name == "eventtimestamp":
            bound = _moment(value)
            inside = {
                "ge": event.time >= bound,
                "gt": event.time > bound,
                "le": event.time <= bound,
                "lt": event.time < bound,
                "eq": event.time == bound,
            }[operator]
        elif name == "resourceuri":
            # sub-resources of the resource belong to its log
            uri, wanted = event.resource_id.casefold(), value.casefold().rstrip("/")
            inside = uri == wanted or uri.startswith(wanted + "/")
        else:
            actual = {
                "resourcegroupname": group_of(event.resource_id),
                "resourceprovider": event.operation.partition("/")[0],
                "correlationid": event.correlation_id,
                "caller": event.caller,
                "status": event.status,
            }[name]
            inside = actual.casefold() == value.casefold()
        if not inside:
            return False
    return True


def event_body(cloud: Cloud, event: ActivityEvent) -> Json:
    """Return one event in the API's shape."""
    data_id = str(uuid.uuid5(_NAMESPACE, f"{event.correlation_id}:{event.status}:{event.time.isoformat()}"))
    kind = _resource_type(event.resource_id)
    provider = kind.partition("/")[0]
    http: Json = {"clientRequestId": event.correlation_id, "method": _method(event.operation)}
    if event.address:
        http["clientIpAddress"] = event.address
    principal = cloud.principals.get(event.caller_object_id)
    claims: Json = {
        "aud": "https://management.azure.com/",
        "http://schemas.microsoft.com/identity/claims/objectidentifier": event.caller_object_id,
        "http://schemas.microsoft.com/identity/claims/tenantid": cloud.tenant_id,
    }
    if "@" in event.caller:
        claims["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"] = event.caller
        claims["name"] = event.caller.partition("@")[0]
    elif principal is not None:
        claims["appid"] = principal.client_id
    ending = "Begin request" if event.status == "Started" else "End request"
    short = event.sub_status.partition(" (")[0]
    return {
        "authorization": {"action": event.operation, "scope": event.resource_id},
        "caller": event.caller,
        "channels": "Operation",
        "claims": claims,
        "correlationId": event.correlation_id,
        "description": "",
        "eventDataId": data_id,
        "eventName": {"value": ending.title().replace(" ", ""), "localizedValue": ending},
        "category": {"value": "Administrative", "localizedValue": "Administrative"},
        "httpRequest": http,
        "id": f"{event.resource_id}/events/{data_id}/ticks/{_ticks(event.time)}",
        "level": "Error" if event.status == "Failed" else "Informational",
        "resourceGroupName": group_of(event.resource_id),
        "resourceProviderName": {"value": provider, "localizedValue": provider},
        "resourceId": event.resource_id,
        "resourceType": {"value": kind, "localizedValue": kind},
        "operationId": event.correlation_id,
        "operationName": {
            "value": event.operation,
            "localizedValue": _LOCALIZED.get(event.operation.casefold(), event.operation),
        },
        "properties": dict(event.properties),
        "status": {"value": event.status, "localizedValue": event.status},
        "subStatus": {"value": short, "localizedValue": event.sub_status},
        "eventTimestamp": _stamp(event.time),
        "submissionTimestamp": _stamp(event.time + timedelta(seconds=20)),
        "subscriptionId": cloud.subscription_id,
        "tenantId": cloud.tenant_id,
    }


def _resource_type(resource_id: str) -> str:
    parts = re.split(r"/providers/", resource_id, flags=re.IGNORECASE)[-1].split("/")
    return "/".join([parts[0], *parts[1::2]])


def _method(operation: str) -> str:
    last = operation.rpartition("/")[2].casefold()
    return {"write": "PUT", "delete": "DELETE"}.get(last, "POST")


def _ticks(moment: datetime) -> int:
    """Return 100-nanosecond ticks since year 1, as .NET counts time."""
    return int((moment.astimezone(UTC) - datetime(1, 1, 1, tzinfo=UTC)).total_seconds() * 10_000_000)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


ROUTES = (Route("GET", _PATH, _values),)

"""JSON of the services to model types; every text goes through `clean()`, keys are read as really written."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from console.model.clock import parse_time
from console.model.device import ConnectionState, Device, DeviceDetail, DeviceStatus, auth_type
from console.model.hub import DiagnosticSetting, Exposure, Hub, HubCertificate, IpRule
from console.model.text import clean

Json = Mapping[str, Any]
_TAG_LIMIT = 256
_MAX_TAGS = 64


def device_from_twin(row: Json) -> Device:
    """Return a row of the fleet from a twin (thumbprint keys come capitalised or not)."""
    prints = _fold(row.get("x509Thumbprint"))
    thumbprints = (clean(prints.get("primarythumbprint")), clean(prints.get("secondarythumbprint")))
    capabilities = row.get("capabilities") or {}
    return Device(
        device_id=clean(row.get("deviceId")),
        status=status_of(row.get("status")),
        auth=auth_type(row.get("authenticationType"), thumbprints),
        connection=connection_of(row.get("connectionState")),
        last_activity=parse_time(row.get("lastActivityTime")),
        status_reason=clean(row.get("statusReason")),
        edge=bool(capabilities.get("iotEdge")) if isinstance(capabilities, dict) else False,
        thumbprints=thumbprints,
        etag=clean(row.get("deviceEtag")),
        tags=tuple(flatten(row.get("tags"))),
    )


def detail_from(identity: Json, twin: Json, modules: tuple[str, ...]) -> DeviceDetail:
    """Return one device from its identity and its twin; keys are compared and dropped here."""
    authentication = identity.get("authentication") or {}
    keys = authentication.get("symmetricKey") or {}
    primary, secondary = keys.get("primaryKey") or "", keys.get("secondaryKey") or ""
    row = {
        **twin,
        "deviceId": identity.get("deviceId"),
        "status": identity.get("status"),
        "statusReason": identity.get("statusReason"),
        "connectionState": identity.get("connectionState"),
        "lastActivityTime": identity.get("lastActivityTime"),
        "deviceEtag": identity.get("etag"),
        "capabilities": identity.get("capabilities"),
        "authenticationType": authentication.get("type"),
        "x509Thumbprint": authentication.get("x509Thumbprint"),
    }
    version = twin.get("version")
    text = json.dumps(twin, indent=2, ensure_ascii=False, sort_keys=False)
    return DeviceDetail(
        device=device_from_twin(row),
        generation_id=clean(identity.get("generationId")),
        status_updated=parse_time(identity.get("statusUpdatedTime")),
        connection_updated=parse_time(identity.get("connectionStateUpdatedTime")),
        c2d_messages=_number(identity.get("cloudToDeviceMessageCount")),
        keys_filled=(bool(primary), bool(secondary)),
        keys_equal=primary == secondary if primary and secondary else None,
        scope=clean(identity.get("deviceScope")),
        parent_scopes=tuple(clean(scope) for scope in identity.get("parentScopes") or ()),
        modules=modules,
        twin_json=clean(text, multiline=True),
        twin_version=version if isinstance(version, int) else None,
    )


def status_of(word: object) -> DeviceStatus:
    """Return the status for the registry's word."""
    text = str(word).casefold()
    return DeviceStatus(text) if text in {"enabled", "disabled"} else DeviceStatus.UNKNOWN


def connection_of(word: object) -> ConnectionState:
    """Return the connection state for the registry's word."""
    text = str(word).casefold()
    return ConnectionState(text) if text in {"connected", "disconnected"} else ConnectionState.UNKNOWN


def flatten(tags: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield tags as (path, text): nested objects by dots, arrays as JSON; metadata ($...) left out; at most 64."""
    if not isinstance(tags, dict):
        return
    count = 0
    for name, value in tags.items():
        if str(name).startswith("$"):
            continue
        path = f"{prefix}{clean(name)}"
        pairs: Iterator[tuple[str, str]]
        if isinstance(value, dict):
            pairs = flatten(value, f"{path}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            pairs = iter(((path, clean(text, limit=_TAG_LIMIT)),))
        for pair in pairs:
            if count == _MAX_TAGS:
                return
            count += 1
            yield pair


def hub_from(body: Json) -> Hub:
    """Return a hub from its ARM body (api-version 2023-06-30)."""
    properties: Json = body.get("properties") or {}
    sku: Json = body.get("sku") or {}
    return Hub(
        arm_id=clean(body.get("id")),
        name=clean(body.get("name")),
        host=clean(properties.get("hostName")),
        location=clean(body.get("location")),
        sku=clean(sku.get("name")),
        units=_number(sku.get("capacity")),
        state=clean(properties.get("state")),
        etag=clean(body.get("etag")),
        exposure=exposure_from(properties),
        tags=tuple(flatten(body.get("tags"))),
    )


def exposure_from(properties: Json) -> Exposure:
    """Return who can reach the hub. Absent `networkRuleSets` mean no filter; absent switches are off."""
    rules: Json = properties.get("networkRuleSets") or {}
    connections = [
        str(
            ((item.get("properties") or {}).get("privateLinkServiceConnectionState") or {}).get("status", "")
        ).casefold()
        for item in properties.get("privateEndpointConnections") or ()
    ]
    access = properties.get("publicNetworkAccess")
    return Exposure(
        public_access=True if access is None else str(access).casefold() != "disabled",
        default_deny=str(rules.get("defaultAction", "Deny")).casefold() == "deny" if rules else False,
        ip_rules=tuple(
            IpRule(clean(rule.get("filterName")), clean(rule.get("ipMask"))) for rule in rules.get("ipRules") or ()
        ),
        built_in_endpoint_filtered=bool(rules.get("applyToBuiltInEventHubEndpoint")) if rules else False,
        classic_rules=len(properties.get("ipFilterRules") or ()),
        private_endpoints_approved=connections.count("approved"),
        private_endpoints_pending=connections.count("pending"),
        min_tls_version=clean(properties["minTlsVersion"]) if properties.get("minTlsVersion") else None,
        local_auth_disabled=bool(properties.get("disableLocalAuth")),
        device_sas_disabled=bool(properties.get("disableDeviceSAS")),
        module_sas_disabled=bool(properties.get("disableModuleSAS")),
    )


def certificate_from(body: Json) -> HubCertificate:
    """Return an uploaded CA certificate; its dates are RFC 1123 text."""
    properties: Json = body.get("properties") or {}
    return HubCertificate(
        name=clean(body.get("name")),
        subject=clean(properties.get("subject")),
        thumbprint=clean(properties.get("thumbprint")),
        expires=_http_date(properties.get("expiry")),
        verified=properties.get("isVerified") is True,
        der=_der(properties.get("certificate")),
    )


def _der(text: object) -> bytes:
    """Return a certificate given as base64 of DER, base64 of PEM or PEM; empty when it is none of these."""
    raw = text.strip().encode("ascii", "replace") if isinstance(text, str) else b""
    for _ in range(2):  # base64 of PEM is base64 twice
        if b"-----BEGIN" in raw:
            raw = raw.partition(b"-----BEGIN")[2].partition(b"-----")[2].partition(b"-----END")[0]
        try:
            raw = base64.b64decode(b"".join(raw.split()), validate=True)
        except ValueError:
            return b""
        if raw[:1] == b"\x30":
            return raw
    return b""


def setting_from(body: Json) -> DiagnosticSetting:
    """Return a diagnostic setting with its enabled categories (a category group counts as all of its categories)."""
    properties: Json = body.get("properties") or {}
    enabled = [log for log in properties.get("logs") or () if log.get("enabled")]
    groups = {str(log.get("categoryGroup") or "").casefold() for log in enabled}
    names = [clean(log.get("category")) for log in enabled if log.get("category")]
    if groups & {"alllogs", "audit"} and "Connections" not in names:
        names.append("Connections")
    return DiagnosticSetting(clean(body.get("name")), clean(properties.get("workspaceId")), tuple(names))


def _http_date(text: object) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        value = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return parse_time(text)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _fold(value: object) -> dict[str, Any]:
    return {str(key).casefold(): item for key, item in value.items()} if isinstance(value, dict) else {}


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0

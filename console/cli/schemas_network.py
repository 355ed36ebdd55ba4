"""The JSON schemas of `hubwarden network`."""

from __future__ import annotations

from console.cli.schema_parts import COUNT, COUNT_OR_NONE, FLAG, TEXT, TIME, TIME_OR_NONE, Schema, document, record

_TEXT_OR_NONE: Schema = {"type": ["string", "null"]}
_FLAG_OR_NONE: Schema = {"type": ["boolean", "null"]}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _or_none(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_FINDINGS = _list(record({"kind": TEXT, "message": TEXT, "other": _list(TEXT)}))
_RULE: Schema = {
    "name": TEXT,
    "range": TEXT,
    "addresses": COUNT,
    "devices": COUNT_OR_NONE,
    "partly": _FLAG_OR_NONE,
    "last_seen": TIME_OR_NONE,
    "findings": _FINDINGS,
}
_ORDERED = record(
    {
        "name": TEXT,
        "action": {"enum": ["accept", "reject"]},
        "range": TEXT,
        "target": {"enum": ["all", "serviceApi", "deviceApi"]},
        "addresses": COUNT,
        "findings": _FINDINGS,
    }
)
_CONNECTION: Schema = {
    "name": TEXT,
    "status": {"enum": ["Pending", "Approved", "Rejected", "Disconnected", "Unknown"]},
    "description": TEXT,
    "private_endpoint": TEXT,
}
_OWN: Schema = {"address": _TEXT_OR_NONE, "source": TEXT, "note": TEXT}
_VERDICT = record({"admitted": FLAG, "by": TEXT, "rule": _TEXT_OR_NONE})
_SEEN = record(
    {
        "start": TIME,
        "end": TIME,
        "devices": COUNT,
        "refused": COUNT,
        "services_known": FLAG,
        "partial": TEXT,
        "ranges": _list(
            record({"range": TEXT, "devices": COUNT, "refused": COUNT, "services": COUNT, "last_seen": TIME_OR_NONE})
        ),
    }
)
_CERTAINTY: Schema = {"enum": ["in", "out", "uncertain"]}
_FATES = ("let_in", "cut_off", "uncertain", "stay_in", "stay_out")
_RANGE: Schema = {
    "range": TEXT,
    "fate": {"enum": list(_FATES)},
    "devices": COUNT,
    "services": COUNT,
    "last_seen": TIME_OR_NONE,
    "before": _CERTAINTY,
    "after": _CERTAINTY,
    "rules_before": _list(TEXT),
    "rules_after": _list(TEXT),
}

NETWORK_SCHEMAS: dict[str, Schema] = {
    "network": document(
        "network",
        record(_RULE),
        hub=TEXT,
        public_access=FLAG,
        rule_set=FLAG,
        default_action={"enum": ["allow", "deny", None]},
        built_in_endpoint_filtered=_FLAG_OR_NONE,
        minimum_tls=_TEXT_OR_NONE,
        outbound_restricted=FLAG,
        allowed_fqdns=_list(TEXT),
        classic_rules=_list(_ORDERED),
        classic_in_force=FLAG,
        connections=_list(record(_CONNECTION)),
        private_endpoints=_or_none(_list(record({"id": TEXT, "name": TEXT, "subnet": TEXT, "status": TEXT}))),
        provisioning=_or_none(
            _list(
                record(
                    {
                        "name": TEXT,
                        "id": TEXT,
                        "linked": FLAG,
                        "public_access": FLAG,
                        "hubs": _list(record({"host": TEXT, "policy": TEXT})),
                        "filters": _list(_ORDERED),
                    }
                )
            )
        ),
        seen=_or_none(_SEEN),
        total_devices=COUNT_OR_NONE,
        own_address=record(_OWN),
        findings=_FINDINGS,
    ),
    "network_simulation": document(
        "network_simulation",
        record(_RANGE),
        known=FLAG,
        devices=record(dict.fromkeys(_FATES, COUNT)),
        may_lose_devices=COUNT,
        seen_devices=COUNT,
        without_address=COUNT_OR_NONE,
        services_known=FLAG,
        narrow_rules=_list(TEXT),
        own_address=record({**_OWN, "before": _or_none(_VERDICT), "after": _or_none(_VERDICT)}),
        addresses=_list(record({"address": TEXT, "before": _VERDICT, "after": _VERDICT})),
    ),
    "endpoint_connections": document("endpoint_connections", record(_CONNECTION)),
}

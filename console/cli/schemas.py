"""The stable JSON schemas of the `--json` outputs, as data, and the command that prints them."""

from __future__ import annotations

from typing import Any

import click

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_OR_NONE: Schema = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_COUNT_OR_NONE: Schema = {"type": ["integer", "null"], "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _TEXT}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _document(noun: str, item: Schema, **more: Schema) -> Schema:
    warning = _object({"code": _TEXT, "message": _TEXT, "hint": _TEXT})
    body = _object(
        {
            "schema": {"const": f"hubwarden.{noun}/1"},
            "as_of": _TIME,
            "stale": _FLAG,
            **more,
            "items": {"type": "array", "items": item},
            "warnings": {"type": "array", "items": warning},
        }
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"hubwarden.{noun}/1", **body}


_DEVICE: Schema = {
    "device_id": _TEXT,
    "status": {"enum": ["enabled", "disabled", "unknown"]},
    "status_reason": _TEXT,
    "auth": {"enum": ["sas", "thumbprint-sha256", "thumbprint-sha1", "thumbprint-missing", "ca", "none", "unknown"]},
    "connection_state": {"enum": ["connected", "disconnected", "unknown"]},
    "last_activity": _TIME_OR_NONE,
    "edge": _FLAG,
    "thumbprints": _object({"primary": _TEXT, "secondary": _TEXT}),
    "tags": _TEXTS,
    "etag": _TEXT,
}
_DETAIL: Schema = {
    **_DEVICE,
    "generation_id": _TEXT,
    "status_updated": _TIME_OR_NONE,
    "connection_updated": _TIME_OR_NONE,
    "keys_filled": _object({"primary": _FLAG, "secondary": _FLAG}),
    "keys_equal": {"type": ["boolean", "null"]},
    "modules": {"type": "array", "items": _TEXT},
    "scope": _TEXT,
    "twin_version": _COUNT_OR_NONE,
}
_GROUP: Schema = {
    "key": _TEXT,
    "label": _TEXT,
    "count": _COUNT,
    "devices": _COUNT,
    "first": _TIME,
    "last": _TIME,
    "cause": _TEXT,
    "confidence": {"enum": ["certain", "likely"]},
    "evidence": _TEXT,
    "flag": _TEXT,
}
_EVENT: Schema = {
    "time": _TIME,
    "device_id": _TEXT,
    "operation": _TEXT,
    "level": _TEXT,
    "code": _TEXT,
    "description": _TEXT,
    "message": _TEXT,
    "address": _TEXT,
    "protocol": _TEXT,
    "sdk": _TEXT,
    "auth": _TEXT,
    "renewal": _FLAG,
}
_PROFILE: Schema = {
    "name": _TEXT,
    "hub_name": _TEXT,
    "hub_host": _TEXT,
    "arm_id": _TEXT,
    "cloud": _TEXT,
    "credential": _TEXT,
    "readonly": _FLAG,
    "protected": _FLAG,
}
_CHECK: Schema = {
    "check": _TEXT,
    "target": _TEXT,
    "result": {"enum": ["pass", "fail", "unknown", "not-applicable"]},
    "detail": _TEXT,
    "hint": _TEXT,
}

SCHEMAS: dict[str, Schema] = {
    "devices": _document("devices", _object(_DEVICE), total=_COUNT, matching=_COUNT),
    "device": _document("device", _object(_DETAIL)),
    "connections": _document(
        "connections",
        _object(_GROUP),
        state=_TEXT,
        window=_object({"start": _TIME, "end": _TIME, "step_seconds": _COUNT}),
        grouping=_TEXT,
        total=_COUNT,
        previous_total=_COUNT_OR_NONE,
        devices=_COUNT,
        folded=_COUNT,
        lag_seconds=_COUNT_OR_NONE,
        partial=_TEXT,
        bins={
            "type": "array",
            "items": _object({"start": _TIME, "counts": {"type": "object", "additionalProperties": _COUNT}}),
        },
    ),
    "connection_events": _document("connection_events", _object(_EVENT)),
    "profiles": _document("profiles", _object(_PROFILE), default=_TEXT, file=_TEXT),
    "profile_check": _document("profile_check", _object(_CHECK), profile=_TEXT),
}


@click.command()
@click.argument("noun", type=click.Choice(sorted(SCHEMAS)))
def schema(noun: str) -> None:
    """Print the JSON schema of one --json output."""
    from console.cli.output import print_json

    print_json(SCHEMAS[noun])

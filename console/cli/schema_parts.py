"""The pieces that the JSON schemas of `--json` outputs are made of."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NONE: Schema = {"type": ["string", "null"], "format": "date-time"}
COUNT: Schema = {"type": "integer", "minimum": 0}
COUNT_OR_NONE: Schema = {"type": ["integer", "null"], "minimum": 0}
TEXT_OR_NONE: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}


def record(properties: Schema) -> Schema:
    """Return the schema of an object that has exactly these members."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def document(noun: str, item: Schema, **more: Schema) -> Schema:
    """Return the schema of the envelope of one noun; `more` are further top-level members."""
    warning = record({"code": TEXT, "message": TEXT, "hint": TEXT})
    body = record(
        {
            "schema": {"const": f"hubwarden.{noun}/1"},
            "as_of": TIME,
            "stale": FLAG,
            **more,
            "items": {"type": "array", "items": item},
            "warnings": {"type": "array", "items": warning},
        }
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"hubwarden.{noun}/1", **body}

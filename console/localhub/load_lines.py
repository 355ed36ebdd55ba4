"""Files of export and import jobs: one JSON object a line, for a device, a module or what is to be done with one.

Their shape is that of Azure's document on bulk import and export of device identities.
"""

from __future__ import annotations

import json
from typing import Any

from console.localhub import wire_json
from console.localhub.state import Json

BULK = "bulk"
"""The name under which lines go to the loader: a list of {"line": number, "device": object}."""
_TELLING = {"id", "deviceId"}
_MORE = {"eTag", "importMode", "twinETag", "authentication", "status", "moduleId", "tags", "properties", "capabilities"}


class BadLine(ValueError):  # noqa: N818 - reads as what it is
    """A line of such a file is no JSON object; the text names it by its number."""


def lines_document(text: str) -> Json | None:
    """Return the document of a file of lines, None for a text that is no such file: most lines must be objects.

    Raises BadLine.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    objects = [line for _, line in lines if line.startswith("{") and line.endswith("}")]
    if len(lines) < 2 or 2 * len(objects) < len(lines) or not any(map(_telling, objects)):
        return None
    return {BULK: [{"line": number, "device": _object(number, line)} for number, line in lines]}


def one_line_document(value: Json) -> Json | None:
    """Return the document of a file whose only line is this object, None when it is none of a job's."""
    if not _TELLING & set(value) or not _MORE & set(value):
        return None
    return {BULK: [{"line": 1, "device": value}]}


def _telling(line: str) -> bool:
    try:
        value = wire_json.loads(line)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(_TELLING & set(value))


def _object(number: int, line: str) -> Json:
    try:
        value: Any = wire_json.loads(line, once=True)
    except json.JSONDecodeError as error:
        why = f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.colno}"
        raise BadLine(f"line {number} is no JSON: {why}") from None
    except ValueError as error:
        raise BadLine(f"line {number} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadLine(f"line {number} is no JSON object")
    return value

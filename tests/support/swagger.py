"""A check of the data plane's answers against Microsoft's own description of it, where that lies beside this tree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "../shared/reference/examples"
SWAGGER = EXAMPLES / "iothub-dataplane-service.swagger.json"

# Keys that the description lacks and the service sends.
MORE_KEYS = {
    "Twin.modelId": "digital twins came after this description; twins of the service carry it",
    "Twin.x509Thumbprint.PrimaryThumbprint": "twins name thumbprints with a capital, identities do not (observed)",
    "Twin.x509Thumbprint.SecondaryThumbprint": "as above",
}
# Types: null stands for every unset text, as the service writes it; values of tags and properties are any JSON although
# the description says objects; times of identities have no zone.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z?")
TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "boolean": (bool,), "array": (list,)}


@pytest.fixture(scope="session")
def swagger() -> dict[str, Any]:
    if not SWAGGER.exists():
        pytest.skip("the data plane's description is not on this machine")
    return json.loads(SWAGGER.read_text())


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str) -> list[str]:
    """Return what in a JSON value is no key or not the type of a schema; empty when all fits."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return problems(value, root["definitions"][name], root, where or name)
    if value is None:
        return []
    kind = schema.get("type", "object")
    if kind in TYPES:
        wrong = not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool))
        if wrong or (schema.get("format") == "date-time" and not TIME.fullmatch(value)):
            return [f"{where}: {value!r} is no {schema.get('format', kind)}"]
        if "enum" in schema and value not in schema["enum"]:
            return [f"{where}: {value!r} is none of {schema['enum']}"]
        if kind == "array":
            return [p for item in value for p in problems(item, schema.get("items", {}), root, where)]
        return []
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no object"]
    found = []
    for key, inner in value.items():
        path = f"{where}.{key}"
        if key in schema.get("properties", {}):
            found += problems(inner, schema["properties"][key], root, path)
        elif "additionalProperties" not in schema and path not in MORE_KEYS:
            found.append(f"{path}: not in the description")
    return found

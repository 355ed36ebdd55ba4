"""Real azure-mgmt-iothub clients on a local hub, and a check of answers against the dump of the SDK's models.

A test module imports the fixture `arm`: an empty hub of its own, so that it may write what it likes.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.hub import HubRunner, request

EXAMPLES = Path(__file__).parents[2] / "../shared/reference/examples"
needs_examples = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the public example data is not beside this tree")


class ArmBench:
    """A running hub with a management client per principal, and raw calls."""

    def __init__(self, hub: HubRunner) -> None:
        self.runner = hub
        self.ready = hub.ready
        self.group: str = hub.ready["resource_group"]
        self.name: str = hub.ready["hub_name"]
        self.subscription: str = hub.ready["subscription_id"]
        self.hub_path: str = hub.ready["hub_arm_id"]

    @cache  # noqa: B019 - one bench per module
    def client(self, principal: str = "operator") -> Any:
        """Return the plain client, signed in with the principal's secret at the local token service."""
        from azure.identity import ClientSecretCredential
        from azure.mgmt.iothub import IotHubClient

        who = self.ready["principals"][principal]
        credential = ClientSecretCredential(
            self.ready["tenant_id"],
            who["client_id"],
            who["client_secret"],
            authority=self.ready["authority"],
            disable_instance_discovery=True,
            connection_verify=self.ready["ca_file"],
        )
        return IotHubClient(
            credential,
            self.subscription,
            base_url=self.ready["arm_endpoint"],
            connection_verify=self.ready["ca_file"],
            polling_interval=0,
            retry_total=0,
        )

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        principal: str = "operator",
        token: str | None = None,
        version: str = "2023-06-30",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], Any]:
        """Make one plain HTTPS call to the resource manager; `path` may carry a query."""
        url = self.ready["arm_endpoint"].rstrip("/") + path
        url += ("&" if "?" in path else "?") + f"api-version={version}"
        bearer = self.runner.token(principal) if token is None else token
        return request(url, ca_file=self.ready["ca_file"], method=method, token=bearer, body=body, headers=headers)

    def get(self, name: str | None = None) -> dict[str, Any]:
        """Read a hub as raw JSON through the SDK's own method."""
        found: dict[str, Any] = self.client().iot_hub_resource.get(self.group, name or self.name, cls=_json)
        return found

    def put(self, body: dict[str, Any], name: str | None = None, if_match: str | None = None) -> dict[str, Any]:
        """Write a hub as raw JSON through the SDK's own method, without waiting for the operation's end."""
        operations = self.client().iot_hub_resource
        stream = io.BytesIO(json.dumps(body).encode())
        poller = operations.begin_create_or_update(
            self.group, name or self.name, stream, if_match=if_match, polling=False, cls=_json
        )
        answer: dict[str, Any] = poller.result()
        return answer

    def change(self, **properties: Any) -> dict[str, Any]:
        """Read the hub, set properties, write it back with its ETag, and read it again."""
        body = self.get()
        body["properties"].update(properties)
        self.put(body, if_match=body["etag"])
        return self.get()


def _json(pipeline_response: Any, _model: Any, _headers: Any) -> Any:
    return pipeline_response.http_response.json()


@pytest.fixture(scope="module")
def arm() -> Iterator[ArmBench]:
    with HubRunner(scenario="empty", devices=0, seed=7) as hub:
        yield ArmBench(hub)


# --- answers against the SDK's models --------------------------------------------------------------------------------


@cache
def models() -> dict[str, Any]:
    dump = json.loads((EXAMPLES / "sdk-derived/azure-mgmt-iothub-4.0.0-v2023-06-30-models.json").read_text())
    found: dict[str, Any] = dump["models"]
    return found


def misfits(model: str, value: Any, path: str = "") -> list[str]:
    """Return what in a JSON value is no key or not the type of the model; empty when all fits."""
    if not isinstance(value, dict):
        return [f"{path or model}: not an object"]
    problems: list[str] = []
    for key, item in value.items():
        where = f"{path or model}.{key}"
        if key not in models()[model]:
            problems.append(f"{where}: no such key")
        else:
            problems += _type_misfits(models()[model][key]["type"], item, where)
    return problems


def _type_misfits(kind: str, value: Any, path: str) -> list[str]:
    if value is None or kind == "object":
        return []
    if kind[0] == "[":
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [p for n, item in enumerate(value) for p in _type_misfits(kind[1:-1], item, f"{path}[{n}]")]
    if kind[0] == "{":
        if not isinstance(value, dict):
            return [f"{path}: not a set of names"]
        return [p for key, item in value.items() for p in _type_misfits(kind[1:-1], item, f"{path}.{key}")]
    if kind in models():
        return misfits(kind, value, path)
    return [] if _is(kind, value) else [f"{path}: {value!r} is not {kind}"]


def _is(kind: str, value: Any) -> bool:
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "bool":
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if kind == "rfc-1123":
        return parsedate_to_datetime(value) is not None and value.endswith("GMT")
    if kind == "iso-8601":
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value))
    if kind == "duration":
        return bool(re.fullmatch(r"P(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?", value))
    assert kind == "str", kind
    return True

"""Clients of the data plane for tests: the real SDK's manager, plain HTTPS with chosen source address, own tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

import requests
from azure.core.credentials import AccessToken
from azure.iot.hub import IoTHubRegistryManager
from msrest.exceptions import HttpOperationError
from requests.adapters import HTTPAdapter
from support.hub import HubRunner

AUDIENCE = "https://iothubs.azure.net"
API = "api-version=2021-04-12"


class StaticCredential:
    """A token credential that gives one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3000)


class FromAddress(HTTPAdapter):
    """Sends from a chosen local address, to the host itself or to a proxy."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, source_address=(self._address, 0), **kwargs)


class PlainClient:
    """HTTPS with `requests`, without anything of the SDK. `via_proxy` uses the hub's real name through the proxy."""

    def __init__(
        self, runner: HubRunner, authorization: str | None, *, address: str | None = None, via_proxy: bool = False
    ) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = runner.ready["ca_file"]
        if authorization is not None:
            self.session.headers["Authorization"] = authorization
        if address is not None:
            self.session.mount("https://", FromAddress(address))
        self._base = f"https://{runner.hub.host if via_proxy else runner.ready['hub_host']}"
        if via_proxy:
            self.session.proxies = {"https": runner.ready["proxy"]}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        join = "&" if "?" in path else "?"
        return self.session.request(method, f"{self._base}{path}{join}{API}", json=body, headers=names, timeout=20)


def sas(host: str, policy: str | None, key: str, *, expires: int | None = None, resource: str = "") -> str:
    """Return a shared access signature made with our own code."""
    uri = quote_plus(host + resource)
    end = int(time.time()) + 600 if expires is None else expires
    digest = hmac.new(base64.b64decode(key), f"{uri}\n{end}".encode(), hashlib.sha256).digest()
    name = f"&skn={policy}" if policy else ""
    return f"SharedAccessSignature sr={uri}&sig={quote(base64.b64encode(digest).decode(), safe='')}&se={end}{name}"


def policy_sas(runner: HubRunner, policy: str = "iothubowner", **options: Any) -> str:
    """Return a signature of one of the hub's policies."""
    return sas(runner.hub.host, policy, runner.hub.policies[policy].primary_key, **options)


def operator(runner: HubRunner, **options: Any) -> PlainClient:
    """Return a plain client with the operator's token."""
    return PlainClient(runner, f"Bearer {runner.token('operator', AUDIENCE)}", **options)


def manager(
    runner: HubRunner, *, policy: str = "iothubowner", key: str | None = None, via_proxy: bool = False
) -> IoTHubRegistryManager:
    """Return the SDK's registry manager with a connection string."""
    host = runner.hub.host if via_proxy else runner.ready["hub_host"]
    key = key or runner.hub.policies[policy].primary_key
    text = f"HostName={host};SharedAccessKeyName={policy};SharedAccessKey={key}"
    return _prepared(runner, IoTHubRegistryManager.from_connection_string(text), via_proxy)


def token_manager(
    runner: HubRunner, principal: str = "operator", *, via_proxy: bool = False, lifetime: int = 3599
) -> IoTHubRegistryManager:
    """Return the SDK's registry manager with a token credential of a principal."""
    host = runner.hub.host if via_proxy else runner.ready["hub_host"]
    credential = StaticCredential(runner.token(principal, AUDIENCE, lifetime))
    return _prepared(runner, IoTHubRegistryManager.from_token_credential(host, credential), via_proxy)


def _prepared(runner: HubRunner, made: IoTHubRegistryManager, via_proxy: bool) -> IoTHubRegistryManager:
    config = made.protocol.config
    config.connection.verify = runner.ready["ca_file"]
    config.keep_alive = True
    config.proxies.use_env_settings = False
    if via_proxy:
        config.proxies.add("https", runner.ready["proxy"])
    return made


def refused(call: Callable[[], Any]) -> tuple[int, str, dict[str, Any]]:
    """Return (status, iothub-errorcode, body) of an SDK call that must fail."""
    try:
        call()
    except HttpOperationError as error:
        answer = error.response
        return answer.status_code, answer.headers.get("iothub-errorcode", ""), answer.json()
    raise AssertionError("the call was not refused")


def wait_until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return the first true value of a condition; fail after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("the condition never became true")


@contextmanager
def hub_properties(runner: HubRunner, **changes: Any) -> Iterator[None]:
    """Change properties of the hub's resource for a while."""
    hub = runner.hub

    def put(properties: dict[str, Any]) -> None:
        with hub.lock:
            hub.resource["properties"] = properties
            hub.network_changed += 1

    before = hub.resource["properties"]
    put({**before, **changes})
    try:
        yield
    finally:
        put(before)


def only(mask: str) -> dict[str, Any]:
    """Return a network rule set that allows one range."""
    rule = {"filterName": "only", "action": "Allow", "ipMask": mask}
    return {"defaultAction": "Deny", "applyToBuiltInEventHubEndpoint": True, "ipRules": [rule]}

"""The device registry through azure-iot-hub: raw JSON over the SDK's own pipeline, one TLS connection per thread."""

from __future__ import annotations

import json
import re
import threading
from typing import Any
from urllib.parse import quote

from console.gateways.answers import BadStatusError, Target, read_answer
from console.gateways.credentials import SignIn
from console.gateways.errors import Failure, RefusedError
from console.gateways.imports import IMPORTING
from console.gateways.mapping import detail_from, device_from_twin
from console.gateways.shapes import answers_of
from console.gateways.transport import CONNECT_TIMEOUT, READ_TIMEOUT, Transport
from console.model.device import DeviceDetail
from console.model.errors import ConsoleError, ErrorKind
from console.model.fleet_snapshot import FleetPage
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel, QueryPage

_COUNTS = re.compile(r"COUNT\(\) AS (\w+)")
_PARAMS = {"api-version": "2021-04-12"}


@answers_of("the hub")
class RegistryGateway:
    """Reads identities, twins and queries of one hub, by connection string or by Entra token.

    `address` is host and port; empty with a connection string, whose own host is used.
    """

    def __init__(self, transport: Transport, sign_in: SignIn, address: str) -> None:
        self._transport = transport
        self._sign_in = sign_in
        self._address = address
        self._lock = threading.Lock()
        self._protocol: Any = None

    def query(
        self, text: str, *, continuation: str | None = None, page_size: int = 1000, cancel: Cancel = NEVER_CANCELLED
    ) -> QueryPage:
        """Run one page of an IoT Hub query; rows that are twins come as devices, others as they are."""
        headers = {"x-ms-max-item-count": str(page_size)}
        if continuation:
            headers["x-ms-continuation"] = continuation
        what = "The device query failed"
        response = self._send(what, "POST", "/devices/query", cancel, headers, {"query": text})
        rows = _json(response, what)
        if not isinstance(rows, list):
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the hub's answer is not a list", "Check the hub's address")
        following = response.headers.get("x-ms-continuation") or None
        if text.casefold().lstrip().startswith("select * "):
            return QueryPage(devices=tuple(device_from_twin(row) for row in rows), continuation=following)
        counts = _COUNTS.findall(text)
        if not all(isinstance(row, dict) and all(_is_count(row.get(name, 0)) for name in counts) for row in rows):
            why = "the hub's answer holds something else than the rows that were asked for"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check the hub's address")
        return QueryPage(rows=tuple(rows), continuation=following)

    def fleet_page(self, continuation: str, size: int, cancel: Cancel = NEVER_CANCELLED) -> FleetPage:
        """Return one page of all twins as rows to keep; a throttled call is not repeated here. Raises ConsoleError."""
        from console.gateways.fleet_pages import rows_of

        what = "The device query failed"
        headers = {"Accept": "application/json", "x-ms-max-item-count": str(size)}
        if continuation:
            headers["x-ms-continuation"] = continuation

        def call() -> FleetPage:
            client = self._client()
            request = client.post("/devices/query", _PARAMS, headers, {"query": "SELECT * FROM devices"})
            response = client.send(request, stream=False)
            if response.status_code != 200:
                raise BadStatusError(read_answer(response))
            body = response.content
            try:
                rows = rows_of(body)
            except ValueError:
                why = "the hub's answer is not a page of twins"
                raise RefusedError(
                    Failure(ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check the hub's address"))
                ) from None
            return FleetPage(rows, response.headers.get("x-ms-continuation") or "", len(body))

        target = self._target(_operation("POST", "/devices/query"))
        return self._transport.read(what, target, cancel, call, tries=1)

    def device(self, device_id: str, cancel: Cancel = NEVER_CANCELLED) -> DeviceDetail:
        """Read one identity, its twin and its module names afresh.

        Raises ConsoleError NOT_FOUND when the registry has no such device (the query index may still show it).
        """
        what = f"The device {clean(device_id, limit=128)} could not be read"
        path = quote(device_id, safe="")
        try:
            identity = _json(self._send(what, "GET", f"/devices/{path}", cancel), what)
        except ConsoleError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            why = "the registry has no such device"
            hint = "A deleted device stays in query results for a while; refresh the list"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, why, hint, status=404, code=error.code) from error
        twin = _json(self._send(what, "GET", f"/twins/{path}", cancel), what)
        modules = _json(self._send(what, "GET", f"/devices/{path}/modules", cancel), what)
        names = tuple(clean(module.get("moduleId")) for module in modules) if isinstance(modules, list) else ()
        return detail_from(identity, twin, names)

    def identity(self, device_id: str, cancel: Cancel = NEVER_CANCELLED) -> dict[str, Any] | None:
        """Return an identity as the registry writes it, keys and unknown members too; None when there is none.

        `deviceId/moduleId` reads a module: no device id has a slash in it.
        """
        device, _, module = device_id.partition("/")
        noun = "module" if module else "device"
        what = f"The {noun} {clean(device_id, limit=256)} could not be read"
        path = f"/devices/{quote(device, safe='')}" + (f"/modules/{quote(module, safe='')}" if module else "")
        try:
            body = _json(self._send(what, "GET", path, cancel), what)
        except ConsoleError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise
        return _mapping(body, what)

    def put_identity(self, device_id: str, body: dict[str, Any], etag: str, cancel: Cancel) -> dict[str, Any]:
        """Replace an identity that still has `etag`, or create it (empty `etag`, a conflict where it is), once.

        Return it as written. Raises ConsoleError.
        """
        done = "changed" if etag else "created"
        what = f"The device {clean(device_id, limit=128)} could not be {done}"
        headers = {"If-Match": f'"{etag}"'} if etag else {}
        response = self._write(what, "PUT", f"/devices/{quote(device_id, safe='')}", cancel, headers, body)
        return _mapping(_json(response, what), what)

    def delete_identity(self, device_id: str, etag: str, cancel: Cancel) -> None:
        """Delete an identity that still has `etag`, once. Raises ConsoleError."""
        what = f"The device {clean(device_id, limit=128)} could not be deleted"
        self._write(what, "DELETE", f"/devices/{quote(device_id, safe='')}", cancel, {"If-Match": f'"{etag}"'})

    def _write(
        self,
        what: str,
        method: str,
        path: str,
        cancel: Cancel,
        headers: dict[str, str],
        body: dict[str, Any] | None = None,
    ) -> Any:
        def call() -> Any:
            client = self._client()
            make = client.delete if method == "DELETE" else client.put
            request = make(path, _PARAMS, {"Accept": "application/json", **headers}, body)
            response = client.send(request, stream=False)
            if response.status_code not in {200, 201, 204}:
                raise BadStatusError(read_answer(response))
            return response

        target = self._target(_operation(method, path), "IoT Hub Registry Contributor (on the hub)")
        return self._transport.write(what, target, cancel, call)

    def _target(self, operation: str, role: str = "IoT Hub Data Reader (on the hub)") -> Target:
        host = self._address
        by_key = self._transport.profile.data_plane_only
        if by_key and not host:
            host = self._sign_in.connection_string().host
        return Target("the hub", host, role, is_hub=True, by_key=by_key, operation=operation)

    def _send(
        self,
        what: str,
        method: str,
        path: str,
        cancel: Cancel,
        headers: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> Any:
        def call() -> Any:
            client = self._client()
            make = client.post if method == "POST" else client.get
            request = make(path, _PARAMS, {"Accept": "application/json", **(headers or {})}, body)
            response = client.send(request, stream=False)
            if response.status_code != 200:
                raise BadStatusError(read_answer(response))
            return response

        return self._transport.read(what, self._target(_operation(method, path)), cancel, call)

    def _client(self) -> Any:
        with self._lock:
            if self._protocol is None:
                self._protocol = self._build()
            return self._protocol._client

    def _build(self) -> Any:
        try:
            with IMPORTING:  # and no longer: building the manager asks for a token
                from azure.iot.hub import IoTHubRegistryManager
        except ImportError as error:
            why = f"azure-iot-hub cannot be loaded here ({clean(error)})"
            hint = "Its dependency uamqp has packages for Linux x86_64 and Windows with Python 3.11 to 3.13 only"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The registry cannot be read", why, hint) from error
        if self._transport.profile.data_plane_only:
            string = self._sign_in.connection_string()
            text = string.text.reveal()
            if self._address:
                text = text.replace(f"HostName={string.host}", f"HostName={self._address}", 1)
            manager = IoTHubRegistryManager.from_connection_string(text)
        else:
            manager = IoTHubRegistryManager.from_token_credential(self._address, self._sign_in)
        config = manager.protocol.config
        config.keep_alive = True  # else a TLS handshake for every call
        config.connection.verify = self._transport.verify
        config.connection.timeout = (CONNECT_TIMEOUT, READ_TIMEOUT)
        config.proxies.use_env_settings = False
        for scheme, url in self._transport.proxies.items():
            config.proxies.add(scheme, url)
        config.retry_policy.retries = 0
        config.retry_policy.policy.status_forcelist = []
        config.retry_policy.policy.respect_retry_after_header = False
        config.redirect_policy.allow = False
        session = self._transport.session([f"https://{self._address or self._sign_in.connection_string().host}"])

        def ours(used: Any, *_: Any, **options: Any) -> Any:
            for scheme, adapter in session.adapters.items():  # the SDK makes a session for each thread
                used.adapters[scheme] = adapter
            return options

        config.session_configuration_callback = ours
        # Only the HTTPS half is kept: the AMQP half, freed when the interpreter is half gone, complains on stderr.
        return manager.protocol


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _operation(method: str, path: str) -> str:
    """Return the data operation that a call needs (Azure's document on access control of IoT Hub by Entra)."""
    if path.startswith(("/twins/", "/devices/query")):
        return "Microsoft.Devices/IotHubs/twins/read"
    verb = {"PUT": "write", "DELETE": "delete"}.get(method, "read")
    return f"Microsoft.Devices/IotHubs/devices/{verb}"


def _json(response: Any, what: str) -> Any:
    try:
        return json.loads(read_answer(response).text)
    except ValueError:
        why = "the answer is a web page or broken JSON, not the hub's"
        hint = "A proxy or sign-in portal may stand in between, or the host in the profile is not this hub"
        raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, hint, status=response.status_code) from None


def _mapping(body: Any, what: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the hub's answer is no identity", "Check the hub's address")
    return body

"""One azure-core pipeline to the resource manager, and the policies that the IoT Hub SDK shares with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from console.gateways.answers import Answer, BadStatusError, Target, read_answer
from console.gateways.credentials import SignIn
from console.gateways.imports import IMPORTING
from console.gateways.shapes import answers_of
from console.gateways.transport import Transport
from console.model.address import led_to, same_place
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.services.paging import Pages
from console.services.ports import Cancel

USER_AGENT = "hubwarden"


@answers_of("the resource manager")
class Arm:
    """Plain calls of the resource manager by path: reads, every page, and single writes; the client is built late."""

    def __init__(self, transport: Transport, sign_in: SignIn) -> None:
        self.transport = transport
        self.sign_in = sign_in
        self._lock = threading.Lock()
        self._client: Any = None

    def target(self, role: str = "Reader (on the hub)") -> Target:
        """The resource manager, with the role that a call needs."""
        host = self.transport.profile.arm_endpoint.removeprefix("https://")
        return Target("the resource manager", host, role)

    def policies(self) -> list[Any]:
        """Return a fresh policy list: no own retries, no registration of resource providers behind our back."""
        with IMPORTING:
            from azure.core.pipeline import policies
            from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

        scope = f"{self.transport.profile.azure.arm_audience}/.default"
        return [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy(USER_AGENT),
            policies.ProxyPolicy(proxies=self.transport.proxies or None),
            policies.ContentDecodePolicy(),
            ARMChallengeAuthenticationPolicy(self.sign_in, scope),
            policies.SensitiveHeaderCleanupPolicy(),
        ]

    def get(self, what: str, path: str, params: dict[str, str], cancel: Cancel, *, role: str = "") -> Any:
        """Return the JSON of one GET. `path` begins with a slash; `params` hold the api-version.

        Raises ConsoleError.
        """
        url = self.transport.profile.arm_endpoint + path
        return self._get(what, url, params, cancel, role)

    def pages(self, what: str, path: str, params: dict[str, str], cancel: Cancel, *, role: str = "") -> Iterator[Any]:
        """Yield the items of `value` of every page, following `nextLink`. Raises ConsoleError."""
        arm = self.transport.profile.arm_endpoint
        url, query = arm + path, params
        pages = Pages(what, "the resource manager")
        pages.follow(url)
        while True:
            body = self._get(what, url, query, cancel, role)
            items = body.get("value", []) if isinstance(body, dict) else body
            if not isinstance(items, list):
                raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer is not a list", "Check the endpoints")
            yield from items
            following = body.get("nextLink") if isinstance(body, dict) else None
            if not following:
                return
            if not isinstance(following, str) or not same_place(following, arm):
                led = clean(led_to(arm, str(following)), limit=200)
                why = f"the resource manager names {led} for the next page, which is not asked"
                raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check the endpoints in the profile")
            url, query = pages.follow(following), {}

    def post(self, what: str, path: str, params: dict[str, str], cancel: Cancel, *, role: str = "") -> Any:
        """Return the JSON of a POST that only reads (listKeys). Raises ConsoleError."""
        url = self.transport.profile.arm_endpoint + path
        return self._read("POST", what, url, params, cancel, role)

    def ask(self, what: str, path: str, params: dict[str, str], body: dict[str, Any], cancel: Cancel) -> Any:
        """Return the JSON of a POST that asks a question (Resource Graph) and changes nothing. Raises ConsoleError."""
        return self._read("POST", what, self.transport.profile.arm_endpoint + path, params, cancel, "", body)

    def send(
        self,
        what: str,
        method: str,
        path: str,
        params: dict[str, str],
        cancel: Cancel,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        role: str = "",
    ) -> tuple[Answer, Any]:
        """Send one write, once; return the answer and its JSON (None where there is none). Raises ConsoleError."""

        def call() -> tuple[Answer, Any]:
            with IMPORTING:
                from azure.core.rest import HttpRequest

            url = self.transport.profile.arm_endpoint + path
            request = HttpRequest(method, url, params=params, json=body, headers=headers or {})
            response = self._pipeline().send_request(request)
            answer = read_answer(response)
            if answer.status not in {200, 201, 202, 204}:
                raise BadStatusError(answer)
            return answer, response.json() if answer.text.strip() else None

        target = self.target(role) if role else self.target()
        return self.transport.write(what, target, cancel, call)

    def poll(self, what: str, url: str, cancel: Cancel) -> tuple[Answer, Any]:
        """Ask once how a long-running operation stands. Raises ConsoleError, also for another host than ours."""
        if not same_place(url, self.transport.profile.arm_endpoint):
            led = clean(led_to(self.transport.profile.arm_endpoint, url), limit=200)
            why = f"the resource manager names {led} to ask for the operation, which is not asked"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Read the resource again")

        def call() -> tuple[Answer, Any]:
            with IMPORTING:
                from azure.core.rest import HttpRequest

            response = self._pipeline().send_request(HttpRequest("GET", url))
            answer = read_answer(response)
            if answer.status not in {200, 201, 202, 204}:
                raise BadStatusError(answer)
            return answer, response.json() if answer.text.strip() else None

        return self.transport.read(what, self.target(), cancel, call)

    def _get(self, what: str, url: str, params: dict[str, str], cancel: Cancel, role: str) -> Any:
        return self._read("GET", what, url, params, cancel, role)

    def _read(
        self,
        method: str,
        what: str,
        url: str,
        params: dict[str, str],
        cancel: Cancel,
        role: str,
        body: dict[str, Any] | None = None,
    ) -> Any:
        def call() -> Any:
            with IMPORTING:
                from azure.core.rest import HttpRequest

            response = self._pipeline().send_request(HttpRequest(method, url, params=params, json=body))
            answer = read_answer(response)
            if answer.status != 200:
                raise BadStatusError(answer)
            return response.json()

        target = self.target(role) if role else self.target()
        return self.transport.read(what, target, cancel, call)

    def _pipeline(self) -> Any:
        with self._lock, IMPORTING:
            if self._client is None:
                from azure.mgmt.core import ARMPipelineClient

                self._client = ARMPipelineClient(
                    base_url=self.transport.profile.arm_endpoint,
                    policies=self.policies(),
                    **self.transport.core_options([self.transport.profile.arm_endpoint]),
                )
            return self._client

"""A provisioning service's two APIs over real sockets: plain HTTPS with a chosen token and source address."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import requests
from support.hub import HubRunner
from support.registry import FromAddress, sas

from console.localhub.state import ProvisioningState

AUDIENCE = "https://azure-devices-provisioning.net"
API = "api-version=2021-10-01"


class Dps:
    """Calls on the provisioning service of a running local hub; by default with the operator's token."""

    def __init__(self, runner: HubRunner) -> None:
        self.runner = runner
        self.host = f"localhost:{runner.ready['dps_host'].rpartition(':')[2]}"

    @property
    def state(self) -> ProvisioningState:
        return next(iter(self.runner.cloud.provisioning.values()))

    def bearer(self, principal: str = "operator", lifetime: int = 3599) -> str:
        return f"Bearer {self.runner.token(principal, AUDIENCE, lifetime)}"

    def signed(self, policy: str, *, key: str | None = None, **options: Any) -> str:
        """Return a signature by one of the service's policies, for the service's real name unless `host` is given."""
        own = self.state.policies.get(policy)
        return sas(options.pop("host", self.state.host), policy, key or own.primary_key, **options)

    def __call__(
        self, method: str, path: str, body: Any = None, *, auth: str | None = "", address: str = "", **headers: str
    ) -> requests.Response:
        """Make a call; `auth` "" stands for the operator's token, None for no header at all."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if auth is not None:
            names["Authorization"] = auth or self.bearer()
        with requests.Session() as session:
            session.trust_env = False
            session.verify = self.runner.ready["ca_file"]
            if address:
                session.mount("https://", FromAddress(address))
            url = f"https://{self.host}{path}" + ("" if "?" in path else f"?{API}")
            return session.request(method, url, json=body, headers=names, timeout=20)

    def put(self, path: str, attestation: Any, etag: str = "", **more: Any) -> requests.Response:
        """Write an enrollment or group, its id taken from the path."""
        collection, name = path.strip("/").split("/")
        body = {"enrollmentGroupId" if collection == "enrollmentGroups" else "registrationId": name, **more}
        return self("PUT", path, {"attestation": attestation, **body}, **({"If_Match": etag} if etag else {}))

    def device_token(self, registration_id: str, key: str) -> str:
        """Return the token that a device signs its registration with."""
        resource = f"{self.state.id_scope}/registrations/{registration_id}"
        return sas(resource, "registration", key, expires=int(time.time()) + 60)

    def device(self, method: str, registration_id: str, rest: str, token: str | None, body: Any = None) -> Any:
        """Make a call to the device API."""
        path = f"/{self.state.id_scope}/registrations/{quote(registration_id, safe='')}{rest}"
        return self(method, path, body, auth=token)


def told(answer: requests.Response) -> tuple[int, int]:
    """Return a refusal's status and number, once its body has the service's shape and repeats it in the header."""
    body = answer.json()
    assert body.keys() == {"errorCode", "trackingId", "message", "timestampUtc"}
    assert answer.headers["x-ms-error-code"] == str(body["errorCode"])
    return answer.status_code, body["errorCode"]

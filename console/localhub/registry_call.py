"""One call to the data plane: what handlers get, and what they give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from console.localhub import wire_json
from console.localhub.registry_errors import RegistryError, argument_invalid, etag_invalid
from console.localhub.state import Cloud, HubState, Json

if TYPE_CHECKING:
    from console.localhub.query import QueryIndex
    from console.localhub.switchboard import Switchboard


@dataclass
class Call:
    """A request that was let in. `segments` are the path's parts, decoded one by one; header names are lower case."""

    cloud: Cloud
    hub: HubState
    index: QueryIndex
    method: str
    path: str  # as sent
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    board: Switchboard | None = None
    by_policy: bool = False  # signed by a shared access policy, not by a token of Entra

    def json(self) -> Any:
        """Return the body; raises 400 when it is no JSON."""
        try:
            return wire_json.loads(self.body)
        except ValueError:
            raise RegistryError(400, "IotHubFormatError", "The request body is not valid JSON.") from None

    def json_object(self) -> Json:
        """Return the body, which must be a JSON object."""
        value = self.json()
        if not isinstance(value, dict):
            raise argument_invalid("The request body must be a JSON object.")
        return value

    @property
    def if_match(self) -> str | None:
        """The If-Match header without quotes; None when absent. `*` and `"*"` both mean any."""
        text = self.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
        return text or None

    def check_etag(self, current: str, *, required: bool = False) -> None:
        """Raise 412 unless If-Match is absent (and not `required`), `*`, or the current ETag."""
        wanted = self.if_match
        if wanted is None and not required:
            return
        if wanted not in {"*", current}:
            raise etag_invalid()

    def now(self) -> str:
        """Return the story's time as records keep it."""
        return timestamp(self.cloud.clock.story())


@dataclass(frozen=True)
class Answer:
    """What is sent back. `body` is written as JSON; bytes are sent as they are, None sends no body."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def timestamp(moment: datetime) -> str:
    """Return a UTC time with the service's seven decimals and Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")

"""The gateways of one profile, made once and shared; imported when the first of them is used."""

from __future__ import annotations

from functools import cached_property

from console.config import Profile
from console.config_secrets import Prompt
from console.gateways.arm import Arm
from console.gateways.credentials import SignIn
from console.gateways.logs import LogsGateway
from console.gateways.registry import RegistryGateway
from console.gateways.resource_manager import HubGateway
from console.gateways.transport import BUDGET, Transport
from console.services.ports import CallMeter


class Wiring:
    """Builds gateways that share one credential, one meter and one transport."""

    def __init__(self, profile: Profile, meter: CallMeter, prompt: Prompt | None, retry_budget: float | None) -> None:
        self._profile = profile
        self._transport = Transport(profile, meter, budget=BUDGET if retry_budget is None else retry_budget)
        self.sign_in = SignIn(self._transport, prompt=prompt)

    @cached_property
    def _arm(self) -> Arm:
        return Arm(self._transport, self.sign_in)

    def hub(self, name: str) -> HubGateway:
        """Return the control plane of the hub."""
        return HubGateway(self._arm, hub_name=name, arm_id=self._profile.arm_id)

    def registry(self, address: str) -> RegistryGateway:
        """Return the data plane of the hub at an address (host and, where it is not 443, port)."""
        return RegistryGateway(self._transport, self.sign_in, address)

    def logs(self, workspace: str) -> LogsGateway:
        """Return the logs of a workspace by its id (GUID)."""
        return LogsGateway(self._transport, self.sign_in, workspace)

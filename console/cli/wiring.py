"""The gateways of one profile, made once and shared; imported when the first of them is used."""

from __future__ import annotations

from functools import cached_property

from console.config import Profile
from console.config_secrets import Prompt
from console.gateways.arm import Arm
from console.gateways.authorization import AuthorizationGateway
from console.gateways.credentials import SignIn
from console.gateways.documents import DocumentGateway
from console.gateways.hub_list import HubListGateway
from console.gateways.logs import LogsGateway
from console.gateways.network import NetworkGateway
from console.gateways.provisioning import EnrollmentGateway
from console.gateways.provisioning_links import ProvisioningGateway
from console.gateways.registration import RegistrarGateway
from console.gateways.registry import RegistryGateway
from console.gateways.remote import RemoteGateway
from console.gateways.resource_manager import HubGateway
from console.gateways.transport import BUDGET, Transport
from console.services.ports import CallMeter


class Wiring:
    """Builds gateways that share one credential, one meter and one transport."""

    def __init__(self, profile: Profile, meter: CallMeter, prompt: Prompt | None, retry_budget: float | None) -> None:
        self._profile = profile
        self._transport = Transport(
            profile, meter, budget=BUDGET if retry_budget is None else retry_budget, prompt=prompt
        )
        self.sign_in = SignIn(self._transport, prompt=prompt)

    @property
    def _address(self) -> str:
        """Host of the data plane, and port where it is not 443; empty when the profile names none."""
        if self._profile.data_plane_only and not self._profile.hub_address:
            return self.sign_in.connection_string().host
        return self._profile.hub_address

    @cached_property
    def arm(self) -> Arm:
        """The resource manager by path."""
        return Arm(self._transport, self.sign_in)

    @cached_property
    def hub(self) -> HubGateway:
        """The control plane of the hub."""
        return HubGateway(self.arm, hub_name=self._profile.hub_name, arm_id=self._profile.arm_id)

    @cached_property
    def registry(self) -> RegistryGateway | None:
        """The data plane of the hub; None when the profile names no host."""
        return RegistryGateway(self._transport, self.sign_in, self._address) if self._address else None

    @cached_property
    def hubs(self) -> HubListGateway:
        """Every hub of the credential."""
        return HubListGateway(self.arm)

    @cached_property
    def documents(self) -> DocumentGateway:
        """Every resource whole."""
        return DocumentGateway(self.arm, self.hub, self.registry, self.enrollments)

    @cached_property
    def provisioning(self) -> ProvisioningGateway:
        """The provisioning services that link the hub."""
        return ProvisioningGateway(self.arm, self.hub)

    @cached_property
    def enrollments(self) -> EnrollmentGateway:
        """What provisioning services hold."""
        return EnrollmentGateway(self.arm, self.hub)

    @cached_property
    def registrar(self) -> RegistrarGateway:
        """The device API of provisioning services."""
        profile = self._profile
        return RegistrarGateway(
            ca_file=profile.ca_file, proxy=profile.proxy, moved=profile.endpoints.dps, login=self._transport.login
        )

    @cached_property
    def network(self) -> NetworkGateway:
        """Private endpoints and provisioning services."""
        return NetworkGateway(self.arm, self.hub)

    @cached_property
    def access(self) -> AuthorizationGateway:
        """Roles and who has them."""
        return AuthorizationGateway(self.arm)

    @cached_property
    def remote(self) -> RemoteGateway:
        """Hosts that speak TLS."""
        return RemoteGateway(self._profile.proxy, self._transport.login)

    def logs(self, workspace: str) -> LogsGateway:
        """Return the logs of a workspace by its id (GUID)."""
        return LogsGateway(self._transport, self.sign_in, workspace)

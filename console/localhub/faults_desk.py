"""Trouble on purpose where devices register: assignments that fail or never end; throttling also over MQTT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.localhub.fault_answers import error_body, throttle_body
from console.localhub.faults import Faults
from console.localhub.log_store import LogStore
from console.localhub.provisioning_desk import DeskAnswer, DeviceCaller, RegistrationDesk
from console.localhub.state import Cloud, Json

if TYPE_CHECKING:
    from console.localhub.provisioning_attest import Proof
    from console.localhub.provisioning_state import RegistrationRecord
    from console.localhub.state import ProvisioningState

ENDPOINT = "dps"
FAILED = (500000, "The device could not be assigned.")  # number and text are ours


class FaultyDesk(RegistrationDesk):
    """The desk, with faults in its way. Paths and methods are those of the HTTP API, whatever the protocol."""

    def __init__(self, cloud: Cloud, store: LogStore, faults: Faults, **more: Any) -> None:
        super().__init__(cloud, store, **more)
        self._faults = faults

    def register(self, caller: DeviceCaller, body: Json) -> DeskAnswer:
        """Begin a registration."""
        return self._trouble(caller, "register", "PUT") or super().register(caller, body)

    def operation(self, caller: DeviceCaller, operation_id: str) -> DeskAnswer:
        """Tell how a registration stands: for ever `assigning`, if a fault wants it so."""
        path = f"operations/{operation_id}"
        if (trouble := self._trouble(caller, path, "GET")) is not None:
            return trouble
        answer = super().operation(caller, operation_id)
        if answer.status != 200:
            return answer
        if self._faults.take("assigning-forever", ENDPOINT, _path(caller, path), "GET"):
            return DeskAnswer(202, {"operationId": operation_id, "status": "assigning"}, self.poll_after)
        return answer

    def _carry_out(
        self,
        service: ProvisioningState,
        caller: DeviceCaller,
        proof: Proof,
        found: RegistrationRecord,
        visit: Any,
    ) -> None:
        if proof.enrollment.enabled and self._faults.take(
            "assignment-fails", ENDPOINT, _path(caller, "register"), "PUT"
        ):
            found.status = "failed"
            found.error_code, found.error_message = FAILED
            return
        super()._carry_out(service, caller, proof, found, visit)

    def _trouble(self, caller: DeviceCaller, path: str, method: str) -> DeskAnswer | None:
        """Return a throttle's or server error's answer over MQTT; over HTTP they never come as far as here."""
        if caller.protocol == "Https":
            return None
        path, now = _path(caller, path), self.cloud.clock.wall()
        if fault := self._faults.take("throttle", ENDPOINT, path, method):
            return DeskAnswer(429, throttle_body(ENDPOINT, now)[0], fault.retry_after)
        if fault := self._faults.take("server-error", ENDPOINT, path, method):
            return DeskAnswer(fault.status, error_body(ENDPOINT, fault.status, now)[0], fault.retry_after)
        return None


def _path(caller: DeviceCaller, rest: str) -> str:
    return f"/{caller.id_scope}/registrations/{caller.registration_id}/{rest}"

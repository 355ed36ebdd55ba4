"""CA certificates of a provisioning service (api 2022-12-12): as a hub's, and enrollment groups may refer to them."""

from __future__ import annotations

from console.localhub.arm_certificates import Store, certificate_routes
from console.localhub.arm_core import PROVISIONING, Call

KIND = "Microsoft.Devices/provisioningServices"


def _of_service(call: Call) -> Store:
    return Store(call.provisioning(), call.cloud.lock, lambda: None)


ROUTES = certificate_routes(PROVISIONING, KIND, _of_service)

"""The provisioning services' HTTPS side: the service API and the device API."""

from __future__ import annotations

from starlette.applications import Starlette

from console.localhub.faults import Faults
from console.localhub.provisioning_desk import RegistrationDesk
from console.localhub.state import Cloud


def make_app(cloud: Cloud, desk: RegistrationDesk, faults: Faults) -> Starlette:
    """Return the application of every provisioning service in the cloud."""
    del cloud, desk, faults
    return Starlette()

"""A connection string that names two hosts, policies or keys is not used: which is meant nobody can tell."""

from __future__ import annotations

import base64

import pytest

from console.model.errors import ConsoleError
from console.model.secret import Secret
from console.services.hub_string import of_profile

KEY = base64.b64encode(bytes(range(64, 96))).decode()
OWN = "contoso-plants.azure-devices.net"
WHOLE = f"HostName={OWN};SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}"


def used(text: str) -> str:
    return of_profile(Secret(text), name="contoso-plants", suffix="azure-devices.net", hosts=[]).host


@pytest.mark.parametrize(
    "text",
    [
        f"HostName=other.azure-devices.net;{WHOLE}",
        f"{WHOLE};hostname={OWN}",
        f"{WHOLE};SharedAccessKeyName=service",
        f"SharedAccessKey={KEY};{WHOLE}",
    ],
)
def test_a_part_that_is_there_twice_is_refused(text: str) -> None:
    assert used(WHOLE) == OWN
    with pytest.raises(ConsoleError, match="twice") as told:
        used(text)
    assert KEY not in str(told.value)

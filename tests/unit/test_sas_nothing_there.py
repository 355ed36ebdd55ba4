"""A token that its key fits is not valid where nothing can be what it is for: a host, an id, a policy."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from console.model.secret import Secret
from console.model.token import Verdict
from console.services.tokens import Tokens

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
HOST = "contoso-plants.azure-devices.net"
RAW = bytes(range(32))
KEY = Secret(base64.b64encode(RAW).decode())


def verdict(resource: str, policy: str = "") -> Verdict:
    sent = quote(resource, safe="")
    expiry = int(NOW.timestamp()) + 3600
    made = base64.b64encode(hmac.digest(RAW, f"{sent}\n{expiry}".encode(), "sha256")).decode()
    token = f"SharedAccessSignature sr={sent}&sig={quote(made, safe='')}&se={expiry}"
    return Tokens(None, None, None, lambda: NOW).explain(token + (f"&skn={policy}" if policy else ""), key=KEY).verdict


@pytest.mark.parametrize(
    "resource",
    [
        *(
            f"{HOST}/devices/{own}"
            for own in ("{deviceId}", "<device-id>", "press 1", "press-1 ", "press-1\n", "pressé")
        ),
        *(f"{HOST}/devices/{'a' * 129}", f"{HOST}/devices/press-1/modules/[module]"),
        *(
            f"{host}/devices/press-1"
            for host in ("{hub}.azure-devices.net", "contoso..azure-devices.net", "con toso.net")
        ),
        *(
            f"{host}/devices/press-1"
            for host in ("contoso.azure-device.net", f"{HOST}.example.com", "azure-devices.net")
        ),
        "0ne00A1B2C3/registrations/press 1",
    ],
)
def test_what_cannot_be_there_is_not_opened(resource: str) -> None:
    assert verdict(resource, "registration" if "registrations" in resource else "") is Verdict.WRONG_RESOURCE


@pytest.mark.parametrize("policy", ["%20", "iothubowner%20", "%09service"])
def test_a_policy_with_a_blank_at_its_end_is_none(policy: str) -> None:
    assert verdict(HOST, policy) is Verdict.MALFORMED


@pytest.mark.parametrize(
    "resource",
    [
        *(f"{HOST}/devices/{own}" for own in ("press-1", "A.b_c*?!(),:=@$'d", "old+#;ids", "100%", "a" * 128, "a~b")),
        *(f"{HOST}/devices/press-1/modules/$edgeAgent", f"{HOST.upper()}/devices/press-1", f"{HOST}./devices/press-1"),
        *(f"{host}/devices/d" for host in ("contoso.azure-devices.cn", "contoso.azure-devices.us", "localhost:8443")),
        *(f"{host}/devices/d" for host in ("contoso.service.azure-devices.net", "127.0.0.1:8443", "hub.example.com")),
    ],
)
def test_what_can_be_there_is_opened(resource: str) -> None:
    assert verdict(resource) is Verdict.VALID


def test_a_registration_and_a_policy_are_opened() -> None:
    assert verdict("0ne00A1B2C3/registrations/press-1", "registration") is Verdict.VALID
    assert verdict(HOST, "iothubowner") is Verdict.VALID

"""Hosts that speak TLS: the certificates that they present, as sent."""

from __future__ import annotations

from console.services.ports import NEVER_CANCELLED, Cancel


class RemoteGateway:
    """Asks hosts for their certificates, through the profile's proxy where it has one."""

    def __init__(self, proxy: str = "") -> None:
        self._proxy = proxy

    def certificates(
        self, host: str, port: int, server_name: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> tuple[tuple[bytes, ...], str]:
        """Return the certificates of a host (DER, as sent) and its protocol and cipher."""
        raise NotImplementedError

"""Where each of Azure's clouds answers, and which audience a token needs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud. Endpoints are URLs without a trailing slash; audiences are what tokens are issued for.

    `hub_suffix` completes a hub's name to its host name. A profile may move an endpoint; the audience stays as it is.
    """

    name: str
    arm: str
    arm_audience: str
    authority: str
    logs: str
    logs_audience: str
    hub_suffix: str
    hub_audience: str
    dps: str
    dps_audience: str = "https://azure-devices-provisioning.net"  # the documentation knows one for every cloud


PUBLIC = Cloud(
    name="public",
    arm="https://management.azure.com",
    arm_audience="https://management.azure.com",
    authority="https://login.microsoftonline.com",
    logs="https://api.loganalytics.io",
    logs_audience="https://api.loganalytics.io",
    hub_suffix="azure-devices.net",
    hub_audience="https://iothubs.azure.net",
    dps="https://global.azure-devices-provisioning.net",
)
CHINA = Cloud(
    name="china",
    arm="https://management.chinacloudapi.cn",
    arm_audience="https://management.chinacloudapi.cn",
    authority="https://login.chinacloudapi.cn",
    logs="https://api.loganalytics.azure.cn",
    logs_audience="https://api.loganalytics.azure.cn",
    hub_suffix="azure-devices.cn",
    # the SDK and the documentation know one data-plane audience for every cloud
    hub_audience="https://iothubs.azure.net",
    dps="https://global.azure-devices-provisioning.cn",
)
US_GOVERNMENT = Cloud(
    name="usgov",
    arm="https://management.usgovcloudapi.net",
    arm_audience="https://management.usgovcloudapi.net",
    authority="https://login.microsoftonline.us",
    logs="https://api.loganalytics.us",
    logs_audience="https://api.loganalytics.us",
    hub_suffix="azure-devices.us",
    hub_audience="https://iothubs.azure.net",
    dps="https://global.azure-devices-provisioning.us",
)
CLOUDS: Mapping[str, Cloud] = MappingProxyType({cloud.name: cloud for cloud in (PUBLIC, CHINA, US_GOVERNMENT)})

KNOWN_AUTHORITIES = frozenset(
    {
        "https://login.microsoftonline.com",
        "https://login.chinacloudapi.cn",
        "https://login.partner.microsoftonline.cn",
        "https://login.microsoftonline.us",
    }
)
"""Authorities that Entra's instance discovery knows; any other one (the local hub's) must skip the discovery."""

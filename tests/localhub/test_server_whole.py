"""The whole local hub, every service of it, as other processes meet it."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from contextlib import contextmanager
from datetime import timedelta

import pytest
import requests
from requests.adapters import HTTPAdapter
from support.hub import HubRunner


@pytest.fixture(scope="module")
def process():
    with HubRunner.subprocess(devices=2000, seed=1, throttle="off") as hub:
        yield hub
        assert hub.process.poll() is None
        assert hub.stop() == (0, "")


@pytest.fixture(scope="module")
def credential(process):
    from azure.identity import ClientSecretCredential

    ready = process.ready
    return ClientSecretCredential(
        ready["tenant_id"],
        ready["client_id"],
        ready["client_secret"],
        authority=ready["authority"],
        disable_instance_discovery=True,
        connection_verify=ready["ca_file"],
    )


def registry(process, **options):
    from azure.iot.hub import IoTHubRegistryManager

    text = process.ready["hub_connection_string"]
    if host := options.get("host"):
        text = re.sub(r"HostName=[^;]+", f"HostName={host}", text)
    manager = IoTHubRegistryManager.from_connection_string(text)
    manager.protocol.config.connection.verify = process.ready["ca_file"]
    manager.protocol.config.proxies.use_env_settings = False
    if host:
        manager.protocol.config.proxies.add("https", process.ready["proxy"])
    return manager


@pytest.mark.parametrize("host", [None, "contoso-plants.azure-devices.net"])
def test_azure_iot_hub_reads_two_thousand_devices(process, host):
    manager = registry(process, host=host)
    assert manager.get_device_registry_statistics().total_device_count == 2000
    assert len(manager.get_devices(1000)) == 1000


def test_azure_mgmt_iothub_directly_and_by_the_real_name(process, credential):
    from azure.mgmt.iothub import IotHubClient

    ready = process.ready
    options = {"connection_verify": ready["ca_file"], "retry_total": 0}
    direct = IotHubClient(credential, ready["subscription_id"], base_url=ready["arm_endpoint"], **options)
    through = IotHubClient(credential, ready["subscription_id"], proxies={"https": ready["proxy"]}, **options)
    for client in (direct, through):
        hub = client.iot_hub_resource.get(ready["resource_group"], ready["hub_name"])
        assert hub.properties.host_name == "contoso-plants.azure-devices.net"
        assert hub.id == ready["hub_arm_id"]


def test_azure_monitor_query_finds_the_incident(process, credential):
    from azure.monitor.query import LogsQueryClient

    ready = process.ready
    client = LogsQueryClient(
        credential,
        endpoint=ready["logs_endpoint"],
        audience="https://api.loganalytics.io",
        connection_verify=ready["ca_file"],
    )
    query = "AzureDiagnostics | where Category == 'Connections' and ResultType == '401003' | count"
    rows = client.query_workspace(ready["workspace_id"], query, timespan=timedelta(hours=1)).tables[0].rows
    assert rows[0][0] > 100


class FromAddress(HTTPAdapter):
    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, source_address=(self.address, 0), **kwargs)

    def proxy_manager_for(self, proxy, **kwargs):
        return super().proxy_manager_for(proxy, source_address=(self.address, 0), **kwargs)


@contextmanager
def only_address(hub, mask):
    rules = hub.resource["properties"]["networkRuleSets"]
    with hub.lock:
        old, rules["ipRules"] = rules["ipRules"], [{"filterName": "one", "action": "Allow", "ipMask": mask}]
        hub.network_changed += 1
    try:
        yield
    finally:
        with hub.lock:
            rules["ipRules"] = old
            hub.network_changed += 1


def test_clients_that_leave_in_the_middle_are_nothing_to_complain_about(process):
    port = int(process.ready["hub_host"].partition(":")[2])
    context = ssl.create_default_context(cafile=process.ready["ca_file"])
    for request in (b"GET /devices?top=1000", b"POST /devices/query", b"POST /devices/query"):
        head = request + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as client:
            client.sendall(head + b"abc")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # the end is a reset
    registry(process).get_service_statistics()  # and `process` ends with nothing on its stderr


@pytest.mark.parametrize("proxied", [False, True])
def test_a_blocked_address_is_refused_directly_and_through_the_proxy(proxied):
    with HubRunner(scenario="empty", throttle=False) as runner, only_address(runner.hub, "127.0.0.1"):
        ready = runner.ready
        host = "contoso-plants.azure-devices.net" if proxied else ready["hub_host"]
        token = runner.token(audience="https://iothubs.azure.net")
        got = {}
        for address in ("127.0.0.1", "127.0.9.9"):
            with requests.Session() as session:
                session.trust_env = False
                session.verify = ready["ca_file"]
                session.proxies = {"https": ready["proxy"]} if proxied else {}
                session.mount("https://", FromAddress(address))
                headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "127.0.0.1"}
                answer = session.get(f"https://{host}/statistics/devices?api-version=2021-04-12", headers=headers)
                got[address] = answer.status_code
    assert got == {"127.0.0.1": 200, "127.0.9.9": 401}

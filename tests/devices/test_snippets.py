"""The well-known programs of Azure's documentation, retold: all that a local hub needs added to them is `reach`.

`reach` are the two keyword arguments for the proxy and the trust root; host names, ids and files come from the
environment, as in the documents.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from typing import Any

import pytest
from azure.iot.device import X509, IoTHubDeviceClient, Message, MethodResponse, ProvisioningDeviceClient
from azure.iot.device import aio as azure_aio
from support.device_clients import PROVISIONING_HOST, Files, Site

PASSPHRASE = "plant words"


def heard(site: Site, device: str) -> list[Any]:
    world = site.hub.server.world
    assert world is not None
    return [message for message in world.telemetry.after(0) if message.device_id == device]


def sealed(site: Site, device: str) -> Files:
    """A certificate with an encrypted key, as one should keep it."""
    out = site.folder / "sealed"
    where = ("--ca", str(site.folder / "plant-ca"), "--out", str(out), "--passphrase-stdin")
    site.run("cert", "issue", device, *where, stdin=PASSPHRASE + "\n")
    return Files(*(out / f"{device}.{part}.pem" for part in ("cert", "chain", "key")))


def test_sending_messages_with_a_connection_string(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    reach = site.reach
    key = site.create("snippet-1").primary_key
    monkeypatch.setenv(
        "IOTHUB_DEVICE_CONNECTION_STRING", f"HostName={site.host};DeviceId=snippet-1;SharedAccessKey={key}"
    )

    async def main() -> None:
        conn_str = os.environ["IOTHUB_DEVICE_CONNECTION_STRING"]
        device_client = azure_aio.IoTHubDeviceClient.create_from_connection_string(conn_str, **reach)
        await device_client.connect()

        async def send_test_message(i: int) -> None:
            msg = Message(json.dumps({"windSpeed": i}))
            msg.message_id = uuid.uuid4()
            msg.correlation_id = "correlation-1234"
            msg.custom_properties["tornado-warning"] = "yes & no/maybe"
            msg.content_encoding = "utf-8"
            msg.content_type = "application/json"
            await device_client.send_message(msg)

        await asyncio.gather(*[send_test_message(i) for i in range(1, 11)])
        await device_client.shutdown()

    asyncio.run(main())
    messages = heard(site, "snippet-1")
    assert sorted(json.loads(one.body)["windSpeed"] for one in messages) == list(range(1, 11))
    for one in messages:
        assert one.properties == {"tornado-warning": "yes & no/maybe"}
        assert (one.system["ct"], one.system["ce"], one.system["cid"]) == (
            "application/json",
            "utf-8",
            "correlation-1234",
        )


def test_sending_a_message_with_a_certificate(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    reach = site.reach
    site.create("snippet-2", "--auth", "x509-ca")
    files = sealed(site, "snippet-2")
    monkeypatch.setenv("HOSTNAME", site.host)
    monkeypatch.setenv("DEVICE_ID", "snippet-2")
    monkeypatch.setenv("X509_CERT_FILE", str(files.chain))
    monkeypatch.setenv("X509_KEY_FILE", str(files.key))
    monkeypatch.setenv("PASS_PHRASE", PASSPHRASE)

    x509 = X509(
        cert_file=os.environ["X509_CERT_FILE"],
        key_file=os.environ["X509_KEY_FILE"],
        pass_phrase=os.environ["PASS_PHRASE"],
    )
    device_client = IoTHubDeviceClient.create_from_x509_certificate(
        hostname=os.environ["HOSTNAME"], device_id=os.environ["DEVICE_ID"], x509=x509, **reach
    )
    device_client.connect()
    device_client.send_message("test wind speed")
    device_client.shutdown()
    assert [one.body for one in heard(site, "snippet-2")] == [b"test wind speed"]


def test_provisioning_with_a_certificate_then_sending(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    reach = site.reach
    files = sealed(site, "snippet-3")
    site.change("dps", "create", "snippet-3", "--attestation", "x509", "--certificate", str(files.certificate))
    monkeypatch.setenv("PROVISIONING_HOST", PROVISIONING_HOST)
    monkeypatch.setenv("PROVISIONING_IDSCOPE", site.service.id_scope)
    monkeypatch.setenv("DPS_X509_REGISTRATION_ID", "snippet-3")
    monkeypatch.setenv("X509_CERT_FILE", str(files.chain))
    monkeypatch.setenv("X509_KEY_FILE", str(files.key))
    monkeypatch.setenv("PASS_PHRASE", PASSPHRASE)

    x509 = X509(
        cert_file=os.environ["X509_CERT_FILE"],
        key_file=os.environ["X509_KEY_FILE"],
        pass_phrase=os.environ["PASS_PHRASE"],
    )
    provisioning_device_client = ProvisioningDeviceClient.create_from_x509_certificate(
        provisioning_host=os.environ["PROVISIONING_HOST"],
        registration_id=os.environ["DPS_X509_REGISTRATION_ID"],
        id_scope=os.environ["PROVISIONING_IDSCOPE"],
        x509=x509,
        **reach,
    )
    registration_result = provisioning_device_client.register()
    assert registration_result.status == "assigned"
    device_client = IoTHubDeviceClient.create_from_x509_certificate(
        x509=x509,
        hostname=registration_result.registration_state.assigned_hub,
        device_id=registration_result.registration_state.device_id,
        **reach,
    )
    device_client.connect()
    device_client.send_message("test wind speed")
    device_client.shutdown()
    assert [one.body for one in heard(site, "snippet-3")] == [b"test wind speed"]


def test_answering_a_method_and_reporting_properties(site: Site) -> None:
    from azure.iot.hub import IoTHubRegistryManager
    from azure.iot.hub.models import CloudToDeviceMethod

    key = site.create("snippet-4").primary_key
    text = f"HostName={site.host};DeviceId=snippet-4;SharedAccessKey={key}"
    device_client = IoTHubDeviceClient.create_from_connection_string(text, **site.reach)

    def method_request_handler(method_request: Any) -> None:
        payload = {"result": True, "data": method_request.payload}
        device_client.send_method_response(MethodResponse.create_from_method_request(method_request, 200, payload))

    device_client.on_method_request_received = method_request_handler
    device_client.connect()
    device_client.patch_twin_reported_properties({"temperature": 24})
    try:
        manager = IoTHubRegistryManager.from_connection_string(site.hub.ready["hub_connection_string"])
        manager.protocol.config.connection.verify = site.hub.ready["ca_file"]
        answer = manager.invoke_device_method("snippet-4", CloudToDeviceMethod(method_name="reboot", payload={"in": 5}))
        assert (answer.status, answer.payload) == (200, {"result": True, "data": {"in": 5}})
        twin = manager.get_twin("snippet-4")
        assert twin.properties.reported["temperature"] == 24
        assert device_client.get_twin()["reported"]["temperature"] == 24
    finally:
        device_client.shutdown()

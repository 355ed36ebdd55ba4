"""The pytest fixtures in somebody else's project: pytest runs there as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.hub import ROOT

CONFTEST = 'pytest_plugins = ["console.localhub.testing"]\n'
TESTS = """
import pytest
from azure.iot.device import IoTHubDeviceClient, X509, exceptions


def client(hub, connection_string):
    return IoTHubDeviceClient.create_from_connection_string(connection_string, **hub.client_options())


def test_a_message_arrives(iot_hub):
    device = client(iot_hub, iot_hub.add_device("press-1", tags={"site": "lyon"}))
    device.connect()
    device.send_message('{"temperature": 61}')
    device.shutdown()
    [message] = iot_hub.messages("press-1", count=1)
    assert message.body == b'{"temperature": 61}'
    first, last = iot_hub.connections_log("press-1", count=2)
    assert (first["operation"], first["code"], last["operation"]) == ("deviceConnect", "", "deviceDisconnect")


def test_a_message_to_a_device(iot_hub):
    iot_hub.send("press-1", "stop", properties={"why": "heat"})
    device = client(iot_hub, iot_hub.connection_string("press-1"))
    device.connect()
    message = device.receive_message(timeout=10)
    device.shutdown()
    assert (message.data, message.custom_properties) == (b"stop", {"why": "heat"})


def test_everything_is_forgotten(fresh_iot_hub):
    with pytest.raises(KeyError):
        fresh_iot_hub.connection_string("press-1")
    assert fresh_iot_hub.messages() == [] and fresh_iot_hub.connections_log() == []


def test_a_certificate_that_ran_out(iot_hub, tmp_path):
    files = iot_hub.make_certificate("press-2", tmp_path, days=-1)
    iot_hub.add_device("press-2", auth="selfSigned", primaryThumbprint=files.thumbprint)
    device = IoTHubDeviceClient.create_from_x509_certificate(
        X509(files.certificate, files.key), iot_hub.host, "press-2", connection_retry=False, **iot_hub.client_options()
    )
    with pytest.raises(exceptions.CredentialError):
        device.connect()
    device.shutdown()
    [refused] = iot_hub.connections_log("press-2", count=1)
    assert refused["code"] == "401003" and "expired" in str(refused["properties"])


def test_enrollments(iot_hub):
    key = iot_hub.add_enrollment("press-3")
    assert len(key) == 44 and iot_hub.add_enrollment("PRESS-3", primaryKey=key, status="disabled") == key
    assert iot_hub.add_enrollment("by-key", group=True) not in (key, None)


def test_what_cannot_be_loaded(iot_hub):
    with pytest.raises(Exception, match="identifier is not valid"):
        iot_hub.add_device("a b")
    with pytest.raises(TimeoutError, match="0 of 1 messages"):
        iot_hub.messages("nobody", count=1, timeout=0)
"""


def test_the_fixtures_work_in_another_project(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_device.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout

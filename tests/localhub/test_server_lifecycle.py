"""Starting and stopping the local hub as a process: the ready data, what is secret, what is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.hub import ROOT, HubRunner, request

from console.localhub.server import LocalHub, LocalHubOptions

PRODUCT_KEYS = {
    "hub_host", "hub_connection_string", "arm_endpoint", "logs_endpoint", "workspace_id", "authority", "tenant_id",
    "client_id", "client_secret", "dps_host", "id_scope", "dps_connection_string", "proxy", "mqtt_host", "mqtt_port",
    "ca_file", "subscription_id", "resource_group", "hub_name", "profile",
}  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ready_data_and_a_clean_end(number):
    with HubRunner.subprocess(devices=20, scenario="empty") as hub:
        ready, ready_file = hub.ready, hub.ready_file
        assert set(ready) >= PRODUCT_KEYS
        assert stat.S_IMODE(ready_file.stat().st_mode) == 0o600
        folder = Path(ready["ca_file"]).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert "PRIVATE KEY" not in "".join(f.read_text() for f in folder.iterdir())
        assert "CERTIFICATE" in Path(ready["ca_file"]).read_text()

        secrets = [ready["client_secret"], ready["faults_token"], ready["hub_connection_string"].split("Key=")[1]]
        secrets += [one["client_secret"] for one in ready["principals"].values()]
        assert set(ready["principals"]) == {"operator", "reader", "nobody"}
        assert not [s for s in secrets if s in json.dumps(hub.line)]
        assert {k: v for k, v in hub.line.items() if v is not None}.items() <= ready.items()
        assert hub.line["hub_host"] == ready["hub_host"]
        assert not [s for s in secrets if s in " ".join(hub.command)]
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
        assert modes["client-secret"] == modes["profile.toml"] == 0o600

        started = time.monotonic()
        code, errors = hub.stop(number)
        assert (code, errors) == (0, "")
        assert time.monotonic() - started < 10  # the promise is 2 s; a loaded test machine gets more
        assert not folder.exists()
        assert not ready_file.exists()


def test_state_folder_is_kept(tmp_path):
    state = tmp_path / "state"
    with HubRunner.subprocess(devices=1, scenario="empty", state=state) as hub:
        assert Path(hub.ready["ca_file"]).parent == state
        assert hub.stop()[0] == 0
    assert (state / "ca.pem").exists()


def test_the_ready_file_of_a_later_hub_stays(tmp_path):
    ready_file = tmp_path / "ready.json"
    with HubRunner(devices=1, scenario="empty", ready_file=ready_file):
        with HubRunner(devices=1, scenario="empty", ready_file=ready_file) as later:
            first_of_later = ready_file.read_text()
            assert json.loads(first_of_later)["faults_token"] == later.ready["faults_token"]
            ready_file.write_text(first_of_later)
        assert not ready_file.exists(), "its own is removed"
        ready_file.write_text(first_of_later)
    assert ready_file.read_text() == first_of_later, "another's is not"


def test_a_stale_ready_file_is_gone_before_the_hub_is_ready(tmp_path):
    ready_file = tmp_path / "ready.json"
    ready_file.write_text('{"hub_host": "localhost:1"}')
    hub = LocalHub(LocalHubOptions(devices=1, scenario="empty", ready_file=ready_file))
    hub.prepare()
    try:
        assert not ready_file.exists()
    finally:
        hub.stop()


def test_a_request_that_never_ends_does_not_hold_up_the_end():
    with HubRunner.subprocess(devices=1, scenario="empty") as hub:
        ready = hub.ready
        fault = {"kind": "latency", "endpoint": "arm", "seconds": 3600}
        call = {"ca_file": ready["ca_file"], "method": "POST", "token": ready["faults_token"], "body": fault}
        assert request(ready["faults_endpoint"] + "/faults", **call)[0] == 201
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(request, ready["arm_endpoint"] + "/x", ca_file=ready["ca_file"])
            call |= {"method": "GET", "body": None}
            while not request(ready["faults_endpoint"] + "/faults", **call)[2]["faults"][0]["hits"]:
                pass
            assert hub.stop() == (0, "")
            with pytest.raises(OSError, match=r"reset|closed|EOF|Remote end"):
                waiting.result(10)


def test_a_signal_while_it_builds_the_fleet_ends_it_at_once(tmp_path):
    command = [sys.executable, "-m", "console", "localhub", "serve", "--devices", "200000"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_one_sentence():
    with HubRunner(devices=1, scenario="empty") as hub:
        port = hub.ready["hub_host"].partition(":")[2]
        command = [sys.executable, "-m", "console", "localhub", "serve", "--scenario", "empty", "--port", port]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_it_ends_with_its_parent(tmp_path):
    ready_file = tmp_path / "ready.json"
    serve = [sys.executable, "-m", "console", "localhub", "serve", "--scenario", "empty"]
    serve += ["--ready-file", str(ready_file)]
    # the shell starts the hub and is killed; nobody tells the hub
    parent = subprocess.Popen(
        ["sh", "-c", '"$@" --end-with-parent $$ & wait', "sh", *serve], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert json.loads(parent.stdout.readline())["pid"]
    parent.kill()
    parent.wait(10)
    parent.stdout.read()  # ends when the hub closes its stdout
    parent.stdout.close()
    assert not ready_file.exists()


def test_profile_opens_the_console_on_it():
    from console.config import pick_profile

    with HubRunner(devices=1, scenario="empty") as hub:
        raw = tomllib.loads(Path(hub.ready["profile"]).read_text())
        assert hub.ready["client_secret"] not in json.dumps(raw)
        profile = pick_profile(hub.ready["profile"])
        assert profile.hub_address == hub.ready["hub_host"]
        assert profile.arm_endpoint == hub.ready["arm_endpoint"]
        assert profile.ca_file == hub.ready["ca_file"]
        assert profile.my_ip == "127.0.0.1"
        assert profile.credential.client_id == hub.ready["principals"]["operator"]["client_id"]
        secret_file = Path(profile.credential.secret_from.removeprefix("file:"))
        assert secret_file.read_text() == hub.ready["client_secret"]
        assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600


def test_stop_does_not_wait_for_open_connections():
    with HubRunner(devices=1, scenario="empty") as hub:
        port = int(hub.ready["hub_host"].partition(":")[2])
        idle = socket.create_connection(("127.0.0.1", port))
        encrypted = hub.ssl_context().wrap_socket(
            socket.create_connection(("127.0.0.1", port)), server_hostname="localhost"
        )
    with idle, encrypted:
        idle.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert idle.recv(1) == b""

"""Which host names are one hub's; a connection string of another hub is refused before anybody is asked."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.compose import services_for
from console.config import Credential, Endpoints, Profile
from console.model.errors import ConsoleError
from console.model.hub_hosts import opens_other, same_hub

KEY = base64.b64encode(bytes(range(32))).decode()
HUB = "contoso-plants.azure-devices.net"
PUBLIC = "azure-devices.net"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (HUB, HUB, True),
        (HUB, "Contoso-Plants.Azure-Devices.NET.", True),
        (HUB, f"{HUB}:443", True),
        (HUB, f"https://{HUB}/", True),
        (HUB, "contoso-plants.device.azure-devices.net", True),
        ("contoso-plants.service.azure-devices.net", "contoso-plants.device.azure-devices.net.", True),
        ("contoso-plants.service.azure-devices.us", "contoso-plants.azure-devices.us", True),
        (HUB, "contoso-plants.azure-devices.us", False),
        (HUB, "contoso-plants2.azure-devices.net", False),
        (HUB, "device.azure-devices.net", False),
        (HUB, "contoso-plants.device.example.net", False),
        (HUB, "contoso-plants.azure-devices-provisioning.net", False),
        ("localhost:8443", "127.0.0.1:8443", True),
        ("localhost:8443", "localhost:8444", False),
        ("", "", False),
    ],
)
def test_which_names_are_one_hubs(one: str, other: str, same: bool) -> None:
    assert same_hub(one, other) is same_hub(other, one) is same


@pytest.mark.parametrize(
    ("host", "name", "hosts", "words"),
    [
        (HUB, "contoso-plants", [], ""),
        (HUB, "Contoso-Plants", [], ""),
        ("contoso-plants.service.azure-devices.net", "contoso-plants", [], ""),
        (HUB, "", [], ""),
        (HUB, "", ["contoso-plants.device.azure-devices.net"], ""),
        ("localhost:8443", "contoso-plants", ["https://127.0.0.1:8443"], ""),
        ("gateway.local", "contoso-plants", [], "contoso-plants"),
        ("localhost:8443", "contoso-plants", ["https://localhost:9443"], "contoso-plants"),
        ("other.azure-devices.net", "contoso-plants", [], "contoso-plants"),
        ("other.azure-devices.net", "", [HUB], HUB),
        ("x.azure-devices-provisioning.net", "", [], "provisioning service"),
        ("x.azure-devices-provisioning.net.", "x", [], "provisioning service"),
    ],
)
def test_what_a_string_opens_is_held_against_the_profile(host: str, name: str, hosts: list[str], words: str) -> None:
    said = opens_other(host, name=name, suffix=PUBLIC, hosts=hosts)
    assert (host in said and words in said) if words else not said


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    """Return a listening socket that nobody may connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening
        with pytest.raises(BlockingIOError):
            listening.accept()


def string(host: str, more: str = "") -> str:
    return f"HostName={host};{more}SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}"


OTHERS = [
    string("other-hub.azure-devices.net"),
    string("x.azure-devices-provisioning.net"),
    string("gateway.local", "GatewayHostName=gateway.local;"),
    string("contoso-plants.azure-devices.us"),
]


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.parametrize("way", ["env", "file", "prompt"])
def test_the_key_of_another_hub_is_never_used(
    text: str, way: str, ear: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_STRING", text)
    file = tmp_path / "string"
    file.write_text(text)
    file.chmod(0o600)
    source = {"env": "env:HUB_STRING", "file": f"file:{file}", "prompt": "prompt"}[way]
    profile = Profile(
        name="x",
        hub_name="contoso-plants",
        hub_host=HUB,  # nothing is read at the start then, and the first call is the one that refuses
        endpoints=Endpoints(hub=f"https://127.0.0.1:{ear.getsockname()[1]}"),
        credential=Credential("connection-string", source),
    )
    services = services_for(profile, prompt=lambda _: text, state_dir=tmp_path / "state", retry_budget=0.0)
    for call in (services.fleet.counts, services.session.whoami, services.session.own_policy):
        with pytest.raises(ConsoleError) as caught:
            call()
        assert caught.value.code == "other-hub"
        assert text.split(";")[0].removeprefix("HostName=") in caught.value.why
        assert KEY[:8] not in caught.value.sentence()


@pytest.mark.parametrize("host", [HUB, f"{HUB.upper()}.", "contoso-plants.service.azure-devices.net"])
def test_the_hubs_own_names_are_taken(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_STRING", f'"{string(host)}"\n')
    for given in (
        {"hub_name": "contoso-plants"},
        {"hub_host": "contoso-plants.device.azure-devices.net"},
        {"arm_id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/contoso-plants"},
        {},
    ):
        profile = Profile(name="x", credential=Credential("connection-string", "env:HUB_STRING"), **given)
        services = services_for(profile)
        own = services.session.own_policy()
        assert own is not None
        assert (own[0], own[1], own[2].reveal()) == (host.rstrip("."), "iothubowner", KEY)


@pytest.mark.parametrize("command", [["profile", "check"], ["profile", "check", "--json"], ["devices", "list"]])
def test_the_commands_say_it_and_ask_nobody(command: list[str], ear: socket.socket, tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(
        f'[profiles.x]\nhub_name = "contoso-plants"\nhub_host = "{HUB}"\n'
        f'[profiles.x.endpoints]\nhub = "https://127.0.0.1:{ear.getsockname()[1]}"\n'
        '[profiles.x.credential]\nkind = "connection-string"\nsecret_from = "env:HUB_STRING"\n'
    )
    environment = {"HUB_STRING": OTHERS[0], "HUBWARDEN_STATE_DIR": str(tmp_path / "state"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "console", "--profile", str(file), *command],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert "it opens other-hub.azure-devices.net (its HostName), and the profile names the hub" in done.stderr
    assert KEY[:8] not in done.stdout + done.stderr

"""A proxy that wants a login gets it from where the profile says, and nobody else does; no message shows it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.console import impatient, private_file, profile_of
from support.hub import HubRunner
from support.login_proxy import LoginProxy
from support.villain import Villain, answer, profile_at, wiring

from console.cli.log_file import Redacted
from console.cli.main import run
from console.config import Credential, Profile, ProxyCredential, save_profile
from console.gateways.probe import Probe
from console.gateways.proxying import ProxyLogin
from console.gateways.registration import RegistrarGateway
from console.gateways.remote import RemoteGateway
from console.gateways.transport import Transport
from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import CallMeter

PASSWORD = "p@ss:w/örd%"
OPTIONS = {
    "--proxy": "proxy",
    "--arm": "endpoints.arm",
    "--logs": "endpoints.logs",
    "--authority": "endpoints.authority",
    "--hub-endpoint": "endpoints.hub",
    "--hub-host": "hub_host",
    "--ca-file": "ca_file",
}
Cli = Callable[..., tuple[int, str]]


@pytest.fixture
def proxy() -> Iterator[LoginProxy]:
    with LoginProxy("me", PASSWORD) as one:
        yield one


@pytest.fixture
def profile(local_hub: HubRunner, proxy: LoginProxy, tmp_path: Path) -> Profile:
    secret = private_file(tmp_path / "proxy.secret", PASSWORD)
    login = ProxyCredential("me", f"file:{secret}")
    return profile_of(local_hub.ready, tmp_path, proxy=proxy.url, proxy_credential=login)


def test_every_client_logs_in_at_the_proxy(profile: Profile, proxy: LoginProxy) -> None:
    services = impatient(profile)
    assert services.session.hub().name
    assert services.fleet.counts().total
    now = services.session.now()
    services.session.logs().query("print 1", now, now)
    login = ProxyLogin.of(profile)
    probe = Probe(profile.endpoints.arm, ca_file=profile.ca_file, proxy=profile.proxy, login=login)
    assert probe.handshake() and probe.drift()
    port = int(profile.endpoints.hub.rpartition(":")[2])
    assert RemoteGateway(profile.proxy, login).certificates("localhost", port)[0]
    place = profile.endpoints.dps.removeprefix("https://")
    RegistrarGateway(ca_file=profile.ca_file, proxy=profile.proxy, login=login).reach(place).close()
    urls = [profile.endpoints.arm, profile.endpoints.hub, profile.endpoints.logs, profile.endpoints.authority]
    assert {url.removeprefix("https://") for url in [*urls, profile.endpoints.dps]} <= set(proxy.through)
    assert proxy.refused == 0


@pytest.mark.parametrize("known", [False, True])
def test_a_refused_login_is_told_with_what_to_do(
    profile: Profile, proxy: LoginProxy, tmp_path: Path, known: bool
) -> None:
    secret = private_file(tmp_path / "wrong", "WRONG-ONE")
    wrong = ProxyCredential("me", f"file:{secret}") if known else ProxyCredential()
    services = impatient(replace(profile, proxy_credential=wrong))
    login = ProxyLogin(wrong)
    place = profile.endpoints.dps.removeprefix("https://")
    for call in (
        services.session.whoami,
        Probe(profile.endpoints.arm, ca_file=profile.ca_file, proxy=profile.proxy, login=login).handshake,
        lambda: RemoteGateway(profile.proxy, login).certificates("localhost", 443),
        lambda: RegistrarGateway(ca_file=profile.ca_file, proxy=profile.proxy, login=login).reach(place),
    ):
        with pytest.raises(ConsoleError) as caught:
            call()
        assert caught.value.kind is ErrorKind.NETWORK and "proxy_credential" in caught.value.hint
        assert ("refuses the user name or the password" if known else "") in caught.value.sentence()
        assert "WRONG-ONE" not in caught.value.sentence()


def test_a_password_that_is_not_there_is_told_before_anything_is_sent(profile: Profile, proxy: LoginProxy) -> None:
    services = impatient(replace(profile, proxy_credential=ProxyCredential("me", "env:NOT_SET_HERE")))
    with pytest.raises(ConsoleError, match="NOT_SET_HERE is not set"):
        services.session.whoami()
    assert not proxy.asked


def test_the_login_of_one_proxy_is_not_shown_to_another(profile: Profile, proxy: LoginProxy) -> None:
    elsewhere = replace(profile, proxy_elsewhere="http://other.example:3128")
    moved = elsewhere.elsewhere(hub_name="lab", arm_id="", hub_host="")
    assert (moved.proxy, moved.proxy_credential) == ("http://other.example:3128", ProxyCredential())
    same = replace(profile, proxy_elsewhere="").elsewhere(hub_name="lab", arm_id="", hub_host="")
    assert (same.proxy, same.proxy_credential.user) == (proxy.url, "me")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("through", ["profile", "environment"])
@pytest.mark.parametrize("kind", ["imds", "app service"])
def test_the_managed_identity_never_goes_through_a_proxy(
    variable: str, through: str, kind: str, proxy: LoginProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"access_token": "t.t.t", "expires_in": "3600", "expires_on": "4102444800", "token_type": "Bearer"}
    with Villain(lambda _: answer(200, {**body, "resource": "r"}), tls=False, tokens=False) as metadata:
        if kind == "imds":
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.url)
        else:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"{metadata.url}/token")
            monkeypatch.setenv("IDENTITY_HEADER", "h")
        monkeypatch.setenv(variable, proxy.url)
        used = profile_at("https://localhost:1", tmp_path, credential=Credential("managed-identity"))
        used = replace(used, proxy=proxy.url if through == "profile" else "")
        assert wiring(used).sign_in.whoami().source == "managed identity"
        assert metadata.heard and not proxy.asked


def test_the_environments_proxy_is_neither_used_nor_shown(
    local_hub: HubRunner, proxy: LoginProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://me:HIDDEN-WORD@"))
    used = profile_of(local_hub.ready, tmp_path)
    assert impatient(used).session.hub().name and not proxy.asked
    gone = replace(
        used, endpoints=replace(used.endpoints, arm="https://no-such.invalid", authority="https://no.invalid")
    )
    with pytest.raises(ConsoleError) as caught:
        impatient(gone).session.whoami()
    assert "HTTPS_PROXY is set but not used" in caught.value.hint and "HIDDEN-WORD" not in caught.value.sentence()


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return code, out + err

    return call


def test_a_profile_is_added_shown_listed_and_checked_without_a_password(
    cli: Cli, profile: Profile, proxy: LoginProxy, tmp_path: Path
) -> None:
    file = tmp_path / "one.toml"
    save_profile(profile, file)
    for arguments in (("show",), ("show", "--json"), ("list",), ("list", "--json"), ("check",), ("check", "--json")):
        _, text = cli("--profile", str(file), "profile", *arguments)
        assert PASSWORD not in text and "p%40ss" not in text
    assert proxy.through and "FAIL" not in cli("--profile", str(file), "profile", "check")[1]
    login = ("--proxy", proxy.url, "--proxy-user", "me", "--proxy-secret-from", "env:P")
    assert cli("profile", "add", "p", "--hub", "h", *login)[0] == 0
    shown = cli("--profile", "p", "profile", "show")[1]
    assert "env:P" in shown and "me" in shown


@pytest.mark.parametrize(
    "url",
    [
        "http://me:HIDDEN-WORD@proxy.example:3128",
        "HTTP://me:HIDDEN-WORD@proxy.example:3128",
        "https://me:HIDDEN-WORD@proxy.example",
        "socks5h://me:HIDDEN-WORD@proxy.example",
        "me:HIDDEN-WORD@proxy.example:3128",
        "http%3A%2F%2Fme%3AHIDDEN-WORD%40proxy.example",
        "http://me%3AHIDDEN-WORD%40proxy.example",
        "http://me:HIDDEN-WORD%2540proxy.example",
        "http://me:12/HIDDEN-WORD@proxy.example",
        "http://HIDDEN-WORD@proxy.example",
        "//me:HIDDEN-WORD@proxy.example",
    ],
)
@pytest.mark.parametrize("option", OPTIONS)
def test_an_address_with_a_password_is_refused_and_never_shown(cli: Cli, option: str, url: str, tmp_path: Path) -> None:
    code, text = cli("profile", "add", "p", "--hub", "h", option, url)
    assert code == 2 and "HIDDEN-WORD" not in text and "Traceback" not in text, text
    if option == "--proxy":
        assert "proxy_credential" in text
    assert not list((tmp_path / "config").rglob("*.toml"))
    file = tmp_path / "given.toml"
    file.write_text(f'[profiles.p]\nhub_name = "h"\n{OPTIONS[option]} = {json.dumps(url)}\n')
    for arguments in (("profile", "show"), ("profile", "list", "--json"), ("profile", "check"), ("devices", "list")):
        code, text = cli("--profile", str(file), *arguments)
        assert code == 2 or "list" in arguments
        assert "HIDDEN-WORD" not in text and str(file) in text
    for option in ("--proxy",):
        code, text = cli("dps", "register", "--id-scope", "0ne1", "--registration-id", "x", option, url)
        assert code == 2 and "HIDDEN-WORD" not in text


def test_the_log_shows_no_address_with_a_password(profile: Profile) -> None:
    record = logging.LogRecord("urllib3", 30, "", 1, "Retrying %s via %s", ("x", "http://me:HIDDEN-WORD@proxy:1"), None)
    assert "HIDDEN-WORD" not in Redacted().format(record) and "http://proxy:1" in Redacted().format(record)
    transport = Transport(profile, CallMeter())
    transport.login()
    assert PASSWORD not in repr(transport.login) and PASSWORD not in repr(profile)

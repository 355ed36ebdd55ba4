"""Addresses: never shown with a user name or password, and checked so that nothing hides another host in one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.config import Profile, load_profiles, pick_profile
from console.model.address import is_place, led_to, same_place, shown_address, without_userinfo
from console.model.errors import ConsoleError, ErrorKind

KEYS = ["hub_host", "hub_name", "endpoints.hub", "endpoints.arm", "proxy", "tenant_id", "arm_id"]
SECRET = "HIDDENWORD"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("via http://me:HIDDENWORD@proxy:3128/x?y=1 today", "via http://proxy:3128/x?y=1 today"),
        ("HTTPS://ME:HIDDENWORD@PROXY", "HTTPS://PROXY"),
        ("'http://a:b@x' and \"http://c:HIDDENWORD@y\"", "'http://x' and \"http://y\""),
        ("http:/me:HIDDENWORD@proxy", "http:/proxy"),
        ("http:\\/\\/me:HIDDENWORD@proxy", "http:\\/\\/proxy"),
        ("http%3A%2F%2Fme%3AHIDDENWORD%40proxy", "http%3A%2F%2Fproxy"),
        ("http://me:12/HIDDENWORD@proxy", "http://proxy"),
        ("http://me:a@HIDDENWORD@proxy", "http://proxy"),
        ("//me:HIDDENWORD@proxy/x", "//proxy/x"),
        ("https://host/mail?to=a@b.example", "https://host/mail?to=a@b.example"),
        ("ask ops@contoso.example or https://host:1/x", "ask ops@contoso.example or https://host:1/x"),
    ],
)
def test_a_text_shows_no_password_of_an_address(text: str, shown: str) -> None:
    assert without_userinfo(text) == shown
    error = ConsoleError(ErrorKind.NETWORK, text, text, text)
    assert SECRET not in error.sentence() and SECRET not in repr(error)


@given(
    scheme=st.sampled_from(["http://", "HTTPS://", "socks5h://", "//", "http:\\\\", "http%3A%2F%2F", "http%3a%2f%2f"]),
    user=st.text("abcXYZ09.%-_~", max_size=8),
    before=st.text("ab0/:@#?%&=;,!$()*+[]~", max_size=6),
    after=st.text("ab0/:@#?%=;,!$()*+[]~", max_size=6),
    around=st.sampled_from(["{}", "'{}'", '"{}" failed', "see {}.", "({})", "\t{}\n"]),
)
@example(scheme="//", user="", before="", after="://", around="{}")
@example(scheme="http%3A%2F%2F", user="", before="", after="://", around="{}")
def test_no_writing_of_a_password_is_shown(scheme: str, user: str, before: str, after: str, around: str) -> None:
    escaped = scheme.endswith(("F", "f"))
    if escaped:
        before, after = before.replace("&", ""), after.replace("&", "")
    url = f"{scheme}{user}:{before}{SECRET}{after}@proxy.example:3128"
    assert SECRET not in without_userinfo(around.format(url))
    assert SECRET not in shown_address(url)


@pytest.mark.parametrize(
    "value",
    [
        "evil.example/#",
        "evil.example/",
        "evil.example?",
        "hub@evil.example",
        "hub:443@evil.example",
        "hüb.example",
        "hub。azure-devices.net",
        "hub\uff0eazure-devices.net",
        "xn--\r\nHost: evil",
        "hub\nx",
        "hub\x00",
        "hub example",
        "hub\\evil.example",
        "hub%2eevil",
        "hub:",
        "hub:0",
        "hub:65536",
        "hub:4\u0664",
        "..",
        "-hub",
        ".hub",
        "hub..net",
        "[::1",
        "::1",
        "[::1%eth0]",
        "[evil]",
        "a" * 64,
        "a." * 130 + "a",
    ],
)
@pytest.mark.parametrize("key", KEYS)
def test_nothing_hides_another_host_in_a_profile(tmp_path: Path, key: str, value: str) -> None:
    assert not is_place(value)
    prefix = {"endpoints.hub": "https://", "endpoints.arm": "https://", "proxy": "http://"}.get(key, "")
    if key == "arm_id":
        prefix = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/"
    if value == "evil.example/" and prefix.startswith("http"):
        return  # a closing slash: that host was meant
    if key == "tenant_id" and value in {"hub..net", "a" * 64, "a." * 130 + "a"}:
        return  # no address, and harmless: Entra has no such tenant
    file = tmp_path / "p.toml"
    text = "".join(f"\\U{ord(char):08x}" for char in prefix + value)
    rest = "" if key == "hub_name" else 'hub_name = "h"\n'
    file.write_text(f'[profiles.p]\n{rest}{key} = "{text}"\n')
    with pytest.raises(ConsoleError) as caught:
        load_profiles(file)
    sentence = caught.value.sentence()
    assert str(file) in sentence and f'"profiles.p.{key}"' in sentence
    assert sentence.isprintable()


@pytest.mark.parametrize("name", ["evil.example", "hub@evil", "hub#", "hüb", "a\r\nb", "x" * 51, "-hub"])
def test_a_hubs_name_on_the_command_line_is_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(ConsoleError) as caught:
        pick_profile(name)
    assert caught.value.kind is ErrorKind.BAD_INPUT and caught.value.sentence().isprintable()


@pytest.mark.parametrize(
    ("arm_id", "host"), [("", "evil.example/#"), ("/x@evil", "lab.azure-devices.net"), ("", "lab@evil")]
)
def test_a_list_of_hubs_cannot_lead_elsewhere(arm_id: str, host: str) -> None:
    with pytest.raises(ConsoleError, match="the list of hubs gives"):
        Profile(hub_name="h").elsewhere(hub_name="lab", arm_id=arm_id, hub_host=host)


@pytest.mark.parametrize(
    "place", ["localhost", "localhost:443", "a-b.c_d.example:1", "10.0.0.1:8443", "[::1]:443", "[::1]"]
)
def test_places_that_are_some(place: str) -> None:
    assert is_place(place)


def test_where_a_redirect_leads_is_told_without_secrets() -> None:
    base = "https://management.azure.com/x?y=1"
    assert led_to(base, "/y?sig=z#f") == "https://management.azure.com/y"
    assert led_to(base, "//me:pw@evil.example:8443/p") == "https://evil.example:8443/p"
    assert led_to(base, "http://[bad") == led_to(base, "javascript:alert(1)") == "a place that is no address"
    assert led_to(base, " ") == "a place that it does not name"


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://MANAGEMENT.azure.com:443/x", True),
        ("https://management.azure.com/x@y", True),
        ("http://management.azure.com/x", False),
        ("https://management.azure.com:444/x", False),
        ("https://management.azure.com.evil.example/x", False),
        ("https://management.azure.com@evil.example/x", False),
        ("https://a@management.azure.com/x", False),
        ("https://management.azure.com\\@evil.example/x", False),
        ("https://management.azure.com\t.evil/x", False),
        ("/relative", False),
        ("https://management.azure.com:x/", False),
    ],
)
def test_the_same_place_is_host_port_and_scheme(url: str, same: bool) -> None:
    assert same_place(url, "https://management.azure.com") is same

"""Profiles: what is accepted, what is refused and how it is said, and that secrets stay where they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config import Credential, Endpoints, Profile, load_profiles, pick_profile, save_profile, state_dir
from console.config_secrets import read_secret
from console.model.errors import ConsoleError, ErrorKind

GOOD = """
[profiles.plants]
hub_name = "contoso-plants"
tenant_id = "t"
[profiles.plants.credential]
kind = "client-secret"
client_id = "c"
secret_from = "env:HUB_SECRET"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "profiles.toml"
    file.write_text(text)
    return file


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConsoleError) as caught:
        load_profiles(write(folder, text))
    assert caught.value.kind is ErrorKind.BAD_INPUT
    return caught.value.sentence()


def test_a_profile_may_be_a_hub_name_alone(tmp_path: Path) -> None:
    profile = load_profiles(write(tmp_path, '[profiles.p]\nhub_name = "h"\n'))["p"]
    assert (profile.hub_address, profile.credential.kind, profile.readonly) == ("h.azure-devices.net", "person", False)
    assert profile.arm_endpoint == "https://management.azure.com"


def test_other_clouds_move_every_default(tmp_path: Path) -> None:
    profile = load_profiles(write(tmp_path, '[profiles.p]\nhub_name = "h"\ncloud = "china"\n'))["p"]
    assert profile.hub_address == "h.azure-devices.cn"
    assert profile.arm_endpoint.endswith("chinacloudapi.cn")
    assert profile.logs_endpoint.endswith(".azure.cn")


def test_endpoints_of_a_profile_win(tmp_path: Path) -> None:
    text = GOOD + '[profiles.plants.endpoints]\nhub = "https://localhost:4123"\narm = "https://localhost:4/"\n'
    profile = load_profiles(write(tmp_path, text))["plants"]
    assert (profile.hub_address, profile.arm_endpoint) == ("localhost:4123", "https://localhost:4")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[profiles.p]\nhub_nmae = "h"\n', ("profiles.p.hub_nmae", 'Did you mean "hub_name"?')),
        (GOOD.replace("secret_from", "secretfrom"), ("credential.secretfrom", 'Did you mean "secret_from"?')),
        (
            GOOD.replace('secret_from = "env:HUB_SECRET"', 'secret = "x"'),
            ("credential.secret", "never kept in a profile"),
        ),
        (GOOD.replace("env:HUB_SECRET", "hunter2"), ("secret_from", "does not say where")),
        (GOOD.replace("client-secret", "clientsecret"), ("credential.kind", "is no kind", "client-secret")),
        (GOOD.replace('tenant_id = "t"\n', ""), ("tenant_id", "needs the tenant")),
        ('[profiles.p]\nhub_name = "h"\ncloud = "mars"\n', ("profiles.p.cloud", "public, china, usgov")),
        ('[profiles.p]\nhub_name = "h"\nreadonly = "yes"\n', ("profiles.p.readonly", "true or false")),
        ('[profiles.p]\nhub_name = "h"\nca_file = "/no/such.pem"\n', ("profiles.p.ca_file", "no file")),
        ('[profiles.p]\nhub_name = "h"\narm_id = "nonsense"\n', ("profiles.p.arm_id", "resource id")),
        ('[profiles.p]\ntenant_id = "t"\n', ("profiles.p.hub_name", "names no hub")),
        ('[profiles.p]\nhub_name = "h"\n[profiles.p.endpoints]\narm = "localhost:1"\n', ("endpoints.arm", "https://")),
        ("[profiles.p\n", ("not TOML",)),
        ("profiles = 3\n", ("must be a table",)),
        ('[profile.p]\nhub_name = "h"\n', ("profile", 'Did you mean "profiles"?')),
    ],
)
def test_mistakes_name_file_and_key_and_the_nearest_valid_key(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    sentence = refused(tmp_path, text)
    assert str(tmp_path / "profiles.toml") in sentence
    for part in parts:
        assert part in sentence


def test_a_secret_in_the_file_is_not_repeated_in_the_message(tmp_path: Path) -> None:
    assert "hunter2" not in refused(tmp_path, GOOD.replace('secret_from = "env:HUB_SECRET"', 'secret = "hunter2"'))


def test_save_and_load_give_the_same_profile_and_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "profiles.toml"
    first = Profile(name="a", hub_name="h", protected=True, credential=Credential("cli"))
    second = Profile(name='odd "name"', hub_name="h2", endpoints=Endpoints(arm="https://localhost:1"))
    save_profile(first, file)
    save_profile(second, file)
    assert load_profiles(file) == {"a": first, 'odd "name"': second}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["profiles.toml"]


@given(text=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_survives_the_file(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("profiles") / "p.toml"
    profile = Profile(name=text, hub_name="h", credential=Credential(secret_from=f"keyring:{text}"))
    save_profile(profile, file)
    assert load_profiles(file) == {text: profile}


def test_picking_by_file_name_and_hub_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(ConsoleError) as caught:
        pick_profile()
    assert caught.value.kind is ErrorKind.NOT_CONFIGURED
    save_profile(Profile(name="plants", hub_name="contoso"))
    assert pick_profile().hub_name == "contoso"
    assert pick_profile("some-other-hub").hub_name == "some-other-hub"
    with pytest.raises(ConsoleError, match="plants"):
        pick_profile("plantz")
    save_profile(Profile(name="second", hub_name="x"))
    with pytest.raises(ConsoleError, match="several profiles"):
        pick_profile()
    assert pick_profile(str(write(tmp_path, GOOD))).hub_name == "contoso-plants"


def test_state_folder_is_private_and_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(tmp_path / "state"))
    assert state_dir() == tmp_path / "state"
    assert stat.S_IMODE(state_dir().stat().st_mode) == 0o700


def test_secrets_come_from_environment_file_and_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_SECRET", "abc")
    file = tmp_path / "secret"
    file.write_text("def\n")
    file.chmod(0o600)
    assert read_secret("env:HUB_SECRET").reveal() == "abc"
    assert read_secret(f"file:{file}").reveal() == "def"
    assert read_secret("prompt", prompt=lambda _: "ghi").reveal() == "ghi"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_secret_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2")
    file.chmod(mode)
    with pytest.raises(ConsoleError) as caught:
        read_secret(f"file:{file}")
    assert caught.value.kind is ErrorKind.BAD_INPUT
    assert f"chmod 600 {file}" in caught.value.hint
    assert "hunter2" not in caught.value.sentence()


@pytest.mark.parametrize("source", ["env:HUB_NOT_SET", "file:/no/such/file", "prompt", "nonsense"])
def test_a_missing_secret_says_what_to_do(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_NOT_SET", raising=False)
    with pytest.raises(ConsoleError) as caught:
        read_secret(source)
    assert caught.value.kind is ErrorKind.NOT_CONFIGURED
    assert caught.value.hint


@pytest.mark.parametrize("what", ["a file in the way", "no right to write"])
def test_a_state_folder_that_cannot_be_used_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    folder = tmp_path / "state"
    if what == "a file in the way":
        folder.write_text("")
    else:
        folder.mkdir()
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    monkeypatch.setenv("HUBWARDEN_STATE_DIR", str(folder))
    with pytest.raises(ConsoleError) as caught:
        state_dir()
    assert str(folder) in caught.value.what and "HUBWARDEN_STATE_DIR" in caught.value.hint


def test_a_secret_that_is_a_folder_or_no_text_is_no_defect(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ConsoleError, match="it is not a file"):
        read_secret(f"file:{folder}")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    binary.chmod(0o600)
    with pytest.raises(ConsoleError, match="cannot be read"):
        read_secret(f"file:{binary}")


def test_a_question_gets_no_full_stop() -> None:
    assert ConsoleError(ErrorKind.BAD_INPUT, "It is wrong", "no such key", "Did you mean this?").sentence() == (
        "It is wrong: no such key. Did you mean this?"
    )

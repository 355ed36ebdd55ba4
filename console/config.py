"""Profiles: which hub, where its services answer, and how to sign in. Read from TOML, validated, written atomically."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from console.config_clouds import CLOUDS, PUBLIC, Cloud
from console.config_places import is_file, is_ipv4, is_source, wrong_endpoint, wrong_place, wrong_proxy
from console.config_state import APP
from console.config_state import state_dir as state_dir
from console.model.address import has_userinfo, shown_address
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean

KINDS = (
    "person",
    "cli",
    "managed-identity",
    "environment",
    "client-secret",
    "client-certificate",
    "connection-string",
)
_NEEDS_SECRET = {"client-secret", "client-certificate", "connection-string"}
_TABLES = ("endpoints", "credential", "proxy_credential")
_SOURCES = ("env:NAME", "file:PATH", "keyring:NAME", "prompt")


@dataclass(frozen=True)
class Credential:
    """How to sign in; `secret_from` says where the secret is (`env:NAME`, `file:PATH`, `keyring:NAME`, `prompt`)."""

    kind: str = "person"
    secret_from: str = ""
    client_id: str = ""


@dataclass(frozen=True)
class ProxyCredential:
    """How to log in at the proxy; `secret_from` says where the password is. Empty: the proxy asks for nothing."""

    user: str = ""
    secret_from: str = ""


@dataclass(frozen=True)
class Endpoints:
    """Service addresses that differ from the cloud's, as URLs; empty means the cloud's (for `hub`: the hub's host)."""

    arm: str = ""
    logs: str = ""
    authority: str = ""
    hub: str = ""
    dps: str = ""


@dataclass(frozen=True)
class Profile:
    """One hub and the way to it. Empty text means "not given": found at run time, or the cloud's default holds.

    Every hub is read-only until it is armed; `readonly` forbids arming it at all, `protected` asks for its name with
    every change. `seal_from` says where the passphrase is under which destroyed keys are kept in the journal (empty:
    not kept). `proxy_elsewhere` leads to services by their own names, for hubs that `endpoints` do not lead to. A
    change that cuts off more than `max_cut_percent` of the devices seen lately must be accepted.
    """

    name: str = ""
    hub_name: str = ""
    arm_id: str = ""
    hub_host: str = ""
    workspace_id: str = ""
    tenant_id: str = ""
    cloud: str = PUBLIC.name
    ca_file: str = ""
    proxy: str = ""
    proxy_elsewhere: str = ""
    my_ip: str = ""
    readonly: bool = False
    protected: bool = False
    seal_from: str = ""
    max_cut_percent: int = 5
    endpoints: Endpoints = field(default_factory=Endpoints)
    credential: Credential = field(default_factory=Credential)
    proxy_credential: ProxyCredential = field(default_factory=ProxyCredential)

    @property
    def azure(self) -> Cloud:
        """The cloud's defaults."""
        return CLOUDS[self.cloud]

    @property
    def arm_endpoint(self) -> str:
        """Where the resource manager answers."""
        return (self.endpoints.arm or self.azure.arm).rstrip("/")

    @property
    def logs_endpoint(self) -> str:
        """Where Log Analytics answers."""
        return (self.endpoints.logs or self.azure.logs).rstrip("/")

    @property
    def authority(self) -> str:
        """Where tokens come from."""
        return (self.endpoints.authority or self.azure.authority).rstrip("/")

    @property
    def dps_endpoint(self) -> str:
        """Where devices are provisioned."""
        return (self.endpoints.dps or self.azure.dps).rstrip("/")

    @property
    def hub_address(self) -> str:
        """Host, and port where it is not 443, that data-plane calls go to; empty when nothing is known."""
        if self.endpoints.hub:
            return self.endpoints.hub.removeprefix("https://").rstrip("/")
        if self.hub_host:
            return self.hub_host
        return f"{self.hub_name}.{self.azure.hub_suffix}" if self.hub_name else ""

    def elsewhere(self, *, hub_name: str, arm_id: str, hub_host: str) -> Profile:
        """Return the profile of another hub that this credential sees: the same cloud, trust and way to sign in."""
        for key, value in (("hub_name", hub_name), ("arm_id", arm_id), ("hub_host", hub_host)):
            if why := wrong_place(key, value):
                what = f"The hub {_shown(hub_name)} cannot be opened: the list of hubs gives “{_shown(value)}” for it"
                raise ConsoleError(ErrorKind.BAD_ANSWER, what, why, "Check the endpoints in the profile")
        moved = self.endpoints != Endpoints()
        proxy = self.proxy_elsewhere if moved and self.proxy_elsewhere else self.proxy
        endpoints = Endpoints() if moved and self.proxy_elsewhere else replace(self.endpoints, hub="", dps="")
        return replace(
            self,
            name="",
            hub_name=hub_name,
            arm_id=arm_id,
            hub_host=hub_host,
            workspace_id="",
            proxy=proxy,
            proxy_credential=self.proxy_credential if proxy == self.proxy else ProxyCredential(),
            endpoints=endpoints,
        )

    @property
    def data_plane_only(self) -> bool:
        """Whether the credential is a connection string: no resource manager, no logs, no roles."""
        return self.credential.kind == "connection-string"


def default_file() -> Path:
    """Return the path of the profiles in the user's configuration folder."""
    import platformdirs

    return platformdirs.user_config_path(APP, appauthor=False) / "profiles.toml"


def load_profiles(path: str | Path | None = None) -> dict[str, Profile]:
    """Read all profiles of a file (default: the user's own; no such file gives no profiles).

    Raises ConsoleError: BAD_INPUT when the file cannot be read or says something wrong; it names file, key and, for a
    wrong key, the nearest valid one.
    """
    return _load(path)[0]


def pick_profile(spec: str | None = None) -> Profile:
    """Return one profile: `spec` is a file, a name in the user's file, or a hub's name; None is the default profile.

    The default is the file's `default = "NAME"`, else its only profile. A name that no profile has is taken for a hub's
    name when the user's file has no profile that looks like it.
    """
    if spec and (spec.endswith(".toml") or os.sep in spec):
        return _default_of(*_load(spec), file=Path(spec))
    profiles, default = _load(None)
    if not spec:
        return _default_of(profiles, default, file=default_file())
    if spec in profiles:
        return profiles[spec]
    near = difflib.get_close_matches(spec, profiles, 1)
    if near:
        raise _bad(default_file(), spec, "there is no such profile", f'Did you mean "{near[0]}"?')
    if why := wrong_place("hub_name", spec):
        what = f"There is no profile “{_shown(spec)}”"
        raise ConsoleError(
            ErrorKind.BAD_INPUT, what, f"it is no hub's name either: {why}", "See: hubwarden profile list"
        )
    return Profile(name=spec, hub_name=spec)


def save_profile(profile: Profile, path: str | Path | None = None) -> Path:
    """Write a profile into a file beside those already there (0600, atomically); return the file's path.

    Only what differs from the defaults is written. Comments of the file are not kept.
    """
    from console.config_write import toml_key, toml_table, toml_text, write_private

    file = Path(path) if path else default_file()
    existing, default = _load(file)
    existing[profile.name or profile.hub_name or "default"] = profile
    lines = [f"default = {toml_text(default)}", ""] if default else []
    for name, entry in existing.items():
        lines += toml_table(f"profiles.{toml_key(name)}", entry, skip=("name", *_TABLES))
        for part in _TABLES:
            lines += toml_table(f"profiles.{toml_key(name)}.{part}", getattr(entry, part))
    write_private(file, "\n".join(lines).rstrip() + "\n")
    return file


def _load(path: str | Path | None) -> tuple[dict[str, Profile], str]:
    file = Path(path) if path else default_file()
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, ""
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not text in UTF-8"
        raise _bad(file, "", f"it cannot be read ({why})", "Check the path and its rights") from None
    except tomllib.TOMLDecodeError as error:
        raise _bad(file, "", f"it is not TOML: {error}", "Correct the line it names") from None
    _known(file, "", raw, ("profiles", "default"))
    default = _text(file, "default", raw.get("default", ""))
    tables = _mapping(file, "profiles", raw.get("profiles", {}))
    return {name: _profile(file, name, _mapping(file, f"profiles.{name}", t)) for name, t in tables.items()}, default


def _default_of(profiles: Mapping[str, Profile], default: str, *, file: Path) -> Profile:
    if not profiles:
        missing = "there is no profile in it" if file.exists() else "there is no such file"
        hint = "Add one: hubwarden profile add NAME --hub HUB, or try the demo: hubwarden demo"
        raise ConsoleError(ErrorKind.NOT_CONFIGURED, f"No profile was found in {file}", missing, hint)
    if default:
        if default in profiles:
            return profiles[default]
        raise _bad(file, "default", f'there is no profile "{_shown(default)}"', _nearest(default, profiles))
    if len(profiles) > 1:
        names = ", ".join(profiles)
        raise _bad(file, "default", f"there are several profiles ({names})", "Name one: hubwarden --profile NAME")
    return next(iter(profiles.values()))


def _profile(file: Path, name: str, table: Mapping[str, Any]) -> Profile:
    key = f"profiles.{name}"
    _known(file, key, table, [f.name for f in fields(Profile) if f.name != "name"])
    values: dict[str, Any] = {"name": name}
    for item, value in table.items():
        if item in {"readonly", "protected"}:
            if not isinstance(value, bool):
                raise _bad(file, f"{key}.{item}", "it must be true or false")
            values[item] = value
        elif item == "max_cut_percent":
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
                raise _bad(file, f"{key}.{item}", "it must be a whole number from 0 to 100")
            values[item] = value
        elif item not in _TABLES:
            values[item] = _text(file, f"{key}.{item}", value)
            if why := wrong_place(item, values[item]):
                raise _bad(file, f"{key}.{item}", why, f'Found "{_shown(values[item])}"')
    if values.get("cloud", PUBLIC.name) not in CLOUDS:
        raise _bad(file, f"{key}.cloud", f'"{_shown(values["cloud"])}" is no cloud', f"Clouds: {', '.join(CLOUDS)}")
    values["endpoints"] = _endpoints(file, key, _mapping(file, f"{key}.endpoints", table.get("endpoints", {})))
    values["credential"] = _credential(file, key, _mapping(file, f"{key}.credential", table.get("credential", {})))
    login = _mapping(file, f"{key}.proxy_credential", table.get("proxy_credential", {}))
    values["proxy_credential"] = _proxy_credential(file, key, login)
    profile = Profile(**values)
    _check(file, key, profile)
    return profile


def _endpoints(file: Path, key: str, table: Mapping[str, Any]) -> Endpoints:
    _known(file, f"{key}.endpoints", table, [f.name for f in fields(Endpoints)])
    urls = {name: _text(file, f"{key}.endpoints.{name}", value) for name, value in table.items()}
    for name, url in urls.items():
        if url and (why := wrong_endpoint(url)):
            raise _bad(file, f"{key}.endpoints.{name}", why, f'Found "{_shown(url)}"')
    return Endpoints(**urls)


def _proxy_credential(file: Path, key: str, table: Mapping[str, Any]) -> ProxyCredential:
    here = f"{key}.proxy_credential"
    _no_secret(file, here, table)
    _known(file, here, table, [f.name for f in fields(ProxyCredential)])
    login = ProxyCredential(**{name: _text(file, f"{here}.{name}", value) for name, value in table.items()})
    if login.user and (":" in login.user or not login.user.isprintable()):
        raise _bad(file, f"{here}.user", "a user name has no colon and no control characters")
    if login.secret_from and not login.user:
        raise _bad(file, f"{here}.user", "a password needs a user name")
    if login.user and not login.secret_from:
        raise _bad(file, f"{here}.secret_from", "the user's password is needed", _source_hint())
    if login.secret_from and not is_source(login.secret_from):
        raise _bad(file, f"{here}.secret_from", "it does not say where the password is kept", _source_hint())
    return login


def _no_secret(file: Path, here: str, table: Mapping[str, Any]) -> None:
    secret_keys = {"secret", "client_secret", "password", "connection_string", "key", "shared_access_key"}
    if inline := sorted(set(table) & secret_keys):
        raise _bad(file, f"{here}.{inline[0]}", "a secret is never kept in a profile", _source_hint())


def _credential(file: Path, key: str, table: Mapping[str, Any]) -> Credential:
    here = f"{key}.credential"
    _no_secret(file, here, table)
    _known(file, here, table, [f.name for f in fields(Credential)])
    credential = Credential(**{name: _text(file, f"{here}.{name}", value) for name, value in table.items()})
    if credential.kind not in KINDS:
        raise _bad(file, f"{here}.kind", f'"{_shown(credential.kind)}" is no kind', f"Kinds: {', '.join(KINDS)}")
    if why := wrong_place("client_id", credential.client_id):
        raise _bad(file, f"{here}.client_id", why, f'Found "{_shown(credential.client_id)}"')
    if credential.kind in _NEEDS_SECRET and not credential.secret_from:
        raise _bad(file, f"{here}.secret_from", f'kind "{credential.kind}" needs it', _source_hint())
    if credential.secret_from and not is_source(credential.secret_from):
        raise _bad(file, f"{here}.secret_from", "it does not say where the secret is kept", _source_hint())
    if credential.kind == "client-certificate" and not credential.secret_from.startswith("file:"):
        raise _bad(file, f"{here}.secret_from", "a certificate is read from a file", 'Write "file:PATH" to a PEM file')
    if credential.kind in {"client-secret", "client-certificate"} and not credential.client_id:
        raise _bad(file, f"{here}.client_id", f'kind "{credential.kind}" needs the application\'s client id')
    return credential


def _check(file: Path, key: str, profile: Profile) -> None:
    if not (profile.hub_name or profile.arm_id or profile.hub_host or profile.data_plane_only):
        raise _bad(file, f"{key}.hub_name", "the profile names no hub", "Give hub_name, arm_id or hub_host")
    if profile.credential.kind in {"client-secret", "client-certificate"} and not profile.tenant_id:
        raise _bad(file, f"{key}.tenant_id", f'kind "{profile.credential.kind}" needs the tenant')
    if profile.seal_from and not is_source(profile.seal_from):
        raise _bad(file, f"{key}.seal_from", "it does not say where the passphrase is kept", _seal_hint())
    if profile.my_ip and not is_ipv4(profile.my_ip):
        raise _bad(file, f"{key}.my_ip", f'"{_shown(profile.my_ip)}" is not an IPv4 address')
    if "://" in profile.ca_file:
        why = "it is an address: save the roots to a file and name the file"
        raise _bad(file, f"{key}.ca_file", why, f'Found "{_shown(profile.ca_file)}"')
    if profile.ca_file and not is_file(profile.ca_file):
        raise _bad(file, f"{key}.ca_file", f'there is no file "{_shown(profile.ca_file)}"')
    for item in ("proxy", "proxy_elsewhere"):
        if (url := getattr(profile, item)) and (why := wrong_proxy(url)):
            hint = "Write it like http://proxy.contoso.com:3128"
            if has_userinfo(url):
                hint += f", and put user and secret_from into [{key}.proxy_credential]"
            raise _bad(file, f"{key}.{item}", why, hint)
    if profile.proxy_credential.user and not profile.proxy:
        raise _bad(file, f"{key}.proxy_credential", "the profile has no proxy to log in at", f"Set proxy in [{key}]")


def _shown(value: str) -> str:
    """Return a value of the file as an error may quote it."""
    return clean(shown_address(value), limit=100)


def _source_hint() -> str:
    return f"Set secret_from to one of: {', '.join(_SOURCES)}"


def _seal_hint() -> str:
    return f"Set seal_from to one of: {', '.join(_SOURCES)}"


def _known(file: Path, key: str, table: Mapping[str, Any], valid: Iterable[str]) -> None:
    names = list(valid)
    for name in table:
        if name not in names:
            raise _bad(file, f"{key}.{name}".lstrip("."), "there is no such key", _nearest(name, names))


def _nearest(name: str, valid: Iterable[str]) -> str:
    names = list(valid)
    near = difflib.get_close_matches(name, names, 1, cutoff=0.4)
    return f'Did you mean "{near[0]}"?' if near else f"Valid: {', '.join(names)}"


def _text(file: Path, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise _bad(file, key, "it must be text in quotes")
    return value


def _mapping(file: Path, key: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _bad(file, key, f"it must be a table: [{key}]")
    return value


def _bad(file: Path, key: str, why: str, hint: str = "") -> ConsoleError:
    where = f'{clean(file)}, key "{clean(key)}"' if key else clean(file)
    return ConsoleError(ErrorKind.BAD_INPUT, f"The profile file is wrong at {where}", why, hint)

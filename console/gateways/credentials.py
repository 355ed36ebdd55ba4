"""Signing in: one credential per profile, shared by all gateways, and who is behind it."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from console.config_clouds import KNOWN_AUTHORITIES
from console.config_secrets import Prompt, private_file, read_secret
from console.gateways.answers import Target
from console.gateways.errors import RefusedError, translate
from console.gateways.imports import IMPORTING
from console.gateways.transport import Transport
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import Identity, arm_segment
from console.model.secret import Secret
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel

WHAT = "Signing in failed"
_LABELS = {
    "cli": "Azure CLI",
    "managed-identity": "managed identity",
    "environment": "environment",
    "client-secret": "client secret",
    "client-certificate": "client certificate",
    "connection-string": "connection string",
}
_WORKLOAD = ("AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
_LOCAL = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
"""Where one is set the identity is asked for on this machine (azure-identity's ManagedIdentityCredential)."""
_PERSON_ORDER = ("cli", "managed-identity", "environment")


@dataclass(frozen=True)
class ConnectionString:
    """The parts of a hub's connection string; `text` is the whole, to hand to the SDK."""

    host: str
    policy: str
    text: Secret


class SignIn:
    """The credential of a profile. SDKs call `get_token`; nothing is imported or asked before that.

    For a person it tries Azure CLI, then managed identity, then the environment, and stays with the first that
    works: the audit trail should name the person, not the machine.
    """

    def __init__(self, transport: Transport, *, prompt: Prompt | None = None) -> None:
        self._transport = transport
        self._profile = transport.profile
        self._prompt = prompt
        self._lock = threading.RLock()
        self._built: tuple[str, Any] | None = None
        self._secret: Secret | None = None
        self._last_token = ""

    @property
    def target(self) -> Target:
        """The token service."""
        host = self._profile.authority.removeprefix("https://")
        return self._transport.target(Target("the token service", host, is_token_service=True))

    def get_token(self, *scopes: str, **options: Any) -> Any:
        """Return an azure-core AccessToken for the scopes (the SDKs call this).

        Raises RefusedError, which carries the `ConsoleError` unharmed through the SDK's pipeline.
        """
        with self._lock:
            try:
                token = self._fetch(scopes, options)
            except Exception as error:
                failure = translate(error, WHAT, self.target, self._transport.wall())
                if failure.retry:
                    self._built = None  # MSAL answers from its memory for a minute after such an answer
                raise RefusedError(failure) from error
            self._last_token = token.token
            return token

    def whoami(self, cancel: Cancel = NEVER_CANCELLED) -> Identity:
        """Return who we are: from the claims of a token (our own, not verified) or the connection string's policy."""
        if self._profile.data_plane_only:
            string = self.connection_string()
            return Identity("connection string", clean(f"policy {string.policy}"))
        with self._lock:
            token = self._last_token
        if not token:
            scope = f"{self._profile.azure.arm_audience}/.default"
            token = self._transport.read(WHAT, self.target, cancel, lambda: str(self.get_token(scope).token))
        source = _LABELS[self._built[0]] if self._built else ""
        return identity_of(token, source)

    def connection_string(self) -> ConnectionString:
        """Return the profile's connection string, read from where the profile says.

        Raises ConsoleError BAD_INPUT when it is not one or opens another hub than the profile's (code "other-hub"),
        NOT_CONFIGURED when there is none.
        """
        from console.services.hub_string import of_profile

        profile = self._profile
        name = profile.hub_name or arm_segment(profile.arm_id, "IotHubs")
        hosts = [profile.hub_host, profile.endpoints.hub] if name or profile.hub_host else []
        string = of_profile(self._read_secret(), name=name, suffix=profile.azure.hub_suffix, hosts=hosts)
        key = string.key.reveal() if string.key else ""
        kept = f"HostName={string.host};SharedAccessKeyName={string.policy};SharedAccessKey={key}"
        return ConnectionString(string.host, string.policy, Secret(kept))

    def own_policy(self) -> tuple[str, str, Secret] | None:
        """Return host, policy and key of the profile's connection string; None when it has another credential."""
        if not self._profile.data_plane_only:
            return None
        string = self.connection_string()
        key = string.text.reveal().rpartition("SharedAccessKey=")[2]
        return string.host, string.policy, Secret(key)

    def _fetch(self, scopes: tuple[str, ...], options: dict[str, Any]) -> Any:
        if self._built is not None:
            return self._built[1].get_token(*scopes, **options)
        kind = self._profile.credential.kind
        if kind != "person":
            self._built = (kind, self._build(kind))
            return self._built[1].get_token(*scopes, **options)
        return self._first_that_works(scopes, options)

    def _first_that_works(self, scopes: tuple[str, ...], options: dict[str, Any]) -> Any:
        refused: list[str] = []
        for kind in _PERSON_ORDER:
            try:
                credential = self._build(kind)
                token = credential.get_token(*scopes, **options)
            except Exception as error:  # each way fails in its own manner; the next may work
                line = next(iter(str(error).splitlines()), type(error).__name__)
                refused.append(f"{_LABELS[kind]}: {clean(line, limit=120)}")
                continue
            self._built = (kind, credential)
            return token
        hint = "Sign in with az login, or put a credential into the profile"
        raise ConsoleError(ErrorKind.AUTHENTICATION, WHAT, "; ".join(refused), hint)

    def _build(self, kind: str) -> Any:
        with IMPORTING:
            from azure import identity

        profile = self._profile
        known = profile.authority in KNOWN_AUTHORITIES  # these answer for each other
        service = {
            **self._transport.core_options(KNOWN_AUTHORITIES if known else [profile.authority]),
            "authority": profile.authority,
            "disable_instance_discovery": not known,
        }
        client = profile.credential.client_id
        makers: dict[str, Callable[[], Any]] = {
            "cli": lambda: identity.AzureCliCredential(tenant_id=profile.tenant_id),
            "managed-identity": lambda: identity.ManagedIdentityCredential(
                client_id=client or None, **self._managed_options()
            ),
            "environment": lambda: identity.EnvironmentCredential(**service),
            "client-secret": lambda: identity.ClientSecretCredential(
                profile.tenant_id, client, self._read_secret().reveal(), **service
            ),
            "client-certificate": lambda: identity.CertificateCredential(
                profile.tenant_id, client, certificate_data=self._certificate(), **service
            ),
        }
        if kind not in makers:
            why = "the profile's credential is a connection string, which opens the registry only"
            hint = "Add a credential of kind person, client-secret or managed-identity to the profile"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, WHAT, why, hint)
        with IMPORTING:
            return makers[kind]()

    def _managed_options(self) -> dict[str, Any]:
        """Return the options for this machine's identity: never through a proxy, but for a cluster's token exchange."""
        exchange = all(os.environ.get(name) for name in _WORKLOAD) and not any(map(os.environ.get, _LOCAL))
        return self._transport.core_options() if exchange else self._transport.direct_options()

    def _read_secret(self) -> Secret:
        with self._lock:
            if self._secret is None:
                self._secret = read_secret(self._profile.credential.secret_from, prompt=self._prompt)
            return self._secret

    def _certificate(self) -> bytes:
        from console.config_state import home_path

        return private_file(home_path(self._profile.credential.secret_from.removeprefix("file:"))).read_bytes()


def identity_of(token: str, source: str) -> Identity:
    """Return the identity that a JWT names; empty fields where it is no JWT or says nothing."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        claims = {}
    if not isinstance(claims, dict):
        claims = {}
    keys = ("upn", "unique_name", "preferred_username", "name", "app_displayname", "appid", "azp", "oid")
    name = next((str(claims[key]) for key in keys if claims.get(key)), "unknown")
    return Identity(source, clean(name), clean(claims.get("oid")), clean(claims.get("tid")))

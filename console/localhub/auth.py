"""Who a caller of the local hub is: bearer tokens (signed JWTs) and shared access signatures."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import unquote

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from console.localhub.state import AccessPolicy, Cloud, HubState, Principal, ProvisioningState

ALGORITHM = "RS256"
LIFETIME_S = 3599
_SCHEME = "sharedaccesssignature"


class AuthFailure(Exception):  # noqa: N818 - the name the applications know
    """A caller was not recognised.

    `reason` is one of missing, malformed, signature, expired, not-yet-valid, audience, unknown-principal,
    unknown-policy, unknown-device; `message` tells a person.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class SasClaims:
    """What a valid signature says. `resource` is the decoded `sr`; no `policy`: a device or module key signed it."""

    policy: AccessPolicy | None
    resource: str
    expires: datetime
    device_id: str | None = None
    module_id: str | None = None

    def covers(self, path: str) -> bool:
        """Whether the token's resource is `path` (`/devices/x`, decoded) or above it, by segment and without case.

        An id that is encoded twice counts too: what devices report of IoT Hub says that it takes `%2540` for `@`.
        """
        scope = [part.casefold() for part in self.resource.strip("/").split("/")[1:]]
        segments = [part.casefold() for part in path.strip("/").split("/")][: len(scope)]
        return len(segments) == len(scope) and all(
            part in (named, unquote(named).casefold()) for part, named in zip(segments, scope, strict=True)
        )


# --- bearer tokens ---------------------------------------------------------------------------------------------------


_key_lock = Lock()


def signing_key() -> rsa.RSAPrivateKey:
    """Return the token service's key: one per process, in memory only."""
    with _key_lock:  # `cache` alone would make a key for each of several first callers
        return _new_signing_key()


@cache
def _new_signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def key_id() -> str:
    """Return the identifier (`kid`, `x5t`) of the signing key."""
    numbers = signing_key().public_key().public_numbers()
    digest = hashlib.sha256(numbers.n.to_bytes(256, "big")).digest()[:20]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def issue_token(cloud: Cloud, principal: Principal, audience: str, lifetime_s: int = LIFETIME_S) -> str:
    """Return a signed access token of the v1 form that Entra gives for Azure's own resources.

    A negative lifetime gives a token that has expired already.
    """
    now = int(cloud.clock.wall().timestamp())
    claims: dict[str, Any] = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{cloud.tenant_id}/",
        "iat": now,
        "nbf": now - 300 + min(lifetime_s, 0),
        "exp": now + lifetime_s,
        "appid": principal.client_id,
        "appidacr": "1",
        "idtyp": "app",
        "oid": principal.object_id,
        "sub": principal.object_id,
        "tid": cloud.tenant_id,
        "uti": uuid.uuid4().hex[:22],
        "ver": "1.0",
    }
    if principal.upn:
        claims |= {"upn": principal.upn, "unique_name": principal.upn, "idtyp": "user"}
    return jwt.encode(claims, signing_key(), ALGORITHM, headers={"kid": key_id(), "x5t": key_id()})


def bearer(cloud: Cloud, authorization_header: str | None, audiences: Collection[str]) -> Principal:
    """Return the principal of an `Authorization: Bearer` header.

    `audiences` are compared without a trailing slash. Raises AuthFailure: missing, malformed, signature, expired,
    not-yet-valid, audience, unknown-principal. Times are judged by the cloud's clock.
    """
    scheme, _, token = (authorization_header or "").partition(" ")
    if scheme.casefold() != "bearer" or not token.strip():
        raise AuthFailure("missing", "No bearer token was sent.")
    # Our own checks of time and audience: the clock may be skewed on purpose, and each failure has its own answer.
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    try:
        claims = jwt.decode(token.strip(), signing_key().public_key(), [ALGORITHM], options=options)
    except jwt.InvalidSignatureError:
        raise AuthFailure("signature", "The token's signature is not this tenant's.") from None
    except jwt.PyJWTError:
        raise AuthFailure("malformed", "The access token is invalid.") from None
    if claims.get("tid") != cloud.tenant_id:
        raise AuthFailure("signature", "The token is of another tenant.")
    now = cloud.clock.wall().timestamp()
    if now >= claims.get("exp", 0):
        raise AuthFailure("expired", "The access token expiry UTC time is past.")
    if now < claims.get("nbf", 0):
        raise AuthFailure("not-yet-valid", "The access token is not valid yet.")
    wanted = {audience.rstrip("/") for audience in audiences}
    if str(claims.get("aud", "")).rstrip("/") not in wanted:
        raise AuthFailure("audience", "The access token has been obtained for the wrong audience or resource.")
    with cloud.lock:
        principal = cloud.principals.get(str(claims.get("oid", "")))
    if principal is None:
        raise AuthFailure("unknown-principal", "The token's principal does not exist.")
    return principal


# --- shared access signatures ----------------------------------------------------------------------------------------


def verify_sas(hub: HubState, header: str | None, resource_host_candidates: Iterable[str], now: datetime) -> SasClaims:
    """Return what a shared access signature grants, or raise AuthFailure.

    The signature covers `sr` as it was sent, a line feed and `se`; either key of the policy, device or module fits;
    parameters come in any order; policy names are compared without case (Microsoft's documentation of IoT Hub's SAS
    tokens). The resource's host may be the hub's own name, localhost, or one of `resource_host_candidates`; ports are
    not compared. Whether rights and path are enough is the caller's question (`policy.rights`, `covers`).
    """
    parameters, resource, expires = _claimed(header, (hub.host, *resource_host_candidates))
    path = resource.strip().partition("/")[2]
    with hub.lock:
        policy, device_id, module_id, keys = _signer(hub, parameters.get("skn"), path)
    _check_signature(parameters, keys, expires, now)
    return SasClaims(policy, resource, expires, device_id, module_id)


def verify_service_sas(service: ProvisioningState, header: str | None, host: str, now: datetime) -> SasClaims:
    """Return what a policy of a provisioning service signed for, or raise AuthFailure; hold the cloud's lock.

    `sr` is the service's host (or `host`, by which it was called), `skn` one of its policies. Source: the service's
    document on shared access signatures.
    """
    parameters, resource, expires = _claimed(header, (service.host, host))
    policy = _policy(service.policies, parameters.get("skn") or "")
    _check_signature(parameters, (policy.primary_key, policy.secondary_key), expires, now)
    return SasClaims(policy, resource, expires)


def _claimed(header: str | None, hosts: Iterable[str]) -> tuple[dict[str, str], str, datetime]:
    """Return a signature's parameters, decoded resource and expiry; the resource must be of one of the hosts."""
    parameters = _parameters(header)
    resource = unquote(parameters["sr"])
    try:
        expires = datetime.fromtimestamp(int(parameters["se"]), UTC)
    except (ValueError, OverflowError, OSError):
        raise AuthFailure("malformed", "The token's expiry is not a number of seconds.") from None
    host = resource.strip().partition("/")[0]
    if _bare(host) not in {_bare(candidate) for candidate in (*hosts, "localhost", "127.0.0.1")}:
        raise AuthFailure("audience", "The token is for another resource.")
    return parameters, resource, expires


def _check_signature(parameters: dict[str, str], keys: Iterable[str | None], expires: datetime, now: datetime) -> None:
    if not _signed(parameters, keys):
        raise AuthFailure("signature", "The token's signature does not fit any key.")
    if expires <= now:
        raise AuthFailure("expired", "The token has expired.")


def _policy(policies: Mapping[str, AccessPolicy], name: str) -> AccessPolicy:
    wanted = unquote(name).casefold()
    found = next((entry for known, entry in policies.items() if known.casefold() == wanted), None)
    if found is None:
        raise AuthFailure("unknown-policy", "There is no such policy.")
    return found


def _parameters(header: str | None) -> dict[str, str]:
    scheme, _, text = (header or "").strip().partition(" ")
    if not header or not header.strip():
        raise AuthFailure("missing", "Authorization header missing.")
    if scheme.casefold() != _SCHEME:
        raise AuthFailure("malformed", "This is not a shared access signature.")
    found: dict[str, str] = {}
    for part in text.strip().split("&"):
        name, equals, value = part.partition("=")
        if not equals or name in found:
            raise AuthFailure("malformed", "The token cannot be read.")
        found[name] = value
    if not all(found.get(name) for name in ("sr", "sig", "se")):
        raise AuthFailure("malformed", "The token lacks sr, sig or se.")
    return found


def _signer(
    hub: HubState, policy_name: str | None, path: str
) -> tuple[AccessPolicy | None, str | None, str | None, tuple[str | None, str | None]]:
    parts = [part for part in path.split("/") if part]
    named = len(parts) > 1 and parts[0].casefold() == "devices"
    device_id = parts[1] if named else None
    module_id = parts[3] if named and len(parts) > 3 and parts[2].casefold() == "modules" else None
    if policy_name:
        policy = _policy(hub.policies, policy_name)
        return policy, device_id, module_id, (policy.primary_key, policy.secondary_key)
    if device_id is None:
        raise AuthFailure("malformed", "The token names neither a policy nor a device.")
    record = hub.devices.get(device_id) or hub.devices.get(unquote(device_id))
    if record is not None and module_id is not None:
        record = record.modules.get(module_id) or record.modules.get(unquote(module_id))
    if record is None or record.auth != "sas":
        raise AuthFailure("unknown-device", "No such device or module signs in with a key.")
    return None, record.device_id, module_id, (record.primary_key, record.secondary_key)


def _signed(parameters: dict[str, str], keys: Iterable[str | None]) -> bool:
    message = f"{parameters['sr']}\n{parameters['se']}".encode()
    try:
        signature = base64.b64decode(unquote(parameters["sig"]), validate=True)
    except (binascii.Error, ValueError):
        return False
    fits = False
    for key in keys:
        try:
            raw = base64.b64decode(key or "", validate=True)
        except (binascii.Error, ValueError):
            continue
        if raw:
            fits |= hmac.compare_digest(hmac.new(raw, message, hashlib.sha256).digest(), signature)
    return fits


def _bare(host: str) -> str:
    return host.partition(":")[0].casefold()

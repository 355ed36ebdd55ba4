"""The local hub's token service: OpenID discovery, signing keys, client-credentials tokens, Entra's error bodies."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.localhub.auth import LIFETIME_S, issue_token, key_id, signing_key
from console.localhub.fault_answers import token_error
from console.localhub.faults import Faults
from console.localhub.state import Cloud, Principal

RESOURCES = (
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://iothubs.azure.net",
    "https://api.loganalytics.io",
    "https://api.loganalytics.azure.com",
    "https://azure-devices-provisioning.net",
)
_DEFAULT = "/.default"


def make_app(cloud: Cloud, faults: Faults | None = None) -> Starlette:
    """Return the application. The fault `expired-secret` makes it find every client secret expired."""
    service = TokenService(cloud, faults or Faults())
    return Starlette(
        routes=[
            Route("/common/discovery/instance", service.instances),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", service.discovery),
            Route("/{tenant}/.well-known/openid-configuration", service.discovery),
            Route("/{tenant}/discovery/v2.0/keys", service.keys),
            Route("/{tenant}/discovery/keys", service.keys),
            Route("/{tenant}/oauth2/v2.0/token", service.token, methods=["POST"]),
        ]
    )


class Refusal(Exception):  # noqa: N818 - an answer, not a defect
    """A token request that is turned down: HTTP status, OAuth error, AADSTS number and text."""

    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.code = status, error, code
        self.text = f"AADSTS{code}: {text}"


class TokenService:
    """The handlers, over one cloud's tenant and principals."""

    def __init__(self, cloud: Cloud, faults: Faults) -> None:
        self._cloud = cloud
        self._faults = faults

    async def discovery(self, request: Request) -> Response:
        """Answer the OpenID configuration of the tenant."""
        try:
            self._check_tenant(request)
        except Refusal as refusal:
            return self._refused(refusal)
        tenant, base = self._cloud.tenant_id, _base(request)
        return JSONResponse(
            {
                "issuer": f"https://login.microsoftonline.com/{tenant}/v2.0",
                "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/devicecode",
                "end_session_endpoint": f"{base}/{tenant}/oauth2/v2.0/logout",
                "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
            }
        )

    async def instances(self, request: Request) -> Response:
        """Answer which authority a cloud has: this one, for clients that ask before they sign in."""
        host = request.headers.get("host", "localhost")
        configuration = f"{_base(request)}/{self._cloud.tenant_id}/v2.0/.well-known/openid-configuration"
        return JSONResponse(
            {
                "tenant_discovery_endpoint": configuration,
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    async def keys(self, _request: Request) -> Response:
        """Answer the public signing key (JWKS)."""
        key = RSAAlgorithm.to_jwk(signing_key().public_key(), as_dict=True)
        return JSONResponse({"keys": [{**key, "use": "sig", "kid": key_id(), "x5t": key_id()}]})

    async def token(self, request: Request) -> Response:
        """Answer a client-credentials request."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        try:
            self._check_tenant(request)
            if form.get("grant_type") != "client_credentials":
                raise Refusal(
                    400,
                    "unsupported_grant_type",
                    70003,
                    "The app requested an unsupported grant type; the local hub knows client_credentials only.",
                )
            principal = self._principal(form)
            audience = self._audience(form)
        except Refusal as refusal:
            return self._refused(refusal)
        access = issue_token(self._cloud, principal, audience, LIFETIME_S)
        body = {"token_type": "Bearer", "expires_in": LIFETIME_S, "ext_expires_in": LIFETIME_S, "access_token": access}
        return JSONResponse(body, headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})

    def _check_tenant(self, request: Request) -> None:
        tenant = request.path_params["tenant"]
        if tenant.casefold() != self._cloud.tenant_id.casefold():
            raise Refusal(
                400,
                "invalid_tenant",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct "
                "tenant ID and are signing into the correct cloud.",
            )

    def _principal(self, form: dict[str, str]) -> Principal:
        client_id = form.get("client_id", "")
        if not client_id:
            raise Refusal(400, "invalid_request", 900144, _missing("client_id"))
        with self._cloud.lock:
            known = list(self._cloud.principals.values())
        principal = next((p for p in known if p.client_id.casefold() == client_id.casefold()), None)
        if principal is None:
            raise Refusal(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the "
                f"directory '{self._cloud.tenant_id}'. This can happen if the application has not been installed by "
                "the administrator of the tenant or consented to by any user in the tenant. You may have sent your "
                "authentication request to the wrong tenant.",
            )
        secret = form.get("client_secret", "")
        if not secret:
            raise Refusal(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )
        if not hmac.compare_digest(secret.encode(), principal.secret.encode()):
            raise Refusal(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the "
                "request is the client secret value, not the client secret ID, for a secret added to app "
                f"'{principal.client_id}'.",
            )
        if self._faults.take("expired-secret", "token"):
            raise Refusal(
                401,
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{principal.client_id}' are "
                "expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or "
                "consider using certificate credentials for added security: https://aka.ms/certCreds.",
            )
        return principal

    def _audience(self, form: dict[str, str]) -> str:
        scope = form.get("scope", "").strip()
        if not scope:
            raise Refusal(400, "invalid_request", 900144, _missing("scope"))
        if not scope.endswith(_DEFAULT) or " " in scope:
            raise Refusal(
                400,
                "invalid_scope",
                1002012,
                f"The provided value for scope {scope} is not valid. Client credential "
                "flows must have a scope value with /.default suffixed to the resource identifier "
                "(application ID URI).",
            )
        # "https://x//.default" asks for the audience "https://x/", as for the classic management resource
        audience = scope.removesuffix(_DEFAULT)
        if audience.rstrip("/") not in RESOURCES:
            raise Refusal(
                400,
                "invalid_resource",
                500011,
                f"The resource principal named {audience} was not found in the tenant "
                f"named {self._cloud.tenant_id}. This can happen if the application has not been installed by the "
                "administrator of the tenant or consented to by any user in the tenant.",
            )
        return audience

    def _refused(self, refusal: Refusal) -> Response:
        body = token_error(refusal.error, refusal.text, refusal.code, self._cloud.clock.wall())
        return JSONResponse(body, refusal.status, headers={"Cache-Control": "no-store, no-cache"})


def _missing(name: str) -> str:
    return f"The request body must contain the following parameter: '{name}'."


def _base(request: Request) -> str:
    return f"https://{request.headers.get('host', 'localhost')}"

"""The two shapes of the resource manager's errors: the front door's envelope and IoT Hub's own flat body."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from console.localhub.state import Json, Principal

_STATUS_NAMES = {400: "BadRequest", 404: "NotFound", 409: "Conflict", 412: "PreconditionFailed"}
_CHALLENGE = (
    'Bearer authorization_uri="https://login.windows.net/{tenant}", error="invalid_token", error_description="{text}"'
)


class ArmError(Exception):
    """An answer that ends a call early: HTTP status, JSON body, extra headers."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def front_door(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> ArmError:
    """Return an error of ARM's front door: `{"error": {"code", "message"}}`."""
    return ArmError(status, {"error": {"code": code, "message": message}}, headers)


def flat(status: int, code: str, message: str) -> ArmError:
    """Return an error of Azure Monitor: `{"code", "message"}` with a word as code."""
    return ArmError(status, {"code": code, "message": message})


def iot_hub(code: int, text: str) -> ArmError:
    """Return an error of the IoT Hub provider: no envelope, an integer code whose first three digits are the status.

    The shape is that of captured bodies; the etag error ends in a full stop, the validation error does not.
    """
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    stop = "" if code == 400059 else "."
    message = (
        f"{text} If you contact a support representative please include this correlation identifier: {uuid.uuid4()}, "
        f"timestamp: {stamp}, errorcode: IH{code}{stop}"
    )
    status = code // 1000
    return ArmError(status, {"code": code, "httpStatusCode": _STATUS_NAMES[status], "message": message})


def bad_etag() -> ArmError:
    """Return the 412 for a missing or stale If-Match."""
    return iot_hub(412001, "Invalid ETag supplied.")


def bad_body() -> ArmError:
    """Return the 400 for a body that is not complete or not allowed; the service does not say where."""
    return iot_hub(400059, "Request body validation failed.")


def bad_argument(text: str) -> ArmError:
    """Return the 400 for a value the service refuses (ArgumentInvalid)."""
    return iot_hub(400004, text)


def subscription_not_found(subscription: str) -> ArmError:
    """Return the 404 for a subscription that is not here."""
    return front_door(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def group_not_found(group: str) -> ArmError:
    """Return the 404 for a resource group that is not here."""
    return front_door(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_not_found(kind: str, name: str, group: str) -> ArmError:
    """Return the 404 for a resource that is not in its group."""
    return front_door(
        404,
        "ResourceNotFound",
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def forbidden(principal: Principal, action: str, scope: str) -> ArmError:
    """Return the 403 for a caller whose roles do not allow the action at the scope."""
    client = principal.upn or principal.client_id
    return front_door(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{principal.object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials.",
    )


def unauthenticated(reason: str, detail: str, tenant: str) -> ArmError:
    """Return the 401 for a token that is missing, expired, for somebody else, or no token at all.

    `reason` is that of `auth.AuthFailure`, or format for another scheme. The challenge has no `claims`, as those would
    make a client ask again.
    """
    if reason == "missing":
        code, text = "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
    elif reason == "format":
        code = "AuthenticationFailedInvalidHeader"
        text = "Authentication failed. The 'Authorization' header is provided in an invalid format."
    elif reason == "expired":
        code, text = "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time."
    elif reason == "audience":
        code = "InvalidAuthenticationTokenAudience"
        text = (
            "The access token has been obtained for wrong audience or resource. It should exactly match with one of "
            "the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net',"
            "'https://management.azure.com/','https://management.azure.com'."
        )
    elif reason == "signature":
        code, text = "InvalidAuthenticationToken", "The access token is invalid: its signature does not verify."
    else:
        code, text = "InvalidAuthenticationToken", f"The access token is invalid. {detail}".strip()
    challenge = _CHALLENGE.format(tenant=tenant, text=text.replace('"', "'"))
    return front_door(401, code, text, {"WWW-Authenticate": challenge})

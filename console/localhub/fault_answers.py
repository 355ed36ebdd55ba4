"""The bodies each service gives with 429 and 5xx, in its own shape."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

_HUB_NAMES = {
    500: "ServerError",
    502: "ServerError",
    503: "ServiceUnavailable",
    504: "GenericTimeout",
}
_ARM_NAMES = {
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}

Body = tuple[dict[str, Any], str]  # the body, and the error's name


def throttle_body(endpoint: str, now: datetime) -> Body:
    """Return what a service answers with 429."""
    if endpoint == "hub":
        text = "The request has been throttled. Wait 10 seconds and try again. Operation type: "
        return _hub("ThrottlingBacklogTimeout", text + "RegistryRead", now)
    if endpoint == "dps":  # as captured (tests of azure-sdk-for-c's middleware quote it)
        return _provisioning(429001, "Operations are being throttled for this tenant.", now)
    if endpoint == "logs":
        return _enveloped("ThrottledError", "The request was throttled: too many queries in a short time.")
    if endpoint == "token":
        text = "AADSTS90055: Server is too busy because there are too many incoming requests."
        return _token("temporarily_unavailable", text, 90055, now)
    text = "Number of requests for subscription has exceeded the limit. Please try again after some time."
    return _enveloped("SubscriptionRequestsThrottled", text)


def error_body(endpoint: str, status: int, now: datetime) -> Body:
    """Return what a service answers with a 5xx (or another error) of its own making."""
    if status == 413:
        text = "The request is larger than the service takes."
        if endpoint == "token":
            return _token("invalid_request", text, 90013, now)
        if endpoint == "dps":
            return _provisioning(413000, text, now)
        return _hub("MessageTooLarge", text, now) if endpoint == "hub" else _enveloped("RequestEntityTooLarge", text)
    if endpoint == "hub":
        name = _HUB_NAMES.get(status, "ServerError")
        return _hub(name, "An internal error occurred. Please retry.", now)
    if endpoint == "dps":  # the number is ours: the status, then zeros, as 403000 is known to be
        return _provisioning(status * 1000, "An internal error occurred. Please retry.", now)
    if endpoint == "token":
        text = "AADSTS90033: A transient error has occurred. Please try again."
        return _token("temporarily_unavailable", text, 90033, now)
    name = _ARM_NAMES.get(status, "InternalServerError")
    return _enveloped(name, "The service could not complete the request. Please try again later.")


def _hub(name: str, text: str, now: datetime) -> Body:
    tracking = f"Tracking ID:{uuid.uuid4().hex}-G:0-TimeStamp:{now:%m/%d/%Y %H:%M:%S}"
    return {"Message": f"ErrorCode:{name};{text}", "ExceptionMessage": tracking}, name


def _provisioning(number: int, text: str, now: datetime) -> Body:
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    body = {"errorCode": number, "trackingId": str(uuid.uuid4()), "message": text, "timestampUtc": stamp}
    return body, str(number)


def _enveloped(name: str, text: str) -> Body:
    return {"error": {"code": name, "message": text}}, name


def _token(name: str, text: str, code: int, now: datetime) -> Body:
    return token_error(name, text, code, now), name


def token_error(name: str, text: str, code: int, now: datetime) -> dict[str, Any]:
    """Return an error body of the token endpoint: `text` begins with its AADSTS code."""
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = f"{now:%Y-%m-%d %H:%M:%S}Z"
    return {
        "error": name,
        "error_description": f"{text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}",
        "error_codes": [code],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }

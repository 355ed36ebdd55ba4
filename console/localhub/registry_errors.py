"""Refusals of the data plane in the service's three body shapes, each with its `iothub-errorcode` header."""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from enum import Enum

from console.localhub.state import Json


class Shape(Enum):
    """How the body is built (captures of the real service show all three)."""

    MESSAGE = 1  # {"Message": "ErrorCode:Name;text", "ExceptionMessage": "Tracking ID:..."}
    NUMBERED = 2  # {"errorCode": 409301, "message": ..., "trackingId": ..., "timestampUtc": ...}
    NESTED = 3  # shape 2 as text inside shape 1's Message


class RegistryError(Exception):
    """A call that the data plane refuses.

    Attributes:
        status: HTTP status.
        name: the error code's name, sent in `iothub-errorcode`.
        text: the sentence inside the body.
        shape: which of the three bodies.
        number: the six-digit code, for the two shapes that carry it.
        nested: for the nested shape, which optional keys of the inner body are present.
    """

    def __init__(
        self,
        status: int,
        name: str,
        text: str,
        *,
        shape: Shape = Shape.MESSAGE,
        number: int | None = None,
        nested: tuple[str, ...] = ("trackingId", "timestampUtc", "info"),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{status} {name}: {text}")
        self.status = status
        self.name = name
        self.text = text
        self.shape = shape
        self.number = number
        self.nested = nested
        self.headers = headers

    def body(self, now: datetime) -> Json:
        """Return the body as a JSON object, stamped with a fresh tracking id and `now`."""
        tracking = secrets.token_hex(16).upper()
        if self.shape is Shape.MESSAGE:
            stamp = now.strftime("%m/%d/%Y %H:%M:%S")
            return {
                "Message": f"ErrorCode:{self.name};{self.text}",
                "ExceptionMessage": f"Tracking ID:{tracking}-G:0-TimeStamp:{stamp}",
            }
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        numbered: Json = {
            "errorCode": self.number,
            "message": self.text,
            "trackingId": f"{tracking[:16]}-G2:-TimeStamp:{stamp}",
            "timestampUtc": stamp,
        }
        if self.shape is Shape.NUMBERED:
            return numbered
        inner: Json = {key: numbered[key] for key in numbered if key in {"errorCode", "message", *self.nested}}
        if "info" in self.nested:
            inner["info"] = None
            return {"Message": json.dumps(inner, separators=(",", ":")), "ExceptionMessage": ""}
        return {"Message": json.dumps(inner, separators=(",", ":"))}


def unauthorized() -> RegistryError:
    """Return the refusal of a bad key, an expired token and a blocked address alike: it never says which."""
    return RegistryError(401, "IotHubUnauthorizedAccess", "Unauthorized")


def unauthorized_module() -> RegistryError:
    """Return the refusal under module paths with a shared access signature (401002 inside the message)."""
    return RegistryError(
        401,
        "IotHubUnauthorizedAccess",
        "Unauthorized access",
        shape=Shape.NESTED,
        number=401002,
        nested=("trackingId",),
    )


def not_assigned(principal: str, method: str, path: str) -> RegistryError:
    """Return 401003 for a signed-in principal whose roles lack the data action."""
    text = f"Principal {principal} is not authorized for {method} on {path} due to no assigned permissions"
    return RegistryError(401, "IotHubUnauthorized", text)


def lacks_right(policy: str, method: str, path: str) -> RegistryError:
    """Return 401003 for a shared access policy without the right (wording of the service's error list)."""
    return RegistryError(
        401, "IotHubUnauthorized", f"Authorization rule '{policy}' does not allow access for '{method} {path}'"
    )


def header_missing() -> RegistryError:
    """Return 401003 for a call without an Authorization header."""
    return RegistryError(401, "IotHubUnauthorized", "Authorization header missing")


def argument_invalid(text: str) -> RegistryError:
    """Return 400 ArgumentInvalid."""
    return RegistryError(400, "ArgumentInvalid", text)


def device_not_found(device_id: str) -> RegistryError:
    """Return 404001; the text is the id alone."""
    return RegistryError(404, "DeviceNotFound", device_id)


def module_not_found(device_id: str, module_id: str) -> RegistryError:
    """Return 404010."""
    return RegistryError(
        404,
        "ModuleNotFound",
        f"Module {module_id} on Device {device_id} not registered",
        shape=Shape.NUMBERED,
        number=404010,
    )


def etag_invalid() -> RegistryError:
    """Return 412 for an ETag that is no longer the current one."""
    return RegistryError(412, "PreconditionFailed", "PreconditionFailed, ETag may be invalid.")


def etag_missing() -> RegistryError:
    """Return 412 for a delete without If-Match."""
    return RegistryError(412, "PreconditionFailed", "Etag missing")


def not_online() -> RegistryError:
    """Return 404103: a direct method for a device that is not connected."""
    return RegistryError(
        404,
        "DeviceNotOnline",
        "The operation failed because the requested device isn't online. To learn more, see https://aka.ms/iothub404103",
        shape=Shape.NESTED,
        number=404103,
    )


def no_answer(seconds: float) -> RegistryError:
    """Return 504101: a direct method that the device did not answer in time."""
    return RegistryError(
        504,
        "GatewayTimeout",
        f"Timed out waiting for the response from device after {seconds:.0f} seconds.",
        shape=Shape.NESTED,
        number=504101,
    )


def throttled(operation: str) -> RegistryError:
    """Return 429 as captured: no Retry-After, and the connection is closed."""
    text = f"The request has been throttled. Wait 10 seconds and try again. Operation type: {operation}"
    return RegistryError(429, "ThrottlingBacklogTimeout", text, headers=(("Connection", "close"),))

"""A word, a glyph and a style token for every status; the colour only repeats what the word says."""

from __future__ import annotations

from console.model.connection import Cause
from console.model.device import AuthType, ConnectionState, DeviceStatus
from console.model.errors import ErrorKind
from console.present.lines import Piece

AUTH_WORDS: dict[AuthType, str] = {
    AuthType.SAS: "SAS",
    AuthType.CA: "X.509 CA",
    AuthType.THUMBPRINT_SHA256: "thumb SHA-256",
    AuthType.THUMBPRINT_SHA1: "thumb SHA-1",
    AuthType.THUMBPRINT_MISSING: "thumb missing",
    AuthType.NONE: "none",
    AuthType.UNKNOWN: "unknown",
}
_AUTH_TOKENS = {
    AuthType.THUMBPRINT_SHA1: "warn",
    AuthType.THUMBPRINT_MISSING: "bad",
    AuthType.NONE: "warn",
    AuthType.UNKNOWN: "dim",
}
ERROR_WORDS: dict[ErrorKind, str] = {
    ErrorKind.NETWORK: "NO CONNECTION",
    ErrorKind.TIMEOUT: "NO ANSWER IN TIME",
    ErrorKind.TLS: "TLS NOT TRUSTED",
    ErrorKind.AUTHENTICATION: "NOT SIGNED IN",
    ErrorKind.PERMISSION: "NO PERMISSION",
    ErrorKind.CLOCK: "CLOCKS DIFFER",
    ErrorKind.NOT_FOUND: "NOT FOUND",
    ErrorKind.CONFLICT: "CHANGED MEANWHILE",
    ErrorKind.THROTTLED: "THROTTLED",
    ErrorKind.SERVICE: "SERVICE FAILED",
    ErrorKind.BAD_ANSWER: "UNEXPECTED ANSWER",
    ErrorKind.BAD_INPUT: "NOT ACCEPTED",
    ErrorKind.BAD_QUERY: "QUERY REFUSED",
    ErrorKind.NOT_CONFIGURED: "NOT CONFIGURED",
    ErrorKind.READ_ONLY: "READ-ONLY",
    ErrorKind.CANCELLED: "STOPPED",
    ErrorKind.DEFECT: "DEFECT IN HUBWARDEN",
}
CAUSE_MARKS: dict[Cause, str] = dict(zip(Cause, "#=x+c%o*FNOCKA~@-?.", strict=True))
"""One ASCII character per cause, for terminals without block characters."""


def auth_piece(auth: AuthType) -> Piece:
    """Return the word for an auth type; weak ones stand out."""
    return (AUTH_WORDS[auth], _AUTH_TOKENS.get(auth, ""))


def status_piece(status: DeviceStatus) -> Piece:
    """Return the word for a device status."""
    return (status.value, {DeviceStatus.ENABLED: ""}.get(status, "warn"))


def connection_piece(state: ConnectionState) -> Piece:
    """Return glyph and word for a connection state."""
    if state is ConnectionState.CONNECTED:
        return ("● connected", "ok")
    if state is ConnectionState.DISCONNECTED:
        return ("○ disconnected", "dim")
    return ("? unknown", "dim")


def cause_token(cause: Cause) -> str:
    """Return the style token of a cause, `cause.ip_rules`."""
    return f"cause.{cause.name.lower()}"

"""What an HTTP answer looked like, whichever SDK received it, and whom we asked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any


@dataclass(frozen=True)
class Target:
    """Whom a call goes to, for the sentences of its failures. `role` is what a caller needs there.

    `operation` is the operation that the call needs on the data plane, at `scope` (empty: the hub), as roles name it.
    """

    service: str  # "the resource manager", "the hub", "Log Analytics", "the token service"
    host: str
    role: str = ""
    is_hub: bool = False
    is_token_service: bool = False
    by_key: bool = False
    ca_file: str = ""
    proxy: str = ""
    proxy_login: bool = False
    operation: str = ""
    scope: str = ""


@dataclass(frozen=True)
class Answer:
    """Status, headers (lower-case names) and text of an HTTP answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def html(self) -> bool:
        """Whether it is a web page: a proxy, a portal or a wrong host answered instead of the service."""
        return "text/html" in self.headers.get("content-type", "") or self.text.lstrip()[:9].casefold() in {
            "<!doctype",
            "<html>",
        }

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks to wait; None when it does not say or says it unreadably."""
        for name, scale in (("retry-after-ms", 1000.0), ("x-ms-retry-after-ms", 1000.0), ("retry-after", 1.0)):
            try:
                seconds = float(self.headers[name]) / scale
                return max(seconds, 0.0) if math.isfinite(seconds) else None
            except (KeyError, ValueError):
                continue
        return None

    @property
    def date(self) -> datetime | None:
        """The service's own time."""
        try:
            return parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError, TypeError):
            return None

    @property
    def request_id(self) -> str | None:
        """The service's tracking id."""
        for name in ("x-ms-request-id", "x-ms-correlation-request-id", "request-id"):
            if self.headers.get(name):
                return self.headers[name]
        return None

    def problem(self) -> tuple[str, str]:
        """Return (code, message) from a body as ARM, the hub, Log Analytics or Entra write it; empty when none.

        The hub writes three shapes, one of them JSON in a JSON string; Log Analytics puts the useful part innermost.
        """
        try:
            body: Any = json.loads(self.text)
        except (ValueError, RecursionError):
            return self.headers.get("iothub-errorcode", ""), ""
        if not isinstance(body, dict):
            return "", ""
        code, message = _read(body)
        return self.headers.get("iothub-errorcode") or code, message


def _read(body: dict[str, Any]) -> tuple[str, str]:
    inner: Any = body.get("error")
    if isinstance(inner, dict):
        code = str(inner.get("code", ""))
        while isinstance(inner.get("innererror"), dict):
            inner = inner["innererror"]
        return code, str(inner.get("message", ""))
    if isinstance(inner, str):  # the token service
        return inner, str(body.get("error_description", "")).splitlines()[0] if body.get("error_description") else ""
    if "Message" in body:
        message = str(body["Message"])
        if message.startswith("{"):
            try:
                nested = json.loads(message)
            except (ValueError, RecursionError):
                return "", message
            if not isinstance(nested, dict):
                return "", message
            return str(nested.get("errorCode", "")), str(nested.get("message", ""))
        if message.startswith("ErrorCode:"):
            name, _, rest = message.removeprefix("ErrorCode:").partition(";")
            return name, rest
        return "", message
    return str(body.get("code", body.get("errorCode", ""))), str(body.get("message", ""))


class BadStatusError(Exception):
    """An answer with a status that says "no"; for calls that go past the SDKs' own checks."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


def answer_of(error: BaseException) -> Answer | None:
    """Return the HTTP answer that an exception carries (azure-core or msrest), None when it carries none."""
    if isinstance(error, BadStatusError):
        return error.answer
    response = getattr(error, "response", None)
    if response is None or not hasattr(response, "status_code"):
        return None
    return read_answer(response)


def read_answer(response: Any) -> Answer:
    """Return the answer in a response object of requests, azure-core or msrest."""
    headers = {str(name).casefold(): str(value) for name, value in dict(response.headers).items()}
    text = response.text
    if callable(text):
        try:
            text = text()
        except Exception:  # the body may be gone or not be text; the status still counts
            text = ""
    return Answer(int(response.status_code or 0), headers, str(text))

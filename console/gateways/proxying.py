"""The profile's proxy and the login that it wants: the password is fetched when the proxy is first used."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from console.config import Profile, ProxyCredential
from console.config_secrets import PROXY_QUESTION, Prompt, read_secret


@dataclass
class ProxyLogin:
    """Gives the headers for a proxy, none where the profile has no login; shared by threads."""

    credential: ProxyCredential = field(default_factory=ProxyCredential)
    prompt: Prompt | None = field(default=None, repr=False)
    _headers: dict[str, str] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(cls, profile: Profile, prompt: Prompt | None = None) -> ProxyLogin:
        """Return the login of a profile."""
        return cls(profile.proxy_credential, prompt)

    @property
    def known(self) -> bool:
        """Whether the profile has one."""
        return bool(self.credential.user)

    def at(self, url: str) -> dict[str, str]:
        """Return the headers for a proxy whose address may hold the login itself (a caller's, never a profile's)."""
        parts = urlsplit(url)
        if parts.username:
            return _basic(unquote(parts.username), unquote(parts.password or ""))
        return self()

    def __call__(self) -> dict[str, str]:
        """Return the headers for the proxy. Raises ConsoleError when the password cannot be read."""
        if not self.known:
            return {}
        with self._lock:
            if not self._headers:
                source = self.credential.secret_from
                password = read_secret(source, prompt=self.prompt, question=PROXY_QUESTION).reveal()
                self._headers = _basic(self.credential.user, password)
            return dict(self._headers)


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Proxy-Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}

"""What OpenSSL keeps behind a certificate that is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrustSettings:
    """What OpenSSL keeps behind a certificate (`BEGIN TRUSTED CERTIFICATE`): purposes by number, a name, and words.

    `trusted_for` None: no purposes are listed, which is not the same as none.
    """

    trusted_for: tuple[str, ...] | None = None
    rejected_for: tuple[str, ...] = ()
    alias: str = ""
    words: str = ""

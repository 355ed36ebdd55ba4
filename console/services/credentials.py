"""The certificate, token and payload tools of one hub, each made when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from console.model.clock import Clock
from console.services.session import Session

if TYPE_CHECKING:
    from console.services.ca_uploads import CaUploads
    from console.services.changes import Changes
    from console.services.inspector import Inspector
    from console.services.payload import Payload
    from console.services.pki import Pki
    from console.services.ports import RemoteReader
    from console.services.tokens import Tokens


class Credentials:
    """The tools; only uploading, registering and comparing talk to the hub."""

    def __init__(
        self, session: Session, changes: Changes, remote: RemoteReader, state_dir: Path | None, clock: Clock
    ) -> None:
        self._session = session
        self._changes = changes
        self._remote = remote
        self._state_dir = state_dir
        self._clock = clock

    @cached_property
    def pki(self) -> Pki:
        """Makes CAs and issues certificates."""
        from console.services.pki import Pki

        return Pki(self._state_dir / "certificates" if self._state_dir else None, self._clock)

    @cached_property
    def inspector(self) -> Inspector:
        """Reads, verifies, lints and compares certificates."""
        from console.services.inspector import Inspector

        return Inspector(self._session, self._changes.reader, self._remote, self._clock)

    @cached_property
    def uploads(self) -> CaUploads:
        """Plans uploads of CA certificates and proofs of possession."""
        from console.services.ca_uploads import CaUploads

        return CaUploads(self._session, self._changes, self._clock)

    @cached_property
    def tokens(self) -> Tokens:
        """Mints and explains tokens."""
        from console.services.tokens import Tokens

        return Tokens(self._session, self._changes, self._state_dir, self._clock)

    @cached_property
    def payload(self) -> Payload:
        """Encrypts and decrypts payloads."""
        from console.services.payload import Payload

        return Payload(self._clock)

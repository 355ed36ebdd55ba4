"""A certificate signing request, read."""

from __future__ import annotations

from dataclasses import dataclass, field

OLD_HASHES = ("SHA-1", "MD5", "MD4", "MD2")


@dataclass(frozen=True)
class RequestInfo:
    """A certificate signing request, read. `proven` tells whether it is signed by its own key.

    `not_known` names the algorithm when that could not be checked; nothing is said against the request then.
    `oddities` are sentences on what is unusual in it, though it could be read.
    """

    subject: str
    common_name: str
    key: str
    key_bits: int
    proven: bool
    asks_for: tuple[str, ...] = ()
    sha256_of_key: str = ""
    der: bytes = field(default=b"", repr=False)
    not_known: str = ""
    signature_hash: str = ""
    oddities: tuple[str, ...] = ()

    @property
    def convincing(self) -> bool:
        """Whether it proves that its sender holds the key: signed by it, and with a hash that cannot be forged."""
        return self.proven and self.signature_hash not in OLD_HASHES

    @property
    def possession(self) -> str:
        """Whether it is signed by its own key: "yes", "no", "not known: md5"."""
        if self.not_known:
            return f"not known: {self.not_known}"
        return "yes" if self.proven else "no"

"""What the jobs of the Certificates tab bring back; a passphrase is never in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.message import Message

from console.model.bulk_issue import BulkIssued, BulkProgress
from console.model.certificate import AuthorityRecord, Issued
from console.model.errors import ConsoleError
from console.model.hub import HubCertificate
from console.present.certificate_table import Row
from console.present.lines import Line
from console.ui.messages import Snapshot


class InventoryRead(Snapshot):
    """The CAs that are known here, the rows of all that they issued, and why other known CAs cannot be read."""

    def __init__(
        self, authorities: Sequence[AuthorityRecord], rows: Sequence[Row], unreadable: Sequence[ConsoleError]
    ) -> None:
        super().__init__()
        self.authorities = authorities
        self.rows = rows
        self.unreadable = unreadable


class HubCasRead(Snapshot):
    """The CA certificates of the hub."""

    def __init__(self, certificates: Sequence[HubCertificate]) -> None:
        super().__init__()
        self.certificates = certificates


class PageMade(Message):
    """A result that is shown as a page: its crumb, and what builds it."""

    def __init__(self, crumb: str, build: Callable[[int], list[Line]]) -> None:
        super().__init__()
        self.crumb = crumb
        self.build = build


class Made(Message):
    """A certificate was made."""

    def __init__(self, issued: Issued) -> None:
        super().__init__()
        self.issued = issued


class ChainRead(Snapshot):
    """The chain of the certificate that is described, as lines for a width."""

    def __init__(self, build: Callable[[int], list[Line]]) -> None:
        super().__init__()
        self.build = build


class Answered(Message):
    """What was asked for; `take` is called with it on the screen's own thread."""

    def __init__(self, take: Callable[[Any], None], value: Any) -> None:
        super().__init__()
        self.take = take
        self.value = value


class Progress(Snapshot):
    """How far a bulk issue is."""

    def __init__(self, progress: BulkProgress) -> None:
        super().__init__()
        self.progress = progress


class BulkEnded(Message):
    """How a bulk issue ended."""

    def __init__(self, result: BulkIssued) -> None:
        super().__init__()
        self.result = result


class ProofRead(Snapshot):
    """What the hub has of one CA (None: nothing), the code that counts now if it is known, and the lines for it."""

    def __init__(self, certificate: HubCertificate | None, code: str, lines: tuple[str, ...]) -> None:
        super().__init__()
        self.certificate = certificate
        self.code = code
        self.lines = lines

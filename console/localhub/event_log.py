"""The last log records of devices and provisioning, for whoever follows a running local hub."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

from console.localhub.log_rows import LogRecord

MOST_EVENTS = 5000


class EventLog:
    """The last records that hubs and provisioning services wrote since the start, whatever is kept of them."""

    def __init__(self) -> None:
        self._rows: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._numbers = itertools.count(1)

    def add(self, source: str, records: Sequence[LogRecord]) -> None:
        """Take records of a hub or provisioning service of that name. May be called under any lock."""
        for record in records:
            self._rows.append(
                {
                    "number": next(self._numbers),
                    "time": record.time.isoformat(),
                    "source": source,
                    "category": record.category,
                    "operation": record.operation,
                    "level": record.level,
                    "code": record.code,
                    "description": record.description,
                    "properties": _parsed(record.properties),
                }
            )

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the records after a number, oldest first."""
        return [row for row in list(self._rows) if row["number"] > number]

    def clear(self) -> None:
        """Forget all; the numbers go on."""
        self._rows.clear()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

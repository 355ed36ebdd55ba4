"""The error codes of IoT Hub: what each means, the documented fix, and how to read it as a matter of security.

Sources: the service's error-code reference and its public client SDKs (see each family below).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from console.model.connection import PROVISIONING_CODE
from console.model.error_codes_data import FAMILIES, REQUEST, RETRY, TABLE
from console.model.provisioning_codes import TABLE as PROVISIONING


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code. `security` says what an attack, a leak or a lock-out behind it looks like; empty when nothing does."""

    code: str
    name: str
    meaning: str
    fix: str
    security: str = ""

    @property
    def http_status(self) -> int:
        """The HTTP status that the first three digits repeat."""
        return int(self.code[:3]) if self.code[:3].isdigit() else 0


def _parse(table: str) -> dict[str, ErrorCode]:
    entries = {}
    for row in table.replace("\n    ", " ").splitlines():
        head, meaning, fix, *security = row.split(" | ")
        code, name = head.split(" ")
        fix = {"@request": REQUEST, "@retry": RETRY}.get(fix, fix)
        entries[code] = ErrorCode(code, name, meaning, fix, *security)
    return entries


CATALOGUE: Mapping[str, ErrorCode] = MappingProxyType(_parse(TABLE))
"""Every known code by its six digits."""

_UNKNOWN = ("The service's reference does not list this code.", "Look at the raw event.")
_BY_NAME = MappingProxyType({entry.name.casefold(): entry for entry in CATALOGUE.values()})


def explain(code: str) -> ErrorCode:
    """Return the entry of a code (six digits or the service's name); an unknown one is explained by its HTTP family.

    A code of a provisioning service has `DPS ` before it: some numbers mean another thing there.
    """
    text = code.strip()
    number = text.removeprefix(PROVISIONING_CODE.strip()).strip()
    if number != text:
        name, meaning, fix = PROVISIONING.get(number, ("", *FAMILIES.get(number[:3], _UNKNOWN)))
        return ErrorCode(number, name or "not in the catalogue", meaning, fix)
    entry = CATALOGUE.get(text) or _BY_NAME.get(text.casefold())
    if entry is not None:
        return entry
    meaning, fix = FAMILIES.get(text[:3], _UNKNOWN)
    return ErrorCode(text, "not in the catalogue", meaning, fix)

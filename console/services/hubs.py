"""Every hub that the credential sees, and failed connections of each: one query for the list, one for all logs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from console.model.errors import ConsoleError, ErrorKind
from console.model.hubs import HubEntry, HubList
from console.services.connections import NoTableError, query_log
from console.services.ports import NEVER_CANCELLED, Cancel, HubLister, count_of
from console.services.session import Session

WINDOW = timedelta(hours=1)
KQL = """AzureDiagnostics
| where ResourceProvider == "MICROSOFT.DEVICES" and ResourceType == "IOTHUBS" and Category == "Connections"
| extend DeviceId = tostring(parse_json(properties_s).deviceId)
| summarize Failures = countif(Level == "Error"), Devices = dcountif(DeviceId, Level == "Error") by _ResourceId"""
"""Failed connections of every hub whose log goes to one workspace."""


class Hubs:
    """Lists hubs. `lister` None: the profile's credential opens one registry alone."""

    def __init__(self, session: Session, lister: HubLister | None) -> None:
        self._session = session
        self._lister = lister

    def load(self, cancel: Cancel = NEVER_CANCELLED) -> HubList:
        """Return the hubs by name, with the failures of the last hour as far as one workspace knows them.

        Raises ConsoleError when there is no list; a workspace that cannot be asked becomes a note.
        """
        if self._lister is None:
            why, hint = "the profile's credential is a connection string", "Use a profile that signs in through Entra"
            raise ConsoleError(ErrorKind.NOT_CONFIGURED, "The hubs cannot be listed", why, hint)
        found = self._lister.hubs(cancel)
        if not found.hubs:
            return found
        try:
            failures = self._failures(cancel)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return replace(found, notes=(*found.notes, f"Failed connections are not known: {error.sentence()}"))
        return replace(found, hubs=tuple(_with(entry, failures) for entry in found.hubs))

    def _failures(self, cancel: Cancel) -> dict[str, tuple[int, int]]:
        end = self._session.now()
        try:
            table = query_log(self._session.logs(cancel), KQL, end - WINDOW, end, cancel)
        except NoTableError:  # it is made with the first record
            return {}
        return {
            str(row["_ResourceId"]).casefold(): (count_of(row["Failures"]), count_of(row["Devices"]))
            for row in table.dicts()
        }


def _with(entry: HubEntry, failures: dict[str, tuple[int, int]]) -> HubEntry:
    """Return an entry with its failures. A hub that the workspace does not know may log elsewhere: nothing is said."""
    found = failures.get(entry.arm_id.casefold())
    return entry if found is None else replace(entry, failures=found[0], failing_devices=found[1])

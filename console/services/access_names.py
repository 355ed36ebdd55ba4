"""Names of principals, as far as anything but Microsoft Graph tells them: our own token, and the activity log."""

from __future__ import annotations

from datetime import timedelta

from console.model.errors import ConsoleError, ErrorKind
from console.services.ports import Cancel
from console.services.session import Session

NO_PIM = (
    "roles that somebody may activate for a time (Privileged Identity Management) do not show until they are active"
)
NO_GROUPS = "who is in a group is not known here: Microsoft Graph tells that"
_BACK = timedelta(days=30)
_HELD_SECONDS = 300.0


def names_from(session: Session, cancel: Cancel) -> tuple[dict[str, str], str]:
    """Return names by object id (lower case), and why the activity log could not add to them.

    Raises ConsoleError CANCELLED only.
    """

    def read() -> tuple[dict[str, str], str]:
        names: dict[str, str] = {}
        trouble = ""
        try:
            for entry in session.hub_reader.activity(session.now() - _BACK, cancel):
                if entry.caller_id and entry.caller and entry.caller.casefold() != entry.caller_id:
                    names.setdefault(entry.caller_id, entry.caller)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            trouble = error.why or error.what
        try:
            who = session.whoami(cancel)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
        else:
            if who.object_id and who.name:
                names[who.object_id.casefold()] = who.name
        return names, trouble

    return session.cached("access-names", _HELD_SECONDS, read)

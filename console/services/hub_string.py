"""The connection string of a profile: of a policy, and of the hub that the profile names."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace

from console.model.connection_string import ConnectionString
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub_hosts import opens_other
from console.model.secret import Secret
from console.model.text import clean
from console.rules import connection_string

_PARTS = "HostName=HUB.azure-devices.net;SharedAccessKeyName=POLICY;SharedAccessKey=KEY"


def of_profile(text: Secret, *, name: str, suffix: str, hosts: Iterable[str]) -> ConnectionString:
    """Return a policy's connection string as it can be used, its host without a dot at the end.

    `name`, `suffix` and `hosts` are what the profile knows its hub by. Raises ConsoleError BAD_INPUT when it cannot be
    used; code "other-hub" when it opens another hub: its key would be tried where nobody has it, and the refusal would
    look like a rotated key.
    """
    string, found = connection_string.read(text.reveal())
    if twice := next((one for one in found if one.id == "string-twice"), None):  # which of them is meant?
        raise _unusable(twice.message, twice.hint)
    given = {"HostName": string.host, "SharedAccessKeyName": string.policy, "SharedAccessKey": string.key}
    if missing := [part for part, value in given.items() if not value]:
        why = f"{' and '.join(missing)} is missing in it"
        if string.device_id:
            why = f"it is of the device {clean(string.device_id, limit=128)}, and a profile takes a policy's"
        raise _unusable(why, f"It reads {_PARTS}")
    string = replace(string, host=string.host.rstrip("."))
    if why := opens_other(string.host, name=name, suffix=suffix, hosts=hosts):
        hint = "Take the connection string of that hub, or correct the profile; the key was not used"
        raise _unusable(why, hint, "other-hub")
    try:
        base64.b64decode(string.key.reveal() if string.key else "", validate=True)
    except ValueError:
        raise _unusable("its key is not base64", "Copy it again, with the equals sign at its end") from None
    return string


def _unusable(why: str, hint: str, code: str = "") -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, "The connection string cannot be used", why, hint, code=code)

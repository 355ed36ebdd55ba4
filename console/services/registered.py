"""How the registry has a device or a module: what a certificate is held against."""

from __future__ import annotations

from typing import Any

from console.model.certificate import Registered
from console.model.device import AuthType, auth_type
from console.model.document import Target, TargetKind
from console.model.text import clean
from console.services.ports import Cancel, DocumentReader


def registered_as(reader: DocumentReader, device_id: str, module_id: str, cancel: Cancel) -> Registered:
    """Return how an identity signs in, read now; `exists` False where there is none. Keys are not kept.

    A module depends on its device: a disabled device keeps its modules out. Raises ConsoleError.
    """
    document = reader.read(Target(TargetKind.DEVICE, device_id), cancel)
    if document is None:
        return Registered(clean(device_id), clean(module_id), exists=False)
    body: Any = document.body
    enabled = str(body.get("status") or "").casefold() == "enabled"
    reason = clean(body.get("statusReason"), limit=128)
    if module_id:
        document = reader.read(Target(TargetKind.DEVICE, f"{device_id}/{module_id}"), cancel)
        if document is None:
            return Registered(clean(device_id), clean(module_id), exists=False, enabled=enabled)
        body = document.body
    authentication = _mapping(body, "authentication")
    prints = _mapping(authentication, "x509Thumbprint")
    pair = (_digits(prints.get("primaryThumbprint")), _digits(prints.get("secondaryThumbprint")))
    word = str(authentication.get("type") or "")
    auth = auth_type(word, pair)
    return Registered(clean(device_id), clean(module_id), True, enabled, reason, auth, pair, by_ca=auth is AuthType.CA)


def _digits(value: object) -> str:
    return clean(value).replace(":", "").replace(" ", "").upper()


def _mapping(body: Any, name: str) -> dict[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}

"""What tests of changes in the console share: scripted plans, an armed session, what was said."""

from __future__ import annotations

from typing import Any

from support.fake_changes import Script, change
from support.fakes import Knobs

from console.model.change import Change
from console.ui import commands
from console.ui.app import HubwardenApp


def script(*plans: Change, **more: Any) -> Knobs:
    """Return knobs whose undo gives plans one by one, the last one again and again."""
    todo = list(plans) or [change()]
    return Knobs(script=Script(undo=lambda: todo.pop(0) if len(todo) > 1 else todo[0], **more))


def arm(app: HubwardenApp, *, protected: bool = False) -> None:
    app.services.session.armed = True
    app.services.session.protected = protected


def said(app: HubwardenApp) -> str:
    """Return the toasts, which wrap on the screen."""
    return " | ".join(notification.message for notification in app._notifications)


def undo_key() -> str:
    return commands.BY_ID["change.undo"].keys[0]

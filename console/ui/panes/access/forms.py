"""What is asked before roles are given, made or checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.model.role import AccessReading, RoleTemplate
from console.services.access_view import QUESTIONS, operation_problem
from console.ui.dialogs.conditional import ConditionalForm
from console.ui.dialogs.form import Answer, ChoiceField, Field, Form, InfoField, PathField, TextField

OTHER = "other"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TYPES = (("User", "a user"), ("Group", "a group"), ("ServicePrincipal", "an application"))
_FEW = 6


def principal_problem(text: str) -> str:
    """Return what is wrong with a principal, as far as the form tells."""
    if not text.strip():
        return "give an object id, or me"
    if text.strip().casefold() == "me" or "@" in text or _GUID.fullmatch(text.strip()):
        return ""
    return "an object id (a GUID), “me”, or a name that the activity log knows"


def check_form(who: str) -> ConditionalForm:
    """Return the form for "may X do Y?"; `who` is preselected."""
    choices = (*((operation, words) for operation, _, words in QUESTIONS), (OTHER, "something else …"))
    fields: list[Field] = [
        TextField("principal", "who", who, "an object id, or me", principal_problem, suggested=True),
        ChoiceField("what", "may they", choices, choices[1][0]),
        TextField("operation", "operation", "", "Microsoft.Devices/IotHubs/…", operation_problem),
        ChoiceField("plane", "plane", (("", "the one it is on"), ("control", "control"), ("data", "data")), ""),
        InfoField("", "It is answered from the assignments, with their groups; conditions are not evaluated."),
    ]

    def hidden(answer: Answer) -> Sequence[str]:
        return [] if answer["what"] == OTHER else ["operation", "plane"]

    return ConditionalForm("MAY SOMEBODY DO SOMETHING?", fields, hidden=hidden, submit="Check")


def assign_form(reading: AccessReading, group: str, role: str, principal: str, kind: str) -> ConditionalForm:
    """Return the form that gives a role; `role`, `principal` and `kind` are preselected."""
    names = _role_names(reading, role)
    choices = (*((name, name) for name in names), (OTHER, "another …"))
    fields: list[Field] = [
        ChoiceField("role", "role", choices, role if role in names else names[0]),
        TextField("name", "its name", "", "as Azure calls it", lambda text: "" if text.strip() else "name a role"),
        TextField("principal", "to", principal, "an object id, or me", principal_problem, suggested=bool(principal)),
        ChoiceField("type", "that is", _TYPES, kind if kind in dict(_TYPES) else "User"),
        ChoiceField("scope", "on", (("", "this hub"), (group, "its resource group")), ""),
        TextField("description", "description", "", "for everybody who reads it; may be empty"),
    ]

    def hidden(answer: Answer) -> Sequence[str]:
        return [] if answer["role"] == OTHER else ["name"]

    def note(answer: Answer) -> str:
        return "It reaches every hub of the group, now and later." if answer["scope"] else ""

    return ConditionalForm("GIVE A ROLE", fields, hidden=hidden, submit="Show the plan", note=note)


def template_form(templates: Sequence[RoleTemplate], hub: str, group: str, taken: Sequence[str]) -> ConditionalForm:
    """Return the form that makes a custom role of a template."""
    choices = tuple((one.id, f"{one.name}: {one.words}") for one in templates)
    known = {name.casefold() for name in taken}

    def note(answer: Answer) -> str:
        name = str(answer["name"]).strip() or _named(templates, str(answer["template"]))
        return f"There is a role {name}: it would be changed." if name.casefold() in known else ""

    fields: list[Field] = [
        ChoiceField("template", "template", choices, choices[0][0]),
        TextField("name", "name", "", "empty: the template's own"),
        ChoiceField("scope", "assignable on", (("", "what we may"), (group, "the group"), (hub, "this hub alone")), ""),
    ]
    return ConditionalForm("A ROLE FROM A TEMPLATE", fields, hidden=lambda _: (), submit="Show the plan", note=note)


def file_form(suggested: str) -> Form:
    """Return the form that makes a custom role of a file, put right where that is wanted."""
    ways = (("fix", "put right what is in the wrong list"), ("as", "as it is"))
    fields: list[Field] = [
        PathField("file", "definition", suggested, "JSON: Azure CLI's form, or REST's"),
        ChoiceField("way", "make it", ways, "fix"),
        TextField("name", "name", "", "empty: the file's own"),
    ]
    return Form("A ROLE FROM A FILE", fields, submit="Show the plan")


def _named(templates: Sequence[RoleTemplate], template_id: str) -> str:
    return next((one.name for one in templates if one.id == template_id), "")


def _role_names(reading: AccessReading, first: str) -> list[str]:
    """Return the roles that are likely to be given here: custom ones, then those for data, then for control."""
    roles = reading.facts.definitions.values()
    custom = sorted(one.name for one in roles if one.custom)[: _FEW * 4]
    ours = sorted(
        one.name for one in roles if not one.custom and one.name.startswith(("IoT Hub", "Device Provisioning"))
    )
    plain = [name for name in ("Reader", "Contributor") if any(one.name == name for one in roles)]
    found = dict.fromkeys([first, *ours, *custom, *plain] if first else [*ours, *custom, *plain])
    return list(found) or ["Reader"]

"""Where role definitions stand in a JSON document: alone, in lists, in answers of REST, in ARM templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.model.change import Severity
from console.model.document import Json
from console.model.role import RoleFinding
from console.model.text import clean
from console.rules.rbac_members import looks_like_role

_TYPE = "microsoft.authorization/roledefinitions"
_DEPLOYMENTS = "microsoft.resources/deployments"
MAX_ROLES = 5000
"""As many custom roles as a tenant can have (Azure's document on limits)."""


@dataclass
class Found:
    """Definitions with their places ("" for the only one), whether each stands in a template, and what else there is.

    `wrong` is why the document is none of the forms; then nothing else counts.
    """

    definitions: list[tuple[str, Json, bool]] = field(default_factory=list)
    findings: list[RoleFinding] = field(default_factory=list)
    aside: dict[str, None] = field(default_factory=dict)
    wrong: str = ""


def find_definitions(body: Any) -> Found:
    """Return the role definitions of a parsed JSON document."""
    found = Found()
    if isinstance(body, list):
        _listed(body, "", found)
    elif not isinstance(body, dict):
        found.wrong = "it is no JSON object"
    elif "deploymentparameters" in str(body.get("$schema")).casefold():
        found.wrong = "it holds the parameters of a template: the role is in the template itself"
    elif (template := _template(body)) is not None:
        _of_template(template, found)
    elif isinstance(rows := _member(body, "value"), list) and not looks_like_role(body):
        _listed(rows, "value", found)
        if _member(body, "nextLink"):
            found.findings.append(_unread("the list goes on at its nextLink: those roles are not in this file"))
        found.aside.update(dict.fromkeys(clean(name, limit=60) for name in body if name.casefold() not in _AROUND))
    else:
        found.definitions.append(("", body, False))
    return found


_AROUND = {"value", "nextlink", "count", "@odata.context"}


def _listed(rows: list[Any], place: str, found: Found) -> None:
    if not rows:
        found.wrong = "it holds 0 roles"
    elif len(rows) > MAX_ROLES:
        found.wrong = f"it holds more than {MAX_ROLES:,} roles"
    elif not all(isinstance(one, dict) for one in rows):
        number = next(at for at, one in enumerate(rows) if not isinstance(one, dict))
        found.wrong = f"entry {number + 1} of its list is no JSON object"
    else:
        several = len(rows) > 1
        found.definitions += [(f"{place}[{at}]" if several else "", one, False) for at, one in enumerate(rows)]


def _template(body: Json) -> Json | None:
    """Return the ARM template that a document is, or holds as `template`."""
    for one in (body, _member(body, "template"), _member(_object(_member(body, "properties")), "template")):
        if isinstance(one, dict) and isinstance(_member(one, "resources"), list | dict) and not looks_like_role(one):
            return one
    return None


def _of_template(template: Json, found: Found) -> None:
    for place, resource in _resources(template, found):
        kind = clean(_member(resource, "type"), limit=120)
        folded = kind.casefold()
        properties = _object(_member(resource, "properties"))
        if folded == _TYPE or folded.endswith("/providers/roledefinitions"):
            if _member(resource, "existing") is True:
                found.aside["a role that exists already (existing)"] = None
            else:
                found.definitions.append((place, resource, True))
        elif looks_like_role(properties):
            message = f"{place} is of type {kind or 'none'}, though it describes a role: it makes no role definition"
            hint = "Is Microsoft.Authorization/roleDefinitions meant?"
            found.findings.append(RoleFinding("not-known", Severity.HIGH, "", message, hint, (kind or place,)))
        elif folded != _DEPLOYMENTS:
            found.aside[kind or place] = None
    if len(found.definitions) > MAX_ROLES:
        found.wrong = f"it holds more than {MAX_ROLES:,} roles"
    elif not found.definitions and not found.findings:
        found.wrong = (
            "it is a template without a role: nothing in it is of type Microsoft.Authorization/roleDefinitions"
        )


def _resources(template: Json, found: Found) -> Iterator[tuple[str, Json]]:
    """Yield every resource with its place, those of other resources and of nested deployments, too."""
    waiting: list[tuple[str, Any]] = [("resources", _member(template, "resources"))]
    while waiting:
        place, held = waiting.pop()
        if isinstance(held, str):
            found.findings.append(_unread(f"{place} is decided when the template is deployed: {clean(held, limit=80)}"))
        rows = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else ()
        for name, resource in rows:
            here = f"{place}[{name}]" if isinstance(held, list) else f"{place}.{clean(name, limit=60)}"
            if not isinstance(resource, dict):
                found.findings.append(_unread(f"{here} is no JSON object"))
                continue
            yield here, resource
            waiting.append((f"{here}.resources", _member(resource, "resources")))
            if str(_member(resource, "type")).casefold() == _DEPLOYMENTS:
                inner = _object(_member(resource, "properties"))
                if _member(inner, "templateLink") is not None:
                    found.findings.append(_unread(f"{here} is a template elsewhere (templateLink), which is not read"))
                nested = _object(_member(inner, "template"))
                waiting.append((f"{here}.properties.template.resources", _member(nested, "resources")))


def _unread(text: str) -> RoleFinding:
    return RoleFinding("not-known", Severity.MEDIUM, "", text, "Give what is there as a file of its own")


def _member(body: Mapping[str, Any], name: str) -> Any:
    folded = name.casefold()
    return next((value for key, value in body.items() if str(key).casefold() == folded), None)


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}

"""Role definitions read from JSON, in every form they come in; what is not understood is named, never passed over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from console.model.change import Severity
from console.model.errors import ConsoleError, ErrorKind
from console.model.role import Permissions, RoleDefinition, RoleFile, RoleFinding, RoleRead
from console.model.text import clean
from console.rules.rbac_forms import find_definitions
from console.rules.rbac_members import (
    BLOCK,
    FLAT,
    LISTED,
    LISTS,
    OUTER,
    PROPERTIES,
    RESOURCE,
    looks_like_role,
    nearest_member,
    rightly,
    well_written,
)

MAX_BYTES = 8 * 1024 * 1024
"""A tenant's whole list of roles, and several times that."""
MAX_ENTRIES = 4000
LONGEST_ENTRY = 1024
_TWICE = "\0twice"
"""The key under which a parsed object tells which of its names were there more than once; no JSON name can be it."""


def decoded(raw: bytes, what: str) -> str:
    """Return the text of a file: UTF-8, UTF-16 as PowerShell writes it, or UTF-32, with and without a mark.

    Raises ConsoleError BAD_INPUT (code "usage").
    """
    if len(raw) > MAX_BYTES:
        raise _bad(f"{what} is not a role definition", f"it has more than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        return raw.decode(json.detect_encoding(raw))
    except UnicodeDecodeError:
        why, hint = "it is no text in UTF-8 or UTF-16", "Save it as UTF-8"
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{what} cannot be read", why, hint, code="usage") from None


def read_roles(text: str, source: str = "the role") -> RoleFile:
    """Return the roles that a JSON text describes, each with what in it is not understood.

    Raises ConsoleError BAD_INPUT (code "usage") that names the place of what is wrong.
    """
    what = f"{source} is not a role definition"
    found = find_definitions(_parsed(text, what))
    if found.wrong:
        raise _bad(what, found.wrong)
    roles = tuple(_Reader(what, place, in_template).read(body) for place, body, in_template in found.definitions)
    return RoleFile(roles, tuple(found.findings), tuple(found.aside))


def read_role(text: str, source: str = "the role") -> RoleDefinition:
    """Return the one role that a JSON text describes, in any of the forms.

    Raises ConsoleError BAD_INPUT (code "usage") also for several roles, and for whatever in it is not understood.
    """
    found = read_roles(text, source)
    what = f"{source} is not a role definition"
    if len(found.roles) != 1:
        raise _bad(what, f"it holds {len(found.roles)} roles", "Give one role at a time")
    one = found.roles[0]
    for finding in (*found.findings, *one.findings):
        if one.lost or finding in found.findings:
            raise _bad(f"{source} is not understood whole", _with_entries(finding), finding.hint)
    return one.role


def _with_entries(finding: RoleFinding) -> str:
    told = [entry for entry in finding.entries[:4] if entry not in finding.message]
    return f"{finding.message}: {', '.join(told)}" if told else finding.message


def _parsed(text: str, what: str) -> Any:
    if len(text) > MAX_BYTES:
        raise _bad(what, f"it has more than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        return json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_object)
    except RecursionError:
        raise _bad(what, "it is nested too deep to be read") from None
    except ValueError as error:
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _bad(what, f"it is not JSON{where}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object that remembers which names it had twice: a parser keeps the last and says nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        found[_TWICE] = [name for name in found if names.count(name) > 1]
    return found


class _Reader:
    """Reads one definition and collects what in it is not understood."""

    def __init__(self, what: str, place: str, in_template: bool) -> None:
        self._what, self._at, self._in_template = what, place, in_template
        self._findings: list[tuple[str, Severity, str, str, tuple[str, ...], bool]] = []
        self._lost: list[str] = []

    def read(self, body: Mapping[str, Any]) -> RoleRead:
        """Return the role of an object, with what is lost of it."""
        given = {str(name).casefold(): value for name, value in body.items()}
        if isinstance(given.get("properties"), dict):
            outer = self._members(body, RESOURCE if self._in_template else OUTER, "")
            inner = self._members(outer["properties"], PROPERTIES, "properties.")
            place = "properties."
        else:
            outer = inner = self._members(body, FLAT if given.get("permissions") is None else LISTED, "")
            place = ""
        blocks = self._blocks(inner, place)
        empty = not any(any((one.actions, one.not_actions, one.data_actions, one.not_data_actions)) for one in blocks)
        if empty and not (self._lost and (looks_like_role(body) or looks_like_role(inner))):
            raise self._bad("it has nothing under Actions, NotActions, DataActions and NotDataActions")
        name, guid = self._identity(outer, inner)
        kind = str(inner.get("roletype") or inner.get("type") or "")
        if not isinstance(inner.get("iscustom"), bool | None):
            self._lose(
                "not-known", Severity.LOW, "its member IsCustom is neither true nor false", "Write true", "IsCustom"
            )
        custom = inner.get("iscustom") is not False and kind.casefold() != "builtinrole"
        description = self._text(inner, "description", place)
        self._unseen(name, "name")
        self._unseen(" ".join(description.split()), "description")
        role = RoleDefinition(
            guid=guid,
            name=clean(name),
            description=clean(" ".join(description.split())),
            custom=custom,
            permissions=blocks,
            assignable_scopes=self._texts(inner, "assignableScopes", place),
        )
        label = clean(role.name or self._at, limit=160)
        findings = tuple(
            RoleFinding(code, severity, label, message, hint, entries, fixable)
            for code, severity, message, hint, entries, fixable in self._findings
        )
        return RoleRead(role, findings, tuple(dict.fromkeys(self._lost)))

    # --- members ------------------------------------------------------------------------------------------------

    def _members(self, body: Mapping[str, Any], known: tuple[str, ...], place: str) -> dict[str, Any]:
        """Return an object's members by their names in lower case; what is unknown or there twice becomes a finding."""
        found: dict[str, Any] = {}
        for name in body.get(_TWICE, ()):
            self._twice(f"{place}{name}")
        for name, value in body.items():
            if name == _TWICE:
                continue
            right = rightly(name, known)
            if not right:
                self._unknown(name, known, place)
            elif right.casefold() in found:
                self._twice(f"{place}{name}")
            else:
                found[right.casefold()] = value
                if not well_written(name, right):
                    self._miswritten(f"{place}{name}", right)
        return found

    def _unknown(self, name: str, known: tuple[str, ...], place: str) -> None:
        shown = clean(f"{place}{name}", limit=160)
        near = nearest_member(name, known)
        message = f"its member {shown} means nothing here: what stands in it is dropped"
        hint = "Leave it out"
        if near in known:
            hint = f"Is {near[:1].upper() if name[:1].isupper() else near[:1]}{near[1:]} meant?"
        elif near:
            message = f"its member {shown} stands in the wrong place, where it means nothing: it is dropped"
            hint = f"{near} belongs {_place_of(near)}"
        self._lose("unknown-member", Severity.HIGH, message, hint, shown)

    def _miswritten(self, name: str, right: str) -> None:
        message = f"its member {clean(name, limit=160)} is not written as documented: Azure CLI drops it unsaid"
        self._findings.append(("member-case", Severity.MEDIUM, message, f"Write {right}", (clean(name),), True))

    def _blank(self, member: str, entry: str) -> None:
        message = f"in {member} this entry begins or ends with a blank: so it is nothing that the service knows"
        shown = clean(entry, limit=160)
        self._findings.append(("entry-blank", Severity.HIGH, message, "Take the blank out", (shown,), True))

    def _unseen(self, text: str, member: str) -> None:
        """Note that a text has signs which are spelled out here: the role would be written with another text."""
        if (shown := clean(text)) != text:
            message = f"its {member} holds signs that are not seen: they are spelled out here, and written so"
            self._lose("unseen-signs", Severity.HIGH, message, f"Type the {member} anew", clean(shown, limit=160))

    def _twice(self, name: str) -> None:
        shown = clean(name, limit=160)
        message = f"its member {shown} is there more than once: which of them counts is the reader's choice"
        self._lose("member-twice", Severity.HIGH, message, "Keep one", shown)

    def _lose(self, code: str, severity: Severity, message: str, hint: str, entry: str) -> None:
        self._findings.append((code, severity, message, hint, (entry,), False))
        self._lost.append(entry)

    # --- values -------------------------------------------------------------------------------------------------

    def _blocks(self, inner: Mapping[str, Any], place: str) -> tuple[Permissions, ...]:
        written = inner.get("permissions")
        if self._decided_later(written, f"{place}permissions"):
            return ()
        if written is None:
            return (self._block(inner, place),)
        if not isinstance(written, list) or not all(isinstance(one, dict) or self._later(one) for one in written):
            raise self._bad(f"its member {place}permissions is no list of objects{_cut_off(written)}")
        found = []
        for number, one in enumerate(written):
            here = f"{place}permissions[{number}]"
            if not self._decided_later(one, here):
                found.append(self._block(self._members(one, BLOCK, f"{here}."), f"{here}."))
        return tuple(found)

    def _block(self, body: Mapping[str, Any], place: str) -> Permissions:
        actions, not_actions, data, not_data = (self._texts(body, name, place) for name in LISTS)
        condition = self._text(body, "condition", place)
        version = self._text(body, "conditionVersion", place)
        return Permissions(actions, not_actions, data, not_data, clean(condition, multiline=True), clean(version))

    def _texts(self, body: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
        value = body.get(name.casefold())
        if value is None or self._decided_later(value, f"{place}{name}"):
            return ()
        if not isinstance(value, list):
            raise self._bad(f"its member {place}{name} is no list{_cut_off(value)}")
        if len(value) > MAX_ENTRIES:
            raise self._bad(f"its member {place}{name} has more than {MAX_ENTRIES:,} entries")
        found = []
        for number, one in enumerate(value):
            if not isinstance(one, str) or not one.strip():
                raise self._bad(f"entry {number + 1} of its member {place}{name} is no text")
            if len(one.strip()) > LONGEST_ENTRY:
                raise self._bad(f"entry {number + 1} of its member {place}{name} is longer than {LONGEST_ENTRY:,}")
            if not self._decided_later(one, f"{place}{name}[{number}]"):
                if one != one.strip():
                    self._blank(f"{place}{name}", one.strip())
                found.append(clean(one.strip()))
        return tuple(found)

    def _text(self, body: Mapping[str, Any], name: str, place: str) -> str:
        value = body.get(name.casefold())
        if value is not None and not isinstance(value, str):
            raise self._bad(f"its member {place}{name} is no text")
        return "" if self._decided_later(value, f"{place}{name}") else value or ""

    def _identity(self, outer: Mapping[str, Any], inner: Mapping[str, Any]) -> tuple[str, str]:
        """Return the display name and the GUID: `name` is the GUID wherever `roleName` is there."""
        if "rolename" in inner or inner is not outer:
            place = "properties." if inner is not outer else ""
            return self._text(inner, "roleName", place), self._guid("name", outer.get("name"))
        return self._text(inner, "name", ""), self._guid("id", inner.get("id"))

    def _guid(self, member: str, value: Any) -> str:
        """Return the GUID of an id or name; one that is none is told, for the role is not found by it."""
        found = _guid(value)
        if value and not found and not self._later(value):
            shown = clean(value, limit=120) if isinstance(value, str) else "no text"
            message = f"its {member} is no GUID ({shown}): it names no role, and is left out of a correction"
            self._findings.append(("id-malformed", Severity.LOW, message, "Leave it out for a new role", (), False))
        return found

    def _later(self, value: Any) -> bool:
        if not self._in_template or not isinstance(value, str):
            return False
        return value.strip().startswith("[") and value.strip().endswith("]") and not value.strip().startswith("[[")

    def _decided_later(self, value: Any, place: str) -> bool:
        """Note a template's expression as not known, and say whether it is one."""
        if not self._later(value):
            return False
        message = f"{place} is decided when the template is deployed: what it will be is not known"
        hint = "Deploy it, then look at the role: hubwarden access roles --lint"
        self._findings.append(("not-known", Severity.MEDIUM, message, hint, (clean(value, limit=200),), False))
        self._lost.append(place)
        return True

    def _bad(self, why: str) -> ConsoleError:
        return _bad(self._what, f"in {self._at}: {why}" if self._at else why)


def _place_of(name: str) -> str:
    if name in BLOCK:
        return "inside permissions, or at the top of Azure CLI's form"
    return "beside permissions, or at the top of Azure CLI's form"


def _cut_off(value: Any) -> str:
    """Return what PowerShell did to a value that lay too deep for it."""
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, str)), None)
    cut = isinstance(value, str) and (value.startswith(("@{", "System.")) or " " in value.strip())
    return ", as ConvertTo-Json leaves it without -Depth 10" if cut else ""


def _guid(value: Any) -> str:
    text = str(value or "").rpartition("/")[2].casefold() if isinstance(value, str) else ""
    compact = text.replace("-", "")
    return text if len(text) == 36 and len(compact) == 32 and all(one in "0123456789abcdef" for one in compact) else ""


def _bad(
    what: str, why: str, hint: str = "Take a file of `az role definition list`, or of the REST reference"
) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, clean(what), why, hint, code="usage")

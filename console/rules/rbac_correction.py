"""A role of a file put right as JSON, or why it is not: a correction that loses something is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from console.model.change import Severity
from console.model.role import Correction, RoleDefinition, RoleFile, RoleFinding, RoleRead
from console.rules.rbac_json import az_json, not_for_az, rest_body
from console.rules.rbac_lint import corrected, lint_role, worst_first


def lint_read(read: RoleRead) -> tuple[RoleFinding, ...]:
    """Return what is wrong with a role of a file, and with the text that it was read from."""
    found = lint_role(read.role, written=True)
    if read.lost:  # what it grants may stand in what was not understood
        found = tuple(one for one in found if not (one.code in _PERHAPS_LOST and not one.entries))
    return worst_first((*read.findings, *found))


_PERHAPS_LOST = {"grants-nothing", "no-name", "scope-missing"}


def lint_file(file: RoleFile) -> tuple[RoleFinding, ...]:
    """Return what is wrong with a file and every role in it."""
    return (*file.findings, *_names(file), *(one for read in file.roles for one in lint_read(read)))


def _names(file: RoleFile) -> Iterator[RoleFinding]:
    """Yield names that the service refuses for there is such a role: one of Azure's own, or another of the file."""
    had: dict[str, RoleDefinition] = {}
    for read in file.roles:
        role, folded = read.role, read.role.name.strip().casefold()
        if not folded or not role.custom:
            continue
        if folded in _AZURES_OWN:
            message = (
                "one of Azure's own roles has this name: the service refuses another (RoleDefinitionWithSameNameExists)"
            )
            yield RoleFinding("name-taken", Severity.HIGH, role.name, message, "Give it another name")
        other = had.setdefault(folded, role)
        if other != role and not (role.guid and other.guid == role.guid):  # the same role twice is one role
            message = "another role of the file has this name: the service takes one (RoleDefinitionWithSameNameExists)"
            yield RoleFinding("name-taken", Severity.HIGH, role.name, message, "Give one of them another name")


_AZURES_OWN = {
    *("owner", "contributor", "reader", "user access administrator", "role based access control administrator"),
    *("log analytics reader", "log analytics contributor", "monitoring reader", "monitoring contributor"),
    *("iot hub data contributor", "iot hub data reader", "iot hub registry contributor", "iot hub twin contributor"),
    *("device provisioning service data contributor", "device provisioning service data reader"),
    *("key vault administrator", "key vault secrets user", "key vault secrets officer", "managed identity operator"),
}
"""Those that are met beside a hub, in lower case: no list of all there are."""


def fixable(read: RoleRead) -> bool:
    """Say whether there is something in a role that a corrected definition puts right."""
    changed = corrected(read.role).permissions != read.role.permissions
    return changed or any(one.fixable for one in read.findings)


def refusal(read: RoleRead) -> str:
    """Return why no correction of a role is made, empty when one can be."""
    if read.lost:
        listed = ", ".join(read.lost[:4]) + (f" and {len(read.lost) - 4} more" if len(read.lost) > 4 else "")
        return f"what is not understood would be lost ({listed}): put that right first"
    if any(one.condition for one in read.role.permissions):
        return "the service takes no condition of a role: made of a correction it would grant without its condition"
    return ""


def correction(read: RoleRead) -> Correction:
    """Return the definition put right, in Azure CLI's form where that can hold it, else in REST's."""
    if not fixable(read):
        return Correction()
    if why := refusal(read):
        return Correction(refused=why)
    right = replace(corrected(read.role), guid=read.role.guid)
    if note := not_for_az(right):
        return Correction("rest", rest_body(right), note=note)
    return Correction("az", az_json(right))

"""How the parts of a provisioning service are named as targets of changes."""

from __future__ import annotations

from urllib.parse import quote, unquote

from console.model.document import Target, TargetKind
from console.model.enrollment import EnrollmentKind

COLLECTIONS = {
    TargetKind.ENROLLMENT: "enrollments",
    TargetKind.ENROLLMENT_GROUP: "enrollmentGroups",
    TargetKind.REGISTRATION: "registrations",
}
"""The service API's first path segment for each kind."""


def enrollment_target(arm_id: str, kind: EnrollmentKind, enrollment_id: str) -> Target:
    """Return the target of an enrollment of the provisioning service with resource id `arm_id`."""
    one = TargetKind.ENROLLMENT if kind is EnrollmentKind.INDIVIDUAL else TargetKind.ENROLLMENT_GROUP
    return Target(one, f"{arm_id}/{COLLECTIONS[one]}/{quote(enrollment_id, safe='')}")


def registration_target(arm_id: str, registration_id: str) -> Target:
    """Return the target of what the service remembers of a registration."""
    return Target(TargetKind.REGISTRATION, f"{arm_id}/registrations/{quote(registration_id, safe='')}")


def service_of(target: Target) -> tuple[str, str]:
    """Return (resource id of the provisioning service, id of the enrollment or registration) of a target."""
    arm_id, _, name = target.id.rpartition(f"/{COLLECTIONS[target.kind]}/")
    return arm_id, unquote(name)

"""The enrollments and enrollment groups of a load file, checked as the provisioning service checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.localhub.provisioning_state import EnrollmentRecord
from console.localhub.state import Json, ProvisioningState

if TYPE_CHECKING:
    from console.localhub.load_plan import Problems


def plan_enrollments(
    entries: list[Json], kind: str, service: ProvisioningState, problems: Problems
) -> list[EnrollmentRecord]:
    """Return the records of `enrollments` or `enrollmentGroups`; what is wrong goes to `problems`."""
    del service
    if entries:
        problems.add(kind, "the provisioning service takes none yet")
    return []

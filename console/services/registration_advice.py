"""Looks at the provisioning service for why a registration was refused: with the profile's rights, and no key read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from console.model.enrollment import Enrollment, EnrollmentKind, ProvisioningInstance
from console.model.errors import ConsoleError, ErrorKind
from console.rules.registration_advice import Reason, by_enrollment, by_groups, disabled, shut_out
from console.rules.registration_failures import Case
from console.services.network_own import read_own_address
from console.services.ports import Cancel, EnrollmentReader
from console.services.session import Session

LIMIT = 1000
"""A service has at most 100 groups by certificate and 100 by key (its document on limits)."""


class Adviser:
    """Knows one provisioning service; `own_address` is the operator's as the profile gives it, empty: not given."""

    def __init__(
        self, session: Session, reader: EnrollmentReader, instance: ProvisioningInstance, own_address: str
    ) -> None:
        self._session = session
        self._reader = reader
        self._instance = instance
        self._own_address = own_address

    @property
    def name(self) -> str:
        """The provisioning service's name."""
        return self._instance.name

    def reason(self, case: Case, problem: ConsoleError, cancel: Cancel) -> Reason | None:
        """Return why a registration was refused, None where the service's own answer says all that is to be known.

        Raises ConsoleError when the service does not let us look.
        """
        off = problem.kind is ErrorKind.PERMISSION and problem.status == 200
        if not off and problem.status not in {400, 401, 403, 404}:
            return None
        if case.id_scope.strip().casefold() != self._instance.id_scope.casefold():
            return None  # it was another service's to answer
        if problem.kind not in {ErrorKind.AUTHENTICATION, ErrorKind.NOT_FOUND, ErrorKind.PERMISSION}:
            return None
        if not off:
            address = read_own_address(self._session, self._own_address, cancel).address
            if (found := shut_out(self._instance, address)) is not None:
                return found
            if case.card is not None and (case.card.fault or case.card.stale_above):
                return None  # what it showed cannot be right anywhere
        one = self._reader.enrollment(self._instance, EnrollmentKind.INDIVIDUAL, case.registration_id, cancel)
        if one is not None:
            return disabled(case, one, ()) if off else by_enrollment(case, one)
        groups = _first(self._reader.groups(self._instance, cancel))
        return disabled(case, None, groups) if off else by_groups(case, groups)


def _first(groups: Iterable[Enrollment]) -> tuple[Enrollment, ...]:
    return tuple(islice(groups, LIMIT))

"""A provisioning service that answers what a test gives it: same methods as the real one, no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from support.fake_changes import change

from console.model.change import Change
from console.model.document import Target, TargetKind
from console.model.enrollment import (
    Attestation,
    CertificateInfo,
    CertificateSlot,
    CrossCheck,
    CrossFinding,
    CrossKind,
    Enrollment,
    EnrollmentKind,
    LinkedHub,
    ProvisioningInstance,
    ProvisioningPolicy,
    ProvisioningReading,
    Registration,
)
from console.model.errors import ConsoleError
from console.model.ip_rule import ClassicRule, FilterAction
from console.model.registration import RegistrationOrder, RegistrationResult, Step, StepState
from console.model.secret import Secret
from console.services.ports import NEVER_CANCELLED, Cancel

NOW = datetime(2026, 11, 23, 9, 42, 7, tzinfo=UTC)
ARM = "/subscriptions/s/resourceGroups/plants/providers/Microsoft.Devices/provisioningServices/contoso-dps"
HUB = "contoso-plants.azure-devices.net"
PRIMARY, SECONDARY, DERIVED = ("cHJpbWFyeS1rZXktb2YtdGVzdHM=", "c2Vjb25kYXJ5LWtleS1vZi10ZXN0cw==", "ZGVyaXZlZC1rZXk=")


def instance(name: str = "contoso-dps", **more: Any) -> ProvisioningInstance:
    made = ProvisioningInstance(
        name=name,
        arm_id=ARM,
        host=f"{name}.azure-devices-provisioning.net",
        device_host="global.azure-devices-provisioning.net",
        id_scope="0ne00ABCDEF",
        location="westeurope",
        allocation="Hashed",
        state="Active",
        hubs=(
            LinkedHub("contoso-spare.azure-devices.net", "northeurope", 1, True, ""),
            LinkedHub(HUB, "westeurope", 1, True, "iothubowner"),
        ),
        filters=(
            ClassicRule("jump-box", FilterAction.ACCEPT, "127.0.0.0/8"),
            ClassicRule("others", FilterAction.REJECT, "0.0.0.0/0"),
        ),
    )
    return replace(made, **more)


def certificate(subject: str = "CN=plants-root", days: float = 300) -> CertificateInfo:
    end = NOW + timedelta(days=days)
    return CertificateInfo(subject, subject, "AB" * 20, "CD" * 32, "01", end - timedelta(days=365), end)


def group(name: str, how: Attestation = Attestation.SYMMETRIC_KEY, **more: Any) -> Enrollment:
    made = Enrollment(EnrollmentKind.GROUP, name, how, True, "e1", allocation="hashed", updated=NOW - timedelta(days=3))
    if how is Attestation.X509:
        made = replace(
            made, certificate_slot=CertificateSlot.SIGNING, certificates=(("primary", certificate(days=19)),)
        )
    return replace(made, **more)


def registration(name: str, status: str = "assigned", **more: Any) -> Registration:
    made = Registration(
        name, status, "initialAssignment" if status == "assigned" else "", name if status == "assigned" else "",
        HUB if status == "assigned" else "", NOW - timedelta(days=9), NOW - timedelta(hours=5),
    )  # fmt: skip
    return replace(made, **more)


def enrollment(name: str, how: Attestation = Attestation.SYMMETRIC_KEY, **more: Any) -> Enrollment:
    made = Enrollment(EnrollmentKind.INDIVIDUAL, name, how, True, "e1", updated=NOW - timedelta(hours=7))
    if how is Attestation.X509:
        info = certificate(f"CN={name}", days=-2)
        made = replace(made, certificate_slot=CertificateSlot.CLIENT, certificates=(("primary", info),))
    if how is Attestation.TPM:
        made = replace(made, endorsement_key="AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCA" * 4)
    return replace(made, **more)


def finding(kind: CrossKind, enrollment_id: str = "press-0417", **more: Any) -> CrossFinding:
    made = CrossFinding(
        kind,
        EnrollmentKind.INDIVIDUAL,
        enrollment_id,
        enrollment_id,
        "shut out here, and the hub still lets it in",
        "Disable the device in the hub, too",
    )
    return replace(made, **more)


GROUPS = (
    group("plants-x509", Attestation.X509),
    group("lyon-presses"),
    group("contractors", enabled=False, hubs=(HUB,)),
)
ENROLLMENTS = (
    enrollment("press-0417", enabled=False),
    enrollment("gdansk-gw-1", Attestation.TPM, registration=registration("gdansk-gw-1"), device_id="gateway-1"),
    enrollment("leeds-cam-2", Attestation.X509, registration=registration(
        "leeds-cam-2", "failed", error_code=401002, error_message="Invalid certificate.")),
)  # fmt: skip
REGISTRATIONS = (
    registration("lyon-press-0001"),
    registration("lyon-press-0002", "failed", error_code=400207, error_message="no hub"),
    registration("lyon-press-0003", device_id="press-three"),
)


def check(*findings: CrossFinding, **more: Any) -> CrossCheck:
    return replace(CrossCheck(NOW, findings, 6), **more)


@dataclass
class ProvisioningScript:
    """What the fakes answer; `errors` are raised by the method of that name, `hold` keeps a registration back after
    its first step until it is set."""

    instances: tuple[ProvisioningInstance, ...] = field(default_factory=lambda: (instance(),))
    groups: tuple[Enrollment, ...] = GROUPS
    enrollments: tuple[Enrollment, ...] = ENROLLMENTS
    registrations: tuple[Registration, ...] = REGISTRATIONS
    partial: str = ""
    check: CrossCheck = field(
        default_factory=lambda: check(
            finding(CrossKind.DISABLED_HERE_ENABLED_THERE),
            finding(CrossKind.NEVER_SEEN, "gdansk-gw-1", device_id="gateway-1", hint=""),
        )
    )
    problem: ConsoleError | None = None
    hold: Event | None = None
    errors: dict[str, ConsoleError] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def answer(self, name: str, *arguments: Any) -> None:
        self.calls.append((name, *arguments))
        if name in self.errors:
            raise self.errors[name]

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """Return the arguments of every call of a method."""
        return [call[1:] for call in self.calls if call[0] == name]


class FakeProvisioning:
    def __init__(self, script: ProvisioningScript) -> None:
        self._script = script

    def instances(self, cancel: Cancel = NEVER_CANCELLED) -> tuple[ProvisioningInstance, ...]:
        self._script.answer("instances")
        return self._script.instances

    def read(self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED) -> ProvisioningReading:
        script = self._script
        script.answer("read", instance.name)
        return ProvisioningReading(NOW, instance, script.enrollments, script.groups, script.partial)

    def registrations(
        self, instance: ProvisioningInstance, group_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> tuple[Registration, ...]:
        self._script.answer("registrations", group_id)
        return self._script.registrations

    def cross_check(
        self, instance: ProvisioningInstance, reading: ProvisioningReading, cancel: Cancel = NEVER_CANCELLED
    ) -> CrossCheck:
        self._script.answer("cross_check", instance.name)
        return self._script.check

    def policies(
        self, instance: ProvisioningInstance, reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> tuple[ProvisioningPolicy, ...]:
        self._script.answer("policies", instance.name)
        return (ProvisioningPolicy("provisioningserviceowner", ("ServiceConfig", "EnrollmentWrite")),)

    def derive_key(
        self,
        instance: ProvisioningInstance,
        group_id: str,
        registration_id: str,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Secret:
        self._script.answer("derive_key", group_id, registration_id, reason)
        return Secret(DERIVED)

    def reveal_keys(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> tuple[Secret, Secret]:
        self._script.answer("reveal_keys", kind, enrollment_id, reason)
        return Secret(PRIMARY), Secret(SECONDARY)

    def plan_create(self, instance: ProvisioningInstance, order: Any, cancel: Cancel = NEVER_CANCELLED) -> Change:
        self._script.answer("plan_create", order)
        return _change(f"new enrollment {order.id}", order.id)

    def plan_status(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        enabled: bool,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        self._script.answer("plan_status", kind, enrollment_id, enabled)
        return _change(f"{enrollment_id} {'enabled' if enabled else 'disabled'}", enrollment_id)

    def plan_delete(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        self._script.answer("plan_delete", kind, enrollment_id)
        return _change(f"{enrollment_id} deleted", enrollment_id)

    def plan_block(
        self,
        instance: ProvisioningInstance,
        group_id: str,
        registration_id: str,
        certificate: bytes = b"",
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        self._script.answer("plan_block", group_id, registration_id, certificate)
        return _change(f"{registration_id} blocked", registration_id)

    def plan_delete_registration(
        self,
        instance: ProvisioningInstance,
        registration_id: str,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        self._script.answer("plan_delete_registration", registration_id)
        return _change(f"registration of {registration_id} deleted", registration_id)

    def adviser(self, instance: ProvisioningInstance) -> object:
        return instance


class FakeRegistering:
    def __init__(self, script: ProvisioningScript) -> None:
        self._script = script

    def endorsement_key(self, cancel: Cancel = NEVER_CANCELLED) -> str:
        self._script.answer("endorsement_key")
        return "TPMKEY=="

    def run(
        self,
        order: RegistrationOrder,
        on_step: Callable[[Step], None],
        cancel: Cancel = NEVER_CANCELLED,
        adviser: object = None,
    ) -> RegistrationResult:
        script = self._script
        script.answer("run", order)
        first = Step(1, "reach the service", order.host, StepState.DONE, NOW)
        on_step(first)
        on_step(Step(2, "register", "assigning …", StepState.WAITING, NOW))
        if script.hold is not None:
            script.hold.wait(20)
        cancel.check()
        state = StepState.FAILED if script.problem else StepState.DONE
        second = Step(2, "register", "401002" if script.problem else f"assigned to {HUB}", state, NOW)
        on_step(second)
        one = registration(order.registration_id, "failed" if script.problem else "assigned")
        hint = f"HostName={HUB};DeviceId={order.registration_id}"
        return RegistrationResult(one, (first, second), "" if script.problem else hint, script.problem)


def _change(title: str, name: str) -> Change:
    return replace(change(title=title, name=name), target=Target(TargetKind.ENROLLMENT, f"{ARM}/enrollments/{name}"))

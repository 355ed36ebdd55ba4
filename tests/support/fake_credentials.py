"""Certificate tools that answer what a test gives them: same methods as the real ones, no keys, no cryptography."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from support.fake_changes import HUB, change
from support.fake_tokens import FakeTokens, TokenScript

from console.model.bulk_issue import BulkIssued, BulkProgress
from console.model.certificate import (
    Answer,
    AuthorityOrder,
    AuthorityRecord,
    CertificateInfo,
    CertificateKind,
    CertificateRecord,
    ChainFault,
    ChainVerdict,
    Comparison,
    Fault,
    Inspected,
    Issued,
    LeafOrder,
    LintFinding,
    Purpose,
    RecordStatus,
)
from console.model.change import Change, Outcome, Severity
from console.model.document import Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import HubCertificate
from console.model.secret import Secret
from console.services.payload import Payload
from console.services.ports import NEVER_CANCELLED, Cancel

NOW = datetime(2026, 11, 23, 9, 42, 7, tzinfo=UTC)
FOLDER = Path("/home/ops/ca")
CODE = "C0DE" * 12


def record(
    name: str,
    kind: CertificateKind = CertificateKind.DEVICE,
    *,
    days: float = 300,
    lifetime: float = 365,
    issuer: str = "lyon-ca",
    store: Path = FOLDER / "lyon-ca",
    **more: Any,
) -> CertificateRecord:
    """Return a certificate that ends in `days`, of `lifetime` days."""
    end = NOW + timedelta(days=days)
    digits = name.encode().hex().upper()
    made = CertificateRecord(
        serial=digits[:16].ljust(16, "0"),
        kind=kind,
        subject=f"CN={name}",
        common_name=name,
        issuer=issuer,
        sha1=(digits * 9)[:40].ljust(40, "A"),
        sha256=(digits * 9)[:64].ljust(64, "B"),
        not_before=end - timedelta(days=lifetime),
        not_after=end,
        status=RecordStatus.ISSUED,
        device_id=name.partition("/")[0] if kind in (CertificateKind.DEVICE, CertificateKind.MODULE) else "",
        module_id=name.partition("/")[2] if kind is CertificateKind.MODULE else "",
        key_type="ec-p256",
        certificate_file=store / "out" / f"{name}.cert.pem",
        key_file=store / "out" / f"{name}.key.pem",
        store=store,
    )
    return replace(made, **more)


def authority(name: str, *, issuer: str = "", encrypted: bool = False, has_key: bool = True) -> AuthorityRecord:
    """Return a CA; one without an issuer is a root."""
    kind = CertificateKind.INTERMEDIATE if issuer else CertificateKind.ROOT
    folder = FOLDER / name
    days = 1700 if issuer else 3500
    made = record(name, kind, days=days, lifetime=3650, issuer=issuer or name, store=folder)
    made = replace(made, certificate_file=folder / "ca.cert.pem", key_file=folder / "ca.key.pem" if has_key else None)
    return AuthorityRecord(folder, made, has_key, encrypted, 3)


def info(name: str, issuer: str = "lyon-ca", *, days: float = 300, authority: bool = False) -> CertificateInfo:
    """Return a certificate as it was read from a file."""
    one = record(name, days=days)
    return CertificateInfo(
        subject=f"CN={name}", common_name=name, issuer=f"CN={issuer}", serial=one.serial, not_before=one.not_before,
        not_after=one.not_after, sha1=one.sha1, sha256=one.sha256, key="EC P-256", key_bits=256,
        signature_hash="SHA-256", self_issued=name == issuer, authority=authority, der=name.encode(),
    )  # fmt: skip


CHAIN = (
    info("lyon-press-0001"),
    info("lyon-ca", "plants-root", days=1700, authority=True),
    info("plants-root", "plants-root", days=3500, authority=True),
)
GOOD = ChainVerdict(CHAIN, (), "plants-root")
BAD = ChainVerdict(CHAIN[:2], (ChainFault(Fault.NO_ISSUER, 1, "the issuer of lyon-ca is not here"),))

SAME = Comparison(Answer.YES, "", "its SHA-256 thumbprint is the primary one", facts=(("sign-in", "thumbprint"),))


@dataclass
class CertificateScript:
    """What the fakes answer. `passphrase` is what every encrypted key asks for; `gate`, when set, holds a bulk issue
    back after its first certificate; `errors` are raised by the method of that name."""

    authorities: list[AuthorityRecord] = field(
        default_factory=lambda: [authority("plants-root"), authority("lyon-ca", issuer="plants-root")]
    )
    records: list[CertificateRecord] = field(
        default_factory=lambda: [
            record("lyon-press-0003", days=-2),
            record("lyon-press-0002", days=40),
            record("lyon-press-0001"),
        ]
    )
    hub: list[HubCertificate] = field(
        default_factory=lambda: [
            HubCertificate("plants-2021", "CN=plants-2021", "AB" * 20, NOW + timedelta(days=19), True),
            HubCertificate("lyon-new", "CN=lyon-new", "CD" * 20, NOW + timedelta(days=3000), False),
        ]
    )
    unreadable: list[ConsoleError] = field(default_factory=list)
    passphrase: str = ""
    verdict: ChainVerdict = GOOD
    findings: tuple[LintFinding, ...] = (
        LintFinding("key-usage", Severity.MEDIUM, "keyUsage is missing", "Issue it again", "lyon-press-0001"),
    )
    comparison: Comparison = SAME
    code: str = CODE
    known_code: str = ""
    errors: dict[str, ConsoleError] = field(default_factory=dict)
    gate: Event | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def answer(self, name: str, *arguments: Any) -> None:
        self.calls.append((name, *arguments))
        if name in self.errors:
            raise self.errors[name]

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]

    def open(self, ca: str, passphrase: Secret | None) -> AuthorityRecord:
        one = next((one for one in self.authorities if ca in (str(one.folder), one.record.common_name)), None)
        if one is None:
            raise ConsoleError(ErrorKind.NOT_FOUND, f"There is no CA {ca}", "no folder of that name", "Check the name")
        if one.encrypted and (passphrase is None or passphrase.reveal() != self.passphrase):
            why = "it is encrypted" if passphrase is None else "the passphrase is wrong"
            what = f"The key of {one.record.common_name} cannot be opened"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, code="passphrase")
        return one


class FakePki:
    def __init__(self, script: CertificateScript) -> None:
        self._script = script

    def authorities(self) -> tuple[AuthorityRecord, ...]:
        self._script.answer("authorities")
        return tuple(self._script.authorities)

    def unreadable(self) -> tuple[ConsoleError, ...]:
        return tuple(self._script.unreadable)

    def authority(self, ca: str) -> AuthorityRecord:
        self._script.answer("authority", ca)
        return next(one for one in self._script.authorities if ca in (str(one.folder), one.record.common_name))

    def inventory(self) -> tuple[CertificateRecord, ...]:
        self._script.answer("inventory")
        every = [*self._script.records, *(one.record for one in self._script.authorities)]
        return tuple(sorted(every, key=lambda one: one.not_after))

    def create_root(self, order: AuthorityOrder, out: Path | None, passphrase: Secret | None) -> Issued:
        self._script.answer("create_root", order, out, passphrase)
        return self._made_authority(order.name, "", out, passphrase)

    def create_intermediate(
        self,
        order: AuthorityOrder,
        ca: str,
        out: Path | None,
        ca_passphrase: Secret | None = None,
        passphrase: Secret | None = None,
    ) -> Issued:
        self._script.answer("create_intermediate", order, ca, out, ca_passphrase, passphrase)
        parent = self._script.open(ca, ca_passphrase)
        return self._made_authority(order.name, parent.record.common_name, out, passphrase)

    def _made_authority(self, name: str, issuer: str, out: Path | None, passphrase: Secret | None) -> Issued:
        made = authority(name, issuer=issuer, encrypted=passphrase is not None)
        folder = out or made.folder
        own = replace(made.record, certificate_file=folder / "ca.cert.pem", store=folder)
        made = replace(made, folder=folder, record=own, issued=0)
        self._script.authorities.append(made)
        return Issued(made.record, (("certificate", folder / "ca.cert.pem"), ("private key", folder / "ca.key.pem")))

    def issue(
        self,
        order: LeafOrder,
        ca: str,
        out: Path,
        ca_passphrase: Secret | None = None,
        passphrase: Secret | None = None,
    ) -> Issued:
        self._script.answer("issue", order, ca, out, ca_passphrase, passphrase)
        signer = self._script.open(ca, ca_passphrase)
        made = record(order.name, order.kind, days=order.lifetime.days, store=signer.folder)
        made = replace(made, issuer=signer.record.common_name, certificate_file=out / f"{order.name}.cert.pem")
        self._script.records.append(made)
        files = (("certificate", out / f"{order.name}.cert.pem"), ("private key", out / f"{order.name}.key.pem"))
        return Issued(made, files)

    def issue_many(
        self,
        names: Sequence[str],
        template: LeafOrder,
        ca: str,
        out: Path,
        ca_passphrase: Secret | None = None,
        passphrase: Secret | None = None,
        on_progress: Callable[[BulkProgress], None] | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> BulkIssued:
        self._script.answer("issue_many", tuple(names), template, ca, out, ca_passphrase, passphrase)
        self._script.open(ca, ca_passphrase)
        there = {one.common_name for one in self._script.records}
        made = before = 0
        for index, name in enumerate(names):
            if cancel.cancelled:
                break
            if name in there:
                before += 1
                continue
            self._script.records.append(record(name))
            made += 1
            if on_progress is not None:
                on_progress(BulkProgress(index + 1, len(names), 42.0, (len(names) - index - 1) / 42))
            if self._script.gate is not None:
                while not self._script.gate.wait(0.01) and not cancel.cancelled:
                    pass
        return BulkIssued(made, before, len(names) - made - before, (), out, 42.0)

    def request(self, order: LeafOrder, out: Path, passphrase: Secret | None = None) -> tuple[tuple[str, Path], ...]:
        self._script.answer("request", order, out, passphrase)
        return (("request", out / f"{order.name}.csr.pem"), ("private key", out / f"{order.name}.key.pem"))

    def sign(
        self,
        csr: bytes,
        ca: str,
        out: Path,
        *,
        name: str = "",
        kind: CertificateKind = CertificateKind.DEVICE,
        lifetime: timedelta = timedelta(days=365),
        hosts: tuple[str, ...] = (),
        ca_passphrase: Secret | None = None,
    ) -> Issued:
        self._script.answer("sign", csr, ca, out, name, kind, lifetime, hosts, ca_passphrase)
        self._script.open(ca, ca_passphrase)
        made = record(name or "from-the-request", kind)
        return Issued(made, (("certificate", out / f"{made.common_name}.cert.pem"),))

    def proof(self, ca: str, code: str, ca_passphrase: Secret | None = None) -> bytes:
        self._script.answer("proof", ca, code, ca_passphrase)
        self._script.open(ca, ca_passphrase)
        return b"-----BEGIN CERTIFICATE-----\nproof\n-----END CERTIFICATE-----\n"


class FakeInspector:
    def __init__(self, script: CertificateScript) -> None:
        self._script = script

    def inspect(
        self, source: str, *, passphrase: Secret | None = None, server_name: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Inspected:
        self._script.answer("inspect", source, passphrase)
        tls = "TLSv1.3 TLS_AES_256_GCM_SHA384" if ":" in source else ""
        return Inspected(source, () if tls else ("PEM",), CHAIN, tls=tls)

    def verify(
        self,
        source: str,
        *,
        roots: Sequence[str] = (),
        at_hub: bool = False,
        purpose: Purpose = Purpose.CLIENT,
        passphrase: Secret | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> ChainVerdict:
        self._script.answer("verify", source, tuple(roots), at_hub, passphrase)
        return self._script.verdict

    def lint(
        self,
        source: str,
        *,
        device_id: str = "",
        at_hub: bool = False,
        for_upload: bool = False,
        passphrase: Secret | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> tuple[LintFinding, ...]:
        self._script.answer("lint", source, device_id, at_hub, for_upload)
        return self._script.findings

    def compare(
        self,
        source: str,
        device_id: str,
        *,
        module_id: str = "",
        passphrase: Secret | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Comparison:
        self._script.answer("compare", source, device_id, module_id)
        return replace(self._script.comparison, device_id=device_id)


def _plan(kind: TargetKind, title: str, name: str) -> Change:
    return replace(change(title=title, name=name), target=Target(kind, f"{HUB.id}/certificates/{name}"))


class FakeUploads:
    """Plans are made as scripted; what the hub holds afterwards is set by the test through `script.hub`."""

    def __init__(self, session: Any, script: CertificateScript) -> None:
        self._session = session
        self._script = script

    def list(self, cancel: Cancel = NEVER_CANCELLED) -> tuple[HubCertificate, ...]:
        self._script.answer("list")
        return tuple(self._script.hub)

    def plan_upload(
        self, name: str, content: bytes, *, verified: bool = False, reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Change:
        self._script.answer("plan_upload", name, content, verified)
        return _plan(TargetKind.CERTIFICATE, f"upload CA certificate {name}", name)

    def plan_code(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        self._script.answer("plan_code", name)
        return _plan(TargetKind.CERTIFICATE_CODE, f"verification code for CA certificate {name}", name)

    def code_of(self, outcome: Outcome) -> str:
        return self._script.code

    def known_code(self, name: str, cancel: Cancel = NEVER_CANCELLED) -> str:
        self._script.answer("known_code", name)
        return self._script.known_code

    def rehearse(self, name: str, proof: bytes, code: str, cancel: Cancel = NEVER_CANCELLED) -> None:
        self._script.answer("rehearse", name, proof, code)

    def plan_proof(
        self, name: str, proof: bytes, code: str = "", reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Change:
        self._script.answer("plan_proof", name, proof, code)
        return _plan(TargetKind.CERTIFICATE_PROOF, f"prove possession of CA certificate {name}", name)

    def plan_delete(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        self._script.answer("plan_delete", name)
        return _plan(TargetKind.CERTIFICATE, f"delete CA certificate {name}", name)

    def offline_steps(self, name: str, code: str) -> tuple[str, ...]:
        return (
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out proof.key.pem",
            f'openssl req -new -key proof.key.pem -subj "/CN={code}" -out proof.csr.pem',
            "openssl x509 -req -in proof.csr.pem -CA ca.cert.pem -CAkey ca.key.pem -days 1 -out proof.cert.pem",
        )

    def plan_register(
        self, device_id: str, content: bytes, reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Change:
        self._script.answer("plan_register", device_id, content)
        return change(title=f"secondary thumbprint of {device_id}", name=device_id)


class FakeCredentials:
    """The facade: one tool each, as `console.services.credentials.Credentials`."""

    def __init__(self, session: Any, script: CertificateScript, tokens: TokenScript | None = None) -> None:
        self.pki = FakePki(script)
        self.inspector = FakeInspector(script)
        self.uploads = FakeUploads(session, script)
        self.tokens = FakeTokens(tokens or TokenScript())
        self.payload = Payload(lambda: NOW)  # the real one: it needs nobody

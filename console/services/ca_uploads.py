"""The hub's CA certificates: uploads, proofs of possession, deletions and registered thumbprints, as plans."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

from console.model.certificate import CertificateInfo
from console.model.change import Change, Outcome, Risk, Severity
from console.model.clock import Clock
from console.model.device_order import Act, DeviceOrder, Stage
from console.model.document import Document, Json, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import HubCertificate
from console.model.secret import Secret
from console.model.text import clean
from console.rules.certificate_text import base64_of, der_of
from console.rules.planning import change_of, copied
from console.rules.verification_code import CODE_FIELD, ETAG_FIELD, LOST, PLACEHOLDER, usable
from console.services.ca_devices import verified_loss
from console.services.ports import NEVER_CANCELLED, Cancel
from console.services.session import Session

if TYPE_CHECKING:
    from console.services.changes import Changes

UPLOAD, CODE, PROVE, DELETE = "certificate.upload", "certificate.code", "certificate.prove", "certificate.delete"
_NO_WAY_BACK = (
    "a proof cannot be taken back: undo uploads the same certificate again as unverified, and proving starts anew"
)


class CaUploads:
    """Plans changes of the hub's CA certificates; only the gate makes them."""

    def __init__(self, session: Session, changes: Changes, clock: Clock) -> None:
        self._session = session
        self._changes = changes
        self._clock = clock

    def list(self, cancel: Cancel = NEVER_CANCELLED) -> tuple[HubCertificate, ...]:
        """Return the hub's CA certificates by name, read afresh; `unread` tells of those that say nothing here.

        Raises ConsoleError.
        """
        from console.rules.certificate_unread import readable, reason_of

        found = [
            one if readable(one.der) else replace(one, unread=reason_of(one.der) if one.der else "the hub gave none")
            for one in self._session.hub_reader.certificates(cancel)
        ]
        return tuple(sorted(found, key=lambda one: one.name.casefold()))

    def plan_upload(
        self,
        name: str,
        content: bytes,
        *,
        verified: bool = False,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        """Plan to upload a CA certificate; nothing changes when the hub has it so already.

        Args:
            name: its name at the hub.
            content: the file, PEM or DER.
            verified: have the hub take it as verified, without proof of possession.
            reason: why, for the journal.
            cancel: stops the reading.

        Raises ConsoleError BAD_INPUT: code "usage" for an impossible name, "private-key", "several", "no-certificate"
        and "no-ca" for the file, "exists" when another certificate has the name; or why the hub could not be read.
        """
        from console.rules.ca_upload import check_authority, upload_risks
        from console.rules.certificate_one import only_certificate
        from console.rules.hub_certificate_name import check_name

        what = f"The CA certificate {clean(name, limit=70)} cannot be uploaded: nothing was sent"
        info = only_certificate(content, what)
        check_name(name)
        check_authority(info, what)
        there = self.list(cancel)
        known = next((one for one in there if one.name.casefold() == name.casefold()), None)
        document = self._read(known.name, TargetKind.CERTIFICATE, cancel) if known else None
        body: Json = copied(document) if document else {"properties": {"certificate": base64_of(info.der)}}
        if document is None:
            body["properties"]["isVerified"] = verified
        elif der_of(document.body["properties"].get("certificate")) != info.der:
            raise _exists(name, what)
        elif verified:
            body["properties"]["isVerified"] = True
        others = [one for one in there if one is not known]
        now = self._clock()
        after = "its devices get in at once" if verified else "it lets no device in yet"
        effect = [*_facts(info), ("after", after if now <= info.not_after else "it lets no device in: it has expired")]
        if not verified:
            effect.append(("next", f"prove possession of its key: hubwarden cert prove {name}"))
        return change_of(
            UPLOAD,
            f"upload CA certificate {known.name if known else name}{' as verified' if verified else ''}",
            self._target(TargetKind.CERTIFICATE, known.name if known else name, cancel),
            document,
            body,
            risks=upload_risks(info, verified=verified, others=others, now=now),
            effect=effect,
            notes=["only the certificate is sent, no key"],
            reason=reason,
        )

    def plan_code(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to ask for a verification code, which makes the one before it void.

        Raises ConsoleError NOT_FOUND when the hub has no such certificate, BAD_INPUT (code "nothing") when it is
        verified already.
        """
        document, name = self._there(name, TargetKind.CERTIFICATE_CODE, "No verification code was asked for", cancel)
        after = copied(document)
        after["properties"][CODE_FIELD] = PLACEHOLDER
        return change_of(
            CODE,
            f"verification code for CA certificate {name}",
            self._target(TargetKind.CERTIFICATE_CODE, name, cancel),
            document,
            after,
            effect=[("after", "nothing else changes: a code lets nobody in")],
            notes=[
                "a code that was asked for earlier becomes void, also one that somebody else waits with",
                "the code is no secret: only who holds the CA's key can use it; it is kept in the journal",
            ],
            reason=reason,
        )

    def code_of(self, outcome: Outcome) -> str:
        """Return the code that the service gave. Raises ConsoleError BAD_ANSWER when none was received."""
        code = outcome.answer.get(CODE_FIELD, "")
        if not usable(code):
            what = "There is no verification code"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, clean(outcome.message).rstrip("."), LOST, code="no-code")
        return code

    def known_code(self, name: str, cancel: Cancel = NEVER_CANCELLED) -> str:
        """Return the code that counts now as the journal here knows it; empty when somebody wrote there since.

        Raises ConsoleError as `plan_code`.
        """
        kind = TargetKind.CERTIFICATE_CODE
        document, name = self._there(name, kind, "The verification code is not known", cancel)
        return self._code_known(self._target(kind, name, cancel), document)

    def plan_proof(
        self, name: str, proof: bytes, code: str = "", reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> Change:
        """Plan to hand in a proof of possession, checked here first as the service will check it.

        Args:
            name: the certificate at the hub.
            proof: a certificate, PEM or DER, whose common name is the code, signed by the CA's key.
            code: the code; empty is the one that the journal knows, if it still counts.
            reason: why, for the journal.
            cancel: stops the reading.

        Raises ConsoleError BAD_INPUT: code "proof" with what is wrong with it, "private-key", "several",
        "no-certificate", "nothing" when the CA is verified already; NOT_FOUND when the hub has no such certificate.
        """
        kind = TargetKind.CERTIFICATE_PROOF
        info = self._proof(name, proof)
        document, name = self._there(name, kind, "No proof was sent", cancel)
        target = self._target(kind, name, cancel)
        known = code or self._code_known(target, document)
        self._check(document, info, known, name)
        after = copied(document)
        after["properties"]["isVerified"] = True
        risks = []
        if not known:
            text = "which code counts now is not known here: if somebody asked for another since, it will be refused"
            risks.append(Risk("code-unknown", Severity.LOW, text, hint="Then ask for a code again, and prove anew"))
        change = change_of(
            PROVE,
            f"prove possession of CA certificate {name}",
            target,
            document,
            after,
            risks=risks,
            effect=[
                ("checked", f"signed by the CA's key, common name {'is the code' if known else 'can be a code'}"),
                ("after", "devices get in whose certificate leads to this CA and bears their device id"),
            ],
            notes=[_NO_WAY_BACK],
            reason=reason,
        )
        return replace(change, after={**after, "proof": base64_of(info.der)})

    def rehearse(self, name: str, proof: bytes, code: str, cancel: Cancel = NEVER_CANCELLED) -> None:
        """Check a trial proof against the certificate at the hub, to know before a code is asked for.

        Raises ConsoleError as `plan_proof`.
        """
        info = self._proof(name, proof)
        document, name = self._there(name, TargetKind.CERTIFICATE_PROOF, "No verification code was asked for", cancel)
        self._check(document, info, code, name)

    def plan_delete(self, name: str, reason: str = "", cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan to delete a CA certificate. Raises ConsoleError NOT_FOUND when the hub has none of this name."""
        document, name = self._found(name, TargetKind.CERTIFICATE, "Nothing was deleted", cancel)
        properties = document.body.get("properties") or {}
        verified = properties.get("isVerified") is True
        return change_of(
            DELETE,
            f"delete CA certificate {name}",
            self._target(TargetKind.CERTIFICATE, name, cancel),
            document,
            None,
            risks=verified_loss(self._session, name, "is deleted", verified=verified, cancel=cancel),
            effect=[
                ("subject", clean(properties.get("subject"))),
                ("after", "its devices no longer get in" if verified else "nobody is cut: it was not verified"),
            ],
            notes=["undo uploads it again as unverified: possession must be proved anew before its devices get in"],
            reason=reason,
        )

    def offline_steps(self, name: str, code: str) -> tuple[str, ...]:
        """Return the shell's lines for the machine that holds the CA's key, and what to bring back.

        Raises ConsoleError BAD_ANSWER when the code is none.
        """
        from console.rules.offline_proof import steps

        return steps(name, code)

    def plan_register(
        self,
        device_id: str,
        content: bytes,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
        passphrase: Secret | None = None,
    ) -> Change:
        """Plan to put the SHA-256 thumbprint of a file's certificate into the second slot of a device.

        The file may hold its private key: nothing but the thumbprint is sent. `passphrase` opens PKCS#12. Raises
        ConsoleError BAD_INPUT (code "several", "no-certificate", "passphrase") for the file, and as
        `DeviceChanges.plan`.
        """
        from console.rules.registering import leaf_of, register_risks

        info, notes = leaf_of(content, f"No thumbprint was registered for {clean(device_id, limit=70)}", passphrase)
        order = DeviceOrder(Act.THUMBPRINT, reason or None, stage=Stage.SECONDARY, thumbprint=info.sha256)
        change = self._changes.devices.plan(order, device_id, cancel)
        risks = register_risks(info, device_id, self._clock())
        then = f"hubwarden --write devices set-thumbprint {quote(device_id)} --stage promote, and later --stage retire"
        return replace(
            change,
            risks=(*change.risks, *risks),
            effect=(*_facts(info), *change.effect),
            notes=(*notes, *change.notes, f"when the device uses the new certificate: {then}"),
        )

    # --- inside -------------------------------------------------------------------------------------------------

    def _proof(self, name: str, proof: bytes) -> CertificateInfo:
        from console.rules.certificate_one import only_certificate

        return only_certificate(proof, f"This is no proof for {clean(name, limit=70)}: nothing was sent")

    def _check(self, document: Document, info: CertificateInfo, code: str, name: str) -> None:
        from console.rules.ca_upload import check_proof

        authority = der_of((document.body.get("properties") or {}).get("certificate"))
        check_proof(authority, info, code, self._clock(), name)

    def _target(self, kind: TargetKind, name: str, cancel: Cancel) -> Target:
        return Target(kind, f"{self._session.arm_id(cancel)}/certificates/{name}")

    def _read(self, name: str, kind: TargetKind, cancel: Cancel) -> Document | None:
        _ = self._session.hub_reader  # says what is missing where the profile opens the registry alone
        return self._changes.reader.read(self._target(kind, name, cancel), cancel)

    def _found(self, name: str, kind: TargetKind, what: str, cancel: Cancel) -> tuple[Document, str]:
        """Return a certificate and its name as the hub spells it."""
        from console.rules.hub_certificate_name import check_name

        check_name(name)
        document = self._read(name, kind, cancel)
        if document is None:
            names = ", ".join(one.name for one in self.list(cancel)) or "none"
            why = f"the hub has no certificate {clean(name)}"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, why, f"It has: {names}", code="no-such-certificate")
        return document, clean(document.body.get("name") or name)

    def _there(self, name: str, kind: TargetKind, what: str, cancel: Cancel) -> tuple[Document, str]:
        """Return a certificate that is still to be verified."""
        document, name = self._found(name, kind, what, cancel)
        if (document.body.get("properties") or {}).get("isVerified") is True:
            raise ConsoleError(ErrorKind.BAD_INPUT, what, f"{name} is verified already", code="nothing")
        return document, name

    def _code_known(self, target: Target, document: Document) -> str:
        """Return the newest code of the journal, if nobody wrote the certificate since: any write moves its ETag."""
        entries = self._changes.journal.entries(self._session.hub_name, images=False)
        for entry in entries:  # newest first
            if entry.kind == CODE and entry.target.id.casefold() == target.id.casefold() and entry.answer:
                same = entry.answer.get(ETAG_FIELD) == document.etag
                return entry.answer.get(CODE_FIELD, "") if same else ""
        return ""


def _facts(info: CertificateInfo) -> list[tuple[str, str]]:
    return [
        ("subject", info.subject),
        ("key", info.key),
        ("valid", f"{info.not_before:%Y-%m-%d} to {info.not_after:%Y-%m-%d}"),
        ("SHA-256", info.sha256),
    ]


def _exists(name: str, what: str) -> ConsoleError:
    why = f"the hub has another certificate under the name {clean(name)}"
    hint = "Upload it under another name, let its devices move over, then delete the old one: nobody is cut so"
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="exists")

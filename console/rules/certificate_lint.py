"""IoT Hub's rules for certificates, and good sense: what a file breaks, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from console.model.certificate import CertificateInfo, ChainVerdict, Fault, Inspected, LintFinding
from console.model.certificate_request import OLD_HASHES
from console.model.change import Severity
from console.model.device import SHA1_DIGITS
from console.rules.certificate_chain import Anchor, leaf_of, verify_leaf
from console.rules.certificate_facts import facts
from console.rules.certificate_one import subject_names
from console.rules.certificate_places import unknown_words
from console.rules.certificate_strength import GOOD_CURVES, LEAST_RSA
from console.rules.certificate_unread import instead_of, may_have_issued
from console.rules.issuing_match import likely_issued

HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
LONGEST_LEAF = timedelta(days=825)
_ORDER = {HIGH: 0, MEDIUM: 1, LOW: 2}
_MOST_LINKS = 50
_ANOTHER_TOOL = "Issue it anew with another tool"
_CLIENT = ("clientAuth", "anyExtendedKeyUsage")


class Lint:
    """Rules held against one source.

    Args:
        held: what the source holds.
        now: the time to judge by.
        device_id: the device, or `deviceId/moduleId`, that the leaf is for; empty when not known.
        anchors: the CA certificates at the hub, verified or not; None: the hub was not asked.
        registered: the thumbprints that the device has registered; None: not asked.
        for_upload: the source is about to be uploaded as a CA certificate.
    """

    def __init__(
        self,
        held: Inspected,
        now: datetime,
        *,
        device_id: str = "",
        anchors: Sequence[Anchor] | None = None,
        registered: Sequence[str] | None = None,
        for_upload: bool = False,
    ) -> None:
        self._held = held
        self._now = now
        self._device_id = device_id
        self._anchors = anchors
        self._registered = registered
        self._for_upload = for_upload

    def findings(self) -> tuple[LintFinding, ...]:
        """Return what the rules have against the source, the worst first; in one severity in the order of the file."""
        found = list(self._keys())
        found += self._unread()
        said = {one.sentence() for one in self._held.unread}
        found += [one for note in self._held.notes if note not in said for one in self._note(note)]
        certificates = self._held.certificates
        if self._not_judged():
            return tuple(found)
        if not certificates:
            if not any(one.id == "private-key-in-upload" for one in found):
                what = "a signing request, and no certificate" if self._held.requests else "no certificate"
                found.append(
                    LintFinding("no-certificate", HIGH, f"there is {what} in it", "Give the certificate's file")
                )
            return tuple(found)
        if self._for_upload:
            found += self._upload()
            subjects: Sequence[CertificateInfo] = certificates[:1]
            leaf: CertificateInfo | None = None
        else:
            leaf = self._leaf()
            subjects = self._chain(leaf)
            if self._device_id or not leaf.authority:  # else it is a file of CAs
                found += self._identity(leaf)
            found += self._completeness(leaf, subjects)
            found += self._at_hub(leaf)
        for info in subjects:
            found += self._each(info, leaf=info is leaf)
        return tuple(sorted(dict.fromkeys(found), key=lambda one: _ORDER[one.severity]))

    def _leaf(self) -> CertificateInfo:
        der = leaf_of([one.der for one in self._held.certificates])
        return next(one for one in self._held.certificates if one.der == der)

    def _chain(self, leaf: CertificateInfo) -> list[CertificateInfo]:
        """Return the leaf and those of the file that lead up from it, as the file would be presented."""
        links, left = [leaf], [one for one in self._held.certificates if one.der != leaf.der]
        while not links[-1].self_issued and len(links) < _MOST_LINKS:
            child = facts(links[-1].der)
            parent = next((one for one in left if likely_issued(facts(one.der), child)), None)
            if parent is None:
                break
            left.remove(parent)
            links.append(parent)
        return links

    # --- the file ------------------------------------------------------------------------------------------------

    def _keys(self) -> Iterator[LintFinding]:
        count = self._held.private_keys
        if not count:
            return
        if self._for_upload:
            yield LintFinding(
                "private-key-in-upload",
                HIGH,
                "there is a private key in the file that is about to be uploaded",
                "Upload the certificate alone; treat the key as leaked if it was uploaded before",
            )
        elif self._held.encrypted_keys < count and "PKCS#12" not in self._held.forms:
            text = "a private key lies unencrypted beside the certificate"
            yield LintFinding("private-key-open", LOW, text, "Keep it in a file of its own, 0600, under a passphrase")

    def _not_judged(self) -> bool:
        """Say whether what the file is about cannot be read: nothing else in it is judged in its place."""
        unread = self._held.unread_certificates
        if self._for_upload or not self._held.certificates:
            return bool(unread)
        return bool(unread) and instead_of(self._held, self._leaf().der) is not None

    def _unread(self) -> Iterator[LintFinding]:
        first = self._held.first_unread
        for one in self._held.unread:
            hint = "Get that certificate afresh" + (", no other is judged in its place" if self._not_judged() else "")
            severity = HIGH if one is first or self._not_judged() else MEDIUM
            yield LintFinding("not-readable", severity, one.sentence(), hint)

    @staticmethod
    def _note(note: str) -> Iterator[LintFinding]:
        if "trust settings" not in note:
            yield LintFinding("not-readable", LOW, note, "Look at that part of the file")

    def _upload(self) -> Iterator[LintFinding]:
        certificates = self._held.certificates
        first = certificates[0]
        if len(certificates) > 1:
            text = f"it holds {len(certificates)} certificates; the hub takes one"
            yield LintFinding("several-certificates", HIGH, text, "Upload each CA by itself")
        if not first.authority:
            text = "it is no CA (basicConstraints), so no device certificate can be issued by it"
            yield LintFinding(
                "not-a-ca", HIGH, text, "Upload the CA that issues the devices' certificates", first.subject
            )

    # --- the leaf ------------------------------------------------------------------------------------------------

    def _identity(self, leaf: CertificateInfo) -> Iterator[LintFinding]:
        subject = leaf.subject
        if (several := len(subject_names(leaf.der))) > 1:
            text = f"it has {several} common names; by which of them a hub knows the device is not documented"
            yield LintFinding("common-names", HIGH, text, "Issue it with CN = device id alone", subject)
        if not leaf.common_name:
            text = "it has no common name, so a hub that knows the device by its CA cannot tell whose it is"
            yield LintFinding("no-common-name", HIGH, text, "Issue it with CN = device id", subject)
        elif self._device_id and leaf.common_name != self._device_id:
            text = f"its common name is “{leaf.common_name}”, not “{self._device_id}”: CA authentication needs it equal"
            if leaf.common_name.casefold() == self._device_id.casefold():
                text += "; upper and lower case count"
            yield LintFinding("common-name", HIGH, text, "Issue it with CN = device id (deviceId/moduleId)", subject)
        elif not self._device_id:
            text = f"whether “{leaf.common_name}” is the device's id is not known: no device was named"
            yield LintFinding("common-name", LOW, text, "Name the device", subject, unknown=True)
        if leaf.authority and leaf.self_issued:
            text = (
                "it is self-signed and says that it is a CA: fit for authentication by thumbprint only, and for tests"
            )
            yield LintFinding("self-signed", MEDIUM, text, "Issue devices from a CA for production", subject)
        elif leaf.authority:
            text = "a CA certificate is used as a device's: whoever has the device's key can issue for other devices"
            yield LintFinding("leaf-is-ca", HIGH, text, "Issue a leaf: basicConstraints CA:FALSE", subject)
        elif leaf.authority is None:
            yield LintFinding("basic-constraints", LOW, "it has no basicConstraints", "Issue it with CA:FALSE", subject)
        if leaf.extended_usage and not set(leaf.extended_usage) & set(_CLIENT):
            text = f"it is for {', '.join(leaf.extended_usage)} only, not for TLS clients (clientAuth)"
            yield LintFinding("no-client-auth", HIGH, text, "Issue it with extendedKeyUsage clientAuth", subject)
        if leaf.key_usage and not {"digitalSignature", "keyAgreement"} & set(leaf.key_usage):
            text = f"its key usage ({', '.join(leaf.key_usage)}) does not let it sign in TLS"
            yield LintFinding("key-usage", MEDIUM, text, "Issue it with keyUsage digitalSignature", subject)
        if leaf.self_issued and not leaf.authority:
            text = "it is self-signed: fit for authentication by thumbprint only, and for tests"
            yield LintFinding("self-signed", MEDIUM, text, "Issue devices from a CA for production", subject)
        if leaf.not_after - leaf.not_before > LONGEST_LEAF:
            days = (leaf.not_after - leaf.not_before).days
            text = f"it lives {days:,} days: a stolen key stays good for as long, since the hub checks no revocation"
            yield LintFinding("long-lifetime", MEDIUM, text, "Issue for a year or less, and renew", subject)
        for digits in self._registered or ():
            if len(digits) == SHA1_DIGITS:
                text = "the device has a SHA-1 thumbprint registered, which is deprecated"
                yield LintFinding(
                    "sha1-thumbprint", MEDIUM, text, "Register the SHA-256: hubwarden cert register", subject
                )

    def _completeness(self, leaf: CertificateInfo, links: Sequence[CertificateInfo]) -> Iterator[LintFinding]:
        certificates = self._held.certificates
        if certificates[0].der != leaf.der:
            text = "the leaf is not the first certificate: TLS stacks present the file in its order, leaf first"
            yield LintFinding(
                "order", MEDIUM, text, "Put the leaf first, then its issuer, up to the root", leaf.subject
            )
        else:
            places = [next(i for i, one in enumerate(certificates) if one.der == link.der) for link in links]
            if places != sorted(places):
                text = "the issuers are not in order: each certificate should be followed by its issuer"
                yield LintFinding("order", LOW, text, "Put them in order, leaf first", leaf.subject)
        strangers = len({one.der for one in certificates} - {one.der for one in links})
        if strangers:
            text = f"{strangers} of its certificates are not part of the leaf's chain"
            yield LintFinding("strangers", LOW, text, "Leave them out", leaf.subject)
        top = links[-1]
        if not top.self_issued:
            known = self._anchors is not None and self._ends_at_hub(leaf)
            if known:
                return
            if lost := may_have_issued(self._held.unread_certificates, facts(top.der).issuer):
                text = f"whether the issuer of “{top.subject}” is in the file is not known: it may be {lost[0].place}"
                yield LintFinding("chain-incomplete", MEDIUM, text, "Get it afresh", leaf.subject, unknown=True)
                return
            text = f"the chain ends at “{top.subject}”: its issuer “{top.issuer}” is not in the file"
            if self._anchors is None:
                text += "; that is enough only if that issuer is a CA at the hub"
            hint = "A device must present its chain up to a CA at the hub: add the issuers to the file"
            yield LintFinding("chain-incomplete", MEDIUM, text, hint, leaf.subject)

    def _ends_at_hub(self, leaf: CertificateInfo) -> bool:
        verdict = self._verdict(leaf)
        return bool(verdict.trusted_by) or any(one.fault is Fault.UNVERIFIED_CA for one in verdict.faults)

    def _verdict(self, leaf: CertificateInfo) -> ChainVerdict:
        chain = [one.der for one in self._held.certificates]
        unread = self._held.unread_certificates
        return verify_leaf(leaf.der, chain, self._anchors or (), self._now, strict=False, unread=unread)

    def _at_hub(self, leaf: CertificateInfo) -> Iterator[LintFinding]:
        if self._registered is not None and {leaf.sha1, leaf.sha256} & set(self._registered):
            return  # it signs in by thumbprint
        if self._registered is not None and any(self._registered):
            text = "the device signs in by thumbprint, and the thumbprint of this certificate is not registered"
            yield LintFinding("thumbprint", HIGH, text, "Register it: hubwarden cert register", leaf.subject)
            return
        if self._anchors is None:
            text = "whether its CA is verified at the hub is not known: the hub was not asked"
            yield LintFinding("ca-at-hub", MEDIUM, text, "Ask it: --at-hub", leaf.subject, unknown=True)
            return
        for fault in self._verdict(leaf).faults:
            if fault.unknown:
                yield LintFinding("ca-at-hub", MEDIUM, unknown_words(fault), fault.hint, leaf.subject, unknown=True)
            elif fault.fault is Fault.UNVERIFIED_CA:
                yield LintFinding("ca-unverified", HIGH, fault.message, fault.hint, leaf.subject)
            elif fault.fault in (Fault.NO_ISSUER, Fault.UNTRUSTED_ROOT):
                text = f"no CA at the hub stands above it ({fault.message})"
                hint = "Upload its CA and prove possession: hubwarden cert upload, prove"
                yield LintFinding("ca-not-at-hub", HIGH, text, hint, leaf.subject)
            elif fault.fault not in (Fault.EXPIRED, Fault.NOT_YET_VALID, Fault.WRONG_PURPOSE):
                yield LintFinding("chain", HIGH, fault.message, fault.hint, leaf.subject)

    # --- each certificate ----------------------------------------------------------------------------------------

    def _each(self, info: CertificateInfo, *, leaf: bool) -> Iterator[LintFinding]:
        yield from self._strength(info)
        yield from self._times(info, leaf=leaf)
        for problem in info.problems:
            yield LintFinding("malformed", MEDIUM, f"{problem}", _ANOTHER_TOOL, info.subject)
        for oddity in info.oddities:
            grave = leaf and not oddity.startswith("the common name has ") and "common name" in oddity
            hint = "Issue it with printable letters of UTF-8, 64 at most" if "name" in oddity else _ANOTHER_TOOL
            yield LintFinding("unusual", MEDIUM if grave else LOW, oddity, hint, info.subject)
        if info.version < 3:
            text = f"it is of version {info.version}, without extensions"
            yield LintFinding("version", MEDIUM, text, "Issue it as version 3", info.subject)
        if not leaf and not self._for_upload and info.authority is not True:
            text = "it issued a certificate, but is no CA by its basicConstraints"
            yield LintFinding("not-a-ca", HIGH, text, "Remake it with basicConstraints CA:TRUE", info.subject)
        if info.authority and info.key_usage and "keyCertSign" not in info.key_usage:
            text = "it is a CA whose key usage has no keyCertSign"
            yield LintFinding("key-usage", MEDIUM, text, "Remake it with keyCertSign", info.subject)
        if info.pointers:
            text = f"it points to {', '.join(info.pointers[:2])}; IoT Hub checks neither CRL nor OCSP"
            yield LintFinding("revocation", LOW, text, "To block a device disable its identity", info.subject)

    @staticmethod
    def _strength(info: CertificateInfo) -> Iterator[LintFinding]:
        if info.signature_hash in OLD_HASHES and not info.self_issued:
            text = f"it is signed with {info.signature_hash}, which can be forged"
            yield LintFinding("weak-signature", HIGH, text, "Issue it with SHA-256", info.subject)
        elif info.signature_hash in OLD_HASHES:
            text = f"it is signed by itself with {info.signature_hash}; nobody checks that signature, but it is old"
            yield LintFinding("weak-signature", LOW, text, "Remake it with SHA-256", info.subject)
        hint = "Use RSA 2048 or more, EC P-256 or P-384"
        if info.key.startswith("RSA"):
            if info.key_bits < LEAST_RSA:
                yield LintFinding("weak-key", HIGH, f"its key is RSA of {info.key_bits} bits", hint, info.subject)
        elif info.key.startswith("EC"):
            if info.key not in GOOD_CURVES:
                text = f"its curve is {info.key[3:]}; the hub must support it in the handshake, which is not documented"
                yield LintFinding("curve", MEDIUM, text, hint, info.subject)
        elif info.key.startswith("Ed"):
            text = f"its key is {info.key}: IoT Hub's TLS 1.2 suites are for RSA and ECDSA only"
            yield LintFinding("key-type", HIGH, text, hint, info.subject)
        else:
            text = f"its key is {info.key}: IoT Hub takes RSA and ECDSA only"
            yield LintFinding("key-type", HIGH, text, hint, info.subject)

    def _times(self, info: CertificateInfo, *, leaf: bool) -> Iterator[LintFinding]:
        if self._now > info.not_after:
            text = f"it expired on {_day(info.not_after)}; the hub checks that for thumbprints too"
            yield LintFinding("expired", HIGH, text, "Renew it", info.subject)
        elif self._now < info.not_before:
            text = f"it is not valid before {_day(info.not_before)}"
            yield LintFinding("not-yet-valid", HIGH, text, "Check the clock where it was issued", info.subject)
        elif info.needs_renewal(self._now):
            text = f"two thirds of its lifetime are over; it expires on {_day(info.not_after)}"
            yield LintFinding("needs-renewal", MEDIUM if leaf else LOW, text, "Renew it", info.subject)
        if not info.self_issued:
            child = facts(info.der)
            parents = [one for one in self._held.certificates if one.der != info.der]
            for parent in parents:
                if info.not_after > parent.not_after and likely_issued(facts(parent.der), child):
                    text = f"it lives longer than its issuer, which ends on {_day(parent.not_after)}"
                    hint = "Renew the CA before, or issue for a shorter time"
                    yield LintFinding("outlives-issuer", MEDIUM, text, hint, info.subject)


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d") if moment.year >= 1000 else "a date that cannot be read"


def failed(findings: Sequence[LintFinding]) -> bool:
    """Say whether a lint fails: some finding of medium or higher that is no mere "not known"."""
    return any(one.severity is not LOW and not one.unknown for one in findings)

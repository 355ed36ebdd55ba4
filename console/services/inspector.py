"""Reads certificates from files, standard input and hosts; verifies, lints and compares them with the hub."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from console.model.certificate import CertificateInfo, ChainVerdict, Comparison, Inspected, LintFinding, Purpose
from console.model.clock import Clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.home import home_path
from console.model.secret import Secret
from console.model.text import clean
from console.services.ports import NEVER_CANCELLED, Cancel, DocumentReader, RemoteReader

if TYPE_CHECKING:
    from console.rules.certificate_chain import Anchor
    from console.services.session import Session

STANDARD_INPUT = "-"
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?)):(\d{1,5})")
_PORTS = {"https": 443, "tls": 443, "wss": 443, "mqtts": 8883, "amqps": 5671}


class Inspector:
    """The reading half of the certificate tools.

    `session` and `reader` None: offline, without a profile; what needs the hub then raises ConsoleError
    NOT_CONFIGURED. `remote` None: no host can be asked.
    """

    def __init__(
        self, session: Session | None, reader: DocumentReader | None, remote: RemoteReader | None, clock: Clock
    ) -> None:
        self._session = session
        self._reader = reader
        self._remote = remote
        self._clock = clock
        self._standard_input: bytes | None = None  # read once: a passphrase may have to be asked for in between

    def inspect(
        self,
        source: str,
        *,
        passphrase: Secret | None = None,
        server_name: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Inspected:
        """Return what a file, standard input ("-") or a host (`host:port`) holds; a path that exists wins.

        Nothing is verified. Raises ConsoleError: NOT_FOUND, BAD_INPUT (code "passphrase" when PKCS#12 asks for one or
        refuses it), NETWORK, TLS.
        """
        from console.rules.certificate_reading import read

        target = _host_of(source)
        if target is not None:
            return self._ask(target, server_name, cancel)
        if server_name:
            raise _usage("A server name was given", f"{clean(source)} is a file, not a host")
        if source == STANDARD_INPUT:
            if self._standard_input is None:
                self._standard_input = _bytes_of(source)[0]
            return read(self._standard_input, "standard input", passphrase)
        data, name = _bytes_of(source)
        return read(data, name, passphrase)

    def verify(
        self,
        source: str,
        *,
        roots: Sequence[str] = (),
        at_hub: bool = False,
        purpose: Purpose = Purpose.CLIENT,
        passphrase: Secret | None = None,
        server_name: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> ChainVerdict:
        """Return whether the leaf of a source chains up to roots, and if not, which certificate is why.

        Args:
            source: as for `inspect`; the certificates in it other than the leaf may be part of the chain.
            roots: files that hold the certificates to trust: self-signed ones end a chain (as `openssl verify`).
            at_hub: trust the CA certificates that are verified at the hub, self-signed or not (as IoT Hub does).
            purpose: what the leaf is to be good for.
            passphrase: opens PKCS#12.
            server_name: the name to ask a host for.
            cancel: stops the reading.

        Raises ConsoleError: as `inspect`; code "usage" when nothing to trust was given.
        """
        from console.rules.certificate_chain import verify

        if not roots and not at_hub:
            raise _usage("Nothing was verified", "it is not said what to trust", "Give root files, or the hub's CAs")
        held = self.inspect(source, passphrase=passphrase, server_name=server_name, cancel=cancel)
        _require_certificate(held)
        anchors = [anchor for root in roots for anchor in _anchors_of(root)]
        if at_hub:
            anchors += self._hub_anchors(cancel)
        verdict = verify(held, anchors, self._clock(), purpose)
        if held.tls and (note := _other_name(verdict.chain[0], server_name or (_host_of(source) or ("",))[0])):
            verdict = replace(verdict, notes=(*verdict.notes, note))
        return verdict

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
        """Return what IoT Hub's rules have against a source's certificates, the worst first.

        Args:
            source: as for `inspect`.
            device_id: the device (or `deviceId/moduleId`) that the leaf is for; empty when not known.
            at_hub: hold it against the CAs at the hub too, and against what the device has registered.
            for_upload: the file is to be uploaded as a CA certificate.
            passphrase: opens PKCS#12.
            cancel: stops the reading.
        """
        from console.rules.certificate_lint import Lint

        held = self.inspect(source, passphrase=passphrase, cancel=cancel)
        anchors = self._hub_anchors(cancel) if at_hub else None
        registered: tuple[str, ...] | None = None
        if at_hub and device_id:
            from console.services.registered import registered_as

            device, module = _identity(device_id)
            registered = registered_as(self._documents, device, module, cancel).thumbprints
        return Lint(
            held, self._clock(), device_id=device_id, anchors=anchors, registered=registered, for_upload=for_upload
        ).findings()

    def compare(
        self,
        source: str,
        device_id: str,
        *,
        module_id: str = "",
        passphrase: Secret | None = None,
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Comparison:
        """Return whether a source's certificate would let a device (or module) in as it is registered now, and why not.

        Reads the identity and, for a device that signs in by CA, the hub's CA certificates. Raises ConsoleError.
        """
        from console.rules.certificate_compare import compare
        from console.services.registered import registered_as

        device_id, module_id = _identity(f"{device_id}/{module_id}" if module_id else device_id)
        held = self.inspect(source, passphrase=passphrase, cancel=cancel)
        _require_certificate(held)
        found = registered_as(self._documents, device_id, module_id, cancel)
        anchors: list[Anchor] | None = None
        problem = ""
        if found.by_ca:
            try:
                anchors = self._hub_anchors(cancel)
            except ConsoleError as error:
                if error.kind is ErrorKind.CANCELLED:
                    raise
                problem = error.sentence()
        return compare(held, found, anchors, self._clock(), problem)

    # --- the hub and hosts -----------------------------------------------------------------------------------------

    @property
    def _documents(self) -> DocumentReader:
        if self._reader is None:
            raise _needs_profile("The device cannot be read")
        return self._reader

    def _hub_anchors(self, cancel: Cancel) -> list[Anchor]:
        from console.rules.certificate_chain import Anchor

        if self._session is None:
            raise _needs_profile("The hub's CA certificates cannot be read")
        found = self._session.hub_reader.certificates(cancel)
        if found and not any(one.der for one in found):
            why = "the resource manager tells their names and not the certificates themselves"
            raise ConsoleError(ErrorKind.BAD_ANSWER, "The hub's CA certificates could not be read", why)
        return [Anchor(one.der, f"{one.name} (at the hub)", complete=True, verified=one.verified) for one in found]

    def _ask(self, target: tuple[str, int], server_name: str, cancel: Cancel) -> Inspected:
        from console.rules.certificate_reading import of_host

        if self._remote is None:
            raise _needs_profile("The host cannot be asked")
        chain, tls = self._remote.certificates(*target, server_name, cancel)
        host, port = target
        return of_host(f"[{clean(host)}]:{port}" if ":" in host else f"{clean(host)}:{port}", chain, tls)


def _identity(name: str) -> tuple[str, str]:
    """Return the device and the module (empty for none) that `deviceId` or `deviceId/moduleId` names.

    Raises ConsoleError (code "usage") for what nobody can be called: it would be another address on the way there.
    """
    from console.rules.device_input import check_id

    device, slash, module = name.partition("/")
    check_id(device)
    if slash:
        check_id(module, "module")
    return device, module


def _host_of(source: str) -> tuple[str, int] | None:
    """Return host and port when a source names them and no file of that name exists."""
    if not source:
        raise _usage("Nothing was read", "the name is empty", "Name a file or host:port")
    if source == STANDARD_INPUT or _exists(source):
        return None
    scheme, mark, _ = source.partition("://")
    if mark:
        try:
            parts = urlsplit(source)
            host, port = parts.hostname or "", parts.port or _PORTS.get(scheme.casefold(), 0)
        except ValueError:
            host, port = "", 0
        if not host or not 0 < port < 65536:
            raise _usage(f"{clean(source)} cannot be asked", "it names no host and port", "Write host:port")
        return host, port
    found = _HOST.fullmatch(source)
    if found is None:
        return None
    if not 0 < int(found[3]) < 65536:
        raise _usage(f"{clean(source)} cannot be asked", "there is no such port, and no file of this name")
    return found[1] or found[2], int(found[3])


def _other_name(leaf: CertificateInfo, name: str) -> str:
    """Return a note when a host's certificate is not made out to the name it was asked by; empty when it is."""
    folded = name.rstrip(".").casefold()
    wanted = {f"dns:{folded}", f"dns:*.{folded.partition('.')[2]}", f"ip:{folded}"}
    if wanted & {one.casefold() for one in leaf.alternative_names}:
        return ""
    named = ", ".join(leaf.alternative_names[:4]) or "none"
    return (
        f"it is not made out to “{clean(name, limit=80)}” (names in it: {named}): a client that minds names refuses it"
    )


def _exists(source: str) -> bool:
    try:
        return home_path(source).exists()
    except (OSError, ValueError, RuntimeError):
        return False


def _bytes_of(source: str) -> tuple[bytes, str]:
    """Return the bytes of a file or of standard input, not more than can be read, and its name."""
    from console.rules.certificate_reading import MAX_BYTES

    if source == STANDARD_INPUT:
        stream = getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise _usage("Nothing was read", "there is no standard input")
        return stream.read(MAX_BYTES + 1), "standard input"
    name = clean(source, limit=200)
    try:
        path = home_path(source)
        if path.is_dir():
            raise ConsoleError(ErrorKind.BAD_INPUT, f"{name} was not read", "it is a folder", "Name a file in it")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1), name
    except FileNotFoundError:
        hint = "For a host write host:port" if "/" not in source else "Check the path"
        raise ConsoleError(ErrorKind.NOT_FOUND, f"{name} was not found", "there is no such file", hint) from None
    except (OSError, ValueError, RuntimeError) as error:
        why = clean(getattr(error, "strerror", None) or error, limit=120)
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{name} was not read", why, "Check the path and its rights") from None


def _anchors_of(root: str) -> list[Anchor]:
    from console.rules.certificate_chain import Anchor
    from console.rules.certificate_reading import read

    data, name = _bytes_of(root)
    try:
        found = read(data, name)
    except ConsoleError as error:
        if error.code != "passphrase":
            raise
        why = "it is PKCS#12 under a passphrase, which is asked for the other file alone"
        raise ConsoleError(error.kind, f"{name} cannot be trusted", why, "Give the CA certificates as PEM") from None
    if not (found.certificates or found.unread_certificates):
        why = "; ".join(found.notes[:2]) or "it holds no certificate"
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{name} cannot be trusted", why, "Give a file of CA certificates")
    lost = [replace(one, place=f"{one.place} of {name}") for one in found.unread_certificates]
    return [
        *(Anchor(one.der, name, settings=one.settings) for one in found.certificates),
        *(Anchor(one.der, name, unread=one) for one in lost),
    ]


def _require_certificate(held: Inspected) -> None:
    if held.certificates or held.unread_certificates:  # what cannot be read is refused where it would be judged
        return
    why = "; ".join(held.notes[:2])
    if held.requests:
        why = "it holds a signing request"
    elif held.private_keys:
        why = "it holds a private key"
    raise ConsoleError(ErrorKind.BAD_INPUT, f"{held.source} holds no certificate", why, "Give the certificate's file")


def _usage(what: str, why: str, hint: str = "") -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")


def _needs_profile(what: str) -> ConsoleError:
    why, hint = "there is no profile of a hub", "Name one: hubwarden --profile NAME …"
    return ConsoleError(ErrorKind.NOT_CONFIGURED, what, why, hint)

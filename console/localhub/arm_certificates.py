"""CA certificates of a hub or a provisioning service: upload, read, delete, and real proofs of possession."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import HUB, Call, Route
from console.localhub.arm_errors import bad_argument, bad_body, bad_etag, iot_hub
from console.localhub.cloud_factory import next_etag
from console.localhub.state import HubState, Json, ProvisioningState
from console.localhub.x509_facts import UNREADABLE

MAX_CERTIFICATES = 25
_NAME = re.compile(r"[A-Za-z0-9\-._]{1,64}")

Owner = HubState | ProvisioningState


@dataclass(frozen=True)
class Store:
    """Whose certificates a call is about, under which lock, and what to do when they have changed."""

    owner: Owner
    lock: AbstractContextManager[object]
    changed: Callable[[], None]


Finder = Callable[[Call], Store]


def kind_of(owner: Owner) -> str:
    """Return the resource type of an owner of certificates."""
    return "Microsoft.Devices/IotHubs" if isinstance(owner, HubState) else "Microsoft.Devices/provisioningServices"


def certificate_body(owner: Owner, name: str, der: bytes, now: datetime, *, verified: bool, etag: str | None) -> Json:
    """Return the ARM body of a CA certificate; dates in RFC 1123, thumbprint SHA-1 in upper-case hex."""
    certificate = x509.load_der_x509_certificate(der)
    stamp = format_datetime(now.astimezone(UTC).replace(microsecond=0), usegmt=True)
    return {
        "properties": {
            "subject": ", ".join(rdn.rfc4514_string() for rdn in reversed(certificate.subject.rdns)),
            "expiry": format_datetime(certificate.not_valid_after_utc, usegmt=True),
            "thumbprint": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - the service's own form
            "isVerified": verified,
            "created": stamp,
            "updated": stamp,
            "certificate": base64.b64encode(der).decode(),
        },
        "id": f"{owner.arm_id}/certificates/{name}",
        "name": name,
        "type": f"{kind_of(owner)}/Certificates",
        "etag": etag or next_etag(None),
    }


def put_certificate(owner: Owner, name: str, der: bytes, now: datetime, *, verified: bool) -> Json:
    """Put a CA certificate into a hub or provisioning service as an upload does, and return its ARM body.

    For a provisioning service hold the cloud's lock.
    """
    with owner.lock if isinstance(owner, HubState) else nullcontext():
        before = owner.certificates.get(name)
        etag = next_etag(before["etag"]) if before else next_etag(owner.resource["etag"])
        body = certificate_body(owner, name, der, now, verified=verified, etag=etag)
        if before:
            body["properties"]["created"] = before["properties"]["created"]
        owner.certificates[name] = body
        owner.certificate_ders[name] = der
        return body


def parse_certificate(text: object) -> x509.Certificate:
    """Read a certificate given as base64 of DER, base64 of PEM, or PEM text; raises 400 for anything else."""
    if not isinstance(text, str) or not text.strip():
        raise bad_body()
    raw = text.strip().encode()
    try:
        if not raw.startswith(b"-----BEGIN"):
            raw = base64.b64decode(b"".join(raw.split()), validate=True)
        pem = raw.lstrip().startswith(b"-----BEGIN")
        found = x509.load_pem_x509_certificate(raw) if pem else x509.load_der_x509_certificate(raw)
        _ = found.subject, found.issuer  # names are taken apart when they are asked for, and may turn out to be none
        return found
    except (binascii.Error, *UNREADABLE):
        raise bad_argument("The certificate is not a valid X.509 certificate.") from None


def _known(call: Call, owner: Owner) -> str | None:
    """Return the stored name of the certificate that the path names; case does not count."""
    wanted = call.params["certificate"].casefold()
    return next((name for name in owner.certificates if name.casefold() == wanted), None)


def _find(call: Call, owner: Owner) -> str:
    """Return the stored name of the certificate that the path names; raises 404008."""
    name = _known(call, owner)
    if name is None:
        raise iot_hub(404008, f"The certificate '{call.params['certificate']}' was not found.")
    return name


def _check_etag(call: Call, body: Json) -> None:
    if call.if_match() not in ("*", body["etag"]):
        raise bad_etag()


def _list(_call: Call, store: Store) -> Response:
    with store.lock:
        return JSONResponse({"value": list(store.owner.certificates.values())})


def _get(call: Call, store: Store) -> Response:
    with store.lock:
        return JSONResponse(store.owner.certificates[_find(call, store.owner)])


def _put(call: Call, store: Store) -> Response:
    owner, name = store.owner, call.params["certificate"]
    properties = call.json().get("properties")
    if not isinstance(properties, dict) or not isinstance(properties.get("isVerified"), bool | None):
        raise bad_body()
    if not _NAME.fullmatch(name):
        raise bad_argument(f"'{name}' is not a valid certificate name.")
    der = parse_certificate(properties.get("certificate")).public_bytes(Encoding.DER)
    with store.lock:
        known = _known(call, owner)
        if known is not None:
            _check_etag(call, owner.certificates[known])
        elif call.if_match() is not None:
            raise bad_etag()
        elif len(owner.certificates) >= MAX_CERTIFICATES:
            raise bad_argument(f"There are at most {MAX_CERTIFICATES} certificates.")
        verified = properties.get("isVerified") is True
        body = put_certificate(owner, known or name, der, call.cloud.clock.story(), verified=verified)
        call.arm.verification_codes.pop(_code_key(owner, known or name), None)
    store.changed()
    return JSONResponse(body, 200 if known is not None else 201)


def _delete(call: Call, store: Store) -> Response:
    owner = store.owner
    with store.lock:
        name = _known(call, owner)
        if name is None:
            return Response(status_code=204)
        _check_etag(call, owner.certificates[name])
        del owner.certificates[name]
        owner.certificate_ders.pop(name, None)
        call.arm.verification_codes.pop(_code_key(owner, name), None)
    store.changed()
    return Response(status_code=200)


def _generate(call: Call, store: Store) -> Response:
    """Answer the certificate with a fresh verification code: 48 hex digits, valid until the next."""
    owner = store.owner
    with store.lock:
        name = _find(call, owner)
        body = owner.certificates[name]
        _check_etag(call, body)
        code = secrets.token_hex(24).upper()
        call.arm.verification_codes[_code_key(owner, name)] = code
        body = _touched(call, owner, name, verified=bool(body["properties"]["isVerified"]))
        return JSONResponse({**body, "properties": {**body["properties"], "verificationCode": code}})


def _verify(call: Call, store: Store) -> Response:
    """Accept a certificate signed by the CA's key whose common name is the verification code."""
    owner = store.owner
    proof = parse_certificate(call.json().get("certificate"))
    with store.lock:
        name = _find(call, owner)
        _check_etag(call, owner.certificates[name])
        code = call.arm.verification_codes.get(_code_key(owner, name))
        if code is None:
            raise bad_argument("There is no verification code for this certificate; generate one first.")
        names = proof.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        if len(names) != 1 or names[0].value != code:
            raise bad_argument("The common name of the verification certificate is not the verification code.")
        try:
            proof.verify_directly_issued_by(x509.load_der_x509_certificate(owner.certificate_ders[name]))
        except (InvalidSignature, UnsupportedAlgorithm, *UNREADABLE):
            raise bad_argument("The verification certificate was not signed by the certificate's key.") from None
        del call.arm.verification_codes[_code_key(owner, name)]
        body = _touched(call, owner, name, verified=True)
    store.changed()
    return JSONResponse(body)


def _touched(call: Call, owner: Owner, name: str, *, verified: bool) -> Json:
    before = owner.certificates[name]
    updated = format_datetime(call.cloud.clock.story().replace(microsecond=0), usegmt=True)
    properties = {**before["properties"], "isVerified": verified, "updated": updated}
    body = {**before, "properties": properties, "etag": next_etag(before["etag"])}
    owner.certificates[name] = body
    return body


def _code_key(owner: Owner, name: str) -> tuple[str, str]:
    return owner.arm_id.casefold(), name.casefold()


def certificate_routes(resource: str, kind: str, find: Finder) -> tuple[Route, ...]:
    """Return the routes of the certificates below a resource's path template; `find` tells whose they are."""
    one = resource + "/certificates/{certificate}"
    operation = kind + "/certificates/"

    def on(answer: Callable[[Call, Store], Response]) -> Callable[[Call], Response]:
        return lambda call: answer(call, find(call))

    def post(word: str, answer: Callable[[Call, Store], Response]) -> Route:
        return Route("POST", f"{one}/{word}", on(answer), f"{operation}{word}/action", one, f"{operation}{word}/Action")

    return (
        Route("GET", resource + "/certificates", on(_list), operation + "read", resource),
        Route("GET", one, on(_get), operation + "read"),
        Route("PUT", one, on(_put), operation + "write", operation=operation + "Write"),
        Route("DELETE", one, on(_delete), operation + "delete", operation=operation + "Delete"),
        post("generateVerificationCode", _generate),
        post("verify", _verify),
    )


def _of_hub(call: Call) -> Store:
    hub = call.hub()
    return Store(hub, hub.lock, lambda: call.cloud.notify(hub, "certificates"))


ROUTES = certificate_routes(HUB, "Microsoft.Devices/IotHubs", _of_hub)

"""CA certificates of a hub: upload, read, delete, and proof of possession checked with real signatures."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.responses import JSONResponse, Response

from console.localhub.arm_core import HUB, Call, Route
from console.localhub.arm_errors import bad_argument, bad_body, bad_etag, iot_hub
from console.localhub.cloud_factory import next_etag
from console.localhub.state import HubState, Json

MAX_CERTIFICATES = 25
_NAME = re.compile(r"[A-Za-z0-9\-._]{1,64}")
_READ = "Microsoft.Devices/IotHubs/certificates/read"


def certificate_body(hub: HubState, name: str, der: bytes, now: datetime, *, verified: bool, etag: str | None) -> Json:
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
        "id": f"{hub.arm_id}/certificates/{name}",
        "name": name,
        "type": "Microsoft.Devices/IotHubs/Certificates",
        "etag": etag or next_etag(None),
    }


def put_certificate(hub: HubState, name: str, der: bytes, now: datetime, *, verified: bool) -> Json:
    """Put a CA certificate into a hub as an upload does, and return its ARM body."""
    with hub.lock:
        before = hub.certificates.get(name)
        etag = next_etag(before["etag"]) if before else next_etag(hub.resource["etag"])
        body = certificate_body(hub, name, der, now, verified=verified, etag=etag)
        if before:
            body["properties"]["created"] = before["properties"]["created"]
        hub.certificates[name] = body
        hub.certificate_ders[name] = der
        return body


def parse_certificate(text: object) -> x509.Certificate:
    """Read a certificate given as base64 of DER, base64 of PEM, or PEM text; raises 400 for anything else."""
    if not isinstance(text, str) or not text.strip():
        raise bad_body()
    raw = text.strip().encode()
    try:
        if not raw.startswith(b"-----BEGIN"):
            raw = base64.b64decode(b"".join(raw.split()), validate=True)
        if raw.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificate(raw)
        return x509.load_der_x509_certificate(raw)
    except (ValueError, binascii.Error):
        raise bad_argument("The certificate is not a valid X.509 certificate.") from None


def _find(call: Call, hub: HubState) -> str:
    """Return the stored name of the certificate that the path names; raises 404008."""
    wanted = call.params["certificate"]
    for name in hub.certificates:
        if name.casefold() == wanted.casefold():
            return name
    raise iot_hub(404008, f"The certificate '{wanted}' was not found.")


def _check_etag(call: Call, body: Json) -> None:
    if call.if_match() not in ("*", body["etag"]):
        raise bad_etag()


def _list(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        return JSONResponse({"value": list(hub.certificates.values())})


def _get(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        return JSONResponse(hub.certificates[_find(call, hub)])


def _put(call: Call) -> Response:
    hub = call.hub()
    name = call.params["certificate"]
    properties = call.json().get("properties")
    if not isinstance(properties, dict) or not isinstance(properties.get("isVerified"), bool | None):
        raise bad_body()
    if not _NAME.fullmatch(name):
        raise bad_argument(f"'{name}' is not a valid certificate name.")
    der = parse_certificate(properties.get("certificate")).public_bytes(Encoding.DER)
    with hub.lock:
        known = next((stored for stored in hub.certificates if stored.casefold() == name.casefold()), None)
        if known is not None:
            _check_etag(call, hub.certificates[known])
        elif call.if_match() is not None:
            raise bad_etag()
        elif len(hub.certificates) >= MAX_CERTIFICATES:
            raise bad_argument(f"A hub takes at most {MAX_CERTIFICATES} certificates.")
        verified = properties.get("isVerified") is True
        body = put_certificate(hub, known or name, der, call.cloud.clock.story(), verified=verified)
        call.arm.verification_codes.pop(_code_key(hub, known or name), None)
    call.cloud.notify(hub, "certificates")
    return JSONResponse(body, 200 if known is not None else 201)


def _delete(call: Call) -> Response:
    hub = call.hub()
    with hub.lock:
        name = next((n for n in hub.certificates if n.casefold() == call.params["certificate"].casefold()), None)
        if name is None:
            return Response(status_code=204)
        _check_etag(call, hub.certificates[name])
        del hub.certificates[name]
        hub.certificate_ders.pop(name, None)
        call.arm.verification_codes.pop(_code_key(hub, name), None)
    call.cloud.notify(hub, "certificates")
    return Response(status_code=200)


def _generate(call: Call) -> Response:
    """Answer the certificate with a fresh verification code: 48 hex digits, valid until the next."""
    hub = call.hub()
    with hub.lock:
        name = _find(call, hub)
        body = hub.certificates[name]
        _check_etag(call, body)
        code = secrets.token_hex(24).upper()
        call.arm.verification_codes[_code_key(hub, name)] = code
        body = _touched(call, hub, name, verified=bool(body["properties"]["isVerified"]))
        return JSONResponse({**body, "properties": {**body["properties"], "verificationCode": code}})


def _verify(call: Call) -> Response:
    """Accept a certificate signed by the CA's key whose common name is the verification code."""
    hub = call.hub()
    proof = parse_certificate(call.json().get("certificate"))
    with hub.lock:
        name = _find(call, hub)
        _check_etag(call, hub.certificates[name])
        code = call.arm.verification_codes.get(_code_key(hub, name))
        if code is None:
            raise bad_argument("There is no verification code for this certificate; generate one first.")
        names = proof.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        if len(names) != 1 or names[0].value != code:
            raise bad_argument("The common name of the verification certificate is not the verification code.")
        try:
            proof.verify_directly_issued_by(x509.load_der_x509_certificate(hub.certificate_ders[name]))
        except (ValueError, TypeError, InvalidSignature):
            raise bad_argument("The verification certificate was not signed by the certificate's key.") from None
        del call.arm.verification_codes[_code_key(hub, name)]
        body = _touched(call, hub, name, verified=True)
    call.cloud.notify(hub, "certificates")
    return JSONResponse(body)


def _touched(call: Call, hub: HubState, name: str, *, verified: bool) -> Json:
    before = hub.certificates[name]
    updated = format_datetime(call.cloud.clock.story().replace(microsecond=0), usegmt=True)
    properties = {**before["properties"], "isVerified": verified, "updated": updated}
    body = {**before, "properties": properties, "etag": next_etag(before["etag"])}
    hub.certificates[name] = body
    return body


def _code_key(hub: HubState, name: str) -> tuple[str, str]:
    return hub.name.casefold(), name.casefold()


_ONE = HUB + "/certificates/{certificate}"
_OPERATION = "Microsoft.Devices/IotHubs/certificates/"

ROUTES = (
    Route("GET", HUB + "/certificates", _list, _READ, HUB),
    Route("GET", _ONE, _get, _READ),
    Route("PUT", _ONE, _put, _OPERATION + "write", operation=_OPERATION + "Write"),
    Route("DELETE", _ONE, _delete, _OPERATION + "delete", operation=_OPERATION + "Delete"),
    Route(
        "POST",
        _ONE + "/generateVerificationCode",
        _generate,
        _OPERATION + "generateVerificationCode/action",
        _ONE,
        _OPERATION + "generateVerificationCode/Action",
    ),
    Route("POST", _ONE + "/verify", _verify, _OPERATION + "verify/action", _ONE, _OPERATION + "verify/Action"),
)

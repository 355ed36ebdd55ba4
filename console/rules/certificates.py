"""Certificates built for IoT Hub: profiles of root, intermediate, device, module, server and proof; no files."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from console.model.certificate import (
    BACKDATE,
    CA_KEY_TYPES,
    LEAF_KEY_TYPES,
    AuthorityOrder,
    CertificateKind,
    LeafOrder,
)
from console.model.clock import format_time
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules.certificate_keys import ED25519_REFUSED, SigningKey, generate, hash_for, spki
from console.rules.certificate_names import (
    COMMON_NAME_LIMIT,
    address,
    check_host,
    check_name,
    check_permitted,
    kind_for,
    permitted,
)
from console.rules.certificate_signer import check_signer

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
PEM = Encoding.PEM
DER = Encoding.DER
_LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    """A CA that can sign: its key, and its certificates up to the root (its own first)."""

    key: SigningKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """The CA's own certificate."""
        return self.chain[0]


@dataclass(frozen=True)
class Built:
    """A certificate that was just built, its key where one was made here, and sentences on what was done otherwise."""

    certificate: x509.Certificate
    key: SigningKey | None
    notes: tuple[str, ...] = ()


def build_authority(
    order: AuthorityOrder, issuer: Authority | None, now: datetime, key: SigningKey | None = None
) -> Built:
    """Return a root (no `issuer`) or an intermediate CA.

    Raises ConsoleError BAD_INPUT (code "usage" for the order) when the order or the issuer does not allow it.
    """
    kind = CertificateKind.INTERMEDIATE if issuer else CertificateKind.ROOT
    check_name(kind, order.name)
    if order.key_type not in CA_KEY_TYPES:
        raise _bad(f"No CA with {order.key_type} is made", "a CA signs for years, and wants a longer key")
    for host in order.permitted_names:
        check_permitted(host)
    length, notes = _path_length(order, issuer)
    start, end, clipped = validity(order.lifetime, issuer.chain if issuer else (), now)
    if issuer:
        check_signer(issuer.chain, now, None)
    key = key or generate(order.key_type)
    subject = common_name(order.name)
    if issuer and subject == issuer.certificate.subject:
        raise _bad("The CA was not made", f"its issuer is called “{clean(order.name)}” as well", "Choose another name")
    builder = (
        _begin(subject, issuer.certificate.subject if issuer else subject, key.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issuer_key(issuer.certificate if issuer else None, key.public_key()), critical=False)
    )
    if order.permitted_names:
        names = [x509.DNSName(name.lstrip(".")) for name in order.permitted_names]
        builder = builder.add_extension(x509.NameConstraints(names, None), critical=True)
    signer = issuer.key if issuer else key
    return Built(builder.sign(signer, hash_for(signer)), key, (*notes, *clipped))


class LeafMaker:
    """Makes leaves of one template below one CA; what they share is made once, as bulk issuing needs.

    Raises ConsoleError BAD_INPUT when the CA cannot sign now or the template is wrong.
    """

    def __init__(self, issuer: Authority, template: LeafOrder, now: datetime) -> None:
        if template.kind.authority or template.kind is CertificateKind.OTHER:
            raise _bad("No certificate was made", f"{template.kind} is no kind of leaf")
        if template.key_type not in LEAF_KEY_TYPES:
            raise _bad("No certificate was made", ED25519_REFUSED)
        self._issuer = issuer
        self._template = template
        server = template.kind is CertificateKind.SERVER
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        check_signer(issuer.chain, now, purpose if template.kind is not CertificateKind.PROOF else None)
        self.not_before, self.not_after, self.notes = validity(template.lifetime, issuer.chain, now)
        self._name = issuer.certificate.subject
        self._issuer_key = _extension(_issuer_key(issuer.certificate, None), critical=False)
        self._hash = hash_for(issuer.key)
        self._purpose = _extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        self._basic = _extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        self._usage = {rsa_key: _extension(_usage(deciphers=rsa_key), critical=True) for rsa_key in (False, True)}
        self._constraints = constraints(issuer.chain)

    def make(self, name: str, key: SigningKey | None = None) -> Built:
        """Return a leaf with a key of its own, or with the one given."""
        key = key or generate(self._template.key_type)
        built = self._sign(name, key.public_key())
        return Built(built.certificate, key, built.notes)

    def sign(self, name: str, public_key: PublicKey) -> Built:
        """Return a leaf for a key that somebody else holds.

        Raises ConsoleError BAD_INPUT when the name is wrong, or the key is the CA's own.
        """
        if spki(public_key) == spki(self._issuer.key):
            raise _bad("No certificate was made", "the key is the CA's own, which must not leave it", "Use a new key")
        return self._sign(name, public_key)

    def _sign(self, name: str, public_key: PublicKey) -> Built:
        kind = kind_for(self._template.kind, name)
        check_name(kind, name)
        hosts = (self._template.hosts or (name,)) if kind is CertificateKind.SERVER else ()
        notes = self._check_constraints(name, hosts)
        subject = common_name(name) if len(name) <= COMMON_NAME_LIMIT or not hosts else x509.Name([])
        extensions: list[x509.Extension[x509.ExtensionType]] = [
            self._basic,
            self._usage[isinstance(public_key, rsa.RSAPublicKey)],
            self._purpose,
            _extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False),
            self._issuer_key,
        ]
        if hosts:
            # a certificate without a subject must mark its names critical (RFC 5280, 4.2.1.6)
            extensions.append(_extension(alternative_names(hosts), critical=not list(subject)))
        builder = _begin(subject, self._name, public_key, self.not_before, self.not_after, extensions)
        return Built(builder.sign(self._issuer.key, self._hash), None, (*self.notes, *notes))

    def _check_constraints(self, name: str, hosts: Sequence[str]) -> tuple[str, ...]:
        for names in self._constraints:
            for host in hosts:
                if address(host) is None and not permitted(host, names):
                    why = f"the CA may only vouch for names below {', '.join(names)}"
                    raise _bad(f"No certificate was made for “{clean(host)}”", why, "Choose another CA or name")
            if not hosts and "." in name and not permitted(name, names):
                return (
                    f"“{clean(name)}” looks like a host name outside the CA's name constraints, and openssl then "
                    "refuses it",
                )
        return ()


def validity(
    lifetime: timedelta, chain: Sequence[x509.Certificate], now: datetime
) -> tuple[datetime, datetime, tuple[str, ...]]:
    """Return from when to when a certificate is valid, within the time of all CAs above, and what was cut off for that.

    Raises ConsoleError BAD_INPUT when the lifetime is no time.
    """
    now = now.astimezone(UTC).replace(microsecond=0)
    if lifetime < timedelta(seconds=1):
        raise _bad("No certificate was made", "its lifetime is less than a second", "Give it some days")
    if lifetime > _LATEST - now:
        raise _bad("No certificate was made", "it would outlive the year 9999", "Give it fewer days")
    start, end = now - BACKDATE, (now + lifetime).replace(microsecond=0)
    if not chain:
        return start, end, ()
    first = max(one.not_valid_before_utc for one in chain)
    last = min(one.not_valid_after_utc for one in chain)
    notes: tuple[str, ...] = ()
    if end > last:
        notes = (f"It ends with its CA at {format_time(last)}, earlier than asked for",)
    return max(start, first), min(end, last), notes


def constraints(chain: Sequence[x509.Certificate]) -> tuple[tuple[str, ...], ...]:
    """Return the permitted DNS names of each CA of a chain that has name constraints."""
    found = []
    for one in chain:
        try:
            value = one.extensions.get_extension_for_class(x509.NameConstraints).value
        except x509.ExtensionNotFound:
            continue
        names = tuple(name.value for name in value.permitted_subtrees or () if isinstance(name, x509.DNSName))
        if names:
            found.append(names)
    return tuple(found)


def remaining_length(chain: Sequence[x509.Certificate]) -> int | None:
    """Return how many more CAs may stand below the first of a chain (leaf end first), None for any number."""
    left: list[int] = []
    for above, one in enumerate(chain):
        length = one.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        if length is not None:
            left.append(length - above)
    return min(left) if left else None


def common_name(name: str) -> x509.Name:
    """Return a subject that has just this common name; `cryptography` writes it as UTF8String (RFC 5280, 4.1.2.4)."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def name_in(name: x509.Name) -> str:
    """Return the common name of a subject, empty when it has none."""
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    """Return host names and addresses as the extension."""
    names: list[x509.GeneralName] = []
    for host in dict.fromkeys(hosts):
        check_host(host)
        found = address(host)
        names.append(x509.DNSName(host) if found is None else x509.IPAddress(found))
    return x509.SubjectAlternativeName(names)


def _extension(value: x509.ExtensionType, *, critical: bool) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical, value)


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: PublicKey,
    start: datetime,
    end: datetime,
    extensions: list[x509.Extension[x509.ExtensionType]] | None = None,
) -> x509.CertificateBuilder:
    # all at once: each method of the builder copies it, which is a fifth of the time of a bulk issue
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=public_key,
        serial_number=secrets.randbits(128) or 1,  # positive, at most 17 octets of 20 (RFC 5280, 4.1.2.2)
        not_valid_before=start.replace(tzinfo=None),
        not_valid_after=end.replace(tzinfo=None),
        extensions=extensions or [],
    )


def _usage(*, signs: bool = False, deciphers: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=deciphers,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key(issuer: x509.Certificate | None, own: PublicKey | None) -> x509.AuthorityKeyIdentifier:
    if issuer is None:
        assert own is not None
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(own)
    try:
        value = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        public = issuer.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(value)


def _path_length(order: AuthorityOrder, issuer: Authority | None) -> tuple[int | None, tuple[str, ...]]:
    wanted = order.path_length
    if wanted is not None and wanted < 0:
        raise _bad("The CA was not made", "a path length is zero or more")
    left = remaining_length(issuer.chain) if issuer else None
    if left is None or issuer is None:
        return wanted, ()
    named = clean(name_in(issuer.certificate.subject))
    if left < 1:
        why = f"the path length of “{named}” allows no CA below it"
        raise ConsoleError(ErrorKind.BAD_INPUT, "The CA was not made", why, "Choose another issuer")
    if wanted is None:
        return left - 1, (f"Its path length is {left - 1}, as “{named}” leaves no more",)
    if wanted > left - 1:
        why = f"“{named}” leaves a path length of {left - 1}, and {wanted} was asked for"
        raise _bad("The CA was not made", why, "Ask for less")
    return wanted, ()


def _bad(what: str, why: str, hint: str = "") -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")

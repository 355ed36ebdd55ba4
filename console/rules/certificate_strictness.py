"""What RFC 5280 asks of a certificate's extensions beyond what makes a chain work (`openssl verify -x509_strict`)."""

from __future__ import annotations

from console.rules.certificate_facts import NETSCAPE_TYPE, SUBJECT_ALTERNATIVE, Facts
from console.rules.extension_values import extension_word

_BASIC, _USAGE, _SUBJECT_KEY, _AUTHORITY_KEY = "2.5.29.19", "2.5.29.15", "2.5.29.14", "2.5.29.35"
_HANDLED = {
    _BASIC,
    _USAGE,
    SUBJECT_ALTERNATIVE,
    "2.5.29.30",  # nameConstraints
    "2.5.29.31",  # cRLDistributionPoints
    "2.5.29.32",  # certificatePolicies
    "2.5.29.33",  # policyMappings
    "2.5.29.36",  # policyConstraints
    "2.5.29.37",  # extKeyUsage
    "2.5.29.54",  # inhibitAnyPolicy
    NETSCAPE_TYPE,
    "1.3.6.1.5.5.7.1.7",  # address blocks (RFC 3779)
    "1.3.6.1.5.5.7.1.8",
    "1.3.6.1.5.5.7.48.1.5",  # OCSP no check
}
_EMPTY = b""


def critical_problem(one: Facts) -> str:
    """Return which critical extension nobody here knows, empty when there is none."""
    unknown = [oid for oid, found in one.extensions.items() if found.critical and oid not in _HANDLED]
    if not unknown:
        return ""
    return f"the critical extension {extension_word(unknown[0])}, which is not understood"


def strict_problem(one: Facts, *, last: bool) -> str:
    """Return the first rule for extensions that a certificate breaks, as the end of a sentence; empty for none.

    `last` is the top of the chain. Sections are those of RFC 5280.
    """
    usage = one.usage or ()
    signs = "keyCertSign" in usage if one.usage is not None else True
    if one.path_length is not None and not one.authority:
        return "limits the path length, though it is no CA (§4.2.1.9)"
    if one.path_length is not None and not signs:
        return "limits the path length, though its key usage has no keyCertSign (§4.2.1.9)"
    if one.authority and not one.critical(_BASIC):
        return "is a CA whose basicConstraints are not critical (§4.2.1.9)"
    if one.authority and one.usage is None:
        return "is a CA without keyUsage (§4.2.1.3)"
    if not one.authority and one.usage is not None and signs:
        return "has keyCertSign, though it is no CA (§4.2.1.3)"
    if one.algorithms_differ:
        return "names one signature algorithm inside and another beside it (§4.1.1.2)"
    return _names(one, usage) or _identifiers(one, last=last)


def _names(one: Facts, usage: tuple[str, ...]) -> str:
    named = SUBJECT_ALTERNATIVE in one.extensions
    if one.issuer == _EMPTY:
        return "has an empty issuer (§4.1.2.4)"
    if one.subject == _EMPTY and (one.authority or "cRLSign" in usage or not named):
        return "has an empty subject (§4.1.2.6)"
    if one.subject == _EMPTY and not one.critical(SUBJECT_ALTERNATIVE):
        return "has an empty subject, and its subjectAltName is not critical (§4.2.1.6)"
    if one.names is not None and not len(list(one.names)):
        return "has an empty subjectAltName (§4.2.1.6)"
    return ""


def _identifiers(one: Facts, *, last: bool) -> str:
    if one.critical(_AUTHORITY_KEY):
        return "has a critical authorityKeyIdentifier (§4.2.1.1)"
    if one.critical(_SUBJECT_KEY):
        return "has a critical subjectKeyIdentifier (§4.2.1.2)"
    if one.version < 3:
        return "has extensions, though it is of version 1 (§4.1.2.9)" if one.extensions else ""
    if not last and (one.akid is None or one.akid.key_identifier is None):
        return "has no authorityKeyIdentifier (§4.2.1.1)"
    if one.authority and "2.5.29.14" not in one.extensions:
        return "is a CA without subjectKeyIdentifier (§4.2.1.2)"
    return ""

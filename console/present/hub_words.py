"""The hub in words: its exposure on one line and in full, certificates, the last change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from console.model.hub import ActivityEntry, Exposure, Hub, HubCertificate
from console.present.lines import Line, Piece, fit
from console.present.pages import fields, section
from console.present.words import full_moment, plural, short_moment, span

SOON = timedelta(days=30)


def hub_words(hub: Hub) -> str:
    """Return "westeurope · S1 x2"."""
    return " · ".join(part for part in (hub.location, f"{hub.sku} x{hub.units}" if hub.sku else "") if part)


def exposure_line(exposure: Exposure) -> Line:
    """Return who can reach the hub, on one line; what is open stands out."""
    if exposure.public_access is False:
        return (("not public", "ok"), (f", {plural(exposure.private_endpoints_approved, 'private endpoint')}", ""))
    rules = len(exposure.ip_rules)
    pieces: list[Piece] = [("public" if exposure.public_access else "public access not stated", "")]
    if exposure.default_deny is False or (not rules and not exposure.default_deny):
        pieces += [(", ", ""), ("OPEN to all addresses", "bad")]
    else:
        pieces.append((f", {plural(rules, 'IP range')}", ""))
    if exposure.built_in_endpoint_filtered is False and exposure.default_deny:
        pieces += [(", ", ""), ("built-in endpoint OPEN to all addresses", "bad")]
    if exposure.classic_rules:
        pieces.append((f", {plural(exposure.classic_rules, 'classic rule')}", "warn"))
    if exposure.private_endpoints_pending:
        pieces.append((f", {exposure.private_endpoints_pending} private endpoint pending", "warn"))
    return tuple(pieces)


def exposure_page(hub: Hub, width: int) -> list[Line]:
    """Return everything known about who can reach the hub."""
    exposure = hub.exposure
    lines = section(
        "HUB",
        fields(
            (
                ("name", hub.name),
                ("host", hub.host),
                ("region", hub.location),
                ("SKU", f"{hub.sku}, {plural(hub.units, 'unit')}"),
                ("state", hub.state),
                ("resource", hub.arm_id),
            ),
            width,
        ),
    )
    lines += section(
        "EXPOSURE",
        fields(
            (
                ("public access", _yes(exposure.public_access, "enabled", "disabled")),
                ("default action", _yes(exposure.default_deny, "deny", "ALLOW: every address is let in")),
                (
                    "built-in endpoint",
                    _yes(exposure.built_in_endpoint_filtered, "IP rules apply", "OPEN: IP rules do not apply"),
                ),
                ("private endpoints", f"{exposure.private_endpoints_approved} approved"),
                ("", f"{exposure.private_endpoints_pending} pending" if exposure.private_endpoints_pending else ""),
                ("minimum TLS", exposure.min_tls_version or "not set"),
                ("local auth (SAS)", _yes(exposure.local_auth_disabled, "disabled for the hub", "enabled")),
                ("device SAS", _yes(exposure.device_sas_disabled, "disabled", "enabled")),
            ),
            width,
        ),
    )
    rules: list[Line] = [((f"   {fit(rule.name, 24)}  {rule.mask}", ""),) for rule in exposure.ip_rules]
    if exposure.classic_rules:
        rules.append(((f"   and {plural(exposure.classic_rules, 'classic rule')} (retired ipFilterRules)", "warn"),))
    return lines + section("IP RULES", rules or [(("   none", "dim"),)])


def _yes(value: bool | None, yes: str, no: str) -> str:
    return "not stated by the service" if value is None else yes if value else no


def certificates_line(certificates: Sequence[HubCertificate], now: datetime) -> Line:
    """Return the certificate that expires next."""
    known = [(entry.expires, entry) for entry in certificates if entry.expires is not None]
    if not known:
        return (("none uploaded", "dim") if not certificates else ("expiry not known", "warn"),)
    expires, entry = min(known, key=lambda item: item[0])
    name = (f'hub CA "{entry.name}" ', "")
    unverified = () if entry.verified else ((" (not verified)", "warn"),)
    if expires <= now:
        return (name, (f"EXPIRED {span(now - expires)} ago", "bad"), *unverified)
    return (name, (f"expires in {span(expires - now)}", "warn" if expires - now < SOON else ""), *unverified)


def certificates_page(certificates: Sequence[HubCertificate], now: datetime, width: int) -> list[Line]:
    """Return every CA certificate of the hub."""
    lines: list[Line] = []
    for entry in certificates:
        lines += section(
            entry.name,
            fields(
                (
                    ("subject", entry.subject),
                    ("expires", full_moment(entry.expires, now, "not known")),
                    (
                        "verified",
                        "yes" if entry.verified else "NO: it lets no device in",
                        "" if entry.verified else "warn",
                    ),
                    ("thumbprint", entry.thumbprint),
                ),
                width,
            ),
        )
    return lines or [(("   No CA certificate is uploaded to this hub.", "dim"),)]


def change_line(entry: ActivityEntry | None, now: datetime) -> Line:
    """Return the last change and by whom."""
    if entry is None:
        return (("none in the activity log", "dim"),)
    failed = () if entry.status.casefold() in ("", "succeeded", "success") else ((f" ({entry.status})", "warn"),)
    return (
        (f"{short_moment(entry.time, now)}  {entry.summary or entry.operation}", ""),
        *failed,
        (f" by {entry.caller or 'unknown'}", "dim"),
    )


def change_page(entry: ActivityEntry, now: datetime, width: int) -> list[Line]:
    """Return everything the activity log tells about one change."""
    return section(
        "LAST CHANGE",
        fields(
            (
                ("when", full_moment(entry.time, now)),
                ("what", entry.summary),
                ("operation", entry.operation),
                ("who", entry.caller or "unknown"),
                ("from address", entry.caller_address or "not recorded"),
                ("result", entry.status),
                ("source", "Azure activity log"),
            ),
            width,
        ),
    )

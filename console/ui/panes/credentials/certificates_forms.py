"""The forms of the Certificates tab, and the orders that their answers make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from console.model.certificate import (
    CA_KEY_TYPES,
    INTERMEDIATE_LIFETIME,
    LEAF_KEY_TYPES,
    LEAF_LIFETIME,
    ROOT_LIFETIME,
    AuthorityOrder,
    AuthorityRecord,
    CertificateKind,
    KeyType,
    LeafOrder,
)
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.services.certificate_checks import (
    days_problem,
    hosts_of,
    hosts_problem,
    hub_name_problem,
    id_problem,
    name_problem,
    passphrase_problem,
)
from console.ui.dialogs.form import (
    Answer,
    ChoiceField,
    Field,
    Form,
    InfoField,
    PathField,
    TextField,
    ToggleField,
)
from console.ui.widgets.path_input import PathKind

KEY_WORDS = {
    KeyType.EC_P256: "EC P-256",
    KeyType.EC_P384: "EC P-384",
    KeyType.RSA_2048: "RSA 2048",
    KeyType.RSA_3072: "RSA 3072",
    KeyType.RSA_4096: "RSA 4096 (slow to make)",
}
NOUNS = {
    CertificateKind.DEVICE: "device",
    CertificateKind.MODULE: "module",
    CertificateKind.SERVER: "server",
}
_HIDDEN = "typed characters show as dots"
_DIFFER = "The two passphrases differ"
_BOTH = "A passphrase was typed and “none” is ticked: choose one"


def _name(kind: CertificateKind, label: str = "name", value: str = "", hint: str = "") -> TextField:
    return TextField("name", label, value, hint, lambda text: name_problem(kind, text))


def _key_type(types: Sequence[KeyType]) -> ChoiceField:
    return ChoiceField("key", "key type", tuple((one.value, KEY_WORDS[one]) for one in types), KeyType.EC_P256.value)


def _days(lifetime: timedelta) -> TextField:
    return TextField("days", "lifetime in days", str(lifetime.days), "", days_problem, suggested=True)


def _place(value: str = "", *, optional: bool = False, hint: str = "") -> PathField:
    text = hint or "a folder; tab completes, ~ is your home folder"
    return PathField("out", "write to folder", value, text, PathKind.PLACE, optional=optional, suggested=True)


def _secret_fields(*, without: bool, note: str) -> tuple[Field, ...]:
    return (
        TextField("passphrase", "passphrase", "", _HIDDEN, _lockable, secret=True),
        TextField("again", "once more", "", _HIDDEN, secret=True),
        ToggleField("without", "none", without, note),
    )


def _lockable(passphrase: str) -> str:
    return passphrase_problem(passphrase) if passphrase else ""


def issuer_field(authorities: Sequence[AuthorityRecord], chosen: str = "") -> ChoiceField:
    """Return the choice of the CA that signs: those whose key is here, intermediates first."""
    able = [one for one in authorities if one.has_key]
    able.sort(key=lambda one: (one.record.kind is CertificateKind.ROOT, one.record.common_name.casefold()))
    titles = tuple((str(one.folder), f"{one.record.common_name} ({one.record.kind.value})") for one in able)
    return ChoiceField("ca", "issued by", titles, chosen)


def _passphrase_right(answer: Answer) -> str:
    first, again, without = str(answer["passphrase"]), str(answer["again"]), bool(answer["without"])
    if first != again:
        return _DIFFER
    if first and without:
        return _BOTH
    return "" if first or without else "Type a passphrase for the new key, or tick “none”"


def new_passphrase(answer: Answer) -> Secret | None:
    """Return the passphrase for a new key, None for none."""
    return Secret(str(answer["passphrase"])) if answer["passphrase"] else None


# --- CAs -----------------------------------------------------------------------------------------------------------


def authority_form(authorities: Sequence[AuthorityRecord] | None = None, chosen: str = "") -> Form:
    """Ask for a new CA: a root, or with `authorities` an intermediate of one of them."""
    root = authorities is None
    kind = CertificateKind.ROOT if root else CertificateKind.INTERMEDIATE
    limits = (("", "no limit"), ("0", "none: it issues leaves only"), ("1", "one level"), ("2", "two levels"))
    fields: list[Field] = [_name(kind, hint="plants-root" if root else "lyon-ca")]
    if authorities is not None:
        fields.append(issuer_field(authorities, chosen))
    fields += [
        _key_type(CA_KEY_TYPES),
        _days(ROOT_LIFETIME if root else INTERMEDIATE_LIFETIME),
        ChoiceField("length", "CAs below it", limits, "" if root else "0"),
        _place(optional=True, hint="empty: hubwarden's own folder"),
        *_secret_fields(without=False, note="the key is stored readable for whoever can read its file"),
    ]
    title = "NEW ROOT CA" if root else "NEW INTERMEDIATE CA"
    return Form(title, fields, submit="Make it", check=_passphrase_right)


def authority_order(answer: Answer) -> AuthorityOrder:
    """Return what the form asks for."""
    length = str(answer["length"])
    return AuthorityOrder(
        name=str(answer["name"]),
        key_type=KeyType(str(answer["key"])),
        lifetime=timedelta(days=int(str(answer["days"]))),
        path_length=int(length) if length else None,
    )


# --- leaves --------------------------------------------------------------------------------------------------------


def _named(kind: CertificateKind, device_id: str) -> list[Field]:
    if kind is CertificateKind.SERVER:
        hosts = TextField("hosts", "more names", "", "other host names or addresses, with blanks", hosts_problem)
        return [_name(kind, "host name", "", "gateway.lyon.example"), hosts]
    if kind is CertificateKind.MODULE:
        value = f"{device_id}/" if device_id else ""
        return [_name(kind, "device/module id", value, "press-0417/camera")]
    return [_name(kind, "device id", device_id, "press-0417")]


def leaf_form(
    kind: CertificateKind, authorities: Sequence[AuthorityRecord], *, device_id: str = "", ca: str = "", out: str = ""
) -> Form:
    """Ask for a certificate of a device, module or server."""
    fields: list[Field] = [
        *_named(kind, device_id),
        issuer_field(authorities, ca),
        _key_type(LEAF_KEY_TYPES),
        _days(LEAF_LIFETIME),
        _place(out),
        ToggleField("pkcs12", "PKCS#12 too", False, "one file with key and chain; needs the passphrase"),
        *_secret_fields(without=True, note="devices start without anybody to type it"),
    ]

    def check(answer: Answer) -> str:
        if answer["pkcs12"] and not answer["passphrase"]:
            return "PKCS#12 needs a passphrase: type one and take the tick off “none”, or leave PKCS#12 out"
        return _passphrase_right(answer)

    return Form(f"CERTIFICATE FOR A {NOUNS[kind].upper()}", fields, submit="Issue it", check=check)


def leaf_order(kind: CertificateKind, answer: Answer) -> LeafOrder:
    """Return what the form asks for."""
    name = str(answer["name"])
    hosts = hosts_of(str(answer.get("hosts", "")))
    return LeafOrder(
        kind=kind,
        name=name,
        key_type=KeyType(str(answer["key"])),
        lifetime=timedelta(days=int(str(answer.get("days", LEAF_LIFETIME.days)))),
        hosts=(name, *(host for host in hosts if host != name)) if hosts else (),
        pkcs12=bool(answer.get("pkcs12", False)),
    )


def request_form(device_id: str = "", out: str = "") -> Form:
    """Ask for a key and a signing request of a device."""
    fields: list[Field] = [
        _name(CertificateKind.DEVICE, "device id", device_id, "press-0417"),
        _key_type(LEAF_KEY_TYPES),
        _place(out),
        *_secret_fields(without=True, note="devices start without anybody to type it"),
    ]
    return Form("KEY AND SIGNING REQUEST (CSR)", fields, submit="Make them", check=_passphrase_right)


def sign_form(authorities: Sequence[AuthorityRecord], *, ca: str = "", out: str = "") -> Form:
    """Ask which request is to be signed, and as what."""
    kinds = tuple((kind.value, noun) for kind, noun in NOUNS.items())
    fields: list[Field] = [
        PathField("csr", "signing request"),
        issuer_field(authorities, ca),
        ChoiceField("kind", "certificate for a", kinds),
        TextField("name", "name", "", "empty: the one in the request"),
        _days(LEAF_LIFETIME),
        _place(out),
    ]

    def check(answer: Answer) -> str:
        name = str(answer["name"])
        return name_problem(CertificateKind(str(answer["kind"])), name) if name else ""

    return Form("SIGN A REQUEST", fields, submit="Sign it", check=check)


def bulk_form(
    authorities: Sequence[AuthorityRecord], marked: Sequence[str] = (), *, ca: str = "", out: str = ""
) -> Form:
    """Ask how to issue for many devices: those that are marked, or those in a file."""
    who: Field = PathField("ids", "device ids, a file", hint="one device id a line")
    if marked:
        who = InfoField("devices", f"{len(marked):,} marked: {', '.join(marked[:3])}{', …' if len(marked) > 3 else ''}")
    fields: list[Field] = [
        who,
        issuer_field(authorities, ca),
        _key_type(LEAF_KEY_TYPES),
        _days(LEAF_LIFETIME),
        _place(out),
        *_secret_fields(without=True, note="devices start without anybody to type it"),
        InfoField("", "The same folder again goes on where it was stopped"),
    ]
    return Form("CERTIFICATES FOR MANY DEVICES", fields, submit="Issue them", check=_passphrase_right)


# --- reading and the hub -------------------------------------------------------------------------------------------


def source_form(
    title: str, submit: str, value: str = "", *more: Field, check: Callable[[Answer], str] = lambda _: ""
) -> Form:
    """Ask for a file or a host, and more."""
    source = PathField("source", "file or host:port", value, "tab completes; or press.example:8883", PathKind.SOURCE)
    return Form(title, (source, *more), submit=submit, check=check)


def compare_form(device_id: str = "", source: str = "") -> Form:
    """Ask which certificate is held against which device."""
    device = TextField("device", "device id", device_id, "press-0417", id_problem)
    return source_form("WOULD IT AUTHENTICATE?", "Compare", source, device)


def verify_form(source: str = "", *, hub: bool = True) -> Form:
    """Ask what is verified, and against which roots."""
    roots = PathField("root", "trust this file", "", "a root CA; empty: none", optional=True)
    at_hub = ToggleField("hub", "trust the hub's CAs", hub, "the ones that are verified")

    def check(answer: Answer) -> str:
        return "" if answer["root"] or answer["hub"] else "Say what to trust: a root, or the hub's CAs"

    return source_form("VERIFY A CHAIN", "Verify", source, roots, at_hub, check=check)


def lint_form(source: str = "", device_id: str = "", *, hub: bool = True) -> Form:
    """Ask what is linted, and for which purpose."""
    device = TextField(
        "device", "for the device", device_id, "empty: any", lambda text: id_problem(text) if text else ""
    )
    upload = ToggleField("upload", "as a CA to upload", False, "the rules for the hub's CAs")
    at_hub = ToggleField("hub", "ask the hub too", hub, "its CAs, and what the device has registered")
    return source_form("IS ANYTHING WRONG WITH IT?", "Look", source, device, upload, at_hub)


def upload_form(name: str = "", file: str = "") -> Form:
    """Ask which CA certificate is uploaded under which name."""
    fields: list[Field] = [
        PathField("file", "CA certificate", file, "PEM or DER, without a key"),
        TextField("name", "name at the hub", name, "plants-2026", hub_name_problem),
        ToggleField("verified", "take as verified", False, "without proof: only a CA that you know to be yours"),
    ]
    return Form("UPLOAD A CA CERTIFICATE", fields, submit="Show the plan")


def register_form(device_id: str = "", source: str = "") -> Form:
    """Ask which certificate's thumbprint is registered for which device."""
    fields: list[Field] = [
        TextField("device", "device id", device_id, "press-0417", id_problem),
        PathField("file", "certificate", source),
        InfoField("", "SHA-256 into the secondary slot: nobody is cut; promote it when the device has it"),
    ]
    return Form("REGISTER A THUMBPRINT", fields, submit="Show the plan")


def ids_in(path: str) -> tuple[str, ...]:
    """Return the device ids in a file, one a line, each once, blanks around them left out. Raises ConsoleError."""
    from console.services.private_files import read_file

    try:
        text = read_file(Path(path)).decode("utf-8-sig")
    except UnicodeDecodeError:
        what, why = f"The ids in {clean(path)} cannot be read", "it is no UTF-8 text"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Give one device id a line") from None
    return tuple(dict.fromkeys(stripped for line in text.splitlines() if (stripped := line.strip())))

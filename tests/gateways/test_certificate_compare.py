"""Would a certificate let a device in? Our answer, from registry and hub as read, is the decision of the hub's door."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from support.chains import DAY, NOW, SERVER, Node, make, sha1, tampered, usage
from support.devices import Clients, register
from support.hub import HubRunner
from support.writes import writable

from console.localhub.arm_certificates import put_certificate
from console.localhub.door import Attempt
from console.localhub.state import ModuleRecord
from console.model.certificate import Answer, Comparison
from console.model.errors import ConsoleError, ErrorKind
from console.services.bundle import Services
from console.services.inspector import Inspector

DEVICE, MODULE = "press-1", "camera"
YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
LONG = {"not_after": NOW + 2000 * DAY}
ROOT = make("Plants", ca=True, number=1, **LONG)
MIDDLE = make("Issuing", ROOT, ca=True, number=2, **LONG)
DIRECT = make("Direct", make("Offline root", ca=True, number=8, **LONG), ca=True, number=9, **LONG)  # itself at the hub
CONTRACTOR = make("Contractor", ca=True, number=4, **LONG)  # at the hub, not verified
STRANGER = make("Stranger", ca=True, number=5, **LONG)
OLD = make("Plants 2019", ca=True, number=6, not_before=NOW - 900 * DAY, not_after=NOW - DAY)
WEAK = make("Weak", ROOT, ca=True, number=13, kind="rsa-1024", **LONG)
AGED = sha1(make("Aged", ROOT, ca=True, number=14, **LONG), ROOT.key)
FAKE = make("Fake", MIDDLE, number=10, **LONG)  # no CA
SHORT = make("Short", make("Plants", ca=True, number=1, path_length=0, **LONG), ca=True, number=11, **LONG)
AT_HUB = {
    "plants": (ROOT, True),
    "direct": (DIRECT, True),
    "contractor": (CONTRACTOR, False),
    "plants-2019": (OLD, True),
}


def leaf(by: Node | None, subject: str = DEVICE, **options: Any) -> Node:
    return make(subject, by, number=20, **options)


GOOD = leaf(MIDDLE)
CERTIFICATES: dict[str, list[Node]] = {
    "good": [GOOD, MIDDLE],
    "good, with the root": [GOOD, MIDDLE, ROOT],
    "good, in another order": [GOOD, ROOT, MIDDLE],
    "without the issuer": [GOOD],
    "by a CA that is itself at the hub": [leaf(DIRECT)],
    "by the root": [leaf(ROOT)],
    "expired": [leaf(MIDDLE, not_after=NOW - DAY), MIDDLE],
    "not yet valid": [leaf(MIDDLE, not_before=NOW + DAY), MIDDLE],
    "of another device": [leaf(MIDDLE, "press-2"), MIDDLE],
    "in another case": [leaf(MIDDLE, "Press-1"), MIDDLE],
    "of a CA that is not verified": [leaf(CONTRACTOR)],
    "of a CA that is not there": [leaf(STRANGER), STRANGER],
    "of a CA that has expired": [leaf(OLD)],
    "of an expired issuer": [
        leaf(late := make("Late", ROOT, ca=True, number=12, not_after=NOW - DAY)),
        late,
    ],
    "of an issuer that is no CA": [leaf(FAKE), FAKE, MIDDLE],
    "altered": [tampered(GOOD), MIDDLE],
    "self-signed": [leaf(None)],
    "of a module": [leaf(MIDDLE, f"{DEVICE}/{MODULE}"), MIDDLE],
}
REGISTERED = (
    "by key",
    "primary, SHA-256",
    "secondary, SHA-256",
    "primary, SHA-1",
    "secondary, SHA-1, of two",
    "another thumbprint",
    "no thumbprint",
    "by CA",
)


@dataclass
class House:
    runner: HubRunner
    services: Services
    folder: Path
    clients: Clients = field(init=False)

    def __post_init__(self) -> None:
        self.clients = Clients(self.runner)
        session, reader = self.services.session, self.services.changes.reader
        self.inspector = Inspector(session, reader, None, lambda: NOW)

    def known(self, how: str, node: Node, **more: Any) -> dict[str, Any]:
        """Return the fields of an identity that is registered in one of the ways of REGISTERED."""
        sha1 = hashlib.sha1(node.der, usedforsecurity=False).hexdigest()
        sha256, other = hashlib.sha256(node.der).hexdigest().upper(), "AB" * 32
        fields: dict[str, Any] = {
            "by key": {},
            "primary, SHA-256": {"primary_thumbprint": sha256},
            "secondary, SHA-256": {"primary_thumbprint": other, "secondary_thumbprint": sha256},
            "primary, SHA-1": {"primary_thumbprint": sha1.upper()},
            "secondary, SHA-1, of two": {"primary_thumbprint": other, "secondary_thumbprint": sha1},
            "another thumbprint": {"primary_thumbprint": other},
            "no thumbprint": {},
            "by CA": {},
        }[how]
        auth = {"by key": "sas", "by CA": "certificateAuthority"}.get(how, "selfSigned")
        return {**fields, "auth": auth, **more}

    def door(self, nodes: list[Node], module: str | None = None) -> bool:
        chain = tuple(one.der for one in nodes)
        return self.clients.door.decide(
            Attempt(NOW, DEVICE, "127.0.0.1", client_chain=chain, module_id=module, judged_at=NOW)
        ).admitted

    def ask(self, nodes: list[Node], module: str = "", device: str = DEVICE) -> Comparison:
        file = self.folder / "device.pem"
        file.write_bytes(b"".join(one.pem for one in nodes))
        return self.inspector.compare(str(file), device, module_id=module)


@pytest.fixture(scope="module")
def runner() -> Iterator[HubRunner]:
    with HubRunner(scenario="empty", devices=1, throttle=False) as hub:
        with hub.hub.lock:
            for name, (node, verified) in AT_HUB.items():
                put_certificate(hub.hub, name, node.der, NOW, verified=verified)
        yield hub


@pytest.fixture
def house(runner: HubRunner, tmp_path: Path) -> House:
    with runner.hub.lock:
        runner.hub.devices.clear()
    return House(runner, writable(runner, tmp_path), tmp_path)


def check(house: House, nodes: list[Node], module: str = "") -> Comparison:
    """Ask both; the answer must be the door's decision, with a reason and, where it is no, something to do."""
    found = house.ask(nodes, module)
    assert found.answer is (YES if house.door(nodes, module or None) else NO), found
    assert found.why
    assert found.hint or found.answer is YES
    return found


@pytest.mark.parametrize("how", REGISTERED)
def test_the_answer_is_the_doors_decision(house: House, how: str) -> None:
    answers = set()
    for nodes in CERTIFICATES.values():
        register(house.runner, DEVICE, **house.known(how, nodes[0]))
        answers.add(check(house, nodes).answer)
    assert answers == ({YES, NO} if how not in ("by key", "another thumbprint", "no thumbprint") else {NO})


@pytest.mark.parametrize("how", REGISTERED)
def test_a_module_is_judged_by_its_own_registration(house: House, how: str) -> None:
    for name in ("good", "of a module", "expired", "self-signed"):
        nodes = CERTIFICATES[name]
        module = ModuleRecord(DEVICE, "1", module_id=MODULE, **house.known(how, nodes[0]))
        register(house.runner, DEVICE, modules={MODULE: module})
        found = check(house, nodes, MODULE)
        assert found.device_id == f"{DEVICE}/{MODULE}"


@pytest.mark.parametrize("module", ["", MODULE])
def test_a_disabled_device_keeps_everything_out(house: House, module: str) -> None:
    inner = ModuleRecord(DEVICE, "1", module_id=MODULE, **house.known("by CA", GOOD))
    fields = house.known("by CA", GOOD, status="disabled", status_reason="stolen\x1b[31m")
    register(house.runner, DEVICE, modules={MODULE: inner}, **fields)
    found = check(house, CERTIFICATES["of a module" if module else "good"], module)
    assert "disabled" in found.why
    assert "stolen" in found.why
    assert found.why.isprintable()


def test_what_is_not_registered_is_said(house: House) -> None:
    assert "no device" in check(house, CERTIFICATES["good"]).why
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    assert "no module" in check(house, CERTIFICATES["good"], MODULE).why


def test_reasons_name_what_is_wrong(house: House) -> None:
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    for name, words in {
        "good": "plants (at the hub)",
        "without the issuer": "CN=Issuing",
        "expired": "expired on 2026-11-22",
        "not yet valid": "not valid before",
        "of another device": "press-2",
        "in another case": "upper and lower case count",
        "of a CA that is not verified": "contractor",
        "of a CA that is not there": "no CA that is verified",
        "altered": "signature",
        "of an issuer that is no CA": "no CA",
    }.items():
        assert words in house.ask(CERTIFICATES[name]).why, name
    register(house.runner, DEVICE, **house.known("primary, SHA-1", GOOD))
    found = house.ask(CERTIFICATES["good"])
    assert "primary (SHA-1)" in found.why
    assert "deprecated" in found.hint
    register(house.runner, DEVICE, **house.known("by key", GOOD))
    assert "SAS" in house.ask(CERTIFICATES["good"]).why


@pytest.mark.parametrize(
    "nodes",
    [
        [leaf(MIDDLE, purposes=[SERVER]), MIDDLE],
        [leaf(SHORT), SHORT, make("Plants", ca=True, number=1, path_length=0, **LONG)],
    ],
    ids=["for servers only", "path length"],
)
def test_what_the_hub_is_not_known_to_check_is_told_as_unknown(house: House, nodes: list[Node]) -> None:
    if len(nodes) == 3:
        put_certificate(house.runner.hub, "plants", nodes[2].der, NOW, verified=True)
    try:
        register(house.runner, DEVICE, **house.known("by CA", GOOD))
        found = house.ask(nodes)
        assert found.answer is UNKNOWN
        assert "may or may not" in found.why
        assert not house.door(nodes)  # the local hub lets nothing in that a real one may refuse
    finally:
        put_certificate(house.runner.hub, "plants", ROOT.der, NOW, verified=True)


def test_a_loop_of_cas_is_told(house: House) -> None:
    names = [leaf(None, word).certificate.subject for word in "AB"]
    loop = [make(names[n % 2], ca=True, number=40, issuer=names[(n + 1) % 2]) for n in range(120)]
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    assert "no end of its chain" in house.ask([leaf(loop[0]), *loop]).why


def test_a_hub_that_cannot_be_read_leaves_the_chain_unknown(house: House) -> None:
    register(house.runner, DEVICE, **house.known("by CA", GOOD))

    class Shut:
        def certificates(self, cancel: object = None) -> None:
            del cancel
            raise ConsoleError(ErrorKind.PERMISSION, "The hub's certificates could not be read", "no role", "Get one")

    class Session:
        hub_reader = Shut()

    house.inspector = Inspector(Session(), house.services.changes.reader, None, lambda: NOW)  # type: ignore[arg-type]
    found = house.ask(CERTIFICATES["good"])
    assert found.answer is UNKNOWN
    assert "no role" in found.why


def test_offline_it_says_that_a_profile_is_needed(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(GOOD.pem)
    tool = Inspector(None, None, None, lambda: NOW)
    for call in (
        lambda: tool.compare(str(tmp_path / "x.pem"), DEVICE),
        lambda: tool.verify(str(tmp_path / "x.pem"), at_hub=True),
        lambda: tool.lint(str(tmp_path / "x.pem"), at_hub=True),
    ):
        with pytest.raises(ConsoleError) as caught:
            call()
        assert caught.value.kind is ErrorKind.NOT_CONFIGURED
        assert "--profile" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("good", None),
        ("by a CA that is itself at the hub", None),
        ("without the issuer", "NO_ISSUER"),
        ("of a CA that is not verified", "UNVERIFIED_CA"),
        ("of a CA that has expired", "EXPIRED"),
        ("self-signed", "UNTRUSTED_ROOT"),
    ],
)
def test_verify_at_the_hub_trusts_its_verified_cas_alone(house: House, name: str, fault: str | None) -> None:
    file = house.folder / "device.pem"
    file.write_bytes(b"".join(one.pem for one in CERTIFICATES[name]))
    verdict = house.inspector.verify(str(file), at_hub=True)
    assert ({one.fault.name for one in verdict.faults} & {fault}) == ({fault} if fault else set())
    assert verdict.trusted == (fault is None)
    if verdict.trusted:
        assert verdict.trusted_by.endswith("(at the hub)")


def test_lint_at_the_hub_looks_at_its_cas_and_at_the_device(house: House) -> None:
    file = house.folder / "device.pem"
    file.write_bytes(b"".join(one.pem for one in CERTIFICATES["good"]))
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    assert house.inspector.lint(str(file), device_id=DEVICE, at_hub=True) == ()
    register(house.runner, DEVICE, **house.known("primary, SHA-1", GOOD))
    assert [one.id for one in house.inspector.lint(str(file), device_id=DEVICE, at_hub=True)] == ["sha1-thumbprint"]
    file.write_bytes(b"".join(one.pem for one in CERTIFICATES["of a CA that is not verified"]))
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    assert "ca-unverified" in [one.id for one in house.inspector.lint(str(file), device_id=DEVICE, at_hub=True)]


def two_names(*names: str) -> Node:
    return make(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one) for one in names]), MIDDLE, number=20)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([two_names(DEVICE, "press-2"), MIDDLE], "2 common names"),
        ([two_names("press-2", DEVICE), MIDDLE], "2 common names"),
        ([leaf(MIDDLE, kind="ed25519"), MIDDLE], "Ed25519"),
        ([leaf(MIDDLE, kind="rsa-1024"), MIDDLE], "1024"),
        ([leaf(MIDDLE, kind="secp256k1"), MIDDLE], "secp256k1"),
        ([sha1(leaf(MIDDLE), MIDDLE.key), MIDDLE], "SHA-1"),
        ([leaf(WEAK), WEAK], "1024"),
        ([leaf(AGED), AGED], "SHA-1"),
    ],
    ids=["two names", "two names, the other first", "ed25519", "rsa-1024", "curve", "sha-1", "weak CA", "SHA-1 CA"],
)
def test_what_the_hub_is_not_known_to_take_is_never_promised(house: House, nodes: list[Node], words: str) -> None:
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    found = house.ask(nodes)
    assert found.answer is UNKNOWN
    assert words in found.why
    assert found.hint
    assert not house.door(nodes)
    if words in ("Ed25519", "1024", "secp256k1") and nodes[1] is MIDDLE:  # its key, which matters to thumbprints too
        register(house.runner, DEVICE, **house.known("primary, SHA-256", nodes[0]))
        assert house.ask(nodes).answer is UNKNOWN


def test_names_that_are_not_the_devices_are_refused(house: House) -> None:
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    assert house.ask([two_names("press-2", "press-3"), MIDDLE]).answer is NO
    assert "no common name" in house.ask([two_names(), MIDDLE]).why


@pytest.mark.parametrize("how", ["by CA", "primary, SHA-256"])
def test_a_file_that_begins_with_a_ca_would_be_presented_so(house: House, how: str) -> None:
    register(house.runner, DEVICE, **house.known(how, GOOD))
    nodes = [ROOT, MIDDLE, GOOD]
    assert not house.door(nodes)
    found = house.ask(nodes)
    assert found.answer is UNKNOWN
    assert "CN=Plants" in found.why
    assert "leaf first" in found.hint


def test_bundles_without_an_order_are_judged_by_their_leaf(house: House) -> None:
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    file = house.folder / "device.p7b"
    nodes = [ROOT, MIDDLE, GOOD]
    file.write_bytes(pkcs7.serialize_certificates([one.certificate for one in nodes], serialization.Encoding.DER))
    assert house.inspector.compare(str(file), DEVICE).answer is YES


def test_a_ca_that_is_itself_at_the_hub_is_no_proven_device(house: House) -> None:
    own = make(DEVICE, ca=True, number=30, key_usage=usage("key_cert_sign", "digital_signature"), **LONG)
    put_certificate(house.runner.hub, "own", own.der, NOW, verified=True)
    try:
        register(house.runner, DEVICE, **house.known("by CA", GOOD))
        found = house.ask([own])
        assert found.answer is UNKNOWN and "itself" in found.why
    finally:
        with house.runner.hub.lock:
            house.runner.hub.certificates.pop("own")
            house.runner.hub.certificate_ders.pop("own")


def test_the_thumbprint_of_a_ca_is_told_apart(house: House) -> None:
    register(house.runner, DEVICE, **house.known("secondary, SHA-256", MIDDLE))
    found = house.ask(CERTIFICATES["good"])
    assert found.answer is NO
    assert "secondary is that of “CN=Issuing”" in found.why


@pytest.mark.parametrize(
    ("device", "module"),
    [("", ""), ("..", "camera"), ("a b", ""), ("a\nb", ""), (f"{DEVICE}/", ""), (DEVICE, ".."), (DEVICE, "a/b")],
)
def test_ids_that_nobody_has_are_told_before_anything_is_asked(house: House, device: str, module: str) -> None:
    register(house.runner, DEVICE, **house.known("by CA", GOOD))
    with pytest.raises(ConsoleError) as caught:
        house.ask(CERTIFICATES["good"], module, device)
    assert caught.value.code == "usage"
    with pytest.raises(ConsoleError) as caught:
        house.inspector.lint(str(house.folder / "device.pem"), device_id=f"{device}/{module}", at_hub=True)
    assert caught.value.code == "usage"


@pytest.mark.parametrize("device", ["a%2Fb", "x?y#z", "$edge'Hub", "%41"])
def test_ids_with_marks_are_asked_for_as_they_are(house: House, device: str) -> None:
    register(house.runner, device, **house.known("by CA", GOOD))
    found = house.ask([leaf(MIDDLE, device), MIDDLE], device=device)
    assert (found.answer, found.device_id) == (YES, device)

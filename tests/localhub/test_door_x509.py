"""Chains at the hub's door: what RFC 5280 and the documents let in is let in, all they do not promise is refused."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from support.chains import CLIENT, DAY, NOW, SERVER, Node, make, sha1, usage

from console.localhub.arm_certificates import put_certificate
from console.localhub.cloud_factory import new_cloud
from console.localhub.door_x509 import check_chain, check_thumbprint
from console.localhub.state import DeviceRecord, HubState, StoryClock

DEVICE = "press-1"
ROOT = make("Plants", ca=True, number=1)
MIDDLE = make("Issuing", ROOT, ca=True, number=2)
LATE = make("Issuing", ROOT, ca=True, number=2, not_after=NOW - DAY)  # the same CA's certificate before it was renewed
OLD_ROOT = make("Plants", ca=True, number=1, not_before=NOW - 900 * DAY, not_after=NOW - DAY)
SHA1_ROOT = sha1(make("Old hash", ca=True, number=3), make("Old hash", ca=True, number=3).key)
TIGHT = make("Tight", ca=True, number=4, path_length=0)
BELOW_TIGHT = make("Below", TIGHT, ca=True, number=5)
OWN = (x509.NameConstraints([x509.DNSName("plant.example")], [x509.DNSName("lab.plant.example")]), True)
NAMED = make("Named", ca=True, number=6, more=[OWN])
STRANGE = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), True)
NO_SIGNING = make("No signing", ROOT, ca=True, number=7, key_usage=usage("crl_sign"))
FOR_SERVERS = make("For servers", ROOT, ca=True, number=8, purposes=[SERVER])
WEAK = make("Weak", ROOT, ca=True, number=9, kind="rsa-1024")


def leaf(by: Node, subject: str | x509.Name = DEVICE, **more: object) -> Node:
    return make(subject, by, number=20, **more)  # type: ignore[arg-type]


def names(*common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one) for one in common])


def dns(name: str) -> list[x509.GeneralName]:
    return [x509.DNSName(name)]


@pytest.fixture
def hub() -> HubState:
    return next(iter(new_cloud(StoryClock(NOW)).hubs.values()))


def told(hub: HubState, chain: list[Node], *roots: Node) -> str:
    for number, root in enumerate(roots or (ROOT,)):
        put_certificate(hub, f"ca-{number}", root.der, NOW, verified=True)
    return check_chain(hub, DEVICE, [one.der for one in chain], NOW)


@pytest.mark.parametrize(
    ("chain", "roots"),
    [
        ([leaf(ROOT)], ()),
        ([leaf(MIDDLE), MIDDLE], ()),
        ([leaf(MIDDLE), ROOT, MIDDLE], ()),
        ([leaf(MIDDLE)], (MIDDLE,)),
        ([leaf(MIDDLE), LATE, MIDDLE], ()),
        ([leaf(ROOT)], (OLD_ROOT, ROOT)),
        ([leaf(SHA1_ROOT)], (SHA1_ROOT,)),
        ([leaf(TIGHT)], (TIGHT,)),
        ([leaf(NAMED, names=dns("press.plant.example"))], (NAMED,)),
        ([leaf(NAMED)], (NAMED,)),
        ([leaf(ROOT, purposes=[SERVER, CLIENT])], ()),
        ([leaf(ROOT, purposes=None, key_usage=None)], ()),
        ([leaf(ROOT, kind="rsa-2048")], ()),
        ([leaf(ROOT, kind="ec-p521")], ()),
    ],
    ids=[
        "root",
        "intermediate",
        "in another order",
        "intermediate at the hub",
        "its expired certificate sent, too",
        "its expired certificate at the hub, too",
        "a root's own signature does not count",
        "path length",
        "a permitted name",
        "no name to judge",
        "two purposes",
        "no extensions",
        "rsa-2048",
        "p-521",
    ],
)
def test_it_is_let_in(chain: list[Node], roots: tuple[Node, ...], hub: HubState) -> None:
    assert told(hub, chain, *roots) == ""


@pytest.mark.parametrize(
    ("chain", "roots"),
    [
        ([leaf(ROOT, names(DEVICE, "press-2"))], ()),
        ([leaf(ROOT, names("press-2", DEVICE))], ()),
        ([leaf(ROOT, names())], ()),
        ([leaf(ROOT, "Press-1")], ()),
        ([leaf(ROOT, kind="ed25519")], ()),
        ([leaf(ROOT, kind="rsa-1024")], ()),
        ([leaf(ROOT, kind="secp256k1")], ()),
        ([leaf(WEAK), WEAK], ()),
        ([sha1(leaf(ROOT), ROOT.key)], ()),
        ([leaf(ROOT, purposes=[SERVER])], ()),
        ([leaf(FOR_SERVERS), FOR_SERVERS], ()),
        ([leaf(ROOT, more=[STRANGE])], ()),
        ([leaf(NO_SIGNING), NO_SIGNING], ()),
        ([leaf(BELOW_TIGHT), BELOW_TIGHT], (TIGHT,)),
        ([leaf(NAMED, names=dns("press.other.example"))], (NAMED,)),
        ([leaf(NAMED, names=dns("x.lab.plant.example"))], (NAMED,)),
        ([leaf(ROOT)], (leaf(ROOT),)),
        ([leaf(leaf(ROOT, "press-0")), leaf(ROOT, "press-0")], ()),
        ([], ()),
    ],
    ids=[
        "two names",
        "two names, the other first",
        "no name",
        "case",
        "ed25519",
        "rsa-1024",
        "secp256k1",
        "weak issuer",
        "sha-1",
        "for servers",
        "issuer for servers",
        "critical and unknown",
        "issuer must not sign",
        "path too long",
        "another name",
        "excluded name",
        "itself at the hub",
        "by a device",
        "nothing",
    ],
)
def test_it_is_refused_without_a_reason(chain: list[Node], roots: tuple[Node, ...], hub: HubState) -> None:
    assert told(hub, chain, *roots).startswith("Authentication failed")


def test_an_expired_issuer_is_named(hub: HubState) -> None:
    assert "'Issuing' has expired" in told(hub, [leaf(LATE), LATE])


def test_a_chain_that_goes_round_ends(hub: HubState) -> None:
    one, other = names("A"), names("B")
    ring = [make((one, other)[n % 2], ca=True, number=40, issuer=(one, other)[(n + 1) % 2]) for n in range(60)]
    assert told(hub, [leaf(ring[0]), *ring]).startswith("Authentication failed")


@pytest.mark.parametrize(("kind", "fits"), [("rsa-2048", True), ("ed25519", False), ("rsa-1024", False)])
def test_any_certificate_will_do_for_a_thumbprint_whose_key_tls_takes(kind: str, fits: bool) -> None:
    own = make("anything", number=30, kind=kind, purposes=[SERVER])
    record = DeviceRecord(DEVICE, "1", auth="selfSigned", primary_thumbprint=hashlib.sha256(own.der).hexdigest())
    assert (check_thumbprint(record, [own.der], NOW) == "") is fits

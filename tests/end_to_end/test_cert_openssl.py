"""What the console issues, put before openssl and Python's ssl: every CA key type with every leaf key type."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.model.certificate import (
    CA_KEY_TYPES,
    LEAF_KEY_TYPES,
    AuthorityOrder,
    CertificateKind,
    Issued,
    KeyType,
    LeafOrder,
)
from console.model.secret import Secret
from console.rules import certificate_keys, certificate_requests, certificates
from console.services.pki import Pki

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
WORD = Secret("correct hörse")
ISSUERS = [(ca, below) for ca in CA_KEY_TYPES for below in (False, True)]
IDS = [f"{ca}-{'intermediate' if below else 'root'}" for ca, below in ISSUERS]


@dataclass(frozen=True)
class Chain:
    """An issuer with what it issued: a leaf of each key type, and a server."""

    folder: Path
    root: Path
    ca: str
    below: bool
    leaves: dict[KeyType, Issued]
    server: Issued

    def stem(self, issued: Issued) -> Path:
        found = issued.record.certificate_file
        assert found is not None
        return found.with_name(found.name.removesuffix(".cert.pem"))


def openssl(*arguments: str | Path, data: bytes | None = None) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=60, check=False)
    text = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    assert done.returncode == 0, text
    return text


@pytest.fixture(scope="module", autouse=True)
def keys_once() -> Iterator[None]:
    """Make one key of each type: RSA 4096 takes seconds, and here it is the certificates that count."""
    made: dict[KeyType, certificate_keys.SigningKey] = {}
    real = certificate_keys.generate

    def cached(key_type: KeyType) -> certificate_keys.SigningKey:
        if key_type not in made:
            made[key_type] = real(key_type)
        return made[key_type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificates, "generate", cached)
        patch.setattr(certificate_requests, "generate", cached)
        yield


@pytest.fixture(scope="module", params=ISSUERS, ids=IDS)
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    key_type, below = request.param
    folder = tmp_path_factory.mktemp("chain")
    pki = Pki(None, lambda: datetime.now(UTC))
    pki.create_root(AuthorityOrder("Plant Root é", key_type), folder / "root", None)
    ca = str(folder / "root")
    if below:
        pki.create_intermediate(
            AuthorityOrder("Plant Line 1", key_type, path_length=0), ca, folder / "line", None, WORD
        )
        ca = str(folder / "line")
    word = WORD if below else None
    leaves = {
        one: pki.issue(LeafOrder(CertificateKind.DEVICE, f"press-{one}", one), ca, folder / "out", word)
        for one in LEAF_KEY_TYPES
    }
    server = LeafOrder(CertificateKind.SERVER, "localhost", key_type, hosts=("localhost", "127.0.0.1"))
    return Chain(
        folder, folder / "root" / "ca.cert.pem", ca, below, leaves, pki.issue(server, ca, folder / "out", word)
    )


def test_openssl_verifies_each(chain: Chain) -> None:
    between = ["-untrusted", chain.folder / "line" / "chain.pem"] if chain.below else []
    for issued in chain.leaves.values():
        certificate = Path(f"{chain.stem(issued)}.cert.pem")
        assert "OK" in openssl("verify", "-CAfile", chain.root, *between, certificate)
        strict = ("-x509_strict", "-purpose", "sslclient", "-check_ss_sig")
        assert "OK" in openssl("verify", *strict, "-CAfile", chain.root, *between, certificate)
        whole = Path(f"{chain.stem(issued)}.chain.pem")
        assert "OK" in openssl("verify", *strict, "-CAfile", chain.root, "-untrusted", whole, whole)
    server = Path(f"{chain.stem(chain.server)}.cert.pem")
    strict = ("-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost", "-verify_ip", "127.0.0.1")
    assert "OK" in openssl("verify", *strict, "-CAfile", chain.root, *between, server)


def test_a_device_is_no_server_and_no_ca_for_openssl(chain: Chain) -> None:
    certificate = Path(f"{chain.stem(chain.leaves[KeyType.EC_P256])}.cert.pem")
    with pytest.raises(AssertionError, match="unsuitable certificate purpose"):
        openssl(
            "verify", "-purpose", "sslserver", "-CAfile", chain.root,
            *(["-untrusted", chain.folder / "line" / "chain.pem"] if chain.below else []), certificate,
        )  # fmt: skip


def test_openssl_reads_the_fields(chain: Chain) -> None:
    key_type = KeyType.EC_P256
    text = openssl("x509", "-in", f"{chain.stem(chain.leaves[key_type])}.cert.pem", "-noout", "-text")
    assert f"Subject: CN = press-{key_type}" in text
    flat = re.sub(r"\s+", " ", text)
    assert "Basic Constraints: critical CA:FALSE" in flat
    assert "Key Usage: critical Digital Signature X509v3 Extended" in flat
    assert "Extended Key Usage: TLS Web Client Authentication" in flat
    assert "Subject Key Identifier" in flat
    assert "Authority Key Identifier" in flat
    assert "Version: 3 (0x2)" in text
    for one, issued in chain.leaves.items():
        text = openssl("x509", "-in", f"{chain.stem(issued)}.cert.pem", "-noout", "-text", "-fingerprint", "-sha256")
        assert {"rsa": "rsaEncryption", "ec-": "id-ecPublicKey"}[one[:3]] in text
        assert (", Key Encipherment" in text) is one.startswith("rsa")
        assert issued.record.sha256 in text.replace(":", "")
    ca = openssl("x509", "-in", chain.root, "-noout", "-text", "-nameopt", "utf8")
    flat = re.sub(r"\s+", " ", ca)
    assert "Basic Constraints: critical CA:TRUE" in flat
    assert "Key Usage: critical Certificate Sign, CRL Sign" in flat


def test_keys_belong_to_their_certificates_for_openssl(chain: Chain) -> None:
    for issued in chain.leaves.values():
        stem = chain.stem(issued)
        of_key = openssl("pkey", "-in", f"{stem}.key.pem", "-pubout")
        assert of_key == openssl("x509", "-in", f"{stem}.cert.pem", "-noout", "-pubkey")


def test_openssl_is_let_in_by_python(chain: Chain) -> None:
    """Mutual TLS 1.2, as IoT Hub speaks it: each leaf by `openssl s_client` to a Python server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(f"{chain.stem(chain.server)}.chain.pem", f"{chain.stem(chain.server)}.key.pem")
    context.load_verify_locations(chain.root)
    context.verify_mode = ssl.CERT_REQUIRED
    for key_type, issued in chain.leaves.items():
        names: list[object] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            thread = threading.Thread(target=_answer, args=(listener, context, names))
            thread.start()
            stem = chain.stem(issued)
            text = openssl(
                "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-verify_return_error",
                "-CAfile", chain.root, "-cert", f"{stem}.cert.pem", "-key", f"{stem}.key.pem",
                "-cert_chain", f"{stem}.chain.pem", "-verify_hostname", "localhost", data=b"",
            )  # fmt: skip
            thread.join(30)
        assert "Verify return code: 0 (ok)" in text
        assert names == [f"press-{key_type}"]


def _answer(listener: socket.socket, context: ssl.SSLContext, names: list[object]) -> None:
    listener.settimeout(30)
    plain, _ = listener.accept()
    with plain:
        plain.settimeout(30)
        try:
            with context.wrap_socket(plain, server_side=True) as stream:
                found = stream.getpeercert()
                names.append(found["subject"][0][0][1] if found else None)
                stream.unwrap()
        except (OSError, ssl.SSLError) as error:
            names.append(error)


def test_python_is_let_in_by_openssl(chain: Chain) -> None:
    stem = chain.stem(chain.server)
    server = subprocess.Popen(
        [
            "openssl", "s_server", "-4", "-accept", "0", "-naccept", str(len(chain.leaves)), "-tls1_2", "-www",
            "-cert", f"{stem}.cert.pem", "-key", f"{stem}.key.pem", "-cert_chain", f"{stem}.chain.pem",
            "-CAfile", str(chain.root), "-Verify", "3", "-verify_return_error",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        port = 0
        for line in server.stdout:
            if match := re.search(rb"ACCEPT .*:(\d+)", line):
                port = int(match[1])
                break
        assert port
        for issued in chain.leaves.values():
            context = ssl.create_default_context(cafile=str(chain.root))
            context.load_cert_chain(f"{chain.stem(issued)}.chain.pem", f"{chain.stem(issued)}.key.pem")
            with (
                socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as stream,
            ):
                stream.sendall(b"GET / HTTP/1.0\r\n\r\n")
                page = b""
                while part := stream.recv(65536):
                    page += part
            assert Path(f"{chain.stem(issued)}.cert.pem").read_bytes() in page  # it shows whom it let in
    finally:
        server.kill()
        server.wait()
        server.stdout.close()  # type: ignore[union-attr]


# --- keys and requests ---------------------------------------------------------------------------------------------


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    tool = Pki(None, lambda: datetime.now(UTC))
    tool.create_root(AuthorityOrder("Root"), tmp_path / "ca", WORD)
    return tool


def test_openssl_opens_locked_keys_and_sees_how_they_are_locked(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "word").write_text(WORD.reveal() + "\n", encoding="utf-8")
    asked = f"file:{tmp_path / 'word'}"
    key = tmp_path / "ca" / "ca.key.pem"
    assert openssl("pkey", "-in", key, "-passin", asked, "-pubout") == openssl(
        "x509", "-in", tmp_path / "ca" / "ca.cert.pem", "-noout", "-pubkey"
    )
    shape = openssl("asn1parse", "-in", key)
    for part in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", f":{certificate_keys.ITERATIONS:06X}"):
        assert part in shape, shape
    with pytest.raises(AssertionError):
        openssl("pkey", "-in", key, "-passin", "pass:wrong", "-noout")


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("key_type", [KeyType.EC_P384, KeyType.RSA_3072])
def test_openssl_opens_the_pkcs12(pki: Pki, tmp_path: Path, key_type: KeyType, locked: bool) -> None:
    order = LeafOrder(CertificateKind.DEVICE, "d1", key_type, pkcs12=True)
    files = dict(pki.issue(order, str(tmp_path / "ca"), tmp_path / "out", WORD, WORD if locked else None).files)
    (tmp_path / "word").write_text(WORD.reveal() + "\n" if locked else "\n", encoding="utf-8")
    text = openssl("pkcs12", "-in", files["PKCS#12"], "-passin", f"file:{tmp_path / 'word'}", "-nodes", "-info")
    assert text.count("BEGIN CERTIFICATE") == 2
    assert "BEGIN PRIVATE KEY" in text
    assert ("AES-256-CBC" in text) is locked
    if locked:
        with pytest.raises(AssertionError):
            openssl("pkcs12", "-in", files["PKCS#12"], "-passin", "pass:wrong", "-nodes")


@pytest.mark.parametrize("options", [["-newkey", "rsa:2048"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]])
def test_a_request_by_openssl_is_signed(pki: Pki, tmp_path: Path, options: list[str]) -> None:
    evil = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "subjectAltName=DNS:bank.example")
    openssl(
        "req", "-new", *options, "-nodes", "-keyout", tmp_path / "k.pem", "-subj", "/O=Evil/CN=d1", *evil,
        "-out", tmp_path / "r.pem",
    )  # fmt: skip
    issued = pki.sign((tmp_path / "r.pem").read_bytes(), str(tmp_path / "ca"), tmp_path / "out", ca_passphrase=WORD)
    assert "basicConstraints" in issued.notes[0]
    text = openssl("x509", "-in", tmp_path / "out" / "d1.cert.pem", "-noout", "-text")
    assert "Subject: CN = d1\n" in text
    assert "CA:TRUE" not in text
    assert "bank.example" not in text
    assert "OK" in openssl(
        "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", tmp_path / "ca" / "ca.cert.pem",
        tmp_path / "out" / "d1.cert.pem",
    )  # fmt: skip


def test_openssl_accepts_our_request_and_refuses_long_names_as_we_do(pki: Pki, tmp_path: Path) -> None:
    pki.request(LeafOrder(CertificateKind.SERVER, "gw.lab", hosts=("gw.lab", "10.0.0.1")), tmp_path / "out")
    text = openssl("req", "-in", tmp_path / "out" / "gw.lab.csr.pem", "-noout", "-verify", "-text")
    assert "DNS:gw.lab, IP Address:10.0.0.1" in text
    with pytest.raises(AssertionError, match="maxsize=64"):
        openssl("req", "-new", "-key", tmp_path / "out" / "gw.lab.key.pem", "-subj", f"/CN={'d' * 65}")


def test_name_constraints_hold_for_openssl(tmp_path: Path) -> None:
    tool = Pki(None, lambda: datetime.now(UTC))
    tool.create_root(AuthorityOrder("Root", permitted_names=("example.org",)), tmp_path / "ca", None)
    ca = str(tmp_path / "ca")
    tool.issue(LeafOrder(CertificateKind.SERVER, "a.example.org"), ca, tmp_path / "out")
    tool.issue(LeafOrder(CertificateKind.DEVICE, "device001"), ca, tmp_path / "out")
    noted = tool.issue(LeafOrder(CertificateKind.DEVICE, "device.with.dots"), ca, tmp_path / "out")
    root = tmp_path / "ca" / "ca.cert.pem"
    for name in ("a.example.org", "device001"):
        assert "OK" in openssl("verify", "-x509_strict", "-CAfile", root, tmp_path / "out" / f"{name}.cert.pem")
    assert noted.notes
    with pytest.raises(AssertionError, match="permitted subtree"):
        openssl("verify", "-CAfile", root, tmp_path / "out" / "device.with.dots.cert.pem")


def test_the_proof_is_valid_for_openssl(pki: Pki, tmp_path: Path) -> None:
    code = "75B86466DA34D2B04C0C4C9557A119687ADAE7D4732BDDB3"
    (tmp_path / "proof.pem").write_bytes(pki.proof(str(tmp_path / "ca"), code, WORD))
    assert "OK" in openssl("verify", "-CAfile", tmp_path / "ca" / "ca.cert.pem", tmp_path / "proof.pem")
    assert f"CN = {code}" in openssl("x509", "-in", tmp_path / "proof.pem", "-noout", "-subject")

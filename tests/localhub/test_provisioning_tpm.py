"""What the desk wraps for a TPM is opened by a TPM (swtpm), by that one alone, and has the service's order."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.localhub.provisioning_tpm import TpmError, authentication_key, read_storage_key
from console.localhub.tpm_reader import Reader, sized
from tests.support.tpm import EK, SRK, SoftwareTpm, needs_software_tpm

KEY = bytes(range(32))
# Of an answer that the comments of Microsoft's Java device client quote (OperationsRegistrationStatusTPMParser).
PUBLISHED_SIZES = (52, 256, 142, 256, 48)


@pytest.fixture(scope="module")
def tpm():
    with SoftwareTpm() as one:
        yield one


@pytest.fixture(scope="module")
def keys(tpm):
    """The two RSA keys of the standard templates."""
    return tpm.endorsement_key(), tpm.storage_root_key()


def parts(blob: bytes) -> list[bytes]:
    reader = Reader(blob)
    found = [reader.sized() for _ in range(6)]
    reader.end()
    return found


def opened(tpm, blob, endorsement=EK, storage_root=SRK) -> None:
    """Do what a device does with an answer, by the tools alone; the key is then in the TPM as `identity.ctx`."""
    credential, credential_seed, duplicate, seed, public, _told = parts(blob)
    # tpm2-tools' own file of a credential: a magic number and a version before the two
    (tpm.folder / "blob").write_bytes(bytes.fromhex("badcc0de00000001") + sized(credential) + sized(credential_seed))
    (tpm.folder / "dup").write_bytes(sized(duplicate))
    (tpm.folder / "seed").write_bytes(sized(seed))
    (tpm.folder / "pub").write_bytes(sized(public))
    tpm.run("tpm2_startauthsession", "--policy-session", "-S", "session")
    tpm.run("tpm2_policysecret", "-S", "session", "-c", "e")
    tpm.run(
        *("tpm2_activatecredential", "-c", storage_root, "-C", endorsement),
        *("-i", "blob", "-o", "wrapping", "-P", "session:session"),
    )
    tpm.flush()
    tpm.run(
        "tpm2_import", *("-C", storage_root, "-i", "dup", "-u", "pub", "-s", "seed", "-k", "wrapping", "-r", "priv")
    )
    tpm.flush()
    tpm.run("tpm2_load", "-C", storage_root, "-u", "pub", "-r", "priv", "-c", "identity.ctx")


def signed(tpm, message: bytes) -> bytes:
    tpm.flush()
    return tpm.run("tpm2_hmac", "-c", "identity.ctx", "-g", "sha256", data=message)


@needs_software_tpm
def test_the_tpm_signs_with_the_key_that_was_wrapped_for_it(tpm, keys):
    blob = authentication_key(*map(read_storage_key, keys), KEY, "0ne00000000/registrations/press-1")
    opened(tpm, blob)
    message = b"0ne00000000%2Fregistrations%2Fpress-1\n1764040000"
    assert signed(tpm, message) == hmac.new(KEY, message, hashlib.sha256).digest()


@needs_software_tpm
def test_elliptic_curve_keys_of_a_tpm_serve_as_well(tpm):
    tpm.run("tpm2_createek", "-c", "0x81010009", "-G", "ecc", "-u", "ecc-ek.pub")
    tpm.flush()
    attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"
    tpm.run("tpm2_createprimary", "-C", "o", "-G", "ecc256:aes128cfb", "-a", attributes, "-c", "ecc.ctx")
    tpm.run("tpm2_evictcontrol", "-C", "o", "-c", "ecc.ctx", "0x81000009")
    tpm.flush()
    endorsement, root = tpm.public("0x81010009"), tpm.public("0x81000009")
    opened(
        tpm,
        authentication_key(read_storage_key(endorsement), read_storage_key(root), KEY, "x"),
        "0x81010009",
        "0x81000009",
    )
    assert signed(tpm, b"m") == hmac.new(KEY, b"m", hashlib.sha256).digest()


@needs_software_tpm
def test_another_tpm_cannot_open_it(tpm, keys):
    blob = authentication_key(*map(read_storage_key, keys), KEY, "x")
    with SoftwareTpm() as stranger:
        stranger.endorsement_key()
        stranger.storage_root_key()
        with pytest.raises(AssertionError, match="activatecredential"):
            opened(stranger, blob)


@needs_software_tpm
def test_the_name_of_a_key_is_the_one_its_tpm_gives_it(tpm, keys):
    tpm.run("tpm2_readpublic", "-c", SRK, "-n", "name")
    tpm.flush()
    assert read_storage_key(keys[1]).name == tpm.file("name")


@needs_software_tpm
def test_the_blob_has_the_sizes_of_a_published_answer(keys):
    found = parts(authentication_key(*map(read_storage_key, keys), KEY, "x" * 54))
    assert tuple(map(len, found)) == (*PUBLISHED_SIZES, 108)
    assert found[4][:16].hex() == "0008000b0004044000000005000b0020"  # the identity key's public area, as published


@needs_software_tpm
def test_a_key_of_another_kind_is_refused_with_a_sentence(tpm):
    attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"
    tpm.run("tpm2_createprimary", "-C", "o", "-G", "rsa2048:null", "-a", attributes, "-c", "sign.ctx")
    tpm.run("tpm2_readpublic", "-c", "sign.ctx", "-f", "tss", "-o", "sign.pub")
    tpm.flush()
    with pytest.raises(TpmError, match="no storage key"):
        read_storage_key(tpm.file("sign.pub"))


# The public part of an endorsement key from azure-iot-sdk-c#271.
PUBLIC = base64.b64decode(
    "AToAAQALAAMAsgAgg3GXZ0SEs/gakMyNRqXXJP1S124GUgtk8qHaGzMUaaoABgCAAEMAEAgAAAAAAAEAopqgkUBwtpr1sCgVJcEZxsJtpmtOAt9K"
    "7SjGFe4hsp6DJ/dd2E5UFzBC+Jp8Fzqf5ukRBkqrAgIuAvHRsruIedk1uarJSLhbDpFLHxFd7iDNcYfrvdgVNT2T9zrvkh2y04WuRQg2D5qf0tZF"
    "82jeTjR/YJK7uWhaRwWOwZ3b1XD9l6wFOrwK/Ic0PEsjneFXQzL0n9uKyuHmHNz+wHppmOiMAabvnXXEin9ou7/iowY/+YhFm3j7atsVvxMI5HEM"
    "3Mq+W4imUuzPxVX7fZH+oWPKP5ofpWBTf+MdttGby1AjGnv8JE69JriOYoZG2/4qbsfv9M7a7NFrBlaW7Rt36w=="
)


def test_a_published_endorsement_key_is_read():
    assert read_storage_key(PUBLIC).public.key_size == 2048


@given(st.one_of(st.binary(max_size=400), st.tuples(st.integers(0, 315), st.integers(0, 255))))
def test_other_bytes_are_refused_and_nothing_else_happens(change):
    if isinstance(change, tuple):
        spoiled = bytearray(PUBLIC)
        spoiled[change[0]] = change[1]
        change = bytes(spoiled)
    try:
        read_storage_key(change)
    except TpmError as error:
        assert str(error)

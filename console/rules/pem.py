"""PEM armour and bare base64, as they come out of programs, chats and JSON; and a guess at what is neither."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

from console.rules.other_files import what_is

_BEGIN, _END = b"-----BEGIN ", b"-----END "
_LABEL = re.compile(rb"([^\r\n-]{1,64})-----")
_PKCS7 = bytes.fromhex("06092a864886f70d0107")
_ALMOST_BEGIN = re.compile(rb"-{2,9}[ \t]*BEGIN[ \t_-]{0,4}([^\r\n-]{0,64})")
_ALMOST_END = re.compile(rb"-{2,9}[ \t]*END[ \t_-]{0,4}([^\r\n-]{0,64})")
_CERTIFICATES = re.compile(r"CERT|X\.?509(?! CRL)|PKCS ?#?7|CMS", re.IGNORECASE)
_LABELS = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7")
_ALIKE = 0.6
_DULL = 24
"""So few signs are a line of dashes or letters, and no base64."""
_MOST_LOOKED = 500
_OTHERS = re.compile(r"KEY|PARAM|CRL|PGP|SSH|OCSP|MESSAGE|SIGN|SESSION|TIME|OPENVPN|TOKEN", re.IGNORECASE)
_REQUESTS = re.compile(r"REQUEST", re.IGNORECASE)
_BASE64_SEQUENCE = re.compile(rb"MI[A-Za-z0-9+/]{18}")
_BASE64_LINES = re.compile(rb"[A-Za-z0-9+/=\s\\>#]+")
_BASE64_BODY = re.compile(rb"(?:(?<=\n)|^)(?:[ \t>#*|]*[A-Za-z0-9+/]{60,76}[ \t]*\r?\n){3,}[A-Za-z0-9+/=\s]*")
"""Three such lines and more are the inside of something, also where its beginning was lost."""
_HEX_SEQUENCE = re.compile(rb"(?i)(?<![0-9a-f])30[\s:,]{0,2}(?:0x)?8[0-4](?:[\s:,]{0,3}(?:0x)?[0-9a-f]{2}){13}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_MARKS = (
    (b"PK\x03\x04", "it is a ZIP archive"),
    (b"\xfe\xed\xfe\xed", "it is a Java key store"),
    (b"\xce\xce\xce\xce", "it is a Java key store"),
    (b"\x7fELF", "it is a program"),
    (b"\x89PNG", "it is a picture"),
    (b"\x1f\x8b", "it is compressed (gzip)"),
    (b"SQLite format 3", "it is a database"),
    (b"{", "it is JSON without a certificate in it"),
    (b"[", "it is JSON without a certificate in it"),
    (b"<", "it is a web page or XML"),
    (b"---- BEGIN SSH2", "it is an SSH key"),
    (b"\x99\x01", "it is a PGP key"),
    (b"-----BEGIN PGP", "it is of PGP: a key or a message"),
    (b"ssh-", "it is an SSH key"),
    (b"ecdsa-sha2", "it is an SSH key"),
    (b"SharedAccessSignature", "it is a token: hubwarden sas inspect reads it"),
    (b"HostName=", "it is a connection string: hubwarden sas inspect reads it"),
)


@dataclass(frozen=True)
class Block:
    """One armoured block: its label, what stands between the lines, why it is not whole, whether it is encrypted.

    Encrypted is meant in the old way: by a header.
    """

    label: str
    body: bytes
    flaw: str = ""
    encrypted: bool = False
    ending: str = ""  # the label of its end line, where that is another

    @property
    def for_certificates(self) -> bool:
        """Whether its label promises certificates, however it is spelled."""
        return bool(_CERTIFICATES.search(self.label)) and not self.for_request

    @property
    def for_others(self) -> bool:
        """Whether its label promises something else."""
        return bool(_OTHERS.search(self.label)) and not self.for_certificates

    @property
    def suspicious(self) -> bool:
        """Whether it may have been one of certificates before its label was damaged."""
        if self.for_certificates or not self.label.strip() or _CERTIFICATES.search(self.ending):
            return True
        label = self.label.upper()
        alike = any(SequenceMatcher(None, label, one).ratio() >= _ALIKE for one in _LABELS)
        return alike and not self.for_others

    @property
    def for_request(self) -> bool:
        """Whether its label promises a request."""
        return bool(_REQUESTS.search(self.label))


def text_of(data: bytes) -> bytes:
    """Return text as ASCII-like bytes: UTF-16 and byte order marks undone, and the line feeds of JSON strings."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            data = data[2:].decode(encoding, "replace").encode("utf-8", "replace")
    dashes = data.find(b"-\0-\0-\0-\0-")
    if dashes >= 0:  # UTF-16 without its mark: which half of a letter comes first tells the order
        data = data.decode("utf-16-be" if dashes % 2 else "utf-16-le", "replace").encode("utf-8", "replace")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\\n" in data:
        data = data.replace(b"\\r", b"").replace(b"\\n", b"\n")
    return data


def blocks(text: bytes) -> Iterator[Block]:
    """Yield the blocks in order; one that is not whole says why in `flaw`.

    Lines that are almost those of a certificate's block count as such: what openssl passes over in silence, and takes
    the next block instead.
    """
    at, gap = text.find(_BEGIN), 0
    while at >= 0:
        yield from _broken(text[gap:at])
        following = text.find(_BEGIN, at + len(_BEGIN))
        limit = len(text) if following < 0 else following
        label = _LABEL.match(text, at + len(_BEGIN))
        if label is None:
            yield from _broken(text[at:limit])
            gap = limit
        else:
            block, gap = _block(text, label, limit)
            yield block
        at = following
    yield from _broken(text[gap:])


def _block(text: bytes, label: re.Match[bytes], limit: int) -> tuple[Block, int]:
    """Return the block whose label was met, and where it ends; `limit` is where the next one begins."""
    name = label[1].decode("ascii", "replace")
    end = text.find(_END, label.end(), limit)
    if end < 0:
        body, flaw, after, ending = b"", "it has no end line", limit, ""
    else:
        body, flaw, after, ending = text[label.end() : end], "", end + len(_END), ""
        if not text.startswith(label[1] + b"-----", after):
            ending = text[after : after + 64].partition(b"\n")[0].decode("ascii", "replace").strip("-\r ")
            flaw, after = "its end line is another one's", limit
    encrypted = name.startswith("ENCRYPTED") or b"ENCRYPTED" in body[:200]
    return Block(name, body, flaw, encrypted, ending), after


def _broken(text: bytes) -> Iterator[Block]:
    """Yield what stands between blocks and was one of a certificate before its lines were damaged, or lost."""
    found = False
    for one in _damaged_lines(text):
        found = True
        yield one
    if not found:
        yield from _bare(text)


def _bare(text: bytes) -> Iterator[Block]:
    """Yield what begins like a certificate in base64 without any line before it that is a block's."""
    after = 0
    for found in _BASE64_SEQUENCE.finditer(text):
        if found.start() >= after and begins_certificate(base64.b64decode(found[0])):
            run = _BASE64_LINES.match(text, found.start())
            after = run.end() if run else found.end()
            yield Block("", b"", "it is base64 that stands outside of any block")
    for found in _BASE64_BODY.finditer(text):
        if found.start() >= after and len(set(found[0])) > _DULL:
            yield Block("", b"", "it is base64 that stands outside of any block")
    after = 0
    for found in _HEX_SEQUENCE.finditer(text):
        digits = re.sub(rb"(?i)0x|[^0-9a-f]", b"", found[0])
        if found.start() >= after and begins_certificate(bytes.fromhex(digits.decode())):
            yield Block("", b"", "it is a hex dump that stands outside of any block")
            break  # what is inside may look like another's beginning


def begins_certificate(der: bytes) -> bool:
    """Say whether the first bytes of DER (15 are enough) are those of a certificate, or of PKCS#7."""
    at = 0
    for _ in range(2):
        if der[at : at + 1] != b"\x30" or at + 2 > len(der):
            return at > 0 and der[at : at + len(_PKCS7)] == _PKCS7
        at += 2 + (der[at + 1] & 0x7F if der[at + 1] & 0x80 else 0)
    # a number there is the serial number of version 1; 0 is the version of a request
    return der[at : at + 3] == b"\xa0\x03\x02" or (der[at : at + 1] == b"\x02" and der[at + 1 : at + 2] > b"\x01")


def _damaged_lines(text: bytes) -> Iterator[Block]:
    """Yield what has lines that are almost a block's."""
    at, looked, ends = 0, 0, True
    while looked < _MOST_LOOKED and (found := _ALMOST_BEGIN.search(text, at)) is not None:
        looked += 1
        end = _ALMOST_END.search(text, found.end()) if ends else None
        ends = end is not None
        at = found.end() if end is None else end.end()
        yield from _suspicious("its first line is damaged", found, *([end] if end is not None else []))
    for found in islice(_ALMOST_END.finditer(text, at), _MOST_LOOKED):
        looked += 1
        yield from _suspicious("it has no first line", found)
    if looked >= _MOST_LOOKED:
        yield Block("", b"", f"more than {_MOST_LOOKED} of its lines look like the first and last ones of blocks")


def _suspicious(flaw: str, *lines: re.Match[bytes]) -> Iterator[Block]:
    """Yield the block that begins or ends with lines that are damaged, when one of them may be a certificate's."""
    made = [Block(line[1].decode("ascii", "replace").strip(), b"", flaw) for line in lines]
    yield from [one for one in made if one.suspicious][:1]


def decoded(body: bytes) -> bytes | None:
    """Return what a block's base64 stands for, None when it is no base64; old headers (Name: value) are left out."""
    lines = [line for line in body.split(b"\n") if b":" not in line]
    try:
        return base64.b64decode(b"".join(b"".join(lines).split()), validate=True)
    except binascii.Error:
        return None


def unarmoured(text: bytes) -> bytes:
    """Return what bare base64 stands for (quotes, commas and blanks around and inside do not count), else nothing."""
    plain = b"".join(text.split()).strip(b"\"',;")
    if not _BASE64.fullmatch(plain):
        return b""
    plain = plain.replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return b""


def guess(data: bytes) -> str:
    """Return what bytes without any certificate seem to be, as the reason in a sentence."""
    if not data.strip():
        return "it is empty"
    text = text_of(data)
    start = text.lstrip()[:64]
    for mark, words in _MARKS:
        if start.startswith(mark):
            return "it is a key in JSON (JWK)" if words.startswith("it is JSON") and b'"kty"' in text else words
    if what := what_is(data):
        return f"it is {what}"
    if data[:1] == b"\x30":
        return "it begins like DER, but is damaged or cut off"
    if _BEGIN in text:
        return "the PEM in it is damaged"
    if unarmoured(text):
        return "it is base64 of something else"
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in text[:512]):
        return "it is text without a certificate in it"
    return "it is binary data of an unknown kind"

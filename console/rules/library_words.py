"""What the cryptography library complains about, in our words: none of its own reaches anybody."""

from __future__ import annotations

import re

from console.rules.object_names import CURVES, KEYS, signature_word

_KIND = re.compile(r"ParseError \{ kind: (\w+)")
_KINDS = {
    "ExtraData": "something follows where nothing belongs",
    "UnexpectedTag": "a part of it is of another kind than belongs there",
    "InvalidTag": "a part of it is of no known kind",
    "InvalidValue": "a value in it is not written as it must be",
    "InvalidLength": "a length in it is wrong, or not written in its shortest form",
    "InvalidSize": "a list in it has too few or too many parts",
    "ShortData": "it ends too early",
    "EncodedDefault": "a value is written out that must be left out",
    "InvalidSetOrdering": "parts that stand together are unsorted",
    "IntegerOverflow": "a number in it is too large",
    "OidTooLong": "an object identifier in it is too long",
    "UnknownDefinedBy": "a part of it is of a kind that is not known here",
}
_UNKNOWN_KEY = re.compile(r"[Uu]nknown key type: ([\d.]+)")
_UNKNOWN_SIGNATURE = re.compile(r"Signature algorithm OID: ([\d.]+)")
_UNKNOWN_CURVE = re.compile(r"[Cc]urve ([\w.-]{1,40}) is not supported")
_WORDS = (
    (re.compile("password|decrypt", re.I), "the password is wrong or missing, or it is damaged"),
    (re.compile("PSS"), "its RSA-PSS parameters are not known here"),
    (re.compile("explicit", re.I), "it spells out its curve instead of naming it"),
    (re.compile("curve", re.I), "its curve is not known here"),
    (re.compile("[Nn]etmask|IPNetwork|IP address"), "an address in it is not written as one"),
    (re.compile("path_length"), "it limits the path length, though it is no CA"),
    (re.compile("x400|EDI", re.I), "it has names of a kind that is not known here (X.400 or EDI)"),
    (re.compile("SCT"), "its list of logged timestamps is not written as one"),
    (re.compile("[Dd]uplicate"), "an extension is there twice"),
    (re.compile("version", re.I), "its version is not known here"),
    (re.compile("_subtrees"), "it limits names, and names none"),
    (re.compile("key size|too small|at least|bits", re.I), "its key is of a size that is not taken"),
    (re.compile("point|public exponent|modulus|Invalid key|public key", re.I), "its key is damaged"),
    (re.compile("[Uu]nsupported|not supported|[Uu]nknown|recognized"), "it is of a kind that is not known here"),
)


def in_our_words(error: BaseException) -> str:
    """Return what a complaint of the library means, as a part of a sentence; never its own text."""
    text = str(error)
    if found := _KIND.search(text):
        return _KINDS.get(found[1], "it is not written as it must be")
    if found := _UNKNOWN_KEY.search(text):
        return f"its kind is not known here: {KEYS.get(found[1], found[1])}"
    if found := _UNKNOWN_SIGNATURE.search(text):
        return f"not known here: {signature_word(found[1])}"
    if found := _UNKNOWN_CURVE.search(text):
        return f"its curve is not known here: {CURVES.get(found[1], found[1])}"
    for pattern, words in _WORDS:
        if pattern.search(text):
            return words
    return "it is not written as it must be"
